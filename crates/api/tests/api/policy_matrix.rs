//! Who may do what, for every line of the endpoint table.

use actix_web::{http::Method, test::TestRequest};
use paylent_api::ENDPOINTS;
use paylent_domain::{Id, permission::name_of, user::User};
use paylent_storage::NewRole;
use paylent_tests::seed;
use serde_json::json;

use crate::harness::{Api, assignment, grant, new_client, new_user};

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

fn path(pattern: &str) -> String {
    format!("/api{}", pattern.replace("{id}", NOBODY))
}

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[actix_web::test]
async fn rb_matrix_every_endpoint_asks_for_its_scope_and_its_permission() {
    let api = Api::new().await;
    let (_, powerless, _) = api.weak_client().await;
    for endpoint in ENDPOINTS {
        let (method, path) = (method(endpoint.method), path(endpoint.path));
        let line = format!("{method} {path}");

        let anonymous = api.send(TestRequest::with_uri(&path).method(method.clone())).await;
        assert_eq!(anonymous.status, 401, "{line}");
        assert_eq!(
            anonymous.header("www-authenticate"),
            Some(r#"Bearer realm="http://acme.localhost:8080""#),
            "{line}"
        );

        let denied = api.write(method.clone(), &path, &powerless, json!({})).await;
        assert_eq!(denied.status, 403, "{line}");
        let permission = name_of(endpoint.resource, endpoint.action);
        let detail = denied.body["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(&permission), "{line}: {detail}");

        let other = if endpoint.resource.path() == "sessions" { "users:read" } else { "sessions:read" };
        let secret = api.seeded.secret.expose();
        let narrow = api.token_for(&api.seeded.client_id, secret, other).await.unwrap();
        let denied = api.write(method.clone(), &path, &narrow, json!({})).await;
        assert_eq!(denied.status, 403, "{line}");
        let scope = format!("{}:{}", endpoint.resource.path(), endpoint.action.scope());
        let challenge = format!(r#"Bearer error="insufficient_scope", scope="{scope}""#);
        assert_eq!(denied.header("www-authenticate"), Some(challenge.as_str()), "{line}");

        if endpoint.path.contains("{id}") {
            let allowed = api.write(method, &path, &api.token, json!({})).await;
            assert_eq!(allowed.status, 404, "{line}");
        }
    }
}

#[actix_web::test]
async fn rb_xenv_id_what_another_environment_holds_is_as_unknown_as_what_nobody_holds() {
    let api = Api::new().await;
    let other = seed::environment(&api.database.db(), "other").await;
    for id in [other.client.to_string(), NOBODY.to_owned(), "..;".to_owned(), "%2e%2e".to_owned()] {
        let found = api.get(&format!("/api/clients/{id}")).await.expect(404);
        assert_eq!(found.body, api.get(&format!("/api/clients/{NOBODY}")).await.body);
    }
    let role = api.get("/api/roles?filter[name]=viewer").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    let foreign = api.post("/api/user-roles", assignment(&other.service_user.to_string(), &role)).await.expect(404);
    assert_eq!(foreign.pointers(), ["/data/relationships/user"]);
}

/// A client whose user may manage users, clients, grants and assignments, but not delete users: id and token.
async fn delegated(api: &Api) -> (String, String) {
    let (client, token, user) = api.weak_client().await;
    let writes = ["users", "clients", "client-grants"]
        .map(|resource| ["read", "create", "update"].map(|verb| format!("{resource}:{verb}")));
    let others = ["clients:delete", "user-roles:read", "user-roles:create", "user-roles:delete"].map(str::to_owned);
    let role = NewRole {
        id: seed::new_id(),
        name: "delegate".to_owned(),
        description: None,
        permissions: writes.into_iter().flatten().chain(others).collect(),
    };
    let role = api.env().create_role(role, &seed::by()).await.unwrap();
    api.post("/api/user-roles", assignment(&user, &role.id.to_string())).await.expect(201);
    (client, token)
}

async fn admin_role(api: &Api) -> String {
    api.get("/api/roles?filter[name]=admin").await.body["data"][0]["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn rb_self_role_nobody_gives_or_takes_what_they_lack() {
    let api = Api::new().await;
    let (client, token) = delegated(&api).await;
    let admin = admin_role(&api).await;
    let user = api.get(&format!("/api/clients/{client}/user")).await.expect(200);
    let post = |path, body| api.write(Method::POST, path, &token, body);
    post("/api/user-roles", assignment(user.id(), &admin)).await.expect(403);
    let held = api.get(&format!("/api/user-roles?filter[role]={admin}")).await;
    let held = held.body["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/user-roles/{held}");
    api.write(Method::DELETE, &path, &token, json!({})).await.expect(403);

    let server = api.get("/api/resource-servers?filter[system]=true").await;
    let server = server.body["data"][0]["id"].as_str().unwrap().to_owned();
    let made = post("/api/clients", new_client("Delegated")).await.expect(201);
    post("/api/client-grants", grant(made.id(), &server, json!(null))).await.expect(403);
    post("/api/client-grants", grant(made.id(), &server, json!(["users:delete"]))).await.expect(403);
    let narrow = post("/api/client-grants", grant(made.id(), &server, json!(["users:read"]))).await.expect(201);
    let wide = json!({"data": {"type": "client_grant", "id": narrow.id(), "attributes": {"allowed_scopes": null}}});
    let path = format!("/api/client-grants/{}", narrow.id());
    api.write(Method::PATCH, &path, &token, wide).await.expect(403);
}

#[actix_web::test]
async fn rb_client_edit_nobody_takes_over_a_user_or_a_client_that_may_do_more() {
    let api = Api::new().await;
    let (_, token) = delegated(&api).await;
    let person = api.post("/api/users", new_user("admin@example.com")).await.expect(201);
    api.post("/api/user-roles", assignment(person.id(), &admin_role(&api).await)).await.expect(201);
    // Another admin is left, so that this one can be deactivated.
    let spare = api.post("/api/users", new_user("spare@example.com")).await.expect(201);
    api.post("/api/user-roles", assignment(spare.id(), &admin_role(&api).await)).await.expect(201);

    let path = format!("/api/users/{}", person.id());
    let change = |attributes| json!({"data": {"type": "user", "id": person.id(), "attributes": attributes}});
    let patch = |attributes| api.write(Method::PATCH, &path, &token, change(attributes));
    patch(json!({"first_name": "Jane"})).await.expect(200);
    patch(json!({"password": "correct horse"})).await.expect(403);
    patch(json!({"email": "mine@example.com"})).await.expect(403);
    api.patch(&path, change(json!({"active": false}))).await.expect(200);
    patch(json!({"active": true, "password": "correct horse"})).await.expect(403);

    let id = api.seeded.client;
    let client = format!("/api/clients/{id}");
    let change = json!({"data": {"type": "client", "id": id.to_string(), "attributes": {"name": "Mine"}}});
    api.write(Method::PATCH, &client, &token, change).await.expect(403);
    api.write(Method::DELETE, &client, &token, json!({})).await.expect(403);
    let acting_for = |user: Id<User>| {
        let mut document = new_client("Puppet");
        document["data"]["relationships"] = json!({"user": {"data": {"type": "user", "id": user.to_string()}}});
        document
    };
    let puppet = acting_for(api.seeded.service_user);
    api.write(Method::POST, "/api/clients", &token, puppet.clone()).await.expect(403);
    api.post("/api/clients", puppet).await.expect(201);
    let nobody = api.post("/api/clients", acting_for(NOBODY.parse().unwrap())).await.expect(404);
    assert_eq!(nobody.pointers(), ["/data/relationships/user"]);
}

#[actix_web::test]
async fn rb_last_admin_the_last_person_with_the_admin_role_stays() {
    let api = Api::new().await;
    let person = api.post("/api/users", new_user("admin@example.com")).await.expect(201);
    let assigned = api.post("/api/user-roles", assignment(person.id(), &admin_role(&api).await)).await.expect(201);
    let path = format!("/api/users/{}", person.id());
    assert_eq!(api.delete(&path).await.expect(409).code(), "last_admin");
    let change = json!({"data": {"type": "user", "id": person.id(), "attributes": {"active": false}}});
    assert_eq!(api.patch(&path, change).await.expect(409).code(), "last_admin");
    assert_eq!(api.delete(&format!("/api/user-roles/{}", assigned.id())).await.expect(409).code(), "last_admin");
}
