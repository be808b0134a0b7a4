//! `PATCH /api/signing-keys/{id}/set-primary`

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

/// The name of the key that signed a token.
fn kid_of(token: &str) -> Value {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].clone()
}

both! {
    async fn ky_one_primary_the_chosen_key_signs_from_now_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let first = admin.get("signing-keys").await.json()["data"][0].clone();
        let generated = admin.post("signing-keys", &document("signing_key", json!({"publish_only": true}), &[])).await;
        let (id, kid) = (generated.is(201).id(), admin.get("signing-keys?sort=-created_at").await);
        let kid = kid.json()["data"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap()["attributes"]["kid"].clone();
        assert_eq!(kid_of(&server.admin_token(&server.acme).await), first["attributes"]["kid"]);

        let path = format!("signing-keys/{id}/set-primary");
        let chosen = Reply::of(admin.request(reqwest::Method::PATCH, &path)).await.is(200);
        assert_eq!((chosen.attribute("primary"), chosen.attribute("status")), (json!(true), json!("active")));
        let old = admin.get(&format!("signing-keys/{}", first["id"].as_str().unwrap())).await.is(200);
        assert_eq!((old.attribute("primary"), old.attribute("status")), (json!(false), json!("active")));
        let fresh = server.admin_token(&server.acme).await;
        assert_eq!(kid_of(&fresh), kid, "new tokens are signed by the chosen key");
        admin.get("users").await.is(200);
        server.users_with(&server.acme, &fresh).await.is(200);

        let events = database.count("audit_events").await;
        let again = Reply::of(admin.request(reqwest::Method::PATCH, &path)).await.is(200);
        assert_eq!(again.json()["data"], chosen.json()["data"]);
        assert_eq!(database.count("audit_events").await, events, "what is so already is no change");
    }

    async fn ky_one_primary_a_retired_key_does_not_come_back(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let made = document("signing_key", json!({"publish_only": true}), &[]);
        let id = admin.post("signing-keys", &made).await.is(201).id();
        let patch = async |path: &str| Reply::of(admin.request(reqwest::Method::PATCH, path)).await;
        patch(&format!("signing-keys/{id}/deactivate")).await.is(200);
        let before = database.dump().await;
        let refused = patch(&format!("signing-keys/{id}/set-primary")).await;
        refused.is_error(409, "");
        assert_eq!(refused.error().1, "inactive_key");
        patch(&format!("signing-keys/{}/set-primary", nobody())).await.is_error(404, "");
        let attributes = change("signing_key", &id, json!({"primary": true}));
        let path = format!("signing-keys/{id}/set-primary");
        assert_eq!(admin.patch(&path, &attributes).await.is(422).places(), [at("primary")]);
        assert_eq!(database.dump().await, before);
    }
}
