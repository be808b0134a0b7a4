//! The trail: one row for each change, in the same unit of work, and none for what did not happen.

use paylent_tests::{TestDatabase, both};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const AGENT: &str = "audit-test/1.0 \"quoted\"";

/// Sends a request with a user agent, and returns the rows that it added to the trail.
async fn trail(
    database: &TestDatabase,
    caller: &Caller<'_>,
    method: Method,
    path: &str,
    document: Option<&Value>,
) -> (Reply, Vec<Value>) {
    let before = rows(database).await;
    let request = caller.request(method, path).header("user-agent", AGENT);
    let request = match document {
        Some(document) => request.header("content-type", JSON_API).body(document.to_string()),
        None => request,
    };
    let reply = Reply::of(request).await;
    let added = rows(database).await.into_iter().filter(|row| !before.contains(row)).collect();
    (reply, added)
}

/// The trail of all environments. Columns are told apart by a character that no value has.
async fn rows(database: &TestDatabase) -> Vec<Value> {
    let columns = ["action", "actor_type", "actor_id", "actor_name", "ip", "user_agent", "targets", "changes"];
    let columns = columns.map(|column| format!("COALESCE({column}, '')")).join(" || '¦' || ");
    let id = if database.is_postgres() { "encode(id, 'hex')" } else { "lower(hex(id))" };
    let rows = database.values(&format!("SELECT {columns} || '¦' || {id} FROM audit_events")).await;
    rows.iter().map(|row| row.split('¦').map(str::to_owned).collect::<Value>()).collect()
}

both! {
    async fn lg_audit_each_change_leaves_one_row_that_says_who_what_and_from_where(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("audit").await;
        let mut writes: Vec<(Method, String, Option<Value>, String)> = Vec::new();
        for sample in &samples {
            let kind = sample.kind;
            let made = match kind {
                "client" => "registered",
                "signing_key" => "generated",
                _ => "created",
            };
            if let Some(create) = &sample.create {
                writes.push((Method::POST, sample.path.to_owned(), Some(create.clone()), format!("{kind}.{made}")));
            }
            if let Some(update) = &sample.update {
                writes.push((Method::PATCH, sample.at(), Some(update.clone()), format!("{kind}.updated")));
            }
        }
        for (path, verb, past) in [
            ("sessions", "revoke", "revoked"),
            ("clients", "rotate-secret", "secret_rotated"),
            ("signing-keys", "set-primary", "set_primary"),
            ("signing-keys", "deactivate", "deactivated"),
            ("invitations", "revoke", "revoked"),
            ("applications", "expire-previous-secret", "previous_secret_expired"),
            ("applications", "rotate-secret", "secret_rotated"),
            ("mails", "resend", "resent"),
        ] {
            let sample = samples.of(path);
            assert!(sample.verbs.contains(&verb), "{path}");
            let action = format!("{}.{past}", sample.kind);
            writes.push((Method::PATCH, format!("{}/{verb}", sample.at()), None, action));
        }
        for sample in samples.iter().filter(|sample| sample.deletable).rev() {
            writes.push((Method::DELETE, sample.at(), None, format!("{}.deleted", sample.kind)));
        }
        let actor = server.acme.seeded.service_user.to_string();
        for (method, path, document, action) in writes {
            let (reply, mut added) = trail(&database, &admin, method.clone(), &path, document.as_ref()).await;
            if action == "organization.deleted" {
                // The application that was made above goes with it, which is told too.
                assert_eq!(added.len(), 2, "{added:?}");
                added.retain(|row| row[0] != "application.deleted");
            }
            assert!([200, 201].contains(&reply.status), "{method} {path}: {}", reply.text);
            assert_eq!(added.len(), 1, "{method} {path}: {added:?}");
            let row = &added[0];
            assert_eq!(
                (&row[0], &row[1], &row[2], &row[3]),
                (&json!(action), &json!("user"), &json!(actor), &json!("Machine")),
                "{path}"
            );
            assert_eq!((&row[4], &row[5]), (&json!("127.0.0.1"), &json!(AGENT)), "{path}");
            let targets: Value = serde_json::from_str(row[6].as_str().unwrap()).unwrap();
            let kind = action.split('.').next().unwrap();
            let kind = if kind == "connection" { "application_connection" } else { kind };
            assert_eq!(targets[0]["type"], kind, "{path}");
            let id = if reply.status == 201 { reply.id() } else { path.split('/').nth(1).unwrap().to_owned() };
            assert_eq!(targets[0]["id"], id, "{path}");
        }
    }

    async fn lg_audit_the_row_tells_what_changed_and_no_secret(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let attributes = json!({"email": "ann@example.com", "first_name": "Ann", "password": "a new secret password"});
        let (_, added) =
            trail(&database, &admin, Method::PATCH, &format!("users/{jane}"), Some(&change("user", &jane, attributes)))
                .await;
        let changes: Value = serde_json::from_str(added[0][7].as_str().unwrap()).unwrap();
        assert_eq!(changes["email"], json!({"from": "jane@example.com", "to": "ann@example.com"}));
        assert_eq!(changes["first_name"], json!({"from": null, "to": "Ann"}));
        assert!(!added[0].to_string().contains("a new secret password") && !added[0].to_string().contains("argon2"));
        let client = admin.register(json!({"name": "Shop"}), None).await.id;
        let set = change("client", &client, json!({"redirect_uris": ["https://a.example/cb"], "name": "Shop"}));
        let (_, added) = trail(&database, &admin, Method::PATCH, &format!("clients/{client}"), Some(&set)).await;
        let changes: Value = serde_json::from_str(added[0][7].as_str().unwrap()).unwrap();
        assert_eq!(changes.as_object().unwrap().keys().collect::<Vec<_>>(), ["redirect_uris"], "{changes}");
    }

    async fn what_is_read_or_refused_leaves_no_row(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, anonymous) = (server.admin(&server.acme).await, server.anonymous(&server.acme));
        let powerless = server.caller_with(&server.acme, &[]).await;
        let samples = admin.samples("quiet").await;
        let before = database.dump().await;
        for sample in &samples {
            admin.get(sample.path).await.is(200);
            admin.get(&sample.at()).await.is(200);
            admin.delete(&format!("{}/{}", sample.path, nobody())).await;
            for caller in [&anonymous, &powerless] {
                caller.delete(&sample.at()).await;
                if let Some(create) = &sample.create {
                    caller.post(sample.path, create).await;
                }
            }
            let broken = json!({"data": {"type": sample.kind, "attributes": {"unknown": 1}}});
            admin.post(sample.path, &broken).await;
        }
        assert_eq!(database.dump().await, before);
    }

    /// Nothing is written when the trail cannot be.
    async fn a_change_that_cannot_be_audited_does_not_happen(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("lost").await;
        database.execute("ALTER TABLE audit_events RENAME TO audit_lost").await;
        let before = database.dump().await;
        for sample in &samples {
            let mut replies = Vec::new();
            if let Some(create) = &sample.create {
                replies.push(admin.post(sample.path, create).await);
            }
            if let Some(update) = &sample.update {
                replies.push(admin.patch(&sample.at(), update).await);
            }
            if sample.deletable && sample.kind != "signing_key" {
                replies.push(admin.delete(&sample.at()).await);
            }
            for reply in replies {
                assert!(reply.status >= 500, "{} {}", sample.path, reply.text);
                assert!(!reply.text.contains("audit"), "{}", reply.text);
            }
        }
        assert_eq!(database.dump().await, before);
        database.execute("ALTER TABLE audit_lost RENAME TO audit_events").await;
        admin.user("after@example.com").await;
    }
}
