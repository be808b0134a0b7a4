//! JSON:API 1.1 for every resource alike: media types, documents, methods, ids, errors. Bodies that are no documents
//! are in `api_bodies`, lists in `api_lists`.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::*;

const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;

/// Every write that takes a document: method, path, type, a document that would be accepted.
fn writes(samples: &[Sample]) -> Vec<(Method, String, &'static str, Value)> {
    let creates =
        samples.iter().filter_map(|sample| Some((POST, sample.path.to_owned(), sample.kind, sample.create.clone()?)));
    let updates = samples.iter().filter_map(|sample| Some((PATCH, sample.at(), sample.kind, sample.update.clone()?)));
    let verbs = samples.iter().flat_map(|sample| sample.verbs.iter().map(move |verb| (sample, verb)));
    let verbs = verbs.map(|(it, verb)| (PATCH, format!("{}/{verb}", it.at()), it.kind, it.unchanged()));
    creates.chain(updates).chain(verbs).collect()
}

both! {
    async fn ap_ctype_only_json_api_is_read_and_written(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("ctype").await;
        let before = database.dump().await;
        for (method, path, _, document) in writes(&samples) {
            let send = async |headers: &[(&str, &str)]| {
                let request = server.request(&server.acme, method.clone(), &format!("/api/{path}"));
                let request = request.bearer_auth(admin.token.as_ref().unwrap()).body(document.to_string());
                Reply::of(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
            };
            for media_type in [
                "application/json",
                "text/plain",
                "application/vnd.api+json; charset=utf-8",
                "",
                r#"application/vnd.api+json; ext="https://jsonapi.org/ext/atomic""#,
                "application/vnd.api+json, application/json",
            ] {
                send(&[("content-type", media_type)]).await.is_error(415, "Content-Type");
            }
            send(&[]).await.is_error(415, "Content-Type");
            send(&[("content-type", JSON_API), ("content-type", JSON_API)]).await.is_error(415, "Content-Type");
            for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
                let reply = send(&[("content-type", JSON_API), ("content-encoding", encoding)]).await;
                reply.is_error(415, "Content-Encoding");
            }
            for accept in [
                "application/vnd.api+json; charset=utf-8",
                r#"application/vnd.api+json; ext="x""#,
                "application/vnd.api+json;q=0",
            ] {
                send(&[("content-type", JSON_API), ("accept", accept)]).await.is_error(406, "Accept");
            }
        }
        assert_eq!(database.dump().await, before);
        for accept in [
            "*/*",
            "text/html",
            "application/json",
            r#"application/vnd.api+json; profile="https://x.example/p""#,
            "application/vnd.api+json; x=1, application/vnd.api+json",
            "application/*;q=0.5",
            "",
        ] {
            let request = server.request(&server.acme, Method::GET, "/api/users").header("accept", accept);
            let reply = Reply::of(request.bearer_auth(admin.token.as_ref().unwrap())).await.is(200);
            assert_eq!((reply.header("content-type"), reply.header("vary")), (JSON_API, "Accept"), "{accept}");
        }
    }

    async fn ap_type_a_document_is_about_what_its_address_says(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("type").await;
        let before = database.dump().await;
        for (method, path, kind, document) in writes(&samples) {
            let send = async |edit: &dyn Fn(&mut Value)| {
                let mut edited = document.clone();
                edit(&mut edited);
                admin.send(method.clone(), &path, &edited).await
            };
            let other = if kind == "user" { "client" } else { "user" };
            for wrong in [other, &format!("{kind}s"), &kind.to_uppercase(), ""] {
                send(&|it| it["data"]["type"] = json!(wrong)).await.is_error(409, "/data/type");
            }
            send(&|it| drop(it["data"].as_object_mut().unwrap().remove("type"))).await.is_error(400, "/data/type");
            send(&|it| it["data"]["type"] = json!(1)).await.is_error(400, "/data/type");
            send(&|it| drop(it.as_object_mut().unwrap().remove("data"))).await.is_error(400, "/data");
            for data in [json!(null), json!([]), json!("x")] {
                send(&|it| it["data"] = data.clone()).await.is_error(400, "/data");
            }
            send(&|it| it["data"]["attributes"] = json!([])).await.is_error(400, "/data/attributes");
            let (id, status) = if method == POST { (nobody(), 403) } else { (nobody(), 409) };
            send(&|it| it["data"]["id"] = json!(id)).await.is_error(status, "/data/id");
            if method == PATCH {
                send(&|it| drop(it["data"].as_object_mut().unwrap().remove("id"))).await.is_error(400, "/data/id");
                send(&|it| it["data"]["id"] = json!(7)).await.is_error(400, "/data/id");
            }
        }
        assert_eq!(database.dump().await, before);
    }

    async fn ap_mass_only_what_a_resource_takes_can_be_written(database: TestDatabase) {
        const NEVER: [&str; 19] = [
            "id",
            "env_id",
            "environment_id",
            "created_at",
            "updated_at",
            "password_hash",
            "email_verified",
            "is_system",
            "system",
            "token_hash",
            "client_secret",
            "secret_hash",
            "last_login",
            "kid",
            "private_key",
            "generation",
            "kind",
            "user_id",
            "unknown",
        ];
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("mass").await;
        let before = database.dump().await;
        for (method, path, _, document) in writes(&samples) {
            let mut all = document.clone();
            for name in NEVER {
                let mut one = document.clone();
                one["data"]["attributes"][name] = json!(true);
                let reply = admin.send(method.clone(), &path, &one).await.is(422);
                assert_eq!(reply.places(), [at(name)], "{method} {path}");
                all["data"]["attributes"][name] = json!(true);
            }
            let mut expected = NEVER.map(at);
            expected.sort();
            assert_eq!(admin.send(method, &path, &all).await.is(422).places(), expected, "{path}: all at once");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn ap_rel_members_and_relationships_that_mean_nothing_here_are_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("rel").await;
        let before = database.dump().await;
        for (method, path, _, document) in writes(&samples) {
            let send = async |pointer: &str, name: &str, value: Value| {
                let mut edited = document.clone();
                edited.pointer_mut(pointer).unwrap()[name] = value;
                admin.send(method.clone(), &path, &edited).await
            };
            send("", "included", json!([])).await.is_error(400, "/included");
            send("", "errors", json!([])).await.is_error(400, "/errors");
            send("/data", "environment", json!("beta")).await.is_error(400, "/data/environment");
            let mut owned = document.clone();
            owned["data"]["relationships"]["owner"] = json!({"data": {"type": "user", "id": nobody()}});
            assert_eq!(
                admin.send(method.clone(), &path, &owned).await.is(422).places(),
                ["/data/relationships/owner"],
                "{path}"
            );
            owned["data"]["relationships"] = json!({"owner": {"data": 7}});
            admin.send(method.clone(), &path, &owned).await.is_error(400, "/data/relationships/owner/data");
            owned["data"]["relationships"] = json!({"owner": {"links": {}}});
            admin.send(method.clone(), &path, &owned).await.is_error(400, "/data/relationships/owner");
        }
        assert_eq!(database.dump().await, before);
        // What says nothing is ignored.
        let mut jane =
            document("user", json!({"email": "jane@example.com", "password": PASSWORD, "@note": {"a": 1}}), &[]);
        jane["jsonapi"] = json!({"version": "1.0"});
        (jane["meta"], jane["links"]) = (json!({"note": "x"}), json!({"self": "x"}));
        jane["data"]["meta"] = json!({"note": "x"});
        admin.post("users", &jane).await.is(201);
    }

    async fn ap_verbs_other_methods_are_told_what_is_allowed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("verbs").await;
        let before = database.dump().await;
        for sample in &samples {
            let list = if sample.create.is_some() { "GET, HEAD, POST, OPTIONS" } else { "GET, HEAD, OPTIONS" };
            let one = match (sample.update.is_some(), sample.deletable) {
                (true, _) => "GET, HEAD, PATCH, DELETE, OPTIONS",
                (false, true) => "GET, HEAD, DELETE, OPTIONS",
                (false, false) => "GET, HEAD, OPTIONS",
            };
            for (path, allow) in [(sample.path.to_owned(), list), (sample.at(), one)] {
                for method in ["PUT", "TRACE", "PATCH", "DELETE", "POST", "PROPFIND"] {
                    if allow.contains(method) {
                        continue;
                    }
                    let method: Method = method.parse().unwrap();
                    let reply = Reply::of(admin.request(method.clone(), &path)).await;
                    reply.is_error(405, "");
                    assert_eq!(reply.header("allow"), allow, "{method} {path}");
                }
                let options = Reply::of(admin.request(Method::OPTIONS, &path).header("origin", "https://evil.example"))
                    .await
                    .is(204);
                assert_eq!(options.header("allow"), allow);
                assert!(options.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
                let (head, get) =
                    (Reply::of(admin.request(Method::HEAD, &path)).await.is(200), admin.get(&path).await.is(200));
                assert_eq!((head.header("content-type"), head.text.as_str()), (JSON_API, ""), "{path}");
                assert_eq!(head.header("content-length"), get.text.len().to_string(), "{path}");
            }
        }
        assert_eq!(database.dump().await, before);
        for sample in samples.iter().filter(|sample| sample.deletable && sample.path != "signing-keys").rev() {
            admin.delete(&sample.at()).await.is(200);
            admin.delete(&sample.at()).await.is_error(404, "");
        }
    }

    async fn ap_uuid_an_id_has_one_form_and_everything_else_is_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for sample in admin.samples("uuid").await {
            let (path, id) = (sample.path, sample.id.as_str());
            let upper = admin.get(&format!("{path}/{}", id.to_uppercase())).await.is(200);
            assert_eq!(upper.id(), id, "the canonical form comes back");
            let (bare, long) = (id.replace('-', ""), "a".repeat(10_240));
            for odd in [
                &format!("{{{id}}}"),
                &format!("urn:uuid:{id}"),
                &bare,
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
                &format!("{id}x"),
                &format!("{id}%20"),
                &format!("{id}%00"),
                &long,
                "%2e%2e",
                "..;",
                "-1",
                "%ff",
                "'%20OR%201=1--",
                "a%2Fb",
                &format!("{id}/"),
                &format!("{id};x=1"),
            ] {
                let reply = admin.get(&format!("{path}/{odd}")).await;
                assert_eq!(reply.status, 404, "{path}/{odd}: {}", reply.text);
                assert_eq!(reply.header("content-type"), JSON_API, "{path}/{odd}");
            }
        }
        for path in ["", "nothing", "users//", "Users", "users/x/y/z"] {
            admin.get(path).await.is_error(404, "");
        }
    }

    /// What every error says, whoever refuses: the API, the policy, or the front door.
    async fn ap_errors_an_error_names_its_status_and_its_request(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let anonymous = server.anonymous(&server.acme);
        let client = admin.register(json!({"name": "x"}), None).await.id;
        database
            .execute("UPDATE clients SET grant_types = 'not json: SELECT secret FROM nowhere' WHERE name = 'x'")
            .await;
        let many = json!({"data": {"type": "user", "attributes": {"a": 1, "b": 2, "email": 3}}});
        let unlisted = admin.post("users", &many).await.is(422);
        assert_eq!(unlisted.places(), [at("a"), at("b"), at("email"), at("password")]);
        let replies = [
            unlisted,
            anonymous.get("users").await.is(401),
            admin.get("users?x=1&sort=y").await.is(400),
            admin.get("x").await.is(404),
            admin.get(&format!("users/{}", nobody())).await.is(404),
            Reply::of(admin.request(Method::PUT, "users")).await.is(405),
            admin.get(&format!("clients/{client}")).await.is(500),
            admin.get("users/%61").await.is(404),
            Reply::of(server.request_to("nobody.test", Method::GET, "/api/users")).await.is(404),
            admin.get(&format!("users?filter[email]={}", "a".repeat(8_200))).await.is(414),
        ];
        for reply in replies {
            let json = reply.json();
            assert_eq!(json["jsonapi"]["version"], "1.1", "{}", reply.text);
            assert_eq!(json.as_object().unwrap().len(), 2, "{}", reply.text);
            for error in json["errors"].as_array().unwrap() {
                assert_eq!(error["status"], reply.status.to_string(), "{}", reply.text);
                assert_eq!(error["id"], reply.header("x-request-id"), "{}", reply.text);
                for member in ["code", "title", "detail"] {
                    assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{}", reply.text);
                }
            }
            assert_eq!(
                (reply.header("content-type"), reply.header("cache-control")),
                (JSON_API, "no-store"),
                "{}",
                reply.text
            );
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{}", reply.text);
            for leak in ["SELECT", "json", "sqlite", "postgres", "diesel", "column", ".rs", "/work"] {
                assert!(
                    reply.status != 500 || !reply.text.replace("jsonapi", "").contains(leak),
                    "{leak}: {}",
                    reply.text
                );
            }
        }
    }

    /// Every answer of a whole life of every resource, searched for what must not be there.
    async fn ap_secret_fields_no_answer_holds_a_secret_but_the_one_that_made_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("secret").await;
        let mut replies = Vec::new();
        for sample in &samples {
            if let Some(create) = &sample.create {
                replies.push(admin.post(sample.path, create).await.is(201));
            }
            replies.push(admin.get(&format!("{}?page[count]=true", sample.path)).await.is(200));
            replies.push(admin.get(&sample.at()).await.is(200));
            if let Some(update) = &sample.update {
                replies.push(admin.patch(&sample.at(), update).await.is(200));
            }
            for verb in sample.verbs {
                replies.push(admin.patch(&format!("{}/{verb}", sample.at()), &sample.unchanged()).await.is(200));
            }
            let mut secretive = sample.create.clone().unwrap_or_else(|| json!({"data": {"type": sample.kind}}));
            secretive["data"]["attributes"]["password"] = json!("canary-password\u{0}");
            secretive["data"]["attributes"]["client_secret"] = json!("canary-secret");
            replies.push(admin.post(sample.path, &secretive).await);
        }
        for sample in samples.iter().filter(|sample| sample.deletable).rev() {
            replies.push(admin.delete(&sample.at()).await.is(200));
        }
        let mut told = Vec::new();
        for reply in replies {
            assert!(!reply.text.contains("canary-") && !reply.text.contains("$argon2"), "{}", reply.text);
            let mut json = reply.json();
            for (name, start) in [("client_secret", "pay_cs_"), ("token", "pay_se_")] {
                if let Some(secret) = json["meta"].as_object_mut().and_then(|meta| meta.remove(name)) {
                    assert!(secret.as_str().unwrap().starts_with(start), "{}", reply.text);
                    told.push((name, reply.status));
                }
            }
            // How a static token begins may be shown for ever: six of its characters.
            let mut found = secrets(&json);
            found.retain(|secret| !(secret.starts_with("pay_at_") && secret.len() == "pay_at_".len() + 6));
            assert!(found.is_empty(), "{found:?} in {}", reply.text);
        }
        let (made, rotated) = (("client_secret", 201), ("client_secret", 200));
        assert_eq!(told, [("token", 201), made, rotated, made, rotated], "a session, a client, and an application");
    }
}

/// Names of members that are, or could hold, a secret, and values that look like one.
fn secrets(json: &Value) -> Vec<String> {
    const HARMLESS: [&str; 6] = [
        "token_ttl",
        "token_format",
        "access_token_ttl",
        "token_endpoint_auth_method",
        "id_token_claims",
        "previous_secret_expires_at",
    ];
    match json {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| {
                let words = ["private", "secret", "hash", "token", "otp", "password", "sealed", "generation"];
                let exact = ["d", "p", "q", "dp", "dq", "qi", "public_jwk", "jwk"];
                let bad = !HARMLESS.contains(&name.as_str())
                    && (words.iter().any(|word| name.contains(word)) || exact.contains(&name.as_str()));
                bad.then(|| name.clone()).into_iter().chain(secrets(value)).collect::<Vec<_>>()
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(secrets).collect(),
        Value::String(text) => {
            let looks = ["pay_", "$argon2", "PRIVATE KEY", "eyJ"].iter().any(|start| text.starts_with(start));
            looks.then(|| text.clone()).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
