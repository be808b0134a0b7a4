//! The fewest characters of a password that the operator allows hold wherever somebody chooses one.

use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{
    PASSWORD, Reply, Setting, TestServer,
    account::{at_home, fill_in, is_done},
    browser::*,
    document,
    letters::{invitation_token, passcode, reset_link},
    registering::{JANE, about},
};

const NEW: &str = "grace@example.com";
/// More than any environment of the tests asks for.
const LEAST: usize = 16;
/// One character too few.
const SHORT: &str = "fifteen_letters";

const PERSON: [(&str, &str); 2] = [("first_name", "Grace"), ("last_name", "Hopper")];

/// A password, typed twice.
const fn twice(password: &str) -> [(&str, &str); 2] {
    [("password", password), ("password_confirmation", password)]
}

/// A server whose operator wants longer passwords than its environments do.
async fn strict(database: &paylent_tests::TestDatabase) -> TestServer {
    assert!(SHORT.len() + 1 == LEAST && PASSWORD.len() >= LEAST);
    TestServer::start_with(database, Setting { minimum_password: Some(LEAST), ..Setting::default() }).await
}

/// Whether a page that asks for a password says how long it is at least.
fn says_how_long(page: &Reply) -> bool {
    page.text.contains(&format!(" {LEAST} characters")) && !page.text.contains(" 8 characters")
}

both! {
    async fn the_operators_minimum_holds_for_who_accepts_an_invitation(database: TestDatabase) {
        let server = strict(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let invitation = document("invitation", json!({"email": NEW}), &[("organization", "organization", &acme)]);
        let id = admin.post("invitations", &invitation).await.is(201).id();
        let (token, path) = (invitation_token(&database, NEW).await, format!("/invitations/{id}"));
        let accept = format!("{path}/accept");
        let by_program = async |password: &str| {
            let body = json!({"token": token, "first_name": "Grace", "last_name": "Hopper", "password": password,
                "password_confirmation": password});
            Reply::of(server.request(&server.acme, Method::POST, &accept).json(&body)).await
        };
        let refused = by_program(SHORT).await.is(422).json();
        assert!(refused["error_description"].as_str().unwrap().starts_with("password "), "{refused}");
        let browser = Browser::new(&server);
        browser.get(&format!("{path}?token={token}")).await.is(303);
        let page = browser.get(&path).await.is(200);
        assert!(says_how_long(&page), "{}", page.text);
        let csrf = hidden(&page, "csrf");
        let by_page = async |password| {
            let fields = [&PERSON[..], &twice(password), &[("csrf", csrf.as_str())]].concat();
            browser.post(&accept, &fields).await
        };
        is_page(&by_page(SHORT).await, 422);
        assert_eq!(database.count(&format!("users WHERE email = '{NEW}'")).await, 0);
        is_page(&by_page(PASSWORD).await, 200);
    }

    async fn the_operators_minimum_holds_for_who_registers(database: TestDatabase) {
        let server = strict(&database).await;
        let token = server.prove(&database, JANE).await;
        let mut body = about(&token);
        for (name, value) in twice(SHORT) {
            body[name] = json!(value);
        }
        let refused = Reply::of(server.completion(&body)).await.is(422).json();
        assert!(refused["error_description"].as_str().unwrap().starts_with("password "), "{refused}");
        server.complete(&token).await.is(201);

        let browser = Browser::new(&server);
        let sent = fill_in(&browser, "/register", &[("email", NEW)]).await;
        let page = browser.get(sent.header("location")).await.is(200);
        let form = [("registration_id", hidden(&page, "registration_id")), ("csrf", hidden(&page, "csrf"))];
        let code = passcode(&database, NEW).await;
        let mut fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        fields.push(("passcode", &code));
        let page = browser.post("/register/verify", &fields).await.is(200);
        assert!(says_how_long(&page), "{}", page.text);
        let (token, csrf) = (hidden(&page, "registration_token"), hidden(&page, "csrf"));
        let complete = async |password| {
            let hidden = [("registration_token", token.as_str()), ("csrf", csrf.as_str())];
            browser.post("/register/complete", &[&PERSON[..], &twice(password), &hidden].concat()).await
        };
        let again = complete(SHORT).await;
        is_page(&again, 422);
        assert!(says_how_long(&again), "{}", again.text);
        is_page(&complete(PASSWORD).await, 200);
    }

    async fn the_operators_minimum_holds_for_another_password(database: TestDatabase) {
        const PATH: &str = "/account/password";
        let server = strict(&database).await;
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        let page = browser.get(PATH).await.is(200);
        assert!(says_how_long(&page), "{}", page.text);
        let change = async |password| {
            fill_in(&browser, PATH, &[&[("current_password", PASSWORD)][..], &twice(password)].concat()).await
        };
        let refused = change(SHORT).await;
        is_page(&refused, 422);
        assert!(says_how_long(&refused), "{}", refused.text);
        is_done(&browser, &change("sixteen_letters!").await, PATH).await;

        fill_in(&browser, "/password/forgot", &[("email", EMAIL)]).await.is(202);
        let link = reset_link(&database, &server.acme).await;
        let token = link.split_once("token=").unwrap().1.split('&').next().unwrap().to_owned();
        for (password, status) in [(SHORT, 422), (PASSWORD, 200)] {
            let body = json!({"token": token, "password": password, "password_confirmation": password});
            Reply::of(server.request(&server.acme, Method::POST, "/password/reset").json(&body)).await.is(status);
        }
    }

    async fn the_operators_minimum_holds_for_the_management_api(database: TestDatabase) {
        let server = strict(&database).await;
        let admin = server.admin(&server.acme).await;
        for (password, status) in [(SHORT, 422), (PASSWORD, 201)] {
            let user = document("user", json!({"email": NEW, "password": password}), &[]);
            admin.post("users", &user).await.is(status);
        }
    }
}
