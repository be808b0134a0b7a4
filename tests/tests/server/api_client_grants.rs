//! `/api/client-grants`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn grant(client: &str, server: &str, attributes: Value) -> Value {
    document(
        "client_grant",
        attributes,
        &[("client", "client", client), ("resource_server", "resource_server", server)],
    )
}

/// A client for client credentials and a resource server with two scopes.
async fn pair(admin: &Caller<'_>) -> (Machine, String) {
    let machine = admin.register(json!({"name": "Backend", "grant_types": ["client_credentials"]}), None).await;
    let attributes =
        json!({"name": "Docs", "identifier": "https://docs.example", "scopes": ["read:documents", "write:documents"]});
    (machine, admin.create("resource-servers", "resource_server", attributes, &[]).await)
}

both! {
    async fn a_grant_is_made_shown_changed_and_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (machine, docs) = pair(&admin).await;
        let made = admin.post("client-grants", &grant(&machine.id, &docs, json!({}))).await.is(201);
        let id = made.id();
        let path = format!("client-grants/{id}");
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        let now = made.attribute("created_at");
        let expected = json!({"allowed_scopes": null, "created_at": now, "updated_at": now});
        assert_eq!(made.json()["data"]["attributes"], expected);
        for (name, kind, other) in [("client", "client", &machine.id), ("resource_server", "resource_server", &docs)] {
            let linkage = json!({"type": kind, "id": other});
            assert_eq!(made.json()["data"]["relationships"][name]["data"], linkage);
            assert_eq!(admin.get(&format!("{path}/relationships/{name}")).await.is(200).json()["data"], linkage);
            assert_eq!(admin.get(&format!("{path}/{name}")).await.is(200).id(), *other);
            assert_eq!(admin.get(&format!("client-grants?filter[{name}]={other}")).await.ids(), [id.as_str()]);
        }
        admin
            .post("client-grants", &grant(&machine.id, &docs, json!({})))
            .await
            .is_error(409, "/data/relationships/resource_server");
        for scopes in [json!(["write:documents", "read:documents"]), json!([]), Value::Null] {
            let reply =
                admin.patch(&path, &change("client_grant", &id, json!({"allowed_scopes": scopes}))).await.is(200);
            let sorted = |value: &Value| {
                value.as_array().map(|names| {
                    let mut names: Vec<String> = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
                    names.sort();
                    names
                })
            };
            assert_eq!(sorted(&reply.attribute("allowed_scopes")), sorted(&scopes));
        }
        let nothing = admin.patch(&path, &change("client_grant", &id, json!({}))).await.is(200);
        assert_eq!(nothing.attribute("allowed_scopes"), Value::Null);
        admin.delete(&path).await.is(200);
        admin.delete(&path).await.is_error(404, "");
        admin.get(&path).await.is_error(404, "");
    }

    async fn every_rule_of_a_grant_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (machine, docs) = pair(&admin).await;
        let (client, before) = (machine.id.as_str(), database.dump().await);
        admin
            .post("client-grants", &grant(&nobody(), &docs, json!({})))
            .await
            .is_error(404, "/data/relationships/client");
        let missing = admin.post("client-grants", &grant(client, &nobody(), json!({}))).await;
        missing.is_error(404, "/data/relationships/resource_server");
        let none = admin.post("client-grants", &document("client_grant", json!({}), &[])).await.is(422);
        assert_eq!(none.places(), ["/data/relationships/client", "/data/relationships/resource_server"]);
        for (scopes, place) in [
            (json!(["read:documents", "users:read"]), "allowed_scopes/1"),
            (json!(["a b"]), "allowed_scopes/0"),
            (json!("read:documents"), "allowed_scopes"),
            (json!([1]), "allowed_scopes/0"),
        ] {
            let reply =
                admin.post("client-grants", &grant(client, &docs, json!({"allowed_scopes": scopes}))).await.is(422);
            assert_eq!(reply.places(), [at(place)], "{scopes}");
        }
        assert_eq!(database.dump().await, before);
        let made = admin.post("client-grants", &grant(client, &docs, json!({}))).await.is(201).id();
        let path = format!("client-grants/{made}");
        let before = database.dump().await;
        let unknown = change("client_grant", &made, json!({"allowed_scopes": ["nothing"]}));
        assert_eq!(admin.patch(&path, &unknown).await.is(422).places(), [at("allowed_scopes/0")]);
        let mut moved = change("client_grant", &made, json!({}));
        moved["data"]["relationships"] = json!({"client": {"data": {"type": "client", "id": client}}});
        assert_eq!(admin.patch(&path, &moved).await.is(422).places(), ["/data/relationships/client"]);
        assert_eq!(database.dump().await, before);
    }

    /// Decision 6: nothing asked gives all that is allowed; `null` allows all, `[]` none.
    async fn a_grant_decides_which_scopes_a_token_may_have(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (machine, docs) = pair(&admin).await;
        let ask = async |scope: Option<&str>| {
            let mut form = vec![("grant_type", "client_credentials"), ("resource", "https://docs.example")];
            form.extend(scope.map(|scope| ("scope", scope)));
            server.oauth(&server.acme, "/oauth/token", &machine.credentials, &form).await
        };
        ask(None).await.is_oauth_error(400, "invalid_target");
        let id = admin.grant(&machine.id, &docs, json!(["read:documents"])).await;
        assert_eq!(ask(None).await.is(200).json()["scope"], "read:documents");
        ask(Some("read:documents write:documents")).await.is_oauth_error(400, "invalid_scope");
        let set = async |scopes: Value| {
            let document = change("client_grant", &id, json!({"allowed_scopes": scopes}));
            admin.patch(&format!("client-grants/{id}"), &document).await.is(200);
        };
        set(Value::Null).await;
        assert_eq!(ask(None).await.is(200).json()["scope"], "read:documents write:documents");
        set(json!([])).await;
        assert!(matches!(ask(None).await.is(200).json().get("scope").and_then(Value::as_str), None | Some("")));
        ask(Some("read:documents")).await.is_oauth_error(400, "invalid_scope");
        admin.delete(&format!("client-grants/{id}")).await.is(200);
        ask(None).await.is_oauth_error(400, "invalid_target");
        let again = admin.grant(&machine.id, &docs, json!([])).await;
        admin.delete(&format!("clients/{}", machine.id)).await.is(200);
        admin.get(&format!("client-grants/{again}")).await.is_error(404, "");
    }
}
