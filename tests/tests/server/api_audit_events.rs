//! `/api/audit-events`: what the trail tells to those who may read it. What is written into it is in `api_audit`.

use paylent_domain::Clock as _;
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{at_once::with, support::*};

const AGENT: &str = "audit-test/2.0";

/// Does a thing, a second later than the last, and returns what the trail tells of it.
async fn told(admin: &Caller<'_>, method: Method, path: &str, document: Option<&Value>) -> Vec<Value> {
    told_to(admin, admin, method, path, document).await
}

/// As [`told`], when the one who does it may lose their token by it.
async fn told_to(
    reader: &Caller<'_>,
    admin: &Caller<'_>,
    method: Method,
    path: &str,
    document: Option<&Value>,
) -> Vec<Value> {
    admin.server.clock.advance_seconds(1);
    let request = admin.request(method.clone(), path).header("user-agent", AGENT);
    let reply = Reply::of(match document {
        Some(document) => with(request, document),
        None => request,
    })
    .await;
    assert!([200, 201].contains(&reply.status), "{method} {path}: {}", reply.text);
    let since = admin.server.clock.now();
    let events = reader.get(&format!("audit-events?filter[occurred_at][gte]={since}")).await.is(200).json();
    events["data"].as_array().unwrap().iter().map(|event| event["attributes"].clone()).collect()
}

/// The actions that a list tells, in its order.
async fn actions(admin: &Caller<'_>, query: &str) -> Vec<String> {
    let json = admin.get(&format!("audit-events?{query}")).await.is(200).json();
    let rows = json["data"].as_array().unwrap().clone();
    rows.iter().map(|row| row["attributes"]["action"].as_str().unwrap().to_owned()).collect()
}

both! {
    async fn lg_audit_every_change_of_every_resource_is_told_with_who_what_and_from_where(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("trail").await;
        // A touch is noted every minute.
        server.clock.advance_seconds(60);
        let actor = json!({"type": "user", "id": server.acme.seeded.service_user.to_string(), "name": "Machine"});
        let mut doing = Vec::new();
        for sample in samples.iter() {
            let made = match sample.kind {
                "client" => "registered",
                "signing_key" => "generated",
                _ => "created",
            };
            doing.extend(sample.create.as_ref().map(|it| (Method::POST, sample, sample.path.to_owned(), Some(it), made)));
            doing.extend(sample.update.as_ref().map(|it| (Method::PATCH, sample, sample.at(), Some(it), "updated")));
            for verb in sample.verbs.iter().filter(|_| sample.kind != "signing_key") {
                let done = match *verb {
                    "touch" => "touched",
                    "revoke" => "revoked",
                    "rotate-secret" => "secret_rotated",
                    "expire-previous-secret" => "previous_secret_expired",
                    "resend" => "resent",
                    other => panic!("what is {other}?"),
                };
                doing.push((Method::PATCH, sample, format!("{}/{verb}", sample.at()), None, done));
            }
        }
        let deletable = samples.iter().rev().filter(|sample| sample.deletable && sample.kind != "signing_key");
        doing.extend(deletable.map(|sample| (Method::DELETE, sample, sample.at(), None, "deleted")));
        // The reader's token is signed by no key.
        let machine = admin.machine(None).await;
        server.acme.give(machine.user.as_ref().unwrap(), &admin.admin_role().await).await;
        let opaque = change("client", &machine.id, json!({"token_format": "opaque"}));
        admin.patch(&format!("clients/{}", machine.id), &opaque).await.is(200);
        let reader = server.bearer(&server.acme, &server.token(&server.acme, &machine.credentials, &[]).await);
        let key = samples.of("signing-keys");
        for (verb, done) in [("set-primary", "set_primary"), ("deactivate", "deactivated")] {
            doing.push((Method::PATCH, key, format!("{}/{verb}", key.at()), None, done));
        }
        assert!(doing.len() > 40, "{}", doing.len());
        for (method, sample, path, document, done) in doing {
            let events = told_to(&reader, &admin, method.clone(), &path, document).await;
            // An organization goes with its applications, and each of them is told of.
            let (own, with_it): (Vec<_>, Vec<_>) =
                events.iter().partition(|event| event["targets"][0]["type"] == sample.kind);
            assert!(own.len() == 1 && with_it.iter().all(|event| event["action"] == "application.deleted"), "{events:?}");
            assert!(with_it.is_empty() || sample.kind == "organization", "{method} {path}: {events:?}");
            let event = own[0];
            assert_eq!(event["action"], format!("{}.{done}", sample.kind), "{method} {path}");
            assert_eq!(event["actor"], actor, "{path}");
            assert_eq!((&event["ip_address"], &event["user_agent"]), (&json!("127.0.0.1"), &json!(AGENT)), "{path}");
            assert_eq!(event["occurred_at"], server.clock.now().to_string(), "{path}");
            let target = &event["targets"][0];
            assert_eq!(target["type"], sample.kind, "{path}");
            assert!(target["name"].as_str().is_some_and(|name| !name.is_empty()), "{path}: {event}");
            if method != Method::POST {
                assert_eq!(target["id"], sample.id, "{path}");
            }
            if let ("updated", Some(document)) = (done, document) {
                let sent = document["data"]["attributes"].as_object().unwrap();
                let changes = event["changes"].as_object().unwrap();
                assert!(changes.keys().eq(sent.keys()), "{path}: {event}");
                assert!(changes.values().all(|change| change["from"] != change["to"]), "{path}: {event}");
            }
        }
    }

    async fn an_event_is_shown_as_it_was_recorded_and_stays(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = admin.create("roles", "role", json!({"name": "Editor"}), &[]).await;
        let renamed = change("role", &role, json!({"name": "Author", "description": "Writes"}));
        let events = told(&admin, Method::PATCH, &format!("roles/{role}"), Some(&renamed)).await;
        let expected = json!({"name": {"from": "Editor", "to": "Author"}, "description": {"from": null, "to": "Writes"}});
        assert_eq!(events[0]["changes"], expected);
        assert_eq!(events[0]["targets"], json!([{"type": "role", "id": role, "name": "Author"}]));
        let mut names: Vec<_> = events[0].as_object().unwrap().keys().cloned().collect();
        names.sort();
        let all = ["action", "actor", "changes", "ip_address", "occurred_at", "targets", "user_agent"];
        assert_eq!(names, all);

        let id = admin.only("audit-events?filter[action]=role.updated").await;
        let path = format!("audit-events/{id}");
        let shown = admin.get(&path).await.is(200);
        assert_eq!(shown.json()["data"]["attributes"], events[0]);
        let before = database.dump().await;
        let mut event = change("audit_event", &id, json!({"action": "x"}));
        admin.patch(&path, &event).await.is_error(405, "");
        admin.delete(&path).await.is_error(405, "");
        event["data"].as_object_mut().unwrap().remove("id");
        admin.post("audit-events", &event).await.is_error(405, "");
        assert_eq!(database.dump().await, before);
        server.admin(&server.beta).await.get(&path).await.is_error(404, "");
        let user = admin.user("jane@example.com").await;
        let gone = told(&admin, Method::DELETE, &format!("users/{user}"), None).await;
        assert_eq!(gone[0]["targets"][0]["name"], "jane@example.com", "the name of the time is kept");
    }

    async fn events_are_found_by_action_actor_and_time(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let start = server.clock.now().plus_seconds(1);
        let rights = ["roles:create", "roles:read"];
        let other = server.caller_with(&server.acme, &rights).await;
        server.clock.advance_seconds(1);
        other.create("roles", "role", json!({"name": "Theirs"}), &[]).await;
        server.clock.advance_seconds(10);
        let mine = admin.create("roles", "role", json!({"name": "Mine"}), &[]).await;
        server.clock.advance_seconds(10);
        admin.patch(&format!("roles/{mine}"), &change("role", &mine, json!({"name": "Ours"}))).await.is(200);
        server.clock.advance_seconds(10);
        admin.user("jane@example.com").await;
        let since = format!("filter[occurred_at][gte]={start}");
        let list = async |query: &str| actions(&admin, &format!("{since}&{query}")).await;
        assert_eq!(list("").await, ["role.created", "role.created", "role.updated", "user.created"]);
        assert_eq!(list("sort=-occurred_at").await, ["user.created", "role.updated", "role.created", "role.created"]);
        assert_eq!(list("filter[action][contains]=role").await.len(), 3);
        assert_eq!(list("filter[action][contains]=ROLE.UP").await, ["role.updated"]);
        assert_eq!(list("filter[action]=role.created").await.len(), 2);
        assert_eq!(list("filter[action]=role.updated,user.created").await, ["role.updated", "user.created"]);
        assert_eq!(list("filter[action][not_eq]=role.created").await, ["role.updated", "user.created"]);
        for nothing in ["filter[action][contains]=%25", "filter[action][contains]=_ole", "filter[action]=role"] {
            assert_eq!(list(nothing).await, Vec::<String>::new(), "{nothing}");
        }
        let me = server.acme.seeded.service_user;
        assert_eq!(list(&format!("filter[actor]={me}")).await, ["role.created", "role.updated", "user.created"]);
        assert_eq!(list(&format!("filter[actor]={}", nobody())).await, Vec::<String>::new());
        let moment = |seconds| start.plus_seconds(seconds).to_string();
        for (query, found) in [
            (format!("filter[occurred_at][lt]={}", moment(10)), 1),
            (format!("filter[occurred_at][lte]={}", moment(10)), 2),
            (format!("filter[occurred_at][gt]={}", moment(10)), 2),
            (format!("filter[occurred_at][gt]={}&filter[occurred_at][lt]={}", moment(0), moment(30)), 2),
            (format!("filter[occurred_at][gt]={}", moment(30)), 0),
        ] {
            assert_eq!(list(&query).await.len(), found, "{query}");
        }
        admin.get("audit-events?filter[occurred_at][gt]=now").await.is_error(400, "filter[occurred_at]");
        admin.get("audit-events?filter[created_at][gt]=now").await.is_error(400, "filter[created_at][gt]");
        let everything = actions(&admin, "page[size]=100&sort=action").await;
        assert!(everything.is_sorted(), "{everything:?}");
        let reader = server.caller_with(&server.acme, &["users:read"]).await;
        assert!(reader.get("audit-events").await.is(403).detail().contains("audit-events:read"));
    }
}
