//! Writes to relationships at their own addresses: adding, replacing and removing many.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    at_once::{at_once, in_turn, with},
    support::*,
};

/// A relationship that can be written: its address, the type it leads to, three ids for it.
struct Many {
    at: String,
    kind: &'static str,
    ids: Vec<String>,
    /// What the trail calls a tie that comes or goes.
    event: &'static str,
}

/// One of every relationship that can be written, each empty.
async fn every_many(admin: &Caller<'_>) -> Vec<Many> {
    let (jane, role) = (admin.user("jane@example.com").await, admin.tenant.role("Editor", &[]).await);
    let docs = json!({"name": "Docs", "identifier": "https://docs.example"});
    let docs = admin.create("resource-servers", "resource_server", docs, &[]).await;
    let (mut roles, mut permissions, mut clients) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..3 {
        roles.push(admin.tenant.role(&format!("role {number}"), &[]).await);
        let name = json!({"name": format!("posts:{number}")});
        permissions.push(admin.create("permissions", "permission", name, &[]).await);
        clients.push(admin.register(json!({"name": format!("client {number}")}), None).await.id);
    }
    let many = |at: String, kind, ids, event| Many { at, kind, ids, event };
    vec![
        many(format!("users/{jane}/relationships/roles"), "role", roles, "user_role"),
        many(format!("roles/{role}/relationships/permissions"), "permission", permissions, "role_permission"),
        many(
            format!("resource-servers/{docs}/relationships/introspection_clients"),
            "client",
            clients,
            "introspection_client",
        ),
    ]
}

impl Many {
    fn some(&self, indexes: &[usize]) -> Value {
        linkage(self.kind, &indexes.iter().map(|index| self.ids[*index].as_str()).collect::<Vec<_>>())
    }

    /// What is linked now, by index.
    async fn now(&self, admin: &Caller<'_>) -> Vec<usize> {
        let linked = admin.get(&self.at).await.is(200).ids();
        let mut indexes: Vec<usize> =
            linked.iter().map(|id| self.ids.iter().position(|it| it == id).unwrap()).collect();
        indexes.sort_unstable();
        indexes
    }
}

both! {
    async fn many_are_added_replaced_and_removed_and_only_real_changes_are_told(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for many in every_many(&admin).await {
            for (method, named, left, created, deleted) in [
                (Method::POST, &[0, 1][..], &[0, 1][..], 2, 0),
                (Method::POST, &[1, 0, 1], &[0, 1], 0, 0),
                (Method::POST, &[1, 2], &[0, 1, 2], 1, 0),
                (Method::POST, &[], &[0, 1, 2], 0, 0),
                (Method::DELETE, &[1], &[0, 2], 0, 1),
                (Method::DELETE, &[1, 1], &[0, 2], 0, 0),
                (Method::PATCH, &[1, 2], &[1, 2], 1, 1),
                (Method::PATCH, &[2, 1], &[1, 2], 0, 0),
                (Method::PATCH, &[], &[], 0, 2),
                (Method::DELETE, &[0, 1, 2], &[], 0, 0),
            ] {
                let told = async |verb| database.count(&format!("audit_events WHERE action = '{}.{verb}'", many.event)).await;
                let before = (database.count("audit_events").await, told("created").await, told("deleted").await);
                let reply = admin.send(method.clone(), &many.at, &many.some(named)).await.is(200);
                let related = format!("{}/{}", server.acme.api(), many.at.replace("/relationships", ""));
                assert_eq!(reply.json()["links"]["related"], related);
                assert!(reply.json().get("data").is_none() && reply.json()["meta"].is_object(), "{}", reply.text);
                assert_eq!(many.now(&admin).await, left, "{} {method} {named:?}", many.at);
                let after = (database.count("audit_events").await, told("created").await, told("deleted").await);
                let expected = (before.0 + created + deleted, before.1 + created, before.2 + deleted);
                assert_eq!(after, expected, "{} {method} {named:?}", many.at);
            }
        }
    }

    async fn what_is_no_linkage_or_names_nothing_is_refused_with_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let manies = every_many(&admin).await;
        let (role, client) = (server.beta.role("Foreign", &[]).await, beta.register(json!({"name": "x"}), None).await.id);
        let permission = beta.only("permissions?filter[name]=users:read").await;
        for many in &manies {
            admin.post(&many.at, &many.some(&[0])).await.is(200);
        }
        let before = database.dump().await;
        for many in &manies {
            let foreign = match many.kind {
                "role" => &role,
                "client" => &client,
                _ => &permission,
            };
            let (first, nobody, long) = (many.ids[0].as_str(), nobody(), "x".repeat(300));
            let other = if many.kind == "role" { "client" } else { "role" };
            for method in [Method::POST, Method::PATCH, Method::DELETE] {
                let send = async |body: &Value| admin.send(method.clone(), &many.at, body).await;
                for missing in [nobody.as_str(), foreign, "x", &long] {
                    send(&linkage(many.kind, &[first, missing])).await.is_error(404, "/data/1");
                }
                let mut mixed = linkage(many.kind, &[first, &many.ids[1]]);
                mixed["data"][1]["type"] = json!(other);
                send(&mixed).await.is_error(422, "/data/1/type");
                let too_many: Vec<String> = (0..101).map(|_| super::support::nobody()).collect();
                let too_many: Vec<&str> = too_many.iter().map(String::as_str).collect();
                send(&linkage(many.kind, &too_many)).await.is_error(422, "/data");
                for (body, place) in [
                    (json!({"data": {"type": many.kind, "id": first}}), "/data"),
                    (json!({"data": null}), "/data"),
                    (json!({"data": "x"}), "/data"),
                    (json!({}), "/data"),
                    (json!({"data": [7]}), "/data/0"),
                    (json!({"data": [{"type": many.kind}]}), "/data/0/id"),
                    (json!({"data": [{"id": first}]}), "/data/0/type"),
                    (json!({"data": [{"type": many.kind, "id": first, "attributes": {}}]}), "/data/0/attributes"),
                ] {
                    send(&body).await.is_error(400, place);
                }
                let unknown = admin.send(method.clone(), &format!("{}?sort=name", many.at), &many.some(&[0])).await;
                unknown.is_error(400, "sort");
                let tagged = with(admin.request(method.clone(), &many.at), &many.some(&[0])).header("if-match", "\"1\"");
                Reply::of(tagged).await.is_error(412, "");
                let lost = many.at.replace(many.at.split('/').nth(1).unwrap(), &nobody);
                admin.send(method.clone(), &lost, &many.some(&[0])).await.is_error(404, "");
            }
        }
        assert_eq!(database.dump().await, before);
        for many in &manies {
            let exactly: Vec<&str> = std::iter::repeat_n(many.ids[1].as_str(), 100).collect();
            admin.post(&many.at, &linkage(many.kind, &exactly)).await.is(200);
            assert_eq!(many.now(&admin).await, [0, 1]);
        }
    }

    /// JSON:API 1.1, "Updating Relationships": 403 for what cannot be changed.
    async fn a_relationship_that_is_fixed_or_is_written_elsewhere_cannot_be_written_here(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, anonymous) = (server.admin(&server.acme).await, server.anonymous(&server.acme));
        let samples = admin.samples("fixed").await;
        let before = database.dump().await;
        for (path, name, kind, many) in [
            ("sessions", "user", "user", false),
            ("user-roles", "user", "user", false),
            ("user-roles", "role", "role", false),
            ("role-permissions", "role", "role", false),
            ("clients", "user", "user", false),
            ("scopes", "resource_server", "resource_server", false),
            ("client-grants", "client", "client", false),
            ("memberships", "user", "user", false),
            ("memberships", "organization", "organization", false),
            ("membership-roles", "membership", "membership", false),
            ("invitations", "inviter", "user", false),
            ("applications", "organization", "organization", false),
            ("application-connections", "connected_by", "user", false),
            ("application-tokens", "application", "application", false),
            ("roles", "users", "user", true),
            ("permissions", "roles", "role", true),
            ("resource-servers", "scopes", "scope", true),
            ("organizations", "memberships", "membership", true),
            ("memberships", "roles", "role", true),
        ] {
            let at = format!("{}/relationships/{name}", samples.of(path).at());
            let one = json!({"data": {"type": kind, "id": nobody()}});
            let body = if many { linkage(kind, &[&nobody()]) } else { one };
            for method in [Method::POST, Method::PATCH, Method::DELETE] {
                for body in [&body, &json!({"data": null}), &json!({"data": []})] {
                    admin.send(method.clone(), &at, body).await.is_error(403, "");
                }
                anonymous.send(method.clone(), &at, &body).await.is_error(401, "");
            }
            let put = admin.send(Method::PUT, &at, &body).await;
            put.is_error(405, "");
            assert_eq!(put.header("allow"), "GET, HEAD, OPTIONS", "{at}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn rb_other_role_nobody_gives_or_takes_by_a_list_what_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let rights = ["users:read", "roles:read", "user-roles:read", "user-roles:create", "user-roles:delete"];
        let clerk = server.caller_with(&server.acme, &rights).await;
        let (strong, weak) =
            (server.acme.role("Strong", &["users:delete"]).await, server.acme.role("Weak", &["users:read"]).await);
        let boss = server.acme.person("boss@example.com").await;
        server.acme.give(&boss, &strong).await;
        let at = format!("users/{boss}/relationships/roles");
        let before = database.dump().await;
        for (method, roles) in [
            (Method::POST, vec![weak.as_str(), &strong]),
            (Method::PATCH, vec![&weak]),
            (Method::PATCH, vec![]),
            (Method::DELETE, vec![&strong]),
        ] {
            let refused = clerk.send(method.clone(), &at, &linkage("role", &roles)).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains("users:delete"), "{method} {}", refused.text);
        }
        assert_eq!(database.dump().await, before);
        // What stays as it is takes no right.
        clerk.patch(&at, &linkage("role", &[&strong, &weak])).await.is(200);
        let adder = server.caller_with(&server.acme, &rights[..4]).await;
        let replaced = adder.patch(&at, &linkage("role", &[&strong, &weak])).await;
        replaced.is_error(403, "");
        assert!(replaced.detail().contains("user-roles:delete"), "to replace takes both rights: {}", replaced.text);
    }

    /// Adds of different rows at two servers: all are there; and of the same row: it is there once.
    async fn ap_lost_update_what_is_added_at_once_is_all_there(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        for many in every_many(&admin).await {
            let events = database.count("audit_events").await;
            let mut requests = Vec::new();
            for index in [0, 1, 2] {
                requests.extend(in_turn(&[&admin, &elsewhere], 6, &Method::POST, &many.at, &many.some(&[index])));
            }
            for reply in at_once(requests).await {
                reply.is(200);
            }
            assert_eq!(many.now(&admin).await, [0, 1, 2], "{}", many.at);
            assert_eq!(database.count("audit_events").await, events + 3, "{}", many.at);
        }
    }
}
