//! The requests of applications, as the documents that people were given write them.

use std::process::Command;

use paylent_tests::both;
use serde_json::{Value, json};

use crate::support::{
    account::at_home,
    applications::*,
    browser::{EMAIL, element, person},
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
            // As it is written there: without a word about the body.
            ("", body),
            ("", &format!(" \r\n\t{body}")),
            ("application/json", body),
            ("application/json; charset=utf-8", body),
            (&format!("multipart/form-data; boundary={part}"), &form),
            ("application/x-www-form-urlencoded", "grant_type=client_credentials"),
        ] {
            let typed = if media_type.is_empty() { String::new() } else { format!("Content-Type: {media_type}\r\n") };
            let head = format!("{authorization}{typed}Content-Length: {}\r\n", body.len());
            let answer = exchange(server.address, request("POST /oauth/token", &server.acme.host, &head, body)).await;
            assert_eq!(statuses(&answer), [200], "{answer}");
            is_static(&serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap(), &mut tokens);
        }
        for token in &tokens {
            assert_eq!(server.calls_with(token).await, 200);
        }
        assert_eq!(database.count("static_tokens").await, tokens.len());
        // Nothing else is guessed at, nothing unclear is read, and at no other endpoint.
        let before = database.dump().await;
        let twice = r#"{"grant_type": "client_credentials", "grant_type": "client_credentials"}"#;
        for (path, head, body) in [
            ("token", "", "grant_type=client_credentials"),
            ("token", "", "[\"grant_type\"]"),
            ("token", "", ""),
            ("token", "", "{\"grant_type\": \"client_credentials\""),
            ("token", "", twice),
            ("token", "Content-Type: \r\n", body),
            ("token", "Content-Type: text/plain\r\n", body),
            ("introspect", "", "{\"token\": \"x\"}"),
            ("revoke", "", "{\"token\": \"x\"}"),
        ] {
            let head = format!("{authorization}{head}Content-Length: {}\r\n", body.len());
            let line = format!("POST /oauth/{path}");
            let answer = exchange(server.address, request(&line, &server.acme.host, &head, body)).await;
            assert!(statuses(&answer) == [400] && answer.contains("invalid_request"), "{path} {body}: {answer}");
        }
        let packed = format!("{authorization}Content-Encoding: gzip\r\nContent-Length: {}\r\n", body.len());
        let answer = exchange(server.address, request("POST /oauth/token", &server.acme.host, &packed, body)).await;
        assert_eq!(statuses(&answer), [415], "{answer}");
        assert_eq!(database.dump().await, before);
    }

    /// What the page of an application shows is a line for a shell, once the secret is in it.
    async fn the_line_on_the_page_of_an_application_gets_a_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let application = on_this_machine(&server).await;
        let organization = application.organization.to_string();
        admin.joins(&ada, &organization, ADMIN).await;
        let browser = at_home(&server, EMAIL).await;
        let page = browser.get(&path_of(&organization, &application.client)).await.is(200);
        let line = element(&page, "example").replace("CLIENT_SECRET", &application.client.credentials.1);
        // Where the name of the host leads to is not known here.
        let place = line.split_whitespace().last().unwrap().to_owned();
        assert_eq!(place, format!("{}/oauth/token", server.acme.issuer()));
        let options = format!("curl --silent --show-error --noproxy '*' --connect-to ::{}", server.address);
        let line = line.strip_prefix("curl").map(|rest| format!("{options}{rest}")).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]);
        let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let answer = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{line}: {text}{:?}", output.stderr));
        let mut tokens = Vec::new();
        is_static(&answer, &mut tokens);
        assert_eq!(server.calls_with(&tokens[0]).await, 200);
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
