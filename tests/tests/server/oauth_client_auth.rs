//! How clients prove who they are. Catalogue section A5.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_crypto::secret::SecretHash;
use paylent_domain::client::ClientType;
use paylent_storage::{ClientChange, Expected};
use paylent_tests::{both, seed};
use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};

use crate::support::{
    Reply, Setting, Tenant, TestServer,
    oauth::{CLIENT_CREDENTIALS, Format, basic, essence},
};

const ENDPOINTS: [&str; 3] = ["/oauth/token", "/oauth/introspect", "/oauth/revoke"];

/// Sends a request that would be good at every endpoint, with credentials in the body.
async fn in_body(server: &TestServer, tenant: &Tenant, path: &str, id: &str, secret: Option<&str>) -> Reply {
    let mut form = [CLIENT_CREDENTIALS, &[("token", "x"), ("client_id", id)]].concat();
    form.extend(secret.map(|secret| ("client_secret", secret)));
    Reply::of(server.request(tenant, Method::POST, path).form(&form)).await
}

/// The same, with these values of `Authorization`.
async fn by_header(server: &TestServer, path: &str, values: &[HeaderValue]) -> Reply {
    let form = [CLIENT_CREDENTIALS, &[("token", "x")]].concat();
    let mut request = server.request(&server.acme, Method::POST, path).form(&form);
    for value in values {
        request = request.header("authorization", value.clone());
    }
    Reply::of(request).await
}

fn header(value: impl AsRef<[u8]>) -> HeaderValue {
    HeaderValue::from_bytes(value.as_ref()).unwrap()
}

async fn disable(tenant: &Tenant, id: paylent_domain::Id<paylent_domain::client::Client>, active: bool) {
    let change = ClientChange { active: Some(active), ..Default::default() };
    tenant.seeded.env.update_client(id, change, &Expected::Any, &seed::by()).await.unwrap().unwrap();
}

both! {
    async fn ca_wrong(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (id, secret) = server.acme.machine();
        let before = database.dump().await;
        let realm = format!("Basic realm=\"{}\", charset=\"UTF-8\"", server.acme.issuer());
        let (cut, more, upper) = (&secret[..secret.len() - 1], format!("{secret}x"), secret.to_uppercase());
        for path in ENDPOINTS {
            for wrong in ["wrong", cut, &more, &upper, &id] {
                let reply = by_header(&server, path, &[header(basic(&(id.clone(), wrong.to_owned())))]).await;
                reply.is_oauth_error(401, "invalid_client");
                assert_eq!(reply.header("www-authenticate"), realm);
                let reply = in_body(&server, &server.acme, path, &id, Some(wrong)).await;
                reply.is_oauth_error(401, "invalid_client");
            }
            let nobody = Reply::of(
                server
                    .request(&server.acme, Method::POST, path)
                    .form(&[CLIENT_CREDENTIALS, &[("token", "x")]].concat()),
            )
            .await;
            nobody.is_oauth_error(401, "invalid_client");
            // Another environment's client is nobody here.
            let (foreign, foreign_secret) = server.beta.machine();
            in_body(&server, &server.acme, path, &foreign, Some(&foreign_secret))
                .await
                .is_oauth_error(401, "invalid_client");
            assert_eq!(in_body(&server, &server.acme, path, &id, Some(&secret)).await.status, 200);
        }
        assert_eq!(database.dump().await, before);
    }

    /// Nobody learns which clients exist.
    async fn ca_enum(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let disabled = server.acme.add_client(|_| ()).await;
        disable(&server.acme, disabled.id, false).await;
        let public =
            server.acme.add_client(|client| (client.client_type, client.secret_hash) = (ClientType::Public, None));
        let (known, foreign) = (server.acme.machine().0, server.beta.machine());
        let cases = [
            (known, "wrong".to_owned()),
            ("nobody".to_owned(), "wrong".to_owned()),
            ("n".repeat(600), "wrong".to_owned()),
            disabled.credentials,
            (public.await.credentials.0, "wrong".to_owned()),
            foreign,
        ];
        for path in ENDPOINTS {
            for basic_used in [true, false] {
                let mut answers = Vec::new();
                for client in &cases {
                    let reply = match basic_used {
                        true => by_header(&server, path, &[header(basic(client))]).await,
                        false => in_body(&server, &server.acme, path, &client.0, Some(&client.1)).await,
                    };
                    reply.is_oauth_error(401, "invalid_client");
                    answers.push(essence(&reply));
                }
                assert!(answers.iter().all(|answer| *answer == answers[0]), "{path} {answers:#?}");
            }
        }
    }

    /// A secret in the URL proves nothing.
    async fn ca_query(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (id, secret) = server.acme.machine();
        let before = database.dump().await;
        for path in ENDPOINTS {
            let path = format!("{path}?client_id={id}&client_secret={secret}");
            let nothing = server
                .request(&server.acme, Method::POST, &path)
                .form(&[CLIENT_CREDENTIALS, &[("token", "x")]].concat());
            Reply::of(nothing).await.is_oauth_error(401, "invalid_client");
            in_body(&server, &server.acme, &path, &id, None).await.is_oauth_error(401, "invalid_client");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn ca_both(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let machine = server.acme.machine();
        let (id, secret) = (machine.0.as_str(), machine.1.as_str());
        let before = database.dump().await;
        let send = async |path, extra: &[(&str, &str)]| {
            server.oauth(&server.acme, path, &machine, &[CLIENT_CREDENTIALS, &[("token", "x")], extra].concat()).await
        };
        for path in ENDPOINTS {
            for extra in [
                &[("client_id", id), ("client_secret", secret)][..],
                &[("client_secret", secret)],
                &[("client_id", id), ("client_secret", "wrong")],
                &[("client_id", "other")],
            ] {
                send(path, extra).await.is_oauth_error(400, "invalid_request");
            }
            assert_eq!(send(path, &[("client_id", id)]).await.status, 200, "the same name twice is no contradiction");
            let assertion = [
                ("client_assertion", "x"),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ];
            send(path, &assertion).await.is_oauth_error(401, "invalid_client");
        }
        assert_eq!(database.dump().await, before);
    }

    /// Ids and secrets are form-encoded before Base64 (RFC 6749 section 2.3.1); generated ones need not be.
    async fn ca_basic_enc(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (id, secret) = ("a:b+c%d \u{e9}", "s:+%25 \u{fc}&=");
        let special = server.acme.add_client(|client| {
            client.client_id = id.to_owned();
            client.secret_hash = Some(SecretHash::of(secret));
        });
        special.await;
        for path in ENDPOINTS {
            for encoded in
                ["a%3Ab%2Bc%25d+%C3%A9:s%3A%2B%2525+%C3%BC%26%3D", "a%3ab%2bc%25d%20%c3%a9:s:%2B%2525%20\u{fc}&="]
            {
                let value = header(format!("Basic {}", STANDARD.encode(encoded)));
                assert_eq!(by_header(&server, path, &[value]).await.status, 200, "{encoded}");
            }
            let unencoded = header(format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
            assert_ne!(by_header(&server, path, &[unencoded]).await.status, 200);
            assert_eq!(in_body(&server, &server.acme, path, id, Some(secret)).await.status, 200);
            for scheme in ["Basic", "basic", "BASIC"] {
                let plain = basic(&server.acme.machine()).replacen("Basic", scheme, 1);
                assert_eq!(by_header(&server, path, &[header(plain)]).await.status, 200, "{scheme}");
            }
        }
    }

    async fn ca_basic_bad(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let before = database.dump().await;
        let good = basic(&server.acme.machine());
        let encoded = good.strip_prefix("Basic ").unwrap();
        let encode = |text: &[u8]| format!("Basic {}", STANDARD.encode(text)).into_bytes();
        let bad: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"Basic".to_vec(),
            b"Basic ".to_vec(),
            format!("Basic\t{encoded}").into_bytes(),
            format!("Basic  {encoded}").into_bytes(),
            format!("Basic {encoded}, Basic {encoded}").into_bytes(),
            format!("Basic {}", &encoded[1..]).into_bytes(),
            encoded.as_bytes().to_vec(),
            b"Basic !!!!".to_vec(),
            b"Basic \xff\xfe".to_vec(),
            encode(b"no colon"),
            encode(b":"),
            encode(b"\xff:\xfe"),
            encode(b"a%zz:b"),
            encode(b"a%00:b"),
            encode(b"a\0:b"),
            encode(&[b'a'; 12_000]),
            b"Bearer abc".to_vec(),
            b"Digest username=\"x\"".to_vec(),
        ];
        for path in ENDPOINTS {
            for value in &bad {
                let reply = by_header(&server, path, &[header(value)]).await;
                let shown = String::from_utf8_lossy(value);
                assert!([400, 401].contains(&reply.status), "{path} {shown}: {} {}", reply.status, reply.text);
                reply.is_oauth_error(
                    reply.status,
                    if reply.status == 400 { "invalid_request" } else { "invalid_client" },
                );
            }
            let twice = [header(&good), header(&good)];
            by_header(&server, path, &twice).await.is_oauth_error(400, "invalid_request");
            assert_eq!(by_header(&server, path, &twice[..1]).await.status, 200);
        }
        assert_eq!(database.dump().await, before);
    }

    /// A public client has no secret, and a confidential one needs its own.
    async fn ca_public_secret(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let public =
            server.acme.add_client(|client| (client.client_type, client.secret_hash) = (ClientType::Public, None));
        let (public, _) = public.await.credentials;
        let (machine, secret) = server.acme.machine();
        let before = database.dump().await;
        for path in ENDPOINTS {
            for wrong in ["x", &secret] {
                in_body(&server, &server.acme, path, &public, Some(wrong)).await.is_oauth_error(401, "invalid_client");
                let by_basic = header(basic(&(public.clone(), wrong.to_owned())));
                by_header(&server, path, &[by_basic]).await.is_oauth_error(401, "invalid_client");
            }
            for none in [None, Some("")] {
                in_body(&server, &server.acme, path, &machine, none).await.is_oauth_error(401, "invalid_client");
            }
            let empty = header(basic(&(machine.clone(), String::new())));
            by_header(&server, path, &[empty]).await.is_oauth_error(401, "invalid_client");
            for nothing in [Value::Null, "null".into()] {
                let body = json!({"grant_type": "client_credentials", "token": "x",
                    "client_id": machine.as_str(), "client_secret": nothing});
                let reply = Reply::of(server.request(&server.acme, Method::POST, path).json(&body)).await;
                assert!([400, 401].contains(&reply.status), "{}", reply.text);
            }
        }
        assert_eq!(database.dump().await, before);
    }

    /// A disabled client gets no token and keeps none. Enabled again, it authenticates as before.
    async fn ca_disabled(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let acme = &server.acme;
        let opaque = server.opaque_reader(acme, &database).await;
        let signed = server.machine_with(acme, &["users:read"]).await;
        for client in [opaque, signed] {
            let token = server.token(acme, &client, &[]).await;
            assert_eq!(server.users_with(acme, &token).await.status, 200);
            let active = |active| format!("UPDATE clients SET active = {active} WHERE client_id = '{}'", client.0);
            database.execute(&active(false)).await;
            server.ask(acme, &client, &[]).await.is_oauth_error(401, "invalid_client");
            server.introspect(acme, &client, &token).await.is_oauth_error(401, "invalid_client");
            server.revoke(acme, &client, &token).await.is_oauth_error(401, "invalid_client");
            server.users_with(acme, &token).await.is_error(401, "");
            database.execute(&active(true)).await;
            assert_eq!(server.ask(acme, &client, &[]).await.status, 200);
        }
        let gone = acme.add_client(|_| ()).await;
        let token = server.ask(acme, &gone.credentials, &[]).await.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(server.introspect(acme, &gone.credentials, &token).await.json()["active"], true);
        disable(acme, gone.id, false).await;
        disable(acme, gone.id, true).await;
        assert_eq!(
            server.introspect(acme, &gone.credentials, &token).await.text,
            r#"{"active":false}"#,
            "what was issued before a client was disabled does not come back"
        );
    }

    /// Guessing is slow, and locks nobody else out.
    async fn ca_brute(database: TestDatabase) {
        let setting = Setting { limited: true, proxies: &["127.0.0.1"], ..Default::default() };
        let server = TestServer::start_with(&database, setting).await;
        let (id, secret) = server.acme.machine();
        let ask = async |from: &str, secret: &str| {
            let form = [CLIENT_CREDENTIALS, &[("client_id", id.as_str()), ("client_secret", secret)]].concat();
            let post = server.request(&server.acme, Method::POST, "/oauth/token").header("x-forwarded-for", from);
            Reply::of(Format::Form.write(post, &form)).await
        };
        for _ in 0..10 {
            ask("203.0.113.66", "wrong").await.is_oauth_error(401, "invalid_client");
        }
        ask("203.0.113.66", "wrong").await.is_oauth_error(429, "temporarily_unavailable");
        ask("203.0.113.66", &secret).await.is_oauth_error(429, "temporarily_unavailable");
        assert_eq!(ask("198.51.100.7", &secret).await.status, 200);
    }
}
