//! How many requests are admitted. Catalogue section A17, decision 12.

use paylent_domain::clock::Stopwatch;
use paylent_tests::{TestDatabase, both};
use reqwest::Method;

use crate::support::{
    BASE, Reply, Setting, TestServer,
    oauth::{CLIENT_CREDENTIALS, Format, basic},
    raw::{exchange, request, statuses},
};

/// A server with the limits of the product.
async fn limited(database: &TestDatabase, proxies: &'static [&'static str]) -> TestServer {
    let default_environment = Some("acme-test");
    TestServer::start_with(database, Setting { limited: true, proxies, default_environment, ..Setting::default() })
        .await
}

/// A request for a token that is refused without much work.
async fn guess(server: &TestServer, host: &str, headers: &[(&str, &str)]) -> Reply {
    let mut post = server.request_to(host, Method::POST, "/oauth/token");
    for (name, value) in headers {
        post = post.header(*name, *value);
    }
    Reply::of(post.form(CLIENT_CREDENTIALS)).await
}

/// Uses up the token endpoint's quota: ten requests, and one more every six seconds.
async fn exhaust(server: &TestServer, host: &str, headers: &[(&str, &str)]) {
    let (clock, mut admitted) = (Stopwatch::start(), 0);
    while let reply = guess(server, host, headers).await
        && reply.status != 429
    {
        assert_eq!(reply.status, 401);
        admitted += 1;
        assert!(admitted <= 10 + clock.elapsed().as_secs() / 6, "{admitted} requests were admitted");
    }
    assert!(admitted >= 10, "only {admitted} requests were admitted");
}

/// Whether a caller shares a quota that is used up. Of two requests at once, time can have brought back one at most.
async fn is_refused(server: &TestServer, host: &str, headers: &[(&str, &str)]) -> bool {
    guess(server, host, headers).await.status == 429 || guess(server, host, headers).await.status == 429
}

fn retry_after(reply: &Reply) -> u64 {
    let seconds = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    seconds
}

both! {
    /// The eleventh request for a token and the hundred and first to one path of the API, in the form of each.
    async fn rl_limits(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        exhaust(&server, &server.acme.host, &[]).await;
        let before = database.dump().await;
        let refused = guess(&server, &server.acme.host, &[]).await;
        refused.is_oauth_error(429, "temporarily_unavailable");
        assert!(retry_after(&refused) <= 6, "one request every six seconds");
        assert!(!refused.header("x-request-id").is_empty());

        let (clock, api) = (Stopwatch::start(), server.anonymous(&server.acme));
        let mut admitted = 0;
        let refused = loop {
            let reply = api.get("users").await;
            if reply.status == 429 {
                break reply;
            }
            assert_eq!(reply.status, 401);
            admitted += 1;
            // One more every 600 ms.
            assert!(admitted <= 101 + clock.elapsed().as_millis() / 600);
        };
        assert!(admitted >= 100, "{admitted}");
        refused.is_error(429, "");
        assert_eq!((retry_after(&refused), refused.header("cache-control")), (1, "no-store"));
        assert!(refused.json()["errors"][0]["id"].is_string());
        assert_eq!(api.get("clients").await.status, 401, "another path has a quota of its own");
        assert_eq!(database.dump().await, before);
        // Discovery and keys are for everybody.
        for _ in 0..30 {
            let keys = server.request(&server.acme, Method::GET, "/.well-known/jwks.json");
            assert_eq!(Reply::of(keys).await.status, 200);
        }
    }

    /// Every id of a path shares one quota, known or not.
    async fn rl_id_path(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        let api = server.anonymous(&server.acme);
        let mut statuses = Vec::new();
        for n in 0..400 {
            statuses.push(api.get(&format!("users/{n}?x={n}")).await.status);
            if statuses.last() == Some(&429) {
                break;
            }
        }
        assert_eq!(statuses.last(), Some(&429), "{} requests were admitted", statuses.len());
        assert!(statuses.len() > 100);
    }

    /// Without trusted proxies nobody says who they are.
    async fn rl_xff(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        exhaust(&server, &server.acme.host, &[]).await;
        for name in [
            "x-forwarded-for",
            "x-real-ip",
            "cf-connecting-ip",
            "true-client-ip",
            "x-client-ip",
            "forwarded",
            "x-forwarded-host",
            "via",
        ] {
            for address in ["203.0.113.1", "127.0.0.2", "::1"] {
                let value = if name == "forwarded" { format!("for=\"{address}\"") } else { address.to_owned() };
                assert!(is_refused(&server, &server.acme.host, &[(name, &value)]).await, "{name}: {value}");
            }
        }
    }

    /// Behind a trusted proxy, the right-most address that is no proxy counts. What the client wrote does not.
    async fn rl_proxy(database: TestDatabase) {
        let server = limited(&database, &["127.0.0.0/8", "10.0.0.0/8"]).await;
        let host = server.acme.host.as_str();
        let from = |value| [("x-forwarded-for", value)];
        exhaust(&server, host, &from("203.0.113.1")).await;
        for same in [
            "203.0.113.1",
            "1.1.1.1, 203.0.113.1",
            "junk, 203.0.113.1, 10.1.2.3",
            "::ffff:203.0.113.1",
            " 203.0.113.1 ",
        ] {
            assert!(is_refused(&server, host, &from(same)).await, "{same}");
        }
        let two_lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.1")];
        assert!(is_refused(&server, host, &two_lines).await);
        assert_eq!(guess(&server, host, &from("203.0.113.2")).await.status, 401);
        assert_eq!(guess(&server, host, &from("203.0.113.1, 203.0.113.3")).await.status, 401);

        exhaust(&server, host, &[]).await;
        for own in ["junk", "", "203.0.113.1, junk", "203.0.113.9:80", "unknown", "10.0.0.1, _hidden"] {
            assert!(is_refused(&server, host, &from(own)).await, "{own}");
        }
        assert_eq!(guess(&server, host, &from("junk, 10.0.0.1")).await.status, 401, "the last proxy that was believed");
    }

    /// One network of IPv6 is one client, however it is written.
    async fn rl_v6(database: TestDatabase) {
        let server = limited(&database, &["127.0.0.1"]).await;
        let host = server.acme.host.as_str();
        exhaust(&server, host, &[("x-forwarded-for", "2001:db8:1:2::1")]).await;
        for same in ["2001:db8:1:2::2", "2001:DB8:1:2:FFFF::", "2001:0db8:0001:0002:0000:0000:0000:0001"] {
            assert!(is_refused(&server, host, &[("x-forwarded-for", same)]).await, "{same}");
        }
        assert_eq!(guess(&server, host, &[("x-forwarded-for", "2001:db8:1:3::1")]).await.status, 401);
    }

    /// No spelling of the path gets past the limit.
    async fn rl_path(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        let host = server.acme.host.as_str();
        exhaust(&server, host, &[]).await;
        let authorization = format!("Authorization: {}\r\n", basic(&server.acme.machine()));
        let body = "grant_type=client_credentials";
        let head = format!(
            "{authorization}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        );
        let absolute = format!("http://{host}/oauth/token");
        for target in [
            "//oauth/token",
            "/oauth//token",
            "/oauth/token/",
            "/oauth/./token",
            "/./oauth/token",
            "/oauth/%74oken",
            "/oauth/%2574oken",
            "/%6fauth/token",
            "/oauth%2ftoken",
            "/oauth%2Ftoken",
            "/x/../oauth/token",
            "/oauth/../oauth/token",
            "/oauth/token;x=1",
            "/oauth/token%3bx",
            "/OAUTH/TOKEN",
            "/oauth/token%00",
            "/oauth/token%20",
            "/oauth/token%",
            "/oauth\\token",
            "/oauth/token?a=1",
            "/oauth/token?",
            "/oauth/token#x",
            &absolute,
            "oauth/token",
            "*",
        ] {
            let post = request(&format!("POST {target}"), host, &head, body);
            let refused = async || [400, 404, 429].contains(&statuses(&exchange(server.address, &post).await)[0]);
            // Time can bring back one request, not two at once.
            assert!(refused().await || refused().await, "{target}");
        }
    }

    /// Each environment has quotas of its own; all hosts of one share them.
    async fn rl_host(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        exhaust(&server, &server.acme.host, &[]).await;
        for alias in [BASE, "ACME-TEST.paylent.test", "acme-test.paylent.test:8080"] {
            assert!(is_refused(&server, alias, &[]).await, "{alias}");
        }
        exhaust(&server, &server.beta.host, &[]).await;
    }

    /// Every request counts, whatever its format, method and connection.
    async fn rl_format(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        let acme = &server.acme;
        for format in Format::ALL.into_iter().cycle().take(4) {
            let post = format.write(server.request(acme, Method::POST, "/oauth/token"), CLIENT_CREDENTIALS);
            assert_eq!(Reply::of(post).await.status, 401);
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(Reply::of(server.request(acme, method, "/oauth/token")).await.status, 405);
        }
        assert_eq!(Reply::of(server.request(acme, Method::POST, "/oauth/token")).await.status, 400);
        let one = format!("GET /oauth/token HTTP/1.1\r\nHost: {}\r\n\r\n", acme.host);
        let last = request("GET /oauth/token", &acme.host, "", "");
        assert_eq!(statuses(&exchange(server.address, one.repeat(3) + &last).await), [405, 405, 429, 429]);
        for format in Format::ALL {
            let post = format.write(server.request(acme, Method::POST, "/oauth/token"), CLIENT_CREDENTIALS);
            let refused = Reply::of(post).await;
            refused.is_oauth_error(429, "temporarily_unavailable");
        }
    }

    /// Of requests that come at once no more are admitted.
    async fn rl_burst(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        let clock = Stopwatch::start();
        let asking: Vec<_> = (0..60)
            .map(|_| {
                tokio::spawn(server.request(&server.acme, Method::POST, "/oauth/token").form(CLIENT_CREDENTIALS).send())
            })
            .collect();
        let mut admitted = 0;
        for answer in asking {
            admitted += u64::from(answer.await.unwrap().unwrap().status() == 401);
        }
        assert!(admitted >= 10 && admitted <= 10 + clock.elapsed().as_secs() / 6, "{admitted}");
    }

    /// A refusal costs nothing: the body is not read, the database is not asked, the wait does not grow.
    async fn rl_order(database: TestDatabase) {
        let server = limited(&database, &[]).await;
        exhaust(&server, &server.acme.host, &[]).await;
        database.execute("ALTER TABLE clients RENAME TO away").await;
        for (media_type, body) in
            [("text/plain", "x"), ("application/json", "{"), ("application/x-www-form-urlencoded", "a=%ff")]
        {
            let post = server.request(&server.acme, Method::POST, "/oauth/token").header("content-type", media_type);
            Reply::of(post.body(body)).await.is_oauth_error(429, "temporarily_unavailable");
        }
        let mut waits = Vec::new();
        for _ in 0..50 {
            let reply = guess(&server, &server.acme.host, &[]).await;
            waits.extend((reply.status == 429).then(|| retry_after(&reply)));
        }
        assert!(waits.len() >= 40 && waits.iter().all(|wait| *wait <= 6), "{waits:?}");
    }
}
