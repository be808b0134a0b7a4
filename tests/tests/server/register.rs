//! Registration as front ends do it: `POST /register`, `/register/verify`, `/register/complete`. Catalogue section A13.

use std::sync::atomic::{AtomicU32, Ordering};

use paylent_crypto::secret::{SecretHash, SecretKind, generate};
use paylent_tests::{TestDatabase, both};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    canaries::Recording,
    support::{
        PASSWORD, Reply, Setting, Tenant, TestServer,
        browser::{Browser, application, is_page, is_protected, person},
        letters::{letters, passcode},
    },
};

pub const JANE: &str = "jane@example.com";

/// A server that believes the front ends' word on where a person is: mails are counted by that, too.
pub async fn start(database: &TestDatabase) -> TestServer {
    TestServer::start_with(database, Setting { proxies: &["127.0.0.1"], ..Setting::default() }).await
}

/// A network that nobody was in before.
pub fn elsewhere() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let [_, b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("10.{b}.{c}.{d}")
}

impl TestServer {
    /// A request of a front end.
    pub fn ask_as_front_end(&self, tenant: &Tenant, path: &str, body: &Value) -> RequestBuilder {
        self.request(tenant, Method::POST, path).json(body)
    }

    /// Asks for a mail, from a network of its own.
    pub async fn register(&self, email: &str) -> Reply {
        let request = self.ask_as_front_end(&self.acme, "/register", &json!({"email": email}));
        Reply::of(request.header("x-forwarded-for", elsewhere())).await
    }

    /// Begins a registration and gives its id.
    pub async fn begin(&self, email: &str) -> String {
        self.register(email).await.is(202).json()["registration_id"].as_str().unwrap().to_owned()
    }

    pub async fn verify(&self, id: &str, passcode: &str) -> Reply {
        Reply::of(self.verification(id, passcode)).await
    }

    pub fn verification(&self, id: &str, passcode: &str) -> RequestBuilder {
        let body = json!({"registration_id": id, "passcode": passcode});
        self.ask_as_front_end(&self.acme, "/register/verify", &body)
    }

    /// Goes as far as the token.
    pub async fn prove(&self, database: &TestDatabase, email: &str) -> String {
        let id = self.begin(email).await;
        let reply = self.verify(&id, &passcode(database, email).await).await.is(200);
        reply.json()["registration_token"].as_str().unwrap().to_owned()
    }

    pub async fn complete(&self, token: &str) -> Reply {
        Reply::of(self.completion(&about(token))).await
    }

    pub fn completion(&self, body: &Value) -> RequestBuilder {
        self.ask_as_front_end(&self.acme, "/register/complete", body)
    }
}

/// What completes a registration.
pub fn about(token: &str) -> Value {
    json!({
        "registration_token": token,
        "first_name": "Jane",
        "last_name": "Doe",
        "password": PASSWORD,
        "password_confirmation": PASSWORD,
    })
}

/// Five codes that are not this one.
pub fn wrong(passcode: &str) -> Vec<String> {
    let right: u32 = passcode.parse().unwrap();
    (1..=5).map(|step| format!("{:06}", (right + step) % 1_000_000)).collect()
}

/// Asserts the error document of these endpoints.
#[track_caller]
pub fn is_refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!(reply.status, status, "{}", reply.text);
    assert_eq!((reply.header("content-type"), reply.header("cache-control")), ("application/json", "no-store"));
    let json = reply.json();
    assert_eq!(json["error"], error, "{}", reply.text);
    assert!(json["error_description"].as_str().unwrap().ends_with('.'), "{}", reply.text);
    assert_eq!(json.as_object().unwrap().len(), 2, "{}", reply.text);
    assert!(reply.headers.get("set-cookie").is_none());
}

/// What of an answer does not depend on when and to whom it was given.
fn shape(reply: &Reply) -> (u16, Vec<String>, usize, Value) {
    let mut headers: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    let mut body = reply.json();
    body["registration_id"] = json!("");
    (reply.status, headers, reply.text.len(), body)
}

both! {
    async fn registration_makes_a_verified_person_who_can_sign_in(database: TestDatabase) {
        let server = start(&database).await;
        let begun = server.register(JANE).await.is(202);
        assert_eq!(begun.json()["expires_in"], 600);
        let id = begun.json()["registration_id"].as_str().unwrap().to_owned();
        let proved = server.verify(&id, &passcode(&database, JANE).await).await.is(200);
        assert_eq!(proved.json()["expires_in"], 900);
        let token = proved.json()["registration_token"].as_str().unwrap().to_owned();
        let made = server.complete(&token).await.is(201);
        assert!(made.headers.get("set-cookie").is_none(), "a front end gets no session");
        let admin = server.admin(&server.acme).await;
        let user = admin.get(&format!("users/{}", made.json()["id"].as_str().unwrap())).await.is(200);
        for (name, value) in [
            ("email", json!(JANE)),
            ("email_verified", json!(true)),
            ("first_name", json!("Jane")),
            ("last_name", json!("Doe")),
            ("kind", json!("person")),
            ("active", json!(true)),
        ] {
            assert_eq!(user.attribute(name), value, "{name}");
        }
        let event = admin.get("audit-events?filter[action]=user.registered").await.is(200).json()["data"][0].clone();
        assert_eq!(event["attributes"]["actor"]["name"], JANE, "{event}");
        let client = application(&server.acme, paylent_domain::client::ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        assert_eq!(browser.sign_in(&page, JANE, PASSWORD).await.status, 200);
        assert_eq!(database.count("registrations").await, 0);
    }

    /// A known and an unknown address look alike, cost alike, and nothing happens to the account.
    async fn ot_enum_nobody_learns_which_addresses_are_known(database: TestDatabase) {
        let server = start(&database).await;
        person(&server.acme, "ada@example.com").await;
        server.begin("warm@example.com").await;
        let users = database.values("SELECT email_key || generation || updated_at FROM users").await;
        let mut told = Vec::new();
        for email in ["new@example.com", "Ada@Example.com", "ada@example.com"] {
            server.clock.advance_seconds(1);
            let before = server.db.statements();
            let reply = server.register(email).await;
            let cost = server.db.statements() - before;
            let id = reply.json()["registration_id"].as_str().unwrap().to_owned();
            let before = server.db.statements();
            let refused = server.verify(&id, "000000").await;
            let refused = (refused.status, refused.text.clone(), server.db.statements() - before);
            told.push((shape(&reply), cost, refused));
        }
        assert!(told[0].0.0 == 202 && told.iter().all(|other| *other == told[0]), "{told:#?}");
        assert_eq!(database.values("SELECT email_key || generation || updated_at FROM users").await, users);
        let kinds: Vec<_> = letters(&database).await.iter().map(|mail| format!("{} {}", mail.to, mail.letter.kind())).collect();
        assert_eq!(kinds[1..], [
            "new@example.com passcode",
            "Ada@Example.com already_registered",
            "ada@example.com already_registered",
        ]);
        let sizes = database.values("SELECT DISTINCT expires_at - created_at FROM mails").await;
        assert_eq!(sizes, ["600000000"]);
    }

    async fn ot_enum_no_code_opens_a_registration_of_a_known_address(database: TestDatabase) {
        let server = start(&database).await;
        person(&server.acme, JANE).await;
        server.begin(JANE).await;
        let macs = database.count("registrations WHERE passcode_mac IS NOT NULL").await;
        assert_eq!((macs, database.count("registrations").await), (0, 1));
    }

    async fn ot_guess_after_five_wrong_codes_the_right_one_is_wrong(database: TestDatabase) {
        let server = start(&database).await;
        let id = server.begin(JANE).await;
        let right = passcode(&database, JANE).await;
        for code in wrong(&right) {
            is_refused(&server.verify(&id, &code).await, 400, "invalid_registration");
        }
        is_refused(&server.verify(&id, &right).await, 400, "invalid_registration");
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["5"], "there is no sixth attempt");
        assert_eq!(database.count("registrations WHERE token_hash IS NOT NULL").await, 0);
    }

    async fn ot_expiry_code_and_token_end_although_nobody_cleans_up(database: TestDatabase) {
        let server = start(&database).await;
        let id = server.begin(JANE).await;
        let code = passcode(&database, JANE).await;
        server.clock.advance_seconds(601);
        is_refused(&server.verify(&id, &code).await, 400, "invalid_registration");
        let id = server.begin(JANE).await;
        let code = passcode(&database, JANE).await;
        server.clock.advance_seconds(599);
        let token = server.verify(&id, &code).await.is(200).json()["registration_token"].as_str().unwrap().to_owned();
        server.clock.advance_seconds(901);
        is_refused(&server.complete(&token).await, 400, "invalid_registration");
        assert_eq!(database.count(&format!("users WHERE email = '{JANE}'")).await, 0);
        let token = server.prove(&database, JANE).await;
        server.clock.advance_seconds(899);
        server.complete(&token).await.is(201);
    }

    async fn ot_reuse_a_code_and_a_token_work_once(database: TestDatabase) {
        let server = start(&database).await;
        let id = server.begin(JANE).await;
        let code = passcode(&database, JANE).await;
        let token = server.verify(&id, &code).await.is(200).json()["registration_token"].as_str().unwrap().to_owned();
        is_refused(&server.verify(&id, &code).await, 400, "invalid_registration");
        server.complete(&token).await.is(201);
        is_refused(&server.complete(&token).await, 400, "invalid_registration");
    }

    async fn ot_bind_a_code_is_good_for_its_own_registration_only(database: TestDatabase) {
        let server = start(&database).await;
        let (jane, joe) = (server.begin(JANE).await, server.begin("joe@example.com").await);
        let (hers, his) = (passcode(&database, JANE).await, passcode(&database, "joe@example.com").await);
        assert_ne!(hers, his, "one in a million runs fails here");
        is_refused(&server.verify(&jane, &his).await, 400, "invalid_registration");
        is_refused(&server.verify(&joe, &hers).await, 400, "invalid_registration");
        // The same in another environment, where the registration is not known.
        let body = json!({"registration_id": jane, "passcode": hers});
        let elsewhere = Reply::of(server.ask_as_front_end(&server.beta, "/register/verify", &body)).await;
        is_refused(&elsewhere, 400, "invalid_registration");
        let token = server.verify(&jane, &hers).await.is(200).json()["registration_token"].as_str().unwrap().to_owned();
        let elsewhere = Reply::of(server.ask_as_front_end(&server.beta, "/register/complete", &about(&token))).await;
        is_refused(&elsewhere, 400, "invalid_registration");
        // The row moved to the other registration, as somebody with the database could: its code is hashed for hers.
        database.execute("UPDATE registrations SET passcode_mac = NULL WHERE email = 'joe@example.com'").await;
        let mac = database.bytes(SecretHash::of("x").as_bytes());
        database.execute(&format!("UPDATE registrations SET passcode_mac = {mac} WHERE email = 'joe@example.com'")).await;
        is_refused(&server.verify(&joe, &his).await, 400, "invalid_registration");
        server.complete(&token).await.is(201);
        assert_eq!(database.count("users WHERE email = 'joe@example.com'").await, 0);
    }

    async fn ot_skip_no_step_can_be_left_out(database: TestDatabase) {
        let server = start(&database).await;
        let id = server.begin(JANE).await;
        let forged = generate(SecretKind::RegistrationToken).unwrap();
        let users = database.count("users").await;
        for token in ["", "x", &id, forged.expose(), &id.replace("pay_ri_", "pay_rg_")] {
            is_refused(&server.complete(token).await, 400, "invalid_registration");
        }
        let mut flagged = about(forged.expose());
        for (name, value) in [("verified", "true"), ("state", "proved"), ("email", JANE), ("registration_id", &id)] {
            flagged[name] = json!(value);
        }
        is_refused(&Reply::of(server.completion(&flagged)).await, 400, "invalid_registration");
        is_refused(&server.verify(&id.replace("pay_ri_", "pay_rg_"), "000000").await, 400, "invalid_registration");
        assert_eq!(database.count("users").await, users);
    }

    async fn ot_email_swap_and_ot_mass_what_else_is_sent_changes_nothing(database: TestDatabase) {
        let server = start(&database).await;
        let token = server.prove(&database, JANE).await;
        let mut body = about(&token);
        let chosen = "018f0000-0000-7000-8000-000000000001";
        for (name, value) in [
            ("email", "eve@example.com"),
            ("id", chosen),
            ("user_id", chosen),
            ("is_admin", "true"),
            ("roles", "admin"),
            ("env_id", chosen),
            ("email_verified", "false"),
            ("kind", "service"),
        ] {
            body[name] = json!(value);
        }
        let mut nested = body.clone();
        nested["roles"] = json!(["admin"]);
        is_refused(&Reply::of(server.completion(&nested)).await, 422, "invalid_request");
        let id = Reply::of(server.completion(&body)).await.is(201).json()["id"].as_str().unwrap().to_owned();
        assert_ne!(id, chosen);
        let admin = server.admin(&server.acme).await;
        let user = admin.get(&format!("users/{id}?include=roles")).await.is(200);
        assert_eq!((user.attribute("email"), user.attribute("kind")), (json!(JANE), json!("person")));
        assert_eq!(user.json()["data"]["relationships"]["roles"]["data"], json!([]));
        assert_eq!(database.count("users WHERE email = 'eve@example.com'").await, 0);
        assert_eq!(database.count("memberships").await, 2, "those of the accounts' admins");
    }

    async fn ot_disabled_every_step_is_refused_also_of_those_who_have_begun(database: TestDatabase) {
        let server = start(&database).await;
        let (begun, token) = (server.begin("joe@example.com").await, server.prove(&database, JANE).await);
        let code = passcode(&database, "joe@example.com").await;
        let env = &server.acme.seeded.env;
        let switch = async |enabled| {
            let change = paylent_domain::environment::SettingsChange {
                registration_enabled: Some(enabled),
                ..Default::default()
            };
            env.update_settings(change, &paylent_storage::Expected::Any, &paylent_tests::seed::by()).await.unwrap();
        };
        switch(false).await;
        let (mails, users) = (database.count("mails").await, database.count("users").await);
        is_refused(&server.register("new@example.com").await, 403, "registration_disabled");
        is_refused(&server.verify(&begun, &code).await, 403, "registration_disabled");
        is_refused(&server.complete(&token).await, 403, "registration_disabled");
        assert_eq!((database.count("mails").await, database.count("users").await), (mails, users));
        assert_eq!(database.values("SELECT attempts FROM registrations WHERE token_hash IS NULL").await, ["0"]);
        let reply = Reply::of(server.ask_as_front_end(&server.beta, "/register", &json!({"email": JANE}))).await;
        assert_eq!(reply.status, 202, "another environment decides for itself");
        switch(true).await;
        server.complete(&token).await.is(201);
    }

    async fn ot_leak_and_ot_store_the_code_is_in_the_mail_alone(database: TestDatabase) {
        let recording = Recording::start();
        let server = start(&database).await;
        let mut replies = vec![server.register(JANE).await.is(202)];
        let id = replies[0].json()["registration_id"].as_str().unwrap().to_owned();
        let code = passcode(&database, JANE).await;
        // Six digits occur by chance in times and lengths, so what is looked for is longer: the code as values are shown.
        let shown = [format!("\"{code}\""), format!("'{code}'"), format!("={code}"), format!(" {code} ")];
        let hex: String = code.bytes().map(|byte| format!("{byte:02x}")).collect();
        let dump = database.dump().await.join("\n").to_lowercase();
        assert!(dump.contains(JANE) && shown.iter().all(|shown| !dump.contains(shown)) && !dump.contains(&hex));
        let plain: String = SecretHash::of(&code).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!dump.contains(&plain), "a hash without a key could be looked up");
        let admin = server.admin(&server.acme).await;
        replies.push(server.verify(&id, &wrong(&code)[0]).await.is(400));
        replies.push(server.verify(&id, &code).await.is(200));
        let token = replies[2].json()["registration_token"].as_str().unwrap().to_owned();
        replies.push(server.complete(&token).await.is(201));
        replies.push(admin.get("audit-events?page[size]=100").await.is(200));
        for reply in &replies {
            assert!(shown.iter().all(|shown| !reply.text.contains(shown)), "{}", reply.text);
            assert!(reply.headers.values().all(|value| !value.to_str().unwrap().contains(&code)));
        }
        let (dump, log) = (database.dump().await.join("\n").to_lowercase(), recording.text());
        assert!(log.contains("/register/verify"), "the log was recorded");
        for secret in [&id, &token, &PASSWORD.to_owned()] {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(!dump.contains(&secret.to_lowercase()) && !dump.contains(&hex) && !log.contains(secret.as_str()));
        }
        assert!(shown.iter().all(|shown| !log.contains(shown)));
    }

    /// Only what is a code is an attempt.
    async fn ot_format_what_is_not_six_digits_is_malformed_and_no_attempt(database: TestDatabase) {
        let server = start(&database).await;
        let id = server.begin(JANE).await;
        for code in ["", " 123456", "123456 ", "12345", "1234567", "１２３４５６", "12345a", "+12345", "12 345", "1\u{0}2345"] {
            is_refused(&server.verify(&id, code).await, 422, "invalid_request");
        }
        for code in [json!(123_456), json!(123), json!(["123456"]), json!({"code": "123456"}), json!(null), json!(true)] {
            let body = json!({"registration_id": id, "passcode": code});
            let request = server.ask_as_front_end(&server.acme, "/register/verify", &body);
            is_refused(&Reply::of(request).await, 422, "invalid_request");
        }
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["0"]);
        server.verify(&id, "000123").await.is(400);
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["1"], "zeros in front are digits");
    }

    async fn bodies_that_are_not_what_they_should_be_are_refused(database: TestDatabase) {
        let server = start(&database).await;
        for path in ["/register", "/register/verify", "/register/complete"] {
            for body in ["", "{", "[]", "null", "\"x\"", "{\"email\":\"a@b.example\",\"email\":\"a@b.example\"}", "{\"email\":1}"] {
                let request = server.request(&server.acme, Method::POST, path);
                let request = request.header("content-type", "application/json").body(body);
                is_refused(&Reply::of(request).await, 422, "invalid_request");
            }
            // What a page of another site could send without asking.
            for media_type in ["text/plain", "multipart/form-data; boundary=x", "application/jsonx"] {
                let request = server.request(&server.acme, Method::POST, path).header("content-type", media_type);
                is_page(&Reply::of(request.body("{\"email\":\"jane@example.com\"}")).await, 400);
            }
            let large = server.request(&server.acme, Method::POST, path).header("content-type", "application/json");
            assert_eq!(Reply::of(large.body(" ".repeat(65_537))).await.status, 413);
            assert_eq!(Reply::of(server.request(&server.acme, Method::DELETE, path)).await.status, 405);
        }
        assert_eq!(database.count("mails").await, 0);
    }

    async fn what_is_told_of_a_person_is_checked(database: TestDatabase) {
        let server = start(&database).await;
        let token = server.prove(&database, JANE).await;
        database.execute("UPDATE environments SET password_min_length = 12").await;
        for (field, value) in [
            ("first_name", ""),
            ("first_name", "  "),
            ("last_name", "a\nb"),
            ("last_name", &"x".repeat(101)),
            ("first_name", "a\u{202e}b"),
            ("password", "short"),
            ("password", "elevenchars"),
            ("password", &"x".repeat(129)),
            ("password_confirmation", "something else"),
        ] {
            let mut body = about(&token);
            body[field] = json!(value);
            if field == "password" {
                body["password_confirmation"] = json!(value);
            }
            let reply = Reply::of(server.completion(&body)).await;
            is_refused(&reply, 422, "invalid_request");
            assert!(reply.json()["error_description"].as_str().unwrap().starts_with(field), "{}", reply.text);
        }
        let runs = server.rooms.passwords.runs();
        assert_eq!(runs, 0, "nothing is hashed for what is refused");
        server.complete(&token).await.is(201);
    }

    /// No session, no sign-in, no user before the address is proved and the rest told.
    async fn ot_unverified_an_address_that_was_not_proved_opens_nothing(database: TestDatabase) {
        let server = start(&database).await;
        let client = application(&server.acme, paylent_domain::client::ClientType::Confidential).await;
        let (users, sessions) = (database.count("users").await, database.count("sessions").await);
        let token = server.prove(&database, JANE).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        assert_eq!(browser.sign_in(&page, JANE, PASSWORD).await.status, 401);
        for cookie in [&token, &token.replace("pay_rg_", "pay_se_")] {
            browser.set_cookie("paylent_session", cookie);
            assert!(!browser.is_signed_in(&client).await);
        }
        assert_eq!((database.count("users").await, database.count("sessions").await), (users, sessions));
    }

    /// An outage leaves nothing half-done.
    async fn while_no_mail_can_be_queued_no_registration_begins(database: TestDatabase) {
        let server = start(&database).await;
        database.execute("ALTER TABLE mails RENAME TO away").await;
        let reply = server.register(JANE).await;
        is_refused(&reply, 503, "temporarily_unavailable");
        assert!(!reply.header("retry-after").is_empty());
        assert_eq!((database.count("registrations").await, database.count("counters").await), (0, 0));
        database.execute("ALTER TABLE away RENAME TO mails").await;
        let token = server.prove(&database, JANE).await;
        let users = database.count("users").await;
        database.execute("ALTER TABLE audit_events RENAME TO away").await;
        is_refused(&server.complete(&token).await, 503, "temporarily_unavailable");
        assert_eq!(database.count("users").await, users);
        database.execute("ALTER TABLE away RENAME TO audit_events").await;
        server.complete(&token).await.is(201);
    }

    /// The eleventh attempt within a minute from one address is not even looked at, in the words of front ends.
    async fn registration_has_the_small_quota(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { limited: true, ..Setting::default() }).await;
        for path in ["/register", "/register/verify", "/register/complete"] {
            let mut refused = Reply::of(server.ask_as_front_end(&server.acme, path, &json!({}))).await;
            let mut admitted = 0;
            while refused.status != 429 {
                admitted += 1;
                assert!(admitted < 20, "{}", refused.text);
                refused = Reply::of(server.ask_as_front_end(&server.acme, path, &json!({}))).await;
            }
            assert!(admitted >= 10, "{admitted}");
            is_refused(&refused, 429, "too_many_requests");
            assert!(!refused.header("retry-after").is_empty());
            let form = server.request(&server.acme, Method::POST, path).form(&[("x", "y")]);
            let page = Reply::of(form).await.is(429);
            is_protected(&page);
            assert!(page.text.contains("Too many attempts"));
        }
    }
}
