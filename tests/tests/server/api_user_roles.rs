//! `/api/user-roles` and `/api/roles`

use paylent_tests::both;
use serde_json::json;

use crate::support::*;

fn assignment(user: &str, role: &str) -> serde_json::Value {
    document("user_role", json!({}), &[("user", "user", user), ("role", "role", role)])
}

both! {
    async fn a_role_is_given_shown_with_both_ends_and_taken_back(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (user, role) = (admin.user("jane@example.com").await, server.acme.role("readers", &["users:read"]).await);
        let made = admin.post("user-roles", &assignment(&user, &role)).await.is(201);
        let id = made.id();
        let url = format!("{}/user-roles/{id}", server.acme.api());
        let related = |name: &str, id: &str| {
            json!({"data": {"type": name, "id": id},
            "links": {"self": format!("{url}/relationships/{name}"), "related": format!("{url}/{name}")}})
        };
        let relationships = json!({"user": related("user", &user), "role": related("role", &role)});
        assert_eq!(made.json()["data"]["relationships"], relationships);
        assert_eq!(made.json()["data"]["attributes"], json!({"created_at": made.attribute("created_at")}));
        assert_eq!(admin.get(&format!("user-roles/{id}")).await.is(200).json()["data"], made.json()["data"]);
        for (name, id_of) in [("user", &user), ("role", &role)] {
            let linkage = admin.get(&format!("user-roles/{id}/relationships/{name}")).await.is(200).json();
            assert_eq!(linkage["data"], json!({"type": name, "id": id_of}));
            assert_eq!(linkage["links"]["related"], format!("{url}/{name}"));
            let whole = admin.get(&format!("user-roles/{id}/{name}")).await.is(200);
            assert_eq!((whole.id(), &whole.json()["data"]["type"]), (id_of.clone(), &json!(name)));
        }
        assert_eq!(admin.get(&format!("user-roles?filter[user]={user}")).await.ids(), [id.as_str()]);
        assert_eq!(admin.get(&format!("user-roles?filter[role]={role}")).await.ids(), [id.as_str()]);
        admin.post("user-roles", &assignment(&user, &role)).await.is_error(409, "/data/relationships/role");
        admin.delete(&format!("user-roles/{id}")).await.is(200);
        admin.delete(&format!("user-roles/{id}")).await.is_error(404, "");
        admin.post("user-roles", &assignment(&user, &role)).await.is(201);
    }

    async fn both_ends_of_an_assignment_must_be_there(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (user, role) = (admin.user("jane@example.com").await, server.acme.role("readers", &[]).await);
        let before = database.dump().await;
        admin.post("user-roles", &assignment(&nobody(), &role)).await.is_error(404, "/data/relationships/user");
        admin.post("user-roles", &assignment(&user, &nobody())).await.is_error(404, "/data/relationships/role");
        admin.post("user-roles", &assignment(&role, &user)).await.is_error(404, "/data/relationships/user");
        admin.post("user-roles", &assignment("x", &role)).await.is_error(404, "/data/relationships/user");
        let none = admin.post("user-roles", &document("user_role", json!({}), &[])).await.is(422);
        assert_eq!(none.places(), ["/data/relationships/role", "/data/relationships/user"]);
        let wrong = document("user_role", json!({}), &[("user", "role", &role), ("role", "role", &role)]);
        admin.post("user-roles", &wrong).await.is_error(422, "/data/relationships/user/data/type");
        let many = json!({"data": {"type": "user_role", "relationships": {
            "role": {"data": {"type": "role", "id": role}},
            "user": {"data": [{"type": "user", "id": user}]}}}});
        admin.post("user-roles", &many).await.is_error(422, "/data/relationships/user/data");
        assert_eq!(database.dump().await, before);
    }

    async fn rb_self_role_and_rb_other_role_nobody_gives_what_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let own = ["user-roles:create", "user-roles:delete", "user-roles:read", "users:read"];
        let machine = server.machine_with(&server.acme, &own).await;
        let clerk = server.bearer(&server.acme, &server.token(&server.acme, &machine, &[]).await);
        let client = admin.only(&format!("clients?filter[client_id]={}", machine.0)).await;
        let me = admin.get(&format!("clients/{client}/user")).await.is(200).id();
        let jane = admin.user("jane@example.com").await;
        let stronger = server.acme.role("stronger", &["users:read", "clients:delete"]).await;
        let within = server.acme.role("within", &["users:read"]).await;
        let held = server.acme.give(&jane, &stronger).await;
        let admin_role = admin.admin_role().await;
        let before = database.dump().await;
        for user in [&me, &jane] {
            for role in [&stronger, &admin_role] {
                if user == &jane && role == &stronger {
                    continue;
                }
                let refused = clerk.post("user-roles", &assignment(user, role)).await;
                refused.is_error(403, "");
                assert!(refused.detail().contains("lacks the permission"), "{}", refused.text);
            }
        }
        let refused = clerk.delete(&format!("user-roles/{held}")).await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("clients:delete"), "{}", refused.text);
        assert_eq!(database.dump().await, before);
        let given = clerk.post("user-roles", &assignment(&jane, &within)).await.is(201).id();
        clerk.delete(&format!("user-roles/{given}")).await.is(200);
    }

    async fn rb_immediate_a_role_taken_away_is_gone_from_the_very_next_request(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.machine(None).await;
        let service = machine.user.clone().unwrap();
        let token = server.token(&server.acme, &machine.credentials, &[]).await;
        let caller = server.bearer(&server.acme, &token);
        let role = server.acme.role("readers", &["users:read"]).await;
        for _ in 0..2 {
            let refused = caller.get("users").await;
            assert_eq!(
                (refused.status, refused.detail()),
                (403, "The token's user lacks the permission users:read.".into())
            );
            let given = admin.post("user-roles", &assignment(&service, &role)).await.is(201).id();
            caller.get("users").await.is(200);
            admin.delete(&format!("user-roles/{given}")).await.is(200);
        }
        assert_eq!(caller.get("users").await.status, 403);
    }

    async fn the_roles_of_a_new_environment_are_there_from_the_start(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = server.acme.role("readers", &["users:read"]).await;
        let listed = admin.get("roles?sort=-created_at&page[count]=true").await.is(200);
        assert_eq!(listed.json()["meta"]["total"], 3, "admin, viewer and readers");
        assert!(listed.ids().contains(&role));
        let built_in = admin.get("roles?filter[name]=admin").await.is(200).json()["data"][0]["attributes"].clone();
        assert_eq!((&built_in["name"], &built_in["system"]), (&json!("admin"), &json!(true)));
        let shown = admin.get(&format!("roles/{role}")).await.is(200);
        assert_eq!((shown.attribute("name"), shown.attribute("system")), (json!("readers"), json!(false)));
        assert_eq!(shown.attribute("description"), serde_json::Value::Null);
        admin.get(&format!("roles/{}", nobody())).await.is_error(404, "");
    }
}
