//! An environment that had a person who administers it keeps one.

use paylent_domain::Id;
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::*;

/// A person with the admin role.
struct Person {
    id: String,
    role: String,
    assignment: String,
}

async fn person(server: &TestServer, email: &str, role: &str) -> Person {
    let id = server.acme.person(email).await;
    let assignment = server.acme.give(&id, role).await;
    Person { id, role: role.to_owned(), assignment }
}

/// The ways to lose an admin.
const WAYS: [&str; 5] = ["demote", "unlink", "replace", "deactivate", "delete"];

async fn lose(admin: &Caller<'_>, person: &Person, way: &str) -> Reply {
    let roles = format!("users/{}/relationships/roles", person.id);
    match way {
        "unlink" => admin.send(Method::DELETE, &roles, &linkage("role", &[&person.role])).await,
        "replace" => admin.send(Method::PATCH, &roles, &linkage("role", &[])).await,
        "demote" => admin.delete(&format!("user-roles/{}", person.assignment)).await,
        "delete" => admin.delete(&format!("users/{}", person.id)).await,
        _ => {
            let off = change("user", &person.id, json!({"active": false}));
            admin.send(Method::PATCH, &format!("users/{}", person.id), &off).await
        }
    }
}

both! {
    async fn rb_last_admin_the_last_person_stays_whatever_is_tried(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = admin.admin_role().await;
        let last = person(&server, "last@example.com", &role).await;
        for way in WAYS {
            let other = person(&server, &format!("{way}@example.com"), &role).await;
            lose(&admin, &other, way).await.is(200);
            let before = database.dump().await;
            for way in WAYS {
                let refused = lose(&admin, &last, way).await.is(409);
                assert_eq!(refused.error().1, "last_admin", "{way}");
            }
            assert_eq!(database.dump().await, before);
        }
        let off = change("user", &last.id, json!({"first_name": "Ann", "active": true}));
        admin.patch(&format!("users/{}", last.id), &off).await.is(200);
        let weak = server.acme.role("weak", &[]).await;
        let extra = server.acme.give(&last.id, &weak).await;
        admin.delete(&format!("user-roles/{extra}")).await.is(200);
    }

    /// Every pair of ways, at the same time, at two servers: one of the two goes through, the other is refused.
    async fn rb_last_admin_two_admins_removed_at_once_leave_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let elsewhere = admin.at(&node);
        let role = admin.admin_role().await;
        for round in 0..2 {
            for (left, right) in WAYS.iter().flat_map(|left| WAYS.iter().map(move |right| (*left, *right))) {
                let name = |side: &str| format!("{side}.{left}.{right}.{round}@example.com");
                let (a, b) = (person(&server, &name("a"), &role).await, person(&server, &name("b"), &role).await);
                let (one, two) = tokio::join!(lose(&admin, &a, left), lose(&elsewhere, &b, right));
                let mut statuses = [one.status, two.status];
                statuses.sort_unstable();
                assert_eq!(statuses, [200, 409], "{left} and {right}: {} {}", one.text, two.text);
                assert_eq!(database.count("admins").await, 1, "{left} and {right}");
                // The survivor gives way to the next pair.
                let survivor = if one.status == 200 { b } else { a };
                let id: Id<()> = survivor.id.parse().unwrap();
                database.execute(&format!("DELETE FROM users WHERE id = {}", database.bytes(id.as_bytes()))).await;
            }
        }
    }

    /// Two people, each through a client of their own and at a server of their own, take the role from each other.
    async fn rb_last_admin_two_admins_who_demote_each_other_leave_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let role = admin.admin_role().await;
        let mut people = Vec::new();
        for email in ["a@example.com", "b@example.com"] {
            let person = person(&server, email, &role).await;
            let machine = admin.machine(Some(&person.id)).await;
            let token = server.token(&server.acme, &machine.credentials, &[]).await;
            people.push((person, server.bearer(&server.acme, &token)));
        }
        let mut people: [_; 2] = people.try_into().ok().unwrap();
        for round in 0..24 {
            let [(a, as_a), (b, as_b)] = &people;
            let as_b = as_b.at(&node);
            let (left, right) = (WAYS[round % 3], WAYS[round / 3 % 3]);
            let (one, two) = tokio::join!(lose(as_a, b, left), lose(&as_b, a, right));
            let statuses = [one.status, two.status];
            assert!(statuses.contains(&200), "{left} and {right}: {} {}", one.text, two.text);
            // Too late: no longer an admin. Or in time: but the other is the last one.
            assert!(statuses.iter().any(|status| [403, 409].contains(status)), "{left} and {right}: {statuses:?}");
            assert_eq!(database.count("admins").await, 1, "{left} and {right}");
            let demoted = usize::from(statuses[0] == 200);
            people[demoted].0.assignment = server.acme.give(&people[demoted].0.id, &role).await;
        }
    }

    async fn a_service_user_is_never_the_last_admin(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = admin.admin_role().await;
        let machine = admin.machine(None).await;
        let given = server.acme.give(machine.user.as_deref().unwrap(), &role).await;
        let last = person(&server, "last@example.com", &role).await;
        admin.delete(&format!("user-roles/{given}")).await.is(200);
        assert_eq!(lose(&admin, &last, "demote").await.is(409).error().1, "last_admin");
        admin.delete(&format!("clients/{}", machine.id)).await.is(200);
    }
}
