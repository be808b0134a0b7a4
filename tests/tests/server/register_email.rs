//! Registration: which addresses are taken, and how many mails go to them. Catalogue section A13.

use paylent_domain::language::Language;
use paylent_tests::both;
use serde_json::json;

use crate::support::{
    Reply, TestServer,
    letters::{letters, passcode},
    registering::{JANE, is_refused, start, wrong},
};

/// Asks for a mail from somewhere.
async fn register_from(server: &TestServer, email: &str, address: &str) -> Reply {
    let request = server.ask_as_front_end(&server.acme, "/register", &json!({"email": email}));
    Reply::of(request.header("x-forwarded-for", address)).await
}

/// Asserts that it was too much, and gives when it will not be any more.
#[track_caller]
fn is_too_much(reply: &Reply) -> u32 {
    is_refused(reply, 429, "too_many_requests");
    reply.header("retry-after").parse().unwrap()
}

both! {
    async fn ot_resend_a_new_code_kills_the_old_one_but_not_the_count_of_mails(database: TestDatabase) {
        let server = start(&database).await;
        let first = server.begin(JANE).await;
        let old = passcode(&database, JANE).await;
        server.clock.advance_seconds(1);
        let second = server.begin("JANE@example.com").await;
        let new = passcode(&database, "JANE@example.com").await;
        is_refused(&server.verify(&first, &old).await, 400, "invalid_registration");
        is_refused(&server.verify(&first, &new).await, 400, "invalid_registration");
        if old != new {
            is_refused(&server.verify(&second, &old).await, 400, "invalid_registration");
        }
        server.verify(&second, &new).await.is(200);
        for _ in 3..=5 {
            server.begin(JANE).await;
        }
        let mails = database.count("mails").await;
        let wait = is_too_much(&server.register(JANE).await);
        assert!((3_590..=3_600).contains(&wait), "{wait}");
        assert_eq!(database.count("mails").await, mails);
        server.begin("joe@example.com").await;
        server.clock.advance_seconds(i64::from(wait));
        server.begin(JANE).await;
    }

    /// The same for an address that has an account, or its limit would tell.
    async fn ot_resend_and_ot_enum_the_limit_is_the_same_for_known_addresses(database: TestDatabase) {
        let server = start(&database).await;
        server.acme.person(JANE).await;
        for _ in 0..5 {
            server.begin(JANE).await;
        }
        is_too_much(&server.register(JANE).await);
        assert_eq!(letters(&database).await.len(), 5);
    }

    async fn ot_resend_one_network_asks_for_five_mails_an_hour(database: TestDatabase) {
        let server = start(&database).await;
        for number in 0..5 {
            let (v4, v6) = (format!("four{number}@example.com"), format!("six{number}@example.com"));
            register_from(&server, &v4, "192.0.2.7").await.is(202);
            // Every address below a /64 is one network.
            register_from(&server, &v6, &format!("2001:db8:0:1::{number}")).await.is(202);
        }
        is_too_much(&register_from(&server, "more@example.com", "192.0.2.7").await);
        is_too_much(&register_from(&server, "more@example.com", "::ffff:192.0.2.7").await);
        is_too_much(&register_from(&server, "more@example.com", "2001:db8:0:1:ffff::").await);
        assert_eq!(database.count("mails").await, 10);
        register_from(&server, "more@example.com", "192.0.2.8").await.is(202);
        register_from(&server, "more@example.com", "2001:db8:0:2::1").await.is(202);
        let at_beta = server.ask_as_front_end(&server.beta, "/register", &json!({"email": JANE}));
        Reply::of(at_beta.header("x-forwarded-for", "192.0.2.7")).await.is(202);
    }

    /// Five codes of five attempts each, and then also the next code waits.
    async fn ot_resend_a_new_code_does_not_renew_the_attempts_for_an_address(database: TestDatabase) {
        let server = start(&database).await;
        for round in 0..5 {
            server.clock.advance_seconds(60);
            let id = server.begin(JANE).await;
            // The first attempt comes after the first mail, so that the hour of attempts ends later.
            if round == 0 {
                server.clock.advance_seconds(120);
            }
            for code in wrong(&passcode(&database, JANE).await) {
                is_refused(&server.verify(&id, &code).await, 400, "invalid_registration");
            }
        }
        server.clock.advance_seconds(3_600 - 4 * 60 - 120);
        let id = server.begin(JANE).await;
        let code = passcode(&database, JANE).await;
        let wait = is_too_much(&server.verify(&id, &code).await);
        assert!((1..=120).contains(&wait), "{wait}");
        assert_eq!(database.count("registrations WHERE token_hash IS NOT NULL").await, 0);
        server.clock.advance_seconds(i64::from(wait));
        server.verify(&id, &code).await.is(200);
    }

    async fn ot_email_syntax_only_plain_addresses_get_a_mail(database: TestDatabase) {
        let server = start(&database).await;
        let long = format!("{}@example.com", "a".repeat(250));
        for email in [
            "",
            "jane",
            "a@x@y.example",
            "a@x.example,b@y.example",
            "a@x.example b@y.example",
            "\"n\" <a@b.example>",
            "\"a b\"@example.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com\n",
            "a\u{0}@example.com",
            "a\u{202e}@example.com",
            " a@example.com",
            &long,
        ] {
            is_refused(&server.register(email).await, 422, "invalid_request");
        }
        for email in [json!(["a@example.com", "b@example.com"]), json!({"to": "a@example.com"}), json!(1), json!(null)] {
            let request = server.ask_as_front_end(&server.acme, "/register", &json!({"email": email}));
            is_refused(&Reply::of(request).await, 422, "invalid_request");
        }
        assert_eq!((database.count("mails").await, database.count("counters").await), (0, 0));
        server.begin("o'neil+tag@bücher.example").await;
        let mails = letters(&database).await;
        assert!(mails.len() == 1 && mails[0].to == "o'neil+tag@bücher.example");
    }

    async fn the_mail_speaks_the_language_of_the_person_and_so_do_those_that_follow(database: TestDatabase) {
        let server = start(&database).await;
        let request = server.ask_as_front_end(&server.acme, "/register", &json!({"email": JANE}));
        let begun = Reply::of(request.header("accept-language", "nl-BE, en;q=0.5")).await.is(202);
        let letter = letters(&database).await.remove(0).letter;
        assert_eq!((letter.language, letter.environment.as_str()), (Language::Dutch, "acme-test"));
        assert_eq!(letter.base_url, server.acme.issuer());
        let code = passcode(&database, JANE).await;
        let proved = server.verify(begun.json()["registration_id"].as_str().unwrap(), &code).await.is(200);
        server.complete(proved.json()["registration_token"].as_str().unwrap()).await.is(201);
        assert_eq!(database.values(&format!("SELECT locale FROM users WHERE email = '{JANE}'")).await, ["nl"]);
    }
}
