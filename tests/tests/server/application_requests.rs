//! The requests of seed 002 as they are written there.

use std::process::Command;

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::{
    applications::*,
    oauth::basic,
    raw::{exchange, request, statuses},
    *,
};

/// An address that a client of this test cannot choose: it lists its own.
async fn on_this_machine(server: &TestServer) -> Owned {
    let here = paylent_domain::allow_list::AllowList::parse(["127.0.0.1"]).unwrap();
    server.acme.owned(|new| new.ip_allow_list = here).await
}

/// What the answer to a request for a static token says, and nothing more: no `expires_in`, no `refresh_token`.
fn is_static(answer: &Value, asked_before: &mut Vec<String>) {
    let members: Vec<&str> = answer.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "token_type", "scope"]);
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(answer["scope"], "memberships:delete memberships:read memberships:write organizations:read");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("pay_at_") && !asked_before.contains(&token));
    asked_before.push(token);
}

both! {
    /// `POST …/oauth/token` with an `Authorization` header and a JSON document; with `--form`.
    async fn the_requests_of_the_seed_get_a_token_that_never_expires(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = on_this_machine(&server).await;
        let authorization = format!("Authorization: {}\r\n", basic(&application.client.credentials));
        let body = "{\n  \"grant_type\": \"client_credentials\"\n}";
        let part = "--------------------------d74496d66958873e";
        let form = format!("--{part}\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--{part}--\r\n");
        let mut tokens = Vec::new();
        for (media_type, body) in [
            ("application/json", body),
            ("application/json; charset=utf-8", body),
            (&format!("multipart/form-data; boundary={part}"), &form),
            ("application/x-www-form-urlencoded", "grant_type=client_credentials"),
        ] {
            let head = format!("{authorization}Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
            let answer = exchange(server.address, request("POST /oauth/token", &server.acme.host, &head, body)).await;
            assert_eq!(statuses(&answer), [200], "{answer}");
            is_static(&serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap(), &mut tokens);
        }
        for token in &tokens {
            assert_eq!(server.calls_with(token).await, 200);
        }
        assert_eq!(database.count("static_tokens").await, tokens.len());
    }

    /// The same lines, given to curl.
    async fn the_lines_of_the_seed_work_with_curl(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = on_this_machine(&server).await;
        let host = server.acme.host.clone();
        let header = format!("Authorization: {}", basic(&application.client.credentials));
        let (url, to) = (format!("http://{host}/oauth/token"), format!("{host}:80:{}", server.address));
        let curl = async |arguments: &[&str]| {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--show-error", "--noproxy", "*", "--connect-to", &to]).args(arguments);
            let output = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{text}{:?}", output.stderr))
        };
        let mut tokens = Vec::new();
        is_static(&curl(&["--header", &header, "--form", "grant_type=client_credentials", "--request", "POST", &url]).await, &mut tokens);
        let json = json!({"grant_type": "client_credentials"}).to_string();
        is_static(&curl(&["--header", &header, "--json", &json, "--request", "POST", &url]).await, &mut tokens);
        let api = format!("http://{host}/api/organizations");
        for token in &tokens {
            let listed = curl(&["--header", &format!("Authorization: Bearer {token}"), &api]).await;
            assert_eq!(listed["data"][0]["id"], application.organization.to_string(), "{listed}");
            assert_eq!(listed["data"].as_array().unwrap().len(), 1, "its owner's rows only");
        }
        let elsewhere = curl(&["--interface", FOREIGN, "--header", &header, "--form", "grant_type=client_credentials", &url]).await;
        assert_eq!(elsewhere["error"], "access_denied");
    }
}
