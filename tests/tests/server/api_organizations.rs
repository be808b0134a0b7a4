//! `/api/organizations`, `/api/memberships` and `/api/membership-roles`

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

fn organization(attributes: Value) -> Value {
    document("organization", attributes, &[])
}

fn membership(user: &str, organization: &str) -> Value {
    let ends = [("user", "user", user), ("organization", "organization", organization)];
    document("membership", json!({}), &ends)
}

fn assignment(membership: &str, role: &str) -> Value {
    document("membership_role", json!({}), &[("membership", "membership", membership), ("role", "role", role)])
}

both! {
    async fn an_organization_is_made_shown_and_deleted_and_never_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let made = admin.post("organizations", &organization(json!({"name": "Acme Ltd 🙂"}))).await.is(201);
        let path = format!("organizations/{}", made.id());
        let now = made.attribute("created_at");
        let expected = json!({"name": "Acme Ltd 🙂", "slug": null, "created_at": now, "updated_at": now});
        assert_eq!(made.json()["data"]["attributes"], expected);
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], made.json()["data"]);
        let twin = admin.post("organizations", &organization(json!({"name": "Acme Ltd 🙂"}))).await.is(201);
        assert_ne!(twin.id(), made.id(), "several may have one name");
        let before = database.dump().await;
        let changed = admin.patch(&path, &change("organization", &made.id(), json!({"name": "Other"}))).await;
        changed.is_error(405, "");
        for value in [json!(""), json!(" "), json!("x".repeat(101)), json!("a\u{202e}b"), json!(7), Value::Null] {
            let refused = admin.post("organizations", &organization(json!({"name": value}))).await.is(422);
            assert_eq!(refused.places(), [at("name")], "{value}");
        }
        assert_eq!(admin.post("organizations", &organization(json!({}))).await.is(422).error().1, "required");
        assert_eq!(database.dump().await, before);
        admin.post("organizations", &organization(json!({"name": "é".repeat(100)}))).await.is(201);
        admin.delete(&path).await.is(200);
        admin.delete(&path).await.is_error(404, "");
    }

    async fn a_user_belongs_to_an_organization_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let (acme, other) = (admin.organization("Acme").await, admin.organization("Other").await);
        let jane = admin.user("jane@example.com").await;
        let made = admin.post("memberships", &membership(&jane, &acme)).await.is(201);
        let path = format!("memberships/{}", made.id());
        let data = made.json()["data"].clone();
        assert_eq!(data["attributes"], json!({"created_at": made.attribute("created_at")}));
        assert_eq!(data["relationships"]["user"]["data"], json!({"type": "user", "id": jane}));
        assert_eq!(data["relationships"]["organization"]["data"], json!({"type": "organization", "id": acme}));
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], data);
        server.clock.advance_seconds(1);
        let elsewhere = admin.post("memberships", &membership(&jane, &other)).await.is(201).id();
        for (list, ids) in [
            (format!("memberships?filter[user]={jane}"), vec![made.id(), elsewhere.clone()]),
            (format!("memberships?filter[organization]={acme}"), vec![made.id()]),
            (format!("organizations/{acme}/memberships"), vec![made.id()]),
            (format!("organizations?filter[user]={jane}&sort=name"), vec![acme.clone(), other.clone()]),
            (format!("users?filter[organization]={acme}"), vec![jane.clone()]),
        ] {
            assert_eq!(admin.get(&list).await.is(200).ids(), ids, "{list}");
        }

        let foreign = beta.organization("Foreign").await;
        let before = database.dump().await;
        admin.post("memberships", &membership(&jane, &acme)).await.is_error(409, "/data/relationships/user");
        for (document, status, place) in [
            (membership(&nobody(), &acme), 404, "user"),
            (membership(&jane, &nobody()), 404, "organization"),
            (membership(&jane, &foreign), 404, "organization"),
            (document("membership", json!({}), &[("user", "user", jane.as_str())]), 422, "organization"),
        ] {
            let refused = admin.post("memberships", &document).await;
            refused.is_error(status, &format!("/data/relationships/{place}"));
        }
        admin.patch(&path, &change("membership", &made.id(), json!({}))).await.is_error(405, "");
        assert_eq!(database.dump().await, before);
        admin.delete(&path).await.is(200);
        admin.post("memberships", &membership(&jane, &acme)).await.is(201);
    }

    async fn or_member_remove_a_member_holds_a_role_once_and_loses_all_with_the_membership(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (acme, other) = (admin.organization("Acme").await, admin.organization("Other").await);
        let member = server.member_with(&admin, &acme, &["memberships:read"]).await;
        let reader = &member.caller;
        let own = format!("memberships/{}", member.membership);
        reader.get(&own).await.is(200);
        let role = server.acme.role("Inviter", &["invitations:read"]).await;
        reader.get("invitations").await.is_error(403, "");
        let made = admin.post("membership-roles", &assignment(&member.membership, &role)).await.is(201);
        let path = format!("membership-roles/{}", made.id());
        let data = made.json()["data"].clone();
        assert_eq!(data["attributes"], json!({"created_at": made.attribute("created_at")}));
        let related = |name: &str| data["relationships"][name]["data"].clone();
        assert_eq!(related("membership"), json!({"type": "membership", "id": member.membership}));
        assert_eq!(related("role"), json!({"type": "role", "id": role}));
        assert_eq!(admin.get(&path).await.is(200).json()["data"], data);
        reader.get("invitations").await.is(200);
        let both = admin.get(&format!("{own}/roles?sort=-name")).await.is(200).ids();
        assert_eq!(both, [member.role.clone(), role.clone()], "role of, Inviter");
        assert_eq!(admin.get(&format!("membership-roles?filter[membership]={}", member.membership)).await.ids().len(), 2);
        assert_eq!(admin.only(&format!("membership-roles?filter[role]={role}")).await, made.id());
        assert_eq!(admin.get(&format!("users/{}/roles", member.user)).await.ids(), Vec::<String>::new());

        let elsewhere = admin.member(&member.user, &other).await;
        let before = database.dump().await;
        let again = admin.post("membership-roles", &assignment(&member.membership, &role)).await;
        again.is_error(409, "/data/relationships/role");
        for (document, status, place) in [
            (assignment(&nobody(), &role), 404, "membership"),
            (assignment(&elsewhere, &nobody()), 404, "role"),
            (document("membership_role", json!({}), &[("role", "role", role.as_str())]), 422, "membership"),
        ] {
            let refused = admin.post("membership-roles", &document).await;
            refused.is_error(status, &format!("/data/relationships/{place}"));
        }
        assert_eq!(database.dump().await, before);
        admin.delete(&path).await.is(200);
        assert!(reader.get("invitations").await.is(403).detail().contains("invitations:read"));
        reader.get(&own).await.is(200);
        admin.delete(&own).await.is(200);
        assert!(reader.get("memberships").await.is(403).detail().contains("memberships:read"));
        assert_eq!(admin.get("membership-roles").await.ids(), Vec::<String>::new());
        admin.get(&format!("users/{}", member.user)).await.is(200);
    }

    async fn a_deleted_organization_takes_its_members_roles_and_invitations_along(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (acme, other) = (admin.organization("Acme").await, admin.organization("Other").await);
        let member = server.member_with(&admin, &acme, &["memberships:read"]).await;
        let stays = admin.member(&member.user, &other).await;
        for place in [&acme, &other] {
            let asked = json!({"email": "new@example.com", "role_ids": [member.role]});
            admin.create("invitations", "invitation", asked, &[("organization", "organization", place)]).await;
        }
        admin.delete(&format!("organizations/{acme}")).await.is(200);
        assert_eq!(admin.get("memberships").await.ids(), [stays.as_str()]);
        assert_eq!(admin.get("membership-roles").await.ids(), Vec::<String>::new());
        assert_eq!(admin.only("invitations").await, admin.only(&format!("invitations?filter[organization]={other}")).await);
        assert!(member.caller.get("memberships").await.is(403).detail().contains("memberships:read"));
        admin.get(&format!("roles/{}", member.role)).await.is(200);
        admin.get(&format!("users/{}", member.user)).await.is(200);
    }

    /// What is given in an organization must be held there or in the environment.
    async fn rb_other_role_nobody_gives_or_takes_in_an_organization_what_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let rights = ["memberships:read", "memberships:delete", "membership-roles:read", "membership-roles:create",
            "membership-roles:delete"];
        let environment = [&rights[..], &["roles:read"]].concat();
        let (local, clerk) = (
            server.member_with(&admin, &acme, &rights).await,
            server.caller_with(&server.acme, &environment).await,
        );
        let strong = server.acme.role("Strong", &["users:delete"]).await;
        let weak = server.acme.role("Weak", &["memberships:read"]).await;
        let (boss, peer) = (admin.user("boss@example.com").await, admin.user("peer@example.com").await);
        let (boss, peer) = (admin.member(&boss, &acme).await, admin.member(&peer, &acme).await);
        let held = admin.give_there(&boss, &strong).await;
        let before = database.dump().await;
        for caller in [&local.caller, &clerk] {
            for reply in [
                caller.post("membership-roles", &assignment(&peer, &strong)).await,
                caller.delete(&format!("membership-roles/{held}")).await,
                caller.delete(&format!("memberships/{boss}")).await,
            ] {
                reply.is_error(403, "");
                assert!(reply.detail().contains("users:delete"), "{}", reply.text);
            }
        }
        assert_eq!(database.dump().await, before);
        for caller in [&local.caller, &clerk] {
            let given = caller.post("membership-roles", &assignment(&peer, &weak)).await.is(201).id();
            caller.delete(&format!("membership-roles/{given}")).await.is(200);
        }
        local.caller.delete(&format!("memberships/{peer}")).await.is(200);
    }
}
