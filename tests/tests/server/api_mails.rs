//! `/api/mails`

use paylent_domain::Clock as _;
use paylent_tests::{both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{smtp::*, *};

async fn resend(caller: &Caller<'_>, id: &str) -> Reply {
    Reply::of(caller.request(Method::PATCH, &format!("mails/{id}/resend"))).await
}

both! {
    async fn a_mail_is_shown_without_what_it_says(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let now = server.clock.now();
        let id = server.queue_mail("jane@example.com", &passcode(&server.acme), Some(now.plus_seconds(600))).await;
        let admin = server.admin(&server.acme).await;
        let shown = admin.get(&format!("mails/{id}")).await.is(200);
        let expected = json!({"kind": "passcode", "recipient": "jane@example.com", "status": "queued", "attempts": 0,
            "next_attempt_at": now.to_string(), "expires_at": now.plus_seconds(600).to_string(), "last_error": null,
            "created_at": now.to_string(), "updated_at": now.to_string()});
        assert_eq!(shown.json()["data"]["attributes"], expected);
        assert!(!shown.text.contains("004711") && shown.json()["data"]["relationships"] == Value::Null);
        assert_eq!(admin.get("mails").await.is(200).json()["data"][0]["attributes"], expected);
        let there = server.admin(&server.beta).await;
        there.get(&format!("mails/{id}")).await.is_error(404, "");
        assert_eq!(there.get("mails").await.is(200).ids(), [""; 0]);
        assert_eq!(resend(&there, &id.to_string()).await.status, 404);
    }

    async fn mails_are_neither_written_nor_deleted_here(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        let admin = server.admin(&server.acme).await;
        let mail = json!({"recipient": "eve@example.com", "kind": "passcode"});
        admin.post("mails", &document("mail", mail.clone(), &[])).await.is_error(405, "");
        admin.patch(&format!("mails/{id}"), &change("mail", &id.to_string(), mail.clone())).await.is_error(405, "");
        admin.delete(&format!("mails/{id}")).await.is_error(405, "");
        let resend = format!("mails/{id}/resend");
        let changed = admin.patch(&resend, &change("mail", &id.to_string(), mail)).await.is(422);
        assert_eq!(changed.places(), [at("kind"), at("recipient")]);
    }

    async fn only_a_mail_that_failed_is_sent_again(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let queued = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await.to_string();
        let refused = resend(&admin, &queued).await;
        refused.is_error(409, "");
        assert_eq!(refused.error().1, "no_letter");
        let failed = seed::failed_mail(&server.db, &server.acme.seeded.env, "joe@example.com").await.to_string();
        let again = resend(&admin, &failed).await.is(200);
        assert_eq!((again.attribute("status"), again.attribute("attempts")), (json!("queued"), json!(0)));
        resend(&admin, &failed).await.is_error(409, "");
        let events = admin.get("audit-events?filter[action]=mail.resent").await.is(200);
        assert_eq!(events.json()["data"][0]["attributes"]["targets"][0]["name"], "joe@example.com");
    }

    async fn mails_are_found_by_recipient_kind_and_status(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let failed = seed::failed_mail(&server.db, &server.acme.seeded.env, "joe@example.com").await.to_string();
        let ada = server.queue_mail("ada@example.com", &invitation(&server.acme), None).await.to_string();
        let bob = server.queue_mail("bob@example.com", &passcode(&server.acme), None).await.to_string();
        for (query, expected) in [
            ("filter[status]=failed", vec![&failed]),
            ("filter[status][not_eq]=failed&sort=recipient", vec![&ada, &bob]),
            ("filter[recipient]=bob@example.com", vec![&bob]),
            ("filter[recipient][contains]=ADA@", vec![&ada]),
            ("filter[kind]=invitation", vec![&ada]),
            ("filter[status]=lost", vec![]),
            ("sort=-recipient", vec![&failed, &bob, &ada]),
        ] {
            let found = admin.get(&format!("mails?{query}")).await.is(200).ids();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{query}");
        }
    }
}
