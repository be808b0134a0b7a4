//! `POST /oauth/introspect`. Catalogue section A8.

use paylent_domain::{Clock as _, client::ClientType, client::TokenFormat, user::UserChange};
use paylent_storage::Expected;
use paylent_tests::{both, seed};
use reqwest::Method;

use crate::support::{
    Reply, TestServer,
    forge::Forge,
    oauth::{Format, essence},
    raw::{exchange, request, statuses},
};

const DEAD: &str = r#"{"active":false}"#;

both! {
    async fn in_unauth(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let token = server.admin_token(acme).await;
        let public =
            acme.add_client(|client| (client.client_type, client.secret_hash) = (ClientType::Public, None)).await;
        let before = database.dump().await;
        for form in [
            &[("token", token.as_str())][..],
            &[("token", &token), ("client_id", &public.credentials.0)],
            &[("token", &token), ("client_id", &acme.machine().0)],
            &[("token", &token), ("client_id", &acme.machine().0), ("client_secret", "wrong")],
        ] {
            let reply = Reply::of(server.request(acme, Method::POST, "/oauth/introspect").form(form)).await;
            reply.is_oauth_error(401, "invalid_client");
            assert!(reply.header("www-authenticate").starts_with("Basic realm="));
        }
        let bearer =
            server.request(acme, Method::POST, "/oauth/introspect").bearer_auth(&token).form(&[("token", &token)]);
        Reply::of(bearer).await.is_oauth_error(400, "invalid_request");
        assert_eq!(database.dump().await, before);
    }

    /// The tokens of others are as dead as no token.
    async fn in_foreign(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let (mine, theirs) = (acme.add_client(|_| ()).await.credentials, server.opaque_reader(acme, &database).await);
        for owner in [&acme.machine(), &theirs] {
            let token = server.token(acme, owner, &[]).await;
            let reply = server.introspect(acme, &mine, &token).await;
            assert_eq!((reply.status, reply.text.as_str()), (200, DEAD));
            assert_eq!(server.introspect(acme, owner, &token).await.json()["active"], true);
        }
    }

    /// Whatever is wrong with a token, the answer is the same to the byte.
    async fn in_inactive(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let machine = acme.machine();
        let opaque = server.opaque_reader(acme, &database).await;
        let (jwt, stored) = (server.admin_token(acme).await, server.token(acme, &opaque, &[]).await);
        let mut answers = Vec::new();
        let forge = Forge::of(&server, acme).await;
        let random = "A".repeat(43);
        for (client, token) in [
            (&machine, "x"),
            (&machine, "a.b.c"),
            (&machine, &jwt[..jwt.len() - 1]),
            (&machine, &jwt[1..]),
            (&machine, &format!("{jwt}x")),
            (&machine, &format!(" {jwt}")),
            (&machine, &server.admin_token(&server.beta).await),
            (&machine, &forge.claim("exp", 1.into())),
            (&machine, &forge.claim("jti", serde_json::Value::Null)),
            (&machine, &stored),
            (&opaque, &jwt),
            (&opaque, &stored[..stored.len() - 1]),
            (&opaque, &format!("{stored}x")),
            (&opaque, &stored.to_uppercase()),
            (&opaque, &format!("pay_at_{random}")),
            (&opaque, &format!("pay_rt_{random}")),
            (&opaque, &format!("pay_ac_{random}")),
            (&opaque, &format!("pay_se_{random}")),
            (&opaque, &opaque.1),
            (&opaque, &"x".repeat(60_000)),
            (&opaque, "\u{e9}\u{1f600}"),
        ] {
            answers.push((token.to_owned(), essence(&server.introspect(acme, client, token).await)));
        }
        for (client, token) in [(&machine, jwt), (&opaque, stored)] {
            assert_eq!(server.introspect(acme, client, &token).await.json()["active"], true);
            assert_eq!(server.revoke(acme, client, &token).await.status, 200);
            answers.push(("revoked".to_owned(), essence(&server.introspect(acme, client, &token).await)));
        }
        for (token, (status, _, body)) in &answers {
            assert_eq!((*status, body.as_str()), (200, DEAD), "{token}");
        }
        assert!(answers.iter().all(|(_, answer)| *answer == answers[0].1), "{answers:#?}");

        let body = format!("token={}", "x".repeat(1 << 20));
        let head = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len());
        let huge = exchange(server.address, request("POST /oauth/introspect", &acme.host, &head, &body)).await;
        assert_eq!(statuses(&huge), [413], "a body of more than 64 KiB is not looked at");
    }

    /// A token dies with what it depends on: its time, its user, its environment's cut-off, its key.
    async fn in_inactive_with_what_it_depends_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let mut clients = Vec::new();
        for format in [TokenFormat::Jwt, TokenFormat::Opaque] {
            let client = acme.add_client(|client| client.token_format = format).await;
            acme.allow(client.id, acme.system_api().await, None).await;
            clients.push(client);
        }
        let dead = async |client, token: &str, why| {
            assert_eq!(server.introspect(acme, client, token).await.text, DEAD, "{why}");
            assert_eq!(server.users_with(acme, token).await.status, 401, "{why}");
        };
        let alive = async |client: &(String, String)| {
            let token = server.token(acme, client, &[]).await;
            assert_eq!(server.introspect(acme, client, &token).await.json()["active"], true);
            token
        };
        for client in &clients {
            let token = alive(&client.credentials).await;
            server.clock.advance_seconds(3_599);
            assert_eq!(server.introspect(acme, &client.credentials, &token).await.json()["active"], true);
            server.clock.advance_seconds(1);
            dead(&client.credentials, &token, "expired").await;

            let token = alive(&client.credentials).await;
            let change = UserChange { active: Some(false), ..Default::default() };
            acme.seeded.env.update_user(client.user, change, &Expected::Any, &seed::by()).await.unwrap().unwrap();
            dead(&client.credentials, &token, "its user is deactivated").await;
            server.ask(acme, &client.credentials, &[]).await.is_oauth_error(400, "unauthorized_client");
            let change = UserChange { active: Some(true), ..Default::default() };
            acme.seeded.env.update_user(client.user, change, &Expected::Any, &seed::by()).await.unwrap().unwrap();

            let token = alive(&client.credentials).await;
            let cut_off = server.clock.now().plus_seconds(1).micros();
            database.execute(&format!("UPDATE environments SET not_before = {cut_off}")).await;
            dead(&client.credentials, &token, "not_before").await;
            server.clock.advance_seconds(2);
            alive(&client.credentials).await;
        }
    }

    async fn in_shape(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = server.opaque_reader(acme, &database).await;
        for client in [acme.machine(), opaque] {
            let token = server.token(acme, &client, &[("scope", "users:read")]).await;
            let before = database.dump().await;
            let reply = server.introspect(acme, &client, &token).await;
            let now = server.clock.now().seconds();
            let mut json = reply.json();
            let sub = json.as_object_mut().unwrap().remove("sub").unwrap();
            assert!(sub.as_str().unwrap().parse::<paylent_domain::Id<()>>().is_ok() && sub != client.0.as_str());
            assert_eq!(
                json,
                serde_json::json!({
                    "active": true,
                    "scope": "users:read",
                    "client_id": client.0,
                    "token_type": "Bearer",
                    "exp": now + 3600,
                    "iat": now,
                    "aud": acme.api(),
                    "iss": acme.issuer(),
                })
            );
            assert_eq!((reply.header("cache-control"), reply.header("content-type")), ("no-store", "application/json"));
            assert_eq!(database.dump().await, before);
        }
    }

    async fn in_method(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let (machine, token) = (acme.machine(), server.admin_token(acme).await);
        for path in ["/oauth/introspect", "/oauth/revoke"] {
            for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let request = server.request(acme, method, &format!("{path}?token={token}"));
                let reply = Reply::of(request.basic_auth(&machine.0, Some(&machine.1))).await;
                assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
            }
            for form in [&[][..], &[("token", "")], &[("token_type_hint", "access_token")]] {
                server.oauth(acme, path, &machine, form).await.is_oauth_error(400, "invalid_request");
            }
            let query = format!("{path}?token={token}");
            server.oauth(acme, &query, &machine, &[]).await.is_oauth_error(400, "invalid_request");
        }
        for hint in ["access_token", "refresh_token", "unknown", ""] {
            let form = [("token", token.as_str()), ("token_type_hint", hint)];
            let reply = server.oauth(acme, "/oauth/introspect", &machine, &form).await;
            assert_eq!(reply.json()["active"], true, "{hint}");
        }
        for format in Format::ALL {
            let post = server.request(acme, Method::POST, "/oauth/introspect").basic_auth(&machine.0, Some(&machine.1));
            assert_eq!(Reply::of(format.write(post, &[("token", &token)])).await.json()["active"], true, "{format:?}");
        }
    }
}
