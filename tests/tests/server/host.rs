//! Which environment a host means. Catalogue section A19, decision 2.

use paylent_tests::{TestDatabase, both};
use reqwest::{Method, header::HeaderValue};

use crate::support::{
    BASE, Reply, Setting, TestServer,
    forge::claims,
    forwarded::forged,
    raw::{exchange, request, statuses},
};

const METADATA: &str = "/.well-known/openid-configuration";

/// The issuer that discovery at this host names, with these headers added.
async fn issuer(server: &TestServer, host: &str, headers: &[(&str, &str)]) -> String {
    let mut get = server.request_to(host, Method::GET, METADATA);
    for (name, value) in headers {
        get = get.header(*name, *value);
    }
    let reply = Reply::of(get).await;
    assert_eq!(reply.status, 200, "{host}: {}", reply.text);
    reply.json()["issuer"].as_str().unwrap().to_owned()
}

/// A server that serves `acme-test` at the bare host too.
async fn with_default(database: &TestDatabase) -> TestServer {
    let setting = Setting { default_environment: Some("acme-test"), ..Default::default() };
    TestServer::start_with(database, setting).await
}

both! {
    /// What is not exactly the host of an environment is nothing, and no environment takes its place.
    async fn ho_unknown(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let machine = server.acme.machine();
        let long = format!("{}.{BASE}", "a".repeat(300));
        for host in [
            BASE,
            "nobody.paylent.test",
            "a.acme-test.paylent.test",
            "acme-test.paylent.test.evil.test",
            "evil-acme-test.paylent.test",
            "acme-testpaylent.test",
            "acme-test.paylent.test.",
            "x@acme-test.paylent.test",
            "acme-test.paylent.test:80:80",
            "acme-test.paylent.test:",
            "acme-test.paylent.test:99999",
            "acme-test",
            "127.0.0.1",
            "localhost",
            "[::1]",
            "dashboard.paylent.test",
            "www.paylent.test",
            "acme_test.paylent.test",
            "acme-test.paylent.test, beta-test.paylent.test",
            "acme-test.paylent.test/",
            "%61cme-test.paylent.test",
            &long,
        ] {
            for path in [METADATA, "/oauth/token", "/api/users", "/", "/nothing"] {
                let method = if path == "/oauth/token" { Method::POST } else { Method::GET };
                let ask = server.request_to(host, method, path).basic_auth(&machine.0, Some(&machine.1));
                let reply = Reply::of(ask.form(&[("grant_type", "client_credentials")])).await;
                assert!([400, 404].contains(&reply.status), "{host}{path}: {} {}", reply.status, reply.text);
                assert_eq!(reply.header("cache-control"), "no-store");
                assert!(!reply.text.contains("acme") && !reply.text.contains("evil"), "{}", reply.text);
            }
        }
        let binary =
            server.request_to(BASE, Method::GET, METADATA).header("host", HeaderValue::from_bytes(b"\xff").unwrap());
        assert!([400, 404].contains(&Reply::of(binary).await.status));
        assert_eq!(database.dump().await, before);
    }

    /// Missing, empty and repeated `Host`, and a request target that says otherwise.
    async fn ho_norm(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (acme, beta) = (&server.acme.host, &server.beta.host);
        for same in ["ACME-TEST.paylent.test", "acme-test.paylent.test:443", "Acme-Test.Paylent.Test:8080"] {
            assert_eq!(issuer(&server, same, &[]).await, server.acme.issuer(), "{same}");
        }
        let ask = async |target: &str, head: &str| {
            let request = format!("GET {target} HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
            exchange(server.address, request).await
        };
        let agreeing = ask(&format!("http://{acme}{METADATA}"), &format!("Host: {acme}\r\n")).await;
        assert_eq!(statuses(&agreeing), [200], "{agreeing}");
        for (target, head) in [
            (format!("http://{beta}{METADATA}"), format!("Host: {acme}\r\n")),
            (format!("http://{acme}.evil.test{METADATA}"), format!("Host: {acme}\r\n")),
            (format!("http://x@{acme}{METADATA}"), format!("Host: {acme}\r\n")),
            (format!("http://{acme}{METADATA}"), String::new()),
            (METADATA.to_owned(), String::new()),
            (METADATA.to_owned(), "Host:\r\n".to_owned()),
            (METADATA.to_owned(), format!("Host: {acme}\r\nHost: {acme}\r\n")),
            (METADATA.to_owned(), format!("Host: {acme}\r\nHost: {beta}\r\n")),
            (METADATA.to_owned(), format!("Host : {acme}\r\n")),
            (METADATA.to_owned(), format!("Host: {acme} {beta}\r\n")),
        ] {
            let answer = ask(&target, &head).await;
            assert!([vec![400], vec![404]].contains(&statuses(&answer)), "{target} {head}: {answer}");
            assert!(!answer.contains("issuer"));
        }
        let old = exchange(server.address, format!("GET {METADATA} HTTP/1.0\r\n\r\n")).await;
        assert!(old.starts_with("HTTP/1.0 400") || old.starts_with("HTTP/1.1 400"), "{old}");
        let disagreeing = ask(&format!("http://{beta}{METADATA}"), &format!("Host: {acme}\r\n")).await;
        assert_eq!(statuses(&disagreeing), [400]);
    }

    /// Only `Host` chooses the environment, whoever the peer is.
    async fn ho_fwd(database: TestDatabase) {
        let proxies: [&'static [&'static str]; 2] = [&[], &["127.0.0.1"]];
        let server = TestServer::start_with(&database, Setting { proxies: proxies[1], ..Default::default() }).await;
        for (name, value) in forged(&server) {
            let value = value.as_str();
            assert_eq!(issuer(&server, &server.acme.host, &[(name, value)]).await, server.acme.issuer(), "{name}");
            let lost = server.request_to(BASE, Method::GET, METADATA).header(name, value);
            assert_eq!(Reply::of(lost).await.status, 404, "{name}");
        }
    }

    /// The scheme is configured, not forwarded.
    async fn ho_proto(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for headers in [
            &[("x-forwarded-proto", "https")][..],
            &[("forwarded", "proto=https")],
            &[("x-forwarded-ssl", "on"), ("x-forwarded-port", "443"), ("front-end-https", "on")],
        ] {
            assert_eq!(issuer(&server, &server.acme.host, headers).await, server.acme.issuer());
        }
    }

    /// The bare host serves nothing until it is told whom it serves.
    async fn ho_bare_host_without_a_default_environment(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for host in [BASE, "paylent.test:8080"] {
            for path in [METADATA, "/.well-known/jwks.json", "/api/users", "/"] {
                assert_eq!(Reply::of(server.request_to(host, Method::GET, path)).await.status, 404, "{host}{path}");
            }
        }
    }

    /// One canonical address; the other hosts serve the same environment and name the canonical one.
    async fn ho_default_environment(database: TestDatabase) {
        let server = with_default(&database).await;
        let (acme, bare) = (&server.acme, format!("http://{BASE}"));
        for host in [BASE, "PAYLENT.test:8080", acme.host.as_str()] {
            assert_eq!(issuer(&server, host, &[]).await, bare, "{host}");
        }
        assert_eq!(issuer(&server, &server.beta.host, &[]).await, server.beta.issuer());
        let keys = async |host| Reply::of(server.request_to(host, Method::GET, "/.well-known/jwks.json")).await.text;
        assert_eq!(keys(BASE).await, keys(&acme.host).await);

        let machine = acme.machine();
        for host in [BASE, &acme.host] {
            for resource in [format!("{bare}/api"), acme.api()] {
                let form = [("grant_type", "client_credentials"), ("resource", resource.as_str())];
                let post =
                    server.request_to(host, Method::POST, "/oauth/token").basic_auth(&machine.0, Some(&machine.1));
                let reply = Reply::of(post.form(&form)).await;
                assert_eq!(reply.status, 200, "{host} {resource}: {}", reply.text);
                let token = reply.json()["access_token"].as_str().unwrap().to_owned();
                let said = claims(&token);
                assert_eq!((said["iss"].as_str(), said["aud"].as_str()), (Some(&*bare), Some(&*format!("{bare}/api"))));
                for used_at in [BASE, &acme.host] {
                    let list = server.request_to(used_at, Method::GET, "/api/users").bearer_auth(&token);
                    assert_eq!(Reply::of(list).await.status, 200, "{used_at}");
                }
                let foreign = server.request(&server.beta, Method::GET, "/api/users").bearer_auth(&token);
                assert_eq!(Reply::of(foreign).await.status, 401);
            }
        }
        let foreign = [("grant_type", "client_credentials"), ("resource", &server.beta.api())];
        let post = server.request_to(BASE, Method::POST, "/oauth/token").basic_auth(&machine.0, Some(&machine.1));
        Reply::of(post.form(&foreign)).await.is_oauth_error(400, "invalid_target");
    }

    /// A token from before the bare host became canonical names another issuer.
    async fn ho_a_custom_domain_is_canonical(database: TestDatabase) {
        let server = with_default(&database).await;
        let acme = &server.acme;
        database.execute("UPDATE environments SET custom_domain = 'id.acme.example' WHERE handle = 'acme-test'").await;
        for host in ["id.acme.example", "ID.acme.example:443", BASE, &acme.host] {
            assert_eq!(issuer(&server, host, &[]).await, "http://id.acme.example", "{host}");
        }
        for host in ["acme.example", "x.id.acme.example", "id.acme.example."] {
            assert_eq!(Reply::of(server.request_to(host, Method::GET, METADATA)).await.status, 404, "{host}");
        }
        let answer = exchange(server.address, request(&format!("GET {METADATA}"), "id.acme.example", "", "")).await;
        assert_eq!(statuses(&answer), [200]);
    }
}
