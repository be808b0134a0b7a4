//! How the parameters of a request travel: form, JSON and multipart mean the same, and nothing is repaired. Catalogue
//! section A6.

use paylent_domain::client::TokenFormat;
use paylent_tests::{TestDatabase, both};
use reqwest::{Body, Method};

use crate::support::{
    Reply, TestServer,
    oauth::{CLIENT_CREDENTIALS, Format, MULTIPART, basic, multipart, part},
    raw::{exchange, flood, request, statuses},
};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Sends a body with the machine client's credentials.
async fn send(server: &TestServer, media_type: &str, body: impl Into<Body>) -> Reply {
    let machine = server.acme.machine();
    let request = server.request(&server.acme, Method::POST, "/oauth/token").header("content-type", media_type);
    Reply::of(request.basic_auth(machine.0, Some(machine.1)).body(body)).await
}

/// Each of these bodies is `invalid_request`, and nothing changes. The last one shows that the others could have been
/// good.
async fn refuses(database: &TestDatabase, media_type: &str, bad: Vec<Vec<u8>>, good: &str) {
    let server = TestServer::start(database).await;
    let before = database.dump().await;
    for body in bad {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let reply = send(&server, media_type, body).await;
        assert_eq!(reply.status, 400, "{shown}: {}", reply.text);
        reply.is_oauth_error(400, "invalid_request");
    }
    assert_eq!(send(&server, media_type, good.to_owned()).await.status, 200, "{good}");
    assert_eq!(database.dump().await, before);
}

fn bytes<const N: usize>(texts: [&str; N]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A multipart body of one more part, with this disposition.
fn with_part(disposition: &str) -> String {
    let grant = multipart(CLIENT_CREDENTIALS);
    format!("{}{}", part(disposition, "x"), grant)
}

both! {
    async fn te_form_dup(database: TestDatabase) {
        let bad = bytes([
            "grant_type=client_credentials&grant_type=client_credentials",
            "grant_type=client_credentials&scope=a&scope=b",
            "grant_type=client_credentials&scope=a&sc%6Fpe=a",
            "grant_type=client_credentials&unknown=a&unknown=a",
            "grant_type=client_credentials&a&a",
        ]);
        refuses(&database, FORM, bad, "grant_type=client_credentials&a&&b=").await;
    }

    async fn te_json_dup(database: TestDatabase) {
        let bad = bytes([
            r#"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#,
            r#"{"grant_type":"client_credentials","scope":"a","sc\u006fpe":"a"}"#,
            r#"{"grant_type":["client_credentials"]}"#,
            r#"{"grant_type":"client_credentials","scope":["a"]}"#,
            r#"{"grant_type":"client_credentials","scope":{"a":"b"}}"#,
            r#"{"grant_type":"client_credentials","scope":1}"#,
            r#"{"grant_type":"client_credentials","scope":true}"#,
            r#"{"grant_type":"client_credentials","scope":null}"#,
            r#"[{"grant_type":"client_credentials"}]"#,
            r#""grant_type=client_credentials""#,
            "null",
            "",
        ]);
        refuses(&database, JSON, bad, r#" {"grant_type":"client_credentials"} "#).await;
    }

    async fn te_json_deep(database: TestDatabase) {
        let deep = "[".repeat(60_000);
        let nested = format!(r#"{{"grant_type":"client_credentials","x":{deep}"#);
        let objects = r#"{"a":"#.repeat(10_000);
        let bad = bytes([
            &deep,
            &nested,
            &objects,
            r#"{"grant_type":"client_credentials"} x"#,
            r#"{"grant_type":"client_credentials"}{}"#,
            r#"{"grant_type":"client_credentials",}"#,
            r#"{"grant_type":"client_credentials","x":NaN}"#,
            r#"{"grant_type":"client_credentials","x":"\ud800"}"#,
            r#"{"grant_type":"client_credentials","x":"\udc00\ud800"}"#,
            "{'grant_type':'client_credentials'}",
            "\u{feff}{\"grant_type\":\"client_credentials\"}",
        ]);
        refuses(&database, JSON, bad, r#"{"grant_type":"client_credentials"}"#).await;
    }

    async fn te_mp_dup(database: TestDatabase) {
        let many: Vec<(String, &str)> = (0..32).map(|n| (format!("p{n}"), "x")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let with_type = |media_type: &str, value: &str| {
            let head = "--xyz\r\nContent-Disposition: form-data; name=\"x\"\r\nContent-Type: ";
            format!("{head}{media_type}\r\n\r\n{value}\r\n")
        };
        let nested = with_type("multipart/mixed; boundary=a", "--a\r\n\r\nx\r\n--a--");
        let typed = with_type("text/plain; charset=utf-16", "x");
        let grant = multipart(CLIENT_CREDENTIALS);
        let bad = bytes([
            &with_part("form-data; name=\"grant_type\""),
            &with_part("form-data; name=\"scope\"; filename=\"a.txt\""),
            &with_part("form-data; name=\"scope\"; filename*=UTF-8''a.txt"),
            &with_part("form-data"),
            &with_part("attachment; name=\"scope\""),
            &format!("--xyz\r\n\r\nx\r\n{grant}"),
            &multipart(&[CLIENT_CREDENTIALS, &many].concat()),
            &format!("{nested}{grant}"),
            &format!("{typed}{grant}"),
        ]);
        let good = multipart(&[CLIENT_CREDENTIALS, &many[..31]].concat());
        refuses(&database, MULTIPART, bad, &good).await;
    }

    async fn te_mp_boundary(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let good = multipart(CLIENT_CREDENTIALS);
        for media_type in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"\"",
            "multipart/form-data; boundary=other",
            "multipart/form-data; boundary=\"xyz%0d%0a\"",
            "multipart/form-data; boundary=xyz; boundary=other",
            "multipart/mixed; boundary=xyz",
        ] {
            let reply = send(&server, media_type, good.clone()).await;
            assert_eq!(reply.status, 400, "{media_type}: {}", reply.text);
        }
        let unterminated = [good.trim_end().trim_end_matches('-'), &good[..good.len() / 2], "--xyz", "", "--xyz--"];
        for body in unterminated.map(str::to_owned).into_iter().chain([good.replace("\r\n", "\n")]) {
            let reply = send(&server, MULTIPART, body.clone()).await;
            reply.is_oauth_error(400, "invalid_request");
        }
        let head =
            format!("Content-Type: multipart/form-data; boundary={}\r\nContent-Length: 0\r\n", "a".repeat(1 << 20));
        let answer = exchange(server.address, request("POST /oauth/token", &server.acme.host, &head, "")).await;
        assert!(statuses(&answer).iter().all(|status| [400, 413, 431].contains(status)), "{answer}");
        assert_eq!(send(&server, MULTIPART, good).await.status, 200);
        assert_eq!(database.dump().await, before);
    }

    async fn te_ctype(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let body = "grant_type=client_credentials";
        for media_type in [
            "",
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencodedx",
            "form",
            "*/*",
            "application/json+form",
            "application/vnd.api+json",
        ] {
            send(&server, media_type, body).await.is_oauth_error(400, "invalid_request");
        }
        let machine = server.acme.machine();
        let post =
            || server.request(&server.acme, Method::POST, "/oauth/token").basic_auth(&machine.0, Some(&machine.1));
        Reply::of(post().body(body)).await.is_oauth_error(400, "invalid_request");
        let twice = post().header("content-type", FORM).header("content-type", FORM).body(body);
        Reply::of(twice).await.is_oauth_error(400, "invalid_request");
        let both = post().header("content-type", format!("{FORM}, {JSON}")).body(body);
        Reply::of(both).await.is_oauth_error(400, "invalid_request");
        assert_eq!(send(&server, "Application/X-WWW-Form-Urlencoded", body).await.status, 200);
        assert_eq!(database.dump().await, before);
    }

    async fn te_charset(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let bodies = [
            (FORM, "grant_type=client_credentials".to_owned()),
            (JSON, r#"{"grant_type":"client_credentials"}"#.to_owned()),
            (MULTIPART, multipart(CLIENT_CREDENTIALS)),
        ];
        for (media_type, body) in bodies {
            for charset in ["utf-16", "iso-8859-1", "utf-7", "bogus", "\"\""] {
                let reply = send(&server, &format!("{media_type}; charset={charset}"), body.clone()).await;
                reply.is_oauth_error(400, "invalid_request");
            }
            for charset in ["utf-8", "UTF-8", "\"utf-8\""] {
                assert_eq!(send(&server, &format!("{media_type}; charset={charset}"), body.clone()).await.status, 200);
            }
        }
        // What a transcoding decoder would read as the grant type.
        let wide: Vec<u8> = "grant_type=client_credentials".encode_utf16().flat_map(u16::to_be_bytes).collect();
        send(&server, &format!("{FORM}; charset=utf-16be"), wide).await.is_oauth_error(400, "invalid_request");
        assert_eq!(database.dump().await, before);
    }

    async fn te_utf8(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let broken: [&[u8]; 5] = [b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82"];
        for broken in broken {
            let escaped: String = broken.iter().map(|byte| format!("%{byte:02x}")).collect();
            let form = |value: &[u8]| [b"grant_type=client_credentials&x=", value].concat();
            let json = [br#"{"grant_type":"client_credentials","x":""#, broken, br#""}"#].concat();
            let parts = String::from_utf8(part("form-data; name=\"x\"", "VALUE").into_bytes()).unwrap();
            let (start, end) = parts.split_once("VALUE").unwrap();
            let parts = [start.as_bytes(), broken, end.as_bytes(), multipart(CLIENT_CREDENTIALS).as_bytes()].concat();
            for (media_type, body) in
                [(FORM, form(broken)), (FORM, form(escaped.as_bytes())), (JSON, json), (MULTIPART, parts)]
            {
                send(&server, media_type, body).await.is_oauth_error(400, "invalid_request");
            }
        }
        for escape in ["%", "%2", "%zz", "%u0061"] {
            let body = format!("grant_type=client_credentials&x={escape}");
            send(&server, FORM, body).await.is_oauth_error(400, "invalid_request");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn te_nul(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        for name in ["grant_type", "scope", "resource", "client_id", "client_secret", "unknown", "na\0me"] {
            let pairs = [("grant_type", "client_credentials"), (name, "a\0b")];
            let pairs = if name == "grant_type" { &pairs[1..] } else { &pairs[..] };
            for format in Format::ALL {
                let post = server.request(&server.acme, Method::POST, "/oauth/token");
                let reply = Reply::of(format.write(post, pairs)).await;
                assert_eq!(reply.status, 400, "{name} {format:?}: {}", reply.text);
                reply.is_oauth_error(400, "invalid_request");
            }
        }
        let nul = ("a\0b".to_owned(), "c\0d".to_owned());
        server.ask(&server.acme, &nul, &[]).await.is_oauth_error(400, "invalid_request");
        assert_eq!(database.dump().await, before);
    }

    async fn te_size(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let padded = |length: usize| {
            let start = "grant_type=client_credentials&x=";
            format!("{start}{}", "x".repeat(length - start.len()))
        };
        assert_eq!(send(&server, FORM, padded(65_536)).await.status, 200);
        send(&server, FORM, padded(65_537)).await.is_oauth_error(413, "invalid_request");
        let tiny: String = (0..10_000).map(|n| format!("{n}&")).collect();
        send(&server, FORM, tiny).await.is_oauth_error(400, "invalid_request");

        let authorization = basic(&server.acme.machine());
        let post = |head: &str, body: &str| {
            let head = format!("Authorization: {authorization}\r\nContent-Type: {FORM}\r\n{head}\r\n");
            request("POST /oauth/token", &server.acme.host, &head, body)
        };
        for body in ["a=1&".repeat(1_000_000), "[".repeat(10_000_000)] {
            let answer = exchange(server.address, post(&format!("Content-Length: {}", body.len()), &body)).await;
            assert_eq!(statuses(&answer), [413], "{answer}");
        }
        let piece = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).into_bytes();
        for (status, path) in [(413, "/oauth/token"), (404, "/nothing")] {
            let head = post("Transfer-Encoding: chunked", "").replace("/oauth/token", path);
            let answer = flood(server.address, &head.replace("close", "keep-alive"), piece.clone()).await;
            assert_eq!(statuses(&answer), [status], "{answer}");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn te_encoding(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        for coding in ["gzip", "br", "zstd", "deflate", "identity, gzip", "x"] {
            for media_type in [FORM, JSON] {
                let machine = server.acme.machine();
                let post =
                    server.request(&server.acme, Method::POST, "/oauth/token").basic_auth(machine.0, Some(machine.1));
                let post = post.header("content-type", media_type).header("content-encoding", coding);
                Reply::of(post.body("grant_type=client_credentials")).await.is_oauth_error(415, "invalid_request");
            }
        }
        assert_eq!(database.dump().await, before);
    }

    /// The three formats have one meaning: the same status, the same members, the same rows.
    async fn te_parity(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = acme.add_client(|client| client.token_format = TokenFormat::Opaque).await.credentials;
        let (machine, api) = (acme.machine(), acme.api());
        let (id, secret) = (machine.0.as_str(), machine.1.as_str());
        let wrong = [CLIENT_CREDENTIALS, &[("client_id", id), ("client_secret", "wrong")]].concat();
        let in_body =
            [CLIENT_CREDENTIALS, &[("client_id", id), ("client_secret", secret), ("resource", &api)]].concat();
        let stored = [CLIENT_CREDENTIALS, &[("client_id", &opaque.0), ("client_secret", &opaque.1)]].concat();
        let spaced = [
            CLIENT_CREDENTIALS,
            &[
                ("client_id", id),
                ("client_secret", secret),
                ("scope", "users:read clients:read"),
                ("x", "+ %26&=\u{e9}"),
            ],
        ]
        .concat();
        let scope =
            [CLIENT_CREDENTIALS, &[("client_id", id), ("client_secret", secret), ("scope", "nothing")]].concat();
        for (status, rows, parameters) in [
            (200, 0, in_body.as_slice()),
            (200, 1, stored.as_slice()),
            (200, 0, spaced.as_slice()),
            (401, 0, wrong.as_slice()),
            (400, 0, scope.as_slice()),
            (400, 0, &[("client_id", id), ("client_secret", secret)]),
        ] {
            let mut answers = Vec::new();
            for format in Format::ALL {
                let tokens = database.count("access_tokens").await;
                let reply =
                    Reply::of(format.write(server.request(acme, Method::POST, "/oauth/token"), parameters)).await;
                assert_eq!(reply.status, status, "{format:?} {}", reply.text);
                assert_eq!(database.count("access_tokens").await, tokens + rows, "{format:?}");
                let mut json = reply.json();
                if let Some(token) = json.get_mut("access_token") {
                    *token = "some token".into();
                }
                let names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
                answers.push((json, names));
            }
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        }
    }
}
