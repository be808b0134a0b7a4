//! What the Management API takes for an access token. Catalogue section A9.

use paylent_domain::{Clock as _, user::UserChange};
use paylent_storage::{Expected, Page};
use paylent_tests::{both, seed};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};

use crate::support::{
    Reply, TestServer,
    forge::{Forge, header, invalid, refuses, refuses_at_api},
};

/// What the API answers to these values of `Authorization`.
async fn with_headers(server: &TestServer, path: &str, values: &[&str]) -> Reply {
    let mut request = server.request(&server.acme, Method::GET, path);
    for value in values {
        request = request.header("authorization", HeaderValue::from_str(value).unwrap());
    }
    Reply::of(request).await
}

both! {
    async fn jw_typ(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let types = [
            Value::Null,
            json!("JWT"),
            json!("jwt"),
            json!("id_token"),
            json!("logout+jwt"),
            json!("at+jwtx"),
            json!("application/jwt"),
            json!(""),
            json!(["at+jwt"]),
        ];
        let bad = types.map(|typ| forge.sign(&forge.header_but("typ", typ), &forge.claims));
        refuses(&server, &database, &forge, bad.to_vec()).await;
        let long = forge.sign(&forge.header_but("typ", "application/at+jwt".into()), &forge.claims);
        assert_eq!(server.users_with(&server.acme, &long).await.status, 200, "RFC 9068 section 4");
    }

    async fn jw_iss(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let issuer = server.acme.issuer();
        let issuers = [
            Value::Null,
            json!(server.beta.issuer()),
            json!(issuer.replace("http:", "https:")),
            json!(format!("{issuer}/")),
            json!(format!("{issuer}:8080")),
            json!(format!("{issuer}:80")),
            json!(issuer.to_uppercase()),
            json!([issuer]),
            json!(""),
            json!(server.acme.api()),
        ];
        let bad = issuers.map(|issuer| forge.claim("iss", issuer));
        refuses(&server, &database, &forge, bad.to_vec()).await;
    }

    async fn jw_aud(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let api = server.acme.api();
        let audiences = [
            Value::Null,
            json!([]),
            json!(""),
            json!([""]),
            json!("https://orders.example"),
            json!(format!("{api}.evil")),
            json!(format!("{api}/")),
            json!(&api[..api.len() - 1]),
            json!(server.beta.api()),
            json!(server.acme.issuer()),
            json!([api, "https://orders.example"]),
            json!([api, api]),
            json!(1),
            json!({"0": api}),
        ];
        let bad = audiences.map(|audience| forge.claim("aud", audience));
        // Some of them would be good elsewhere.
        refuses_at_api(&server, &database, &forge, bad.to_vec()).await;
        let one = forge.claim("aud", json!([api]));
        assert_eq!(server.users_with(&server.acme, &one).await.status, 200);
        let for_issuer = server.acme.add_client(|_| ()).await.credentials;
        let token =
            server.ask(&server.acme, &for_issuer, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
        invalid(&server.users_with(&server.acme, &token).await, &token);
    }

    /// Times are whole seconds. Another node's clock may be a minute ahead, and a dead token is dead.
    async fn jw_exp(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let now = server.clock.now().seconds();
        let expiries = [
            Value::Null,
            json!((now + 60).to_string()),
            json!(60.5 + now as f64),
            json!(-1),
            json!(1e308),
            json!(0),
            json!(now - 3_600),
            json!(now - 61),
            json!(now - 1),
            json!(now),
            json!([now + 60]),
            json!(u64::MAX),
        ];
        let mut bad: Vec<String> = expiries.map(|exp| forge.claim("exp", exp)).to_vec();
        bad.extend([json!(now + 61), json!("0"), json!(-1), json!(1.5)].map(|nbf| forge.claim("nbf", nbf)));
        bad.extend(
            [Value::Null, json!(now + 61), json!("0"), json!(-1), json!(1.5)].map(|iat| forge.claim("iat", iat)),
        );
        refuses(&server, &database, &forge, bad).await;
        for good in
            [forge.claim("exp", json!(now + 1)), forge.claim("nbf", json!(now)), forge.claim("exp", json!(i64::MAX))]
        {
            assert_eq!(
                server.users_with(&server.acme, &good).await.status,
                200,
                "{}",
                crate::support::forge::claims(&good)
            );
        }
    }

    async fn jw_skew(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let now = server.clock.now().seconds();
        for ahead in [2, 60] {
            let token = forge.claim("iat", json!(now + ahead));
            assert_eq!(server.users_with(&server.acme, &token).await.status, 200, "{ahead} s ahead");
        }
    }

    /// The user and the client are there and active, and of this environment.
    async fn jw_sub(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, env) = (&server.acme, &server.acme.seeded.env);
        let forge = Forge::of(&server, acme).await;
        let deactivated = env.create_person(seed::person("gone@acme.example"), &seed::by()).await.unwrap();
        let change = UserChange { active: Some(false), ..Default::default() };
        env.update_user(deactivated.id, change, &Expected::Any, &seed::by()).await.unwrap().unwrap();
        let deleted = env.create_person(seed::person("deleted@acme.example"), &seed::by()).await.unwrap();
        assert!(env.delete_user(deleted.id, &Expected::Any, &seed::by()).await.unwrap());
        let nobody = seed::new_id::<()>();
        let mut bad: Vec<String> = [
            Value::Null,
            json!(""),
            json!(1),
            json!("not an id"),
            json!(nobody.to_string()),
            json!(deactivated.id.to_string()),
            json!(deleted.id.to_string()),
            json!(server.beta.seeded.service_user.to_string()),
            json!(acme.machine().0),
        ]
        .map(|sub| forge.claim("sub", sub))
        .to_vec();
        bad.extend(
            [Value::Null, json!("nobody"), json!(server.beta.machine().0), json!(1)]
                .map(|id| forge.claim("client_id", id)),
        );
        bad.extend(["cgen", "ugen"].map(|name| forge.claim(name, json!(7))));
        bad.extend(["cgen", "ugen"].map(|name| forge.claim(name, Value::Null)));
        refuses(&server, &database, &forge, bad).await;
    }

    async fn jw_jti(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        let bad = [Value::Null, json!(""), json!(1), json!(["x"])].map(|jti| forge.claim("jti", jti));
        refuses(&server, &database, &forge, bad.to_vec()).await;
        let revoked = forge.good();
        assert_eq!(server.revoke(&server.acme, &server.acme.machine(), &revoked).await.status, 200);
        invalid(&server.users_with(&server.acme, &revoked).await, &revoked);
    }

    /// One header, one scheme, one space, one token.
    async fn jw_scheme(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let token = server.admin_token(&server.acme).await;
        let other = server.caller_with(&server.acme, &[]).await.token.unwrap();
        for scheme in ["Bearer", "bearer", "BEARER"] {
            assert_eq!(with_headers(&server, "/api/users", &[&format!("{scheme} {token}")]).await.status, 200);
        }
        let good = format!("Bearer {token}");
        let wrong: Vec<String> = [
            "Bearer",
            "Bearer ",
            &format!("Bearer\t{token}"),
            &format!("Bearer  {token}"),
            &format!("Bearer {token} x"),
            &format!("Bearer {token}, Bearer {token}"),
            &format!("Bearer {token},"),
            &token,
            "",
            &format!("Token {token}"),
            &format!("Basic {token}"),
            &format!("DPoP {token}"),
        ]
        .map(str::to_owned)
        .to_vec();
        for value in &wrong {
            let reply = with_headers(&server, "/api/users", &[value]).await;
            assert!([400, 401].contains(&reply.status), "{value}: {}", reply.text);
            assert!(!reply.header("www-authenticate").is_empty(), "{value}");
            reply.is_error(reply.status, if reply.status == 400 { "Authorization" } else { "" });
        }
        for twice in [[&good, &good], [&good, &format!("Bearer {other}")], [&wrong[0], &good]] {
            let reply = with_headers(&server, "/api/users", &twice.map(String::as_str)).await;
            reply.is_error(400, "Authorization");
        }
        // RFC 6750 sections 2.2 and 2.3 are not offered: 400 for the parameter, 401 for the missing token.
        let query = with_headers(&server, &format!("/api/users?access_token={token}"), &[]).await;
        assert!([400, 401].contains(&query.status), "{}", query.text);
        let form = server.request(&server.acme, Method::POST, "/api/users").form(&[("access_token", &token)]);
        assert!([401, 415].contains(&Reply::of(form).await.status));
        let none = with_headers(&server, "/api/users", &[]).await;
        assert_eq!(none.status, 401);
        assert!(none.header("www-authenticate").starts_with("Bearer"));
    }

    /// The previous key is believed until it is deactivated, and not a moment longer.
    async fn jw_rotate(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, env) = (&server.acme, &server.acme.seeded.env);
        let old = server.admin_token(acme).await;
        env.create_signing_key(seed::signing_key(env.tenant().environment.id), &seed::by()).await.unwrap();
        let new = server.admin_token(acme).await;
        let kid = |token: &str| header(token)["kid"].as_str().unwrap().to_owned();
        assert_ne!(kid(&old), kid(&new));
        let published = async || {
            let keys = Reply::of(server.request(acme, Method::GET, "/.well-known/jwks.json")).await.json();
            keys["keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["kid"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        server.clock.advance_seconds(6);
        assert_eq!(published().await, [kid(&new), kid(&old)]);
        assert_eq!(
            (server.users_with(acme, &old).await.status, server.users_with(acme, &new).await.status),
            (200, 200)
        );

        let keys = env.signing_keys(Page { limit: 10, ..Default::default() }).await.unwrap().rows;
        let previous = keys.iter().find(|key| key.kid == kid(&old)).unwrap();
        let path = format!("signing-keys/{}/deactivate", previous.id);
        let deactivated = Reply::of(server.bearer(acme, &new).request(Method::PATCH, &path)).await;
        assert_eq!(deactivated.status, 200, "{}", deactivated.text);
        invalid(&server.users_with(acme, &old).await, &old);
        assert_eq!(server.users_with(acme, &new).await.status, 200);
        assert_eq!(server.introspect(acme, &acme.machine(), &old).await.text, r#"{"active":false}"#);
        server.clock.advance_seconds(6);
        assert_eq!(published().await, [kid(&new)]);
    }

    /// A token of one environment is nothing in another, whatever its form.
    async fn a_token_of_another_environment_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let opaque = server.opaque_reader(&server.acme, &database).await;
        for client in [server.acme.machine(), opaque] {
            let token = server.token(&server.acme, &client, &[]).await;
            let before = database.dump().await;
            invalid(&server.users_with(&server.beta, &token).await, &token);
            let dead = server.introspect(&server.beta, &server.beta.machine(), &token).await;
            assert_eq!(dead.text, r#"{"active":false}"#);
            assert_eq!(server.revoke(&server.beta, &server.beta.machine(), &token).await.status, 200);
            assert_eq!(database.dump().await, before);
            assert_eq!(server.users_with(&server.acme, &token).await.status, 200);
        }
    }
}
