//! What many callers do at once, at two servers on one database.

use paylent_tests::{TestDatabase, both};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    at_once::{at_once, in_turn, with},
    support::*,
};

/// Rows that refer to a row that is not there.
async fn orphans(database: &TestDatabase) -> usize {
    let mut found = 0;
    for (table, column, parent) in [
        ("user_roles", "user_id", "users"),
        ("user_roles", "role_id", "roles"),
        ("role_permissions", "role_id", "roles"),
        ("role_permissions", "permission_id", "permissions"),
        ("sessions", "user_id", "users"),
        ("memberships", "user_id", "users"),
        ("memberships", "organization_id", "organizations"),
        ("membership_roles", "membership_id", "memberships"),
        ("membership_roles", "role_id", "roles"),
        ("invitations", "organization_id", "organizations"),
        ("invitations", "inviter_id", "users"),
        ("invitation_roles", "invitation_id", "invitations"),
        ("invitation_roles", "role_id", "roles"),
        ("scopes", "resource_server_id", "resource_servers"),
        ("client_grants", "client_id", "clients"),
        ("client_grants", "resource_server_id", "resource_servers"),
        ("introspection_clients", "client_id", "clients"),
        ("introspection_clients", "resource_server_id", "resource_servers"),
        ("clients", "user_id", "users"),
        ("applications", "id", "clients"),
        ("applications", "organization_id", "organizations"),
        ("applications", "resource_server_id", "resource_servers"),
    ] {
        let missing = format!("NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.id = t.{column})");
        found += database.count(&format!("{table} t WHERE t.{column} IS NOT NULL AND {missing}")).await;
    }
    found
}

/// Writes that refer to a row, to be sent while it is deleted.
struct Crowd<'a> {
    admin: &'a Caller<'a>,
    elsewhere: &'a Caller<'a>,
    requests: Vec<RequestBuilder>,
}

impl Crowd<'_> {
    fn send(&mut self, method: Method, path: &str, document: &Value) {
        let caller = if self.requests.len().is_multiple_of(2) { self.admin } else { self.elsewhere };
        self.requests.push(with(caller.request(method, path), document));
    }

    /// All of these and the deletion in their midst: each is done or refused in good order, and nothing is left over.
    async fn while_deleting(mut self, database: &TestDatabase, path: &str) {
        let middle = self.requests.len() / 2;
        self.requests.insert(middle, self.elsewhere.request(Method::DELETE, path));
        let replies = at_once(self.requests).await;
        for (index, reply) in replies.iter().enumerate() {
            let expected: &[u16] = if index == middle { &[200] } else { &[200, 201, 404, 409, 422] };
            assert!(expected.contains(&reply.status), "{path} {index}: {}", reply.text);
        }
        assert_eq!(orphans(database).await, 0, "{path}");
        self.admin.get(path).await.is_error(404, "");
    }
}

both! {
    async fn ap_dup_race_of_fifty_who_make_the_same_thing_one_succeeds(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let samples = admin.samples("race").await;
        for (path, place) in [
            ("users", at("email")),
            ("roles", at("name")),
            ("permissions", at("name")),
            ("role-permissions", "/data/relationships/permission".to_owned()),
            ("user-roles", "/data/relationships/role".to_owned()),
            ("resource-servers", at("identifier")),
            ("scopes", at("name")),
            ("client-grants", "/data/relationships/resource_server".to_owned()),
            ("memberships", "/data/relationships/user".to_owned()),
            ("membership-roles", "/data/relationships/role".to_owned()),
            ("invitations", at("email")),
        ] {
            let table = path.replace('-', "_");
            let (rows, events) = (database.count(&table).await, database.count("audit_events").await);
            let create = samples.of(path).create.as_ref().unwrap();
            let replies = at_once(in_turn(&[&admin, &elsewhere], 50, &Method::POST, path, create)).await;
            assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1, "{path}");
            for reply in replies.iter().filter(|reply| reply.status != 201) {
                assert_eq!(reply.status, 409, "{path}: {}", reply.text);
                reply.is_error(409, &place);
            }
            assert_eq!(database.count(&table).await, rows + 1, "{path}");
            assert_eq!(database.count("audit_events").await, events + 1, "{path}");
        }
        assert_eq!(orphans(&database).await, 0);
    }

    async fn ap_delete_cascade_a_user_goes_while_others_refer_to_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        for round in 0..2 {
            let user = admin.user(&format!("jane{round}@example.com")).await;
            let mut crowd = Crowd { admin: &admin, elsewhere: &elsewhere, requests: Vec::new() };
            for number in 0..10 {
                let role = server.acme.role(&format!("role {round} {number}"), &[]).await;
                let acme = admin.organization("Acme").await;
                let of_user = ("user", "user", user.as_str());
                let to_role = ("role", "role", role.as_str());
                let to_acme = ("organization", "organization", acme.as_str());
                crowd.send(Method::POST, "user-roles", &document("user_role", json!({}), &[of_user, to_role]));
                crowd.send(Method::POST, "memberships", &document("membership", json!({}), &[of_user, to_acme]));
                crowd.send(Method::POST, "sessions", &document("session", json!({}), &[of_user]));
                crowd.send(Method::POST, &format!("users/{user}/relationships/roles"), &linkage("role", &[&role]));
                let renamed = change("user", &user, json!({"first_name": format!("{number}")}));
                crowd.send(Method::PATCH, &format!("users/{user}"), &renamed);
            }
            crowd.while_deleting(&database, &format!("users/{user}")).await;
        }
    }

    async fn ap_delete_cascade_a_client_goes_while_others_refer_to_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        for round in 0..2 {
            let machine = admin.register(json!({"name": "x", "grant_types": ["client_credentials"]}), None).await;
            let (client, service) = (&machine.id, machine.user.as_ref().unwrap());
            let mut crowd = Crowd { admin: &admin, elsewhere: &elsewhere, requests: Vec::new() };
            for number in 0..10 {
                let api = json!({"name": "x", "identifier": format!("https://api{number}.example/{round}")});
                let api = admin.create("resource-servers", "resource_server", api, &[]).await;
                let role = server.acme.role(&format!("role {round} {number}"), &[]).await;
                let ends = [("client", "client", client.as_str()), ("resource_server", "resource_server", &api)];
                crowd.send(Method::POST, "client-grants", &document("client_grant", json!({}), &ends));
                let link = format!("resource-servers/{api}/relationships/introspection_clients");
                crowd.send(Method::POST, &link, &linkage("client", &[client]));
                let ends = [("user", "user", service.as_str()), ("role", "role", &role)];
                crowd.send(Method::POST, "user-roles", &document("user_role", json!({}), &ends));
                let renamed = change("client", client, json!({"name": format!("{number}")}));
                crowd.send(Method::PATCH, &format!("clients/{client}"), &renamed);
                let rotated = change("client", client, json!({}));
                crowd.send(Method::PATCH, &format!("clients/{client}/rotate-secret"), &rotated);
            }
            crowd.while_deleting(&database, &format!("clients/{client}")).await;
            admin.get(&format!("users/{service}")).await.is_error(404, "");
        }
    }

    async fn ap_delete_cascade_an_organization_goes_while_others_refer_to_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let mut people = Vec::new();
        for number in 0..17 {
            people.push(server.acme.person(&format!("user{number}@example.com")).await);
        }
        let role = server.acme.role("Reader", &[]).await;
        for _ in 0..2 {
            let acme = admin.organization("Acme").await;
            let boss = admin.member(&people[16], &acme).await;
            let mut crowd = Crowd { admin: &admin, elsewhere: &elsewhere, requests: Vec::new() };
            let there = ("organization", "organization", acme.as_str());
            for (number, person) in people[..16].iter().enumerate() {
                let ends = [("user", "user", person.as_str()), there];
                crowd.send(Method::POST, "memberships", &document("membership", json!({}), &ends));
                let asked = json!({"email": format!("new{number}@example.com"), "role_ids": [role]});
                crowd.send(Method::POST, "invitations", &document("invitation", asked, &[there]));
                let ends = [("membership", "membership", boss.as_str()), ("role", "role", &role)];
                crowd.send(Method::POST, "membership-roles", &document("membership_role", json!({}), &ends));
            }
            crowd.while_deleting(&database, &format!("organizations/{acme}")).await;
        }
    }

    async fn ap_delete_cascade_a_role_goes_while_others_refer_to_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let (acme, mut people, mut members) = (admin.organization("Acme").await, Vec::new(), Vec::new());
        for number in 0..10 {
            let person = server.acme.person(&format!("user{number}@example.com")).await;
            members.push(admin.member(&person, &acme).await);
            people.push(person);
        }
        let permissions = admin.get("permissions?page[size]=10").await.is(200).ids();
        for round in 0..2 {
            let role = server.acme.role(&format!("Reader {round}"), &[]).await;
            let of_role = ("role", "role", role.as_str());
            let mut crowd = Crowd { admin: &admin, elsewhere: &elsewhere, requests: Vec::new() };
            for (number, (person, member)) in people.iter().zip(&members).enumerate() {
                let given = document("user_role", json!({}), &[("user", "user", person), of_role]);
                crowd.send(Method::POST, "user-roles", &given);
                let given = document("membership_role", json!({}), &[("membership", "membership", member), of_role]);
                crowd.send(Method::POST, "membership-roles", &given);
                let held = [of_role, ("permission", "permission", permissions[number].as_str())];
                crowd.send(Method::POST, "role-permissions", &document("role_permission", json!({}), &held));
                let asked = json!({"email": format!("new{round}{number}@example.com"), "role_ids": [role]});
                let there = [("organization", "organization", acme.as_str())];
                crowd.send(Method::POST, "invitations", &document("invitation", asked, &there));
                let link = format!("users/{person}/relationships/roles");
                crowd.send(Method::PATCH, &link, &linkage("role", &[&role]));
            }
            crowd.while_deleting(&database, &format!("roles/{role}")).await;
        }
    }

    /// Many who revoke, touch and delete the same session, and who take back and delete the same invitation.
    async fn what_many_end_at_once_ends_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let samples = admin.samples("end").await;
        let told = async |action: &str, sample: &Sample| {
            let rows = format!("audit_events WHERE action = '{action}' AND targets LIKE '%{}%'", sample.id);
            database.count(&rows).await
        };
        let session = samples.of("sessions");
        let requests = in_turn(&[&admin, &elsewhere], 20, &Method::PATCH, &format!("{}/revoke", session.at()), &session.unchanged());
        for reply in at_once(requests).await {
            reply.is(200);
        }
        assert_eq!(told("session.revoked", session).await, 1);
        let invitation = samples.of("invitations");
        let path = format!("{}/revoke", invitation.at());
        let requests = in_turn(&[&admin, &elsewhere], 20, &Method::PATCH, &path, &invitation.unchanged());
        let replies = at_once(requests).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        for reply in replies.iter().filter(|reply| reply.status != 200) {
            reply.is_error(409, "");
        }
        assert_eq!(told("invitation.revoked", invitation).await, 1);
        for sample in [session, invitation] {
            let requests = (0..20).map(|number| match number % 2 {
                0 => admin.request(Method::DELETE, &sample.at()),
                _ => elsewhere.request(Method::DELETE, &sample.at()),
            });
            let mut statuses: Vec<u16> = at_once(requests.collect()).await.iter().map(|reply| reply.status).collect();
            statuses.sort_unstable();
            assert_eq!((statuses[0], &statuses[1..]), (200, &[404; 19][..]), "{}", sample.kind);
            assert_eq!(told(&format!("{}.deleted", sample.kind), sample).await, 1);
        }
    }
}
