//! Requests that no HTTP client would send. Catalogue section A6, `te.smuggle` and `te.slow`.

use paylent_tests::{TestDatabase, both};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    TestServer,
    oauth::{basic, multipart},
    raw::{exchange, request, statuses},
};

/// What a smuggler would have answered behind somebody else's back.
const SMUGGLED: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

both! {
    /// Where a request ends is not open to interpretation: what could be read in two ways is refused, and what follows
    /// is not read at all.
    async fn te_smuggle(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let host = &server.acme.host;
        let chunked = "0\r\n\r\n";
        for (head, body) in [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked),
            ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", chunked),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", chunked),
            ("Content-Length: 0\r\nContent-Length: 5\r\n", chunked),
            ("Content-Length: 5, 5\r\n", chunked),
            ("Content-Length: +5\r\n", chunked),
            ("Content-Length: -1\r\n", chunked),
            ("Content-Length: 0x5\r\n", chunked),
            ("Content-Length: 99999999999999999999\r\n", chunked),
            ("Transfer-Encoding: chunked, identity\r\n", chunked),
            ("Transfer-Encoding: identity, chunked\r\n", chunked),
            ("Transfer-Encoding: identity\r\n", chunked),
            ("Transfer-Encoding: gzip, chunked\r\n", chunked),
            ("Transfer-Encoding: xchunked\r\n", chunked),
            ("Transfer-Encoding: \x0bchunked\r\n", chunked),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked),
            ("Transfer-Encoding : chunked\r\n", chunked),
            ("Content-Length : 5\r\n", chunked),
            (" Content-Length: 5\r\n", chunked),
            ("X: a\r\n b\r\nContent-Length: 5\r\n", chunked),
            ("X: a\r\n\tContent-Length: 5\r\n", chunked),
            ("X\0: a\r\nContent-Length: 5\r\n", chunked),
            ("X: a\0b\r\nContent-Length: 5\r\n", chunked),
            ("X: a\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked),
            ("X: a\rContent-Length: 5\r\n", chunked),
            (": a\r\nContent-Length: 5\r\n", chunked),
            ("no colon\r\nContent-Length: 5\r\n", chunked),
        ] {
            let bytes = format!("POST /oauth/token HTTP/1.1\r\nHost: {host}\r\n{head}\r\n{body}{SMUGGLED}");
            let answer = exchange(server.address, bytes).await;
            assert_eq!(statuses(&answer), [400], "{head:?}: {answer}");
        }
        for line in [
            "POST /oauth/token HTTP/1.2",
            "POST /oauth/token",
            "POST  /oauth/token HTTP/1.1",
            "POST /oauth/token HTTP/1.1 ",
            "POST /oauth/token\0 HTTP/1.1",
            "POST /oauth /token HTTP/1.1",
            "\0",
            "PO ST /oauth/token HTTP/1.1",
        ] {
            let bytes = format!("{line}\r\nHost: {host}\r\nContent-Length: 5\r\n\r\n{chunked}{SMUGGLED}");
            let answer = exchange(server.address, bytes).await;
            assert_eq!(statuses(&answer), [400], "{line:?}: {answer}");
        }
        assert_eq!(database.dump().await, before);
    }

    /// A lone line feed ends a line of the head, as RFC 9112 section 2.2 allows, and the next request is the next one.
    async fn te_smuggle_line_feed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let first = format!("POST /oauth/token HTTP/1.1\nHost: {}\nContent-Length: 5\n\nhello", server.acme.host);
        let last = request("GET /health/live", "x", "", "");
        assert_eq!(statuses(&exchange(server.address, first + &last).await), [400, 200]);
    }

    /// Broken chunks break the request off.
    async fn te_smuggle_chunks(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let form = "grant_type=client_credentials";
        let head = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n",
            server.acme.host,
            basic(&server.acme.machine()),
        );
        for chunks in [
            format!("-1\r\n{form}\r\n0\r\n\r\n"),
            format!("0x1d\r\n{form}\r\n0\r\n\r\n"),
            format!("+1d\r\n{form}\r\n0\r\n\r\n"),
            format!("\r\n{form}\r\n0\r\n\r\n"),
            format!("1d {form}\r\n0\r\n\r\n"),
            format!("1d\r\n{form}x\r\n0\r\n\r\n"),
            format!("1c\r\n{form}\r\n0\r\n\r\n"),
            format!("ffffffffffffffffff\r\n{form}\r\n0\r\n\r\n"),
            format!("zz\r\n{form}\r\n0\r\n\r\n"),
            format!("1d\n{form}\r\n0\r\n\r\n"),
            format!("1d\r\n{form}\n0\n\n"),
            format!("1d;a\nb\r\n{form}\r\n0\r\n\r\n"),
        ] {
            let answer = exchange(server.address, format!("{head}\r\n{chunks}{SMUGGLED}")).await;
            // The server may hang up without a word, too.
            assert!([vec![], vec![400]].contains(&statuses(&answer)), "{chunks:?}: {answer}");
        }
        let good = format!("{head}Connection: close\r\n\r\n1d\r\n{form}\r\n0\r\n\r\n");
        assert_eq!(statuses(&exchange(server.address, good).await), [200]);
        assert_eq!(database.dump().await, before);
    }

    /// A request to change the protocol changes nothing about where the request ends.
    async fn te_smuggle_upgrade(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let types = ["", "Content-Type: application/json\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"];
        let requests = ["POST /oauth/token", "POST /oauth/userinfo", "POST /login", "POST /register", "PATCH /api/environment"];
        for upgrade in ["websocket", "h2c", "TLS/1.0"] {
            for (line, typed) in requests.iter().flat_map(|line| types.map(|typed| (line, typed))) {
                let head = format!("Connection: Upgrade\r\nUpgrade: {upgrade}\r\n{typed}Content-Length: 5\r\n");
                let bytes = format!("{line} HTTP/1.1\r\nHost: {}\r\n{head}\r\nhello", server.acme.host);
                let last = request("GET /health/live", "x", "", "");
                let answers = statuses(&exchange(server.address, bytes + &last).await);
                assert!([vec![400], vec![400, 200]].contains(&answers), "{line} {upgrade} {typed}: {answers:?}");
            }
            let head = format!("Connection: Upgrade\r\nUpgrade: {upgrade}\r\n");
            let offer = request("GET /.well-known/openid-configuration", &server.acme.host, &head, "");
            let answer = exchange(server.address, offer).await;
            assert_eq!(statuses(&answer), [200], "what is offered need not be taken: {answer}");
        }
        let prior_knowledge = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let answer = exchange(server.address, prior_knowledge).await;
        assert!(statuses(&answer).iter().all(|status| *status == 400), "{answer}");
    }

    /// A body may come in pieces of any size, and after `100 Continue`.
    async fn a_body_in_pieces_is_one_body(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let body = multipart(&[("grant_type", "client_credentials")]);
        let pieces: String = body
            .as_bytes()
            .chunks(7)
            .map(|piece| format!("{:x};extension=x\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()))
            .collect();
        let head = format!(
            "Authorization: {}\r\nContent-Type: multipart/form-data; boundary=xyz\r\n",
            basic(&server.acme.machine())
        );
        let chunked = request(
            "POST /oauth/token",
            &server.acme.host,
            &format!("{head}Transfer-Encoding: chunked\r\n"),
            &format!("{pieces}0\r\n\r\n"),
        );
        assert_eq!(statuses(&exchange(server.address, chunked).await), [200]);
        let expecting = format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n", body.len());
        let answer = exchange(server.address, request("POST /oauth/token", &server.acme.host, &expecting, &body)).await;
        assert_eq!(statuses(&answer), [100, 200], "{answer}");
    }

    /// A client that goes away in the middle of a body leaves nothing behind.
    async fn half_a_body_stores_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let opaque = server.opaque_reader(&server.acme, &database).await;
        let before = database.dump().await;
        let head = format!(
            "Authorization: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n",
            basic(&opaque)
        );
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        let half = request("POST /oauth/token", &server.acme.host, &head, "grant_type=client_credentials");
        socket.write_all(half.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = String::new();
        let _reset_or_end = socket.read_to_string(&mut answer).await;
        assert!(!answer.contains("access_token"), "{answer}");
        assert_eq!(database.dump().await, before);
    }
}

/// A head that does not end is given up after five seconds; somebody else is served meanwhile.
#[tokio::test]
async fn te_slow() {
    let database = TestDatabase::sqlite().await;
    let server = TestServer::start(&database).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"POST /oauth/token HTTP/1.1\r\nHost: ").await.unwrap();
    let mut answer = Vec::new();
    let closing = timeout(std::time::Duration::from_secs(9), socket.read_to_end(&mut answer));
    let (closed, token) = tokio::join!(closing, server.admin_token(&server.acme));
    closed.expect("the connection is closed").unwrap();
    assert!(!token.is_empty());
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
}
