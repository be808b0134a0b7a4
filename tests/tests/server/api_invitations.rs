//! `/api/invitations`

use paylent_domain::{Clock as _, language::Language};
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{letters::letters_to, *};

const DAY: i64 = 24 * 3600;

fn invitation(attributes: Value, organization: &str) -> Value {
    document("invitation", attributes, &[("organization", "organization", organization)])
}

async fn revoke(caller: &Caller<'_>, id: &str) -> Reply {
    Reply::of(caller.request(Method::PATCH, &format!("invitations/{id}/revoke"))).await
}

async fn status(caller: &Caller<'_>, id: &str) -> Value {
    caller.get(&format!("invitations/{id}")).await.is(200).attribute("status")
}

both! {
    async fn an_invitation_is_made_shown_revoked_and_deleted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let mut roles = vec![server.acme.role("Reader", &[]).await, server.acme.role("Writer", &[]).await];
        let attributes = json!({"email": "Jane@Example.com", "role_ids": roles});
        let made = admin.post("invitations", &invitation(attributes, &acme)).await.is(201);
        let (id, path) = (made.id(), format!("invitations/{}", made.id()));
        let now = server.clock.now();
        roles.sort();
        let expected = json!({"email": "Jane@Example.com", "role_ids": roles, "status": "pending",
            "expires_at": now.plus_seconds(7 * DAY).to_string(), "created_at": now.to_string(),
            "updated_at": now.to_string()});
        assert_eq!(made.json()["data"]["attributes"], expected);
        let related = |name: &str| made.json()["data"]["relationships"][name]["data"].clone();
        assert_eq!(related("organization"), json!({"type": "organization", "id": acme}));
        let inviter = server.acme.seeded.service_user.to_string();
        assert_eq!(related("inviter"), json!({"type": "user", "id": inviter}));
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], made.json()["data"]);
        assert_eq!(admin.get("invitations").await.is(200).json()["data"][0]["attributes"], expected);
        assert_eq!(admin.get(&format!("{path}/inviter")).await.is(200).id(), inviter);
        assert_eq!(admin.get(&format!("{path}/organization")).await.is(200).id(), acme);

        let before = database.dump().await;
        admin.patch(&path, &change("invitation", &id, json!({"email": "x@example.com"}))).await.is_error(405, "");
        let attributes = change("invitation", &id, json!({"status": "accepted"}));
        assert_eq!(admin.patch(&format!("{path}/revoke"), &attributes).await.is(422).places(), [at("status")]);
        assert_eq!(database.dump().await, before);
        server.clock.advance_seconds(1);
        let revoked = revoke(&admin, &id).await.is(200);
        assert_eq!(revoked.attribute("status"), "revoked");
        assert_eq!(revoked.attribute("updated_at"), server.clock.now().to_string());
        let again = revoke(&admin, &id).await;
        again.is_error(409, "");
        assert_eq!(again.error().1, "answered_invitation");
        revoke(&admin, &nobody()).await.is_error(404, "");
        admin.delete(&path).await.is(200);
        admin.delete(&path).await.is_error(404, "");
    }

    async fn every_rule_of_an_invitation_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let acme = admin.organization("Acme").await;
        let mut roles = Vec::new();
        for number in 0..21 {
            roles.push(server.acme.role(&format!("role {number}"), &[]).await);
        }
        let now = server.clock.now();
        let furthest = json!({"email": "a@example.com", "role_ids": roles[..20],
            "expires_at": now.plus_seconds(90 * DAY).to_string()});
        admin.post("invitations", &invitation(furthest, &acme)).await.is(201);
        let foreign = server.beta.role("Foreign", &[]).await;
        let before = database.dump().await;
        for (name, value, place) in [
            ("email", json!("jane"), "email"),
            ("email", json!("a@x.com,b@y.com"), "email"),
            ("email", json!("a@x.com\r\nBcc: b@y.com"), "email"),
            ("email", json!(null), "email"),
            ("role_ids", json!("x"), "role_ids"),
            ("role_ids", json!([roles[0], "x"]), "role_ids/1"),
            ("role_ids", json!([roles[0], roles[0]]), "role_ids/1"),
            ("role_ids", json!([roles[0], nobody()]), "role_ids/1"),
            ("role_ids", json!([foreign]), "role_ids/0"),
            ("role_ids", json!(roles), "role_ids"),
            ("expires_at", json!(now.to_string()), "expires_at"),
            ("expires_at", json!(now.plus_seconds(-1).to_string()), "expires_at"),
            ("expires_at", json!(now.plus_seconds(90 * DAY + 1).to_string()), "expires_at"),
            ("expires_at", json!("tomorrow"), "expires_at"),
            ("expires_at", json!(7), "expires_at"),
            ("locale", json!("fr"), "locale"),
            ("locale", json!("de-AT"), "locale"),
            ("locale", json!(1), "locale"),
            ("status", json!("accepted"), "status"),
            ("inviter_id", json!("x"), "inviter_id"),
            ("token", json!("x"), "token"),
        ] {
            let mut attributes = json!({"email": "jane@example.com"});
            attributes[name] = value.clone();
            let refused = admin.post("invitations", &invitation(attributes, &acme)).await.is(422);
            assert_eq!(refused.places(), [at(place)], "{name} {value}");
        }
        let jane = json!({"email": "jane@example.com"});
        let place = "/data/relationships/organization";
        admin.post("invitations", &document("invitation", jane.clone(), &[])).await.is_error(422, place);
        let other = beta.organization("Beta").await;
        for missing in [nobody(), "x".to_owned(), other] {
            admin.post("invitations", &invitation(jane.clone(), &missing)).await.is_error(404, place);
        }
        let added = database.dump().await.len() - before.len();
        assert_eq!(added, 2, "the other environment's organization and its event");
    }

    /// What people chose for themselves comes first.
    async fn the_mail_is_in_the_language_that_is_asked_for_unless_the_person_chose_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        for (email, chosen) in [("german@example.com", "'de'"), ("silent@example.com", "NULL")] {
            admin.user(email).await;
            database.execute(&format!("UPDATE users SET locale = {chosen} WHERE email = '{email}'")).await;
        }
        for (email, attributes, language) in [
            ("new@example.com", json!({"locale": "nl"}), Language::Dutch),
            ("newer@example.com", json!({}), Language::English),
            ("silent@example.com", json!({"locale": "nl"}), Language::Dutch),
            ("german@example.com", json!({"locale": "nl"}), Language::German),
        ] {
            let mut attributes = attributes;
            attributes["email"] = json!(email);
            let made = admin.post("invitations", &invitation(attributes, &acme)).await.is(201);
            assert!(made.json()["data"]["attributes"].get("locale").is_none());
            assert_eq!(letters_to(&database, email).await.remove(0).language, language, "{email}");
        }
    }

    async fn one_invitation_of_an_address_is_pending_in_each_organization(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (acme, other) = (admin.organization("Acme").await, admin.organization("Other").await);
        let asked = |email: &str| json!({"email": email});
        let first = admin.post("invitations", &invitation(asked("Jane@Example.com"), &acme)).await.is(201).id();
        let before = database.dump().await;
        for spelling in ["Jane@Example.com", "jane@example.com", "JANE@EXAMPLE.COM"] {
            admin.post("invitations", &invitation(asked(spelling), &acme)).await.is_error(409, &at("email"));
        }
        assert_eq!(database.dump().await, before);
        admin.post("invitations", &invitation(asked("jane@example.com"), &other)).await.is(201);
        admin.post("invitations", &invitation(asked("joe@example.com"), &acme)).await.is(201);
        revoke(&admin, &first).await.is(200);
        let second = admin.post("invitations", &invitation(asked("jane@example.com"), &acme)).await.is(201).id();
        admin.delete(&format!("invitations/{second}")).await.is(200);
        admin.post("invitations", &invitation(asked("jane@example.com"), &acme)).await.is(201);

        let member = admin.user("Member@Example.com").await;
        admin.member(&member, &acme).await;
        let refused = admin.post("invitations", &invitation(asked("member@EXAMPLE.com"), &acme)).await;
        refused.is_error(409, "");
        assert_eq!(refused.error().1, "already_member");
        admin.post("invitations", &invitation(asked("member@example.com"), &other)).await.is(201);
    }

    async fn iv_expiry_an_invitation_ends_by_the_clock_alone_and_is_in_nobodys_way(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let end = server.clock.now().plus_seconds(600);
        let short = json!({"email": "jane@example.com", "expires_at": end.to_string()});
        let made = admin.post("invitations", &invitation(short, &acme)).await.is(201);
        assert_eq!(made.attribute("expires_at"), end.to_string());
        server.clock.advance_seconds(1);
        let long = json!({"email": "joe@example.com"});
        let long = admin.post("invitations", &invitation(long, &acme)).await.is(201).id();
        let listed = async |query: &str| admin.get(&format!("invitations?{query}")).await.is(200).ids();
        server.clock.advance_seconds(598);
        assert_eq!(status(&admin, &made.id()).await, "pending");
        assert_eq!(listed("filter[status]=pending").await, [made.id(), long.clone()]);
        server.clock.advance_seconds(1);
        assert_eq!(status(&admin, &made.id()).await, "expired");
        assert_eq!(listed("filter[status]=pending").await, [long.as_str()]);
        assert_eq!(listed("filter[status]=expired").await, [made.id()]);
        assert_eq!(listed("filter[status][not_eq]=pending").await, [made.id()]);
        assert_eq!(listed("filter[status][not_eq]=expired").await, [long.as_str()]);
        assert_eq!(revoke(&admin, &made.id()).await.is(409).error().1, "answered_invitation");
        let again = admin.post("invitations", &invitation(json!({"email": "JANE@example.com"}), &acme)).await.is(201);
        assert_eq!(status(&admin, &made.id()).await, "expired");
        assert_eq!(status(&admin, &again.id()).await, "pending");
        revoke(&admin, &again.id()).await.is(200);
        assert_eq!(listed("filter[status]=revoked").await, [again.id()]);
        for none in ["accepted", "declined"] {
            assert_eq!(listed(&format!("filter[status]={none}")).await, Vec::<String>::new(), "{none}");
        }

        // The one without an end of its own: seven days, to the second.
        server.clock.advance_seconds(7 * DAY - 600);
        let admin = server.admin(&server.acme).await;
        assert_eq!(status(&admin, &long).await, "pending");
        server.clock.advance_seconds(1);
        assert_eq!(status(&admin, &long).await, "expired");
        admin.delete(&format!("invitations/{long}")).await.is(200);
    }

    async fn iv_role_nobody_invites_with_a_role_that_holds_what_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (acme, other) = (admin.organization("Acme").await, admin.organization("Other").await);
        let rights = ["invitations:read", "invitations:create"];
        let clerk = server.caller_with(&server.acme, &[&rights[..], &["roles:read"]].concat()).await;
        let local = server.member_with(&admin, &acme, &rights).await;
        let strong = server.acme.role("Strong", &["invitations:read", "users:delete"]).await;
        let weak = server.acme.role("Weak", &["invitations:read"]).await;
        let asked = |email: &str, role: &str| json!({"email": email, "role_ids": [role]});
        let before = database.dump().await;
        for caller in [&clerk, &local.caller] {
            let refused = caller.post("invitations", &invitation(asked("a@example.com", &strong), &acme)).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains("users:delete"), "{}", refused.text);
        }
        let foreign = local.caller.post("invitations", &invitation(asked("a@example.com", &weak), &other)).await;
        foreign.is_error(404, "/data/relationships/organization");
        assert_eq!(database.dump().await, before);
        clerk.post("invitations", &invitation(asked("b@example.com", &weak), &acme)).await.is(201);
        local.caller.post("invitations", &invitation(asked("c@example.com", &weak), &acme)).await.is(201);
    }

    async fn iv_dead_an_invitation_dies_with_its_inviter(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let jane = admin.user("jane@example.com").await;
        let role = server.acme.role("Inviter", &["invitations:create", "invitations:read"]).await;
        server.acme.give(&jane, &role).await;
        let machine = admin.machine(Some(&jane)).await;
        let token = server.token(&server.acme, &machine.credentials, &[]).await;
        let caller = server.bearer(&server.acme, &token);
        let asked = json!({"email": "new@example.com", "role_ids": [role]});
        let made = caller.post("invitations", &invitation(asked, &acme)).await.is(201);
        assert_eq!(made.json()["data"]["relationships"]["inviter"]["data"]["id"], jane.as_str());
        admin.delete(&format!("roles/{role}")).await.is(200);
        let shown = admin.get(&format!("invitations/{}", made.id())).await.is(200);
        assert_eq!(shown.attribute("role_ids"), json!([]), "a role that is gone is not given");
        admin.delete(&format!("clients/{}", machine.id)).await.is(200);
        admin.delete(&format!("users/{jane}")).await.is(200);
        admin.get(&format!("invitations/{}", made.id())).await.is_error(404, "");
    }

    /// The token is mailed, and told nowhere else.
    async fn iv_leak_no_answer_tells_a_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let made = admin.post("invitations", &invitation(json!({"email": "jane@example.com"}), &acme)).await.is(201);
        let replies = [
            admin.get(&format!("invitations/{}", made.id())).await.is(200),
            admin.get("invitations?include=organization,inviter&page[count]=true").await.is(200),
            revoke(&admin, &made.id()).await.is(200),
            made,
            admin.get("audit-events").await.is(200),
        ];
        for reply in replies {
            let text = reply.text.to_lowercase();
            for word in ["token", "pay_", "secret", "hash"] {
                assert!(!text.contains(word), "{word}: {}", reply.text);
            }
        }
        for word in ["token", "client_secret"] {
            let asked = admin.get(&format!("invitations?fields[invitation]={word}")).await;
            asked.is_error(400, "fields[invitation]");
        }
    }
}
