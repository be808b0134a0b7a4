//! The headers that every answer has, whatever it says.

use std::sync::atomic::Ordering;

use paylent_tests::{TestDatabase, both};
use reqwest::Method;

use crate::support::{JSON_API, Reply, Setting, TestServer, oauth::CLIENT_CREDENTIALS};

/// Asks for an answer of every kind and looks at its headers.
async fn check_every_answer(database: TestDatabase, https: bool) {
    let server = TestServer::start_with(&database, Setting { limited: true, https, ..Default::default() }).await;
    let acme = &server.acme;
    let token_of = async |machine: &(String, String)| {
        server.ask(acme, machine, &[]).await.is(200).json()["access_token"].as_str().unwrap().to_owned()
    };
    let (machine, token) = (acme.machine(), token_of(&acme.machine()).await);
    let powerless = token_of(&server.machine_with(acme, &[]).await).await;
    let transport = if https { "max-age=63072000; includeSubDomains" } else { "" };
    let get = |path| server.request(acme, Method::GET, path);
    let post = |path| server.request(acme, Method::POST, path);
    let (keys, metadata) = ("/.well-known/jwks.json", "/.well-known/openid-configuration");
    server.draining.store(true, Ordering::SeqCst);
    let mut ids = Vec::new();
    let mut check = |status: u16, what: &str, reply: &Reply| {
        assert_eq!(reply.status, status, "{what}: {}", reply.text);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{what}");
        assert_eq!(reply.header("strict-transport-security"), transport, "{what}");
        for absent in ["server", "x-powered-by", "set-cookie"] {
            assert!(reply.headers.get(absent).is_none(), "{what}: {absent}");
        }
        // Everybody may read what everybody must know.
        let public = if ["metadata", "keys"].contains(&what) { "*" } else { "" };
        assert_eq!(reply.header("access-control-allow-origin"), public, "{what}");
        if !reply.text.is_empty() {
            assert!(!reply.header("content-type").is_empty(), "{what}");
        }
        ids.push(reply.header("x-request-id").to_owned());
    };
    for (status, what, request) in [
        (200, "live", get("/health/live")),
        (503, "ready", get("/health/ready")),
        (404, "health", get("/health/x")),
        (200, "metadata", get(metadata)),
        (304, "keys", get(keys).header("if-none-match", "*")),
        (405, "keys", post(keys)),
        (200, "token", post("/oauth/token").basic_auth(&machine.0, Some(&machine.1)).form(CLIENT_CREDENTIALS)),
        (400, "token", post("/oauth/token").basic_auth(&machine.0, Some(&machine.1)).form(&[("x", "y")])),
        (401, "token", post("/oauth/token").form(CLIENT_CREDENTIALS)),
        (405, "token", get("/oauth/token")),
        (415, "token", post("/oauth/token").header("content-encoding", "gzip").body("x")),
        (413, "revoke", post("/oauth/revoke").header("content-type", "application/json").body("x".repeat(65_537))),
        (200, "introspect", post("/oauth/introspect").basic_auth(&machine.0, Some(&machine.1)).form(&[("token", "x")])),
        (200, "revoke", post("/oauth/revoke").basic_auth(&machine.0, Some(&machine.1)).form(&[("token", "x")])),
        (404, "oauth", get("/oauth/nothing")),
        (404, "nothing", get("/nothing")),
        (404, "escaped", get("/oauth/%74oken")),
        (404, "host", server.request_to("nobody.paylent.test", Method::GET, keys)),
        (401, "api", get("/api/users")),
        (200, "api", get("/api/users").bearer_auth(&token)),
        (403, "api", get("/api/users").bearer_auth(&powerless)),
        (404, "api", get("/api/users/x").bearer_auth(&token)),
        (404, "api", get("/api/nothing")),
        (404, "api", get("/api")),
        (405, "api", server.request(acme, Method::PUT, "/api/users").bearer_auth(&token)),
        (415, "api", post("/api/users").bearer_auth(&token).header("content-type", "text/plain").body("x")),
        (
            413,
            "api",
            post("/api/users").bearer_auth(&token).header("content-type", JSON_API).body(vec![b' '; (1 << 20) + 1]),
        ),
    ] {
        check(status, what, &Reply::of(request).await);
    }
    for _ in 0..10 {
        Reply::of(get("/oauth/token")).await;
    }
    check(429, "token", &Reply::of(get("/oauth/token")).await);
    database.execute("ALTER TABLE signing_keys RENAME TO away").await;
    server.clock.advance_seconds(6);
    check(503, "keys", &Reply::of(get(keys)).await);

    assert!(ids.iter().all(|id| !id.is_empty()));
    ids.sort_unstable();
    let answers = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), answers, "each answer has an id of its own");
}

both! {
    async fn every_answer_has_the_security_headers_and_an_id(database: TestDatabase) {
        check_every_answer(database, false).await;
    }

    async fn se_headers_every_answer_over_https_tells_browsers_to_stay_there(database: TestDatabase) {
        check_every_answer(database, true).await;
    }

    /// The id is ours: nobody else writes it into our logs.
    async fn a_request_does_not_choose_its_id(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let get = server.request(&server.acme, Method::GET, "/health/live").header("x-request-id", "chosen");
        assert_ne!(Reply::of(get).await.header("x-request-id"), "chosen");
    }

    /// TRACE and the like are for nobody, and browsers of other sites are told nothing.
    async fn te_cors(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for path in [
            "/oauth/token",
            "/oauth/introspect",
            "/oauth/revoke",
            "/api/users",
            "/api/users/x",
        ] {
            let preflight = server
                .request(&server.acme, Method::OPTIONS, path)
                .header("origin", "https://evil.test")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization");
            let reply = Reply::of(preflight).await;
            assert!(
                [204, 405].contains(&reply.status) && !reply.header("allow").is_empty(),
                "{path}: {}",
                reply.status
            );
            assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{path}");
            for method in ["TRACE", "PUT", "PROPFIND"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let reply = Reply::of(server.request(&server.acme, method.clone(), path)).await;
                assert_eq!(reply.status, 405, "{method} {path}");
                assert!(!reply.header("allow").is_empty() && !reply.header("allow").contains("TRACE"));
            }
        }
    }
}
