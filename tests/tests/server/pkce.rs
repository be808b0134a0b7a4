//! Proof Key for Code Exchange (RFC 7636). Catalogue section A3.

use paylent_domain::client::ClientType;
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, TestServer, browser::*, oauth::Registered};

const OTHER: &str = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz";

/// Exchanges a code with this verifier, or with none.
async fn redeem(browser: &Browser<'_>, client: &Registered, code: &str, verifier: Option<&str>) -> Reply {
    let form = exchange_form(code);
    let mut form: Vec<_> = form.into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    browser.exchange(client, &form).await
}

both! {
    async fn pk_public_required_pk_plain_and_pk_shape_only_s256_is_taken(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let strict = scene(&server.acme).await;
        let public = application_with(&server.acme, ClientType::Public, |client| client.require_pkce = false).await;
        let browser = Browser::new(&server);
        let (s256, plain) = (challenge(VERIFIER), VERIFIER);
        let before = database.dump().await;
        for client in [&strict, &public] {
            for (challenge, method) in [
                ("", "S256"),
                ("", ""),
                (plain, "plain"),
                (&s256, "plain"),
                (&s256, ""),
                (&s256, "s256"),
                (&s256, "S512"),
                (&s256[1..], "S256"),
                (&format!("{s256}A"), "S256"),
                (&format!("{}=", &s256[1..]), "S256"),
                (&format!("{}+", &s256[1..]), "S256"),
                (&format!("{}/", &s256[1..]), "S256"),
                (&format!("{}\u{e9}", &s256[2..]), "S256"),
            ] {
                let change = [("code_challenge", challenge), ("code_challenge_method", method)];
                let reply = browser.authorize(client, &change).await;
                assert_eq!(reply.status, 303, "{change:?}");
                is_returned(&server, &reply, "invalid_request");
            }
        }
        assert_eq!(database.dump().await, before);
        let metadata = server.request(&server.acme, Method::GET, "/.well-known/openid-configuration");
        assert_eq!(Reply::of(metadata).await.json()["code_challenge_methods_supported"], json!(["S256"]));
    }

    async fn pk_missing_verifier_pk_wrong_and_pk_len_do_not_use_the_code_up(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let code = browser.code(&client).await;
        let before = database.dump().await;
        let long = "a".repeat(129);
        for verifier in [None, Some(""), Some(&VERIFIER[1..43]), Some(&*long), Some(&*format!("{}+", &VERIFIER[1..]))] {
            redeem(&browser, &client, &code, verifier).await.is_oauth_error(400, "invalid_grant");
        }
        assert_eq!(database.dump().await, before, "not even counted: nobody guesses so");
        for wrong in [OTHER, &challenge(VERIFIER), "0123456789-0123456789-0123456789-012345678A"] {
            redeem(&browser, &client, &code, Some(wrong)).await.is_oauth_error(400, "invalid_grant");
        }
        redeem(&browser, &client, &code, Some(VERIFIER)).await.is(200);
        // After the exchange, a wrong verifier is nobody's replay.
        redeem(&browser, &client, &code, Some(OTHER)).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200);
        assert_eq!(database.count("token_families WHERE revoked_at IS NULL").await, 2);
    }

    async fn pk_attempts_the_fifth_wrong_verifier_kills_the_code(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for (wrong, status) in [(4, 200), (5, 400)] {
            let code = browser.code(&client).await;
            for _ in 0..wrong {
                redeem(&browser, &client, &code, Some(OTHER)).await.is_oauth_error(400, "invalid_grant");
            }
            let reply = redeem(&browser, &client, &code, Some(VERIFIER)).await;
            assert_eq!(reply.status, status, "{wrong} wrong ones: {}", reply.text);
        }
    }

    async fn pk_downgrade_and_pk_bound_the_challenge_is_that_of_the_authorization_request(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = application_with(&server.acme, ClientType::Confidential, |client| client.require_pkce = false).await;
        let browser = Browser::new(&server);
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let code = browser.code_for(&client, &without).await;
        let before = database.dump().await;
        redeem(&browser, &client, &code, Some(VERIFIER)).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(database.dump().await, before);
        redeem(&browser, &client, &code, None).await.is(200);
        let code = browser.code(&client).await;
        let theirs = challenge(OTHER);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", CALLBACK),
            ("code_challenge", &*theirs),
            ("code_challenge_method", "S256"),
        ];
        for verifier in [OTHER, &theirs] {
            let form = [&form[..], &[("code_verifier", verifier)]].concat();
            browser.exchange(&client, &form).await.is_oauth_error(400, "invalid_grant");
        }
        browser.exchange(&client, &[&form[..], &[("code_verifier", VERIFIER)]].concat()).await.is(200);
    }
}
