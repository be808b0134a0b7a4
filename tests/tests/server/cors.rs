//! What scripts of other sites may do: use the endpoints that public clients need, from the origins they registered, and
//! never with cookies. RFC 9700 section 2.6 keeps the authorization endpoint out of it.

use paylent_domain::client::ClientType;
use paylent_storage::{ClientChange, Expected};
use paylent_tests::{TestDatabase, both, seed};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    Reply, TestServer,
    browser::*,
    letters::passcode,
    oauth::Registered,
    registering::{self, JANE},
};

const APP: &str = "https://spa.example.com";

/// A public client whose scripts run at [`APP`].
async fn registered(server: &TestServer, database: &TestDatabase) -> Registered {
    let client = application(&server.acme, ClientType::Public).await;
    let (id, list) = (&client.credentials.0, format!("[\"https://other.example.com\",\"{APP}\"]"));
    database.execute(&format!("UPDATE clients SET allowed_origins = '{list}' WHERE client_id = '{id}'")).await;
    client
}

async fn preflight(server: &TestServer, path: &str, origin: &str, headers: &str) -> Reply {
    let request = server.request(&server.acme, Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    Reply::of(request.header("access-control-request-headers", headers)).await
}

fn access_control(reply: &Reply) -> Vec<(&str, &str)> {
    let headers = reply.headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
    headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

both! {
    async fn a_script_of_a_registered_origin_uses_token_userinfo_and_revocation(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = registered(&server, &database).await;
        let browser = Browser::new(&server);
        for path in ["/oauth/token", "/oauth/userinfo", "/oauth/revoke"] {
            let reply = preflight(&server, path, APP, "authorization").await;
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, APP), "{path}");
            assert!(reply.header("access-control-allow-headers").contains("Authorization"));
            assert!(reply.header("access-control-allow-methods").contains("POST"));
            assert_eq!((reply.header("access-control-allow-credentials"), reply.header("vary")), ("", "Origin"));
        }
        let code = browser.code(&client).await;
        let from = |request: reqwest::RequestBuilder| Reply::of(request.header("origin", APP));
        let allowed = |reply: &Reply| {
            assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), (APP, "Origin"));
            assert!(reply.header("access-control-allow-credentials").is_empty());
            assert!(reply.headers.get("set-cookie").is_none());
        };
        let reply = from(browser.redemption(&client, &code)).await.is(200);
        allowed(&reply);
        let tokens = reply.json();
        let userinfo = |token: &str| server.request(&server.acme, Method::GET, "/oauth/userinfo").bearer_auth(token);
        allowed(&from(userinfo(text(&tokens, "access_token"))).await.is(200));
        let refused = from(userinfo("x")).await.is(401);
        allowed(&refused);
        assert!(refused.header("access-control-expose-headers").contains("WWW-Authenticate"));
        allowed(&from(browser.redemption(&client, "x")).await.is(400));
        allowed(&from(browser.ask(&client, "/oauth/revoke", &[("token", text(&tokens, "refresh_token"))])).await.is(200));
    }

    /// Whoever registers or forgot the password may be at a front end of another site. What a page says is for no script.
    async fn a_front_end_of_a_registered_origin_sends_json_where_people_fill_in_forms(database: TestDatabase) {
        let server = registering::start(&database).await;
        registered(&server, &database).await;
        for path in [
            "/register",
            "/register/verify",
            "/register/complete",
            "/password/forgot",
            "/password/reset",
            "/invitations/x/accept",
            "/invitations/x/decline",
        ] {
            let reply = preflight(&server, path, APP, "content-type").await;
            assert_eq!((reply.status, reply.header("access-control-allow-origin")), (204, APP), "{path}");
            assert!(reply.header("access-control-allow-headers").contains("Content-Type"));
            assert_eq!((reply.header("access-control-allow-credentials"), reply.header("vary")), ("", "Origin"));
            let foreign = preflight(&server, path, "https://evil.test", "content-type").await;
            assert_eq!((foreign.status, access_control(&foreign)), (405, vec![]), "{path}");
            let post = |origin: &str| server.request(&server.acme, Method::POST, path).header("origin", origin);
            let refused = Reply::of(post("https://evil.test").json(&json!({}))).await;
            assert_eq!(access_control(&refused), vec![], "{path}: {}", refused.text);
            let get = server.request(&server.acme, Method::GET, path).header("origin", APP);
            for page in [post(APP).form(&[("csrf", "x")]), post(APP).body("x"), get.header("content-type", "application/json")] {
                assert_eq!(access_control(&Reply::of(page).await), vec![], "{path}");
            }
        }
        let from_app = async |path: &str, body: serde_json::Value| {
            let reply = Reply::of(server.ask_as_front_end(&server.acme, path, &body).header("origin", APP)).await;
            assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), (APP, "Origin"), "{path}");
            assert!(reply.header("access-control-allow-credentials").is_empty() && reply.headers.get("set-cookie").is_none());
            reply
        };
        let begun = from_app("/register", json!({"email": JANE})).await.is(202).json();
        let code = passcode(&database, JANE).await;
        let given = json!({"registration_id": begun["registration_id"], "passcode": code});
        let proved = from_app("/register/verify", given).await.is(200).json();
        let token = proved["registration_token"].as_str().unwrap();
        from_app("/register/complete", registering::about(token)).await.is(201);
        from_app("/register/complete", registering::about(token)).await.is(400);
        from_app("/password/forgot", json!({"email": JANE})).await.is(202);
        from_app("/password/reset", json!({"token": "x"})).await.is(400);
    }

    async fn te_cors_other_origins_and_other_paths_are_told_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = registered(&server, &database).await;
        let confidential = application(&server.acme, ClientType::Confidential).await;
        let list = "[\"https://backend.example.com\"]";
        let id = &confidential.credentials.0;
        database.execute(&format!("UPDATE clients SET allowed_origins = '{list}' WHERE client_id = '{id}'")).await;
        let endpoints = ["/oauth/token", "/oauth/userinfo", "/oauth/revoke"];
        for origin in [
            "null",
            "https://evil.test",
            "https://backend.example.com",
            "http://spa.example.com",
            "https://spa.example.com:443",
            "https://spa.example.com/",
            "https://SPA.example.com",
            "https://spa.example.com.evil.test",
            "https://spaxexample.com",
            "https://%.example.com",
            "https://___.example.com",
            "https://x\",\"https://spa.example.com",
        ] {
            for path in endpoints {
                let reply = preflight(&server, path, origin, "authorization").await;
                assert_eq!((reply.status, access_control(&reply)), (405, vec![]), "{origin}");
                assert!(!reply.header("allow").is_empty() && reply.header("vary") == "Origin");
                let post = server.request(&server.acme, Method::POST, path).header("origin", origin).form(&[("x", "y")]);
                let reply = Reply::of(post).await;
                assert_eq!((access_control(&reply), reply.header("vary")), (vec![], "Origin"), "{origin}");
            }
        }
        for path in ["/oauth/introspect", "/oauth/authorize", "/oauth/logout", "/login", "/consent", "/logout", "/api/users"] {
            let reply = preflight(&server, path, APP, "authorization").await;
            assert_eq!(access_control(&reply), vec![], "{path}");
            let get = server.request(&server.acme, Method::GET, path).header("origin", APP);
            assert_eq!(access_control(&Reply::of(get).await), vec![], "{path}");
        }
        let two = server.request(&server.acme, Method::OPTIONS, "/oauth/token").header("origin", APP);
        let two = two.header("origin", APP).header("access-control-request-method", "POST");
        assert_eq!(access_control(&Reply::of(two).await), vec![]);
        // Another environment's client does not count, nor one that is switched off.
        let elsewhere = server.request(&server.beta, Method::POST, "/oauth/token").header("origin", APP);
        assert_eq!(access_control(&Reply::of(elsewhere.form(&[("x", "y")])).await), vec![]);
        let off = ClientChange { active: Some(false), ..ClientChange::default() };
        server.acme.seeded.env.update_client(client.id, off, &Expected::Any, &seed::by()).await.unwrap();
        assert_eq!(access_control(&preflight(&server, "/oauth/token", APP, "").await), vec![]);
    }

    async fn discovery_and_keys_may_be_read_by_everybody(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for path in [
            "/.well-known/openid-configuration",
            "/.well-known/oauth-authorization-server",
            "/.well-known/jwks.json",
        ] {
            let reply = Reply::of(server.request(&server.acme, Method::GET, path).header("origin", APP)).await.is(200);
            assert_eq!(access_control(&reply), [("access-control-allow-origin", "*")]);
            // A script that sends headers of its own has the browser ask first.
            let asked = server.request(&server.acme, Method::OPTIONS, path).header("origin", "https://anybody.example");
            let asked = asked.header("access-control-request-method", "GET");
            let reply = Reply::of(asked.header("access-control-request-headers", "x-requested-with")).await;
            assert_eq!((reply.status, reply.text.as_str(), reply.header("vary")), (204, "", ""));
            let mut permission = access_control(&reply);
            permission.sort_unstable();
            assert_eq!(permission, [
                ("access-control-allow-headers", "*"),
                ("access-control-allow-methods", "GET"),
                ("access-control-allow-origin", "*"),
                ("access-control-max-age", "600"),
            ]);
        }
    }
}
