//! Failed sign-ins: who has to wait, and who does not. Catalogue section A12.

use std::collections::BTreeMap;

use paylent_mail::About;
use paylent_tests::both;

use crate::{
    at_once::at_once,
    support::{PASSWORD, Reply, Setting, TestServer, account::*, browser::*, letters::letters, oauth::Registered},
};

const PROXIED: Setting = Setting {
    limited: false,
    proxies: &["127.0.0.1"],
    default_environment: None,
    https: false,
    hashing: None,
    public_only: false,
    minimum_password: None,
    mail: None,
};

/// Tries a password in a browser, from an address.
async fn attempt(browser: &Browser<'_>, client: &Registered, from: &str, email: &str, password: &str) -> u16 {
    if browser.cookie(SESSION).is_some() {
        // So that the request is later than the last sign-in, and asks for another.
        browser.server.clock.advance_seconds(1);
    }
    let page = browser.authorize(client, &[("prompt", "login")]).await.is(200);
    let form = browser.sign_in_form(&page, email, password).header("x-forwarded-for", from);
    browser.send(form).await.status
}

/// Fails so often in a browser.
async fn fail(browser: &Browser<'_>, client: &Registered, from: &str, email: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(attempt(browser, client, from, email, "wrong password").await, 401);
    }
}

/// Every place that asks for the current password, with the answer to a wrong one and to the right one. The last ends the
/// account.
const PLACES: [(&str, u16, u16); 6] = [
    ("/login?prompt=login", 401, 303),
    ("prompt=login", 401, 200),
    ("max_age=1", 401, 200),
    ("/account/email", 422, 303),
    ("/account/password", 422, 303),
    ("/account/delete", 422, 200),
];

/// What the person changes the password to.
const NEW: &str = "a much longer passphrase";

/// Shows a password there.
async fn show(browser: &Browser<'_>, client: &Registered, place: &str, password: &str) -> Reply {
    match place {
        "/account/email" => {
            fill_in(browser, place, &[("email", "new@example.com"), ("current_password", password)]).await
        }
        "/account/password" => {
            let new = [("password", NEW), ("password_confirmation", NEW)];
            fill_in(browser, place, &[&[("current_password", password)][..], &new].concat()).await
        }
        "/account/delete" => fill_in(browser, place, &[("email", EMAIL), ("current_password", password)]).await,
        "/login?prompt=login" => sign_in_here(browser, place, EMAIL, password).await,
        parameter => {
            let page = browser.authorize(client, &[parameter.split_once('=').unwrap()]).await.is(200);
            browser.sign_in(&page, EMAIL, password).await
        }
    }
}

both! {
    /// Guesses count wherever they are made, and whoever has to wait gets in nowhere.
    async fn lo_all_paths_who_has_to_wait_waits_wherever_a_password_is_asked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        let mut password = PASSWORD;
        for (round, (place, _, right)) in PLACES.into_iter().enumerate() {
            // Later than the last sign-in, so that the application's requests ask for another.
            server.clock.advance_seconds(2);
            let mut refusals = BTreeMap::new();
            for guess in 0..10 {
                let (place, wrong, _) = PLACES[(round + guess) % PLACES.len()];
                let refused = show(&browser, &client, place, "wrong password").await;
                assert_eq!(refused.status, wrong, "{place}");
                refusals.insert(place, refused);
            }
            let before = database.dump().await;
            for (place, wrong, _) in PLACES {
                let refused = show(&browser, &client, place, password).await;
                assert_eq!(refused.status, wrong, "{place} must wait");
                let plain = |reply: &Reply| match reply.text.contains("name=\"handle\"") {
                    true => reply.text.replace(&hidden(reply, "handle"), ""),
                    false => reply.text.clone(),
                };
                assert_eq!(plain(&refused), plain(&refusals[place]), "{place}: as a wrong one is refused");
            }
            assert_eq!(database.dump().await, before);
            server.clock.advance_seconds(60);
            assert_eq!(show(&browser, &client, place, password).await.status, right, "{place} after the wait");
            if place == "/account/password" {
                password = NEW;
            }
        }
        assert_eq!(database.count(&format!("users WHERE email = '{EMAIL}'")).await, 0, "each has done what it is for");
    }

    /// Ten wrong passwords, and the right one has to wait: a minute, two, four, eight, and never more than fifteen.
    async fn lo_throttle_the_wait_grows_and_ends(database: TestDatabase) {
        let server = TestServer::start_with(&database, PROXIED).await;
        let client = scene(&server.acme).await;
        let (stranger, here, there) = (Browser::new(&server), "203.0.113.1", "203.0.113.2");
        fail(&stranger, &client, here, EMAIL, 10).await;
        for wait in [60, 120, 240, 480, 900, 900] {
            assert_eq!(attempt(&stranger, &client, here, EMAIL, PASSWORD).await, 401, "within {wait} s");
            server.clock.advance_seconds(wait - 1);
            assert_eq!(attempt(&stranger, &client, here, EMAIL, PASSWORD).await, 401, "within {wait} s");
            server.clock.advance_seconds(1);
            fail(&stranger, &client, here, EMAIL, 1).await;
        }
        assert_eq!(attempt(&Browser::new(&server), &client, here, EMAIL, PASSWORD).await, 401, "by address");
        assert_eq!(attempt(&Browser::new(&server), &client, there, EMAIL, PASSWORD).await, 200, "and not from another");
        server.clock.advance_seconds(900);
        assert_eq!(attempt(&stranger, &client, here, EMAIL, PASSWORD).await, 200, "never for ever");
        fail(&Browser::new(&server), &client, here, EMAIL, 9).await;
        assert_eq!(attempt(&Browser::new(&server), &client, here, EMAIL, PASSWORD).await, 200, "a success forgets");
    }

    /// Guesses from everywhere lock nobody out of a browser of their own, and stop after a hundred.
    async fn lo_throttle_guesses_from_everywhere_stop_and_do_not_lock_out_a_known_browser(database: TestDatabase) {
        let server = TestServer::start_with(&database, PROXIED).await;
        let client = scene(&server.acme).await;
        let known = Browser::new(&server);
        assert_eq!(attempt(&known, &client, "203.0.113.1", EMAIL, PASSWORD).await, 200);
        let stranger = Browser::new(&server);
        for place in 0..20 {
            fail(&stranger, &client, &format!("198.51.100.{place}"), EMAIL, 5).await;
        }
        let elsewhere = "198.51.100.99";
        assert_eq!(attempt(&stranger, &client, elsewhere, EMAIL, PASSWORD).await, 401, "a hundred are enough");
        for place in ["203.0.113.1", "198.51.100.1"] {
            assert_eq!(attempt(&known, &client, place, EMAIL, PASSWORD).await, 200, "the person's own browser");
        }
        fail(&known, &client, "203.0.113.1", EMAIL, 10).await;
        assert_eq!(attempt(&known, &client, "203.0.113.1", EMAIL, PASSWORD).await, 401, "has a limit of its own");
        server.clock.advance_seconds(900);
        assert_eq!(attempt(&stranger, &client, elsewhere, EMAIL, PASSWORD).await, 200);
    }

    /// However an address is written it is one counter, also when nobody has it.
    async fn lo_bucket_spellings_of_one_address_share_a_counter(database: TestDatabase) {
        let server = TestServer::start_with(&database, PROXIED).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for name in ["ada", "nobody"] {
            let spellings = [
                format!("{}@example.com", name.to_uppercase()),
                format!("{name}@EXAMPLE.com"),
                format!(" {name}@example.com "),
                format!("{name}@\u{ff45}xample.com"),
                format!("{name}@Example.Com"),
            ];
            for spelling in &spellings {
                fail(&browser, &client, "203.0.113.1", spelling, 2).await;
            }
            let counted = format!("SELECT count FROM counters WHERE name LIKE 'sign_in:%:{name}@example.com%'");
            assert_eq!(database.values(&counted).await, ["10", "10"], "{name}: by address and by account");
        }
        assert_eq!(attempt(&browser, &client, "203.0.113.1", EMAIL, PASSWORD).await, 401);
        fail(&browser, &client, "2001:db8:1:2::1", EMAIL, 5).await;
        fail(&browser, &client, "2001:db8:1:2:3:4:5:6", EMAIL, 5).await;
        assert_eq!(attempt(&browser, &client, "2001:db8:1:2::7", EMAIL, PASSWORD).await, 401, "one network");
        assert_eq!(attempt(&browser, &client, "2001:db8:1:3::7", EMAIL, PASSWORD).await, 200);
    }

    /// Of two hundred wrong passwords at once, over two processes, ten are looked at.
    async fn lo_parallel_no_more_are_compared_than_may_be(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let node = server.beside(&database);
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let beside = browser.at(&node, &node.acme);
        let both = [&browser, &beside];
        let forms = (0..200).map(|number| both[number % 2].sign_in_form(&page, EMAIL, "wrong password"));
        let replies = at_once(forms.collect()).await;
        let answered = replies.iter().filter(|reply| reply.status == 401).count();
        let busy = replies.iter().filter(|reply| reply.status == 503).count();
        assert_eq!(answered + busy, 200);
        let counted = database.values("SELECT count FROM counters WHERE name LIKE 'sign_in:%' ORDER BY name").await;
        assert_eq!(counted, ["10", "10"], "each counted once, and none beyond the limit looked at");
        for browser in both {
            assert_eq!(browser.sign_in(&page, EMAIL, PASSWORD).await.status, 401, "on every node");
        }
    }

    /// Counted before it is compared: a caller who goes away has guessed all the same, and a failure elsewhere undoes nothing.
    async fn lo_counter_tx_an_attempt_counts_also_when_nobody_waits_for_its_answer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let counted = async || database.values("SELECT count FROM counters WHERE name LIKE 'sign_in:account:%'").await;
        database.execute("ALTER TABLE sessions RENAME TO away").await;
        assert_eq!(browser.sign_in(&page, EMAIL, PASSWORD).await.status, 503);
        database.execute("ALTER TABLE away RENAME TO sessions").await;
        assert_eq!(counted().await, ["1"], "right, but nothing came of it");
        // Gone before the answer: the request is on its way, and its sender ends.
        let runs = server.rooms.passwords.runs();
        let sending = tokio::spawn(browser.sign_in_form(&page, EMAIL, "wrong password").send());
        while server.rooms.passwords.runs() == runs {
            tokio::task::yield_now().await;
        }
        sending.abort();
        assert_eq!(counted().await, ["2"]);
        let (before, connection) = (counted().await, tokio::spawn(browser.sign_in_form(&page, EMAIL, "wrong").send()));
        while counted().await == before {
            tokio::task::yield_now().await;
        }
        connection.abort();
        assert_eq!(counted().await, ["3"]);
    }

    /// One who has to wait gets the answer to a wrong password, at its cost.
    async fn lo_enum_waiting_looks_like_a_wrong_password(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let mut answers = Vec::new();
        for password in ["wrong password"; 11].iter().chain(&[PASSWORD]) {
            let runs = server.rooms.passwords.runs();
            let reply = browser.sign_in(&page, EMAIL, password).await;
            assert_eq!((reply.status, server.rooms.passwords.runs() - runs), (401, 1));
            let handle = hidden(&reply, "handle");
            answers.push(reply.text.replace(&handle, ""));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]));
    }

    /// A success elsewhere after failures is told to the person; in a browser that is known it is not.
    async fn lo_notify_a_success_after_failures_is_told(database: TestDatabase) {
        let server = TestServer::start_with(&database, PROXIED).await;
        let client = scene(&server.acme).await;
        let (known, place) = (Browser::new(&server), "203.0.113.1");
        fail(&known, &client, place, EMAIL, 4).await;
        assert_eq!(attempt(&known, &client, place, EMAIL, PASSWORD).await, 200);
        fail(&known, &client, place, EMAIL, 6).await;
        assert_eq!(attempt(&known, &client, place, EMAIL, PASSWORD).await, 200);
        assert!(letters(&database).await.is_empty(), "four failures, or a known browser");
        let stranger = Browser::new(&server);
        fail(&stranger, &client, "198.51.100.7", EMAIL, 5).await;
        assert_eq!(attempt(&stranger, &client, place, EMAIL, PASSWORD).await, 200);
        let letters = letters(&database).await;
        assert_eq!((letters.len(), letters[0].to.as_str()), (1, EMAIL));
        let About::SignInAfterFailures { failures, ip, reset_link } = &letters[0].letter.about else { panic!() };
        assert_eq!((*failures, ip.as_str()), (5, place));
        assert_eq!(*reset_link, format!("{}/password/forgot", server.acme.issuer()));
        let told = "audit_events WHERE action = 'user.signed_in_after_failures'";
        assert_eq!(database.count(told).await, 1);
        let changes = database.values(&format!("SELECT changes FROM {told}")).await.remove(0);
        assert!(changes.contains("failures") && !changes.contains(PASSWORD) && !changes.contains("wrong"), "{changes}");
    }
}
