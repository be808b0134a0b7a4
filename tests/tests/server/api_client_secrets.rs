//! `PATCH /api/clients/{id}/rotate-secret`

use paylent_tests::both;
use serde_json::json;

use crate::support::*;

both! {
    /// From the answer on, only the new secret proves the client; what was issued before lives on.
    async fn cl_rotate_only_the_new_secret_proves_the_client_and_its_tokens_live_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = admin.admin_role().await;
        for format in ["jwt", "opaque"] {
            let machine = admin.machine(None).await;
            server.acme.give(machine.user.as_ref().unwrap(), &role).await;
            let set = change("client", &machine.id, json!({"token_format": format}));
            admin.patch(&format!("clients/{}", machine.id), &set).await.is(200);
            let token = server.token(&server.acme, &machine.credentials, &[]).await;
            let path = format!("clients/{}/rotate-secret", machine.id);
            let rotated = Reply::of(admin.request(reqwest::Method::PATCH, &path)).await.is(200);
            let json = rotated.json();
            let secret = json["meta"]["client_secret"].as_str().unwrap().to_owned();
            assert!(secret.starts_with("pay_cs_") && secret != machine.credentials.1, "{format}");
            assert_eq!(json["meta"]["client_id"], machine.credentials.0.as_str());
            assert_eq!(rotated.id(), machine.id);

            let old = server.ask(&server.acme, &machine.credentials, &[]).await;
            old.is_oauth_error(401, "invalid_client");
            server.introspect(&server.acme, &machine.credentials, &token).await.is_oauth_error(401, "invalid_client");
            let new = (machine.credentials.0.clone(), secret.clone());
            let fresh = server.token(&server.acme, &new, &[]).await;
            for token in [&token, &fresh] {
                server.users_with(&server.acme, token).await.is(200);
                assert_eq!(server.introspect(&server.acme, &new, token).await.is(200).json()["active"], true, "{format}");
            }
            let shown = admin.get(&format!("clients/{}", machine.id)).await.is(200);
            assert!(!shown.text.contains(&secret) && shown.json()["meta"].get("client_secret").is_none());
            assert!(!database.dump().await.iter().any(|row| row.contains(&secret)), "it is kept as a hash");
        }
    }

    async fn each_rotation_gives_another_secret_and_only_the_last_one_works(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.machine(None).await;
        let path = format!("clients/{}/rotate-secret", machine.id);
        let mut secrets = vec![machine.credentials.1.clone()];
        for _ in 0..3 {
            let rotated = admin.patch(&path, &change("client", &machine.id, json!({}))).await.is(200);
            secrets.push(rotated.json()["meta"]["client_secret"].as_str().unwrap().to_owned());
        }
        for (index, secret) in secrets.iter().enumerate() {
            let asked = server.ask(&server.acme, &(machine.credentials.0.clone(), secret.clone()), &[]).await;
            assert_eq!(asked.status, if index == 3 { 200 } else { 401 }, "secret {index}");
        }
    }

    async fn a_public_client_has_no_secret_to_rotate_and_a_rotation_takes_no_attributes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let public = admin.register(json!({"name": "App", "client_type": "public"}), None).await.id;
        let machine = admin.machine(None).await;
        let before = database.dump().await;
        let refused = Reply::of(admin.request(reqwest::Method::PATCH, &format!("clients/{public}/rotate-secret"))).await;
        refused.is_error(409, "");
        assert_eq!(refused.error().1, "public_client");
        let path = format!("clients/{}/rotate-secret", machine.id);
        let chosen = change("client", &machine.id, json!({"client_secret": "pay_cs_mine"}));
        assert_eq!(admin.patch(&path, &chosen).await.is(422).places(), [at("client_secret")]);
        admin.patch(&path, &change("client", &public, json!({}))).await.is_error(409, "/data/id");
        let missing = format!("clients/{}/rotate-secret", nobody());
        Reply::of(admin.request(reqwest::Method::PATCH, &missing)).await.is_error(404, "");
        assert_eq!(database.dump().await, before);
        server.token(&server.acme, &machine.credentials, &[]).await;
    }

    /// Whoever could rotate the secret of a stronger client could become it.
    async fn rb_client_edit_the_secret_of_a_more_powerful_client_is_out_of_reach(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let clerk = server.caller_with(&server.acme, &["clients:read", "clients:update"]).await;
        let client = server.acme.seeded.client;
        let before = database.dump().await;
        let path = format!("clients/{client}/rotate-secret");
        Reply::of(clerk.request(reqwest::Method::PATCH, &path)).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
        server.admin_token(&server.acme).await;
    }
}
