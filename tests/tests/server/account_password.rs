//! A new password, chosen at the account page. Catalogue section A11.

use paylent_mail::About;
use paylent_tests::both;

use crate::{
    at_once::at_once,
    support::{PASSWORD, TestServer, account::*, browser::*, letters::letters_to},
};

const NEW: &str = "a much longer passphrase";

/// The fields of the form.
const fn fields<'a>(current: &'a str, new: &'a str, again: &'a str) -> [(&'a str, &'a str); 3] {
    [("current_password", current), ("password", new), ("password_confirmation", again)]
}

both! {
    async fn se_pwchange_everything_else_dies_and_this_browser_goes_on_under_another_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let (browser, elsewhere) = (Browser::new(&server), Browser::new(&server));
        let (here, there) = (browser.tokens(&client).await, elsewhere.tokens(&client).await);
        let code = browser.code(&client).await;
        let old = browser.cookie(SESSION).unwrap();
        let wish = [("email", "eve@example.com"), ("current_password", PASSWORD)];
        fill_in(&elsewhere, "/account/email", &wish).await;
        let node = server.beside(&database);
        let reply = fill_in(&browser, "/account/password", &fields(PASSWORD, NEW, NEW)).await;
        is_done(&browser, &reply, "/account/password").await;
        let new = browser.cookie(SESSION).unwrap();
        assert_ne!(new, old);
        assert!(browser.is_signed_in(&client).await);
        assert!(!elsewhere.is_signed_in(&client).await && !elsewhere.at(&node, &node.acme).is_signed_in(&client).await);
        browser.set_cookie(SESSION, &old);
        assert!(!browser.is_signed_in(&client).await, "the old token is worth nothing");
        browser.set_cookie(SESSION, &new);
        for tokens in [&here, &there] {
            browser.refresh(&client, text(tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
            assert_eq!(browser.userinfo(text(tokens, "access_token")).await.status, 401);
        }
        browser.redeem(&client, &code).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(database.count("email_changes").await, 0, "a link that somebody else asked for is dead");
        assert!(matches!(letters_to(&database, EMAIL).await[0].about, About::PasswordChanged { .. }));
        assert_eq!(database.count("audit_events WHERE action = 'user.password_changed'").await, 1);
        for (password, status) in [(PASSWORD, 401), (NEW, 303)] {
            assert_eq!(sign_in_here(&Browser::new(&server), "/login", EMAIL, password).await.status, status);
        }
    }

    async fn se_pwchange_a_wrong_or_weak_password_changes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        database.execute("UPDATE environments SET password_min_length = 12").await;
        let browser = at_home(&server, EMAIL).await;
        let before = database.dump().await;
        for (fields, field) in [
            (fields("wrong password", NEW, NEW), "current_password"),
            (fields("", NEW, NEW), "current_password"),
            (fields(PASSWORD, "eleven_char", "eleven_char"), "password"),
            (fields(PASSWORD, "with\0nul and more", "with\0nul and more"), "password"),
            (fields(PASSWORD, NEW, "another passphrase"), "password_confirmation"),
            (fields(PASSWORD, NEW, ""), "password_confirmation"),
        ] {
            let page = fill_in(&browser, "/account/password", &fields).await;
            is_page(&page, 422);
            assert!(page.text.contains(&format!("<a href=\"#{field}\">")), "{fields:?}: {}", page.text);
            assert!(!page.text.contains(NEW) && !page.text.contains(PASSWORD), "what was typed is not sent back");
        }
        assert_eq!(database.dump().await, before);
    }

    async fn se_pwchange_of_ten_changes_at_once_over_two_processes_one_counts(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let nodes = [server.beside(&database), server.beside(&database)];
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        let page = browser.get("/account/password").await.is(200);
        let csrf = hidden(&page, "csrf");
        let form = [&fields(PASSWORD, NEW, NEW)[..], &[("csrf", csrf.as_str())]].concat();
        let browsers = nodes.each_ref().map(|node| browser.at(node, &node.acme));
        let replies = at_once((0..10).map(|n| browsers[n % 2].form("/account/password", &form)).collect()).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 303 && reply.header("location").ends_with("?done")).count(), 1);
        assert_eq!(letters_to(&database, EMAIL).await.len(), 1);
        assert_eq!(database.count("audit_events WHERE action = 'user.password_changed'").await, 1);
    }
}
