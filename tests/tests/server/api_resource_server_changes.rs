//! `/api/resource-servers`: how they are changed and deleted, and who may introspect their tokens.

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

const IDENTIFIER: &str = "https://docs.example";

/// Makes the resource server of this test and returns its id.
async fn docs(admin: &Caller<'_>) -> String {
    let attributes = json!({"name": "Docs", "identifier": IDENTIFIER, "scopes": ["read"]});
    admin.create("resource-servers", "resource_server", attributes, &[]).await
}

/// A machine client that may have tokens for the resource server.
async fn machine_for(admin: &Caller<'_>, server: &str) -> Machine {
    let machine = admin.register(json!({"name": "Caller", "grant_types": ["client_credentials"]}), None).await;
    admin.grant(&machine.id, server, Value::Null).await;
    machine
}

/// A token for the resource server.
async fn token(server: &TestServer, machine: &Machine) -> String {
    let reply = server.ask(&server.acme, &machine.credentials, &[("resource", IDENTIFIER)]).await.is(200);
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

both! {
    async fn a_resource_server_is_changed_within_its_limits(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = docs(&admin).await;
        let path = format!("resource-servers/{id}");
        let machine = machine_for(&admin, &id).await;
        for ttl in [60, 86_400] {
            let changed = admin.patch(&path, &change("resource_server", &id, json!({"token_ttl": ttl}))).await.is(200);
            assert_eq!(changed.attribute("token_ttl"), ttl);
            let told = server.ask(&server.acme, &machine.credentials, &[("resource", IDENTIFIER)]).await.is(200);
            assert_eq!(told.json()["expires_in"], ttl, "the next token lives as long");
        }
        let attributes = json!({"name": "é".repeat(100), "allow_offline_access": true});
        let changed = admin.patch(&path, &change("resource_server", &id, attributes)).await.is(200);
        assert_eq!(changed.attribute("name"), "é".repeat(100));
        assert_eq!((changed.attribute("allow_offline_access"), changed.attribute("token_ttl")), (json!(true), json!(86_400)));
        let before = database.dump().await;
        for (name, value) in [
            ("name", json!("")),
            ("name", json!("x".repeat(101))),
            ("name", json!(null)),
            ("token_ttl", json!(59)),
            ("token_ttl", json!(86_401)),
            ("token_ttl", json!(-1)),
            ("token_ttl", json!(60.5)),
            ("token_ttl", json!("60")),
            ("token_ttl", json!(null)),
            ("allow_offline_access", json!("yes")),
            ("identifier", json!("https://other.example")),
            ("identifier", json!(IDENTIFIER)),
            ("scopes", json!(["write"])),
            ("system", json!(true)),
        ] {
            let refused = admin.patch(&path, &change("resource_server", &id, json!({name: value}))).await.is(422);
            assert_eq!(refused.places(), [at(name)], "{name} {value}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn rb_system_the_management_api_is_neither_changed_nor_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.management_api().await;
        let path = format!("resource-servers/{id}");
        let before = database.dump().await;
        for reply in [
            admin.patch(&path, &change("resource_server", &id, json!({"token_ttl": 60}))).await,
            admin.patch(&path, &change("resource_server", &id, json!({"name": "Mine"}))).await,
            admin.delete(&path).await,
        ] {
            reply.is_error(403, "");
            assert_eq!(reply.error().1, "system_resource");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn a_deleted_resource_server_takes_its_scopes_and_grants_along_and_its_tokens_die(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = docs(&admin).await;
        let machine = machine_for(&admin, &id).await;
        let reader = admin.register(json!({"name": "Reader"}), None).await;
        let link = format!("resource-servers/{id}/relationships/introspection_clients");
        admin.post(&link, &linkage("client", &[&reader.id])).await.is(200);
        let (path, events) = (format!("resource-servers/{id}"), database.count("audit_events").await);
        admin.delete(&path).await.is(200);
        admin.get(&path).await.is_error(404, "");
        for list in ["scopes", "client-grants"] {
            let left = admin.get(&format!("{list}?filter[resource_server]={id}")).await.is(200);
            assert_eq!(left.ids(), Vec::<String>::new(), "{list}");
        }
        assert_eq!(database.count("introspection_clients").await, 0);
        assert_eq!(database.count("audit_events").await, events + 1);
        let gone = server.ask(&server.acme, &machine.credentials, &[("resource", IDENTIFIER)]).await;
        gone.is_oauth_error(400, "invalid_target");
        admin.get(&format!("clients/{}", machine.id)).await.is(200);
        docs(&admin).await;
    }

    /// Decision 10: who is listed there may see what tokens of other clients for that audience are worth.
    async fn in_foreign_a_listed_client_introspects_other_clients_tokens_for_that_audience(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = docs(&admin).await;
        let machine = machine_for(&admin, &id).await;
        let gateway = admin.register(json!({"name": "Gateway"}), None).await;
        let link = format!("resource-servers/{id}/relationships/introspection_clients");
        let (listed, dead) = (linkage("client", &[&gateway.id]), json!({"active": false}));
        for format in ["jwt", "opaque"] {
            let set = change("client", &machine.id, json!({"token_format": format}));
            admin.patch(&format!("clients/{}", machine.id), &set).await.is(200);
            let token = token(&server, &machine).await;
            let seen = async || server.introspect(&server.acme, &gateway.credentials, &token).await.is(200).json();
            assert_eq!(seen().await, dead, "{format}: not listed yet");
            admin.post(&link, &listed).await.is(200);
            assert_eq!(admin.only(&link).await, gateway.id);
            assert_eq!(admin.only(&format!("resource-servers/{id}/introspection_clients")).await, gateway.id);
            let told = seen().await;
            assert_eq!(
                (&told["active"], &told["aud"], &told["client_id"]),
                (&json!(true), &json!(IDENTIFIER), &json!(machine.credentials.0)),
                "{format}"
            );
            let other = server.admin_token(&server.acme).await;
            let other = server.introspect(&server.acme, &gateway.credentials, &other).await.is(200).json();
            assert_eq!(other, dead, "{format}: a token for another audience");
            let back = server.introspect(&server.acme, &machine.credentials, &token).await.is(200).json();
            assert_eq!(back["active"], true, "{format}: its own");
            admin.send(reqwest::Method::DELETE, &link, &listed).await.is(200);
            assert_eq!(seen().await, dead, "{format}: not listed any more");
        }
    }

    async fn in_foreign_the_management_api_lists_clients_too_and_never_a_public_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let api = admin.management_api().await;
        let link = format!("resource-servers/{api}/relationships/introspection_clients");
        let gateway = admin.register(json!({"name": "Gateway"}), None).await;
        let token = server.admin_token(&server.acme).await;
        admin.patch(&link, &linkage("client", &[&gateway.id])).await.is(200);
        let seen = server.introspect(&server.acme, &gateway.credentials, &token).await.is(200);
        assert_eq!(seen.json()["active"], true);
        let public = admin.register(json!({"name": "App", "client_type": "public"}), None).await;
        let before = database.dump().await;
        let both = linkage("client", &[&gateway.id, &public.id]);
        admin.post(&link, &both).await.is_error(422, "/data/1");
        admin.patch(&link, &both).await.is_error(422, "/data/1");
        assert_eq!(database.dump().await, before);
        admin.delete(&format!("clients/{}", gateway.id)).await.is(200);
        assert_eq!(admin.get(&link).await.is(200).ids(), Vec::<String>::new(), "it goes with the client");
    }
}
