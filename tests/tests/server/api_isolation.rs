//! Environments and organizations: what belongs to another one is nobody's, whichever way it is named. Asked of every
//! route of the API, and of everything that a request can name.

use std::collections::BTreeSet;

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

/// All of an answer but what tells two requests apart, with `ID` where the id stands that was asked for.
fn essence(reply: &Reply, id: &str) -> (u16, BTreeSet<(String, String)>, String) {
    let text = reply.text.replace(reply.header("x-request-id"), "REQUEST").replace(id, "ID");
    let own = ["x-request-id", "date", "content-length"];
    let headers = reply.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    (reply.status, headers.collect(), text)
}

impl Caller<'_> {
    /// Asserts that a request about this id is answered with 404, byte for byte like one about an id that nobody has.
    async fn knows_nothing(&self, id: &str, ask: impl AsyncFn(&str) -> Reply, what: &str) -> Reply {
        let (theirs, nobody) = (ask(id).await, nobody());
        assert_eq!(theirs.status, 404, "{what}: {}", theirs.text);
        assert_eq!(essence(&theirs, id), essence(&ask(&nobody).await, &nobody), "{what}");
        theirs
    }

    /// The ids in a list, which must be all there are.
    async fn all(&self, list: &str) -> BTreeSet<String> {
        let sign = if list.contains('?') { '&' } else { '?' };
        let page = self.get(&format!("{list}{sign}page[size]=100&page[count]=true")).await.is(200);
        let ids: BTreeSet<String> = page.ids().into_iter().collect();
        assert_eq!(page.json()["meta"]["total"], ids.len(), "{list}: the count tells of no more");
        ids
    }
}

/// The relationships that a document names: name, and type.
fn related(document: &Value) -> Vec<(String, String)> {
    let relationships = document["data"]["relationships"].as_object().into_iter().flatten();
    relationships.map(|(name, to)| (name.clone(), to["data"]["type"].as_str().unwrap().to_owned())).collect()
}

/// The document with another id in this relationship.
fn relating(document: &Value, name: &str, id: &str) -> Value {
    let mut document = document.clone();
    document["data"]["relationships"][name]["data"]["id"] = json!(id);
    document
}

/// The sample of this type.
fn of_kind<'a>(samples: &'a Samples, kind: &str) -> &'a Sample {
    samples.iter().find(|sample| sample.kind == kind).unwrap()
}

/// The lists whose rows belong to organizations.
const OF_ORGANIZATIONS: [&str; 5] = ["organizations", "memberships", "membership-roles", "invitations", "applications"];

/// What lists can be filtered by that names a row of another list.
const FILTERS: [(&str, &str, &str); 30] = [
    ("users", "role", "role"),
    ("users", "organization", "organization"),
    ("sessions", "user", "user"),
    ("roles", "user", "user"),
    ("roles", "permission", "permission"),
    ("permissions", "role", "role"),
    ("role-permissions", "role", "role"),
    ("role-permissions", "permission", "permission"),
    ("user-roles", "user", "user"),
    ("user-roles", "role", "role"),
    ("scopes", "resource_server", "resource_server"),
    ("client-grants", "client", "client"),
    ("client-grants", "resource_server", "resource_server"),
    ("organizations", "user", "user"),
    ("memberships", "user", "user"),
    ("memberships", "organization", "organization"),
    ("membership-roles", "membership", "membership"),
    ("membership-roles", "role", "role"),
    ("invitations", "organization", "organization"),
    ("applications", "organization", "organization"),
    ("applications", "id", "application"),
    ("organizations", "id", "organization"),
    ("memberships", "id", "membership"),
    ("membership-roles", "id", "membership_role"),
    ("invitations", "id", "invitation"),
    ("users", "id", "user"),
    ("clients", "id", "client"),
    ("resource-servers", "id", "resource_server"),
    ("audit-events", "id", "audit_event"),
    ("mails", "id", "mail"),
];

both! {
    /// Every route with an id in it. The twin of each request, about an own id, is answered with 200 or 201.
    async fn rb_xenv_id_another_environments_ids_are_nobodys(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let (own, foreign) = (acme.samples("own").await, beta.samples("foreign").await);
        let before = database.dump().await;
        for (route, asking) in own.routes().iter().filter(|(route, _)| route.path.contains("{id}")) {
            let what = format!("{} {}", route.method, route.path);
            let (own, foreign) = (&own.of(route.path).id, &foreign.of(route.path).id);
            acme.knows_nothing(foreign, async |id: &str| acme.ask(&asking.about(own, id)).await, &what).await;
        }
        assert_eq!(database.dump().await, before);
        for (route, asking) in own.routes() {
            let reply = acme.ask(&asking).await;
            assert!([200, 201].contains(&reply.status), "{} {}: {}", route.method, route.path, reply.text);
        }
    }

    async fn rb_xenv_id_filters_by_another_environments_ids_find_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let (own, foreign) = (acme.samples("own").await, beta.samples("foreign").await);
        for (list, filter, kind) in FILTERS {
            let found = async |samples: &Samples| {
                acme.all(&format!("{list}?filter[{filter}]={}", of_kind(samples, kind).id)).await.len()
            };
            assert_eq!(found(&foreign).await, 0, "{list} {filter}");
            assert!(found(&own).await > 0, "{list} {filter}");
        }
    }

    /// Every relationship of every document that makes something.
    async fn rb_xenv_ref_another_environments_rows_cannot_be_referred_to(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let (own, foreign) = (acme.samples("own").await, beta.samples("foreign").await);
        let acting = json!({"name": "x", "grant_types": ["client_credentials"]});
        let acting = document("client", acting, &[("user", "user", &own.of("users").id)]);
        let creates = own.iter().filter_map(|sample| Some((sample.path, sample.create.clone()?)));
        let creates: Vec<_> = creates.chain([("clients", acting)]).collect();
        let before = database.dump().await;
        let mut seen = Vec::new();
        for (path, document) in &creates {
            for (name, kind) in related(document) {
                let make = async |id: &str| acme.post(path, &relating(document, &name, id)).await;
                let refused = acme.knows_nothing(&of_kind(&foreign, &kind).id, make, path).await;
                refused.is_error(404, &format!("/data/relationships/{name}"));
                seen.push(format!("{path} {name}"));
            }
        }
        let theirs = json!([foreign.of("roles").id]);
        let mut invitation = own.of("invitations").create.clone().unwrap();
        invitation["data"]["attributes"]["role_ids"] = theirs;
        acme.post("invitations", &invitation).await.is_error(422, &at("role_ids/0"));
        assert_eq!(database.dump().await, before);
        for (path, document) in &creates {
            acme.post(path, document).await.is(201);
        }
        seen.sort();
        let expected = [
            "applications organization",
            "applications resource_server",
            "client-grants client",
            "client-grants resource_server",
            "clients user",
            "invitations organization",
            "membership-roles membership",
            "membership-roles role",
            "memberships organization",
            "memberships user",
            "role-permissions permission",
            "role-permissions role",
            "scopes resource_server",
            "sessions user",
            "user-roles role",
            "user-roles user",
        ];
        assert_eq!(seen, expected);
    }

    /// Every write to a to-many relationship.
    async fn rb_xenv_ref_another_environments_rows_cannot_be_linked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let (own, foreign) = (acme.samples("own").await, beta.samples("foreign").await);
        let mut writes = own.routes();
        writes.retain(|(route, asking)| route.path.contains("/relationships/") && asking.body.is_some());
        assert_eq!(writes.len(), 9, "three relationships, three ways to write each");
        let before = database.dump().await;
        for (route, asking) in &writes {
            let what = format!("{} {}", route.method, route.path);
            let kind = asking.body.as_ref().unwrap()["data"][0]["type"].as_str().unwrap();
            let send = async |ids: &[&str]| {
                acme.send(asking.method.clone(), &asking.path, &linkage(kind, ids)).await
            };
            let theirs = &of_kind(&foreign, kind).id;
            acme.knows_nothing(theirs, async |id: &str| send(&[id]).await, &what).await.is_error(404, "/data/0");
            send(&[&of_kind(&own, kind).id, theirs]).await.is_error(404, "/data/1");
        }
        assert_eq!(database.dump().await, before);
        for (_, asking) in &writes {
            acme.ask(asking).await.is(200);
        }
    }

    /// Every route with the id of an organization's row in it: an organization's admin gets at the rows of that
    /// organization, and the rows of another one are nobody's.
    async fn rb_xorg_and_iv_org_another_organizations_ids_are_nobodys(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (own, other) = (admin.samples("own").await, admin.samples("other").await);
        let member = organization_admin(&server, &admin, &own).await.caller;
        let mut routes = own.routes();
        routes.retain(|(route, _)| route.resource.is_of_organizations() && route.path.contains("{id}"));
        let before = database.dump().await;
        for (route, asking) in &routes {
            let what = format!("{} {}", route.method, route.path);
            let (own, theirs) = (&own.of(route.path).id, &other.of(route.path).id);
            let ask = async |id: &str| member.ask(&asking.about(own, id)).await;
            member.knows_nothing(theirs, ask, &what).await;
            let overridden = async |id: &str| {
                let asking = asking.about(own, id);
                let request = member.request(asking.method.clone(), &asking.path).header("x-org-id", theirs);
                let request = request.header("x-organization", theirs).header("x-environment", "acme-test");
                Reply::of(match &asking.body {
                    Some(body) => request.header("content-type", JSON_API).body(body.to_string()),
                    None => request,
                })
                .await
            };
            member.knows_nothing(theirs, overridden, &what).await;
        }
        assert_eq!(database.dump().await, before);
        for (route, asking) in &routes {
            let reply = member.ask(asking).await;
            assert_eq!(reply.status, 200, "{} {}: {}", route.method, route.path, reply.text);
        }
    }

    async fn rb_xorg_and_iv_org_another_organization_cannot_be_referred_to(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (own, other) = (admin.samples("own").await, admin.samples("other").await);
        let member = organization_admin(&server, &admin, &own).await.caller;
        let before = database.dump().await;
        let mut seen = Vec::new();
        for path in ["memberships", "membership-roles", "invitations", "applications"] {
            let document = own.of(path).create.as_ref().unwrap();
            for (name, kind) in related(document) {
                if ["organization", "membership"].contains(&kind.as_str()) {
                    let make = async |id: &str| member.post(path, &relating(document, &name, id)).await;
                    let refused = member.knows_nothing(&of_kind(&other, &kind).id, make, path).await;
                    refused.is_error(404, &format!("/data/relationships/{name}"));
                    seen.push(name);
                }
            }
        }
        assert_eq!(seen, ["organization", "membership", "organization", "organization"]);
        // No role in an organization reaches the environment itself.
        let refused = member.post("organizations", own.of("organizations").create.as_ref().unwrap()).await.is(403);
        assert!(refused.detail().contains("organizations:create"), "{}", refused.text);
        assert_eq!(database.dump().await, before);
        for path in ["memberships", "membership-roles", "invitations", "applications"] {
            member.post(path, own.of(path).create.as_ref().unwrap()).await.is(201);
        }
    }

    async fn rb_xorg_and_iv_org_lists_show_one_organization_and_filters_find_no_other(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (own, other) = (admin.samples("own").await, admin.samples("other").await);
        let Member { caller: member, membership, assignment, .. } = organization_admin(&server, &admin, &own).await;
        // Somebody who belongs to both.
        let organization = &own.of("organizations").id;
        let shared = admin.member(&other.of("users").id, organization).await;
        let id = |path: &str| own.of(path).id.clone();
        let rows = [
            ("organizations", BTreeSet::from([id("organizations")])),
            ("memberships", BTreeSet::from([id("memberships"), membership, shared])),
            ("membership-roles", BTreeSet::from([id("membership-roles"), assignment])),
            ("invitations", BTreeSet::from([id("invitations")])),
            ("applications", BTreeSet::from([id("applications")])),
        ];
        for (list, rows) in rows {
            assert_eq!(member.all(list).await, rows, "{list}");
            assert!(admin.all(list).await.contains(&other.of(list).id), "{list}");
            let request = member.request(Method::GET, list).header("x-org-id", &other.of("organizations").id);
            assert_eq!(Reply::of(request).await.ids().into_iter().collect::<BTreeSet<_>>(), rows, "{list}");
            let context = ["environment=acme-test", "organization=x", "org_id=x"];
            for parameter in context {
                member.get(&format!("{list}?{parameter}")).await.is_error(400, parameter.split('=').next().unwrap());
            }
        }
        for (list, filter, kind) in FILTERS.iter().filter(|(list, ..)| OF_ORGANIZATIONS.contains(list)) {
            let named = async |caller: &Caller<'_>, samples: &Samples| {
                caller.all(&format!("{list}?filter[{filter}]={}", of_kind(samples, kind).id)).await
            };
            assert!(named(&admin, &other).await.contains(&other.of(list).id), "{list} {filter}");
            assert!(!named(&member, &other).await.contains(&other.of(list).id), "{list} {filter}");
            assert!(named(&member, &own).await.contains(&own.of(list).id), "{list} {filter}");
        }
        let below = format!("organizations/{organization}/memberships");
        assert!(member.all(&below).await.contains(&id("memberships")));
        assert!(member.all(&format!("{below}?filter[organization]={}", other.of("organizations").id)).await.is_empty());
        for (list, include) in [
            ("memberships", "user,organization,roles"),
            ("membership-roles", "membership,role"),
            ("invitations", "organization,inviter"),
            ("applications", "organization,resource_server"),
        ] {
            let reply = member.get(&format!("{list}?include={include}&page[size]=100")).await.is(200);
            assert!(!reply.json()["included"].as_array().unwrap().is_empty(), "{list}");
            for path in OF_ORGANIZATIONS {
                assert!(!reply.text.contains(&other.of(path).id), "{list} shows one of {path}");
            }
        }
    }

    /// Who holds a role, and who belongs to an organization, is not for everybody who may read users.
    async fn rb_xorg_a_filter_that_tells_of_a_tie_takes_the_right_to_read_the_tie(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (own, other) = (admin.samples("own").await, admin.samples("other").await);
        for (list, filter, kind, tie) in [
            ("users", "role", "role", "user-roles:read"),
            ("users", "organization", "organization", "memberships:read"),
            ("roles", "user", "user", "user-roles:read"),
            ("roles", "permission", "permission", "role-permissions:read"),
            ("permissions", "role", "role", "role-permissions:read"),
            ("organizations", "user", "user", "memberships:read"),
        ] {
            let right = format!("{list}:read");
            let query = format!("{list}?filter[{filter}]={}", of_kind(&own, kind).id);
            let reader = server.caller_with(&server.acme, &[&right]).await;
            reader.get(list).await.is(200);
            let refused = reader.get(&query).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains(tie), "{query}: {}", refused.text);
            let both = server.caller_with(&server.acme, &[&right, tie]).await;
            assert_eq!(both.all(&query).await, admin.all(&query).await, "{query}");
        }
        // In one organization only, and all users in view.
        let member = organization_admin(&server, &admin, &own).await.caller;
        let theirs = format!("users?filter[organization]={}", other.of("organizations").id);
        assert!(!admin.all(&theirs).await.is_empty() && member.all(&theirs).await.is_empty());
        let named = "user-roles?filter[role.name]=admin";
        let refused = server.caller_with(&server.acme, &["user-roles:read"]).await.get(named).await.is(403);
        assert_eq!(refused.detail(), "The token's user lacks the permission roles:read.");
        server.caller_with(&server.acme, &["user-roles:read", "roles:read"]).await.get(named).await.is(200);
    }
}

/// Somebody who may do everything in the organization of these samples, and may read users and roles, which belong to
/// no organization.
async fn organization_admin<'a>(server: &'a TestServer, admin: &Caller<'a>, samples: &Samples) -> Member<'a> {
    let permission = admin.get(&samples.of("permissions").at()).await.is(200).attribute("name");
    let mut permissions: Vec<String> = paylent_domain::permission::system_permissions().collect();
    permissions.push(permission.as_str().unwrap().to_owned());
    let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
    let member = server.member_with(admin, &samples.of("organizations").id, &permissions).await;
    let reader =
        admin.tenant.role("reader of users and roles", &["users:read", "roles:read", "resource-servers:read"]).await;
    admin.tenant.give(&member.user, &reader).await;
    member
}
