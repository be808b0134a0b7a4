//! Registration as front ends do it: `POST /register`, `/register/verify`, `/register/complete`. Catalogue section A13.

use paylent_crypto::secret::{SecretHash, SecretKind, generate};
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    canaries::Recording,
    support::{
        PASSWORD, Reply, Setting, TestServer,
        browser::{Browser, application, is_protected, person},
        letters::{letters, passcode},
        registering::*,
    },
};

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
