//! `include`: the resources that hang together, in one answer.

use std::collections::{BTreeMap, BTreeSet};

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{at_once::with, support::*};

/// Type and id of a resource or an identifier.
fn identity(value: &Value) -> (String, String) {
    (value["type"].as_str().unwrap().to_owned(), value["id"].as_str().unwrap().to_owned())
}

/// The included resources by type and id.
fn included(reply: &Reply) -> BTreeMap<(String, String), Value> {
    let json = reply.json();
    let rows = json["included"].as_array().unwrap_or_else(|| panic!("no member included: {}", reply.text));
    let by_identity: BTreeMap<_, _> = rows.iter().map(|row| (identity(row), row.clone())).collect();
    assert_eq!(by_identity.len(), rows.len(), "a resource comes twice: {}", reply.text);
    by_identity
}

/// Whom the linkage of a resource names.
fn linked(resource: &Value) -> Vec<(String, String)> {
    let relationships = resource["relationships"].as_object();
    let linkages = relationships.into_iter().flat_map(|names| names.values()).filter_map(|it| it.get("data"));
    linkages
        .flat_map(|data| data.as_array().cloned().unwrap_or_else(|| vec![data.clone()]))
        .filter(|it| !it.is_null())
        .map(|it| identity(&it))
        .collect()
}

/// Asserts full linkage (JSON:API 1.1, "Compound Documents"): every included resource is named by primary data, or by
/// another included resource that is, and none is primary data itself.
fn is_fully_linked(reply: &Reply) {
    let json = reply.json();
    let primary = json["data"].as_array().cloned().unwrap_or_else(|| vec![json["data"].clone()]);
    let included = included(reply);
    let mut reached: BTreeSet<(String, String)> = BTreeSet::new();
    let mut next: Vec<Value> = primary.clone();
    while let Some(resource) = next.pop() {
        for identity in linked(&resource) {
            if let Some(other) = included.get(&identity)
                && reached.insert(identity)
            {
                next.push(other.clone());
            }
        }
    }
    assert_eq!(reached.len(), included.len(), "not fully linked: {}", reply.text);
    assert!(primary.iter().all(|row| !included.contains_key(&identity(row))), "{}", reply.text);
}

/// How many resources of each type are included.
fn kinds(reply: &Reply) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for (kind, _) in included(reply).into_keys() {
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect()
}

both! {
    async fn roles_and_their_permissions_come_with_the_users_each_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let reader = server.acme.role("Reader", &["posts:read"]).await;
        let writer = server.acme.role("Writer", &["posts:read", "posts:write"]).await;
        server.acme.role("Nobody's", &["posts:delete"]).await;
        let mut people = Vec::new();
        for (name, roles) in [("ann", vec![&reader, &writer]), ("bob", vec![&writer]), ("eve", vec![])] {
            let id = server.acme.person(&format!("{name}@example.com")).await;
            for role in roles {
                server.acme.give(&id, role).await;
            }
            people.push(id);
        }
        let people_only = "users?filter[kind]=person&filter[email][contains]=@example.com";
        let roles = admin.get(&format!("{people_only}&include=roles")).await.is(200);
        assert_eq!(roles.ids(), people);
        assert_eq!(kinds(&roles), counts([("role", 2)]));
        is_fully_linked(&roles);
        let rows = roles.json()["data"].as_array().unwrap().clone();
        let names = |row: &Value| {
            let data = row["relationships"]["roles"]["data"].as_array().unwrap().clone();
            data.iter().map(|it| identity(it).1).collect::<Vec<_>>()
        };
        assert_eq!(rows.iter().map(names).collect::<Vec<_>>(), [
            vec![reader.clone(), writer.clone()],
            vec![writer.clone()],
            vec![]
        ]);
        let plain = admin.get(people_only).await.is(200).json();
        assert!(plain.get("included").is_none() && plain["data"][0]["relationships"]["roles"].get("data").is_none());

        let deep = admin.get(&format!("{people_only}&include=roles.permissions")).await.is(200);
        assert_eq!(kinds(&deep), counts([("permission", 2), ("role", 2)]), "what is on the way comes too");
        is_fully_linked(&deep);
        let role = &included(&deep)[&("role".to_owned(), reader.clone())];
        assert_eq!(role["relationships"]["permissions"]["data"].as_array().unwrap().len(), 1);
        assert_eq!(role["attributes"]["name"], "Reader");
        let one = admin.get(&format!("users/{}?include=roles,roles.permissions", people[0])).await.is(200);
        assert_eq!(included(&one), included(&deep));
        is_fully_linked(&one);
        for nobody in [format!("users/{}?include=roles", people[2]), "users?filter[id]=x&include=roles.permissions".into()] {
            assert_eq!(admin.get(&nobody).await.is(200).json()["included"], json!([]), "{nobody}");
        }
        // A write can be answered with them, too.
        let renamed = change("user", &people[1], json!({"first_name": "Bob"}));
        let renamed = admin.patch(&format!("users/{}?include=roles", people[1]), &renamed).await.is(200);
        assert_eq!(kinds(&renamed), counts([("role", 1)]));
    }

    async fn every_path_that_is_offered_is_fully_linked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("include").await;
        for (path, include, expected) in [
            ("users", "roles,roles.permissions", counts([("permission", 1), ("role", 1)])),
            ("sessions", "user", counts([("user", 1)])),
            ("roles", "permissions", counts([("permission", 1)])),
            ("role-permissions", "role,permission", counts([("permission", 1), ("role", 1)])),
            ("user-roles", "user,role,role.permissions", counts([("permission", 1), ("role", 1), ("user", 1)])),
            ("clients", "user", counts([("user", 1)])),
            ("clients", "user.roles", counts([("user", 1)])),
            ("resource-servers", "scopes,introspection_clients", counts([("client", 1), ("scope", 1)])),
            ("scopes", "resource_server", counts([("resource_server", 1)])),
            (
                "client-grants",
                "client,resource_server.scopes",
                counts([("client", 1), ("resource_server", 1), ("scope", 1)]),
            ),
            (
                "memberships",
                "user,organization,roles.permissions",
                counts([("organization", 1), ("permission", 1), ("role", 1), ("user", 1)]),
            ),
            ("membership-roles", "membership,role", counts([("membership", 1), ("role", 1)])),
            ("invitations", "organization,inviter", counts([("organization", 1), ("user", 1)])),
            (
                "applications",
                "organization,resource_server",
                counts([("organization", 1), ("resource_server", 1)]),
            ),
            (
                "application-connections",
                "application,organization,user,connected_by",
                counts([("application", 1), ("organization", 1), ("user", 1)]),
            ),
            ("application-tokens", "application", counts([("application", 1)])),
        ] {
            let sample = samples.of(path);
            if path == "resource-servers" {
                let link = format!("{}/relationships/introspection_clients", sample.at());
                admin.post(&link, &linkage("client", &[&samples.of("clients").id])).await.is(200);
            }
            let one = admin.get(&format!("{}?include={include}", sample.at())).await.is(200);
            assert_eq!(kinds(&one), expected, "{path}");
            is_fully_linked(&one);
            let all = admin.get(&format!("{path}?include={include}&page[size]=100")).await.is(200);
            is_fully_linked(&all);
            for kind in expected.keys() {
                assert!(kinds(&all).contains_key(kind), "{path}: {kind}");
            }
            let sparse = admin.get(&format!("{}?include={include}&fields[{}]=", sample.at(), sample.kind)).await.is(200);
            assert_eq!(kinds(&sparse), expected, "{path}: hidden linkage hides no resource");
            assert!(sparse.json()["data"].get("relationships").is_none());
        }
        // A list below another resource and a related resource can be asked for more in the same way.
        let user = &samples.of("users").id;
        let below = admin.get(&format!("users/{user}/roles?include=permissions")).await.is(200);
        assert_eq!(kinds(&below), counts([("permission", 1)]));
        is_fully_linked(&below);
        let related = admin.get(&format!("{}/user?include=roles", samples.of("sessions").at())).await.is(200);
        assert_eq!(kinds(&related), counts([("role", 1)]));
        is_fully_linked(&related);
    }

    async fn fieldsets_apply_to_what_is_included(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("sparse").await;
        let path = samples.of("user-roles").at();
        let reply = admin.get(&format!("{path}?include=role,user&fields[role]=name&fields[user]=roles")).await.is(200);
        let included = included(&reply);
        for ((kind, _), row) in &included {
            match kind.as_str() {
                "role" => {
                    assert_eq!(row["attributes"].as_object().unwrap().keys().collect::<Vec<_>>(), ["name"]);
                    assert!(row.get("relationships").is_none(), "{row}");
                }
                _ => {
                    assert!(row.get("attributes").is_none(), "{row}");
                    assert_eq!(row["relationships"].as_object().unwrap().keys().collect::<Vec<_>>(), ["roles"]);
                }
            }
        }
        assert_eq!(included.len(), 2);
        let counted = admin.get(&format!("{path}?include=role&fields[role]=user_count")).await.is(200);
        assert!(counted.json()["included"][0].get("attributes").is_none(), "only a role on its own tells it");
    }

    async fn ap_fields_only_what_is_offered_can_be_included(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for sample in &admin.samples("depth").await {
            for include in ["unknown", "roles.permissions.roles", "user.sessions", "roles,unknown", "Roles",
                "roles..permissions", ",", "roles.users", "permissions.roles"] {
                let refused = admin.get(&format!("{}?include={include}", sample.at())).await;
                refused.is_error(400, "include");
                assert_eq!(refused.error().1, "invalid_includes", "{} {include}", sample.path);
            }
            admin.get(&format!("{}?include=unknown", sample.path)).await.is_error(400, "include");
        }
    }

    /// What an answer takes is bounded: one that would be too large is refused, and a smaller page is not.
    async fn ap_big_more_than_ten_thousand_resources_are_not_included_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for number in 0..11 {
            let api = json!({"name": "Big", "identifier": format!("https://big{number}.example")});
            admin.create("resource-servers", "resource_server", api, &[]).await;
        }
        let id = if database.is_postgres() { "uuid_send(gen_random_uuid())" } else { "randomblob(16)" };
        let scopes = "INSERT INTO scopes (environment_id, id, resource_server_id, name, created_at, updated_at)
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)";
        let each = format!("SELECT r.environment_id, {id}, r.id, 'scope' || i, 0, 0 FROM resource_servers r, n");
        database.execute(&format!("{scopes} {each} WHERE r.name = 'Big'")).await;
        let refused = admin.get("resource-servers?include=scopes&filter[name]=Big").await;
        refused.is_error(400, "include");
        assert_eq!(refused.error().1, "invalid_includes");
        let fewer = admin.get("resource-servers?include=scopes&filter[name]=Big&page[size]=3").await.is(200);
        assert_eq!(kinds(&fewer), counts([("scope", 3000)]));
    }

    /// Nothing is included that could not be asked for by itself.
    async fn rb_matrix_who_may_not_read_the_other_end_is_told_which_right_is_missing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("rights").await;
        for (path, include, needs) in [
            ("users", "roles", vec!["user-roles:read", "roles:read"]),
            ("users", "roles.permissions", vec!["user-roles:read", "roles:read", "role-permissions:read", "permissions:read"]),
            ("sessions", "user", vec!["users:read"]),
            ("roles", "permissions", vec!["role-permissions:read", "permissions:read"]),
            ("user-roles", "user,role", vec!["users:read", "roles:read"]),
            ("clients", "user", vec!["users:read"]),
            ("scopes", "resource_server", vec!["resource-servers:read"]),
            ("resource-servers", "scopes", vec!["scopes:read"]),
            ("resource-servers", "introspection_clients", vec!["clients:read"]),
            ("client-grants", "client", vec!["clients:read"]),
            ("memberships", "user", vec!["users:read"]),
            ("memberships", "organization", vec!["organizations:read"]),
            ("memberships", "roles", vec!["membership-roles:read", "roles:read"]),
            ("membership-roles", "membership", vec!["memberships:read"]),
            ("invitations", "organization,inviter", vec!["organizations:read", "users:read"]),
            ("applications", "organization,resource_server", vec!["organizations:read", "resource-servers:read"]),
            ("application-connections", "application,organization", vec!["applications:read", "organizations:read"]),
            ("application-connections", "connected_by", vec!["users:read"]),
            ("application-tokens", "application", vec!["applications:read"]),
        ] {
            let own = format!("{path}:read");
            let all = [vec![own.as_str()], needs.clone()].concat();
            let at = samples.of(path).at();
            for missing in &needs {
                let rights: Vec<&str> = all.iter().copied().filter(|right| right != missing).collect();
                let caller = server.caller_with(&server.acme, &rights).await;
                caller.get(&at).await.is(200);
                let refused = caller.get(&format!("{at}?include={include}")).await;
                refused.is_error(403, "");
                assert!(refused.detail().contains(missing), "{path} {include}: {}", refused.text);
            }
            let caller = server.caller_with(&server.acme, &all).await;
            caller.get(&format!("{at}?include={include}")).await.is(200);
        }
    }

    /// Whoever may write and not read what is to be included is told so before anything is written.
    async fn rb_matrix_a_write_that_includes_what_may_not_be_read_changes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("quiet").await;
        let (user, session, client) = (samples.of("users"), samples.of("sessions"), samples.of("clients"));
        let rights = ["users:read", "users:create", "users:update", "user-roles:read", "roles:read", "role-permissions:read",
            "sessions:read", "sessions:update", "sessions:create", "clients:read", "clients:create", "clients:update"];
        let writer = server.caller_with(&server.acme, &rights).await;
        let strangers = server.caller_with(&server.acme, &rights[6..]).await;
        let before = database.dump().await;
        let touch = (Method::PATCH, format!("{}/touch?include=user", session.at()), session.unchanged());
        let rotate = (Method::PATCH, format!("{}/rotate-secret?include=user", client.at()), client.unchanged());
        for (caller, lacked, (method, path, document)) in [
            (&writer, "permissions:read", (Method::POST, "users?include=roles.permissions".to_owned(), user.create.clone().unwrap())),
            (&writer, "permissions:read", (Method::PATCH, format!("{}?include=roles.permissions", user.at()), user.update.clone().unwrap())),
            (&strangers, "users:read", (Method::POST, "sessions?include=user".to_owned(), session.create.clone().unwrap())),
            (&strangers, "users:read", (Method::POST, "clients?include=user".to_owned(), client.create.clone().unwrap())),
            (&strangers, "users:read", touch),
            (&strangers, "users:read", rotate),
        ] {
            let request = with(caller.request(method.clone(), &path), &document).header("idempotency-key", "x");
            let refused = Reply::of(request).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains(lacked), "{method} {path}: {}", refused.text);
        }
        assert_eq!(database.dump().await, before);
        // Nobody holds any permission there, and still the right to read them is asked.
        let nobody = writer.get("users?filter[id]=nobody&include=roles.permissions").await;
        assert!(nobody.is(403).detail().contains("permissions:read"));
    }

    /// In an organization only: its rows may be included, no others, and nothing of the environment.
    async fn rb_xorg_a_member_includes_only_what_their_organization_has(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let member = server.member_with(&admin, &acme, &["memberships:read", "organizations:read", "membership-roles:read"]).await;
        let own = format!("memberships/{}", member.membership);
        let reply = member.caller.get(&format!("{own}?include=organization")).await.is(200);
        assert_eq!(kinds(&reply), counts([("organization", 1)]));
        for (include, missing) in [("user", "users:read"), ("roles", "roles:read")] {
            let refused = member.caller.get(&format!("{own}?include={include}")).await;
            refused.is_error(403, "");
            assert!(refused.detail().contains(missing), "{}", refused.text);
        }
    }
}
