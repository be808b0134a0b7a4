//! Links: every address that an answer tells can be asked, and leads where it says.

use std::collections::{BTreeMap, BTreeSet};

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::*;

/// The related type of each relationship, and whether there can be many.
const RELATED: &[(&str, &str, &str, bool)] = &[
    ("user", "roles", "role", true),
    ("session", "user", "user", false),
    ("role", "permissions", "permission", true),
    ("role", "users", "user", true),
    ("permission", "roles", "role", true),
    ("role_permission", "role", "role", false),
    ("role_permission", "permission", "permission", false),
    ("user_role", "user", "user", false),
    ("user_role", "role", "role", false),
    ("client", "user", "user", false),
    ("resource_server", "scopes", "scope", true),
    ("resource_server", "introspection_clients", "client", true),
    ("scope", "resource_server", "resource_server", false),
    ("client_grant", "client", "client", false),
    ("client_grant", "resource_server", "resource_server", false),
    ("organization", "memberships", "membership", true),
    ("membership", "user", "user", false),
    ("membership", "organization", "organization", false),
    ("membership", "roles", "role", true),
    ("membership_role", "membership", "membership", false),
    ("membership_role", "role", "role", false),
    ("application", "organization", "organization", false),
    ("application", "resource_server", "resource_server", false),
    ("application_connection", "application", "application", false),
    ("application_connection", "organization", "organization", false),
    ("application_connection", "user", "user", false),
    ("application_connection", "connected_by", "user", false),
    ("application_token", "application", "application", false),
    ("invitation", "organization", "organization", false),
    ("invitation", "inviter", "user", false),
];

/// Every link of a document with the name it has there; `describedby` and what a page does not have are left out.
fn links(json: &Value) -> Vec<(String, String)> {
    match json {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("links", Value::Object(links)) => links
                    .iter()
                    .filter(|(name, url)| *name != "describedby" && !url.is_null())
                    .map(|(name, url)| (name.clone(), url.as_str().unwrap().to_owned()))
                    .collect(),
                _ => links(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(links).collect(),
        _ => Vec::new(),
    }
}

/// The rows of a document's primary data.
fn rows(json: &Value) -> Vec<Value> {
    match &json["data"] {
        Value::Array(rows) => rows.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Asks for the address that a link tells.
async fn at_link(admin: &Caller<'_>, link: &str) -> Reply {
    let path = link.strip_prefix(&format!("{}/", admin.tenant.api()));
    admin.get(path.unwrap_or_else(|| panic!("{link} leads out of the API"))).await
}

both! {
    async fn every_link_of_every_answer_can_be_followed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("links").await;
        let api = samples.of("resource-servers").at();
        let gateway = linkage("client", &[&samples.of("clients").id]);
        admin.post(&format!("{api}/relationships/introspection_clients"), &gateway).await.is(200);
        let mut to_visit: Vec<String> = Vec::new();
        for sample in &samples {
            to_visit.extend([format!("{}/{}", server.acme.api(), sample.at())]);
            to_visit.push(format!("{}/{}?page[size]=2", server.acme.api(), sample.path));
        }
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut shapes: BTreeMap<(String, String), usize> = BTreeMap::new();
        while let Some(link) = to_visit.pop() {
            if !seen.insert(link.clone()) {
                continue;
            }
            let reply = at_link(&admin, &link).await;
            assert_eq!(reply.status, 200, "{link}: {}", reply.text);
            let json = reply.json();
            assert_eq!(json["links"]["self"], link, "a document says where it was found");
            assert_eq!(json["links"]["describedby"], format!("{}/openapi.json", server.acme.api()), "{link}");
            let found = links(&json);
            assert!(!found.is_empty(), "{link}");
            for (name, url) in found {
                *shapes.entry((link.split(['/', '?']).nth(4).unwrap().to_owned(), name)).or_default() += 1;
                // Pages lead to pages of the same list; one step is enough.
                if !url.contains("page%5B") || !link.contains("page%5B") {
                    to_visit.push(url);
                }
            }
        }
        assert!(seen.len() > 150, "{} addresses", seen.len());
        let description = admin.get("openapi.json").await.is(200).json();
        assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
        for sample in &samples {
            assert!(shapes.contains_key(&(sample.path.to_owned(), "self".to_owned())), "{}", sample.path);
        }
    }

    async fn both_addresses_of_a_relationship_tell_the_same_rows(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("same").await;
        let api = samples.of("resource-servers").at();
        let gateway = linkage("client", &[&samples.of("clients").id]);
        admin.post(&format!("{api}/relationships/introspection_clients"), &gateway).await.is(200);
        let mut asked = Vec::new();
        for sample in &samples {
            let shown = admin.get(&sample.at()).await.is(200).json();
            let relationships = shown["data"]["relationships"].as_object().cloned().unwrap_or_default();
            for (name, relationship) in relationships {
                let row = RELATED.iter().find(|(kind, other, ..)| *kind == sample.kind && *other == name);
                let (_, _, kind, many) = row.unwrap_or_else(|| panic!("{} has {name}", sample.kind));
                let own = at_link(&admin, relationship["links"]["self"].as_str().unwrap()).await.is(200).json();
                let related = at_link(&admin, relationship["links"]["related"].as_str().unwrap()).await.is(200).json();
                assert_eq!(own["links"]["related"], relationship["links"]["related"], "{} {name}", sample.kind);
                assert_eq!((own["data"].is_array(), related["data"].is_array()), (*many, *many), "{} {name}", sample.kind);
                assert!(!rows(&own).is_empty(), "{} {name}: {own}", sample.kind);
                let identities = |json: &Value| rows(json).iter().map(|row| (row["type"].clone(), row["id"].clone())).collect::<Vec<_>>();
                assert_eq!(identities(&own), identities(&related), "{} {name}", sample.kind);
                assert_eq!(rows(&own)[0]["type"], *kind);
                assert!(rows(&own)[0].get("attributes").is_none() && rows(&related)[0]["attributes"].is_object());
                if let Some(data) = relationship.get("data") {
                    let (known, here) = (&rows(&own)[0], data);
                    assert_eq!((&here["type"], &here["id"]), (&known["type"], &known["id"]), "{} {name}", sample.kind);
                }
                asked.push((sample.kind, name));
            }
        }
        asked.sort();
        let mut all: Vec<_> = RELATED.iter().map(|(kind, name, ..)| (*kind, (*name).to_owned())).collect();
        all.sort();
        assert_eq!(asked, all);
    }

    async fn an_empty_relationship_is_null_or_an_empty_list(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let app = admin.register(json!({"name": "App"}), None).await.id;
        let shown = admin.get(&format!("clients/{app}?include=user")).await.is(200).json();
        assert_eq!((&shown["data"]["relationships"]["user"]["data"], &shown["included"]), (&Value::Null, &json!([])));
        for path in [format!("clients/{app}/user"), format!("clients/{app}/relationships/user")] {
            let json = admin.get(&path).await.is(200).json();
            assert!(json.get("data").is_some_and(Value::is_null), "{path}: {json}");
        }
        let role = server.acme.role("Nobody's", &[]).await;
        for name in ["users", "permissions"] {
            for path in [format!("roles/{role}/{name}"), format!("roles/{role}/relationships/{name}")] {
                assert_eq!(admin.get(&path).await.is(200).json()["data"], json!([]), "{path}");
            }
        }
        for path in ["roles", "resource-servers", "memberships", "clients"] {
            for name in ["unknown", "roles.permissions"] {
                admin.get(&format!("{path}/{role}/{name}")).await.is_error(404, "");
                admin.get(&format!("{path}/{role}/relationships/{name}")).await.is_error(404, "");
            }
        }
        admin.get(&format!("roles/{}/users", nobody())).await.is_error(404, "");
        admin.get(&format!("roles/{}/relationships/users", nobody())).await.is_error(404, "");
    }

    async fn the_linkage_of_many_comes_in_pages_that_can_be_filtered(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let role = server.acme.role("Everybody", &[]).await;
        let mut people = Vec::new();
        for number in 0..5 {
            let id = server.acme.person(&format!("user{number}@example.com")).await;
            server.acme.give(&id, &role).await;
            people.push(id);
        }
        let first = admin.get(&format!("roles/{role}/relationships/users?page[size]=2&page[count]=true")).await.is(200);
        assert_eq!((first.ids(), &first.json()["meta"]["total"]), (people[..2].to_vec(), &json!(5)));
        let next = at_link(&admin, first.json()["links"]["next"].as_str().unwrap()).await.is(200);
        assert_eq!(next.ids(), people[2..4]);
        let filtered = "filter[email]=user3@example.com";
        assert_eq!(admin.only(&format!("roles/{role}/relationships/users?{filtered}")).await, people[3]);
        assert_eq!(admin.only(&format!("roles/{role}/users?{filtered}")).await, people[3]);
        let reversed = admin.get(&format!("roles/{role}/users?sort=-email")).await.is(200).ids();
        assert_eq!(reversed.into_iter().rev().collect::<Vec<_>>(), people);
    }
}
