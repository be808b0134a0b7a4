//! `/api/roles`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn role(attributes: Value) -> Value {
    document("role", attributes, &[])
}

both! {
    async fn a_role_is_made_shown_changed_and_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let made = admin.post("roles", &role(json!({"name": "Editor", "description": "Writes posts"}))).await.is(201);
        let path = format!("roles/{}", made.id());
        let url = format!("{}/{path}", server.acme.api());
        let now = made.attribute("created_at");
        let expected = json!({"name": "Editor", "description": "Writes posts", "system": false, "created_at": now,
            "updated_at": now, "user_count": 0, "permission_count": 0});
        assert_eq!(made.json()["data"]["attributes"], expected);
        assert_eq!(made.header("location"), url);
        let links = |name: &str| json!({"self": format!("{url}/relationships/{name}"), "related": format!("{url}/{name}")});
        let expected = json!({"permissions": {"links": links("permissions")}, "users": {"links": links("users")}});
        assert_eq!(made.json()["data"]["relationships"], expected);
        assert_eq!(admin.get(&path).await.is(200).json()["data"], made.json()["data"]);
        assert_eq!(admin.only("roles?filter[name]=Editor").await, made.id());

        let renamed = admin.patch(&path, &change("role", &made.id(), json!({"name": "Author"}))).await.is(200);
        assert_eq!(
            (renamed.attribute("name"), renamed.attribute("description")),
            (json!("Author"), json!("Writes posts"))
        );
        let cleared = admin.patch(&path, &change("role", &made.id(), json!({"description": null}))).await.is(200);
        assert_eq!((cleared.attribute("name"), cleared.attribute("description")), (json!("Author"), Value::Null));
        assert!(cleared.attribute("updated_at").as_str() > made.attribute("updated_at").as_str());
        assert_eq!(admin.delete(&path).await.is(200).json()["meta"], json!({}));
        admin.get(&path).await.is_error(404, "");
        admin.delete(&path).await.is_error(404, "");
    }

    async fn every_rule_of_a_role_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let longest = role(json!({"name": "é".repeat(100), "description": "é".repeat(255)}));
        let id = admin.post("roles", &longest).await.is(201).id();
        let before = database.dump().await;
        for (name, value) in [
            ("name", json!("")),
            ("name", json!("  ")),
            ("name", json!("x".repeat(101))),
            ("name", json!("a\u{202e}b")),
            ("name", json!(null)),
            ("name", json!(7)),
            ("description", json!("x".repeat(256))),
            ("description", json!("a\u{2028}b")),
            ("description", json!(["x"])),
            ("user_count", json!(1)),
            ("permission_count", json!(1)),
            ("system", json!(true)),
            ("permissions", json!(["users:read"])),
        ] {
            let mut attributes = json!({"name": "Editor"});
            attributes[name] = value.clone();
            let made = admin.post("roles", &role(attributes)).await.is(422);
            assert_eq!(made.places(), [at(name)], "create {name} {value}");
            let changed = admin.patch(&format!("roles/{id}"), &change("role", &id, json!({name: value}))).await.is(422);
            assert_eq!(changed.places(), [at(name)], "update {name} {value}");
        }
        assert_eq!(admin.post("roles", &role(json!({}))).await.is(422).error().1, "required");
        assert_eq!(database.dump().await, before);
    }

    async fn a_name_belongs_to_one_role_of_an_environment(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let editor = role(json!({"name": "Editor"}));
        admin.post("roles", &editor).await.is(201);
        let other = admin.post("roles", &role(json!({"name": "editor"}))).await.is(201).id();
        let before = database.dump().await;
        admin.post("roles", &editor).await.is_error(409, &at("name"));
        admin.post("roles", &role(json!({"name": "admin"}))).await.is_error(409, &at("name"));
        let taken = change("role", &other, json!({"name": "Editor"}));
        admin.patch(&format!("roles/{other}"), &taken).await.is_error(409, &at("name"));
        assert_eq!(database.dump().await, before);
        let same = change("role", &other, json!({"name": "editor"}));
        admin.patch(&format!("roles/{other}"), &same).await.is(200);
        beta.post("roles", &editor).await.is(201);
    }

    async fn rb_system_the_role_that_came_with_the_environment_stays_as_it_is(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.admin_role().await;
        let path = format!("roles/{id}");
        let shown = admin.get(&path).await.is(200);
        assert_eq!((shown.attribute("name"), shown.attribute("system")), (json!("admin"), json!(true)));
        assert!(admin.get("roles?filter[system]=true").await.ids().contains(&id));
        let permission = admin.get("permissions?filter[name]=users:read").await.ids().remove(0);
        let held = admin.only(&format!("role-permissions?filter[role]={id}&filter[permission]={permission}")).await;
        let mine = admin.post("permissions", &document("permission", json!({"name": "posts:read"}), &[])).await.id();
        let mine_held = admin.only(&format!("role-permissions?filter[role]={id}&filter[permission]={mine}")).await;
        let before = database.dump().await;
        let link = format!("{path}/relationships/permissions");
        let (nothing, one) = (linkage("permission", &[]), linkage("permission", &[&mine]));
        for reply in [
            admin.patch(&path, &change("role", &id, json!({"name": "boss"}))).await,
            admin.patch(&path, &change("role", &id, json!({"description": "x"}))).await,
            admin.delete(&path).await,
            admin.delete(&format!("role-permissions/{held}")).await,
            admin.delete(&format!("role-permissions/{mine_held}")).await,
            admin.patch(&link, &nothing).await,
            admin.patch(&link, &one).await,
            admin.send(reqwest::Method::DELETE, &link, &one).await,
        ] {
            reply.is_error(403, "");
            assert_eq!(reply.error().1, "system_resource", "{}", reply.text);
        }
        assert_eq!(database.dump().await, before);
    }

    async fn only_a_role_on_its_own_tells_how_many_hold_it_and_how_much_it_holds(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = server.acme.role("Editor", &["posts:read", "posts:write", "users:read"]).await;
        let other = server.acme.role("Reader", &["posts:read"]).await;
        for name in ["ann", "bob"] {
            let user = server.acme.person(&format!("{name}@example.com")).await;
            server.acme.give(&user, &id).await;
            server.acme.give(&user, &other).await;
        }
        // What is held in an organization is not held in the environment.
        let (ann, acme) = (admin.user("eve@example.com").await, admin.organization("Acme").await);
        let membership = admin.member(&ann, &acme).await;
        admin.give_there(&membership, &id).await;
        let counts = |reply: &Reply| (reply.attribute("user_count"), reply.attribute("permission_count"));
        let path = format!("roles/{id}");
        assert_eq!(counts(&admin.get(&path).await.is(200)), (json!(2), json!(3)));
        assert_eq!(counts(&admin.get(&format!("roles/{other}")).await.is(200)), (json!(2), json!(1)));
        let changed = admin.patch(&path, &change("role", &id, json!({"description": "x"}))).await.is(200);
        assert_eq!(counts(&changed), (json!(2), json!(3)));
        let sparse = admin.get(&format!("{path}?fields[role]=user_count")).await.is(200);
        assert_eq!(sparse.json()["data"]["attributes"], json!({"user_count": 2}));

        let user = admin.only("users?filter[email]=ann@example.com").await;
        for list in ["roles".to_owned(), format!("users/{user}/roles"), format!("users/{user}?include=roles")] {
            let json = admin.get(&list).await.is(200).json();
            let rows = json.get("included").unwrap_or(&json["data"]).as_array().unwrap();
            assert!(rows.len() > 1, "{list}");
            for row in rows {
                let names = row["attributes"].as_object().unwrap();
                assert!(!names.contains_key("user_count") && !names.contains_key("permission_count"), "{list}");
            }
        }
    }

    async fn a_role_that_is_deleted_is_gone_from_those_who_held_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = server.acme.role("Reader", &["users:read"]).await;
        let jane = admin.user("jane@example.com").await;
        server.acme.give(&jane, &role).await;
        let machine = admin.machine(Some(&jane)).await;
        let token = server.token(&server.acme, &machine.credentials, &[]).await;
        let reader = server.bearer(&server.acme, &token);
        reader.get("users").await.is(200);
        let (acme, permission) = (admin.organization("Acme").await, admin.only("permissions?filter[name]=users:read").await);
        let membership = admin.member(&jane, &acme).await;
        admin.give_there(&membership, &role).await;
        admin.delete(&format!("roles/{role}")).await.is(200);
        assert!(reader.get("users").await.is(403).detail().contains("users:read"));
        for list in ["user-roles", "role-permissions", "membership-roles"] {
            assert_eq!(admin.get(&format!("{list}?filter[role]={role}")).await.ids(), Vec::<String>::new(), "{list}");
        }
        admin.get(&format!("permissions/{permission}")).await.is(200);
        admin.get(&format!("memberships/{membership}")).await.is(200);
    }

    async fn rb_role_perm_nobody_deletes_a_role_that_holds_what_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let clerk = server.caller_with(&server.acme, &["roles:read", "roles:delete", "roles:create"]).await;
        let strong = server.acme.role("Strong", &["roles:read", "users:delete"]).await;
        let weak = server.acme.role("Weak", &["roles:read"]).await;
        let before = database.dump().await;
        let refused = clerk.delete(&format!("roles/{strong}")).await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("users:delete"), "{}", refused.text);
        assert_eq!(database.dump().await, before);
        clerk.delete(&format!("roles/{weak}")).await.is(200);
    }
}
