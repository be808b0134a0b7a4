//! Where a person is signed in, and how that ends. Catalogue section A11.

use paylent_tests::both;

use crate::support::{TestServer, account::*, browser::*};

/// The ids of the sessions that can be ended here.
fn others(page: &crate::support::Reply) -> Vec<String> {
    let ids = page.text.split("name=\"session\" value=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    ids.filter(|id| !["others", "all"].contains(id)).map(str::to_owned).collect()
}

both! {
    async fn se_list_a_person_sees_and_ends_only_their_own_sessions(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let (browser, elsewhere) = (Browser::new(&server), Browser::new(&server));
        browser.code(&client).await;
        let tokens = elsewhere.tokens(&client).await;
        let eve = at_home(&server, "eve@example.com").await;
        let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";
        database.execute(&format!("UPDATE sessions SET user_agent = '{agent}'")).await;
        let page = browser.get("/account/sessions").await;
        is_page(&page, 200);
        assert!(page.text.contains("Firefox on Windows") && page.text.contains("127.0.0.1"), "{}", page.text);
        assert_eq!((page.text.matches("This browser").count(), others(&page).len()), (1, 1));
        for secret in [&browser, &elsewhere].map(|browser| browser.cookie(SESSION).unwrap()) {
            assert!(!page.text.contains(&secret), "neither token nor hash");
        }
        let theirs = others(&page).remove(0);
        let before = database.dump().await;
        for id in [theirs.as_str(), "00000000-0000-7000-8000-000000000000"] {
            is_page(&fill_in(&eve, "/account/sessions", &[("session", id)]).await, 404);
        }
        is_page(&fill_in(&eve, "/account/sessions", &[("session", "x")]).await, 400);
        assert_eq!(database.dump().await, before);
        let reply = fill_in(&browser, "/account/sessions", &[("session", &theirs)]).await;
        let page = is_done(&browser, &reply, "/account/sessions").await;
        assert!(others(&page).is_empty() && !elsewhere.is_signed_in(&client).await && browser.is_signed_in(&client).await);
        elsewhere.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(database.count("audit_events WHERE action = 'session.revoked' AND actor_type = 'user'").await, 1);
        is_page(&fill_in(&browser, "/account/sessions", &[("session", &theirs)]).await, 404);
        assert_eq!(eve.get("/account").await.status, 200);
    }

    async fn se_logout_everywhere_else_and_everywhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let uri = "https://app.example.com/out";
        database.execute(&format!("UPDATE clients SET backchannel_logout_uri = '{uri}' WHERE name = 'Ledger'")).await;
        let eve = at_home(&server, "eve@example.com").await;
        let browsers = [Browser::new(&server), Browser::new(&server), Browser::new(&server)];
        for browser in &browsers {
            browser.tokens(&client).await;
        }
        let [browser, others @ ..] = &browsers;
        let reply = fill_in(browser, "/account/sessions", &[("session", "others")]).await;
        is_done(browser, &reply, "/account/sessions").await;
        assert!(browser.is_signed_in(&client).await);
        for other in others {
            assert!(!other.is_signed_in(&client).await);
        }
        assert_eq!(database.count(&format!("logout_deliveries WHERE uri = '{uri}'")).await, 2, "the application is told of each");
        let session = browser.cookie(SESSION).unwrap();
        let out = fill_in(browser, "/account/sessions", &[("session", "all")]).await;
        is_page(&out, 200);
        assert!(out.text.contains("You are signed out") && browser.cookie(SESSION).is_none());
        browser.set_cookie(SESSION, &session);
        assert!(!browser.is_signed_in(&client).await);
        assert_eq!(database.count("logout_deliveries").await, 3);
        assert_eq!(eve.get("/account").await.status, 200);
    }

    /// Also what an administrator does: the applications hear of it.
    async fn se_user_dead_applications_are_told_when_a_person_is_deactivated_or_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let eve = person(&server.acme, "eve@example.com").await;
        database.execute("UPDATE clients SET backchannel_logout_uri = 'https://app.example.com/out' WHERE name = 'Ledger'").await;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        for (id, email) in [(&ada, EMAIL), (&eve, "eve@example.com")] {
            let browser = Browser::new(&server);
            let page = browser.authorize(&client, &[]).await;
            let consent = browser.sign_in(&page, email, crate::support::PASSWORD).await;
            let code = parameters(&browser.decide(&consent, "allow").await)["code"].clone();
            browser.redeem(&client, &code).await.is(200);
            let before = database.count("logout_deliveries").await;
            match id == &ada {
                true => {
                    let change = crate::support::change("user", id, serde_json::json!({"active": false}));
                    admin.patch(&format!("users/{id}"), &change).await.is(200);
                }
                false => drop(admin.delete(&format!("users/{id}")).await.is(200)),
            }
            assert_eq!(database.count("logout_deliveries").await, before + 1, "{email}");
        }
    }
}
