//! How many statements the Management API sends to the database: a number for each request, whatever the number of rows.
//! Every count has the two of every call in it: how the token stands, and what its user may do.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{at_once::with, support::*};

/// Sends a request and counts the statements it takes.
async fn count(caller: &Caller<'_>, method: Method, path: &str, document: Option<&Value>) -> (u64, Reply) {
    let request = caller.request(method, path);
    let request = match document {
        Some(document) => with(request, document),
        None => request,
    };
    let before = caller.server.db.statements();
    let reply = Reply::of(request).await;
    (caller.server.db.statements() - before, reply)
}

/// How many statements it takes to read this.
async fn reading(caller: &Caller<'_>, path: &str) -> u64 {
    let (statements, reply) = count(caller, Method::GET, path, None).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    statements
}

/// A hundred people with two roles of two permissions each, who are members with a role.
async fn crowd(server: &TestServer) {
    let permissions = [["posts:read", "posts:write"], ["posts:write", "posts:delete"]];
    let admin = server.admin(&server.acme).await;
    let mut roles = Vec::new();
    for (number, names) in permissions.iter().enumerate() {
        roles.push(server.acme.role(&format!("role {number}"), names).await);
    }
    let acme = admin.organization("Acme").await;
    for number in 0..100 {
        let id = server.acme.person(&format!("user{number}@example.com")).await;
        for role in &roles {
            server.acme.give(&id, role).await;
        }
        if number < 30 {
            let membership = admin.member(&id, &acme).await;
            admin.give_there(&membership, &roles[0]).await;
        }
    }
}

both! {
    async fn ap_big_a_list_takes_as_many_for_a_hundred_rows_as_for_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        crowd(&server).await;
        let admin = server.admin(&server.acme).await;
        for (path, expected) in [
            ("users?", 3),
            ("users?include=roles", 5),
            ("users?include=roles,roles.permissions", 7),
            ("users?sort=email&filter[email][contains]=user", 3),
            ("user-roles?", 3),
            ("user-roles?include=user,role,role.permissions", 7),
            ("memberships?", 3),
            ("memberships?include=user,organization,roles,roles.permissions", 9),
            ("membership-roles?include=membership,role", 5),
            ("audit-events?", 3),
        ] {
            let many = admin.get(&format!("{path}&page[size]=100")).await.is(200).ids().len();
            assert!(many >= 30, "{path}: {many}");
            for size in [1, 100] {
                assert_eq!(reading(&admin, &format!("{path}&page[size]={size}")).await, expected, "{path} {size}");
            }
            let counted = reading(&admin, &format!("{path}&page[size]=100&page[count]=true")).await;
            assert_eq!(counted, expected + 1, "{path}: and the count");
        }
    }

    async fn each_list_takes_one_and_each_resource_takes_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for sample in &admin.samples("count").await {
            // Where roles hang on a row, they come with a statement of their own.
            let more = u64::from(sample.kind == "invitation");
            assert_eq!(reading(&admin, sample.path).await, 3 + more, "{}", sample.path);
            let counts = u64::from(sample.kind == "role");
            assert_eq!(reading(&admin, &sample.at()).await, 3 + more + counts, "{}", sample.at());
            let sparse = format!("{}?fields[{}]=created_at", sample.at(), sample.kind);
            if sample.kind == "role" {
                assert_eq!(reading(&admin, &sparse).await, 3, "{}", sample.at());
            }
            let nothing = format!("{}?filter[id]=nobody&page[count]=true", sample.path);
            assert_eq!(reading(&admin, &nothing).await, 2, "{}: what can match nothing is not looked for", sample.path);
        }
        let samples = admin.samples("more").await;
        for (path, expected) in [
            (format!("{}/user", samples.of("sessions").at()), 4),
            (format!("{}/relationships/user", samples.of("sessions").at()), 3),
            (format!("{}/roles", samples.of("users").at()), 4),
            (format!("{}/relationships/roles", samples.of("users").at()), 4),
        ] {
            assert_eq!(reading(&admin, &path).await, expected, "{path}");
        }
    }

    /// `BEGIN`, `COMMIT` and the trail are three of each change.
    async fn each_change_takes_a_few_and_a_refusal_fewer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("change").await;
        let mut seen = Vec::new();
        for sample in &samples {
            if let Some(create) = &sample.create {
                let (statements, reply) = count(&admin, Method::POST, sample.path, Some(create)).await;
                assert_eq!(reply.status, 201, "{}", reply.text);
                seen.push((sample.path, "create", statements));
            }
            if let Some(update) = &sample.update {
                let (statements, reply) = count(&admin, Method::PATCH, &sample.at(), Some(update)).await;
                assert_eq!(reply.status, 200, "{}", reply.text);
                seen.push((sample.path, "update", statements));
                let request = with(admin.request(Method::PATCH, &sample.at()), update).header("if-match", "\"1\"");
                let before = server.db.statements();
                Reply::of(request).await.is_error(412, "");
                assert!(server.db.statements() - before < statements, "{}: a refusal", sample.path);
            }
        }
        for sample in samples.iter().rev().filter(|sample| sample.deletable && sample.kind != "signing_key") {
            let (statements, reply) = count(&admin, Method::DELETE, &sample.at(), None).await;
            assert_eq!(reply.status, 200, "{}", reply.text);
            seen.push((sample.path, "delete", statements));
        }
        let mut expected = EXPECTED.to_vec();
        expected.sort_unstable();
        seen.sort_unstable();
        assert_eq!(seen, expected);
    }

    async fn links_take_as_many_statements_as_there_are_real_changes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let mut roles = Vec::new();
        for number in 0..20 {
            roles.push(server.acme.role(&format!("role {number}"), &["users:read"]).await);
        }
        let ids: Vec<&str> = roles.iter().map(String::as_str).collect();
        let at = format!("users/{jane}/relationships/roles");
        let (first, all) = (linkage("role", &ids[..10]), linkage("role", &ids));
        admin.post(&at, &first).await.is(200);
        let (again, reply) = count(&admin, Method::POST, &at, Some(&first)).await;
        assert_eq!(reply.status, 200);
        let (ten_more, _) = count(&admin, Method::POST, &at, Some(&all)).await;
        assert_eq!(ten_more - again, 2 * 10, "a row and an event for each that is new");
        assert!(again <= 12, "{again}");
    }

    async fn a_key_takes_a_few_more_and_a_repetition_makes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = |name: &str| document("role", json!({"name": name}), &[]);
        let plain = count(&admin, Method::POST, "roles", Some(&role("Plain"))).await.0;
        let keyed = async |name: &str| {
            let request = with(admin.request(Method::POST, "roles"), &role(name)).header("idempotency-key", name);
            let before = server.db.statements();
            Reply::of(request).await.is(201);
            server.db.statements() - before
        };
        let (first, again) = (keyed("Keyed").await, keyed("Keyed").await);
        assert_eq!((first - plain, again), (4, 5), "BEGIN, the key, COMMIT, the answer");
    }
}

/// What each change takes.
const EXPECTED: &[(&str, &str, u64)] = &[
    ("application-connections", "delete", 10),
    ("application-connections", "update", 10),
    ("application-tokens", "delete", 8),
    ("applications", "create", 14),
    ("applications", "delete", 13),
    ("applications", "update", 11),
    ("client-grants", "create", 12),
    ("client-grants", "delete", 9),
    ("client-grants", "update", 12),
    ("clients", "create", 6),
    ("clients", "delete", 11),
    ("clients", "update", 9),
    ("invitations", "create", 21),
    ("invitations", "delete", 9),
    ("membership-roles", "create", 11),
    ("membership-roles", "delete", 13),
    ("memberships", "create", 9),
    ("memberships", "delete", 15),
    ("organizations", "create", 6),
    // With the application that was made just before, and its service user.
    ("organizations", "delete", 15),
    ("permissions", "create", 8),
    ("permissions", "delete", 7),
    ("permissions", "update", 8),
    ("resource-servers", "create", 6),
    ("resource-servers", "delete", 11),
    ("resource-servers", "update", 8),
    ("role-permissions", "create", 9),
    ("role-permissions", "delete", 9),
    ("roles", "create", 7),
    ("roles", "delete", 9),
    ("roles", "update", 9),
    ("scopes", "create", 9),
    ("scopes", "delete", 12),
    ("scopes", "update", 9),
    ("sessions", "create", 12),
    ("sessions", "delete", 10),
    ("signing-keys", "create", 8),
    ("user-roles", "create", 10),
    ("user-roles", "delete", 11),
    ("users", "create", 7),
    ("users", "delete", 16),
    ("users", "update", 8),
];
