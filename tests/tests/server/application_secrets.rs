//! The secrets of organizations' applications at their pages: made anew, and ended.

use paylent_domain::{Clock as _, application::SecretOverlap};
use paylent_tests::both;

use crate::support::{TestServer, account::at_home, applications::*, browser::*, oauth::CLIENT_CREDENTIALS};

both! {
    async fn a_secret_is_rotated_with_an_overlap_and_shown_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, for_credentials_here).await.client;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let page = browser.get(&own).await.is(200);
        let offered = SecretOverlap::ALL.map(|overlap| format!("<option value=\"{}\">", overlap.as_str()));
        assert!(offered.iter().all(|option| page.text.contains(option)), "{}", page.text);
        let rotate = [("action", "rotate"), ("overlap", "24h")];
        is_page(&browser.submit_from(&page, &own, &[("action", "rotate"), ("overlap", "1y")]).await, 422);
        let told = browser.submit_from(&page, &own, &rotate).await;
        is_page(&told, 200);
        assert!(told.text.contains("The old secret works until"));
        let (old, new) = (application.credentials.clone(), (application.credentials.0.clone(), element(&told, "client-secret")));
        // The page loaded again rotates nothing more.
        let again = browser.submit_from(&page, &own, &rotate).await.is(409);
        assert!(!again.text.contains("client-secret"));
        assert!(!browser.get(&own).await.is(200).text.contains(&new.1));
        let status = async |credentials: &(String, String)| {
            server.oauth(&server.acme, "/oauth/token", credentials, CLIENT_CREDENTIALS).await.status
        };
        assert_eq!((status(&old).await, status(&new).await), (200, 200));
        server.clock.advance_seconds(86_401);
        assert_eq!((status(&old).await, status(&new).await), (401, 200));
        let mut current = new;
        for overlap in SecretOverlap::ALL {
            // Somebody who comes again: no session lasts for all of this.
            let browser = at_home(&server, EMAIL).await;
            let told = browser.submit(&own, &own, &[("action", "rotate"), ("overlap", overlap.as_str())]).await.is(200);
            let new = (current.0.clone(), element(&told, "client-secret"));
            assert_eq!(told.text.contains("The old secret works until"), overlap != SecretOverlap::None);
            if overlap.seconds() > 0 {
                server.clock.advance_seconds(overlap.seconds() - 1);
                assert_eq!((status(&current).await, status(&new).await), (200, 200), "{overlap:?}: to the end");
                server.clock.advance_seconds(1);
            }
            assert_eq!((status(&current).await, status(&new).await), (401, 200), "{overlap:?}");
            current = new;
        }
    }

    /// Whoever looks at an application sees that an older secret still works, and can end it.
    async fn the_secret_before_is_told_of_and_ended(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, for_credentials_here).await.client;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let until = server.clock.now().plus_seconds(86_400).to_string();
        let sentence = "The secret before works until";
        let expire = [("action", "expire")];
        let first = browser.get(&own).await.is(200);
        assert!(!first.text.contains(sentence));
        let told = browser.submit(&own, &own, &[("action", "rotate"), ("overlap", "24h")]).await.is(200);
        let (old, new) = (application.credentials.clone(), (application.credentials.0.clone(), element(&told, "client-secret")));
        let status = async |credentials: &(String, String)| {
            server.oauth(&server.acme, "/oauth/token", credentials, CLIENT_CREDENTIALS).await.status
        };
        let page = browser.get(&own).await.is(200);
        assert!(page.text.contains(sentence) && page.text.contains(&format!("datetime=\"{until}\"")), "{}", page.text);
        assert!(page.text.contains("End it now"), "{}", page.text);
        assert_eq!((status(&old).await, status(&new).await), (200, 200));
        // The page from before the rotation ends nothing.
        let before = database.dump().await;
        is_page(&browser.submit_from(&first, &own, &expire).await, 409);
        assert_eq!(database.dump().await, before);
        let ended = browser.submit_from(&page, &own, &expire).await;
        assert_eq!((ended.status, ended.header("location")), (303, format!("{own}?secret-ended").as_str()), "{}", ended.text);
        assert_eq!((status(&old).await, status(&new).await), (401, 200));
        let after = browser.get(ended.header("location")).await.is(200);
        assert!(after.text.contains("The secret before was ended.") && !after.text.contains(sentence), "{}", after.text);
        let told = "audit_events WHERE action = 'application.previous_secret_expired' AND actor_type = 'user'";
        assert_eq!(database.count(told).await, 1);
        // There is nothing to end any more, and nothing to tell.
        browser.submit_from(&after, &own, &expire).await.is(303);
        assert_eq!(database.count(told).await, 1);
        // What ends by itself is not shown for longer than it works.
        browser.submit(&own, &own, &[("action", "rotate"), ("overlap", "1h")]).await.is(200);
        server.clock.advance_seconds(3_599);
        assert!(browser.get(&own).await.is(200).text.contains(sentence));
        server.clock.advance_seconds(1);
        assert!(!browser.get(&own).await.is(200).text.contains(sentence));
    }
}
