//! A change of address. Catalogue sections A11 and A19 (`em.link`).

use paylent_mail::{About, Letter};
use paylent_tests::both;
use reqwest::Method;

use crate::{
    at_once::at_once,
    support::{PASSWORD, Reply, TestServer, account::*, browser::*, letters::letters_to},
};

const NEW: &str = "ada@new.example";

/// Asks for another address with the right password.
async fn wish(browser: &Browser<'_>, email: &str) -> Reply {
    fill_in(browser, "/account/email", &[("email", email), ("current_password", PASSWORD)]).await
}

/// The path in the letter that proves an address.
fn path(server: &TestServer, letter: &Letter) -> String {
    let About::EmailChange { link, minutes: 60 } = &letter.about else { panic!("{letter:?}") };
    let path = link.strip_prefix(&server.acme.issuer()).unwrap_or_else(|| panic!("{link}"));
    assert!(path.starts_with("/account/email/confirm?token=pay_ec_"), "{path}");
    path.to_owned()
}

/// Confirms with the page that the link shows.
async fn confirm(browser: &Browser<'_>, page: &Reply) -> Reply {
    let form = [("token", hidden(page, "token")), ("csrf", hidden(page, "csrf"))];
    browser.post("/account/email/confirm", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await
}

both! {
    async fn em_link_an_address_is_changed_by_whoever_reads_its_mail(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        is_done(&browser, &wish(&browser, NEW).await, "/account/email").await;
        assert!(browser.get("/account/email").await.text.contains(NEW), "what waits is shown");
        let letter = letters_to(&database, NEW).await.remove(0);
        let link = path(&server, &letter);
        let before = database.dump().await;
        // In a browser that nobody is signed in at. Programs that read mails look first, and nothing changes.
        let elsewhere = Browser::new(&server);
        for _ in 0..2 {
            Reply::of(server.request(&server.acme, Method::HEAD, &link)).await;
        }
        let page = elsewhere.get(&link).await;
        is_page(&page, 200);
        assert!(page.text.contains(EMAIL) && page.text.contains(NEW), "{}", page.text);
        assert_eq!(database.dump().await, before);
        let user = format!("users WHERE email = '{NEW}' AND email_key = '{NEW}' AND email_verified");
        assert_eq!(database.count(&user).await, 0);
        database.execute(&format!("INSERT INTO password_resets SELECT environment_id, {}, id, 1, 9000000000000000 FROM users WHERE email = '{EMAIL}'", database.bytes(&[7; 32]))).await;
        is_page(&confirm(&elsewhere, &page).await, 200);
        assert_eq!(database.count(&user).await, 1);
        assert_eq!(database.count("password_resets").await, 0, "links to the old mailbox are dead");
        let told = letters_to(&database, EMAIL).await.remove(0);
        assert!(matches!(&told.about, About::EmailChanged { email } if email == NEW), "{told:?}");
        assert_eq!(database.count("audit_events WHERE action = 'user.email_changed'").await, 1);
        // Once.
        is_page(&elsewhere.get(&link).await, 410);
        is_page(&confirm(&elsewhere, &page).await, 410);
        assert_eq!(database.count("audit_events WHERE action = 'user.email_changed'").await, 1);
        assert!(browser.get("/account").await.is(200).text.contains(NEW), "who is signed in stays so");
        at_home(&server, NEW).await;
        assert_eq!(sign_in_here(&Browser::new(&server), "/login", EMAIL, PASSWORD).await.status, 401);
    }

    async fn em_link_of_fifty_uses_at_once_over_two_processes_one_counts(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let nodes = [server.beside(&database), server.beside(&database)];
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        wish(&browser, NEW).await;
        let link = path(&server, &letters_to(&database, NEW).await[0]);
        let page = browser.get(&link).await.is(200);
        let form = [("token", hidden(&page, "token")), ("csrf", hidden(&page, "csrf"))];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let browsers = nodes.each_ref().map(|node| browser.at(node, &node.acme));
        let replies = at_once((0..50).map(|n| browsers[n % 2].form("/account/email/confirm", &form)).collect()).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        assert!(replies.iter().all(|reply| [200, 410, 503].contains(&reply.status)));
        assert_eq!(letters_to(&database, EMAIL).await.len(), 1);
    }

    async fn em_link_one_is_good_for_an_hour_until_the_next_and_for_its_purpose(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        wish(&browser, NEW).await;
        let first = path(&server, &letters_to(&database, NEW).await[0]);
        wish(&browser, "ada@other.example").await;
        let second = path(&server, &letters_to(&database, "ada@other.example").await[0]);
        is_page(&browser.get(&first).await, 410);
        let page = browser.get(&second).await.is(200);
        let session = browser.cookie(SESSION).unwrap();
        for token in ["", "x", &session, &format!("pay_ec_{}", &session["pay_se_".len()..])] {
            is_page(&browser.get(&format!("/account/email/confirm?token={token}")).await, 410);
        }
        assert_eq!(browser.at(&server, &server.beta).get(&second).await.status, 410);
        server.clock.advance_seconds(3_600);
        is_page(&browser.get(&second).await, 410);
        // From here on nothing is noted of this session for a while, not even that it is used.
        let before = database.dump().await;
        is_page(&browser.get(&second).await, 410);
        is_page(&confirm(&browser, &page).await, 410);
        assert_eq!(database.dump().await, before);
        assert!(!browser.get("/account/email").await.text.contains("ada@other.example"), "nothing waits any more");
    }

    /// Whoever asks does not learn who has an account: not from the answer, not from the page, not later.
    async fn lo_enum_a_taken_address_looks_like_a_free_one(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let browser = at_home(&server, EMAIL).await;
        let mut pages = Vec::new();
        for email in ["eve@example.com", "nobody@example.com"] {
            let reply = wish(&browser, email).await;
            let page = is_done(&browser, &reply, "/account/email").await;
            let secrets = [hidden(&page, "csrf"), hidden(&page, "handle"), email.to_owned()];
            pages.push(secrets.iter().fold(page.text.clone(), |text, secret| text.replace(secret, "")));
        }
        assert_eq!(pages[0], pages[1]);
        let hers = letters_to(&database, "eve@example.com").await;
        assert!(matches!(hers[..], [Letter { about: About::AlreadyRegistered { .. }, .. }]), "{hers:?}");
        // Taken meanwhile.
        let link = path(&server, &letters_to(&database, "nobody@example.com").await[0]);
        let page = browser.get(&link).await.is(200);
        person(&server.acme, "nobody@example.com").await;
        let before = database.dump().await;
        is_page(&confirm(&browser, &page).await, 410);
        assert_eq!(database.dump().await, before);
    }

    async fn a_change_takes_the_password_and_an_address(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        let before = database.dump().await;
        for (email, password) in [
            (NEW, "wrong password"),
            (NEW, ""),
            ("", PASSWORD),
            ("a@b\r\nBcc: x@y.example", PASSWORD),
            ("ADA@example.com", PASSWORD),
        ] {
            let page = fill_in(&browser, "/account/email", &[("email", email), ("current_password", password)]).await;
            is_page(&page, 422);
            assert!(page.text.contains("role=\"alert\""), "{email}");
        }
        assert_eq!(database.dump().await, before);
        // An address that was never proved can be.
        database.execute(&format!("UPDATE users SET email_verified = false WHERE email = '{EMAIL}'")).await;
        is_done(&browser, &wish(&browser, EMAIL).await, "/account/email").await;
        let link = path(&server, &letters_to(&database, EMAIL).await[0]);
        is_page(&confirm(&browser, &browser.get(&link).await).await, 200);
        assert_eq!(database.count(&format!("users WHERE email = '{EMAIL}' AND email_verified")).await, 1);
        assert_eq!(letters_to(&database, EMAIL).await.len(), 1, "nobody else needs to know");
    }

    async fn em_flood_nobody_causes_more_than_five_mails_an_hour(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        for number in 0..5 {
            assert_eq!(wish(&browser, &format!("ada{number}@new.example")).await.status, 303);
        }
        let before = database.dump().await;
        let refused = wish(&browser, NEW).await;
        is_page(&refused, 429);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(database.dump().await, before);
        server.clock.advance_seconds(3_600);
        assert_eq!(wish(&browser, NEW).await.status, 303);
    }
}
