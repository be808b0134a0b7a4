//! `/api/permissions` and `/api/role-permissions`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn permission(attributes: Value) -> Value {
    document("permission", attributes, &[])
}

fn holding(role: &str, permission: &str) -> Value {
    let ends = [("role", "role", role), ("permission", "permission", permission)];
    document("role_permission", json!({}), &ends)
}

both! {
    async fn a_permission_is_made_shown_changed_and_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let attributes = json!({"name": "posts:write", "description": "Write posts"});
        let made = admin.post("permissions", &permission(attributes)).await.is(201);
        let (id, path) = (made.id(), format!("permissions/{}", made.id()));
        let now = made.attribute("created_at");
        let expected = json!({"name": "posts:write", "description": "Write posts", "system": false,
            "created_at": now, "updated_at": now});
        assert_eq!(made.json()["data"]["attributes"], expected);
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], made.json()["data"]);
        let changed = admin.patch(&path, &change("permission", &id, json!({"description": null}))).await.is(200);
        assert_eq!((changed.attribute("description"), changed.attribute("name")), (Value::Null, json!("posts:write")));
        assert_eq!(admin.get("permissions?filter[system]=false").await.ids(), [id.as_str()]);

        // The admin role holds every permission, the new ones too.
        let role = admin.admin_role().await;
        assert_eq!(admin.only(&format!("roles?filter[permission]={id}")).await, role);
        assert_eq!(admin.only(&format!("permissions/{id}/roles")).await, role);
        assert_eq!(admin.only(&format!("roles/{role}/permissions?filter[name]=posts:write")).await, id);
        admin.only(&format!("role-permissions?filter[permission]={id}&filter[role]={role}")).await;
        assert_eq!(admin.delete(&path).await.is(200).json()["meta"], json!({}));
        admin.get(&path).await.is_error(404, "");
        admin.delete(&path).await.is_error(404, "");
        assert_eq!(admin.get(&format!("role-permissions?filter[permission]={id}")).await.ids(), Vec::<String>::new());
    }

    async fn every_rule_of_a_permission_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let longest = format!("posts_2:{}", "w".repeat(92));
        let longest = permission(json!({"name": longest, "description": "é".repeat(255)}));
        let id = admin.post("permissions", &longest).await.is(201).id();
        let path = format!("permissions/{id}");
        let before = database.dump().await;
        for name in ["posts", "posts:", ":read", "Posts:read", "posts:read:all", "posts read", "", "a:é", "a:b\n"] {
            let refused = admin.post("permissions", &permission(json!({"name": name}))).await.is(422);
            assert_eq!(refused.places(), [at("name")], "{name:?}");
        }
        let too_long = format!("posts:{}", "w".repeat(95));
        for (name, value) in [
            ("name", json!(too_long)),
            ("name", json!(7)),
            ("name", json!(null)),
            ("description", json!("x".repeat(256))),
            ("description", json!(7)),
            ("system", json!(true)),
        ] {
            let mut attributes = json!({"name": "posts:read"});
            attributes[name] = value.clone();
            assert_eq!(admin.post("permissions", &permission(attributes)).await.is(422).places(), [at(name)], "{value}");
        }
        for attributes in [json!({"name": "posts:read"}), json!({"name": longest["data"]["attributes"]["name"]})] {
            let refused = admin.patch(&path, &change("permission", &id, attributes)).await.is(422);
            assert_eq!(refused.places(), [at("name")], "a name is fixed, also when it is the same");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn a_name_belongs_to_one_permission_of_an_environment(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let posts = permission(json!({"name": "posts:read"}));
        admin.post("permissions", &posts).await.is(201);
        let before = database.dump().await;
        admin.post("permissions", &posts).await.is_error(409, &at("name"));
        admin.post("permissions", &permission(json!({"name": "users:read"}))).await.is_error(409, &at("name"));
        assert_eq!(database.dump().await, before);
        beta.post("permissions", &posts).await.is(201);
    }

    async fn rb_system_the_permissions_that_guard_the_api_stay_as_they_are(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.only("permissions?filter[name]=users:read").await;
        let path = format!("permissions/{id}");
        assert_eq!(admin.get(&path).await.is(200).attribute("system"), true);
        let before = database.dump().await;
        for reply in [
            admin.patch(&path, &change("permission", &id, json!({"description": "x"}))).await,
            admin.delete(&path).await,
        ] {
            reply.is_error(403, "");
            assert_eq!(reply.error().1, "system_resource");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn a_role_is_given_a_permission_once_and_loses_it_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = server.acme.role("Reader", &[]).await;
        let read = admin.only("permissions?filter[name]=users:read").await;
        let jane = admin.user("jane@example.com").await;
        server.acme.give(&jane, &role).await;
        let machine = admin.machine(Some(&jane)).await;
        let token = server.token(&server.acme, &machine.credentials, &[]).await;
        let reader = server.bearer(&server.acme, &token);
        reader.get("users").await.is_error(403, "");

        let made = admin.post("role-permissions", &holding(&role, &read)).await.is(201);
        let path = format!("role-permissions/{}", made.id());
        let data = made.json()["data"].clone();
        assert_eq!(data["attributes"], json!({"created_at": made.attribute("created_at")}));
        let related = |name: &str| data["relationships"][name]["data"].clone();
        assert_eq!(related("role"), json!({"type": "role", "id": role}));
        assert_eq!(related("permission"), json!({"type": "permission", "id": read}));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], data);
        assert_eq!(admin.only(&format!("role-permissions?filter[role]={role}")).await, made.id());
        reader.get("users").await.is(200);
        let again = admin.post("role-permissions", &holding(&role, &read)).await;
        again.is_error(409, "/data/relationships/permission");
        admin.delete(&path).await.is(200);
        assert!(reader.get("users").await.is(403).detail().contains("users:read"), "rb_immediate");
        admin.delete(&path).await.is_error(404, "");
    }

    async fn both_ends_of_a_holding_must_be_there(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let role = server.acme.role("Reader", &[]).await;
        let permission = admin.only("permissions?filter[name]=users:read").await;
        let foreign = beta.only("permissions?filter[name]=users:read").await;
        let before = database.dump().await;
        for (document, status, place) in [
            (holding(&nobody(), &permission), 404, "role"),
            (holding(&role, &nobody()), 404, "permission"),
            (holding(&role, &foreign), 404, "permission"),
            (holding("x", &permission), 404, "role"),
            (document("role_permission", json!({}), &[("role", "role", &role)]), 422, "permission"),
        ] {
            let refused = admin.post("role-permissions", &document).await;
            refused.is_error(status, &format!("/data/relationships/{place}"));
        }
        let swapped = document("role_permission", json!({}), &[
            ("role", "permission", &permission),
            ("permission", "role", &role),
        ]);
        let places = admin.post("role-permissions", &swapped).await.is(422).places();
        assert_eq!(places, ["/data/relationships/permission/data/type", "/data/relationships/role/data/type"]);
        assert_eq!(database.dump().await, before);
    }

    /// A role is as good as a person: whoever could fill it could fill their own.
    async fn rb_role_perm_nobody_gives_or_takes_a_permission_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let rights = ["roles:read", "role-permissions:read", "role-permissions:create", "role-permissions:delete",
            "permissions:read", "permissions:create", "permissions:delete"];
        let clerk = server.caller_with(&server.acme, &rights).await;
        let role = server.acme.role("Strong", &["users:delete"]).await;
        let id = async |name: &str| admin.only(&format!("permissions?filter[name]={name}")).await;
        let (lacked, held) = (id("users:delete").await, id("roles:read").await);
        let holding_lacked = admin.only(&format!("role-permissions?filter[role]={role}")).await;
        let custom = admin.post("permissions", &permission(json!({"name": "posts:read"}))).await.is(201).id();
        let other = server.acme.role("Weak", &[]).await;
        let before = database.dump().await;
        let link = |role: &str| format!("roles/{role}/relationships/permissions");
        let named = linkage("permission", &[&lacked]);
        for reply in [
            clerk.post("role-permissions", &holding(&other, &lacked)).await,
            clerk.delete(&format!("role-permissions/{holding_lacked}")).await,
            clerk.post(&link(&other), &named).await,
            clerk.patch(&link(&other), &named).await,
            clerk.patch(&link(&role), &linkage("permission", &[])).await,
            clerk.send(reqwest::Method::DELETE, &link(&role), &named).await,
        ] {
            reply.is_error(403, "");
            assert!(reply.detail().contains("users:delete"), "{}", reply.text);
        }
        let refused = clerk.delete(&format!("permissions/{custom}")).await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("posts:read"), "{}", refused.text);
        assert_eq!(database.dump().await, before);
        clerk.post("role-permissions", &holding(&other, &held)).await.is(201);
        clerk.patch(&link(&other), &linkage("permission", &[])).await.is(200);
    }
}
