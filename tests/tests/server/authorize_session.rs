//! What an authorization request asks of the session: `prompt`, `max_age`, hints, and what changes on the way.
//! Catalogue section A1.

use paylent_domain::{client::ClientType, user::UserChange};
use paylent_storage::Expected;
use paylent_tests::{both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, TestServer, browser::*, oauth::Registered};

/// The `auth_time` that the client learns without a page.
async fn auth_time(browser: &Browser<'_>, client: &Registered) -> i64 {
    let code = browser.code_for(client, &[("prompt", "none")]).await;
    let tokens = browser.redeem(client, &code).await.is(200).json();
    claims(&tokens["id_token"])["auth_time"].as_i64().unwrap()
}

/// The families of tokens that are alive.
async fn families(database: &paylent_tests::TestDatabase) -> usize {
    database.count("token_families WHERE revoked_at IS NULL").await
}

both! {
    async fn az_prompt_none_shows_nothing_and_changes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let none = [("prompt", "none")];
        let before = database.dump().await;
        is_returned(&server, &browser.authorize(&client, &none).await, "login_required");
        assert_eq!(database.dump().await, before);
        browser.code(&client).await;
        server.clock.advance_seconds(1);
        let before = database.dump().await;
        is_returned(&server, &browser.authorize(&other, &none).await, "consent_required");
        is_returned(&server, &browser.authorize(&client, &[("prompt", "none"), ("max_age", "0")]).await, "login_required");
        assert_eq!(database.dump().await, before);
        assert!(parameters(&browser.authorize(&client, &none).await).contains_key("code"));
    }

    /// Whoever turns back half-way is signed in as before.
    async fn az_prompt_login_asks_for_the_password_again(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.tokens(&client).await;
        let first = auth_time(&browser, &client).await;
        server.clock.advance_seconds(60);
        let codes = database.count("authorization_codes").await;
        let page = browser.authorize(&client, &[("prompt", "login")]).await.is(200);
        assert!(page.text.contains("name=\"password\"") && page.text.contains("once more"), "{}", page.text);
        assert!(page.text.contains(&format!("value=\"{EMAIL}\"")), "who is known is not asked for the address");
        is_page(&browser.sign_in(&page, EMAIL, "wrong").await, 401);
        assert_eq!(database.count("authorization_codes").await, codes);
        assert_eq!(auth_time(&browser, &client).await, first, "turned back");
        let page = browser.authorize(&client, &[("prompt", "login")]).await;
        assert!(parameters(&browser.sign_in(&page, EMAIL, PASSWORD).await).contains_key("code"));
        assert_eq!(auth_time(&browser, &client).await, first + 60);
    }

    async fn az_max_age_asks_again_when_it_was_too_long_ago(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.tokens(&client).await;
        let first = auth_time(&browser, &client).await;
        server.clock.advance_seconds(60);
        for (max_age, asks) in [("61", false), ("60", true), ("0", true)] {
            let reply = browser.authorize(&client, &[("max_age", max_age)]).await;
            assert_eq!(reply.status == 200, asks, "{max_age}: {}", reply.text);
        }
        let page = browser.authorize(&client, &[("max_age", "0")]).await;
        let back = parameters(&browser.sign_in(&page, EMAIL, PASSWORD).await);
        let tokens = browser.redeem(&client, &back["code"]).await.is(200).json();
        assert_eq!(claims(&tokens["id_token"])["auth_time"], json!(first + 60));
    }

    /// Proving once more who one is ends nothing: the session goes on under a new token.
    async fn signing_in_again_keeps_what_other_applications_have(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let (theirs, code) = (browser.tokens(&other).await, browser.code(&client).await);
        let (token, alive) = (browser.cookie(SESSION).unwrap(), families(&database).await);
        server.clock.advance_seconds(5);
        let page = browser.authorize(&client, &[("prompt", "login")]).await;
        assert!(parameters(&browser.sign_in(&page, EMAIL, PASSWORD).await).contains_key("code"));
        assert_ne!(browser.cookie(SESSION).unwrap(), token);
        assert_eq!((database.count("sessions").await, families(&database).await), (1, alive));
        assert_eq!(database.count("audit_events WHERE action = 'session.renewed'").await, 1);
        assert_eq!(browser.userinfo(text(&theirs, "access_token")).await.status, 200);
        browser.refresh(&other, text(&theirs, "refresh_token")).await.is(200);
        browser.redeem(&client, &code).await.is(200);
        let now = claims(&browser.tokens(&client).await["id_token"]);
        assert_eq!(now["sid"], claims(&theirs["id_token"])["sid"], "it is the same session");
        browser.set_cookie(SESSION, &token);
        assert!(!browser.is_signed_in(&client).await, "the old token is dead");
    }

    /// Who was there before must not be found by the next person at the same browser.
    async fn se_switch_another_person_ends_the_session_that_was_there(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let eve = person(&server.acme, "eve@example.com").await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let (ada, pending) = (browser.cookie(SESSION).unwrap(), browser.code(&client).await);
        let asked = browser.authorize(&client, &[("prompt", "consent")]).await.is(200);
        server.clock.advance_seconds(1);
        let choice = browser.authorize(&client, &[("prompt", "select_account")]).await.is(200);
        let page = browser.get(&format!("/login?handle={}", hidden(&choice, "handle"))).await.is(200);
        let consent = browser.sign_in(&page, "eve@example.com", PASSWORD).await;
        is_page(&consent, 200);
        assert!(consent.text.contains("eve@example.com") && !consent.text.contains(EMAIL));
        // Ada's consent page, her session, her code and her tokens are nothing to Eve.
        is_page(&browser.decide(&asked, "allow").await, 403);
        browser.redeem(&client, &pending).await.is_oauth_error(400, "invalid_grant");
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401);
        let code = parameters(&browser.decide(&consent, "allow").await)["code"].clone();
        let hers = browser.redeem(&client, &code).await.is(200).json();
        assert_eq!(claims(&hers["id_token"])["sub"], Value::String(eve));
        browser.set_cookie(SESSION, &ada);
        assert!(!browser.is_signed_in(&client).await);
    }

    /// The cookie is lost, the row is not: whoever signs in next gets a session of their own.
    async fn se_switch_a_lost_cookie_leads_nobody_into_another_session(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let eve = person(&server.acme, "eve@example.com").await;
        let browser = Browser::new(&server);
        let ada = claims(&browser.tokens(&client).await["id_token"]);
        browser.cookies.borrow_mut().remove(SESSION);
        let page = browser.authorize(&client, &[]).await.is(200);
        let consent = browser.sign_in(&page, "eve@example.com", PASSWORD).await.is(200);
        let code = parameters(&browser.decide(&consent, "allow").await)["code"].clone();
        let hers = claims(&browser.redeem(&client, &code).await.is(200).json()["id_token"]);
        assert_eq!(hers["sub"], Value::String(eve));
        assert_ne!(hers["sid"], ada["sid"]);
    }

    async fn az_midflight_user_whoever_lost_the_session_gets_no_code(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let env = &server.acme.seeded.env;
        let admin = server.admin(&server.acme).await;
        let browser = Browser::new(&server);
        // The session ends: the person is asked to sign in, and nothing is decided.
        let page = browser.authorize(&client, &[]).await;
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let session = admin.get("sessions").await.ids().remove(0);
        Reply::of(admin.request(Method::PATCH, &format!("sessions/{session}/revoke"))).await.is(200);
        is_page(&browser.decide(&consent, "allow").await, 403);
        assert!(!browser.is_signed_in(&client).await);
        // The person is switched off.
        let page = browser.authorize(&client, &[]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let off = UserChange { active: Some(false), ..UserChange::default() };
        env.update_user(ada.parse().unwrap(), off, &Expected::Any, &seed::by()).await.unwrap();
        is_page(&browser.decide(&consent, "allow").await, 403);
        assert_eq!(database.count("authorization_codes").await, 0);
        assert!(!browser.is_signed_in(&client).await);
    }

    async fn az_hint_foreign_a_hint_is_ours_and_about_the_person_who_is_there(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let foreign = scene(&server.beta).await;
        person(&server.acme, "eve@example.com").await;
        let (ada, eve) = (Browser::new(&server), Browser::new(&server));
        let own = text(&ada.tokens(&client).await, "id_token").to_owned();
        let elsewhere = Browser::new(&server).at(&server, &server.beta);
        let theirs = text(&elsewhere.tokens(&foreign).await, "id_token").to_owned();
        let page = eve.authorize(&client, &[]).await;
        let consent = eve.sign_in(&page, "eve@example.com", PASSWORD).await;
        eve.decide(&consent, "allow").await;
        let unsigned = format!("{}.", own.rsplit_once('.').unwrap().0);
        let before = database.dump().await;
        for (browser, hint, error) in [
            (&ada, theirs.as_str(), "invalid_request"),
            (&ada, unsigned.as_str(), "invalid_request"),
            (&ada, "x", "invalid_request"),
            (&eve, own.as_str(), "login_required"),
        ] {
            let reply = browser.authorize(&client, &[("prompt", "none"), ("id_token_hint", hint)]).await;
            is_returned(&server, &reply, error);
        }
        assert_eq!(database.dump().await, before);
        let reply = ada.authorize(&client, &[("prompt", "none"), ("id_token_hint", &own)]).await;
        assert!(parameters(&reply).contains_key("code"));
    }

    /// The language of the request is the language of all its pages.
    async fn ui_locales_stay_for_the_pages_of_the_request(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[("ui_locales", "fr de-AT")]).await;
        assert_eq!((page.header("content-language"), hidden(&page, "ui_locales").as_str()), ("de", "de"));
        let (handle, csrf) = (hidden(&page, "handle"), hidden(&page, "csrf"));
        let wrong = [("email", EMAIL), ("password", "x"), ("handle", &handle), ("csrf", &csrf), ("ui_locales", "de")];
        let again = browser.post("/login", &wrong).await;
        assert_eq!((again.status, again.header("content-language")), (401, "de"));
        let right = [("email", EMAIL), ("password", PASSWORD), ("handle", &handle), ("csrf", &csrf), ("ui_locales", "de")];
        let consent = browser.post("/login", &right).await;
        assert_eq!((consent.status, consent.header("content-language")), (200, "de"));
        assert!(consent.text.contains("&#38;ui_locales=de") || consent.text.contains("&amp;ui_locales=de"), "{}", consent.text);
        let other = browser.get(&format!("/login?handle={}&ui_locales=de", hidden(&consent, "handle"))).await;
        assert_eq!((other.header("content-language"), hidden(&other, "ui_locales").as_str()), ("de", "de"));
        let unasked = browser.authorize(&client, &[("prompt", "login")]).await;
        assert!(unasked.header("content-language") == "en" && !unasked.text.contains("ui_locales"));
    }
}
