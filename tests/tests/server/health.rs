//! `/health/*`

use paylent_tests::both;
use reqwest::Method;

use crate::support::{Reply, TestServer};

both! {
    async fn health_answers_on_any_host(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for host in ["acme-test.paylent.test", "nobody.test", "127.0.0.1"] {
            for (path, body) in [("/health/live", "live\n"), ("/health/ready", "ready\n")] {
                let reply = Reply::of(server.request_to(host, Method::GET, path)).await;
                assert_eq!((reply.status, reply.text.as_str()), (200, body), "{host}{path}");
            }
        }
    }
}
