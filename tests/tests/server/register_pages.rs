//! Registration as people do it, at the pages. Catalogue section A13.

use paylent_domain::{client::ClientType, environment::SettingsChange};
use paylent_storage::Expected;
use paylent_tests::{both, seed};

use crate::support::{
    Reply, TestServer,
    browser::*,
    letters::{letters, passcode},
    registering::*,
};

/// The address that a link of a page leads to, with this start.
fn link(page: &Reply, start: &str) -> String {
    let rest =
        page.text.split_once(&format!("href=\"{start}")).unwrap_or_else(|| panic!("no {start}: {}", page.text)).1;
    format!("{start}{}", rest.split('"').next().unwrap()).replace("&#38;", "&")
}

async fn switch(server: &TestServer, enabled: bool) {
    let change = SettingsChange { registration_enabled: Some(enabled), ..SettingsChange::default() };
    server.acme.seeded.env.update_settings(change, &Expected::Any, &seed::by()).await.unwrap();
    // What the sign-in page offers is known for five seconds.
    server.clock.advance_seconds(6);
}

both! {
    /// From the application to the account and back to the application, with JavaScript off.
    async fn a_person_registers_and_returns_to_the_application(database: TestDatabase) {
        let server = start(&database).await;
        let client = application_with(&server.acme, ClientType::Confidential, |client| client.first_party = true).await;
        let browser = Browser::new(&server);
        let sign_in = browser.authorize(&client, &[]).await.is(200);
        let page = browser.get(&link(&sign_in, "/register?")).await;
        is_page(&page, 200);
        assert!(page.text.contains("href=\"/login?handle="), "whoever has an account goes back: {}", page.text);
        let code_page = to_code(&browser, &page, JANE).await;
        assert!(code_page.text.contains(JANE));
        let code = passcode(&database, JANE).await;
        let person = fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await;
        is_page(&person, 200);
        assert!(!person.text.contains(&code));
        let done = fill(&browser, "/register/complete", &person, &PERSON).await;
        let told = parameters(&done);
        assert!(told.contains_key("code"), "{told:?}");
        let tokens = browser.redeem(&client, &told["code"]).await.is(200).json();
        let who = browser.userinfo(text(&tokens, "access_token")).await.is(200).json();
        assert_eq!((&who["email"], &who["email_verified"]), (&JANE.into(), &true.into()));
        assert!(browser.is_signed_in(&client).await);
        let events = database.count("audit_events WHERE action IN ('user.registered', 'session.created')").await;
        assert_eq!(events, 2);
    }

    /// A third party is asked about after registration as after signing in.
    async fn whoever_registers_for_another_partys_application_is_asked_for_consent(database: TestDatabase) {
        let server = start(&database).await;
        let client = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let sign_in = browser.authorize(&client, &[("ui_locales", "nl")]).await.is(200);
        let page = browser.get(&link(&sign_in, "/register?")).await.is(200);
        assert_eq!(page.header("content-language"), "nl");
        let code_page = to_code(&browser, &page, JANE).await;
        assert_eq!(code_page.header("content-language"), "nl");
        let code = passcode(&database, JANE).await;
        let person = fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await.is(200);
        let before = browser.cookie(BROWSER);
        let consent = fill(&browser, "/register/complete", &person, &PERSON).await.is(200);
        assert!(consent.text.contains("name=\"decision\"") && consent.text.contains("Jane Doe"));
        assert_ne!(browser.cookie(BROWSER), before, "se_fixation: a name that somebody may have planted is nobody's now");
        assert!(parameters(&browser.decide(&consent, "allow").await).contains_key("code"));
    }

    async fn whoever_comes_from_nowhere_is_welcomed(database: TestDatabase) {
        let server = start(&database).await;
        let client = application(&server.acme, ClientType::Confidential).await;
        for (email, start) in [(JANE, "/register"), ("joe@example.com", "/register?handle=gone")] {
            server.clock.advance_seconds(1);
            let browser = Browser::new(&server);
            let page = browser.get(start).await.is(200);
            let code_page = to_code(&browser, &page, email).await;
            let code = passcode(&database, email).await;
            let person = fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await.is(200);
            let welcome = fill(&browser, "/register/complete", &person, &PERSON).await;
            is_page(&welcome, 200);
            assert!(welcome.text.contains("Your account is ready") && welcome.text.contains(email));
            assert!(browser.is_signed_in(&client).await);
        }
    }

    /// What was typed survives, what is wrong is named, and nothing secret is shown again.
    async fn each_step_says_what_is_wrong_and_goes_on(database: TestDatabase) {
        let server = start(&database).await;
        let browser = Browser::new(&server);
        let page = browser.get("/register").await.is(200);
        let refused = fill(&browser, "/register", &page, &[("email", "jane@")]).await;
        is_page(&refused, 422);
        assert!(refused.text.contains("value=\"jane@\"") && refused.text.contains("role=\"alert\""));
        let code_page = to_code(&browser, &page, JANE).await;
        let address = format!("/register/verify?registration_id={}", hidden(&code_page, "registration_id"));
        is_page(&browser.get(&address).await, 200);
        let code = passcode(&database, JANE).await;
        for (typed, status) in [("123 456", 422), ("12345", 422), (wrong(&code)[0].as_str(), 400)] {
            let again = fill(&browser, "/register/verify", &code_page, &[("passcode", typed)]).await;
            is_page(&again, status);
            assert!(again.text.contains("name=\"passcode\"") && !again.text.contains(typed));
        }
        server.clock.advance_seconds(1);
        let resent = fill(&browser, "/register", &code_page, &[("email", JANE)]).await.is(303);
        is_page(&browser.get(&address).await, 400);
        let code_page = browser.get(resent.header("location")).await.is(200);
        let code = passcode(&database, JANE).await;
        let person = fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await.is(200);
        let mut typed = PERSON;
        (typed[1].1, typed[2].1) = (" ", "short");
        let faulty = fill(&browser, "/register/complete", &person, &typed).await;
        is_page(&faulty, 422);
        assert!(faulty.text.contains("value=\"Jane\"") && !faulty.text.contains("short"));
        for field in ["last_name", "password", "password_confirmation"] {
            assert!(faulty.text.contains(&format!("id=\"{field}-error\"")), "{field}");
        }
        is_page(&fill(&browser, "/register/complete", &faulty, &PERSON).await, 200);
        // Too late for everything.
        is_page(&fill(&browser, "/register/complete", &faulty, &PERSON).await, 400);
        is_page(&browser.get(&address).await, 400);
    }

    async fn the_pages_keep_to_the_limit_of_mails(database: TestDatabase) {
        let server = start(&database).await;
        let browser = Browser::new(&server);
        let page = browser.get("/register").await.is(200);
        for _ in 0..5 {
            to_code(&browser, &page, JANE).await;
        }
        let refused = fill(&browser, "/register", &page, &[("email", JANE)]).await;
        is_page(&refused, 429);
        assert!(refused.text.contains("Too many attempts") && refused.text.contains("in 60 minutes"));
        assert_eq!(refused.header("retry-after"), "3600");
        assert_eq!(letters(&database).await.len(), 5);
    }

    async fn ot_enum_the_pages_do_not_tell_known_addresses_either(database: TestDatabase) {
        let server = start(&database).await;
        person(&server.acme, JANE).await;
        let browser = Browser::new(&server);
        let page = browser.get("/register").await.is(200);
        let mut shown = Vec::new();
        for email in [JANE, "john@example.com"] {
            let code_page = to_code(&browser, &page, email).await;
            let wrong = fill(&browser, "/register/verify", &code_page, &[("passcode", "000000")]).await.is(400);
            let plain = |page: &Reply| page.text.replace(&hidden(page, "registration_id"), "").replace(email, "");
            shown.push((plain(&code_page), plain(&wrong)));
        }
        assert_eq!(shown[0], shown[1]);
    }

    /// What began in one browser, or with a front end, is not finished in another.
    async fn ot_bind_a_code_is_given_back_the_way_it_was_asked_for(database: TestDatabase) {
        let server = start(&database).await;
        let (browser, stranger) = (Browser::new(&server), Browser::new(&server));
        let page = browser.get("/register").await.is(200);
        let code_page = to_code(&browser, &page, JANE).await;
        let (id, code) = (hidden(&code_page, "registration_id"), passcode(&database, JANE).await);
        let theirs = stranger.get(&format!("/register/verify?registration_id={id}")).await.is(200);
        is_page(&fill(&stranger, "/register/verify", &theirs, &[("passcode", &code)]).await, 400);
        server.verify(&id, &code).await.is(400);
        is_page(&fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await, 200);
        server.clock.advance_seconds(1);
        let id = server.begin("joe@example.com").await;
        let code = passcode(&database, "joe@example.com").await;
        let theirs = stranger.get(&format!("/register/verify?registration_id={id}")).await.is(200);
        is_page(&fill(&stranger, "/register/verify", &theirs, &[("passcode", &code)]).await, 400);
        server.verify(&id, &code).await.is(200);
    }

    async fn ot_disabled_the_pages_are_closed_and_nobody_is_sent_to_them(database: TestDatabase) {
        let server = start(&database).await;
        let client = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        assert!(browser.authorize(&client, &[]).await.is(200).text.contains("href=\"/register?"));
        let page = browser.get("/register").await.is(200);
        let code_page = to_code(&browser, &page, JANE).await;
        let code = passcode(&database, JANE).await;
        switch(&server, false).await;
        assert!(!browser.authorize(&client, &[]).await.is(200).text.contains("/register"));
        is_page(&browser.get("/register").await, 403);
        is_page(&fill(&browser, "/register", &page, &[("email", "joe@example.com")]).await, 403);
        is_page(&fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await, 403);
        is_page(&fill(&browser, "/register/complete", &page, &PERSON).await, 400);
        switch(&server, true).await;
        let person = fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await.is(200);
        switch(&server, false).await;
        let refused = fill(&browser, "/register/complete", &person, &PERSON).await;
        is_page(&refused, 403);
        assert!(refused.text.contains("Registration is closed"));
        assert_eq!(database.count(&format!("users WHERE email = '{JANE}'")).await, 0);
    }

    /// Somebody else was signed in at this browser.
    async fn a_new_account_takes_the_place_of_the_one_that_was_signed_in(database: TestDatabase) {
        let server = start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let page = browser.get("/register").await.is(200);
        let code_page = to_code(&browser, &page, JANE).await;
        let code = passcode(&database, JANE).await;
        let person = fill(&browser, "/register/verify", &code_page, &[("passcode", &code)]).await.is(200);
        let welcome = fill(&browser, "/register/complete", &person, &PERSON).await.is(200);
        assert!(welcome.text.contains(JANE) && !welcome.text.contains(EMAIL));
        assert_eq!(database.count("sessions WHERE revoked_at IS NULL").await, 1);
    }
}
