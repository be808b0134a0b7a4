//! Who may do what to organizations' applications, and that nobody reaches one as a client of the environment.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const ALL: [&str; 4] = ["applications:read", "applications:create", "applications:update", "applications:delete"];

fn application(permissions: &[&str], organization: &str) -> Value {
    let attributes = json!({"name": "Reports", "grant_type": "client_credentials", "ip_allow_list": ["127.0.0.1"],
        "permissions": permissions});
    document("application", attributes, &[("organization", "organization", organization)])
}

both! {
    async fn rb_xorg_a_company_wide_admin_manages_the_own_organizations_applications_alone(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (own, other) = (admin.organization("Own").await, admin.organization("Other").await);
        let theirs = admin.post("applications", &application(&[], &other)).await.is(201).id();
        let boss = server.member_with(&admin, &own, &ALL).await.caller;
        let clerk = server.member_with(&admin, &own, &["memberships:read"]).await.caller;
        let made = boss.post("applications", &application(&[], &own)).await.is(201).id();
        assert_eq!(boss.get("applications").await.is(200).ids(), [made.as_str()]);
        assert_eq!(boss.get(&format!("applications?filter[organization]={other}")).await.is(200).ids(), [""; 0]);
        let before = database.dump().await;
        boss.post("applications", &application(&[], &other)).await.is_error(404, "/data/relationships/organization");
        let (mine, foreign) = (format!("applications/{made}"), format!("applications/{theirs}"));
        let rename = |id: &str| change("application", id, json!({"name": "x"}));
        boss.get(&foreign).await.is_error(404, "");
        boss.patch(&foreign, &rename(&theirs)).await.is_error(404, "");
        Reply::of(boss.request(Method::PATCH, &format!("{foreign}/rotate-secret"))).await.is_error(404, "");
        boss.delete(&foreign).await.is_error(404, "");
        clerk.get("applications").await.is_error(403, "");
        clerk.post("applications", &application(&[], &own)).await.is_error(403, "");
        clerk.get(&mine).await.is_error(403, "");
        clerk.patch(&mine, &rename(&made)).await.is_error(403, "");
        Reply::of(clerk.request(Method::PATCH, &format!("{mine}/rotate-secret"))).await.is_error(403, "");
        clerk.delete(&mine).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
        boss.patch(&mine, &rename(&made)).await.is(200);
        Reply::of(boss.request(Method::PATCH, &format!("{mine}/rotate-secret"))).await.is(200);
        boss.delete(&mine).await.is(200);
    }

    /// What a static token of the Management API may do, its maker must be able to do in the organization.
    async fn rb_client_grant_nobody_gives_an_application_what_they_lack(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let own = admin.organization("Own").await;
        let strong = ["memberships:read", "applications:read", "applications:create", "applications:update"];
        let boss = server.member_with(&admin, &own, &ALL).await.caller;
        let stronger = server.member_with(&admin, &own, &strong).await.caller;
        let before = database.dump().await;
        let refused = boss.post("applications", &application(&["applications:read", "memberships:read"], &own)).await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("memberships:read"), "{}", refused.text);
        assert_eq!(database.dump().await, before);
        let made = stronger.post("applications", &application(&["memberships:read"], &own)).await.is(201).id();
        let path = format!("applications/{made}");
        let set = |permissions: &[&str]| change("application", &made, json!({"permissions": permissions}));
        let before = database.dump().await;
        let refused = stronger.patch(&path, &set(&["memberships:read", "memberships:write"])).await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("memberships:create"), "{}", refused.text);
        // Whoever gets the secret gets what the application may do.
        Reply::of(boss.request(Method::PATCH, &format!("{path}/rotate-secret"))).await.is_error(403, "");
        assert_eq!(database.dump().await, before);
        // What is there already nobody gives, and taking it away takes nothing.
        boss.patch(&path, &set(&["memberships:read", "applications:read"])).await.is(200);
        boss.patch(&path, &set(&["applications:read"])).await.is(200);
        boss.patch(&path, &set(&["applications:read", "memberships:read"])).await.is_error(403, "");
        Reply::of(boss.request(Method::PATCH, &format!("{path}/rotate-secret"))).await.is(200);
    }

    /// The scopes of other APIs are for whoever owns the application.
    async fn an_application_may_ask_for_every_scope_of_another_api(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let own = admin.organization("Own").await;
        let api = server.acme.add_api("https://api.example", &["invoices:read"]).await.to_string();
        let boss = server.member_with(&admin, &own, &ALL).await.caller;
        let mut asked = application(&["invoices:read"], &own);
        asked["data"]["relationships"]["resource_server"] = json!({"data": {"type": "resource_server", "id": api}});
        let made = boss.post("applications", &asked).await.is(201);
        assert_eq!(made.attribute("permissions"), json!(["invoices:read"]));
        boss.get(&format!("applications/{}/resource_server", made.id())).await.is_error(403, "");
        boss.get(&format!("applications/{}/relationships/resource_server", made.id())).await.is(200);
    }

    async fn rb_client_edit_an_application_is_no_client_of_the_environment(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let own = admin.organization("Own").await;
        let made = admin.post("applications", &application(&[], &own)).await.is(201);
        let (id, client_id) = (made.id(), made.attribute("client_id").as_str().unwrap().to_owned());
        let service = admin.only("users?filter[kind]=service&sort=-created_at&page[size]=1").await;
        let before = database.dump().await;
        let path = format!("clients/{id}");
        admin.get(&path).await.is_error(404, "");
        admin.patch(&path, &change("client", &id, json!({"active": false}))).await.is_error(404, "");
        Reply::of(admin.request(Method::PATCH, &format!("{path}/rotate-secret"))).await.is_error(404, "");
        admin.delete(&path).await.is_error(404, "");
        admin.get(&format!("{path}/user")).await.is_error(404, "");
        assert_eq!(admin.get(&format!("clients?filter[client_id]={client_id}")).await.is(200).ids(), [""; 0]);
        assert!(!admin.get("clients?page[size]=100").await.is(200).text.contains(&id));
        let api = admin.management_api().await;
        let ends = [("client", "client", id.as_str()), ("resource_server", "resource_server", api.as_str())];
        let grant = document("client_grant", json!({"allowed_scopes": null}), &ends);
        admin.post("client-grants", &grant).await.is_error(404, "/data/relationships/client");
        let link = format!("resource-servers/{api}/relationships/introspection_clients");
        admin.post(&link, &linkage("client", &[&id])).await.is_error(404, "/data/0");
        let acting = json!({"name": "x", "grant_types": ["client_credentials"]});
        let acting = document("client", acting, &[("user", "user", service.as_str())]);
        admin.post("clients", &acting).await.is(404);
        admin.delete(&format!("users/{service}")).await.is_error(409, "");
        assert_eq!(database.dump().await, before);
        admin.get(&format!("applications/{id}")).await.is(200);
        let client = admin.register(json!({"name": "Shop"}), None).await.id;
        admin.get(&format!("applications/{client}")).await.is_error(404, "");
        admin.delete(&format!("applications/{client}")).await.is_error(404, "");
        admin.get(&format!("clients/{client}")).await.is(200);
    }
}
