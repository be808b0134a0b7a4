//! `Idempotency-Key`: what is sent twice is made once.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    at_once::{at_once, in_turn, with},
    support::*,
};

const DAY: i64 = 24 * 3600;

/// Makes a thing under a key.
async fn make(caller: &Caller<'_>, path: &str, key: &str, document: &Value) -> Reply {
    Reply::of(with(caller.request(Method::POST, path), document).header("idempotency-key", key)).await
}

fn role(name: &str) -> Value {
    document("role", json!({"name": name}), &[])
}

both! {
    async fn the_same_request_under_the_same_key_is_answered_the_same_and_done_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("again").await;
        for sample in samples.iter().filter(|sample| sample.create.is_some()) {
            let document = sample.create.as_ref().unwrap();
            let first = make(&admin, sample.path, sample.kind, document).await.is(201);
            assert_eq!(first.header("idempotency-replayed"), "");
            let before = database.dump().await;
            server.clock.advance_seconds(1);
            let again = make(&admin, sample.path, sample.kind, document).await.is(201);
            assert_eq!(again.header("idempotency-replayed"), "true", "{}", sample.path);
            for header in ["location", "etag", "content-type", "vary", "cache-control"] {
                assert_eq!(again.header(header), first.header(header), "{} {header}", sample.path);
            }
            let secret = ["client_secret", "token"].into_iter().find(|name| first.json()["meta"].get(*name).is_some());
            assert_eq!(secret.is_some(), ["applications", "clients", "sessions"].contains(&sample.path), "{}", sample.path);
            match secret {
                None => assert_eq!(again.text, first.text, "{}: to the byte", sample.path),
                Some(name) => {
                    let mut told = first.json();
                    told["meta"].as_object_mut().unwrap().remove(name);
                    let mut replayed = again.json();
                    if told["meta"] == json!({}) {
                        told.as_object_mut().unwrap().remove("meta");
                        replayed.as_object_mut().unwrap().remove("meta");
                    }
                    assert_eq!(replayed, told, "{}: all but the secret", sample.path);
                    let secret = first.json()["meta"][name].as_str().unwrap().to_owned();
                    assert!(!again.text.contains(&secret));
                    assert!(!database.dump().await.iter().any(|row| row.contains(&secret)), "nor is it kept");
                }
            }
            assert_eq!(database.dump().await, before, "{}: nothing is done", sample.path);
        }
        // It stays the answer, whatever became of the thing.
        let made = make(&admin, "roles", "key-2", &role("Gone")).await.is(201);
        admin.delete(&format!("roles/{}", made.id())).await.is(200);
        assert_eq!(make(&admin, "roles", "key-2", &role("Gone")).await.is(201).text, made.text);
        admin.get(&format!("roles/{}", made.id())).await.is_error(404, "");
    }

    async fn a_key_belongs_to_one_request_of_one_caller(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let other = server.caller_with(&server.acme, &["roles:create"]).await;
        let first = make(&admin, "roles", "shared", &role("One")).await.is(201);
        let before = database.dump().await;
        for (path, document) in [
            ("roles", role("Two")),
            ("roles", document("role", json!({"name": "One", "description": null}), &[])),
            ("roles?fields[role]=name", role("One")),
            ("organizations", document("organization", json!({"name": "One"}), &[])),
        ] {
            let refused = make(&admin, path, "shared", &document).await;
            refused.is_error(422, "Idempotency-Key");
            assert_eq!(refused.error().1, "idempotency_key_reused", "{path}");
        }
        assert_eq!(database.dump().await, before);
        let theirs = make(&other, "roles", "shared", &role("Theirs")).await.is(201);
        assert_eq!(theirs.header("idempotency-replayed"), "");
        make(&beta, "roles", "shared", &role("One")).await.is(201);
        make(&admin, "roles", "Shared", &role("Case")).await.is(201);
        // Another token of the same caller is the same caller.
        let later = server.admin(&server.acme).await;
        assert_eq!(make(&later, "roles", "shared", &role("One")).await.is(201).text, first.text);
    }

    async fn a_key_is_one_header_of_visible_characters(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let longest = "k".repeat(255);
        make(&admin, "roles", &longest, &role("Longest")).await.is(201);
        make(&admin, "roles", "\"~!'(,", &role("Odd")).await.is(201);
        let before = database.dump().await;
        for key in ["", " ", "a b", "a\tb", &format!("{longest}k"), "é"] {
            let refused = make(&admin, "roles", key, &role("New")).await;
            refused.is_error(400, "Idempotency-Key");
        }
        let request = with(admin.request(Method::POST, "roles"), &role("New"));
        let twice = request.header("idempotency-key", "a").header("idempotency-key", "a");
        Reply::of(twice).await.is_error(400, "Idempotency-Key");
        assert_eq!(database.dump().await, before);
    }

    async fn a_request_that_fails_frees_its_key(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let clerk = server.caller_with(&server.acme, &["roles:read"]).await;
        admin.post("roles", &role("Taken")).await.is(201);
        let before = database.dump().await;
        make(&admin, "roles", "key", &role("")).await.is_error(422, &at("name"));
        make(&admin, "roles", "key", &json!([])).await.is_error(400, "");
        make(&admin, "roles", "key", &role("Taken")).await.is_error(409, &at("name"));
        make(&admin, "roles?unknown=1", "key", &role("Free")).await.is_error(400, "unknown");
        make(&clerk, "roles", "key", &role("Free")).await.is_error(403, "");
        assert_eq!(database.dump().await, before, "no key is left behind");
        let made = make(&admin, "roles", "key", &role("Free")).await.is(201);
        assert_eq!(make(&admin, "roles", "key", &role("Free")).await.is(201).text, made.text);
    }

    async fn a_day_later_the_key_is_free_again(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let organization = document("organization", json!({"name": "Acme"}), &[]);
        let first = make(&admin, "organizations", "daily", &organization).await.is(201).id();
        server.clock.advance_seconds(DAY - 1);
        let admin = server.admin(&server.acme).await;
        assert_eq!(make(&admin, "organizations", "daily", &organization).await.is(201).id(), first);
        server.clock.advance_seconds(1);
        let second = make(&admin, "organizations", "daily", &organization).await.is(201);
        assert_eq!(second.header("idempotency-replayed"), "");
        assert_ne!(second.id(), first);
        assert_eq!(make(&admin, "organizations", "daily", &organization).await.is(201).id(), second.id());
        assert_eq!(database.count("organizations WHERE name = 'Acme'").await, 2);
    }

    /// Twenty copies at two servers: one is made; each is told of it, or to try again.
    async fn ap_dup_race_of_many_copies_at_once_one_is_made(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        for round in 0..3 {
            let name = format!("Acme {round}");
            let (key, organization) = (format!("round-{round}"), document("organization", json!({"name": name}), &[]));
            let requests = in_turn(&[&admin, &elsewhere], 20, &Method::POST, "organizations", &organization);
            let replies = at_once(requests.into_iter().map(|it| it.header("idempotency-key", &key)).collect()).await;
            assert_eq!(database.count(&format!("organizations WHERE name = '{name}'")).await, 1);
            let id = admin.only(&format!("organizations?filter[name]=Acme%20{round}")).await;
            let mut made = 0;
            for reply in replies {
                if reply.status == 201 {
                    assert_eq!(reply.id(), id);
                    made += usize::from(reply.header("idempotency-replayed").is_empty());
                } else {
                    reply.is_error(409, "Idempotency-Key");
                    assert_eq!(reply.error().1, "idempotency_key_in_use");
                }
            }
            assert_eq!(made, 1, "one is the first");
            assert_eq!(make(&admin, "organizations", &key, &organization).await.is(201).id(), id);
        }
    }

    /// A server that dies after it made the thing and before it kept the answer: the next attempt finds it.
    async fn an_attempt_that_broke_off_is_taken_up_where_it_was(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let organization = document("organization", json!({"name": "Acme"}), &[]);
        let first = make(&admin, "organizations", "broken", &organization).await.is(201);
        let client = document("client", json!({"name": "App"}), &[]);
        let told = make(&admin, "clients", "broken-2", &client).await.is(201);
        database.execute("UPDATE idempotency_keys SET answer = NULL").await;
        let busy = make(&admin, "organizations", "broken", &organization).await;
        busy.is_error(409, "Idempotency-Key");
        assert_eq!(busy.error().1, "idempotency_key_in_use");
        server.clock.advance_seconds(61);
        let events = database.count("audit_events").await;
        let again = make(&admin, "organizations", "broken", &organization).await.is(201);
        assert_eq!((again.id(), again.text), (first.id(), first.text));
        let again = make(&admin, "clients", "broken-2", &client).await.is(201);
        assert_eq!(again.id(), told.id());
        assert!(again.json()["meta"].get("client_secret").is_none(), "nobody knows the secret any more");
        assert_eq!(database.count("audit_events").await, events);
        assert_eq!(database.count("organizations WHERE name = 'Acme'").await, 1);
    }
}
