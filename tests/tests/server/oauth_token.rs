//! `POST /oauth/token`: who gets which token. Catalogue section A6, and RFC 9068 as a foreign library reads it.

use josekit::{
    jwk::JwkSet,
    jws::{RS256, alg::rsassa::RsassaJwsVerifier},
    jwt,
};
use paylent_domain::client::{ClientType, GrantType, TokenFormat};
use paylent_tests::both;
use reqwest::Method;
use serde_json::Value;

use crate::support::{
    Reply, TestServer,
    forge::{claims, header},
    oauth::CLIENT_CREDENTIALS,
};

both! {
    /// Only POST is served, also when the credentials are in the query.
    async fn te_get(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let (id, secret) = server.acme.machine();
        let query = format!("/oauth/token?grant_type=client_credentials&client_id={id}&client_secret={secret}");
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            for path in ["/oauth/token", &query] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = server.request(&server.acme, method.clone(), path).basic_auth(&id, Some(&secret));
                let reply = Reply::of(request).await;
                assert_eq!((reply.status, reply.header("allow")), (405, "POST"), "{method} {path}");
                assert!(!reply.text.contains("access_token") && reply.header("access-control-allow-origin").is_empty());
                if method != Method::HEAD {
                    reply.is_oauth_error(405, "invalid_request");
                }
            }
        }
        assert_eq!(database.dump().await, before);
    }

    /// A grant type that does not exist, and none.
    async fn te_grant_bad(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        for grant in
            ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", "urn:x", "CLIENT_CREDENTIALS"]
        {
            let reply =
                server.oauth(&server.acme, "/oauth/token", &server.acme.machine(), &[("grant_type", grant)]).await;
            reply.is_oauth_error(400, "unsupported_grant_type");
        }
        for form in [&[][..], &[("grant_type", "")], &[("scope", "users:read")]] {
            let reply = server.oauth(&server.acme, "/oauth/token", &server.acme.machine(), form).await;
            reply.is_oauth_error(400, "invalid_request");
        }
        assert_eq!(database.dump().await, before);
    }

    /// A grant type that this client may not use; a public client may never use client credentials.
    async fn te_grant_na(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let without = server.acme.add_client(|client| client.grant_types = vec![GrantType::RefreshToken]).await;
        let public = server.acme.add_client(|client| {
            (client.client_type, client.secret_hash) = (ClientType::Public, None);
        });
        let public = public.await;
        let before = database.dump().await;
        server.ask(&server.acme, &without.credentials, &[]).await.is_oauth_error(400, "unauthorized_client");
        let form = [("grant_type", "client_credentials"), ("client_id", public.credentials.0.as_str())];
        let request = server.request(&server.acme, Method::POST, "/oauth/token").form(&form);
        Reply::of(request).await.is_oauth_error(400, "unauthorized_client");
        assert_eq!(database.dump().await, before);
    }

    /// Scopes outside the grant are refused; without a request all that are allowed are given.
    async fn te_cc_scope(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let (limited, nothing) = (acme.add_client(|_| ()).await, acme.add_client(|_| ()).await);
        acme.allow(limited.id, acme.system_api().await, Some(&["users:read", "clients:read"])).await;
        acme.allow(nothing.id, acme.system_api().await, Some(&[])).await;
        let before = database.dump().await;
        let api = acme.api();
        let many = "a".to_owned() + &" a".repeat(10_000);
        for (scope, code) in [
            ("users:write", "invalid_scope"),
            ("users:read users:write", "invalid_scope"),
            ("users:nothing", "invalid_scope"),
            ("USERS:READ", "invalid_scope"),
            ("users:read\"", "invalid_scope"),
            (&many, "invalid_scope"),
            (&"a".repeat(60_000), "invalid_scope"),
        ] {
            let reply = server.ask(acme, &limited.credentials, &[("resource", &api), ("scope", scope)]).await;
            reply.is_oauth_error(400, code);
        }
        let none = server.ask(acme, &nothing.credentials, &[("resource", &api), ("scope", "users:read")]).await;
        none.is_oauth_error(400, "invalid_scope");

        let given = async |client, scope: &[(&str, &str)]| {
            let reply = server.ask(acme, client, &[&[("resource", api.as_str())], scope].concat()).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            let scope = reply.json()["scope"].clone();
            assert_eq!(claims(reply.json()["access_token"].as_str().unwrap())["scope"], scope);
            scope
        };
        assert_eq!(given(&limited.credentials, &[]).await, "clients:read users:read");
        assert_eq!(given(&limited.credentials, &[("scope", "users:read")]).await, "users:read");
        assert_eq!(given(&nothing.credentials, &[]).await, Value::Null);
        assert_eq!(database.dump().await, before, "a signed token is not stored");
    }

    /// A resource takes a grant. Without `resource`, the one that the scopes or the grants point at.
    async fn te_cc_resource(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let (orders, stock) = (
            acme.add_api("https://orders.example", &["read", "write"]).await,
            acme.add_api("https://stock.example", &["read", "count"]).await,
        );
        let (none, one, two) =
            (acme.add_client(|_| ()).await, acme.add_client(|_| ()).await, acme.add_client(|_| ()).await);
        acme.allow(one.id, orders, None).await;
        acme.allow(two.id, orders, None).await;
        acme.allow(two.id, stock, None).await;
        let before = database.dump().await;

        let (api, foreign, issuer) = (acme.api(), server.beta.api(), acme.issuer());
        let evil = format!("{api}.evil");
        for resource in [
            &api,
            &foreign,
            &issuer,
            &evil,
            "https://nobody.example",
            "/api",
            "https://orders.example#x",
            "https://orders.example/",
            "HTTPS://orders.example",
        ] {
            for client in [&none, &one] {
                let reply = server.ask(acme, &client.credentials, &[("resource", resource)]).await;
                reply.is_oauth_error(400, "invalid_target");
            }
        }
        for (client, scope) in [(&none, "read"), (&two, "read"), (&one, "users:read")] {
            server.ask(acme, &client.credentials, &[("scope", scope)]).await.is_oauth_error(400, "invalid_target");
        }
        server.ask(acme, &two.credentials, &[]).await.is_oauth_error(400, "invalid_target");

        let audience = async |client: &(String, String), extra: &[(&str, &str)]| {
            let token = server.ask(acme, client, extra).await.json()["access_token"].as_str().unwrap().to_owned();
            assert_eq!(
                server.users_with(acme, &token).await.status,
                401,
                "never good for the Management API by accident"
            );
            claims(&token)["aud"].clone()
        };
        assert_eq!(audience(&none.credentials, &[]).await, issuer);
        assert_eq!(audience(&one.credentials, &[]).await, "https://orders.example");
        assert_eq!(audience(&two.credentials, &[("scope", "count")]).await, "https://stock.example");
        assert_eq!(
            audience(&two.credentials, &[("resource", "https://orders.example")]).await,
            "https://orders.example"
        );
        assert_eq!(database.dump().await, before);
    }

    /// Nobody keeps an answer, and every answer is JSON that a browser does not guess at.
    async fn te_headers(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, machine) = (&server.acme, server.acme.machine());
        let wrong = (machine.0.clone(), "wrong".to_owned());
        let good = server.ask(acme, &machine, &[]).await;
        for (status, reply) in [
            (200, good.clone()),
            (401, server.ask(acme, &wrong, &[]).await),
            (400, server.ask(acme, &machine, &[("scope", "nothing")]).await),
            (400, server.oauth(acme, "/oauth/token", &machine, &[]).await),
            (405, Reply::of(server.request(acme, Method::GET, "/oauth/token")).await),
        ] {
            assert_eq!(reply.status, status, "{}", reply.text);
            for (name, value) in [
                ("cache-control", "no-store"),
                ("pragma", "no-cache"),
                ("content-type", "application/json"),
                ("x-content-type-options", "nosniff"),
            ] {
                assert_eq!(reply.header(name), value, "{status} {name}");
            }
        }
        let json = good.json();
        assert_eq!((json["token_type"].as_str(), json["expires_in"].as_u64()), (Some("Bearer"), Some(3600)));
        let short = acme.add_client(|client| client.access_token_ttl = Some(60)).await;
        assert_eq!(server.ask(acme, &short.credentials, &[]).await.json()["expires_in"], 60);
    }

    /// What was sent does not come back.
    async fn te_reflect(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let canary = "canary<script>\"\\\u{e9}";
        let machine = server.acme.machine();
        for name in ["grant_type", "scope", "resource", "client_id", "client_secret", "code", canary] {
            let grant = (name != "grant_type").then_some(CLIENT_CREDENTIALS[0]);
            let form: Vec<(&str, &str)> = grant.into_iter().chain([(name, canary)]).collect();
            let reply = server.oauth(&server.acme, "/oauth/token", &machine, &form).await;
            assert!(!reply.text.contains("canary"), "{name}: {}", reply.text);
            match name {
                "code" => assert_eq!(reply.status, 200),
                _ if name == canary => assert_eq!(reply.status, 200),
                _ => reply.is_oauth_error(400, reply.json()["error"].as_str().unwrap()),
            }
        }
        let unknown = (canary.to_owned(), canary.to_owned());
        let reply = server.ask(&server.acme, &unknown, &[]).await;
        assert!(!reply.text.contains("canary") && !reply.header("www-authenticate").contains("canary"));
        reply.is_oauth_error(401, "invalid_client");
    }

    /// Parameters in the query are no parameters.
    async fn te_query_split(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (id, secret) = server.acme.machine();
        let post = async |query: &str, form: &[(&str, &str)]| {
            let request = server.request(&server.acme, Method::POST, &format!("/oauth/token?{query}"));
            Reply::of(request.basic_auth(&id, Some(&secret)).form(form)).await
        };
        let before = database.dump().await;
        post("grant_type=client_credentials", &[("scope", "users:read")]).await.is_oauth_error(400, "invalid_request");
        let all = server.ask(&server.acme, &server.acme.machine(), &[]).await.json();
        let ignored =
            post("scope=users:read&resource=https://x.example&grant_type=password", CLIENT_CREDENTIALS).await.json();
        assert_eq!((&ignored["scope"], &ignored["expires_in"]), (&all["scope"], &all["expires_in"]));
        assert_eq!(claims(ignored["access_token"].as_str().unwrap())["aud"], server.acme.api());
        assert_eq!(database.dump().await, before);
    }

    /// An empty value is no value. Unknown parameters are not looked at and not kept.
    async fn te_empty(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let machine = server.opaque_reader(&server.acme, &database).await;
        let plain = server.ask(&server.acme, &machine, &[]).await.json();
        let extra = [("scope", ""), ("resource", ""), ("client_secret", ""), ("unknown", "canary"), ("", "canary")];
        let reply = server.ask(&server.acme, &machine, &extra).await;
        assert_eq!((reply.status, &reply.json()["scope"]), (200, &plain["scope"]));
        let tokens = database.values("SELECT audience FROM access_tokens").await;
        assert_eq!(tokens, [server.acme.api(), server.acme.api()]);
        assert!(database.dump().await.iter().all(|row| !row.contains("canary")));
    }

    /// An environment without a key signs nothing. Opaque tokens need none.
    async fn ky_no_key(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let opaque = server.acme.add_client(|client| client.token_format = TokenFormat::Opaque).await;
        database.execute("UPDATE signing_keys SET is_primary = false, status = 'inactive', deactivated_at = 1").await;
        let reply = server.ask(&server.acme, &server.acme.machine(), &[]).await;
        reply.is_oauth_error(503, "temporarily_unavailable");
        assert!(reply.header("retry-after").parse::<u64>().is_ok());
        assert_eq!(server.ask(&server.acme, &opaque.credentials, &[]).await.status, 200);
        let keys = Reply::of(server.request(&server.acme, Method::GET, "/.well-known/jwks.json")).await;
        assert_eq!((keys.status, keys.text.as_str()), (200, r#"{"keys":[]}"#));
    }

    /// A key that was copied to another environment does not open there.
    async fn ky_at_rest(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let copied = "UPDATE signing_keys SET sealed_private_key = (SELECT k.sealed_private_key FROM signing_keys k \
                      JOIN environments e ON e.id = k.environment_id WHERE e.handle = 'auth')";
        database.execute(copied).await;
        for tenant in [&server.acme, &server.beta] {
            let reply = server.ask(tenant, &tenant.machine(), &[]).await;
            reply.is_oauth_error(reply.status, "server_error");
            assert_eq!(reply.status, 500);
        }
    }

    /// A resource server with another library and the published keys reads the token as RFC 9068 says.
    async fn a_foreign_library_accepts_the_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let token = server.admin_token(&server.acme).await;
        let keys = Reply::of(server.request(&server.acme, Method::GET, "/.well-known/jwks.json")).await;
        let keys = JwkSet::from_bytes(&keys.text).unwrap();
        let jwk = keys.get(header(&token)["kid"].as_str().unwrap())[0];
        let verifier: RsassaJwsVerifier = RS256.verifier_from_jwk(jwk).unwrap();
        let (payload, jws) = jwt::decode_with_verifier(&token, &verifier).unwrap();

        assert_eq!((jws.algorithm(), jws.token_type()), (Some("RS256"), Some("at+jwt")));
        let claims = payload.claims_set();
        let (issuer, service_user) = (server.acme.issuer(), server.acme.seeded.service_user.to_string());
        assert_eq!(payload.issuer(), Some(issuer.as_str()));
        assert_eq!(
            (claims["aud"].as_str(), payload.subject()),
            (Some(server.acme.api().as_str()), Some(service_user.as_str()))
        );
        assert_eq!(claims["client_id"], server.acme.machine().0);
        let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert_eq!((issued, expires - issued), (paylent_domain::Clock::now(&*server.clock).seconds(), 3600));
        assert!(claims["scope"].as_str().unwrap().split(' ').any(|scope| scope == "users:read"));
        assert_eq!(claims["roles"], serde_json::json!(["admin"]));
        assert!(claims["permissions"].as_array().unwrap().contains(&"users:read".into()));

        let another = server.admin_token(&server.acme).await;
        assert_ne!(payload.jwt_id(), jwt::decode_with_verifier(&another, &verifier).unwrap().0.jwt_id());
        let foreign = server.admin_token(&server.beta).await;
        assert_ne!(header(&foreign)["kid"], header(&token)["kid"]);
        assert!(jwt::decode_with_verifier(format!("{}x", &token[..token.len() - 1]), &verifier).is_err());
    }
}
