//! Signing in with a password. Catalogue section A12. Who has to wait after failures is in `login_failures`, what floods
//! and refusals cost in `login_costs`. There is no way to switch passwords off (`lo.disabled`).

use paylent_domain::{clock::Stopwatch, user::UserChange};
use paylent_storage::Expected;
use paylent_tests::{both, seed};
use reqwest::Method;

use crate::support::{PASSWORD, Reply, Setting, TestServer, browser::*, change, document};

/// A hash of [`PASSWORD`] with half of today's salt.
const OUTDATED: &str = "$argon2id$v=19$m=8,t=1,p=1$AQEBAQEBAQE$wyzKrXJ+d2u1KVO9rZloTB+ss3ondoTyT+QO8Dp1J5Y";

/// All of a refusal that does not depend on which request it answers.
fn essence(reply: &Reply, email: &str) -> (u16, Vec<String>, String) {
    let varies = ["date", "x-request-id", "content-length"];
    let kept = reply.headers.iter().filter(|(name, _)| !varies.contains(&name.as_str()));
    let headers = kept.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    (reply.status, headers, reply.text.replace(&hidden(reply, "handle"), "").replace(email, ""))
}

both! {
    /// One answer, at the cost of one hash, for everybody who is not let in.
    async fn lo_enum_every_refusal_looks_and_costs_the_same(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let off = person(&server.acme, "off@example.com").await;
        let change = UserChange { active: Some(false), ..UserChange::default() };
        server.acme.seeded.env.update_user(off.parse().unwrap(), change, &Expected::Any, &seed::by()).await.unwrap();
        server.acme.person("placeholder@example.com").await;
        person(&server.acme, "none@example.com").await;
        database.execute("UPDATE users SET password_hash = NULL WHERE email = 'none@example.com'").await;
        assert_eq!(admin.get("users").await.status, 200);
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let mut answers = Vec::new();
        for (email, password) in [
            (EMAIL, "wrong password"),
            ("nobody@example.com", PASSWORD),
            ("off@example.com", PASSWORD),
            ("off@example.com", "wrong password"),
            ("none@example.com", PASSWORD),
            ("placeholder@example.com", PASSWORD),
            ("no address", PASSWORD),
        ] {
            let runs = server.rooms.passwords.runs();
            let reply = browser.sign_in(&page, email, password).await;
            assert_eq!(server.rooms.passwords.runs() - runs, 1, "{email}");
            is_page(&reply, 401);
            answers.push(essence(&reply, email));
        }
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
        }
        let runs = server.rooms.passwords.runs();
        assert_eq!(browser.sign_in(&page, EMAIL, PASSWORD).await.status, 200);
        assert_eq!(server.rooms.passwords.runs() - runs, 1, "who is let in costs no more");
    }

    async fn lo_bucket_spellings_of_one_address_are_one_person(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        for (spelling, status) in [
            ("ADA@Example.COM", 200),
            (" ada@example.com ", 200),
            ("ada@\u{ff45}xample.com", 200),
            ("\u{ff41}da@example.com", 401),
            ("ada@example.com.", 401),
        ] {
            let browser = Browser::new(&server);
            let page = browser.authorize(&client, &[]).await.is(200);
            let reply = browser.sign_in(&page, spelling, PASSWORD).await;
            assert_eq!(reply.status, status, "{spelling}");
        }
        let admin = server.admin(&server.acme).await;
        let twin = serde_json::json!({"email": "ADA@EXAMPLE.com", "password": PASSWORD});
        assert_eq!(admin.post("users", &document("user", twin, &[])).await.status, 409);
    }

    async fn lo_long_and_lo_types_what_can_be_no_password_is_not_hashed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let long = format!("{}{}", "a".repeat(127), "\u{e9}");
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let set = change("user", &ada, serde_json::json!({"password": long}));
        admin.patch(&format!("users/{ada}"), &set).await.is(200);
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let runs = server.rooms.passwords.runs();
        for password in [&format!("{long}x"), &"x".repeat(60_000), "with\0nul and more"] {
            is_page(&browser.sign_in(&page, EMAIL, password).await, 422);
        }
        let (handle, csrf) = (hidden(&page, "handle"), hidden(&page, "csrf"));
        let usual = [("email", EMAIL), ("handle", &*handle), ("csrf", &*csrf)];
        for odd in [&[][..], &[("password[]", "x")], &[("password", "")], &[("password", "x"), ("password", "x")]] {
            is_page(&browser.post("/login", &[&usual[..], odd].concat()).await, 400);
        }
        for body in ["{\"password\":1}", "[]", "null"] {
            let json = browser.request(Method::POST, "/login").header("content-type", "application/json");
            is_page(&browser.send(json.body(body)).await, 400);
        }
        let huge = browser.request(Method::POST, "/login").form(&[("password", "x".repeat(1 << 17))]);
        let huge = browser.send(huge).await;
        assert!([400, 413].contains(&huge.status), "{}", huge.status);
        assert_eq!(server.rooms.passwords.runs(), runs);
        for (at, wrong) in [(72, 'b'), (126, 'b')] {
            let mut password: Vec<char> = long.chars().collect();
            password[at] = wrong;
            let password: String = password.into_iter().collect();
            assert_eq!(browser.sign_in(&page, EMAIL, &password).await.status, 401, "differs at {at}");
        }
        assert_eq!(browser.sign_in(&page, EMAIL, &long).await.status, 200);
    }

    async fn lo_unicode_however_a_keyboard_writes_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let set = change("user", &ada, serde_json::json!({"password": " caf\u{e9} \u{1f642} "}));
        admin.patch(&format!("users/{ada}"), &set).await.is(200);
        for (password, status) in [
            (" caf\u{e9} \u{1f642} ", 200),
            (" cafe\u{301} \u{1f642} ", 200),
            ("caf\u{e9} \u{1f642}", 401),
            (" cafe \u{1f642} ", 401),
            (" caf\u{e9} \u{1f643} ", 401),
        ] {
            let browser = Browser::new(&server);
            let page = browser.authorize(&client, &[]).await.is(200);
            assert_eq!(browser.sign_in(&page, EMAIL, password).await.status, status, "{password:?}");
        }
    }

    async fn lo_rehash_an_outdated_hash_is_replaced_unless_the_password_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let env = &server.acme.seeded.env;
        let hash = async || database.values(&format!("SELECT password_hash FROM users WHERE email = '{EMAIL}'")).await.remove(0);
        let outdated = format!("UPDATE users SET password_hash = '{OUTDATED}' WHERE email = '{EMAIL}'");
        database.execute(&outdated).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        assert_eq!(browser.sign_in(&page, EMAIL, "wrong password").await.status, 401);
        assert_eq!(hash().await, OUTDATED);
        let generation = format!("SELECT generation FROM users WHERE email = '{EMAIL}'");
        let before = database.values(&generation).await;
        assert_eq!(browser.sign_in(&page, EMAIL, PASSWORD).await.status, 200);
        let renewed = hash().await;
        assert!(renewed != OUTDATED && renewed.starts_with("$argon2id$v=19$"), "{renewed}");
        assert_eq!(database.values(&generation).await, before, "nothing of the person changed");
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        assert_eq!(browser.sign_in(&page, EMAIL, PASSWORD).await.status, 200);
        assert_eq!(hash().await, renewed, "once");
        let ada = env.sign_in_candidate(EMAIL, &[0; 32]).await.unwrap().unwrap().user_id;
        let late = paylent_domain::user::PasswordHash("late".to_owned());
        assert!(!env.renew_password_hash(ada, OUTDATED, &late).await.unwrap(), "somebody chose another one meanwhile");
        assert_eq!(hash().await, renewed);
    }

    async fn lo_redirect_and_lo_preauth_a_login_leads_on_by_303_and_tells_nothing_before(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let before = database.dump().await;
        let page = browser.authorize(&client, &[("login_hint", EMAIL)]).await.is(200);
        let hinted = browser.authorize(&client, &[("login_hint", "nobody@example.com")]).await.is(200);
        let plain = |page: &Reply, email: &str| {
            let text = page.text.replace(&hidden(page, "handle"), "").replace(&hidden(page, "csrf"), "");
            text.replace(email, "")
        };
        assert_eq!(plain(&page, EMAIL), plain(&hinted, "nobody@example.com"), "nobody learns who has an account");
        assert!(!page.text.contains("Jane"));
        assert_eq!(database.dump().await, before, "a page that is shown stores nothing");
        browser.code(&client).await;
        server.clock.advance_seconds(1);
        let again = browser.authorize(&client, &[("prompt", "login")]).await.is(200);
        let reply = browser.sign_in(&again, EMAIL, PASSWORD).await;
        assert!(reply.status == 303 && !reply.text.contains(PASSWORD) && !reply.header("location").contains(PASSWORD));
    }

    async fn lo_429_the_eleventh_attempt_is_not_even_compared(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { limited: true, ..Setting::default() }).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let mut attempts = 0;
        let refused = loop {
            let runs = server.rooms.passwords.runs();
            let reply = browser.sign_in(&page, EMAIL, if attempts < 10 { "wrong password" } else { PASSWORD }).await;
            if reply.status == 429 {
                assert_eq!(server.rooms.passwords.runs(), runs);
                break reply;
            }
            attempts += 1;
            assert!(attempts < 20);
        };
        assert!(attempts >= 10, "{attempts}");
        is_page(&refused, 429);
        assert!((1..=6).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
        assert!(refused.text.contains("Too many attempts"), "{}", refused.text);
        assert_eq!(browser.authorize(&client, &[]).await.status, 200, "the page is still there");
    }

    /// The limit of requests ends when it says. Its clock is the machine's, so this asks until then.
    async fn lo_429_whoever_waits_as_long_as_told_signs_in(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { limited: true, ..Setting::default() }).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let mut refused = browser.sign_in(&page, "eve@example.com", "wrong password").await;
        while refused.status != 429 {
            refused = browser.sign_in(&page, "eve@example.com", "wrong password").await;
        }
        let (wait, asked) = (refused.header("retry-after").parse::<u64>().unwrap(), Stopwatch::start());
        let mut reply = browser.sign_in(&page, EMAIL, PASSWORD).await;
        while reply.status == 429 {
            assert!(asked.elapsed().as_secs() <= wait, "longer than {wait} s");
            reply = browser.sign_in(&page, EMAIL, PASSWORD).await;
        }
        assert_eq!(reply.status, 200);
    }
}
