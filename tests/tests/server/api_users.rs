//! `/api/users`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn user(attributes: Value) -> Value {
    document("user", attributes, &[])
}

both! {
    async fn a_person_is_made_shown_changed_and_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let made = admin.post("users", &user(json!({"email": "Jane@Example.com", "password": PASSWORD}))).await.is(201);
        let id = made.id();
        let url = format!("{}/users/{id}", server.acme.api());
        assert_eq!(
            (made.header("location"), made.json()["data"]["links"]["self"].as_str()),
            (url.as_str(), Some(&*url))
        );
        let now = made.attribute("created_at");
        let expected = json!({"email": "Jane@Example.com", "first_name": null, "last_name": null, "kind": "person",
            "email_verified": false, "active": true, "created_at": now, "updated_at": now});
        assert_eq!(made.json()["data"]["attributes"], expected);
        assert!(now.as_str().unwrap().ends_with('Z') && now.as_str().unwrap().len() == 27, "{now}");
        let shown = admin.get(&format!("users/{id}")).await.is(200).json();
        assert_eq!(shown["data"], made.json()["data"]);
        assert_eq!(shown["jsonapi"]["version"], "1.1");

        server.clock.advance_seconds(1);
        let names = json!({"first_name": "Zoë 🙂", "last_name": "O'Neil"});
        let changed = admin.patch(&format!("users/{id}"), &change("user", &id, names)).await.is(200);
        assert_eq!(
            (changed.attribute("first_name"), changed.attribute("email")),
            (json!("Zoë 🙂"), json!("Jane@Example.com"))
        );
        assert_ne!(changed.attribute("updated_at"), changed.attribute("created_at"));
        let cleared =
            admin.patch(&format!("users/{id}"), &change("user", &id, json!({"first_name": null}))).await.is(200);
        assert_eq!((cleared.attribute("first_name"), cleared.attribute("last_name")), (Value::Null, json!("O'Neil")));

        let gone = admin.delete(&format!("users/{id}")).await.is(200);
        let links = json!({"describedby": format!("{}/openapi.json", server.acme.api())});
        assert_eq!(gone.json(), json!({"jsonapi": {"version": "1.1"}, "meta": {}, "links": links}));
        for reply in [
            admin.get(&format!("users/{id}")).await,
            admin.delete(&format!("users/{id}")).await,
            admin.patch(&format!("users/{id}"), &change("user", &id, json!({}))).await,
        ] {
            reply.is_error(404, "");
        }
    }

    async fn every_rule_of_a_user_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let before = database.dump().await;
        let long = "x".repeat(101);
        let secret = "y".repeat(129);
        let faults: [(&str, Value); 15] = [
            ("email", json!("")),
            ("email", json!("jane")),
            ("email", json!("a@x.com,b@y.com")),
            ("email", json!("Jane <jane@x.com>")),
            ("email", json!(null)),
            ("email", json!(7)),
            ("first_name", json!("")),
            ("first_name", json!("  ")),
            ("last_name", json!(long)),
            ("last_name", json!(["x"])),
            ("password", json!("1234567")),
            ("password", json!(secret)),
            ("password", json!(null)),
            ("password_confirmation", json!("something else")),
            ("password_confirmation", json!(null)),
        ];
        for (name, value) in &faults {
            let mut attributes = json!({"email": "new@example.com", "password": PASSWORD});
            attributes[*name] = value.clone();
            let reply = admin.post("users", &user(attributes)).await.is(422);
            assert_eq!(reply.places(), [at(name)], "create {name} {value}");
            if *name == "password_confirmation" && value.is_null() {
                continue;
            }
            let reply =
                admin.patch(&format!("users/{jane}"), &change("user", &jane, json!({*name: value}))).await.is(422);
            assert_eq!(reply.places(), [at(name)], "update {name} {value}");
        }
        let active = change("user", &jane, json!({"active": "no"}));
        assert_eq!(admin.patch(&format!("users/{jane}"), &active).await.is(422).places(), [at("active")]);
        let nothing = admin.post("users", &json!({"data": {"type": "user"}})).await.is(422);
        assert_eq!(nothing.places(), [at("email"), at("password")], "all faults come together");
        assert_eq!(nothing.error().1, "required");
        assert_eq!(database.dump().await, before);
    }

    async fn an_address_belongs_to_one_user_however_it_is_spelled(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("Jane@Example.com").await;
        let joe = admin.user("joe@bücher.example").await;
        let before = database.dump().await;
        for taken in ["jane@example.com", "JANE@EXAMPLE.COM", "joe@xn--bcher-kva.example"] {
            admin.post("users", &user(json!({"email": taken, "password": PASSWORD}))).await.is_error(409, &at("email"));
        }
        let steal = change("user", &joe, json!({"email": "jane@EXAMPLE.com"}));
        admin.patch(&format!("users/{joe}"), &steal).await.is_error(409, &at("email"));
        assert_eq!(database.dump().await, before);
        for spelling in ["jane@example.com", "JANE@example.com"] {
            assert_eq!(
                admin.get(&format!("users?filter[email]={spelling}")).await.ids(),
                [jane.as_str()],
                "{spelling}"
            );
        }
        let beta = server.admin(&server.beta).await;
        beta.user("jane@example.com").await;
        assert_eq!(beta.get("users?filter[email]=joe@b%C3%BCcher.example").await.ids(), Vec::<String>::new());
    }

    async fn a_new_address_is_unverified_and_another_spelling_is_not_new(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = server.acme.person("jane@example.com").await;
        let mut verified = Vec::new();
        for email in ["JANE@example.com", "other@example.com"] {
            let reply =
                admin.patch(&format!("users/{id}"), &change("user", &id, json!({"email": email}))).await.is(200);
            assert_eq!(reply.attribute("email"), email);
            verified.push(reply.attribute("email_verified"));
        }
        assert_eq!(verified, [json!(true), json!(false)]);
    }

    async fn deactivation_and_a_new_password_kill_a_users_tokens_for_good(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        server.acme.give(&jane, &server.acme.role("readers", &["users:read"]).await).await;
        for format in ["jwt", "opaque"] {
            let machine = admin.machine(Some(&jane)).await;
            let set = change("client", &machine.id, json!({"token_format": format}));
            admin.patch(&format!("clients/{}", machine.id), &set).await.is(200);
            for killing in [json!({"active": false}), json!({"password": "another battery staple"})] {
                let token = server.token(&server.acme, &machine.credentials, &[]).await;
                let caller = server.bearer(&server.acme, &token);
                let own = format!("users/{jane}");
                caller.get(&own).await.is(200);
                admin.patch(&own, &change("user", &jane, json!({"first_name": "Jane"}))).await.is(200);
                caller.get(&own).await.is(200);
                admin.patch(&own, &change("user", &jane, killing.clone())).await.is(200);
                assert_eq!(
                    caller.get(&own).await.error(),
                    (401, "invalid_token".into(), String::new()),
                    "{format} {killing}"
                );
                admin.patch(&own, &change("user", &jane, json!({"active": true}))).await.is(200);
                assert_eq!(caller.get(&own).await.status, 401, "{format} {killing}: it came back to life");
            }
        }
    }

    async fn a_user_that_clients_act_for_goes_last_and_takes_its_roles_along(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        server.acme.give(&jane, &server.acme.role("readers", &["users:read"]).await).await;
        let machine = admin.machine(Some(&jane)).await;
        let token = server.token(&server.acme, &machine.credentials, &[]).await;
        let before = database.dump().await;
        let refused = admin.delete(&format!("users/{jane}")).await.is(409);
        assert_eq!(refused.error().1, "acting_clients");
        assert_eq!(database.dump().await, before);
        admin.delete(&format!("clients/{}", machine.id)).await.is(200);
        assert_eq!(server.bearer(&server.acme, &token).get("users").await.status, 401);
        admin.delete(&format!("users/{jane}")).await.is(200);
        assert!(!database.dump().await.iter().any(|row| row.starts_with("user_roles") && row.contains(&jane)));
        assert_eq!(admin.get(&format!("user-roles?filter[user]={jane}")).await.ids(), Vec::<String>::new());
    }

    async fn a_service_user_has_no_address_and_no_password_and_stays_with_its_client(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let machine = admin.machine(None).await;
        let service = machine.user.unwrap();
        let path = format!("users/{service}");
        let shown = admin.get(&path).await.is(200);
        assert_eq!((shown.attribute("kind"), shown.attribute("email")), (json!("service"), Value::Null));
        assert_eq!(shown.attribute("first_name"), "Backend");
        let before = database.dump().await;
        for attributes in [json!({"email": "robot@example.com"}), json!({"password": PASSWORD})] {
            let refused = admin.patch(&path, &change("user", &service, attributes)).await.is(409);
            assert_eq!(refused.error().1, "service_user");
        }
        assert_eq!(admin.delete(&path).await.is(409).error().1, "service_user");
        assert_eq!(database.dump().await, before);
        admin.patch(&path, &change("user", &service, json!({"first_name": "Robot"}))).await.is(200);
        admin.delete(&format!("clients/{}", machine.id)).await.is(200);
        admin.get(&path).await.is_error(404, "");
    }

    async fn rb_bola_user_who_may_not_update_users_does_not_update_their_own_record_either(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (me, other) = (admin.user("me@example.com").await, admin.user("other@example.com").await);
        let role = server.acme.role("readers", &["users:read", "user-roles:read"]).await;
        let given = server.acme.give(&me, &role).await;
        let machine = admin.machine(Some(&me)).await;
        let caller = server.bearer(&server.acme, &server.token(&server.acme, &machine.credentials, &[]).await);
        let before = database.dump().await;
        for id in [&me, &other] {
            let path = format!("users/{id}");
            assert_eq!(caller.get(&path).await.is(200).id(), **id);
            for attributes in [json!({"first_name": "Ann"}), json!({"password": PASSWORD}), json!({"kind": "x"})] {
                let refused = caller.patch(&path, &change("user", id, attributes)).await;
                refused.is_error(403, "");
                assert!(refused.detail().contains("users:update"), "{}", refused.text);
            }
            caller.delete(&path).await.is_error(403, "");
            caller.patch(&format!("{path}/relationships/roles"), &linkage("role", &[])).await.is_error(403, "");
        }
        caller.delete(&format!("user-roles/{given}")).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
    }

    /// Who could set the password or address of somebody who may do more could become them.
    async fn rb_bola_user_a_more_powerful_user_is_out_of_reach(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let clerk =
            server.caller_with(&server.acme, &["users:read", "users:create", "users:update", "users:delete"]).await;
        let (boss, peer) = (admin.user("boss@example.com").await, admin.user("peer@example.com").await);
        server.acme.give(&boss, &server.acme.role("keys", &["signing-keys:delete"]).await).await;
        let path = format!("users/{boss}");
        let before = database.dump().await;
        for attributes in
            [json!({"password": PASSWORD}), json!({"email": "mine@example.com"}), json!({"active": false})]
        {
            let refused = clerk.patch(&path, &change("user", &boss, attributes)).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains("signing-keys:delete"), "{}", refused.text);
        }
        clerk.delete(&path).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
        clerk.patch(&path, &change("user", &boss, json!({"first_name": "Bo"}))).await.is(200);
        clerk.patch(&format!("users/{peer}"), &change("user", &peer, json!({"password": PASSWORD}))).await.is(200);
        clerk.delete(&format!("users/{peer}")).await.is(200);
    }
}
