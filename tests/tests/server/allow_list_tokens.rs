//! Allow lists at the token endpoint and at revocation. Catalogue section A18.

use paylent_mail::About;
use paylent_tests::both;

use crate::support::{applications::*, browser::*, letters::letters_to, *};

both! {
    async fn ip_token_ep_a_secret_from_elsewhere_gets_no_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let old = listed.static_token(&application).await;
        for _ in 0..3 {
            let refused = foreign.ask(&server.acme, &application.client.credentials, &[]).await;
            refused.is_oauth_error(403, "access_denied");
        }
        assert_eq!(consequences(&database).await, [0, 1, 0, 1]);
        assert_eq!(database.count("static_tokens").await, 1);
        assert_eq!(listed.calls_with(&old).await, 200, "a secret revokes nothing");
        let wrong = (application.client.credentials.0.clone(), "pay_cs_wrong".to_owned());
        server.clock.advance_seconds(600);
        let before = database.dump().await;
        foreign.ask(&server.acme, &wrong, &[]).await.is_oauth_error(401, "invalid_client");
        assert_eq!(database.dump().await, before, "a wrong secret brings about nothing");
    }

    async fn ip_token_ep_a_code_is_not_used_up_from_elsewhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let application = server.acme.connectable(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let (browser, thief) = (Browser::new(&listed), Browser::new(&foreign));
        let code = browser.agrees_to(&application).await;
        thief.redeem(&application.client, &code).await.is_oauth_error(403, "access_denied");
        thief.redeem(&application.client, &code).await.is_oauth_error(403, "access_denied");
        assert_eq!(consequences(&database).await, [0, 1, 0, 1]);
        let tokens = browser.redeem(&application.client, &code).await.is(200).json();
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200);
        // Nor does it matter afterwards: the secret came from elsewhere, the code proves nothing more.
        thief.redeem(&application.client, &code).await.is_oauth_error(403, "access_denied");
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200);
    }

    async fn ip_token_ep_a_refresh_token_from_elsewhere_kills_its_family(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        person(&server.acme, EMAIL).await;
        let application = server.acme.connectable(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), beside.seen_from(FOREIGN));
        let (browser, thief) = (Browser::new(&listed), Browser::new(&foreign));
        let code = browser.agrees_to(&application).await;
        let tokens = browser.redeem(&application.client, &code).await.is(200).json();
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        let newer = browser.refresh(&application.client, refresh).await.is(200).json();
        thief.refresh(&application.client, text(&newer, "refresh_token")).await.is_oauth_error(403, "access_denied");
        for token in [access, text(&newer, "access_token")] {
            assert_eq!(browser.userinfo(token).await.status, 401);
        }
        for token in [refresh, text(&newer, "refresh_token")] {
            browser.refresh(&application.client, token).await.is_oauth_error(400, "invalid_grant");
        }
        assert_eq!(consequences(&database).await, [1, 0, 0, 1]);
        thief.refresh(&application.client, text(&newer, "refresh_token")).await.is_oauth_error(403, "access_denied");
        assert_eq!(consequences(&database).await, [1, 0, 0, 1], "what is dead is not told of again");
        let About::ForeignAddress { token, .. } = letters_to(&database, OPS).await.remove(0).about else {
            panic!("another letter")
        };
        assert_eq!(token.as_deref(), Some(&text(&newer, "refresh_token")[..13]));
    }

    /// The secret has leaked, whatever is presented with it.
    async fn ip_token_ep_no_refresh_token_hides_that_the_secret_has_leaked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let application = server.acme.connectable(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let (browser, thief) = (Browser::new(&listed), Browser::new(&foreign));
        let code = browser.agrees_to(&application).await;
        let tokens = browser.redeem(&application.client, &code).await.is(200).json();
        let revoked = text(&tokens, "refresh_token");
        listed.revoke(&server.acme, &application.client.credentials, revoked).await.is(200);
        for (told, refresh) in [(1, revoked), (2, "pay_rt_nonsense"), (3, "nonsense"), (4, revoked)] {
            for _ in 0..2 {
                thief.refresh(&application.client, refresh).await.is_oauth_error(403, "access_denied");
                assert_eq!(consequences(&database).await, [0, told, 0, told], "{refresh}");
            }
            server.clock.advance_seconds(600);
        }
        for letter in letters_to(&database, OPS).await {
            assert!(matches!(letter.about, About::ForeignAddress { token: None, refused: true, .. }));
        }
    }

    /// Another client's refresh token is nobody's business: the foreign secret is refused, and the token lives.
    async fn ip_token_ep_a_refresh_token_of_another_client_is_left_alone(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (one, other) = (server.acme.connectable(|_| ()).await, server.acme.connectable(|_| ()).await);
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let browser = Browser::new(&listed);
        let code = browser.agrees_to(&one).await;
        let tokens = browser.redeem(&one.client, &code).await.is(200).json();
        let refresh = text(&tokens, "refresh_token");
        Browser::new(&foreign).refresh(&other.client, refresh).await.is_oauth_error(403, "access_denied");
        assert_eq!(consequences(&database).await, [0, 1, 0, 1]);
        browser.refresh(&one.client, refresh).await.is(200);
    }

    /// Whoever finds a token may revoke it with the secret, wherever they are; and ask what it is worth.
    async fn ip_introspect_revocation_and_introspection_work_from_anywhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let credentials = &application.client.credentials;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let hidden = server.seen_through(&[("x-forwarded-for", LISTED)]);
        for node in [&foreign, &hidden] {
            let token = listed.static_token(&application).await;
            assert_eq!(node.introspect(&server.acme, credentials, &token).await.json()["active"], true);
            assert_eq!(listed.calls_with(&token).await, 200);
            node.revoke(&server.acme, credentials, &token).await.is(200);
            assert_eq!(listed.calls_with(&token).await, 401);
        }
        assert_eq!(consequences(&database).await, [0; 4]);
    }
}
