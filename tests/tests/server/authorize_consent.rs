//! What a person decides on the consent page, and who decides. Catalogue section A1; `az.browser_bind` and
//! `az.consent_csrf` are in `sign_in.rs`.

use paylent_domain::client::ClientType;
use paylent_tests::both;

use crate::{
    at_once::at_once,
    support::{PASSWORD, TestServer, browser::*},
};

both! {
    /// What was asked for is sealed in the page: nothing in the form can change it.
    async fn az_tamper_only_the_stored_request_counts(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await;
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let (handle, csrf) = (hidden(&consent, "handle"), hidden(&consent, "csrf"));
        let before = database.dump().await;
        let mut flipped = handle.clone().into_bytes();
        let middle = flipped.len() / 2;
        flipped[middle] = if flipped[middle] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8(flipped).unwrap();
        let sign_out = browser.get("/oauth/logout").await.is(200);
        let another_purpose = hidden(&sign_out, "handle");
        for handle in ["", "x", &flipped, &handle[1..], &format!("{handle}A"), &another_purpose] {
            let form = [("decision", "allow"), ("scope", "openid"), ("handle", handle), ("csrf", &csrf)];
            is_page(&browser.post("/consent", &form).await, 400);
        }
        let twice = [("decision", "allow"), ("handle", &*handle), ("handle", &*handle), ("csrf", &*csrf)];
        is_page(&browser.post("/consent", &twice).await, 400);
        assert_eq!(database.dump().await, before);
        let form = [
            ("decision", "allow"),
            ("handle", &*handle),
            ("csrf", &*csrf),
            ("scope", "email"),
            ("client_id", &*other.credentials.0),
            ("redirect_uri", "https://evil.test/cb"),
            ("resource", "https://evil.test"),
            ("code_challenge", &*challenge("0000000000000000000000000000000000000000000")),
        ];
        let code = parameters(&browser.post("/consent?client_id=x&redirect_uri=https://evil.test", &form).await);
        browser.redeem(&other, &code["code"]).await.is_oauth_error(400, "invalid_grant");
        browser.redeem(&client, &code["code"]).await.is(200);
    }

    async fn az_consent_widen_nobody_allows_what_was_not_asked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[("scope", "openid email")]).await;
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let before = database.dump().await;
        for scopes in [&["openid", "email", "profile"][..], &["users:read"], &["offline_access"], &["email", "x y"]] {
            is_page(&browser.decide_on(&consent, "allow", scopes).await, 400);
        }
        assert_eq!(database.dump().await, before);
        let code = parameters(&browser.decide_on(&consent, "allow", &["email"]).await)["code"].clone();
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        assert_eq!(tokens["scope"].as_str().unwrap().split(' ').collect::<std::collections::BTreeSet<_>>(), ["email", "openid"].into());
    }

    /// Anybody can pose as a public client.
    async fn az_consent_public_a_public_client_is_asked_about_every_time(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let public = application(&server.acme, ClientType::Public).await;
        let own = application_with(&server.acme, ClientType::Public, |client| client.first_party = true).await;
        let browser = Browser::new(&server);
        for _ in 0..2 {
            browser.code(&public).await;
            is_page(&browser.authorize(&public, &[]).await, 200);
            is_returned(&server, &browser.authorize(&public, &[("prompt", "none")]).await, "consent_required");
        }
        assert!(parameters(&browser.authorize(&own, &[]).await).contains_key("code"), "an admin says it is ours");
    }

    /// One answer, however often and wherever it is sent.
    async fn az_consent_double_of_fifty_answers_over_two_processes_one_gives_a_code(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await;
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        let answers = (0..50).map(|n| if n % 2 == 0 { &browser } else { &beside });
        let requests = answers.map(|browser| browser.decision(&consent, "allow", &["profile", "email"])).collect();
        let replies = at_once(requests).await;
        let (gone, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 303);
        let codes = gone.iter().filter(|reply| parameters(reply).contains_key("code")).count();
        assert_eq!((codes, database.count("authorization_codes").await), (1, 1));
        for reply in refused {
            is_page(reply, 409);
        }
        for reply in gone.iter().filter(|reply| !parameters(reply).contains_key("code")) {
            is_returned(&server, reply, "temporarily_unavailable");
        }
    }
}
