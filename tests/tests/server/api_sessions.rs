//! `/api/sessions`

use paylent_crypto::secret::SecretHash;
use paylent_domain::Clock as _;
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

fn session(attributes: Value, user: &str) -> Value {
    document("session", attributes, &[("user", "user", user)])
}

/// Asks for a verb of a session.
async fn verb(caller: &Caller<'_>, id: &str, verb: &str) -> Reply {
    Reply::of(caller.request(Method::PATCH, &format!("sessions/{id}/{verb}"))).await
}

/// Whether a session was ended.
async fn is_revoked(admin: &Caller<'_>, id: &str) -> bool {
    admin.get(&format!("sessions/{id}")).await.is(200).attribute("revoked_at").is_string()
}

both! {
    async fn se_token_a_session_is_made_and_its_token_told_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let attributes = json!({"ip_address": "2001:DB8::1", "user_agent": "Browser/1.0"});
        let made = admin.post("sessions", &session(attributes, &jane)).await.is(201);
        let path = format!("sessions/{}", made.id());
        let token = made.json()["meta"]["token"].as_str().unwrap().to_owned();
        assert!(token.starts_with("pay_") && token.len() > 43, "{token}");
        let now = server.clock.now();
        let expected = json!({"ip_address": "2001:db8::1", "user_agent": "Browser/1.0", "revoked_at": null,
            "last_activity_at": now.to_string(), "created_at": now.to_string(), "updated_at": now.to_string(),
            "expires_at": now.plus_seconds(30 * 24 * 3600).to_string()});
        assert_eq!(made.json()["data"]["attributes"], expected);
        let user = &made.json()["data"]["relationships"]["user"]["data"];
        assert_eq!(user, &json!({"type": "user", "id": jane}));
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        for reply in [
            admin.get(&path).await.is(200),
            admin.get("sessions").await.is(200),
            verb(&admin, &made.id(), "touch").await.is(200),
            verb(&admin, &made.id(), "revoke").await.is(200),
            admin.get("audit-events?page[size]=100").await.is(200),
        ] {
            assert!(!reply.text.contains(&token) && reply.json()["meta"].get("token").is_none(), "{}", reply.text);
        }
        assert!(!database.dump().await.iter().any(|row| row.contains(&token)), "it is kept as a hash");
        let bare = admin.post("sessions", &session(json!({}), &jane)).await.is(201);
        assert_eq!((bare.attribute("ip_address"), bare.attribute("user_agent")), (Value::Null, Value::Null));
        assert_ne!(bare.json()["meta"]["token"], token.as_str());
        admin.delete(&path).await.is(200);
        admin.get(&path).await.is_error(404, "");
        admin.delete(&path).await.is_error(404, "");
    }

    /// Whoever lists sessions learns of nothing that opens one; who may not list them learns nothing.
    async fn se_list_no_answer_has_a_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let client = browser::scene(&server.acme).await;
        let ada = browser::Browser::new(&server);
        ada.code(&client).await;
        let jane = admin.user("jane@example.com").await;
        let made = admin.post("sessions", &session(json!({}), &jane)).await.is(201);
        let tokens =
            [ada.cookie(browser::SESSION).unwrap(), made.json()["meta"]["token"].as_str().unwrap().to_owned()];
        let list = admin.get("sessions?include=user").await.is(200);
        let ids = list.ids();
        assert_eq!(ids.len(), 2);
        let shown = ["created_at", "expires_at", "ip_address", "last_activity_at", "revoked_at", "updated_at", "user_agent"];
        let reader = server.caller_with(&server.acme, &["sessions:read"]).await;
        let other = server.caller_with(&server.acme, &["users:read"]).await;
        let mut replies = vec![reader.get("sessions").await.is(200), list];
        for id in &ids {
            replies.push(admin.get(&format!("sessions/{id}?include=user")).await.is(200));
            other.get(&format!("sessions/{id}")).await.is_error(403, "");
        }
        other.get("sessions").await.is_error(403, "");
        for reply in replies {
            let json = reply.json();
            let rows = json["data"].as_array().cloned().unwrap_or_else(|| vec![json["data"].clone()]);
            for row in rows {
                let mut names: Vec<&String> = row["attributes"].as_object().unwrap().keys().collect();
                names.sort_unstable();
                assert_eq!(names, shown);
            }
            for token in &tokens {
                let hash = SecretHash::of(token);
                let hex: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
                for secret in [token, &hex, &forge::encode(hash.as_bytes()), "pay_se_"] {
                    assert!(!reply.text.contains(secret), "{secret} in {}", reply.text);
                }
            }
        }
    }

    async fn every_rule_of_a_session_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let longest = json!({"user_agent": "é".repeat(400), "ip_address": "192.0.2.1"});
        admin.post("sessions", &session(longest, &jane)).await.is(201);
        let asleep = admin.user("asleep@example.com").await;
        let sleep = change("user", &asleep, json!({"active": false}));
        admin.patch(&format!("users/{asleep}"), &sleep).await.is(200);
        let service = server.acme.seeded.service_user.to_string();
        let before = database.dump().await;
        for (name, value) in [
            ("ip_address", json!("here")),
            ("ip_address", json!("192.0.2.1/24")),
            ("ip_address", json!("192.0.2.1:80")),
            ("ip_address", json!(7)),
            ("ip_address", json!(null)),
            ("user_agent", json!("x".repeat(401))),
            ("user_agent", json!("a\u{2028}b")),
            ("expires_at", json!("2099-01-01T00:00:00Z")),
            ("token", json!("mine")),
        ] {
            let refused = admin.post("sessions", &session(json!({name: value}), &jane)).await.is(422);
            assert_eq!(refused.places(), [at(name)], "{name} {value}");
        }
        let place = "/data/relationships/user";
        admin.post("sessions", &document("session", json!({}), &[])).await.is_error(422, place);
        for (user, status) in [(nobody(), 404), ("x".to_owned(), 404), (asleep, 422), (service, 422)] {
            admin.post("sessions", &session(json!({}), &user)).await.is_error(status, place);
        }
        assert_eq!(database.dump().await, before);
    }

    async fn se_touch_a_live_session_is_kept_awake_and_an_ended_one_is_not(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let made = admin.post("sessions", &session(json!({}), &jane)).await.is(201);
        let id = made.id();
        server.clock.advance_seconds(60);
        let touched = verb(&admin, &id, "touch").await.is(200);
        let now = json!(server.clock.now().to_string());
        assert_eq!((touched.attribute("last_activity_at"), touched.attribute("updated_at")), (now.clone(), now));
        assert_eq!(touched.attribute("expires_at"), made.attribute("expires_at"), "its end stays");

        server.clock.advance_seconds(60);
        let revoked = verb(&admin, &id, "revoke").await.is(200);
        let at = json!(server.clock.now().to_string());
        assert_eq!(revoked.attribute("revoked_at"), at);
        let events = database.count("audit_events").await;
        server.clock.advance_seconds(60);
        let again = verb(&admin, &id, "revoke").await.is(200);
        assert_eq!(again.attribute("revoked_at"), at, "the first moment counts");
        assert_eq!(database.count("audit_events").await, events, "and it is told once");
        let refused = verb(&admin, &id, "touch").await;
        refused.is_error(409, "");
        assert_eq!(refused.error().1, "inactive_session");

        // One that expired, too: thirty days later, with another token.
        let old = admin.post("sessions", &session(json!({}), &jane)).await.is(201).id();
        server.clock.advance_seconds(30 * 24 * 3600);
        let admin = server.admin(&server.acme).await;
        assert_eq!(verb(&admin, &old, "touch").await.is(409).error().1, "inactive_session");
        assert!(!is_revoked(&admin, &old).await);
        for name in ["touch", "revoke"] {
            verb(&admin, &nobody(), name).await.is_error(404, "");
        }
    }

    /// Who touches it again and again writes no more than who does it once a minute.
    async fn se_touch_is_noted_once_a_minute(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let made = admin.post("sessions", &session(json!({}), &jane)).await.is(201);
        let told = async || database.count("audit_events WHERE action = 'session.touched'").await;
        for (seconds, noted) in [(0, 0), (59, 0), (1, 1), (0, 1), (59, 1), (1, 2)] {
            let before = admin.get(&format!("sessions/{}", made.id())).await.is(200);
            let events = told().await;
            server.clock.advance_seconds(seconds);
            let touched = verb(&admin, &made.id(), "touch").await.is(200);
            assert_eq!(told().await, noted);
            let is_noted = noted > events;
            assert_eq!(touched.header("etag") != before.header("etag"), is_noted);
            assert_eq!(touched.attribute("last_activity_at") == server.clock.now().to_string(), is_noted || seconds == 0);
        }
    }

    async fn sessions_are_listed_by_user_and_by_whether_they_were_ended(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (jane, joe) = (admin.user("jane@example.com").await, admin.user("joe@example.com").await);
        let mut ids = Vec::new();
        for user in [&jane, &jane, &joe] {
            server.clock.advance_seconds(1);
            ids.push(admin.post("sessions", &session(json!({}), user)).await.is(201).id());
        }
        verb(&admin, &ids[0], "revoke").await.is(200);
        for (query, found) in [
            ("".to_owned(), vec![&ids[0], &ids[1], &ids[2]]),
            (format!("filter[user]={jane}"), vec![&ids[0], &ids[1]]),
            ("filter[revoked_at][is_nil]=true".to_owned(), vec![&ids[1], &ids[2]]),
            (format!("filter[revoked_at][is_nil]=false&filter[user]={jane}"), vec![&ids[0]]),
            (format!("filter[user]={}", nobody()), vec![]),
        ] {
            let listed = admin.get(&format!("sessions?{query}")).await.is(200).ids();
            assert_eq!(listed.iter().collect::<Vec<_>>(), found, "{query}");
        }
        admin.get("sessions?filter[revoked_at]=x").await.is_error(400, "filter[revoked_at]");
        admin.get("sessions?filter[revoked_at][is_nil]=1").await.is_error(400, "filter[revoked_at][is_nil]");
    }

    /// Who holds a session is its person; so making one takes all that the person may do, anywhere.
    async fn rb_bola_user_nobody_signs_in_as_somebody_who_may_do_more(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let rights = ["sessions:read", "sessions:create", "users:read"];
        let clerk = server.caller_with(&server.acme, &rights).await;
        let (boss, local, peer) = (
            admin.user("boss@example.com").await,
            admin.user("local@example.com").await,
            admin.user("peer@example.com").await,
        );
        server.acme.give(&boss, &server.acme.role("keys", &["signing-keys:delete"]).await).await;
        server.acme.give(&peer, &server.acme.role("peers", &["users:read"]).await).await;
        let membership = admin.member(&local, &admin.organization("Acme").await).await;
        admin.give_there(&membership, &server.acme.role("inviters", &["invitations:create"]).await).await;
        let before = database.dump().await;
        for (user, lacked) in [(&boss, "signing-keys:delete"), (&local, "invitations:create")] {
            let refused = clerk.post("sessions", &session(json!({}), user)).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains(lacked), "{}", refused.text);
        }
        assert_eq!(database.dump().await, before);
        clerk.post("sessions", &session(json!({}), &peer)).await.is(201);
        admin.post("sessions", &session(json!({}), &local)).await.is(201);
    }

    async fn se_kill_a_new_password_and_a_deactivation_end_every_session_of_the_user(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (jane, joe) = (admin.user("jane@example.com").await, admin.user("joe@example.com").await);
        let begin = async |user: &str| admin.post("sessions", &session(json!({}), user)).await.is(201).id();
        let bystander = begin(&joe).await;
        for (killing, ends) in [
            (json!({"first_name": "Jane"}), false),
            (json!({"email": "jane2@example.com"}), false),
            (json!({"active": true}), false),
            (json!({"password": "another battery staple"}), true),
            (json!({"active": false}), true),
        ] {
            let path = format!("users/{jane}");
            admin.patch(&path, &change("user", &jane, json!({"active": true}))).await.is(200);
            let sessions = [begin(&jane).await, begin(&jane).await];
            admin.patch(&path, &change("user", &jane, killing.clone())).await.is(200);
            for id in &sessions {
                assert_eq!(is_revoked(&admin, id).await, ends, "{killing}");
                assert_eq!(verb(&admin, id, "touch").await.status, if ends { 409 } else { 200 }, "{killing}");
            }
            let live = admin.get(&format!("sessions?filter[user]={jane}&filter[revoked_at][is_nil]=true")).await.ids();
            assert_eq!(live.is_empty(), ends, "{killing}");
        }
        assert!(!is_revoked(&admin, &bystander).await);
        admin.delete(&format!("users/{jane}")).await.is(200);
        assert_eq!(admin.get("sessions").await.ids(), [bystander], "they go with the user");
    }
}
