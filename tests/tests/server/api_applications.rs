//! `/api/applications`: how organizations' applications are made, shown, changed and deleted. Who may do so is in
//! `api_application_rights`.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    at_once::with,
    support::{application_documents::*, *},
};

/// What no allow list may hold.
const BAD_ENTRIES: [&str; 14] = [
    "0.0.0.0/0",
    "::/0",
    "::ffff:0.0.0.0/96",
    "10.0.0.1/24",
    "2001:db8::1/32",
    "203.0.113.0/33",
    "2001:db8::/129",
    "1.2.3",
    "010.0.0.1",
    "1.2.3.4/",
    "fe80::1%eth0",
    "",
    " 203.0.113.5",
    "app.example",
];

/// Attributes of an application that people connect.
fn connected() -> Value {
    json!({"name": "Shop", "grant_type": "authorization_code", "redirect_uri": "https://app.example/callbacks?provider=payt"})
}

both! {
    async fn ca_once_an_application_is_made_with_defaults_and_its_secret_is_told_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (owner, api) = (admin.organization("Shop").await, admin.management_api().await);
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let (id, json) = (made.id(), made.json());
        let path = format!("applications/{id}");
        assert_eq!(made.header("location"), format!("{}/{path}", server.acme.api()));
        let (client_id, secret) = (made.attribute("client_id"), secret_of(&made));
        assert!(secret.starts_with("pay_cs_") && secret.len() == 50, "{secret}");
        assert_eq!((&json["meta"]["client_id"], json["meta"].as_object().unwrap().len()), (&client_id, 2));
        let now = made.attribute("created_at");
        let expected = json!({"name": "Reports", "grant_type": "client_credentials", "redirect_uri": null,
            "ip_allow_list": ["127.0.0.1"], "ip_allow_list_mode": "enforce", "permissions": [], "notification_emails": [],
            "client_id": client_id, "previous_secret_expires_at": null, "created_at": now, "updated_at": now});
        assert_eq!(json["data"]["attributes"], expected);
        let linked = |name: &str| json["data"]["relationships"][name]["data"].clone();
        assert_eq!(linked("organization"), json!({"type": "organization", "id": owner}));
        assert_eq!(linked("resource_server"), json!({"type": "resource_server", "id": api}), "unless told otherwise");
        assert!(!database.dump().await.iter().any(|row| row.contains(&secret)), "it is kept as a hash");

        // No later answer tells it.
        let rename = change("application", &id, json!({"name": "Reports 2"}));
        for reply in [
            admin.get(&path).await.is(200),
            admin.get("applications").await.is(200),
            admin.patch(&path, &rename).await.is(200),
            admin.patch(&path, &change("application", &id, json!({}))).await.is(200),
            admin.delete(&path).await.is(200),
        ] {
            assert!(!reply.text.contains(&secret) && !reply.text.contains("client_secret"), "{}", reply.text);
        }
        admin.delete(&path).await.is_error(404, "");
        ask(&server, client_id.as_str().unwrap(), &secret).await.is_oauth_error(401, "invalid_client");
    }

    async fn an_application_that_people_connect_is_made_and_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let api = server.acme.add_api("https://api.example", &["invoices:read", "invoices:write"]).await.to_string();
        let attributes = with_others(connected(), json!({"permissions": ["invoices:write", "invoices:read"],
            "ip_allow_list": ["::ffff:198.51.100.0/120", "2001:DB8::/32"], "ip_allow_list_mode": "observe",
            "notification_emails": ["it@example.com", "boss@example.com"]}));
        let ends = [("organization", "organization", owner.as_str()), ("resource_server", "resource_server", api.as_str())];
        let made = admin.post("applications", &document("application", attributes, &ends)).await.is(201);
        let is = |reply: &Reply, expected: Value| {
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(reply.attribute(name), *value, "{name}");
            }
        };
        is(&made, json!({"permissions": ["invoices:read", "invoices:write"],
            "ip_allow_list": ["198.51.100.0/24", "2001:db8::/32"], "ip_allow_list_mode": "observe",
            "notification_emails": ["it@example.com", "boss@example.com"],
            "redirect_uri": "https://app.example/callbacks?provider=payt"}));
        let path = format!("applications/{}", made.id());
        let set = json!({"name": "Shop 2", "redirect_uri": "http://localhost:3000/cb", "ip_allow_list": [],
            "ip_allow_list_mode": "enforce", "permissions": ["invoices:read"], "notification_emails": []});
        server.clock.advance_seconds(1);
        let changed = admin.patch(&path, &change("application", &made.id(), set.clone())).await.is(200);
        is(&changed, set.clone());
        assert_ne!(changed.attribute("updated_at"), made.attribute("updated_at"));
        is(&admin.get(&path).await.is(200), set);
        let included = admin.get(&format!("{path}?include=organization,resource_server")).await.is(200).json();
        let mut kinds: Vec<&str> =
            included["included"].as_array().unwrap().iter().map(|row| row["type"].as_str().unwrap()).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["organization", "resource_server"]);
        for (query, count) in [
            (format!("filter[organization]={owner}"), 1),
            (format!("filter[organization]={}", nobody()), 0),
            (format!("filter[client_id]={}", made.attribute("client_id").as_str().unwrap()), 1),
            ("filter[name][contains]=SHOP".to_owned(), 1),
        ] {
            assert_eq!(admin.get(&format!("applications?{query}")).await.is(200).ids().len(), count, "{query}");
        }
        let stale = with(admin.request(Method::PATCH, &path), &change("application", &made.id(), json!({"name": "x"})));
        Reply::of(stale.header("if-match", made.header("etag"))).await.is_error(412, "");
    }

    async fn ip_syntax_each_bad_entry_is_told_at_its_place(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let path = format!("applications/{}", made.id());
        let before = database.dump().await;
        let refused = async |list: Value, place: &str| {
            let list = json!({"ip_allow_list": list});
            let document = application(with_others(bound(), list.clone()), &owner);
            admin.post("applications", &document).await.is_error(422, &at(place));
            admin.patch(&path, &change("application", &made.id(), list)).await.is_error(422, &at(place));
        };
        for entry in BAD_ENTRIES {
            refused(json!(["203.0.113.5", entry]), "ip_allow_list/1").await;
        }
        refused(json!(["203.0.113.5", "::ffff:203.0.113.5"]), "ip_allow_list/1").await;
        refused(json!(["203.0.113.5", 7]), "ip_allow_list/1").await;
        refused((0..=100).map(|n| format!("203.0.113.{n}")).collect(), "ip_allow_list").await;
        refused(json!("203.0.113.5"), "ip_allow_list").await;
        assert_eq!(database.dump().await, before);
        let most: Value = (0..100).map(|n| format!("203.0.113.{n}")).collect();
        let set = change("application", &made.id(), json!({"ip_allow_list": most}));
        assert_eq!(admin.patch(&path, &set).await.is(200).attribute("ip_allow_list"), most);
    }

    async fn ip_required_static_tokens_take_an_allow_list(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let before = database.dump().await;
        for attributes in
            [json!({"name": "x", "grant_type": "client_credentials"}), with_others(bound(), json!({"ip_allow_list": []}))]
        {
            admin.post("applications", &application(attributes, &owner)).await.is_error(422, &at("ip_allow_list"));
        }
        let empty = change("application", &made.id(), json!({"ip_allow_list": []}));
        admin.patch(&format!("applications/{}", made.id()), &empty).await.is_error(422, &at("ip_allow_list"));
        assert_eq!(database.dump().await, before);
    }

    async fn ip_immutable_neither_grant_type_nor_owner_nor_api_can_be_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (owner, other) = (admin.organization("Shop").await, admin.organization("Other").await);
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let (id, path) = (made.id(), format!("applications/{}", made.id()));
        let before = database.dump().await;
        for grant in ["authorization_code", "refresh_token"] {
            let set = json!({"grant_type": grant, "name": "x"});
            admin.patch(&path, &change("application", &id, set)).await.is_error(422, &at("grant_type"));
        }
        let api = admin.management_api().await;
        for (name, to) in [("organization", &other), ("resource_server", &api)] {
            let mut set = change("application", &id, json!({"name": "x"}));
            set["data"]["relationships"] = json!({name: {"data": {"type": name, "id": to}}});
            admin.patch(&path, &set).await.is_error(422, &format!("/data/relationships/{name}"));
        }
        for name in ["client_id", "client_secret", "created_at", "organization_id"] {
            admin.patch(&path, &change("application", &id, json!({name: "x"}))).await.is_error(422, &at(name));
        }
        assert_eq!(database.dump().await, before);
        let same = json!({"grant_type": "client_credentials", "name": "Renamed"});
        let changed = admin.patch(&path, &change("application", &id, same)).await.is(200);
        assert_eq!((changed.attribute("name"), changed.attribute("grant_type")), (json!("Renamed"), json!("client_credentials")));
    }

    async fn what_an_application_may_not_say_is_told_at_its_place(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let made = admin.post("applications", &application(bound(), &owner)).await.is(201);
        let closed = json!({"name": "Closed", "identifier": "https://closed.example", "allow_offline_access": false});
        let closed = admin.post("resource-servers", &document("resource_server", closed, &[])).await.is(201).id();
        let before = database.dump().await;
        let eleven: Value = (0..11).map(|n| format!("it{n}@example.com")).collect();
        for (name, value, place) in [
            ("name", json!("a\u{202e}b"), "name"),
            ("name", json!(" "), "name"),
            ("ip_allow_list_mode", json!("off"), "ip_allow_list_mode"),
            ("redirect_uri", json!("https://app.example/cb"), "redirect_uri"),
            ("permissions", json!(["users:read", "users:fly", "invoices:read"]), "permissions/1 permissions/2"),
            ("permissions", json!("users:read"), "permissions"),
            ("notification_emails", json!(["it@example.com", "it@example.com\r\nBcc: eve@example.com"]), "notification_emails/1"),
            ("notification_emails", json!(["it@example.com", "it"]), "notification_emails/1"),
            ("notification_emails", json!(["it@example.com", "it@example.com"]), "notification_emails/1"),
            ("notification_emails", json!(["it@example.com", "IT@Example.com"]), "notification_emails/1"),
            ("notification_emails", eleven, "notification_emails"),
        ] {
            let set = json!({name: value});
            let places: Vec<String> = place.split(' ').map(at).collect();
            let refused = [
                admin.post("applications", &application(with_others(bound(), set.clone()), &owner)).await.is(422),
                admin.patch(&format!("applications/{}", made.id()), &change("application", &made.id(), set)).await.is(422),
            ];
            for refused in refused {
                assert_eq!(refused.places(), places, "{name}: {}", refused.text);
            }
        }
        admin.post("applications", &application(json!({"name": "x"}), &owner)).await.is_error(422, &at("grant_type"));
        let api = server.acme.add_api("https://api.example", &[]).await.to_string();
        let ends = [("organization", "organization", owner.as_str()), ("resource_server", "resource_server", api.as_str())];
        for uri in [json!("http://app.example/cb"), json!("/cb"), json!("https://app.example/cb#f"), Value::Null] {
            let attributes = with_others(connected(), json!({"redirect_uri": uri}));
            let refused = admin.post("applications", &document("application", attributes, &ends)).await;
            refused.is_error(422, &at("redirect_uri"));
        }
        let ownerless = document("application", bound(), &[]);
        admin.post("applications", &ownerless).await.is_error(422, "/data/relationships/organization");
        admin.post("applications", &application(bound(), &nobody())).await.is_error(404, "/data/relationships/organization");
        // Whoever connects it gets refresh tokens, which this API does not allow.
        let ends = [("organization", "organization", owner.as_str()), ("resource_server", "resource_server", closed.as_str())];
        let refused = admin.post("applications", &document("application", connected(), &ends)).await;
        refused.is_error(422, "/data/relationships/resource_server");
        let now = database.dump().await;
        assert!(before.iter().all(|row| now.contains(row)) && now.len() == before.len() + 2, "an API and its event");
    }

    async fn an_organization_goes_with_its_applications_and_an_api_stays_while_they_need_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let owner = admin.organization("Shop").await;
        let api = server.acme.add_api("https://api.example", &[]).await.to_string();
        let ends = [("organization", "organization", owner.as_str()), ("resource_server", "resource_server", api.as_str())];
        let app = admin.post("applications", &document("application", connected(), &ends)).await.is(201).id();
        let reader = with_others(bound(), json!({"permissions": ["applications:read"]}));
        let machine = admin.post("applications", &application(reader, &owner)).await.is(201);
        let secret = secret_of(&machine);
        let client_id = machine.attribute("client_id").as_str().unwrap().to_owned();
        let token = ask(&server, &client_id, &secret).await.is(200).json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(admin.delete(&format!("resource-servers/{api}")).await.error(), (409, "used_by_applications".into(), String::new()));
        let close = change("resource_server", &api, json!({"allow_offline_access": false}));
        let refused = admin.patch(&format!("resource-servers/{api}"), &close).await;
        assert_eq!(refused.error(), (409, "needed_refresh_tokens".into(), String::new()));
        server.bearer(&server.acme, &token).get("applications").await.is(200);
        admin.delete(&format!("organizations/{owner}")).await.is(200);
        for id in [app, machine.id()] {
            admin.get(&format!("applications/{id}")).await.is_error(404, "");
        }
        server.bearer(&server.acme, &token).get("applications").await.is(401);
        ask(&server, &client_id, &secret).await.is_oauth_error(401, "invalid_client");
        admin.patch(&format!("resource-servers/{api}"), &close).await.is(200);
        admin.delete(&format!("resource-servers/{api}")).await.is(200);
    }
}
