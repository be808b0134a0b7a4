//! The walk of the quick start, and what each resource promises beyond it.

use actix_web::http::Method;
use serde_json::json;

use crate::harness::{Api, assignment, grant, new_client, new_user};

#[actix_web::test]
async fn a_new_client_gets_a_grant_a_role_and_a_token_and_lists_users() {
    let api = Api::new().await;
    let client = api.post("/api/clients", new_client("Walker")).await.expect(201);
    let location = format!("http://acme.localhost:8080/api/clients/{}", client.id());
    assert_eq!(client.header("location"), Some(location.as_str()));
    assert_eq!(client.body["data"]["links"]["self"], location);
    let meta = client.body["meta"].clone();
    assert_eq!(meta["client_id"], client.body["data"]["attributes"]["client_id"]);
    let (client_id, secret) = (meta["client_id"].as_str().unwrap(), meta["client_secret"].as_str().unwrap());
    assert!(api.token_for(client_id, secret, "").await.is_err(), "a client without a grant gets no token");

    let servers = api.get("/api/resource-servers?filter[identifier]=http://acme.localhost:8080/api").await.expect(200);
    let server = servers.body["data"][0]["id"].as_str().unwrap();
    assert_eq!(servers.body["data"][0]["attributes"]["system"], true);
    api.post("/api/client-grants", grant(client.id(), server, json!(["users:read"]))).await.expect(201);
    let token = api.token_for(client_id, secret, "").await.unwrap();
    let list = || api.write(Method::GET, "/api/users", &token, json!(null));
    assert_eq!(list().await.expect(403).code(), "forbidden");

    let roles = api.get("/api/roles?filter[name]=viewer").await.expect(200);
    let role = roles.body["data"][0]["id"].as_str().unwrap();
    let user = client.body["data"]["relationships"]["user"]["data"]["id"].as_str().unwrap();
    let assigned = api.post("/api/user-roles", assignment(user, role)).await.expect(201);
    let users = list().await.expect(200);
    assert_eq!(users.body["data"].as_array().unwrap().len(), 2);
    assert!(!users.body.to_string().contains("argon2"));

    api.delete(&format!("/api/user-roles/{}", assigned.id())).await.expect(200);
    list().await.expect(403);
    let deleted = api.delete(&format!("/api/clients/{}", client.id())).await.expect(200);
    assert!(deleted.body["meta"].is_object() && deleted.body.get("data").is_none());
    api.delete(&format!("/api/clients/{}", client.id())).await.expect(404);
    list().await.expect(401);
    api.get(&format!("/api/users/{user}")).await.expect(404);
}

#[actix_web::test]
async fn a_user_is_created_shown_changed_and_deleted() {
    let api = Api::new().await;
    let user = api.post("/api/users", new_user("jane@example.com")).await.expect(201);
    let path = format!("/api/users/{}", user.id());
    let attributes = &user.body["data"]["attributes"];
    assert_eq!((&attributes["email_verified"], &attributes["active"]), (&json!(false), &json!(true)));
    assert_eq!(attributes["kind"], "person");

    let again = api.post("/api/users", new_user("JANE@example.com")).await.expect(409);
    assert_eq!(again.pointers(), ["/data/attributes/email"]);
    let change = json!({"data": {"type": "user", "id": user.id(), "attributes": {"last_name": "Doe"}}});
    let changed = api.patch(&path, change).await.expect(200);
    assert_eq!(changed.body["data"]["attributes"]["last_name"], "Doe");
    assert_eq!(changed.body["links"]["self"], format!("http://acme.localhost:8080{path}"));
    let found = api.get("/api/users?filter[email]=jane@EXAMPLE.com&fields[user]=email").await.expect(200);
    assert_eq!(found.body["data"][0]["attributes"], json!({"email": "jane@example.com"}));
    api.delete(&path).await.expect(200);
    api.delete(&path).await.expect(404);
}

#[actix_web::test]
async fn lists_are_read_page_by_page_in_either_order() {
    let api = Api::new().await;
    for n in 0..5 {
        api.post("/api/users", new_user(&format!("user{n}@example.com"))).await.expect(201);
    }
    let mut next = Some("/api/users?sort=-created_at&page[size]=2&page[count]=true".to_owned());
    let (mut seen, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = api.get(&path).await.expect(200);
        assert_eq!(page.body["meta"]["page"]["total"], 6);
        let rows = page.body["data"].as_array().unwrap().clone();
        seen.extend(rows.iter().map(|row| row["attributes"]["created_at"].as_str().unwrap().to_owned()));
        pages += 1;
        next = page.body["links"]["next"].as_str().map(|url| url.replace("http://acme.localhost:8080", ""));
        if pages == 3 {
            let previous = page.body["links"]["prev"].as_str().unwrap().replace("http://acme.localhost:8080", "");
            let before = api.get(&previous).await.expect(200);
            let first = before.body["data"][0]["attributes"]["created_at"].as_str().unwrap();
            assert_eq!(first, seen[2]);
        }
    }
    assert_eq!((seen.len(), pages), (6, 3));
    assert!(seen.is_sorted_by(|left, right| left > right), "{seen:?}");
    let cursor = api.get("/api/users?page[size]=1").await.body["data"][0]["meta"]["page"]["cursor"].clone();
    let cursor = cursor.as_str().unwrap();
    for path in ["/api/users?sort=-created_at&", "/api/clients?"] {
        api.get(&format!("{path}page[after]={cursor}")).await.expect(400);
    }
    assert_eq!(api.get("/api/users?filter[id]=%27%20OR%201=1--").await.expect(200).body["data"], json!([]));
}

#[actix_web::test]
async fn a_client_is_registered_and_changed_within_its_rules() {
    let api = Api::new().await;
    let attributes = json!({"name": "App", "client_type": "public", "redirect_uris": ["https://app.example/cb"]});
    let client =
        api.post("/api/clients", json!({"data": {"type": "client", "attributes": attributes}})).await.expect(201);
    let shown = &client.body["data"]["attributes"];
    assert_eq!(shown["grant_types"], json!(["authorization_code"]));
    assert_eq!((&shown["require_pkce"], &shown["token_format"]), (&json!(true), &json!("jwt")));
    assert!(client.body["meta"].get("client_secret").is_none());
    assert_eq!(client.body["data"]["relationships"]["user"]["data"], json!(null));
    let path = format!("/api/clients/{}", client.id());
    let patch = |attributes| {
        let document = json!({"data": {"type": "client", "id": client.id(), "attributes": attributes}});
        api.patch(&path, document)
    };
    assert_eq!(
        patch(json!({"client_type": "confidential"})).await.expect(422).pointers(),
        ["/data/attributes/client_type"]
    );
    let uris = json!({"redirect_uris": ["https://app.example/cb", "http://app.example/cb"]});
    assert_eq!(patch(uris).await.expect(422).pointers(), ["/data/attributes/redirect_uris/1"]);
    assert_eq!(
        patch(json!({"access_token_ttl": 59})).await.expect(422).pointers(),
        ["/data/attributes/access_token_ttl"]
    );
    let changed = patch(json!({"access_token_ttl": 600, "active": false, "name": "Other"})).await.expect(200);
    assert_eq!(changed.body["data"]["attributes"]["access_token_ttl"], 600);

    let web = json!({"data": {"type": "client", "attributes": {"name": "Web"}}});
    let web = api.post("/api/clients", web).await.expect(201);
    let more = json!({"data": {"type": "client", "id": web.id(),
        "attributes": {"grant_types": ["authorization_code", "client_credentials"]}}});
    let web = api.patch(&format!("/api/clients/{}", web.id()), more).await.expect(200);
    let related = web.body["data"]["relationships"]["user"]["links"]["related"].as_str().unwrap();
    let user = api.get(related.strip_prefix("http://acme.localhost:8080").unwrap()).await.expect(200);
    assert_eq!(user.body["data"]["attributes"]["kind"], "service");
    let linkage = web.body["data"]["relationships"]["user"]["links"]["self"].as_str().unwrap();
    let linkage = api.get(linkage.strip_prefix("http://acme.localhost:8080").unwrap()).await.expect(200);
    assert_eq!(linkage.body["data"]["id"], user.id());
}

#[actix_web::test]
async fn signing_keys_are_generated_retired_and_deleted() {
    let api = Api::new().await;
    let first = api.get("/api/signing-keys").await.expect(200).body["data"][0]["id"].as_str().unwrap().to_owned();
    let retire = |id: String| api.send(api.request(Method::PATCH, &format!("/api/signing-keys/{id}/deactivate")));
    assert_eq!(retire(first.clone()).await.expect(409).code(), "last_key");
    let body = json!({"data": {"type": "signing_key", "attributes": {"algorithm": "rs256"}}});
    let key = api.post("/api/signing-keys", body).await.expect(201);
    assert_eq!(key.body["data"]["attributes"]["primary"], true);
    assert_eq!(key.body["data"]["attributes"]["key_size"], 2048);
    assert_eq!(api.delete(&format!("/api/signing-keys/{first}")).await.expect(409).code(), "active_key");
    assert_eq!(retire(first.clone()).await.expect(200).body["data"]["attributes"]["status"], "inactive");
    // The token was signed with that key.
    api.get("/api/users").await.expect(401);
    let bad = json!({"data": {"type": "signing_key", "attributes": {"algorithm": "none", "key_size": 1024}}});
    let token = api.token_for(&api.seeded.client_id, api.seeded.secret.expose(), "").await.unwrap();
    let bad = api.write(Method::POST, "/api/signing-keys", &token, bad).await.expect(422);
    assert_eq!(bad.pointers(), ["/data/attributes/algorithm", "/data/attributes/key_size"]);
}

#[actix_web::test]
async fn a_resource_server_has_scopes_that_grants_may_name() {
    let api = Api::new().await;
    let server = |identifier: &str| {
        json!({"data": {"type": "resource_server", "attributes":
            {"name": "Documents", "identifier": identifier, "scopes": ["read:documents"]}}})
    };
    let mut many = server("https://many.example");
    many["data"]["attributes"]["scopes"] = (0..101).map(|n| n.to_string()).collect();
    let many = api.post("/api/resource-servers", many).await.expect(422);
    assert_eq!(many.pointers(), ["/data/attributes/scopes"]);
    for own in ["http://acme.localhost:8080/api", "http://acme.localhost:8080", "http://acme.localhost:8080/"] {
        let own = api.post("/api/resource-servers", server(own)).await.expect(409);
        assert_eq!(own.pointers(), ["/data/attributes/identifier"]);
    }
    let made = api.post("/api/resource-servers", server("https://docs.example")).await.expect(201);
    assert_eq!(made.body["data"]["attributes"]["token_ttl"], 3600);
    api.post("/api/resource-servers", server("https://docs.example")).await.expect(409);
    let client = api.post("/api/clients", new_client("Reader")).await.expect(201);
    let wrong = grant(client.id(), made.id(), json!(["read:documents", "users:read"]));
    let wrong = api.post("/api/client-grants", wrong).await.expect(422);
    assert_eq!(wrong.pointers(), ["/data/attributes/allowed_scopes/1"]);
    let right = grant(client.id(), made.id(), json!([]));
    let made = api.post("/api/client-grants", right.clone()).await.expect(201);
    assert_eq!(made.body["data"]["attributes"]["allowed_scopes"], json!([]));
    api.post("/api/client-grants", right).await.expect(409);
    let all = json!({"data": {"type": "client_grant", "id": made.id(), "attributes": {"allowed_scopes": null}}});
    let changed = api.patch(&format!("/api/client-grants/{}", made.id()), all).await.expect(200);
    assert_eq!(changed.body["data"]["attributes"]["allowed_scopes"], json!(null));
}
