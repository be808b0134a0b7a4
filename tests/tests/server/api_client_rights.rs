//! What a client can do ends with the client, and nobody reaches through a client for more than they have.

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

const CLERK: [&str; 6] =
    ["clients:create", "clients:read", "clients:update", "clients:delete", "client-grants:create", "users:read"];

both! {
    async fn ca_disabled_a_deactivated_client_and_its_tokens_are_dead_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = server.acme.role("readers", &["users:read"]).await;
        for format in ["jwt", "opaque"] {
            let machine = admin.machine(None).await;
            server.acme.give(machine.user.as_deref().unwrap(), &role).await;
            let path = format!("clients/{}", machine.id);
            let set = |attributes: Value| change("client", &machine.id, attributes);
            admin.patch(&path, &set(json!({"token_format": format}))).await.is(200);
            let token = server.token(&server.acme, &machine.credentials, &[]).await;
            let caller = server.bearer(&server.acme, &token);
            caller.get("users").await.is(200);
            admin.patch(&path, &set(json!({"active": false}))).await.is(200);
            assert_eq!(caller.get("users").await.error().1, "invalid_token", "{format}");
            let form = [("grant_type", "client_credentials")];
            let refused = server.oauth(&server.acme, "/oauth/token", &machine.credentials, &form).await;
            refused.is_oauth_error(401, "invalid_client");
            admin.patch(&path, &set(json!({"active": true}))).await.is(200);
            assert_eq!(caller.get("users").await.status, 401, "{format}: the old token came back to life");
            let fresh = server.token(&server.acme, &machine.credentials, &[]).await;
            server.bearer(&server.acme, &fresh).get("users").await.is(200);
            admin.delete(&path).await.is(200);
            assert_eq!(server.bearer(&server.acme, &fresh).get("users").await.status, 401, "{format}");
            let refused = server.oauth(&server.acme, "/oauth/token", &machine.credentials, &form).await;
            refused.is_oauth_error(401, "invalid_client");
        }
    }

    async fn rb_client_grant_a_client_for_a_more_powerful_user_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let clerk = server.caller_with(&server.acme, &CLERK).await;
        let (boss, peer) = (admin.user("boss@example.com").await, admin.user("peer@example.com").await);
        server.acme.give(&boss, &admin.admin_role().await).await;
        server.acme.give(&peer, &server.acme.role("readers", &["users:read"]).await).await;
        let client = |user: &str| {
            document("client", json!({"name": "x", "grant_types": ["client_credentials"]}), &[("user", "user", user)])
        };
        let before = database.dump().await;
        let refused = clerk.post("clients", &client(&boss)).await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("lacks the permission"), "{}", refused.text);
        clerk.post("clients", &client(&nobody())).await.is_error(404, "/data/relationships/user");
        assert_eq!(database.dump().await, before);
        let made = clerk.post("clients", &client(&peer)).await.is(201);
        assert_eq!(made.json()["data"]["relationships"]["user"]["data"]["id"], peer);
        let users = database.count("users").await;
        admin.delete(&format!("clients/{}", made.id())).await.is(200);
        assert_eq!(database.count("users").await, users, "an existing user does not go with the client");
    }

    async fn rb_client_edit_a_more_powerful_client_is_out_of_reach(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let clerk = server.caller_with(&server.acme, &CLERK).await;
        let strong = admin.only(&format!("clients?filter[client_id]={}", server.acme.machine().0)).await;
        let weak = admin.register(json!({"name": "Weak"}), None).await.id;
        let before = database.dump().await;
        for attributes in
            [json!({"redirect_uris": ["https://evil.example"]}), json!({"active": false}), json!({"name": "x"})]
        {
            let refused = clerk.patch(&format!("clients/{strong}"), &change("client", &strong, attributes)).await;
            refused.is_error(403, "");
        }
        clerk.delete(&format!("clients/{strong}")).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
        clerk.patch(&format!("clients/{weak}"), &change("client", &weak, json!({"name": "Weaker"}))).await.is(200);
        clerk.delete(&format!("clients/{weak}")).await.is(200);
    }

    async fn rb_client_grant_scopes_beyond_the_callers_permissions_are_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let own = [CLERK.as_slice(), &["client-grants:update", "users:create", "users:update"]].concat();
        let clerk = server.caller_with(&server.acme, &own).await;
        let client = admin.register(json!({"name": "x", "grant_types": ["client_credentials"]}), None).await.id;
        let api = admin.management_api().await;
        let grant = |scopes: Value| {
            let related = [("client", "client", client.as_str()), ("resource_server", "resource_server", &api)];
            document("client_grant", json!({"allowed_scopes": scopes}), &related)
        };
        let before = database.dump().await;
        // `write` covers create and update; the clerk lacks `users:delete`, and `null` means every scope.
        for scopes in [Value::Null, json!(["users:delete"]), json!(["users:read", "signing-keys:write"])] {
            let refused = clerk.post("client-grants", &grant(scopes)).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains("lacks the permission"), "{}", refused.text);
        }
        assert_eq!(database.dump().await, before);
        let made = clerk.post("client-grants", &grant(json!(["users:read", "users:write"]))).await.is(201).id();
        let before = database.dump().await;
        for scopes in [Value::Null, json!(["roles:write"])] {
            let widen = change("client_grant", &made, json!({"allowed_scopes": scopes}));
            clerk.patch(&format!("client-grants/{made}"), &widen).await.is_error(403, "");
        }
        assert_eq!(database.dump().await, before);
        let narrow = change("client_grant", &made, json!({"allowed_scopes": ["users:read"]}));
        clerk.patch(&format!("client-grants/{made}"), &narrow).await.is(200);
    }
}
