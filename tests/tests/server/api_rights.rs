//! Nobody gives what they lack, whatever they give it through; and what came with the environment stays as it is,
//! whoever asks.

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

impl Reply {
    /// Asserts that the caller lacks this permission.
    #[track_caller]
    fn lacks(&self, permission: &str) {
        assert_eq!(self.status, 403, "{}", self.text);
        assert!(self.detail().contains(permission), "{}", self.text);
    }
}

fn held(membership: &str, role: &str) -> Value {
    document("membership_role", json!({}), &[("membership", "membership", membership), ("role", "role", role)])
}

fn invitation(organization: &str, roles: &[&str]) -> Value {
    let attributes = json!({"email": format!("{}@example.com", nobody()), "role_ids": roles});
    document("invitation", attributes, &[("organization", "organization", organization)])
}

both! {
    /// In an organization, too; what is held in another organization does not count.
    async fn rb_self_role_rb_other_role_and_iv_role_nobody_gives_in_an_organization_what_they_lack_there(
        database: TestDatabase
    ) {
        const OWN: [&str; 4] =
            ["membership-roles:create", "membership-roles:delete", "memberships:delete", "invitations:create"];
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (here, elsewhere) = (admin.organization("Here").await, admin.organization("Elsewhere").await);
        let clerk = server.member_with(&admin, &here, &OWN).await;
        let stronger = server.acme.role("stronger", &["membership-roles:create", "invitations:delete"]).await;
        let within = server.acme.role("within", &["membership-roles:create"]).await;
        let abroad = admin.member(&clerk.user, &elsewhere).await;
        admin.give_there(&abroad, &stronger).await;
        let (jane, joe) = (admin.user("jane@example.com").await, admin.user("joe@example.com").await);
        let (jane, joe) = (admin.member(&jane, &here).await, admin.member(&joe, &here).await);
        let given = admin.give_there(&jane, &stronger).await;
        let admin_role = admin.admin_role().await;
        // In the whole environment, but without what the stronger role holds.
        let everywhere = server.caller_with(&server.acme, &OWN).await;
        let before = database.dump().await;
        for caller in [&clerk.caller, &everywhere] {
            for membership in [&clerk.membership, &joe] {
                caller.post("membership-roles", &held(membership, &stronger)).await.lacks("invitations:delete");
                caller.post("membership-roles", &held(membership, &admin_role)).await.lacks("lacks the permission");
            }
            caller.post("invitations", &invitation(&here, &[&within, &stronger])).await.lacks("invitations:delete");
            caller.delete(&format!("membership-roles/{given}")).await.lacks("invitations:delete");
            caller.delete(&format!("memberships/{jane}")).await.lacks("invitations:delete");
        }
        assert_eq!(database.dump().await, before);
        let made = clerk.caller.post("membership-roles", &held(&joe, &within)).await.is(201).id();
        clerk.caller.post("invitations", &invitation(&here, &[&within])).await.is(201);
        clerk.caller.delete(&format!("membership-roles/{made}")).await.is(200);
        clerk.caller.delete(&format!("memberships/{joe}")).await.is(200);
        // Whoever holds it in the environment holds it in every organization.
        let strong = server.caller_with(&server.acme, &[OWN.as_slice(), &["invitations:delete"]].concat()).await;
        strong.delete(&format!("membership-roles/{given}")).await.is(200);
    }

    /// A right in an organization is none to give away in the environment.
    async fn rb_other_role_what_is_held_in_an_organization_is_not_given_in_the_environment(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let organization = admin.organization("Shop").await;
        let member = server.member_with(&admin, &organization, &["invitations:delete"]).await;
        let clerk = server.acme.role("clerk", &["user-roles:create", "role-permissions:create", "users:create"]).await;
        server.acme.give(&member.user, &clerk).await;
        let role = server.acme.role("canceller", &["invitations:delete"]).await;
        let weak = server.acme.role("weak", &[]).await;
        let permission = admin.only("permissions?filter[name]=invitations:delete").await;
        let before = database.dump().await;
        let given = |role: &str| {
            document("user_role", json!({}), &[("user", "user", &member.user), ("role", "role", role)])
        };
        member.caller.post("user-roles", &given(&role)).await.lacks("invitations:delete");
        let ends = [("role", "role", weak.as_str()), ("permission", "permission", &permission)];
        let holding = document("role_permission", json!({}), &ends);
        member.caller.post("role-permissions", &holding).await.lacks("invitations:delete");
        let link = format!("roles/{weak}/relationships/permissions");
        member.caller.post(&link, &linkage("permission", &[&permission])).await.lacks("invitations:delete");
        assert_eq!(database.dump().await, before);
        member.caller.post("user-roles", &given(&weak)).await.is(201);
    }

    /// Every route that changes something, about every kind of row that came with the environment.
    async fn rb_system_what_came_with_the_environment_is_not_changed_at_any_route(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("system").await;
        let api = admin.management_api().await;
        let roles = admin.get("roles?filter[system]=true").await.is(200).ids();
        let mut rows = vec![("resource-servers", api.clone())];
        rows.extend(roles.iter().map(|role| ("roles", role.clone())));
        for (path, list) in [
            ("permissions", "permissions?filter[system]=true&page[size]=3".to_owned()),
            ("scopes", format!("scopes?filter[resource_server]={api}&page[size]=3")),
            ("role-permissions", format!("role-permissions?filter[role]={}&page[size]=3", roles[0])),
        ] {
            let ids = admin.get(&list).await.is(200).ids();
            assert!(!ids.is_empty(), "{list}");
            rows.extend(ids.into_iter().map(|id| (path, id)));
        }
        let before = database.dump().await;
        let is_system = |reply: Reply, what: &str| {
            let code = ("system_resource".to_owned(), String::new());
            assert_eq!((reply.status, (reply.error().1, reply.error().2)), (403, code), "{what}: {}", reply.text);
        };
        let mut asked = 0;
        for (route, asking) in samples.routes() {
            // Which clients may introspect its tokens is for the environment to say.
            let writes = route.method != "GET" && route.path.contains("{id}") && !route.path.contains("introspection");
            let sample = samples.of(route.path);
            for (path, id) in rows.iter().filter(|(path, _)| writes && *path == sample.path) {
                let what = format!("{} {} {path}", route.method, route.path);
                is_system(admin.ask(&asking.about(&sample.id, id)).await, &what);
                asked += 1;
            }
        }
        assert!(asked > rows.len(), "{asked}");
        // Nor is anything added to it.
        let mut holding = samples.of("role-permissions").create.clone().unwrap();
        let mut scope = samples.of("scopes").create.clone().unwrap();
        scope["data"]["relationships"]["resource_server"]["data"]["id"] = json!(api);
        is_system(admin.post("scopes", &scope).await, "a scope of the Management API");
        for role in &roles {
            holding["data"]["relationships"]["role"]["data"]["id"] = json!(role);
            is_system(admin.post("role-permissions", &holding).await, "a permission of a system role");
        }
        assert_eq!(database.dump().await, before);
    }
}
