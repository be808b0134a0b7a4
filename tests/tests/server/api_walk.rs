//! The walk through the API that the product's documentation shows, request by request as it is written there.

use paylent_tests::both;
use serde_json::json;

use crate::support::*;

const FORM: &str = "application/x-www-form-urlencoded";

impl TestServer {
    /// `curl -u "CLIENT_ID:CLIENT_SECRET" -d "grant_type=client_credentials&resource=.../api"`
    async fn documented_token(&self, client: &(String, String)) -> String {
        let request = self.request(&self.acme, reqwest::Method::POST, "/oauth/token");
        let request = request.basic_auth(&client.0, Some(&client.1)).header("content-type", FORM);
        let body = format!("grant_type=client_credentials&resource={}", self.acme.api());
        let reply = Reply::of(request.body(body)).await.is(200);
        assert_eq!(
            (reply.json()["token_type"].as_str(), reply.json()["expires_in"].as_i64()),
            (Some("Bearer"), Some(3600))
        );
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }
}

both! {
    /// Seed 000: register a client, grant it the Management API, get a token, use it. What the page leaves to the
    /// dashboard is done by the client that `paylent setup` makes.
    async fn the_walk_of_the_documentation_works_as_it_is_written(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let first = server.documented_token(&server.acme.machine()).await;
        let admin = server.bearer(&server.acme, &first);

        let attributes =
            json!({"name": "Backend", "client_type": "confidential", "grant_types": ["client_credentials"]});
        let registered = admin.post("clients", &document("client", attributes, &[])).await.is(201);
        let json = registered.json();
        let secret = json["meta"]["client_secret"].as_str().unwrap().to_owned();
        let client_id = json["meta"]["client_id"].as_str().unwrap().to_owned();
        assert_eq!(registered.attribute("client_id"), client_id);
        let user = json["data"]["relationships"]["user"]["data"]["id"].as_str().unwrap();

        let api = admin.management_api().await;
        admin.grant(&registered.id(), &api, serde_json::Value::Null).await;
        let role = admin.admin_role().await;
        admin.create("user-roles", "user_role", json!({}), &[("user", "user", user), ("role", "role", &role)]).await;

        let token = server.documented_token(&(client_id, secret)).await;
        let users = |accept: bool| {
            let request = server.request(&server.acme, reqwest::Method::GET, "/api/users");
            let request = request.header("authorization", format!("Bearer {token}")).header("content-type", JSON_API);
            if accept { request.header("accept", JSON_API) } else { request }
        };
        assert_eq!(Reply::of(users(false)).await.is(200).ids().len(), 2, "the two service users");

        let jane = json!({"email": "jane@example.com", "first_name": "Jane", "last_name": "Doe",
            "password": PASSWORD, "password_confirmation": PASSWORD});
        let caller = server.bearer(&server.acme, &token);
        let made = caller.post("users", &document("user", jane, &[])).await.is(201);
        let data = &made.json()["data"];
        assert_eq!(
            (data["type"].as_str(), data["attributes"]["email"].as_str()),
            (Some("user"), Some("jane@example.com"))
        );
        assert_eq!(
            (data["attributes"]["first_name"].as_str(), data["attributes"]["last_name"].as_str()),
            (Some("Jane"), Some("Doe"))
        );
        let listed = Reply::of(users(true)).await.is(200);
        assert_eq!(listed.header("content-type"), JSON_API);
        assert!(listed.ids().contains(&made.id()));

        let form = [("token", token.as_str())];
        server.oauth(&server.acme, "/oauth/revoke", &caller_of(&registered, &json), &form).await.is(200);
        assert_eq!(Reply::of(users(true)).await.status, 401);
    }
}

/// `client_id` and secret as the registration told them.
fn caller_of(registered: &Reply, json: &serde_json::Value) -> (String, String) {
    let client_id = registered.attribute("client_id").as_str().unwrap().to_owned();
    (client_id, json["meta"]["client_secret"].as_str().unwrap().to_owned())
}
