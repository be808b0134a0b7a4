//! `ETag` and `If-Match`: nobody overwrites what they have not seen.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    at_once::{at_once, in_turn, with},
    support::*,
};

const STALE: &str = "\"1\"";
const MALFORMED: &[&str] = &["1", "\"1", "", "x\"1\"", "\"1\" \"2\"", ",", "W/1", "\"a b\"", "*, \"1\""];

/// Sends a request under a condition.
async fn if_match(caller: &Caller<'_>, method: Method, path: &str, tag: &str, document: Option<&Value>) -> Reply {
    let request = caller.request(method, path).header("if-match", tag);
    Reply::of(match document {
        Some(document) => with(request, document),
        None => request,
    })
    .await
}

async fn tag(caller: &Caller<'_>, path: &str) -> String {
    caller.get(path).await.is(200).header("etag").to_owned()
}

/// A tag is a quoted text, and strong.
fn is_strong(tag: &str) -> bool {
    tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"') && !tag[1..tag.len() - 1].contains('"')
}

both! {
    async fn every_answer_about_one_resource_tells_its_version(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for sample in &admin.samples("etag").await {
            let shown = tag(&admin, &sample.at()).await;
            assert!(is_strong(&shown), "{} {shown}", sample.kind);
            assert_eq!(tag(&admin, &sample.at()).await, shown, "it stays while nothing changes");
            let sparse = tag(&admin, &format!("{}?fields[{}]=", sample.at(), sample.kind)).await;
            assert_eq!(sparse, shown, "however it is shown");
            if let Some(create) = &sample.create {
                let made = admin.post(sample.path, create).await.is(201);
                let path = format!("{}/{}", sample.path, made.id());
                assert_eq!(made.header("etag"), tag(&admin, &path).await, "{path}");
            }
            if let Some(update) = &sample.update {
                let changed = admin.patch(&sample.at(), update).await.is(200);
                assert_ne!(changed.header("etag"), shown, "{}", sample.kind);
                assert_eq!(changed.header("etag"), tag(&admin, &sample.at()).await, "{}", sample.kind);
            }
            // A touch is noted every minute.
            server.clock.advance_seconds(60);
            for verb in sample.verbs.iter().filter(|verb| **verb != "deactivate") {
                let before = tag(&admin, &sample.at()).await;
                let done = Reply::of(admin.request(Method::PATCH, &format!("{}/{verb}", sample.at()))).await.is(200);
                assert_eq!(done.header("etag"), tag(&admin, &sample.at()).await, "{} {verb}", sample.kind);
                assert_ne!(done.header("etag"), before, "{} {verb}", sample.kind);
            }
            assert_eq!(admin.get(sample.path).await.header("etag"), "", "a list has no version");
        }
    }

    async fn ap_lost_update_a_stale_version_changes_nothing_whatever_is_asked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("stale").await;
        let before = database.dump().await;
        for sample in &samples {
            let fresh = tag(&admin, &sample.at()).await;
            // A weak tag never matches (RFC 9110 section 13.1.1), nor does one that only reads alike.
            let (weak, alike) = (format!("W/{fresh}"), fresh.replacen('"', "\"+", 1));
            let others = ["\"someone's\"", "\"\"", "\"1\", W/\"2\"", "\"1\",,\"2\"", "\"a,b\"", "\"ffffffffffffffffff\""];
            let stale = [&[STALE, &weak, &alike], &others[..]].concat();
            let mut asked = Vec::new();
            asked.extend(sample.update.as_ref().map(|update| (Method::PATCH, sample.at(), Some(update.clone()))));
            for verb in sample.verbs {
                asked.push((Method::PATCH, format!("{}/{verb}", sample.at()), None));
                asked.push((Method::PATCH, format!("{}/{verb}", sample.at()), Some(sample.unchanged())));
            }
            if sample.deletable {
                asked.push((Method::DELETE, sample.at(), None));
            }
            assert_eq!(asked.is_empty(), sample.kind == "audit_event");
            for (index, (method, path, document)) in asked.iter().enumerate() {
                let ask = async |tag: &str| if_match(&admin, method.clone(), path, tag, document.as_ref()).await;
                for tag in if index == 0 { &stale[..] } else { &stale[..2] } {
                    let refused = ask(tag).await;
                    refused.is_error(412, "");
                    assert_eq!(refused.error().1, "precondition_failed", "{method} {path} {tag}");
                }
                for tag in if index == 0 { MALFORMED } else { &MALFORMED[..1] } {
                    ask(tag).await.is_error(400, "If-Match");
                }
                for tag in ["*", STALE] {
                    let gone = path.replace(&sample.id, &nobody());
                    if_match(&admin, method.clone(), &gone, tag, None).await.is_error(404, "");
                }
            }
        }
        assert_eq!(database.dump().await, before);
    }

    async fn a_condition_that_holds_lets_the_change_through(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("fresh").await;
        for sample in &samples {
            let Some(update) = &sample.update else { continue };
            if_match(&admin, Method::PATCH, &sample.at(), "*", Some(update)).await.is(200);
            let fresh = tag(&admin, &sample.at()).await;
            if_match(&admin, Method::PATCH, &sample.at(), &fresh, Some(update)).await.is(200);
            let list = format!("{STALE}, W/\"2\" ,{}", tag(&admin, &sample.at()).await);
            let changed = if_match(&admin, Method::PATCH, &sample.at(), &list, Some(update)).await.is(200);
            let request = with(admin.request(Method::PATCH, &sample.at()), update);
            let twice = request.header("if-match", STALE).header("if-match", changed.header("etag"));
            Reply::of(twice).await.is(200);
            let used = if_match(&admin, Method::PATCH, &sample.at(), changed.header("etag"), Some(update)).await;
            used.is_error(412, "");
        }
        for sample in &samples {
            for verb in sample.verbs.iter().filter(|_| sample.kind != "signing_key") {
                let fresh = tag(&admin, &sample.at()).await;
                if_match(&admin, Method::PATCH, &format!("{}/{verb}", sample.at()), &fresh, None).await.is(200);
            }
        }
        for sample in samples.iter().rev().filter(|sample| sample.deletable && sample.kind != "signing_key") {
            let fresh = tag(&admin, &sample.at()).await;
            if_match(&admin, Method::DELETE, &sample.at(), &fresh, None).await.is(200);
        }
        // What is made has no version yet.
        let made = document("role", json!({"name": "New"}), &[]);
        if_match(&admin, Method::POST, "roles", STALE, Some(&made)).await.is_error(412, "");
        if_match(&admin, Method::POST, "roles", "x", Some(&made)).await.is_error(400, "If-Match");
        if_match(&admin, Method::POST, "roles", "*", Some(&made)).await.is(201);
    }

    /// A key changes when it is retired, and when another takes its place or it takes another's.
    async fn a_signing_key_has_another_version_whenever_it_changes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let first = format!("signing-keys/{}", admin.only("signing-keys").await);
        let made = document("signing_key", json!({"publish_only": true}), &[]);
        let second = format!("signing-keys/{}", admin.post("signing-keys", &made).await.is(201).id());
        let before = (tag(&admin, &first).await, tag(&admin, &second).await);
        let verb = |name: &str| format!("{second}/{name}");
        if_match(&admin, Method::PATCH, &verb("set-primary"), &before.1, None).await.is(200);
        let after = (tag(&admin, &first).await, tag(&admin, &second).await);
        assert!(before.0 != after.0 && before.1 != after.1, "both are others now: {before:?} {after:?}");
        if_match(&admin, Method::PATCH, &verb("deactivate"), &before.1, None).await.is_error(412, "");
        if_match(&admin, Method::PATCH, &verb("deactivate"), &after.1, None).await.is(200);
        assert_ne!(tag(&admin, &first).await, after.0, "it signs again");
        if_match(&admin, Method::DELETE, &second, &after.1, None).await.is_error(412, "");
        let last = tag(&admin, &second).await;
        if_match(&admin, Method::DELETE, &second, &last, None).await.is(200);
    }

    /// Two people who saw the same version change it at the same moment, at two servers: one of them is told.
    async fn ap_lost_update_of_two_who_saw_the_same_version_one_succeeds(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let samples = admin.samples("twice").await;
        for sample in samples.iter().filter(|sample| sample.update.is_some()) {
            for round in 0..4 {
                let fresh = tag(&admin, &sample.at()).await;
                let update = sample.update.as_ref().unwrap();
                let requests = in_turn(&[&admin, &elsewhere], 2, &Method::PATCH, &sample.at(), update);
                let requests = requests.into_iter().map(|request| request.header("if-match", &fresh)).collect();
                let mut statuses: Vec<u16> = at_once(requests).await.iter().map(|reply| reply.status).collect();
                statuses.sort_unstable();
                assert_eq!(statuses, [200, 412], "{} {round}", sample.kind);
            }
        }
        let role = samples.of("roles");
        let fresh = tag(&admin, &role.at()).await;
        let update = role.update.as_ref().unwrap();
        let requests = vec![
            with(admin.request(Method::PATCH, &role.at()), update).header("if-match", &fresh),
            elsewhere.request(Method::DELETE, &role.at()).header("if-match", &fresh),
        ];
        let statuses: Vec<u16> = at_once(requests).await.iter().map(|reply| reply.status).collect();
        assert!([[200, 412], [404, 200], [412, 200]].contains(&[statuses[0], statuses[1]]), "{statuses:?}");
    }

    /// Without a condition, too, changes of different attributes all survive.
    async fn ap_lost_update_changes_of_different_attributes_at_two_servers_all_survive(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let samples = admin.samples("both").await;
        for (path, one, other) in [
            ("users", "first_name", "last_name"),
            ("roles", "name", "description"),
            ("resource-servers", "name", "token_ttl"),
            ("clients", "name", "redirect_uris"),
            ("applications", "name", "notification_emails"),
        ] {
            let sample = samples.of(path);
            for round in 0..5 {
                let value = |name: &str| match name {
                    "token_ttl" => json!(100 + round),
                    "redirect_uris" => json!([format!("https://app.example/{round}")]),
                    "notification_emails" => json!([format!("it{round}@example.com")]),
                    _ => json!(format!("{name} {round}")),
                };
                let document = |name: &str| change(sample.kind, &sample.id, json!({name: value(name)}));
                let requests = vec![
                    with(admin.request(Method::PATCH, &sample.at()), &document(one)),
                    with(elsewhere.request(Method::PATCH, &sample.at()), &document(other)),
                ];
                for reply in at_once(requests).await {
                    reply.is(200);
                }
                let shown = admin.get(&sample.at()).await.is(200);
                assert_eq!((shown.attribute(one), shown.attribute(other)), (value(one), value(other)), "{path}");
            }
        }
    }
}
