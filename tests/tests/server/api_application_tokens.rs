//! `/api/application-tokens`: tokens of applications that never expire are seen and revoked one by one.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const BOTH: [&str; 2] = ["application-tokens:read", "application-tokens:delete"];

/// An application of this organization that can be used from here, and its credentials.
async fn application(admin: &Caller<'_>, organization: &str) -> (String, (String, String)) {
    let attributes = json!({"name": "Reports", "grant_type": "client_credentials", "ip_allow_list": ["127.0.0.1"],
        "permissions": ["memberships:read"]});
    let document = document("application", attributes, &[("organization", "organization", organization)]);
    let made = admin.post("applications", &document).await.is(201);
    let secret = made.json()["meta"]["client_secret"].as_str().unwrap().to_owned();
    (made.id(), (made.attribute("client_id").as_str().unwrap().to_owned(), secret))
}

/// A new static token.
async fn issue(server: &TestServer, credentials: &(String, String)) -> String {
    let asked = [("grant_type", "client_credentials")];
    let reply = server.oauth(&server.acme, "/oauth/token", credentials, &asked).await.is(200).json();
    assert_eq!((reply.get("expires_in"), reply.get("refresh_token")), (None, None), "it never expires");
    reply["access_token"].as_str().unwrap().to_owned()
}

both! {
    async fn static_tokens_are_revoked_one_by_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Bakery").await;
        let (id, credentials) = application(&admin, &owner).await;
        let one = issue(&server, &credentials).await;
        server.clock.advance_seconds(1);
        let two = issue(&server, &credentials).await;
        server.clock.advance_seconds(20 * 365 * 86_400);
        let admin = server.admin(&server.acme).await;
        let works = async |token: &str| server.bearer(&server.acme, token).get("memberships").await.status;
        assert_eq!((works(&one).await, works(&two).await), (200, 200));
        server.db.write_uses().await.unwrap();
        let listed = admin.get("application-tokens?include=application").await.is(200);
        let (ids, json) = (listed.ids(), listed.json());
        let attributes = |index: usize| &json["data"][index]["attributes"];
        for (index, token) in [&one, &two].into_iter().enumerate() {
            let shown = attributes(index);
            assert_eq!((&shown["prefix"], &shown["last_used_ip"]), (&json!(token[..13]), &json!("127.0.0.1")));
            assert!(shown["last_used_at"].as_str() > shown["created_at"].as_str(), "{shown}");
            assert!(!listed.text.contains(token.as_str()), "it is told nowhere");
        }
        assert_eq!(json["included"][0]["id"], json!(id));
        assert_eq!(admin.get(&format!("application-tokens?filter[application]={id}")).await.is(200).ids(), ids);
        let none = format!("application-tokens?filter[application]={}", nobody());
        assert_eq!(admin.get(&none).await.is(200).ids(), [""; 0]);
        let path = format!("application-tokens/{}", ids[0]);
        assert_eq!(admin.get(&format!("{path}/application")).await.is(200).id(), id);
        Reply::of(admin.request(Method::DELETE, &path).header("if-match", "\"1\"")).await.is_error(412, "");
        assert_eq!(works(&one).await, 200);
        admin.delete(&path).await.is(200);
        assert_eq!((works(&one).await, works(&two).await), (401, 200));
        admin.get(&path).await.is_error(404, "");
        admin.delete(&path).await.is_error(404, "");
        let permit = change("application", &id, json!({"permissions": []}));
        admin.patch(&format!("applications/{id}"), &permit).await.is(200);
        let refused = server.bearer(&server.acme, &two).get("memberships").await;
        refused.is_error(403, "");
        assert_eq!(refused.detail(), "The access token lacks the scope memberships:read.");
        let permit = change("application", &id, json!({"permissions": ["memberships:read"]}));
        admin.patch(&format!("applications/{id}"), &permit).await.is(200);
        let three = issue(&server, &credentials).await;
        assert_eq!((works(&two).await, works(&three).await), (403, 200), "what was taken comes back to no token");
        let event = "SELECT targets FROM audit_events WHERE action = 'application_token.deleted'";
        let told: Value = serde_json::from_str(&database.values(event).await.remove(0)).unwrap();
        assert_eq!((&told[0]["name"], &told[1]["id"]), (&json!(one[..13]), &json!(id)));
        assert_eq!(told[2], json!({"type": "organization", "id": owner, "name": "Bakery"}));
    }

    async fn rb_xorg_static_tokens_are_the_owners_alone(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (owner, other) = (admin.organization("Bakery").await, admin.organization("Works").await);
        let (_, credentials) = application(&admin, &owner).await;
        let token = issue(&server, &credentials).await;
        let boss = server.member_with(&admin, &owner, &BOTH).await.caller;
        let clerk = server.member_with(&admin, &owner, &["memberships:read"]).await.caller;
        let stranger = server.member_with(&admin, &other, &BOTH).await.caller;
        let beta = server.admin(&server.beta).await;
        let id = boss.only("application-tokens").await;
        let path = format!("application-tokens/{id}");
        let before = database.dump().await;
        for stranger in [&stranger, &beta] {
            assert_eq!(stranger.get("application-tokens").await.is(200).ids(), [""; 0]);
            stranger.get(&path).await.is_error(404, "");
            stranger.delete(&path).await.is_error(404, "");
        }
        clerk.get("application-tokens").await.is_error(403, "");
        clerk.delete(&path).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
        boss.delete(&path).await.is(200);
        let refused = server.bearer(&server.acme, &token).get("memberships").await;
        assert_eq!(refused.status, 401, "{}", refused.text);
    }
}
