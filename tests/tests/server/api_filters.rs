//! `filter`: which rows a list shows. What is no filter at all is in `api_lists`.

use paylent_domain::Clock as _;
use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

/// Every operator there is.
const OPERATORS: [&str; 9] = ["eq", "not_eq", "in", "gt", "gte", "lt", "lte", "contains", "is_nil"];

/// Filters and what operators each of them has.
type Others = &'static [(&'static str, &'static [&'static str])];

/// The filters that a list has by its name, by its time and by exact values, and the ones of its own.
const OFFERED: &[(&str, Option<&str>, &[&str], Others)] = &[
    ("users", Some("email"), &["kind", "active", "role", "organization"], &[]),
    ("sessions", None, &["user"], &[("revoked_at", &["is_nil"])]),
    ("roles", Some("name"), &["system", "user", "permission"], &[]),
    ("permissions", Some("name"), &["system", "role"], &[]),
    ("role-permissions", None, &["role", "permission"], &[]),
    ("user-roles", None, &["user", "role", "role.name"], &[]),
    ("clients", Some("name"), &["client_id", "active"], &[("user", &["eq", "is_nil"])]),
    ("resource-servers", Some("name"), &["identifier", "system"], &[]),
    ("scopes", Some("name"), &["resource_server"], &[]),
    ("client-grants", None, &["client", "resource_server"], &[]),
    ("signing-keys", None, &[], &[]),
    ("organizations", Some("name"), &["user"], &[]),
    ("memberships", None, &["user", "organization"], &[]),
    ("membership-roles", None, &["membership", "role"], &[]),
    ("invitations", Some("email"), &["organization"], &[("status", &["eq", "not_eq"])]),
    ("applications", Some("name"), &["client_id", "organization"], &[]),
    ("application-connections", None, &["application", "organization", "user"], &[]),
    ("application-tokens", None, &["application"], &[]),
    ("audit-events", Some("action"), &["actor"], &[]),
    ("mails", Some("recipient"), &["kind"], &[("status", &["eq", "not_eq"])]),
];

/// A value that an operator takes for a field.
fn operand(field: &str, operator: &str) -> String {
    match (field, operator) {
        (_, "is_nil") => "true".to_owned(),
        ("created_at" | "occurred_at", _) => "2026-11-22T10:00:00Z".to_owned(),
        _ => nobody(),
    }
}

both! {
    async fn ap_filter_each_list_offers_its_operators_and_no_others(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for (list, name, exact, others) in OFFERED {
            let time = if *list == "audit-events" { "occurred_at" } else { "created_at" };
            let mut fields: Vec<(&str, &[&str])> = vec![("id", &["eq", "in"]), (time, &["gt", "gte", "lt", "lte"])];
            fields.extend(name.map(|name| (name, &["eq", "not_eq", "in", "contains"][..])));
            fields.extend(exact.iter().map(|field| (*field, &["eq"][..])));
            fields.extend(*others);
            for (field, offered) in fields {
                for operator in OPERATORS {
                    let place = format!("filter[{field}][{operator}]");
                    let reply = admin.get(&format!("{list}?{place}={}", operand(field, operator))).await;
                    if offered.contains(&operator) {
                        assert_eq!(reply.status, 200, "{list} {place}: {}", reply.text);
                    } else {
                        reply.is_error(400, &place);
                        assert_eq!(reply.error().1, "invalid_filter", "{list} {place}");
                    }
                }
            }
        }
        let all: Vec<_> = OFFERED.iter().map(|(list, ..)| *list).collect();
        assert_eq!(all.len(), 20, "every list");
    }

    async fn a_name_is_looked_for_whole_or_in_part_and_literally(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let names = ["Acme 50%", "acme_ltd", "ACME\\Co", "O'Neil \"Sons\"", "50 pct", "Zoë", "a,b", "Acme 50%"];
        let mut ids = Vec::new();
        for name in names {
            server.clock.advance_seconds(1);
            ids.push(admin.organization(name).await);
        }
        for (query, found) in [
            ("[eq]=Acme%2050%25", vec![0, 7]),
            ("=acme%2050%25", vec![]),
            ("[contains]=acme", vec![0, 1, 2, 7]),
            ("[contains]=%25", vec![0, 7]),
            ("[contains]=_", vec![1]),
            ("[contains]=%5C", vec![2]),
            ("[contains]=%5C%25", vec![]),
            ("[contains]=50%25", vec![0, 7]),
            ("[contains]=E_L", vec![1]),
            ("[contains]='neil", vec![3]),
            ("[contains]=%22sons%22", vec![3]),
            ("[contains]=zo%C3%AB", vec![5]),
            ("[contains]='%20OR%201=1--", vec![]),
            ("[contains]=a*", vec![]),
            ("[in]=acme_ltd,50%20pct,unknown", vec![1, 4]),
            ("=acme_ltd,50%20pct", vec![1, 4]),
            ("[eq]=a,b", vec![6]),
            ("[contains]=a,b", vec![6]),
            ("[not_eq]=Acme%2050%25", vec![1, 2, 3, 4, 5, 6]),
            ("[contains]=5&filter[name][not_eq]=50%20pct", vec![0, 7]),
            ("[in]=Zo%C3%AB,acme_ltd&filter[name][contains]=o", vec![5]),
            ("[eq]=Zo%C3%AB&filter[name][in]=acme_ltd", vec![]),
        ] {
            let reply = admin.get(&format!("organizations?filter[name]{query}")).await.is(200);
            let found: Vec<&String> = found.into_iter().map(|index: usize| &ids[index]).collect();
            assert_eq!(reply.ids().iter().collect::<Vec<_>>(), found, "{query}");
            let counted = format!("organizations?filter[name]{query}&sort=name&page[count]=true&page[size]=1");
            assert_eq!(admin.get(&counted).await.is(200).json()["meta"]["total"], found.len(), "{query}");
        }
    }

    async fn addresses_are_looked_for_however_they_are_spelled(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("Jane@Example.com").await;
        server.clock.advance_seconds(1);
        let joe = admin.user("joe@bücher.example").await;
        let service = server.acme.seeded.service_user.to_string();
        for (query, found) in [
            ("[eq]=JANE@example.COM", vec![&jane]),
            ("[in]=JANE@example.COM,nobody@example.com", vec![&jane]),
            ("[contains]=JANE@EX", vec![&jane]),
            ("[contains]=@", vec![&jane, &joe]),
            ("[not_eq]=JANE@example.COM", vec![&service, &joe]),
            ("[not_eq]=no%20address", vec![&service, &jane, &joe]),
            ("[eq]=no%20address", vec![]),
        ] {
            let reply = admin.get(&format!("users?filter[email]{query}&sort=created_at")).await.is(200);
            assert_eq!(reply.ids().iter().collect::<Vec<_>>(), found, "{query}");
        }
    }

    async fn rows_are_found_by_what_they_hang_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("hang").await;
        let id = |path: &str| samples.of(path).id.clone();
        let (user, role, client) = (id("users"), id("roles"), id("clients"));
        let app = admin.register(json!({"name": "App"}), None).await.id;
        let idle = admin.user("idle@example.com").await;
        let sleep = change("user", &idle, json!({"active": false}));
        admin.patch(&format!("users/{idle}"), &sleep).await.is(200);
        let client_id = admin.get(&format!("clients/{client}")).await.attribute("client_id");
        let service = admin.get(&format!("clients/{client}/user")).await.is(200).id();
        for (query, found) in [
            (format!("users?filter[role]={role}"), vec![&user]),
            (format!("users?filter[organization]={}", id("organizations")), vec![&user]),
            ("users?filter[active]=false".to_owned(), vec![&idle]),
            (format!("users?filter[kind]=service&filter[id]={service},{user}"), vec![&service]),
            (format!("roles?filter[user]={user}"), vec![&role]),
            (format!("roles?filter[permission]={}&filter[system]=false", id("permissions")), vec![&role]),
            (format!("permissions?filter[role]={role}"), vec![&id("permissions")]),
            ("user-roles?filter[role.name]=hang%20role".to_owned(), vec![&id("user-roles")]),
            (format!("user-roles?filter[user]={user}&filter[role]={role}"), vec![&id("user-roles")]),
            (format!("role-permissions?filter[role]={role}"), vec![&id("role-permissions")]),
            (format!("clients?filter[client_id]={}", client_id.as_str().unwrap()), vec![&client]),
            (format!("clients?filter[user]={service}"), vec![&client]),
            ("clients?filter[user][is_nil]=true".to_owned(), vec![&app]),
            ("clients?filter[active]=false".to_owned(), vec![]),
            (format!("client-grants?filter[client]={client}"), vec![&id("client-grants")]),
            (format!("scopes?filter[resource_server]={}", id("resource-servers")), vec![&id("scopes")]),
            (format!("membership-roles?filter[membership]={}", id("memberships")), vec![&id("membership-roles")]),
            (format!("invitations?filter[organization]={}", id("organizations")), vec![&id("invitations")]),
            (format!("applications?filter[organization]={}", id("organizations")), vec![&id("applications")]),
            (
                format!("application-connections?filter[organization]={}", id("organizations")),
                vec![&id("application-connections")],
            ),
            (format!("application-tokens?filter[application]={}", id("applications")), vec![&id("application-tokens")]),
            (format!("sessions?filter[user]={user}"), vec![&id("sessions")]),
        ] {
            let reply = admin.get(&query).await.is(200);
            assert_eq!(reply.ids().iter().collect::<Vec<_>>(), found, "{query}");
        }
        let nothing = ["users?filter[role]=x", "users?filter[active]=yes", "users?filter[kind]=robot",
            "roles?filter[system]=1", "invitations?filter[status]=x", "clients?filter[user]=x"];
        for query in nothing {
            assert_eq!(admin.get(query).await.is(200).ids(), Vec::<String>::new(), "{query}: no value of the field");
        }
        // Below another resource, its own filter can only narrow further.
        for (query, found) in [
            (format!("users/{user}/roles?filter[user]={user}"), vec![&role]),
            (format!("users/{user}/roles?filter[user]={idle}"), vec![]),
            (format!("roles/{role}/users?filter[role]={role}"), vec![&user]),
            (format!("roles/{role}/users?filter[role]={}", nobody()), vec![]),
            (format!("roles/{role}/permissions?filter[role]={}", nobody()), vec![]),
            (format!("organizations/{}/memberships?filter[organization]={}", id("organizations"), nobody()), vec![]),
        ] {
            let reply = admin.get(&query).await.is(200);
            assert_eq!(reply.ids().iter().collect::<Vec<_>>(), found, "{query}");
        }
        // Who holds both; what both hold.
        let (other, permission) = (server.acme.role("other", &["users:read"]).await, id("permissions"));
        let both = format!("roles/{role}/users?filter[role]={other}");
        assert_eq!(admin.get(&both).await.is(200).ids(), Vec::<String>::new());
        server.acme.give(&user, &other).await;
        assert_eq!(admin.get(&both).await.is(200).ids(), [user.as_str()]);
        let roles = admin.get(&format!("users/{user}/roles?filter[permission]={permission}")).await.is(200).ids();
        assert_eq!(roles, [role.as_str()]);
    }

    async fn rows_are_found_by_when_they_were_made(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        server.clock.advance_seconds(100);
        let start = server.clock.now();
        let mut ids = Vec::new();
        for number in 0..3 {
            ids.push(admin.organization(&format!("{number}")).await);
            server.clock.advance_seconds(10);
        }
        let moment = |seconds: i64| start.plus_seconds(seconds).to_string();
        for (query, found) in [
            (format!("[gt]={}", moment(0)), 1..3),
            (format!("[gte]={}", moment(0)), 0..3),
            (format!("[lt]={}", moment(10)), 0..1),
            (format!("[lte]={}", moment(10)), 0..2),
            (format!("[gt]={}&filter[created_at][lt]={}", moment(5), moment(15)), 1..2),
            (format!("[gte]={}&filter[created_at][gt]={}", moment(0), moment(10)), 2..3),
            (format!("[lt]={}", moment(-1)), 0..0),
        ] {
            let query = format!("organizations?filter[created_at]{query}");
            assert_eq!(admin.get(&query).await.is(200).ids(), ids[found], "{query}");
        }
        for bad in ["", "now", "2026-13-01T00:00:00Z", "2026-01-01", "1767225600", "'%20OR%201=1--"] {
            let refused = admin.get(&format!("organizations?filter[created_at][gt]={bad}")).await;
            assert_eq!(refused.status, 400, "{bad}: {}", refused.text);
            assert_eq!(refused.error().1, "invalid_filter", "{bad}");
        }
    }

    async fn a_filter_sees_only_its_own_environment(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let foreign = beta.samples("foreign").await;
        for sample in &foreign {
            let query = format!("{}?filter[id]={}&page[count]=true", sample.path, sample.id);
            let reply = admin.get(&query).await.is(200);
            assert_eq!((reply.ids().len(), &reply.json()["meta"]["total"]), (0, &json!(0)), "{query}");
            assert_eq!(beta.get(&query).await.is(200).ids(), [sample.id.as_str()], "{query}");
        }
        let id = |path: &str| foreign.of(path).id.clone();
        for query in [
            format!("users?filter[role]={}", id("roles")),
            format!("roles?filter[user]={}", id("users")),
            format!("scopes?filter[resource_server]={}", id("resource-servers")),
            format!("sessions?filter[user]={}", id("users")),
            format!("memberships?filter[organization]={}", id("organizations")),
            "invitations?filter[email][contains]=foreign".to_owned(),
        ] {
            assert_eq!(admin.get(&query).await.is(200).json()["data"], Value::Array(Vec::new()), "{query}");
        }
    }
}
