//! `/api/scopes`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn scope(attributes: Value, server: &str) -> Value {
    document("scope", attributes, &[("resource_server", "resource_server", server)])
}

/// Makes a resource server and returns its id.
async fn api(admin: &Caller<'_>, name: &str) -> String {
    let attributes = json!({"name": name, "identifier": format!("https://{name}.example")});
    admin.create("resource-servers", "resource_server", attributes, &[]).await
}

both! {
    async fn a_scope_is_made_shown_changed_and_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let docs = api(&admin, "docs").await;
        let attributes = json!({"name": "read:documents", "description": "Read documents"});
        let made = admin.post("scopes", &scope(attributes, &docs)).await.is(201);
        let (id, path) = (made.id(), format!("scopes/{}", made.id()));
        let now = made.attribute("created_at");
        let expected = json!({"name": "read:documents", "description": "Read documents", "system": false,
            "created_at": now, "updated_at": now});
        assert_eq!(made.json()["data"]["attributes"], expected);
        let owner = &made.json()["data"]["relationships"]["resource_server"]["data"];
        assert_eq!(owner, &json!({"type": "resource_server", "id": docs}));
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], made.json()["data"]);
        let changed = admin.patch(&path, &change("scope", &id, json!({"description": null}))).await.is(200);
        assert_eq!((changed.attribute("description"), changed.attribute("name")), (Value::Null, json!("read:documents")));
        for list in [
            format!("scopes?filter[resource_server]={docs}"),
            "scopes?filter[name]=read:documents".to_owned(),
            format!("resource-servers/{docs}/scopes"),
            format!("resource-servers/{docs}/relationships/scopes"),
        ] {
            assert_eq!(admin.only(&list).await, id, "{list}");
        }
        admin.delete(&path).await.is(200);
        admin.get(&path).await.is_error(404, "");
        admin.delete(&path).await.is_error(404, "");
    }

    async fn every_rule_of_a_scope_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let docs = api(&admin, "docs").await;
        let longest = json!({"name": "~".repeat(100), "description": "é".repeat(255)});
        let id = admin.post("scopes", &scope(longest, &docs)).await.is(201).id();
        let path = format!("scopes/{id}");
        let before = database.dump().await;
        for (name, value) in [
            ("name", json!("")),
            ("name", json!("x".repeat(101))),
            ("name", json!("a b")),
            ("name", json!("a\"b")),
            ("name", json!("a\\b")),
            ("name", json!("é")),
            ("name", json!(7)),
            ("description", json!("x".repeat(256))),
            ("description", json!(7)),
            ("system", json!(false)),
        ] {
            let mut attributes = json!({"name": "read"});
            attributes[name] = value.clone();
            let refused = admin.post("scopes", &scope(attributes, &docs)).await.is(422);
            assert_eq!(refused.places(), [at(name)], "{name} {value}");
        }
        let read = json!({"name": "read"});
        let place = "/data/relationships/resource_server";
        admin.post("scopes", &document("scope", read.clone(), &[])).await.is_error(422, place);
        for missing in [&nobody(), "x"] {
            admin.post("scopes", &scope(read.clone(), missing)).await.is_error(404, place);
        }
        assert_eq!(admin.patch(&path, &change("scope", &id, read)).await.is(422).places(), [at("name")], "it is fixed");
        let mut moved = change("scope", &id, json!({}));
        let other = json!({"data": {"type": "resource_server", "id": docs}});
        moved["data"]["relationships"] = json!({"resource_server": other});
        assert_eq!(admin.patch(&path, &moved).await.is(422).places(), [place], "it stays where it is");
        assert_eq!(database.dump().await, before);
    }

    async fn a_name_belongs_to_one_scope_of_each_resource_server(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (docs, mail) = (api(&admin, "docs").await, api(&admin, "mail").await);
        let read = json!({"name": "read:all"});
        let first = admin.post("scopes", &scope(read.clone(), &docs)).await.is(201).id();
        let before = database.dump().await;
        admin.post("scopes", &scope(read.clone(), &docs)).await.is_error(409, &at("name"));
        assert_eq!(database.dump().await, before);
        server.clock.advance_seconds(1);
        let second = admin.post("scopes", &scope(read, &mail)).await.is(201).id();
        assert_eq!(admin.get("scopes?filter[name]=read:all").await.ids(), [first, second]);
    }

    async fn rb_system_the_scopes_of_the_management_api_stay_as_they_are(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let api = admin.management_api().await;
        let id = admin.only(&format!("scopes?filter[resource_server]={api}&filter[name]=users:read")).await;
        let path = format!("scopes/{id}");
        assert_eq!(admin.get(&path).await.is(200).attribute("system"), true);
        let before = database.dump().await;
        for reply in [
            admin.post("scopes", &scope(json!({"name": "everything"}), &api)).await,
            admin.patch(&path, &change("scope", &id, json!({"description": "x"}))).await,
            admin.delete(&path).await,
        ] {
            reply.is_error(403, "");
            assert_eq!(reply.error().1, "system_resource");
        }
        assert_eq!(database.dump().await, before);
    }

    /// A scope made again under an old name is a new one: nobody was granted it.
    async fn a_deleted_scope_is_gone_from_every_grant_and_from_the_next_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let docs = api(&admin, "docs").await;
        let read = admin.post("scopes", &scope(json!({"name": "read"}), &docs)).await.is(201).id();
        admin.post("scopes", &scope(json!({"name": "write"}), &docs)).await.is(201);
        let machine = admin.register(json!({"name": "x", "grant_types": ["client_credentials"]}), None).await;
        let grant = admin.grant(&machine.id, &docs, json!(["read", "write"])).await;
        let form = |scope| [("resource", "https://docs.example"), ("scope", scope)];
        let told = server.ask(&server.acme, &machine.credentials, &form("read write")).await.is(200);
        assert_eq!(told.json()["scope"], "read write");
        admin.delete(&format!("scopes/{read}")).await.is(200);
        let shown = admin.get(&format!("client-grants/{grant}")).await.is(200);
        assert_eq!(shown.attribute("allowed_scopes"), json!(["write"]));
        admin.post("scopes", &scope(json!({"name": "read"}), &docs)).await.is(201);
        server.ask(&server.acme, &machine.credentials, &form("read")).await.is_oauth_error(400, "invalid_scope");
        let told = server.ask(&server.acme, &machine.credentials, &[form("")[0]]).await.is(200);
        assert_eq!(told.json()["scope"], "write");
    }
}
