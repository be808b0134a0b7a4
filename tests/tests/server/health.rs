//! `/health/*`

use std::sync::atomic::Ordering;

use paylent_domain::{Clock as _, clock::SystemClock};
use paylent_tests::both;
use reqwest::Method;

use crate::support::{Reply, Setting, TestServer};

/// What `/health/ready` answers when this node's clock is right.
async fn ready(server: &TestServer, host: &str) -> Reply {
    server.clock.advance_seconds(SystemClock.now().seconds() - server.clock.now().seconds());
    Reply::of(server.request_to(host, Method::GET, "/health/ready")).await
}

both! {
    async fn health_answers_on_any_host(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        server.show_the_real_time();
        for host in ["acme-test.paylent.test", "nobody.test", "127.0.0.1"] {
            let live = Reply::of(server.request_to(host, Method::GET, "/health/live")).await;
            assert_eq!((live.status, live.text.as_str()), (200, "live\n"), "{host}");
            let ready = ready(&server, host).await;
            assert_eq!((ready.status, ready.text.as_str()), (200, "ready\n"), "{host}");
        }
    }

    /// While it drains, the server asks for no more requests but answers those that come.
    async fn health_ready_fails_while_draining(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        assert_eq!(ready(&server, "127.0.0.1").await.status, 200);
        server.draining.store(true, Ordering::SeqCst);
        let ready = ready(&server, "127.0.0.1").await;
        assert_eq!((ready.status, ready.header("cache-control")), (503, "no-store"));
        assert!(ready.header("retry-after").parse::<u64>().is_ok());
        let live = Reply::of(server.request_to("127.0.0.1", Method::GET, "/health/live")).await;
        assert_eq!(live.status, 200);
        server.admin_token(&server.acme).await;
    }

    /// Expiry is judged by the node and by the database (decision 26). SQLite has the node's clock.
    async fn health_ready_fails_while_the_clocks_differ(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        assert_eq!(ready(&server, "127.0.0.1").await.status, 200);
        for seconds in [10, -20] {
            server.clock.advance_seconds(seconds);
            let ready = Reply::of(server.request_to("127.0.0.1", Method::GET, "/health/ready")).await;
            assert_eq!(ready.status, if database.is_postgres() { 503 } else { 200 }, "{}", ready.text);
        }
    }

    async fn health_is_not_limited_and_says_nothing_else(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { limited: true, ..Default::default() }).await;
        for _ in 0..150 {
            let reply = Reply::of(server.request_to("127.0.0.1", Method::GET, "/health/live")).await;
            assert_eq!((reply.status, reply.text.as_str()), (200, "live\n"));
        }
        // st.ops: details, metrics and files are not here.
        for path in [
            "/health",
            "/health/",
            "/health/details",
            "/metrics",
            "/.git/config",
            "/debug",
            "/static/",
            "/health/../metrics",
        ] {
            let reply = Reply::of(server.request(&server.acme, Method::GET, path)).await;
            assert_eq!(reply.status, 404, "{path}");
        }
    }
}
