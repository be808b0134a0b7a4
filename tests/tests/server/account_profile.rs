//! Signing in without an application, the profile, and the file with what is known about a person. Catalogue section A11.

use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, TestServer, account::*, browser::*};

both! {
    async fn a_person_signs_in_without_an_application_and_comes_to_the_page_they_wanted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = Browser::new(&server);
        for (path, returns) in [
            ("/account", "/account"),
            ("/account/sessions?done", "/account/sessions"),
            ("/account/data.json", "/account/data"),
        ] {
            let reply = browser.get(path).await;
            assert_eq!((reply.status, reply.header("location")), (303, format!("/login?return_to={returns}").as_str()));
            is_protected(&reply);
            let page = browser.get(reply.header("location")).await;
            is_page(&page, 200);
            assert_eq!(hidden(&page, "return_to"), returns);
        }
        for (wish, returns) in [
            ("https://evil.test/", "/account"),
            ("//evil.test", "/account"),
            ("/oauth/logout", "/account"),
            ("/account/../x", "/account"),
            ("/account&return_to=/account/email", "/account"),
            ("/invitations/0193?token=pay_x", "/invitations/0193?token=pay_x"),
        ] {
            let stranger = Browser::new(&server);
            let path = format!("/login?return_to={wish}");
            for (password, status) in [("wrong password", 401), ("", 400), (PASSWORD, 303)] {
                let reply = sign_in_here(&stranger, &path, EMAIL, password).await;
                assert_eq!(reply.status, status, "{wish}: {}", reply.text);
                match status {
                    303 => assert_eq!(reply.header("location"), returns, "{wish}"),
                    _ => assert_eq!(hidden(&reply, "return_to"), returns, "{wish}"),
                }
            }
            assert_eq!(stranger.get(&path).await.header("location"), returns, "who is signed in is not asked");
            let another = stranger.get(&format!("{path}&prompt=login")).await.is(200);
            assert_eq!(hidden(&another, "return_to"), returns, "but may sign in as somebody else");
        }
        let home = at_home(&server, EMAIL).await.get("/account").await;
        is_page(&home, 200);
        assert!(home.text.contains("value=\"Jane\"") && home.text.contains(EMAIL), "{}", home.text);
        assert!(home.header("content-security-policy").contains("form-action 'self'"));
    }

    /// Whoever signs in in somebody else's browser sees nothing of theirs.
    async fn se_switch_another_person_sees_only_their_own_account(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let session = browser.cookie(SESSION).unwrap();
        let page = browser.get("/account").await.is(200);
        let hers = hidden(&page, "csrf");
        browser.cookies.borrow_mut().remove(SESSION);
        let reply = sign_in_here(&browser, "/login", "eve@example.com", PASSWORD).await;
        assert_eq!(reply.status, 303);
        for path in ["/account", "/account/sessions", "/account/applications", "/account/data.json"] {
            let page = browser.get(path).await.is(200);
            assert!(!page.text.contains(EMAIL) && !page.text.contains("Ledger"), "{path}: {}", page.text);
        }
        assert_eq!(browser.get("/account/sessions").await.text.matches("<li>\n            <h2").count(), 1);
        is_page(&browser.post("/account", &[("first_name", "Eve"), ("csrf", &hers)]).await, 403);
        assert!(browser.is_active(&client, text(&tokens, "access_token")).await);
        // With the cookie still there, the other person's session ends.
        server.clock.advance_seconds(1);
        let back = Browser::new(&server);
        back.set_cookie(SESSION, &session);
        let page = back.authorize(&client, &[("prompt", "login")]).await;
        back.sign_in(&page, "eve@example.com", PASSWORD).await.is(200);
        back.set_cookie(SESSION, &session);
        assert_eq!(back.get("/account").await.status, 303);
    }

    async fn a_profile_is_kept_and_told_of_and_a_wrong_one_stays_in_the_form(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let browser = at_home(&server, EMAIL).await;
        let before = database.dump().await;
        let long = "x".repeat(101);
        for (first, last, language) in [("Ada", long.as_str(), "nl"), ("a\u{202e}b", "x", "nl"), ("Ada", "x", "fr")] {
            let fields = [("first_name", first), ("last_name", last), ("language", language)];
            let page = fill_in(&browser, "/account", &fields).await;
            is_page(&page, 422);
            assert!(page.text.contains("role=\"alert\"") && page.text.contains("value=\"Ada\"") == (first == "Ada"));
        }
        let same = [("first_name", "Jane"), ("last_name", "Doe"), ("language", "")];
        is_done(&browser, &fill_in(&browser, "/account", &same).await, "/account").await;
        assert_eq!(database.dump().await, before, "what is as it was is no event");
        let fields = [("first_name", " Ada "), ("last_name", ""), ("language", "nl")];
        let page = is_done(&browser, &fill_in(&browser, "/account", &fields).await, "/account").await;
        assert_eq!(page.header("content-language"), "nl");
        assert!(page.text.contains("value=\"Ada\"") && page.text.contains("<h1 id=\"heading\">Profiel</h1>"));
        let admin = server.admin(&server.acme).await;
        let changes = json!({"first_name": {"from": "Jane", "to": "Ada"}, "last_name": {"from": "Doe", "to": null},
            "locale": {"from": null, "to": "nl"}});
        let told = database.values("SELECT changes FROM audit_events WHERE action = 'user.updated'").await;
        assert_eq!(told.iter().map(|told| serde_json::from_str::<Value>(told).unwrap()).collect::<Vec<_>>(), [changes]);
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.json()["data"][0].clone();
        assert_eq!((&ada["attributes"]["first_name"], &ada["attributes"]["last_name"]), (&json!("Ada"), &Value::Null));
    }

    async fn se_list_the_file_holds_what_is_known_and_no_secret(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        person(&server.acme, "eve@example.com").await;
        let eve = at_home(&server, "eve@example.com").await;
        let page = browser.get("/account/data").await;
        is_page(&page, 200);
        assert!(page.text.contains("href=\"/account/data.json\""));
        let file = browser.get("/account/data.json").await.is(200);
        is_protected(&file);
        assert_eq!(file.header("content-disposition"), "attachment; filename=\"account.json\"");
        assert_eq!((file.header("content-type"), file.header("cache-control")), ("application/json", "no-store"));
        let known = file.json();
        assert_eq!((&known["profile"]["email"], &known["profile"]["first_name"]), (&json!(EMAIL), &json!("Jane")));
        assert_eq!(known["sessions"].as_array().unwrap().len(), 1);
        assert_eq!(known["applications"][0]["client_id"], client.credentials.0);
        let actions: Vec<&str> =
            known["audit_events"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["session.created"]);
        let hash = database.values(&format!("SELECT password_hash FROM users WHERE email = '{EMAIL}'")).await.remove(0);
        for secret in [browser.cookie(SESSION).unwrap(), hash, text(&tokens, "access_token").to_owned(), "pay_".to_owned()] {
            assert!(!file.text.contains(&secret), "{secret}");
        }
        assert!(!file.text.contains("eve@example.com") && !eve.get("/account/data.json").await.text.contains(EMAIL));
        let bare = Reply::of(server.request(&server.acme, Method::GET, "/account/data.json")).await;
        assert_eq!(bare.status, 303);
    }

    /// From the account pages one signs out at once, without being asked again.
    async fn se_logout_an_account_page_signs_out(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let session = browser.cookie(SESSION).unwrap();
        let page = browser.get("/account/data").await.is(200);
        let form = [("decision", "sign_out"), ("handle", &*hidden(&page, "handle")), ("csrf", &*hidden(&page, "csrf"))];
        let out = browser.post("/logout", &form).await;
        is_page(&out, 200);
        assert!(out.text.contains("You are signed out") && out.text.contains("href=\"/login\""));
        browser.set_cookie(SESSION, &session);
        assert_eq!(browser.get("/account").await.header("location"), "/login?return_to=/account");
    }
}
