//! `POST /oauth/revoke`. Catalogue section A8.

use paylent_crypto::secret::{SecretHash, SecretKind, generate};
use paylent_domain::{Clock as _, client::ClientType};
use paylent_oauth::{Store as _, store::OpaqueToken};
use paylent_tests::both;
use reqwest::Method;

use crate::support::{Reply, TestServer, forge::Forge, oauth::Format};

both! {
    /// A revoked token is refused from the answer on.
    async fn rv_own_at(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = server.opaque_reader(acme, &database).await;
        for client in [acme.machine(), opaque] {
            for format in Format::ALL {
                let (token, other) = (server.token(acme, &client, &[]).await, server.token(acme, &client, &[]).await);
                assert_eq!(server.users_with(acme, &token).await.status, 200);
                let post = server.request(acme, Method::POST, "/oauth/revoke").basic_auth(&client.0, Some(&client.1));
                let reply = Reply::of(format.write(post, &[("token", &token)])).await;
                assert_eq!((reply.status, reply.text.as_str()), (200, "{}"));
                assert_eq!(
                    (reply.header("cache-control"), reply.header("content-type")),
                    ("no-store", "application/json")
                );
                let refused = server.users_with(acme, &token).await;
                refused.is_error(401, "");
                assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
                assert_eq!(server.introspect(acme, &client, &token).await.text, r#"{"active":false}"#);
                assert_eq!(server.users_with(acme, &other).await.status, 200, "its sibling lives");
            }
        }
    }

    /// What is no living token needs no revoking.
    async fn rv_unknown(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = server.opaque_reader(acme, &database).await;
        let machine = acme.machine();
        let (jwt, stored) = (server.token(acme, &machine, &[]).await, server.token(acme, &opaque, &[]).await);
        let forge = Forge::of(&server, acme).await;
        let foreign = server.admin_token(&server.beta).await;
        for (client, token) in [(&machine, &jwt), (&opaque, &stored)] {
            assert_eq!(server.revoke(acme, client, token).await.status, 200);
        }
        let before = database.dump().await;
        for (client, token) in [
            (&machine, "garbage"),
            (&machine, "a.b.c"),
            (&machine, &jwt[..jwt.len() - 1]),
            (&machine, &jwt),
            (&machine, &foreign),
            (&machine, &forge.claim("exp", 1.into())),
            (&opaque, &stored),
            (&opaque, &format!("pay_at_{}", "A".repeat(43))),
            (&opaque, &format!("pay_rt_{}", "A".repeat(43))),
            (&opaque, &"x".repeat(60_000)),
        ] {
            let reply = server.revoke(acme, client, token).await;
            assert_eq!((reply.status, reply.text.as_str()), (200, "{}"), "{token}");
        }
        assert_eq!(database.dump().await, before);
        assert_eq!(server.users_with(&server.beta, &foreign).await.status, 200);

        let (jwt, stored) = (server.token(acme, &machine, &[]).await, server.token(acme, &opaque, &[]).await);
        server.clock.advance_seconds(3_600);
        let before = database.dump().await;
        for (client, token) in [(&machine, &jwt), (&opaque, &stored)] {
            assert_eq!(server.revoke(acme, client, token).await.status, 200);
        }
        assert_eq!(database.dump().await, before);
    }

    /// Nobody revokes the tokens of others.
    async fn rv_foreign(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = server.opaque_reader(acme, &database).await;
        let other = acme.add_client(|_| ()).await.credentials;
        let public =
            acme.add_client(|client| (client.client_type, client.secret_hash) = (ClientType::Public, None)).await;
        for owner in [acme.machine(), opaque] {
            let token = server.token(acme, &owner, &[]).await;
            let before = database.dump().await;
            server.revoke(acme, &other, &token).await.is_oauth_error(400, "unauthorized_client");
            let form = [("token", token.as_str()), ("client_id", public.credentials.0.as_str())];
            let by_public = Reply::of(server.request(acme, Method::POST, "/oauth/revoke").form(&form)).await;
            by_public.is_oauth_error(400, "unauthorized_client");
            assert_eq!(database.dump().await, before);
            assert_eq!(server.users_with(acme, &token).await.status, 200);
        }
    }

    async fn rv_unauth(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let (machine, token) = (acme.machine(), server.admin_token(acme).await);
        let before = database.dump().await;
        for form in [
            &[("token", token.as_str())][..],
            &[("token", &token), ("client_id", &machine.0)],
            &[("token", &token), ("client_id", &machine.0), ("client_secret", "wrong")],
            &[("token", &token), ("client_id", "nobody")],
        ] {
            let reply = Reply::of(server.request(acme, Method::POST, "/oauth/revoke").form(form)).await;
            reply.is_oauth_error(401, "invalid_client");
        }
        assert_eq!(database.dump().await, before);
        assert_eq!(server.users_with(acme, &token).await.status, 200);
    }

    /// A public client revokes its own token by its name alone.
    async fn rv_public(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let public =
            acme.add_client(|client| (client.client_type, client.secret_hash) = (ClientType::Public, None)).await;
        // No grant of this issue gives a public client a token.
        let token = generate(SecretKind::AccessToken).unwrap();
        let now = server.clock.now();
        let stored = OpaqueToken {
            family_id: None,
            organization_id: None,
            hash: SecretHash::of(token.expose()),
            client_id: public.credentials.0.clone(),
            user_id: acme.seeded.service_user,
            audience: acme.api(),
            scopes: ["users:read".to_owned()].into_iter().collect(),
            issued_at: now,
            expires_at: Some(now.plus_seconds(60)),
            client_generation: 0,
            user_generation: 0,
        };
        acme.seeded.env.save_access_token(stored).await.unwrap();
        assert_eq!(server.users_with(acme, token.expose()).await.status, 200);
        let form = [("token", token.expose()), ("client_id", public.credentials.0.as_str())];
        assert_eq!(Reply::of(server.request(acme, Method::POST, "/oauth/revoke").form(&form)).await.status, 200);
        assert_eq!(server.users_with(acme, token.expose()).await.status, 401);
    }

    /// Nobody is told that a token is dead while it may live.
    async fn rv_dberr(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = server.opaque_reader(acme, &database).await;
        for (table, client) in
            [("denied_tokens", acme.machine()), ("access_tokens", opaque), ("clients", acme.machine())]
        {
            let token = server.token(acme, &client, &[]).await;
            database.execute(&format!("ALTER TABLE {table} RENAME TO away")).await;
            for reply in [server.revoke(acme, &client, &token).await, server.introspect(acme, &client, &token).await] {
                reply.is_oauth_error(503, "temporarily_unavailable");
                assert!(reply.header("retry-after").parse::<u64>().is_ok(), "{table}");
                assert!(!reply.text.contains(table), "{}", reply.text);
            }
            assert_eq!(server.users_with(acme, &token).await.status, 503, "{table}");
            database.execute(&format!("ALTER TABLE away RENAME TO {table}")).await;
        }
    }
}
