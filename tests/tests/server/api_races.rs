//! What many callers do at once.

use paylent_tests::both;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::*;

/// Sends all of these at once, each on a task and a connection of its own.
async fn at_once(requests: Vec<reqwest::RequestBuilder>) -> Vec<Reply> {
    requests.into_iter().map(Reply::of).collect::<JoinSet<_>>().join_all().await
}

fn send(caller: &Caller<'_>, method: reqwest::Method, path: &str, document: &Value) -> reqwest::RequestBuilder {
    caller.request(method, path).header("content-type", JSON_API).body(document.to_string())
}

both! {
    async fn ap_dup_race_of_many_who_make_the_same_thing_one_succeeds(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("race").await;
        let makes = |path: &str, place: &str| {
            let sample = samples.iter().find(|sample| sample.path == path).unwrap();
            (sample.path, sample.create.clone().unwrap(), place.to_owned())
        };
        for (path, document, place) in [
            makes("users", &at("email")),
            makes("resource-servers", &at("identifier")),
            makes("user-roles", "/data/relationships/role"),
            makes("client-grants", "/data/relationships/resource_server"),
        ] {
            let (rows, events) = (database.count(&path.replace('-', "_")).await, database.count("audit_events").await);
            let replies =
                at_once((0..20).map(|_| send(&admin, reqwest::Method::POST, path, &document)).collect()).await;
            let made = replies.iter().filter(|reply| reply.status == 201).count();
            assert_eq!(made, 1, "{path}");
            for reply in replies.iter().filter(|reply| reply.status != 201) {
                reply.is_error(409, &place);
            }
            assert_eq!(database.count(&path.replace('-', "_")).await, rows + 1, "{path}");
            assert_eq!(database.count("audit_events").await, events + 1, "{path}");
        }
    }

    async fn ap_lost_update_changes_of_different_attributes_all_survive(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let user = admin.user("jane@example.com").await;
        let client = admin.register(json!({"name": "x"}), None).await.id;
        for round in 0..8 {
            let name = format!("name {round}");
            let uri = format!("https://app.example/{round}");
            let (user_path, client_path) = (format!("users/{user}"), format!("clients/{client}"));
            let changes = [
                (&user_path, change("user", &user, json!({"first_name": name}))),
                (&user_path, change("user", &user, json!({"last_name": name}))),
                (&user_path, change("user", &user, json!({"email": format!("jane{round}@example.com")}))),
                (&client_path, change("client", &client, json!({"name": name}))),
                (&client_path, change("client", &client, json!({"redirect_uris": [uri]}))),
                (&client_path, change("client", &client, json!({"access_token_ttl": 60 + round}))),
            ];
            let requests = changes.iter().map(|(path, document)| send(&admin, reqwest::Method::PATCH, path, document));
            for reply in at_once(requests.collect()).await {
                reply.is(200);
            }
            let (user, client) = (admin.get(&user_path).await, admin.get(&client_path).await);
            assert_eq!((user.attribute("first_name"), user.attribute("last_name")), (json!(name), json!(name)));
            assert_eq!(user.attribute("email"), format!("jane{round}@example.com"));
            assert_eq!((client.attribute("name"), client.attribute("redirect_uris")), (json!(name), json!([uri])));
            assert_eq!(client.attribute("access_token_ttl"), 60 + round);
        }
    }

    /// What refers to a row that goes at the same moment is refused or goes too; nothing is left over, nothing hangs.
    async fn ap_delete_cascade_rows_that_go_leave_no_orphans(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let api = admin.management_api().await;
        for round in 0..3 {
            let user = admin.user(&format!("jane{round}@example.com")).await;
            let client = admin.register(json!({"name": "x", "grant_types": ["client_credentials"]}), None).await;
            let mut requests = Vec::new();
            for index in 0..8 {
                let role = server.acme.role(&format!("role {round} {index}"), &[]).await;
                let given = document("user_role", json!({}), &[("user", "user", &user), ("role", "role", &role)]);
                requests.push(send(&admin, reqwest::Method::POST, "user-roles", &given));
                let acting = document(
                    "client",
                    json!({"name": "y", "grant_types": ["client_credentials"]}),
                    &[("user", "user", &user)],
                );
                requests.push(send(&admin, reqwest::Method::POST, "clients", &acting));
                let rename = change("user", &user, json!({"first_name": format!("{index}")}));
                requests.push(send(&admin, reqwest::Method::PATCH, &format!("users/{user}"), &rename));
            }
            let grant = document(
                "client_grant",
                json!({}),
                &[("client", "client", &client.id), ("resource_server", "resource_server", &api)],
            );
            requests.push(send(&admin, reqwest::Method::POST, "client-grants", &grant));
            requests.insert(9, admin.request(reqwest::Method::DELETE, &format!("users/{user}")));
            requests.push(admin.request(reqwest::Method::DELETE, &format!("clients/{}", client.id)));
            for reply in at_once(requests).await {
                assert!([200, 201, 404, 409].contains(&reply.status), "{}", reply.text);
            }
            let orphans = "user_roles ur WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = ur.user_id)";
            assert_eq!(database.count(orphans).await, 0);
            let orphans = "client_grants g WHERE NOT EXISTS (SELECT 1 FROM clients c WHERE c.id = g.client_id)";
            assert_eq!(database.count(orphans).await, 0);
            let orphans =
                "clients c WHERE user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = c.user_id)";
            assert_eq!(database.count(orphans).await, 0);
        }
    }
}
