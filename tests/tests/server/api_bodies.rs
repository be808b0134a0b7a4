//! Bodies that are no documents, and texts that are no names: refused, never stored, never a 500.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{raw, *};

const MEBIBYTE: usize = 1024 * 1024;

/// Between quotation marks, no JSON texts: halves of surrogate pairs, bare controls, and what is no UTF-8.
const NO_TEXTS: [&[u8]; 9] =
    [br"\ud800", br"\udc00x", br"a\ud83d", b"\0", b"a\nb", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"];

/// A user document with this JSON in the place of its e-mail address.
fn with_email(json: &str) -> Vec<u8> {
    format!(r#"{{"data": {{"type": "user", "attributes": {{"email": {json}, "password": "{PASSWORD}"}}}}}}"#)
        .into_bytes()
}

both! {
    async fn ap_json_what_is_no_json_or_too_much_of_it_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let before = database.dump().await;
        let send = async |body: Vec<u8>| admin.send_raw(Method::POST, "users", body).await;
        let good = String::from_utf8(with_email(r#""jane@example.com""#)).unwrap();
        let broken: Vec<Vec<u8>> = vec![
            Vec::new(),
            b" ".to_vec(),
            b"{".to_vec(),
            b"null x".to_vec(),
            b"{'data': 1}".to_vec(),
            b"data=1".to_vec(),
            b"<a/>".to_vec(),
            b"[".repeat(100_000),
            br#"{"a":"#.repeat(100_000),
            good.replace("}}}", "}},}").into_bytes(),
            format!("\u{feff}{good}").into_bytes(),
            format!("{good}{good}").into_bytes(),
            format!("{good}\0").into_bytes(),
            good.replace(r#""type": "user""#, r#""type": "user", "type": "user""#).into_bytes(),
            good.replace(r#""password""#, r#""email""#).into_bytes(),
            format!("// x\n{good}").into_bytes(),
            with_email("1e400"),
            with_email("-1e400"),
            with_email("18446744073709551616000000"),
            with_email("NaN"),
            with_email("Infinity"),
            with_email("01"),
            with_email(&format!("{}1{}", "[".repeat(70), "]".repeat(70))),
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            [b"\xff", good.as_bytes()].concat(),
        ];
        for body in broken {
            let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
            let reply = send(body).await;
            assert_eq!((reply.status, reply.error().1.as_str()), (400, "invalid_body"), "{shown}: {}", reply.text);
        }
        for number in ["1180591620717411303424", "1", "1.5", "-0", "9007199254740993", "true", "null", "[]", "{}"] {
            let reply = send(with_email(number)).await;
            assert!([400, 422].contains(&reply.status), "{number}: {}", reply.text);
        }
        let padded = |size: usize| format!("{good}{}", " ".repeat(size - good.len())).into_bytes();
        let large = send(padded(MEBIBYTE + 1)).await;
        assert_eq!(large.error().1, "payload_too_large");
        large.is_error(413, "");
        assert_eq!(database.dump().await, before);
        send(padded(MEBIBYTE)).await.is(201);
    }

    /// A client that sends without saying how much.
    async fn ap_json_a_chunked_body_is_counted_too(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let token = server.admin_token(&server.acme).await;
        let head = |more: &str| format!("Transfer-Encoding: chunked\r\nAuthorization: Bearer {token}\r\n{more}");
        let before = database.dump().await;
        let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, " ".repeat(64 * 1024));
        let body = format!("{}0\r\n\r\n", chunk.repeat(17));
        let typed = format!("Content-Type: {JSON_API}\r\n");
        let request = raw::request("POST /api/users", &server.acme.host, &head(&typed), &body);
        assert_eq!(raw::statuses(&raw::exchange(server.address, request).await), [413]);
        let untyped = raw::request("POST /api/users", &server.acme.host, &head(""), "2\r\n{}\r\n0\r\n\r\n");
        assert_eq!(raw::statuses(&raw::exchange(server.address, untyped).await), [415]);
        assert_eq!(database.dump().await, before);
    }

    async fn ap_text_texts_that_deceive_or_break_are_never_stored(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("text").await;
        let before = database.dump().await;
        let places = [
            ("users", "email"),
            ("users", "first_name"),
            ("users", "last_name"),
            ("users", "password"),
            ("sessions", "user_agent"),
            ("roles", "name"),
            ("roles", "description"),
            ("permissions", "name"),
            ("permissions", "description"),
            ("clients", "name"),
            ("resource-servers", "name"),
            ("resource-servers", "identifier"),
            ("scopes", "name"),
            ("scopes", "description"),
            ("organizations", "name"),
            ("invitations", "email"),
            ("applications", "name"),
        ];
        let create = |path: &str| samples.iter().find(|sample| sample.path == path).unwrap().create.clone().unwrap();
        for (path, name) in places {
            for character in [
                "\0", "\n", "\r", "\t", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{61c}", "\u{200e}", "\u{202e}",
                "\u{2066}", "\u{2069}",
            ] {
                let mut document = create(path);
                document["data"]["attributes"][name] = json!(format!("jane{character}doe@example.com"));
                let reply = admin.post(path, &document).await;
                assert_eq!(
                    (reply.status, reply.places()),
                    (422, vec![at(name)]),
                    "{path} {name} {character:?}: {}",
                    reply.text
                );
            }
            for bytes in NO_TEXTS {
                let mut document = create(path);
                document["data"]["attributes"][name] = json!("PLACEHOLDER");
                let text = document.to_string();
                let (head, tail) = text.split_once("PLACEHOLDER").unwrap();
                let body = [head.as_bytes(), bytes, tail.as_bytes()].concat();
                admin.send_raw(Method::POST, path, body).await.is_error(400, "");
            }
            let mut document = create(path);
            document["data"]["attributes"][name] = json!("x".repeat(1_000_000));
            let reply = admin.post(path, &document).await.is(422);
            assert_eq!(reply.places(), [at(name)]);
            assert!(reply.text.len() < 1_000, "the text is not sent back");
        }
        let mut named = create("users");
        named["data"]["attributes"]["a\u{202e}b"] = json!(1);
        assert_eq!(admin.post("users", &named).await.is(422).places(), ["/data/attributes"]);
        let mut linked = create("user-roles");
        linked["data"]["relationships"]["user"]["data"]["id"] = json!("\0");
        admin.post("user-roles", &linked).await.is_error(422, "/data/relationships/user/data/id");
        assert_eq!(database.dump().await, before);
    }

    /// Texts of any script come back as they were sent, and markup is only text.
    async fn what_is_stored_comes_back_as_it_was_sent(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for (index, name) in
            ["Zoë 漢字 🙂", "<script>alert(1)</script>", "'; DROP TABLE users; --", "{{7*7}} ${x} %s \"", "e\u{301}"]
                .into_iter()
                .enumerate()
        {
            let attributes =
                json!({"email": format!("n{index}@example.com"), "password": PASSWORD, "first_name": name});
            let id = admin.create("users", "user", attributes, &[]).await;
            assert_eq!(admin.get(&format!("users/{id}")).await.attribute("first_name"), Value::from(name));
        }
    }
}
