//! `/api/environment`: what is decided about the environment. There is one, and it cannot be made or deleted.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

/// Everything that can be decided, with another value than at first.
fn everything() -> Value {
    json!({
        "name": "Acme",
        "registration_enabled": false,
        "session_ttl": 300,
        "session_idle_ttl": 31_536_000,
        "invitation_ttl": 3_600,
        "password_min_length": 64,
        "code_ttl": 600,
        "refresh_grace": 0,
        "refresh_absolute_ttl": 3_600,
    })
}

both! {
    async fn the_settings_of_an_environment_are_shown_and_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let shown = admin.get("environment").await.is(200);
        let id = shown.id();
        assert_eq!(id, server.acme.seeded.env.tenant().environment.id.to_string());
        let json = shown.json();
        assert_eq!((&json["data"]["type"], &json["data"]["links"]["self"]), (
            &json!("environment"),
            &json!(format!("{}/environment", server.acme.api())),
        ));
        let at_first = json["data"]["attributes"].clone();
        let moments = (at_first["created_at"].clone(), at_first["updated_at"].clone());
        assert_eq!(at_first, json!({
            "handle": "acme-test",
            "name": null,
            "registration_enabled": true,
            "session_ttl": 2_592_000,
            "session_idle_ttl": 1_209_600,
            "invitation_ttl": 604_800,
            "password_min_length": 8,
            "code_ttl": 60,
            "refresh_grace": 10,
            "refresh_absolute_ttl": null,
            "created_at": moments.0,
            "updated_at": moments.1,
        }));
        let changed = admin.patch("environment", &change("environment", &id, everything())).await.is(200);
        let now = changed.json()["data"]["attributes"].clone();
        for (name, value) in everything().as_object().unwrap() {
            assert_eq!(now[name], *value, "{name}");
        }
        assert!(now["updated_at"].as_str() > at_first["updated_at"].as_str());
        assert_eq!(changed.header("etag"), admin.get("environment").await.header("etag"));
        assert_ne!(changed.header("etag"), shown.header("etag"));
        let none = json!({"name": null, "refresh_absolute_ttl": null});
        let unnamed = admin.patch("environment", &change("environment", &id, none)).await.is(200);
        assert_eq!((unnamed.attribute("name"), unnamed.attribute("session_ttl")), (Value::Null, json!(300)));
        assert_eq!(unnamed.attribute("refresh_absolute_ttl"), Value::Null);
        let beta = server.admin(&server.beta).await.get("environment").await.is(200);
        assert_eq!((beta.attribute("handle"), beta.attribute("session_ttl")), (json!("beta-test"), json!(2_592_000)));
    }

    async fn what_cannot_be_decided_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.get("environment").await.is(200).id();
        let before = database.dump().await;
        for (attribute, value) in [
            ("handle", json!("other")),
            ("created_at", json!("2026-11-22T10:00:00.000000Z")),
            ("custom_domain", json!("evil.example")),
            ("name", json!("")),
            ("name", json!("a\nb")),
            ("name", json!("x".repeat(101))),
            ("name", json!(1)),
            ("registration_enabled", json!("true")),
            ("registration_enabled", json!(null)),
            ("session_ttl", json!(299)),
            ("session_ttl", json!(31_536_001)),
            ("session_ttl", json!("300")),
            ("session_ttl", json!(300.5)),
            ("session_idle_ttl", json!(299)),
            ("session_idle_ttl", json!(null)),
            ("invitation_ttl", json!(3_599)),
            ("invitation_ttl", json!(7_776_001)),
            ("password_min_length", json!(7)),
            ("password_min_length", json!(65)),
            ("password_min_length", json!(4_294_967_304_i64)),
            ("code_ttl", json!(59)),
            ("code_ttl", json!(601)),
            ("code_ttl", json!(null)),
            ("refresh_grace", json!(-1)),
            ("refresh_grace", json!(61)),
            ("refresh_absolute_ttl", json!(3_599)),
            ("refresh_absolute_ttl", json!(315_360_001)),
            ("refresh_absolute_ttl", json!(0)),
        ] {
            let refused = admin.patch("environment", &change("environment", &id, json!({attribute: value}))).await;
            assert_eq!(refused.is(422).places(), [at(attribute)], "{value}");
        }
        let other = server.beta.seeded.env.tenant().environment.id.to_string();
        let foreign = admin.patch("environment", &change("environment", &other, json!({"name": "x"}))).await;
        assert_eq!(foreign.status, 409, "{}", foreign.text);
        assert_eq!(admin.post("environment", &document("environment", json!({}), &[])).await.status, 405);
        assert_eq!(admin.delete("environment").await.status, 405);
        assert_eq!(admin.get(&format!("environment/{id}")).await.status, 404);
        for query in ["include=users", "filter[id]=1", "sort=name", "page[size]=1", "fields[environment]=secret"] {
            assert_eq!(admin.get(&format!("environment?{query}")).await.status, 400, "{query}");
        }
        assert_eq!(database.dump().await, before);
    }

    /// Where mails are handed over is the operator's to say.
    async fn sf_smtp_no_tenant_names_a_mail_server(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.get("environment").await.is(200).id();
        let before = database.dump().await;
        for (name, value) in [
            ("mail_host", json!("127.0.0.1")),
            ("smtp_host", json!("169.254.169.254")),
            ("smtp_port", json!(25)),
            ("mail", json!({"transport": "smtp", "host": "127.0.0.1", "port": 25})),
        ] {
            let refused = admin.patch("environment", &change("environment", &id, json!({name: value}))).await;
            refused.is_error(422, &at(name));
        }
        assert_eq!(database.dump().await, before);
    }

    async fn ap_lost_update_a_stale_version_of_the_settings_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let shown = admin.get("environment").await.is(200);
        let send = async |tag: &str, name: &str| {
            let request = admin.request(Method::PATCH, "environment").header("content-type", JSON_API);
            let document = change("environment", &shown.id(), json!({"name": name}));
            Reply::of(request.header("if-match", tag).body(document.to_string())).await
        };
        send(shown.header("etag"), "first").await.is(200);
        send(shown.header("etag"), "second").await.is_error(412, "");
        assert_eq!(admin.get("environment").await.attribute("name"), "first");
    }

    async fn a_change_of_the_settings_leaves_its_event(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let id = admin.get("environment").await.is(200).id();
        let values = json!({
            "name": "Acme",
            "registration_enabled": false,
            "session_ttl": 2_592_000,
            "code_ttl": 120,
            "refresh_grace": 0,
            "refresh_absolute_ttl": 86_400,
        });
        admin.patch("environment", &change("environment", &id, values)).await.is(200);
        let events = admin.get("audit-events?filter[action]=environment.updated").await.is(200).json();
        let event = &events["data"][0]["attributes"];
        assert_eq!(event["changes"], json!({
            "name": {"from": null, "to": "Acme"},
            "registration_enabled": {"from": "true", "to": "false"},
            "code_ttl": {"from": "60", "to": "120"},
            "refresh_grace": {"from": "10", "to": "0"},
            "refresh_absolute_ttl": {"from": null, "to": "86400"},
        }), "{event}");
        assert_eq!(event["targets"], json!([{"type": "environment", "id": id, "name": "acme-test"}]));
    }

    /// Each right alone, and what it does not open.
    async fn rb_matrix_to_read_and_to_change_the_settings_are_two_rights(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let id = server.admin(&server.acme).await.get("environment").await.is(200).id();
        let update = change("environment", &id, json!({"name": "Mine"}));
        let reader = server.caller_with(&server.acme, &["environment:read"]).await;
        reader.get("environment").await.is(200);
        reader.patch("environment", &update).await.is_error(403, "");
        let writer = server.caller_with(&server.acme, &["environment:update"]).await;
        writer.get("environment").await.is_error(403, "");
        writer.patch("environment", &update).await.is(200);
    }
}
