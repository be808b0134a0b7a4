//! `/api/applications/{id}/rotate-secret` and `/expire-previous-secret`: the secrets of organizations' applications.

use paylent_domain::Clock as _;
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{application_documents::*, *};

both! {
    /// Seed 002: it can be rotated at any moment; tokens live on.
    async fn a_secret_is_rotated_with_an_overlap_and_there_are_two_at_most(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let owner = server.admin(&server.acme).await.organization("Shop").await;
        let attributes = with_others(bound(), json!({"permissions": ["applications:read"]}));
        let made = server.admin(&server.acme).await.post("applications", &application(attributes, &owner)).await.is(201);
        let (id, client_id) = (made.id(), made.attribute("client_id").as_str().unwrap().to_owned());
        let path = format!("applications/{id}/rotate-secret");
        let mut secrets = vec![secret_of(&made)];
        let token = ask(&server, &client_id, &secrets[0]).await.is(200).json()["access_token"].as_str().unwrap().to_owned();
        let works = async |secrets: &[String]| {
            let mut works = Vec::new();
            for secret in secrets {
                let asked = ask(&server, &client_id, secret).await;
                assert!([200, 401].contains(&asked.status), "{}", asked.text);
                works.push(asked.status == 200);
            }
            works
        };
        // How long they overlap, and for how long all is as it was right after.
        for (overlap, seconds) in [("1h", 3_600), ("24h", 86_400), ("7d", 604_800)] {
            let admin = server.admin(&server.acme).await;
            let rotated = admin.patch(&path, &json!({"meta": {"overlap": overlap}})).await.is(200);
            assert_eq!(rotated.json()["meta"]["client_id"], client_id);
            secrets.push(secret_of(&rotated));
            let (old, new) = (secrets.len() - 2, secrets.len() - 1);
            let live = [secrets[old].clone(), secrets[new].clone()];
            assert_eq!(works(&live).await, [true, true], "{overlap}");
            server.clock.advance_seconds(seconds - 1);
            assert_eq!(works(&live).await, [true, true], "{overlap}: to the end");
            server.clock.advance_seconds(1);
            assert_eq!(works(&live).await, [false, true], "{overlap}: and no longer");
        }
        // A rotation while the one before still overlaps.
        let admin = server.admin(&server.acme).await;
        for _ in 0..2 {
            let named = json!({"data": {"type": "application", "id": id}, "meta": {"overlap": "7d"}});
            secrets.push(secret_of(&admin.patch(&path, &named).await.is(200)));
        }
        assert_eq!(works(&secrets[3..]).await, [false, true, true]);
        // Without a word, only the new one counts.
        secrets.push(secret_of(&Reply::of(admin.request(Method::PATCH, &path)).await.is(200)));
        assert_eq!(works(&secrets[3..]).await, [false, false, false, true]);
        let rows = database.dump().await;
        assert!(!secrets.iter().any(|secret| rows.iter().any(|row| row.contains(secret))), "they are kept as hashes");
        let holder = server.bearer(&server.acme, &token);
        assert_eq!(holder.get("applications").await.is(200).ids(), [id], "a token of the first secret");
    }

    /// That an older secret still works is told, and can be ended.
    async fn the_secret_before_is_shown_and_ended(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let path = format!("applications/{}", made.id());
        let client_id = made.attribute("client_id").as_str().unwrap().to_owned();
        let shown = async || admin.get(&path).await.is(200).attribute("previous_secret_expires_at");
        let expire = async || Reply::of(admin.request(Method::PATCH, &format!("{path}/expire-previous-secret"))).await;
        let rotate = async |overlap: &str| {
            let rotated = admin.patch(&format!("{path}/rotate-secret"), &json!({"meta": {"overlap": overlap}})).await.is(200);
            (secret_of(&rotated), rotated.attribute("previous_secret_expires_at"))
        };
        let before = database.dump().await;
        assert_eq!(expire().await.is(200).attribute("previous_secret_expires_at"), Value::Null, "there is none");
        assert_eq!(database.dump().await, before);
        let (old, (new, told)) = (secret_of(&made), rotate("24h").await);
        let until = json!(server.clock.now().plus_seconds(86_400).to_string());
        assert_eq!((told, shown().await), (until.clone(), until));
        assert_eq!((ask(&server, &client_id, &old).await.status, ask(&server, &client_id, &new).await.status), (200, 200));
        let tag = admin.get(&path).await.header("etag").to_owned();
        let stale = admin.request(Method::PATCH, &format!("{path}/expire-previous-secret")).header("if-match", "\"1\"");
        Reply::of(stale).await.is_error(412, "");
        let overlap = admin.patch(&format!("{path}/expire-previous-secret"), &json!({"meta": {"overlap": "1h"}})).await;
        assert!([400, 422].contains(&overlap.status), "it takes none: {}", overlap.text);
        let written = change("application", &made.id(), json!({"previous_secret_expires_at": null}));
        admin.patch(&path, &written).await.is_error(422, "/data/attributes/previous_secret_expires_at");
        assert_eq!(admin.get(&path).await.header("etag"), tag);
        let ended = expire().await.is(200);
        assert_eq!(ended.attribute("previous_secret_expires_at"), Value::Null);
        assert_ne!(ended.header("etag"), tag);
        assert!(!ended.text.contains("client_secret"), "{}", ended.text);
        assert_eq!((ask(&server, &client_id, &old).await.status, ask(&server, &client_id, &new).await.status), (401, 200));
        assert_eq!(database.count("audit_events WHERE action = 'application.previous_secret_expired'").await, 1);
        // What ends by itself, or with the next rotation, is not shown for longer than it works.
        rotate("1h").await;
        server.clock.advance_seconds(3_599);
        assert_ne!(server.admin(&server.acme).await.get(&path).await.attribute("previous_secret_expires_at"), Value::Null);
        server.clock.advance_seconds(1);
        let admin = server.admin(&server.acme).await;
        assert_eq!(admin.get(&path).await.attribute("previous_secret_expires_at"), Value::Null);
        admin.patch(&format!("{path}/rotate-secret"), &json!({"meta": {"overlap": "7d"}})).await.is(200);
        let rotated = admin.patch(&format!("{path}/rotate-secret"), &json!({"meta": {"overlap": "none"}})).await.is(200);
        assert_eq!(rotated.attribute("previous_secret_expires_at"), Value::Null);
    }

    async fn a_rotation_that_is_not_understood_changes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let path = format!("applications/{}/rotate-secret", made.id());
        let before = database.dump().await;
        for (body, status, place) in [
            (json!({"meta": {"overlap": "2h"}}), 422, "/meta/overlap"),
            (json!({"meta": {"overlap": 3600}}), 422, "/meta/overlap"),
            (json!({"meta": {"overlap": null}}), 422, "/meta/overlap"),
            (json!({"meta": {"overlaps": "1h"}}), 422, "/meta/overlaps"),
            (json!({"meta": "1h"}), 400, "/meta"),
            (json!({"overlap": "1h"}), 400, "/overlap"),
            (json!({}), 400, "/data"),
            (json!({"data": null, "meta": {}}), 400, "/data"),
            (json!({"data": {"type": "application", "id": nobody()}, "meta": {}}), 409, "/data/id"),
            (json!({"data": {"type": "client", "id": made.id()}, "meta": {}}), 409, "/data/type"),
            (change("application", &made.id(), json!({"overlap": "1h"})), 422, "/data/attributes/overlap"),
        ] {
            let refused = admin.patch(&path, &body).await;
            assert_eq!((refused.status, refused.error().2.as_str()), (status, place), "{body}: {}", refused.text);
        }
        let stale = admin.request(Method::PATCH, &path).header("if-match", "\"1\"");
        Reply::of(stale).await.is_error(412, "");
        assert_eq!(database.dump().await, before);
    }
}
