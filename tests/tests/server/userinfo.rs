//! ID tokens and userinfo. Catalogue section A10.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::secret::{self, SecretHash, SecretKind, fingerprint};
use paylent_domain::{Clock as _, Timestamp, client::ClientType, scope::Scopes};
use paylent_oauth::store::{AuthorizationCode, Store as _};
use paylent_storage::NewSession;
use paylent_tests::{both, seed};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    at_once::at_once_or_later,
    support::{Reply, Tenant, TestServer, browser::*, change, oauth::Registered},
};

/// The names of the claims.
fn names(claims: &Value) -> Vec<&str> {
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

both! {
    async fn id_claims_an_id_token_says_what_the_specification_asks(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let id = claims(&tokens["id_token"]);
        let get = |path: &'static str| Reply::of(server.request(&server.acme, Method::GET, path));
        assert_eq!(id["iss"], get("/.well-known/openid-configuration").await.json()["issuer"]);
        assert_eq!((&id["aud"], &id["nonce"]), (&json!(client.credentials.0), &json!("n-1")));
        assert!(id.get("azp").is_none_or(|azp| *azp == client.credentials.0));
        let (iat, exp, at) = (id["iat"].as_i64().unwrap(), id["exp"].as_i64().unwrap(), id["auth_time"].as_i64().unwrap());
        assert!(at <= iat && iat < exp && exp - iat <= 3_600);
        let digest = fingerprint(text(&tokens, "access_token").as_bytes());
        assert_eq!(id["at_hash"], json!(URL_SAFE_NO_PAD.encode(&digest[..16])));
        let header = text(&tokens, "id_token").split('.').next().unwrap();
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
        let keys = get("/.well-known/jwks.json").await.json();
        assert_eq!(header["alg"], "RS256");
        assert!(keys["keys"].as_array().unwrap().iter().any(|key| key["kid"] == header["kid"]));
        let person = browser.userinfo(text(&tokens, "access_token")).await.json();
        assert_eq!(person["sub"], id["sub"]);
        let code = browser.code_for(&client, &[("nonce", "")]).await;
        let without = claims(&browser.redeem(&client, &code).await.json()["id_token"]);
        assert!(without.get("nonce").is_none() && without["sub"] == id["sub"]);
    }

    async fn id_minimal_and_ui_scope_a_client_learns_what_was_consented_to(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for (scope, known) in [
            ("openid", vec!["sub"]),
            ("openid email", vec!["email", "email_verified", "sub"]),
            ("openid profile", vec!["family_name", "given_name", "name", "sub", "updated_at"]),
        ] {
            let code = browser.code_for(&client, &[("scope", scope)]).await;
            let tokens = browser.redeem(&client, &code).await.json();
            let id = claims(&tokens["id_token"]);
            for absent in ["email", "name", "given_name", "roles", "permissions", "org_id"] {
                assert!(id.get(absent).is_none(), "{absent} in {id}");
            }
            let person = browser.userinfo(text(&tokens, "access_token")).await.is(200).json();
            assert_eq!(names(&person), known, "{scope}");
        }
    }

    /// The language of a person is known once they chose one.
    async fn ui_scope_a_profile_names_the_language_that_the_person_chose(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        database.execute(&format!("UPDATE users SET locale = 'nl' WHERE email = '{EMAIL}'")).await;
        for (scope, locale) in [("openid profile", json!("nl")), ("openid email", Value::Null)] {
            let code = browser.code_for(&client, &[("scope", scope)]).await;
            let tokens = browser.redeem(&client, &code).await.is(200).json();
            assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.is(200).json()["locale"], locale, "{scope}");
        }
        let wish = r#"{"id_token":{"locale":null}}"#;
        let code = browser.code_for(&client, &[("claims", wish)]).await;
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        assert_eq!(claims(&tokens["id_token"])["locale"], "nl");
    }

    async fn ui_scope_a_token_without_openid_and_a_machines_token_do_not_suffice(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code_for(&client, &[("scope", "profile email")]).await;
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        assert!(tokens.get("id_token").is_none());
        let machine = server.admin_token(&server.acme).await;
        for token in [text(&tokens, "access_token"), &machine] {
            let refused = browser.userinfo(token).await;
            assert_eq!((refused.status, refused.json()["error"].as_str()), (403, Some("insufficient_scope")));
            assert!(refused.header("www-authenticate").contains("scope=\"openid\""));
        }
    }

    async fn ui_none_without_a_token_nobody_is_told_anything(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let access = text(&tokens, "access_token");
        let elsewhere = [
            browser.request(Method::GET, "/oauth/userinfo"),
            browser.request(Method::GET, &format!("/oauth/userinfo?access_token={access}")),
            browser.request(Method::POST, "/oauth/userinfo"),
            browser.request(Method::POST, "/oauth/userinfo").form(&[("access_token", "")]),
        ];
        for request in elsewhere {
            let refused = Reply::of(request).await;
            let challenge = refused.header("www-authenticate");
            assert_eq!(refused.status, 401);
            assert!(challenge.starts_with("Bearer realm=") && !challenge.contains("error"), "{challenge}");
            assert_eq!(refused.json(), json!({}), "RFC 6750 section 3.1: no error code, no other error information");
        }
        let post = || browser.request(Method::POST, "/oauth/userinfo");
        for request in [post().bearer_auth(access), post().form(&[("access_token", access)])] {
            assert_eq!(Reply::of(request).await.is(200).json()["email"], EMAIL);
        }
        let twice = Reply::of(post().bearer_auth(access).form(&[("access_token", access)])).await;
        assert_eq!((twice.status, twice.json()["error"].as_str()), (400, Some("invalid_request")));
        let wrong = Reply::of(post().form(&[("access_token", "x")])).await;
        assert_eq!((wrong.status, wrong.json()["error"].as_str()), (401, Some("invalid_token")));
    }

    async fn ui_dead_a_dead_token_learns_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let foreign = scene(&server.beta).await;
        let browser = Browser::new(&server);
        let elsewhere = browser.at(&server, &server.beta);
        let theirs = elsewhere.tokens(&foreign).await;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let switch = async |active: bool| {
            admin.patch(&format!("users/{ada}"), &change("user", &ada, json!({"active": active}))).await.is(200);
        };
        let is_dead = async |token: &str| {
            let refused = browser.userinfo(token).await;
            assert_eq!(refused.status, 401, "{}", refused.text);
            assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
        };
        is_dead(text(&theirs, "access_token")).await;
        is_dead("pay_at_x").await;
        let tokens = browser.tokens(&client).await;
        switch(false).await;
        is_dead(text(&tokens, "access_token")).await;
        switch(true).await;
        is_dead(text(&tokens, "access_token")).await;
        let tokens = browser.tokens(&client).await;
        server.clock.advance_seconds(3_600 + 61);
        is_dead(text(&tokens, "access_token")).await;
    }

    async fn id_email_verified_a_new_address_is_not_verified(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let access = text(&tokens, "access_token");
        assert_eq!(browser.userinfo(access).await.json()["email_verified"], true);
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        admin.patch(&format!("users/{ada}"), &change("user", &ada, json!({"email": "new@example.com"}))).await.is(200);
        let code = browser.code(&client).await;
        let fresh = browser.redeem(&client, &code).await.json();
        let person = browser.userinfo(text(&fresh, "access_token")).await.json();
        assert_eq!((&person["email"], &person["email_verified"]), (&json!("new@example.com"), &json!(false)));
        let verified = change("user", &ada, json!({"email_verified": true}));
        assert_eq!(admin.patch(&format!("users/{ada}"), &verified).await.status, 422);
    }

    /// An address that comes back is another person.
    async fn id_sub_reuse_a_deleted_person_does_not_come_back(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let old = browser.tokens(&client).await;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        admin.delete(&format!("users/{ada}")).await.is(200);
        assert!(!browser.is_signed_in(&client).await);
        person(&server.acme, EMAIL).await;
        assert!(!browser.is_signed_in(&client).await);
        assert_eq!(browser.userinfo(text(&old, "access_token")).await.status, 401);
        browser.refresh(&client, text(&old, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        let new = browser.tokens(&client).await;
        assert_ne!(claims(&new["id_token"])["sub"], claims(&old["id_token"])["sub"]);
    }

    /// A thousand people, whose codes and refresh tokens are used in between each other's: each token is about the one
    /// who signed in.
    async fn id_refresh_a_refreshed_id_token_is_about_the_same_login(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let (mut people, mut redemptions) = (Vec::new(), Vec::new());
        for number in 0..1_000 {
            let person = server.acme.person(&format!("person{number}@example.com")).await;
            let at = server.clock.now().plus_seconds(-number);
            redemptions.push(browser.redemption(&client, &code(&server.acme, &client, &person, at).await));
            people.push((person, at));
        }
        let in_turn = async |requests: Vec<RequestBuilder>| {
            let mut answers = Vec::new();
            let mut requests = requests.into_iter().peekable();
            while requests.peek().is_some() {
                answers.extend(at_once_or_later(requests.by_ref().take(50).collect()).await);
            }
            answers.into_iter().map(|reply| reply.is(200).json()).collect::<Vec<_>>()
        };
        let first = in_turn(redemptions).await;
        let refreshments = first.iter().map(|tokens| browser.refreshment(&client, text(tokens, "refresh_token")));
        let second = in_turn(refreshments.collect()).await;
        for (((person, at), old), new) in people.iter().zip(&first).zip(&second) {
            let (before, after) = (claims(&old["id_token"]), claims(&new["id_token"]));
            assert_eq!((&after["sub"], &after["auth_time"]), (&json!(person), &json!(at.seconds())));
            for same in ["iss", "sub", "aud", "auth_time", "sid"] {
                assert_eq!(after[same], before[same], "{same}");
            }
            assert!(after.get("nonce").is_none_or(|nonce| *nonce == before["nonce"]));
        }
        for ((person, _), tokens) in people.iter().zip(&second).step_by(20) {
            assert_eq!(browser.userinfo(text(tokens, "access_token")).await.json()["sub"], json!(person));
        }
    }
}

/// The code for the application of somebody who signed in then.
async fn code(tenant: &Tenant, client: &Registered, person: &str, auth_time: Timestamp) -> String {
    let (env, user_id) = (&tenant.seeded.env, person.parse().unwrap());
    let code = secret::generate(SecretKind::AuthorizationCode).unwrap();
    let token_hash = SecretHash::of(&secret::identifier().unwrap());
    let session = NewSession { id: seed::new_id(), user_id, token_hash, ip: None, user_agent: None };
    let session_id = env.create_session(session, &seed::by()).await.unwrap().id;
    let stored = AuthorizationCode {
        hash: SecretHash::of(code.expose()),
        request_id: secret::identifier().unwrap(),
        client_id: client.credentials.0.clone(),
        user_id,
        session_id,
        redirect_uri: CALLBACK.to_owned(),
        redirect_uri_sent: true,
        audience: tenant.issuer(),
        scopes: Scopes::stored("openid offline_access"),
        nonce: Some(person.to_owned()),
        code_challenge: Some(SecretHash::of(VERIFIER)),
        auth_time,
        amr: vec!["pwd".to_owned()],
        id_token_claims: Vec::new(),
        organization_id: None,
        for_organization: false,
        issued_at: seed::by().at,
        expires_at: seed::by().at.plus_seconds(3_600),
        client_generation: 0,
        user_generation: 0,
    };
    assert!(env.save_code(stored, None).await.unwrap());
    code.expose().to_owned()
}
