//! A forgotten password is replaced by way of a mailed link. Issue 5, point 3.

use paylent_domain::user::UserChange;
use paylent_mail::About;
use paylent_storage::Expected;
use paylent_tests::{TestDatabase, both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    at_once::at_once,
    support::{
        PASSWORD, Reply, TestServer,
        browser::*,
        letters::{Waiting, letters, reset_link},
    },
};

const NEW: &str = "another battery staple";

/// Asks for a link, as a person does.
async fn ask(browser: &Browser<'_>, email: &str) -> Reply {
    let page = browser.get("/password/forgot").await.is(200);
    browser.post("/password/forgot", &[("email", email), ("csrf", &hidden(&page, "csrf"))]).await
}

/// Asks for a link and gives its path.
async fn link(browser: &Browser<'_>, database: &TestDatabase) -> String {
    is_page(&ask(browser, EMAIL).await, 202);
    reset_link(database, browser.tenant).await
}

/// The token in a link.
fn token(link: &str) -> &str {
    link.split_once("token=").unwrap().1.split('&').next().unwrap()
}

/// Sends JSON, as a front end of one's own does.
async fn tell(server: &TestServer, path: &str, body: &str) -> Reply {
    let post = server.request(&server.acme, Method::POST, path).header("content-type", "application/json");
    Reply::of(post.body(body.to_owned())).await
}

fn choice(token: &str, password: &str, again: &str) -> String {
    json!({"token": token, "password": password, "password_confirmation": again}).to_string()
}

#[track_caller]
fn is_refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(error)), "{}", reply.text);
    assert!(reply.json()["error_description"].is_string());
    assert_eq!(reply.header("cache-control"), "no-store");
}

both! {
    /// From the sign-in page by mail to another password, and on to the application.
    async fn a_person_chooses_another_password_by_a_mailed_link(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let (elsewhere, browser) = (Browser::new(&server), Browser::new(&server));
        let tokens = elsewhere.tokens(&client).await;
        let page = browser.authorize(&client, &[("ui_locales", "nl")]).await.is(200);
        let forgot = page.text.split("href=\"").find(|rest| rest.starts_with("/password/forgot")).unwrap();
        let forgot = forgot.split('"').next().unwrap().replace("&#38;", "&");
        let page = browser.get(&forgot).await;
        is_page(&page, 200);
        let form = |page: &Reply, more: &[(&'static str, &str)]| {
            let mut form: Vec<(String, String)> = ["csrf", "handle", "ui_locales"].map(|name| (name.to_owned(), hidden(page, name))).into();
            form.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            form
        };
        let post = async |path: &str, form: Vec<(String, String)>| {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            browser.post(path, &form).await
        };
        let sent = post("/password/forgot", form(&page, &[("email", " ADA@example.com ")])).await;
        is_page(&sent, 202);
        assert!(sent.text.contains("onderweg"), "in the language of the request: {}", sent.text);
        server.clock.advance_seconds(1);
        let spare = link(&elsewhere, &database).await;
        let mails = letters(&database).await;
        assert!(mails.iter().all(|letter| letter.to == EMAIL), "to the address as the person wrote it");
        let About::PasswordReset { link, minutes } = &mails[0].letter.about else { panic!() };
        assert_eq!(*minutes, 60);
        let link = link.strip_prefix(&server.acme.issuer()).unwrap();
        let before = database.dump().await;
        let page = browser.get(link).await;
        is_page(&page, 200);
        is_page(&Browser::new(&server).get(link).await, 200);
        assert_eq!(database.dump().await, before, "looking at a link uses nothing up");
        let chosen = [("token", token(link)), ("password", NEW), ("password_confirmation", NEW)];
        let done = post("/password/reset", form(&page, &chosen)).await;
        is_page(&done, 200);
        let on = done.text.split("href=\"").find(|rest| rest.starts_with("/login?")).unwrap();
        let on = browser.get(&on.split('"').next().unwrap().replace("&#38;", "&")).await.is(200);
        assert_eq!(browser.sign_in(&on, EMAIL, PASSWORD).await.status, 401);
        assert!(parameters(&browser.sign_in(&on, EMAIL, NEW).await).contains_key("code"), "back to the application");
        assert!(!elsewhere.is_signed_in(&client).await);
        elsewhere.refresh(&client, tokens["refresh_token"].as_str().unwrap()).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(elsewhere.userinfo(tokens["access_token"].as_str().unwrap()).await.status, 401);
        for dead in [link, &spare] {
            is_page(&browser.get(dead).await, 400);
            is_refused(&tell(&server, "/password/reset", &choice(token(dead), PASSWORD, PASSWORD)).await, 400, "invalid_token");
        }
        let mails = letters(&database).await;
        let changed = |letter: &&Waiting| matches!(letter.letter.about, About::PasswordChanged { .. });
        let changed: Vec<&str> = mails.iter().filter(changed).map(|letter| letter.to.as_str()).collect();
        assert_eq!(changed, [EMAIL]);
        assert_eq!(database.count("users WHERE email = 'ada@example.com' AND email_verified = TRUE").await, 1);
        let events = database.values("SELECT action FROM audit_events WHERE action LIKE 'user.password%' ORDER BY action").await;
        assert_eq!(events, ["user.password_reset", "user.password_reset_requested", "user.password_reset_requested"]);
        let told = database.dump().await.concat();
        assert!(!told.contains(NEW) && !told.contains(token(link)), "neither password nor token is kept");
    }

    /// Who has an account is told to nobody: one answer, at one cost, and a mail for those alone who may sign in.
    async fn lo_enum_asking_for_a_link_tells_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let off = person(&server.acme, "off@example.com").await;
        let change = UserChange { active: Some(false), ..UserChange::default() };
        server.acme.seeded.env.update_user(off.parse().unwrap(), change, &Expected::Any, &seed::by()).await.unwrap();
        tell(&server, "/password/forgot", &json!({"email": "warm@example.com"}).to_string()).await.is(202);
        let mut answers = Vec::new();
        for email in [EMAIL, "nobody@example.com", "off@example.com"] {
            server.clock.advance_seconds(3_600);
            let rows = database.count("mails").await + database.count("audit_events").await;
            let browser = Browser::new(&server);
            let page = browser.get("/password/forgot").await.is(200);
            let before = server.db.statements();
            let form = browser.post("/password/forgot", &[("email", email), ("csrf", &hidden(&page, "csrf"))]).await;
            let page_cost = server.db.statements() - before;
            is_page(&form, 202);
            let before = server.db.statements();
            let told = tell(&server, "/password/forgot", &json!({"email": email}).to_string()).await.is(202);
            let cost = server.db.statements() - before;
            assert_eq!(told.json(), json!({}));
            let names = |reply: &Reply| reply.headers.keys().map(|name| name.as_str().to_owned()).collect::<Vec<_>>();
            answers.push((form.text.clone(), names(&form), names(&told), page_cost, cost));
            let left = database.count("mails").await + database.count("audit_events").await - rows;
            assert_eq!(left, if email == EMAIL { 4 } else { 0 }, "{email}");
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(database.count("password_resets").await, 2);
        let mails = letters(&database).await;
        assert_eq!(mails.iter().map(|letter| letter.to.as_str()).collect::<Vec<_>>(), [EMAIL, EMAIL]);
        is_page(&ask(&Browser::new(&server), "no address").await, 422);
    }

    /// Five mails an hour for one address, and from one place, whether or not anybody gets them.
    async fn lo_throttle_few_links_are_mailed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        for email in [EMAIL, "nobody@example.com"] {
            let browser = Browser::new(&server);
            for _ in 0..5 {
                is_page(&ask(&browser, email).await, 202);
            }
            let mails = database.count("mails").await;
            server.clock.advance_seconds(600);
            let refused = ask(&browser, email).await;
            is_page(&refused, 429);
            assert_eq!(refused.header("retry-after"), "3000", "{email}");
            let body = json!({"email": "other@example.com"}).to_string();
            let told = tell(&server, "/password/forgot", &body).await;
            is_refused(&told, 429, "too_many_requests");
            assert_eq!(told.header("retry-after"), "3000", "from this place");
            assert_eq!(database.count("mails").await, mails);
            server.clock.advance_seconds(3_000);
            is_page(&ask(&browser, email).await, 202);
            server.clock.advance_seconds(3_600);
        }
    }

    /// A link is good for an hour, also when nobody cleans up, and not after the address has changed.
    async fn a_link_ends_with_its_hour_and_with_the_address(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = Browser::new(&server);
        let old = link(&browser, &database).await;
        server.clock.advance_seconds(3_599);
        is_page(&browser.get(&old).await, 200);
        server.clock.advance_seconds(2);
        is_page(&browser.get(&old).await, 400);
        is_refused(&tell(&server, "/password/reset", &choice(token(&old), NEW, NEW)).await, 400, "invalid_token");
        let moved = link(&browser, &database).await;
        let env = &server.acme.seeded.env;
        let ada = env.sign_in_candidate(EMAIL, &[0; 32]).await.unwrap().unwrap().user_id;
        let change = UserChange { email: Some("ada@example.org".parse().unwrap()), ..UserChange::default() };
        env.update_user(ada, change, &Expected::Any, &seed::by()).await.unwrap();
        is_refused(&tell(&server, "/password/reset", &choice(token(&moved), NEW, NEW)).await, 400, "invalid_token");
        assert_eq!(database.count("users WHERE email = 'ada@example.org' AND email_verified = TRUE").await, 0);
    }

    /// Of many uses at once, over two processes, one counts.
    async fn a_link_is_used_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let link = link(&Browser::new(&server), &database).await;
        let nodes = [server.beside(&database), server.beside(&database)];
        let uses = (0..20).map(|number| {
            let server = &nodes[number % 2];
            let password = format!("battery staple {number}");
            let post = server.request(&server.acme, Method::POST, "/password/reset");
            post.header("content-type", "application/json").body(choice(token(&link), &password, &password))
        });
        let replies = at_once(uses.collect()).await;
        let good = replies.iter().filter(|reply| reply.status == 200).count();
        assert!(good == 1 && replies.iter().all(|reply| [200, 400, 503].contains(&reply.status)), "{good}");
        assert_eq!(database.count("audit_events WHERE action = 'user.password_reset'").await, 1);
    }

    /// What is wrong with a password, and with a body, is told; the link stays good.
    async fn lo_types_what_is_no_password_or_no_body_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = Browser::new(&server);
        let link = link(&browser, &database).await;
        let before = database.dump().await;
        for (password, again) in [
            ("short", "short"),
            ("password1", "password1"),
            ("ada@example.com", "ada@example.com"),
            ("Ada-2026!", "Ada-2026!"),
            (NEW, "something else"),
            (NEW, ""),
            ("", ""),
            ("with\u{1}control", "with\u{1}control"),
        ] {
            is_refused(&tell(&server, "/password/reset", &choice(token(&link), password, again)).await, 422, "invalid_password");
            let page = browser.get(&link).await.is(200);
            let fields = [("token", token(&link)), ("csrf", &*hidden(&page, "csrf")), ("password", password), ("password_confirmation", again)];
            let reply = browser.post("/password/reset", &fields).await;
            is_page(&reply, 422);
            assert!(reply.text.contains("role=\"alert\"") && (password.is_empty() || !reply.text.contains(&format!("value=\"{password}\""))) || password == EMAIL);
        }
        is_refused(&tell(&server, "/password/reset", &choice(token(&link), &"x".repeat(129), &"x".repeat(129))).await, 422, "invalid_password");
        for body in ["", "{", "[]", "null", r#"{"email":1}"#, r#"{"email":["a@b.example"]}"#, r#"{"email":"a@b.example","email":"c@d.example"}"#] {
            is_refused(&tell(&server, "/password/forgot", body).await, 422, "invalid_request");
        }
        is_refused(&tell(&server, "/password/forgot", "{}").await, 422, "invalid_email");
        for media_type in ["text/plain", "multipart/form-data; boundary=x"] {
            for path in ["/password/forgot", "/password/reset"] {
                let body = json!({"email": EMAIL}).to_string();
                let post = browser.request(Method::POST, path).header("content-type", media_type).body(body);
                is_page(&browser.send(post).await, 400);
            }
        }
        for wrong in ["", "pay_pr_", "pay_se_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"] {
            is_refused(&tell(&server, "/password/reset", &choice(wrong, NEW, NEW)).await, 400, "invalid_token");
        }
        assert_eq!(database.dump().await, before);
        let done: Value = tell(&server, "/password/reset", &choice(token(&link), NEW, NEW)).await.is(200).json();
        assert_eq!(done, json!({}));
    }

    /// Whoever was locked out by guesses of others comes in by mail, and so does who never had a password.
    async fn a_reset_ends_the_wait_and_gives_a_first_password(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        database.execute("UPDATE users SET password_hash = NULL WHERE email = 'ada@example.com'").await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        for _ in 0..11 {
            assert_eq!(browser.sign_in(&page, EMAIL, "wrong password").await.status, 401);
        }
        let link = link(&browser, &database).await;
        let page = browser.get(&link).await.is(200);
        let fields = [("token", token(&link)), ("csrf", &*hidden(&page, "csrf")), ("password", NEW), ("password_confirmation", NEW)];
        is_page(&browser.post("/password/reset", &fields).await, 200);
        let page = browser.authorize(&client, &[]).await.is(200);
        assert_eq!(browser.sign_in(&page, EMAIL, NEW).await.status, 200);
    }
}
