//! The bearer token: what is accepted, for whom it acts, and that nothing else says whose data is meant.

use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{forge::Forge, *};

impl Reply {
    /// Asserts the refusal of a token.
    #[track_caller]
    fn is_invalid_token(&self) {
        assert_eq!(self.error(), (401, "invalid_token".to_owned(), String::new()), "{}", self.text);
        assert_eq!(self.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    }
}

both! {
    async fn rb_scope_and_perm_a_token_does_what_both_its_scope_and_its_user_may(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let read = server.token(&server.acme, &server.acme.machine(), &[("scope", "users:read")]).await;
        let admin = server.bearer(&server.acme, &read);
        let weak = server.machine_with(&server.acme, &["users:read"]).await;
        let weak = server
            .bearer(&server.acme, &server.token(&server.acme, &weak, &[("scope", "users:read users:write")]).await);
        let before = database.dump().await;
        let jane = document("user", json!({"email": "jane@example.com", "password": PASSWORD}), &[]);
        for caller in [&admin, &weak] {
            caller.get("users").await.is(200);
            caller.post("users", &jane).await.is_error(403, "");
        }
        assert_eq!(admin.post("users", &jane).await.detail(), "The access token lacks the scope users:write.");
        assert_eq!(weak.post("users", &jane).await.detail(), "The token's user lacks the permission users:create.");
        assert_eq!(database.dump().await, before);
    }

    async fn ap_auth_a_bad_authorization_header_is_never_taken_for_none(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let good = server.admin_token(&server.acme).await;
        let send = async |values: &[&str]| {
            let request = server.request(&server.acme, Method::GET, "/api/users");
            Reply::of(values.iter().fold(request, |request, value| request.header("authorization", *value))).await
        };
        for value in [format!("Bearer {good}"), format!("bearer {good}"), format!("BEARER {good}")] {
            send(&[&value]).await.is(200);
        }
        let (signature, long) = (format!("{good}x"), "x".repeat(9_000));
        for bad in ["abc", "a.b.c", "pay_at_abc", &signature, &good[1..], &long] {
            send(&[&format!("Bearer {bad}")]).await.is_invalid_token();
        }
        for other in [format!("Basic {good}"), "Basic YTpi".to_owned(), format!("DPoP {good}"), format!("Token {good}")]
        {
            send(&[&other]).await.is_invalid_token();
        }
        let (bearer, spaced) = (format!("Bearer {good}"), format!("Bearer  {good}"));
        for malformed in [
            &["Bearer"] as &[&str],
            &["Bearer "],
            &[&spaced],
            &["Bearer a b"],
            &["Bearer a,b"],
            &[&bearer, &bearer],
            &[""],
        ] {
            let refused = send(malformed).await;
            refused.is_error(400, "Authorization");
            assert_eq!(refused.header("www-authenticate"), r#"Bearer error="invalid_request""#, "{malformed:?}");
        }
        let query = server.request(&server.acme, Method::GET, &format!("/api/users?access_token={good}"));
        assert_eq!(Reply::of(query).await.status, 401, "a token in the address is no token");
    }

    async fn rb_aud_a_token_for_another_api_or_the_issuer_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        // The other API has scopes of the same names, and the user may do everything.
        let docs =
            json!({"name": "Docs", "identifier": "https://docs.example", "scopes": ["users:read", "users:write"]});
        let docs = admin.create("resource-servers", "resource_server", docs, &[]).await;
        for format in ["jwt", "opaque"] {
            let attributes = json!({"name": "x", "grant_types": ["client_credentials"], "token_format": format});
            let machine = admin.register(attributes, None).await;
            server.acme.give(machine.user.as_deref().unwrap(), &admin.admin_role().await).await;
            let ask = async |form: &[(&str, &str)]| {
                let reply = server.oauth(&server.acme, "/oauth/token", &machine.credentials, form).await.is(200);
                reply.json()["access_token"].as_str().unwrap().to_owned()
            };
            let issuer = ask(&[("grant_type", "client_credentials")]).await;
            admin.grant(&machine.id, &docs, json!(null)).await;
            let other = ask(&[("grant_type", "client_credentials"), ("resource", "https://docs.example")]).await;
            let before = database.dump().await;
            for token in [&issuer, &other] {
                let caller = server.bearer(&server.acme, token);
                caller.get("users").await.is_invalid_token();
                caller.post("users", &document("user", json!({}), &[])).await.is_invalid_token();
            }
            assert_eq!(database.dump().await, before, "{format}");
        }
    }

    async fn rb_ctx_the_host_and_the_token_name_the_environment_and_nothing_else(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let jane = beta.user("jane@example.com").await;
        for (token, other) in [(&acme.token, &server.beta), (&beta.token, &server.acme)] {
            server.bearer(other, token.as_deref().unwrap()).get("users").await.is_invalid_token();
        }
        let ids = acme.get("users").await.is(200).ids();
        for (name, value) in [
            ("x-environment", "beta-test"),
            ("x-org-id", "beta"),
            ("x-forwarded-host", "beta-test.paylent.test"),
            ("forwarded", "host=beta-test.paylent.test"),
            ("x-http-method-override", "DELETE"),
            ("x-original-url", "/api/clients"),
        ] {
            let reply = Reply::of(acme.request(Method::GET, "users").header(name, value)).await.is(200);
            assert_eq!(reply.ids(), ids, "{name}");
            assert!(!reply.text.contains(&jane));
        }
        let before = database.dump().await;
        for parameter in ["environment=beta-test", "environment_id=1", "filter[environment_id]=1", "tenant=beta"] {
            let name = parameter.split('=').next().unwrap();
            acme.get(&format!("users?{parameter}")).await.is_error(400, name);
        }
        let attributes = json!({"email": "eve@example.com", "password": PASSWORD, "environment_id": server.beta.host});
        acme.post("users", &document("user", attributes, &[])).await.is_error(422, &at("environment_id"));
        assert_eq!(database.dump().await, before);
    }

    /// Truly signed by the environment's own key, but for nobody who is here.
    async fn rb_nouser_a_token_without_a_user_of_the_environment_may_do_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let forge = Forge::of(&server, &server.acme).await;
        server.bearer(&server.acme, &forge.good()).get("users").await.is(200);
        let theirs = server.beta.seeded.service_user.to_string();
        let before = database.dump().await;
        let client_id = server.acme.seeded.client_id.clone();
        for subject in [json!(null), json!(""), json!(client_id), json!(nobody()), json!(theirs), json!(7)] {
            let caller = server.bearer(&server.acme, &forge.claim("sub", subject.clone()));
            let refused = caller.get("users").await;
            assert!([401, 403].contains(&refused.status), "{subject}: {}", refused.text);
            let jane = json!({"email": "jane@example.com", "password": PASSWORD});
            let refused = caller.post("users", &document("user", jane, &[])).await;
            assert!([401, 403].contains(&refused.status), "{subject}: {}", refused.text);
        }
        assert_eq!(database.dump().await, before);
        let shop = server.admin(&server.acme).await.register(json!({"name": "Shop"}), None).await;
        let form = [("grant_type", "client_credentials")];
        let refused = server.oauth(&server.acme, "/oauth/token", &shop.credentials, &form).await;
        refused.is_oauth_error(400, "unauthorized_client");
    }

    async fn a_token_dies_with_its_time_and_with_its_revocation(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = server.acme.role("readers", &["users:read"]).await;
        for format in ["jwt", "opaque"] {
            let machine = admin.machine(None).await;
            server.acme.give(machine.user.as_deref().unwrap(), &role).await;
            let set = json!({"token_format": format, "access_token_ttl": 60});
            admin.patch(&format!("clients/{}", machine.id), &change("client", &machine.id, set)).await.is(200);
            let [revoked, expiring] = [
                server.token(&server.acme, &machine.credentials, &[]).await,
                server.token(&server.acme, &machine.credentials, &[]).await,
            ];
            let form = [("token", revoked.as_str())];
            server.oauth(&server.acme, "/oauth/revoke", &machine.credentials, &form).await.is(200);
            server.bearer(&server.acme, &revoked).get("users").await.is_invalid_token();
            server.bearer(&server.acme, &expiring).get("users").await.is(200);
            server.clock.advance_seconds(121);
            server.bearer(&server.acme, &expiring).get("users").await.is_invalid_token();
        }
    }
}
