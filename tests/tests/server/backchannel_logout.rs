//! Applications are told that a session ended (OpenID Connect Back-Channel Logout 1.0). Catalogue sections A9 and A19.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, Ordering},
};

use josekit::{jwk::JwkSet, jws::RS256};
use paylent_domain::{Clock as _, client::ClientType};
use paylent_server::jobs::deliver_due;
use paylent_tests::{TestDatabase, both};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::support::{
    Reply, Setting, TestServer,
    browser::*,
    forge::{claims, header},
    oauth::Registered,
};

/// An application's back-channel: takes requests and answers with a status.
struct Sink {
    port: u16,
    status: Arc<AtomicU16>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Self { port, status: Arc::new(AtomicU16::new(200)), requests: Arc::default() };
        let (status, requests) = (sink.status.clone(), sink.requests.clone());
        tokio::spawn(async move {
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                let mut request = Vec::new();
                // Whoever is not asked by HTTP notes what came: the test finds it.
                while !is_whole(&request) && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                requests.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let answer = format!("HTTP/1.1 {} Told\r\ncontent-length: 0\r\n\r\n", status.load(Ordering::SeqCst));
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        sink
    }

    fn uri(&self) -> String {
        format!("http://localhost:{}/out?app=ledger", self.port)
    }

    fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The requests since the last time.
    fn received(&self) -> Vec<String> {
        self.requests.lock().unwrap().drain(..).collect()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    body.len() >= length.parse::<usize>().unwrap()
}

/// Ada, who signed in at an application, and the tokens that it got.
async fn signed_in<'a>(server: &'a TestServer, client: &Registered) -> (Browser<'a>, Value) {
    let browser = Browser::new(server);
    let tokens = browser.tokens(client).await;
    (browser, tokens)
}

/// Signs out, as the application asks.
async fn sign_out(browser: &Browser<'_>, tokens: &Value) {
    browser.get(&format!("/oauth/logout?id_token_hint={}", text(tokens, "id_token"))).await.is(200);
}

/// An application that listens at this address, and Ada, who has a password.
async fn scene_at(server: &TestServer, database: &TestDatabase, uri: &str) -> Registered {
    let client = scene(&server.acme).await;
    listen(database, &client, uri).await;
    client
}

async fn listening(server: &TestServer, database: &TestDatabase, uri: &str) -> Registered {
    let client = application(&server.acme, ClientType::Confidential).await;
    listen(database, &client, uri).await;
    client
}

async fn listen(database: &TestDatabase, client: &Registered, uri: &str) {
    let this = format!("client_id = '{}'", client.credentials.0);
    database.execute(&format!("UPDATE clients SET backchannel_logout_uri = '{uri}' WHERE {this}")).await;
}

/// Lets the job run once.
async fn deliver(server: &TestServer) {
    deliver_due(&server.rooms).await.unwrap();
}

/// The logout token of the one request there was.
#[track_caller]
fn token(requests: &[String]) -> String {
    let [request] = requests else { panic!("{requests:?}") };
    assert!(request.starts_with("POST /out?app=ledger HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"), "{request}");
    request.split_once("\r\n\r\nlogout_token=").unwrap().1.to_owned()
}

/// The claims of a logout token as an application reads them.
async fn checked(server: &TestServer, client: &Registered, tokens: &Value, token: &str) -> Value {
    let jwks = Reply::of(server.request(&server.acme, Method::GET, "/.well-known/jwks.json")).await;
    let jwks = JwkSet::from_bytes(jwks.text.as_bytes()).unwrap();
    let head = header(token);
    let key = jwks.get(head["kid"].as_str().unwrap())[0].clone();
    josekit::jwt::decode_with_verifier(token, &RS256.verifier_from_jwk(&key).unwrap()).unwrap();
    assert_eq!(head, json!({"alg": "RS256", "typ": "logout+jwt", "kid": head["kid"]}));
    let (said, signed_in) = (claims(token), claims(tokens["id_token"].as_str().unwrap()));
    let now = server.clock.now().seconds();
    let expected = json!({
        "iss": server.acme.issuer(), "sub": signed_in["sub"], "sid": signed_in["sid"], "aud": client.credentials.0,
        "iat": now, "exp": now + 120, "jti": said["jti"],
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    });
    assert!(signed_in["nonce"].is_string() && signed_in["sid"].is_string() && said["jti"].is_string());
    assert_eq!(said, expected, "and no nonce");
    said
}

both! {
    async fn an_application_is_told_once_that_a_person_signed_out(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let sink = Sink::start().await;
        let client = scene_at(&server, &database, &sink.uri()).await;
        let (browser, tokens) = signed_in(&server, &client).await;
        deliver(&server).await;
        assert!(sink.received().is_empty());
        sign_out(&browser, &tokens).await;
        server.clock.advance_seconds(1);
        deliver(&server).await;
        let told = token(&sink.received());
        checked(&server, &client, &tokens, &told).await;
        assert_eq!(database.count("logout_deliveries").await, 0);
        server.clock.advance_seconds(86_400);
        deliver(&server).await;
        assert!(sink.received().is_empty());
        let about = server.introspect(&server.acme, &client.credentials, &told).await.is(200);
        assert_eq!(about.json(), json!({"active": false}), "jw_typ");
        let userinfo = server.request(&server.acme, Method::GET, "/oauth/userinfo").bearer_auth(&told);
        assert_eq!(Reply::of(userinfo).await.status, 401, "jw_typ: it is no access token");
    }

    async fn an_application_that_fails_is_told_again_later_with_a_new_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let sink = Sink::start().await;
        let client = scene_at(&server, &database, &sink.uri()).await;
        let (browser, tokens) = signed_in(&server, &client).await;
        sign_out(&browser, &tokens).await;
        let mut jtis = Vec::new();
        for (status, wait) in [(500, 5), (302, 30), (404, 120), (204, 600)] {
            sink.answer_with(status);
            deliver(&server).await;
            let said = checked(&server, &client, &tokens, &token(&sink.received())).await;
            assert!(!jtis.contains(&said["jti"]), "each is a new one");
            jtis.push(said["jti"].clone());
            server.clock.advance_seconds(wait - 1);
            deliver(&server).await;
            assert!(sink.received().is_empty(), "after {status}");
            server.clock.advance_seconds(1);
        }
        deliver(&server).await;
        assert!(sink.received().is_empty(), "204 is well");
        assert_eq!(database.count("logout_deliveries").await, 0);
    }

    async fn after_a_day_an_application_is_given_up(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let sink = Sink::start().await;
        let client = scene_at(&server, &database, &sink.uri()).await;
        let (browser, tokens) = signed_in(&server, &client).await;
        sign_out(&browser, &tokens).await;
        sink.answer_with(503);
        let (mut attempts, began) = (0, server.clock.now());
        while database.count("logout_deliveries").await == 1 {
            deliver(&server).await;
            attempts += sink.received().len();
            assert!(attempts < 100, "there is no end to it");
            server.clock.advance_seconds(3_600);
        }
        assert_eq!(attempts, 25, "every hour, since this clock goes by the hour");
        assert_eq!(server.clock.now(), began.plus_seconds(25 * 3_600));
    }

    /// Two nodes, and the job of each: nobody is told twice.
    async fn jobs_that_run_at_once_tell_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let sink = Sink::start().await;
        let client = scene_at(&server, &database, &sink.uri()).await;
        for _ in 0..5 {
            let (browser, tokens) = signed_in(&server, &client).await;
            sign_out(&browser, &tokens).await;
        }
        let other = paylent_storage::Db::open(database.url(), paylent_storage::Options { connections: 4 }).unwrap();
        let other = paylent_server::app::Rooms { db: other, ..server.rooms.clone() };
        let (one, two, three, four) =
            tokio::join!(deliver_due(&server.rooms), deliver_due(&other), deliver_due(&server.rooms), deliver_due(&other));
        for done in [one, two, three, four] {
            done.unwrap();
        }
        let received = sink.received();
        assert_eq!(received.len(), 5);
        let sessions: std::collections::BTreeSet<String> =
            received.iter().map(|request| claims(&token(std::slice::from_ref(request)))["sid"].to_string()).collect();
        assert_eq!(sessions.len(), 5);
        assert_eq!(database.count("logout_deliveries").await, 0);
    }

    /// One application that says nothing costs the others no time, and itself one attempt.
    async fn an_application_that_is_silent_holds_up_nobody_else(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/", silent.local_addr().unwrap());
        let deaf = scene_at(&server, &database, &uri).await;
        let sink = Sink::start().await;
        let client = listening(&server, &database, &sink.uri()).await;
        for application in [&deaf, &deaf, &client] {
            let (browser, tokens) = signed_in(&server, application).await;
            sign_out(&browser, &tokens).await;
        }
        let job = deliver_due(&server.rooms);
        let to_tell = format!("logout_deliveries WHERE client_id = '{}'", client.credentials.0);
        let told = async {
            while database.count(&to_tell).await > 0 || database.count("logout_deliveries WHERE attempts = 1").await < 1 {
                // SQLite answers at once, and the job wants a turn too.
                tokio::task::yield_now().await;
            }
        };
        // The job is abandoned, as by a node that dies: what it had claimed is left alone for a while.
        tokio::select! {
            _ = job => panic!("it waits for the application that says nothing"),
            () = told => {}
        }
        let waiting = "logout_deliveries WHERE attempts =";
        assert_eq!(database.count(&format!("{waiting} 1 AND next_attempt_at > created_at")).await, 1);
        assert_eq!(database.count(&format!("{waiting} 0")).await, 1);
    }

    async fn sf_urls_an_application_at_a_private_address_is_never_connected_to(database: TestDatabase) {
        let setting = Setting { public_only: true, ..Default::default() };
        let server = TestServer::start_with(&database, setting).await;
        let sink = Sink::start().await;
        let client = scene_at(&server, &database, &sink.uri()).await;
        let (browser, tokens) = signed_in(&server, &client).await;
        sign_out(&browser, &tokens).await;
        let port = sink.port;
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0.0.0.0"] {
            for scheme in ["http", "https"] {
                database.execute(&format!("UPDATE logout_deliveries SET uri = '{scheme}://{host}:{port}/'")).await;
                deliver(&server).await;
                server.clock.advance_seconds(3_600);
            }
        }
        assert!(sink.received().is_empty());
        assert_eq!(database.count("logout_deliveries WHERE attempts = 12").await, 1);
    }

    async fn an_application_is_told_of_sessions_that_end_over_the_api(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let sink = Sink::start().await;
        let client = scene_at(&server, &database, &sink.uri()).await;
        for ending in ["revoked", "deleted"] {
            let (_, tokens) = signed_in(&server, &client).await;
            let access = tokens["access_token"].as_str().unwrap();
            let session = claims(tokens["id_token"].as_str().unwrap())["sid"].as_str().unwrap().to_owned();
            match ending {
                "revoked" => Reply::of(admin.request(Method::PATCH, &format!("sessions/{session}/revoke"))).await.is(200),
                _ => admin.delete(&format!("sessions/{session}")).await.is(200),
            };
            let userinfo = server.request(&server.acme, Method::GET, "/oauth/userinfo").bearer_auth(access);
            assert_eq!(Reply::of(userinfo).await.status, 401, "{ending}: its tokens end with it");
            deliver(&server).await;
            checked(&server, &client, &tokens, &token(&sink.received())).await;
        }
    }
}
