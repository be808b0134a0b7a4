//! People at their browsers: sign-in, consent, tokens, sign-out. Catalogue sections A1 to A9.

use paylent_domain::client::ClientType;
use paylent_tests::both;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use url::form_urlencoded::Serializer;

use crate::support::{PASSWORD, Reply, Setting, TestServer, browser::*, change};

both! {
    async fn a_person_signs_in_consents_and_signs_out_again(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let confidential = scene(&server.acme).await;
        let public = application(&server.acme, ClientType::Public).await;
        for client in [confidential, public] {
            let browser = Browser::new(&server);
            let page = browser.authorize(&client, &[("login_hint", EMAIL)]).await;
            is_page(&page, 200);
            assert!(page.text.contains("Ledger") && page.text.contains(&format!("value=\"{EMAIL}\"")));
            let code = browser.code(&client).await;
            let tokens = browser.redeem(&client, &code).await.is(200).json();
            assert!(tokens["id_token"].is_string());
            let person = browser.userinfo(tokens["access_token"].as_str().unwrap()).await.is(200).json();
            assert_eq!((person["email"].as_str(), person["name"].as_str()), (Some(EMAIL), Some("Jane Doe")));
            let fresh = browser.refresh(&client, text(&tokens, "refresh_token")).await.is(200).json();
            let access = fresh["access_token"].as_str().unwrap();
            assert_eq!(browser.userinfo(access).await.status, 200);
            // Without a hint the person is asked; the refused form changes nothing.
            let question = browser.get("/oauth/logout").await;
            is_page(&question, 200);
            let handle = hidden(&question, "handle");
            let forged = browser.post("/logout", &[("decision", "sign_out"), ("handle", &handle), ("csrf", "x")]).await;
            is_page(&forged, 403);
            assert!(browser.cookies.borrow().contains_key("paylent_session"));
            let form = [("decision", "sign_out"), ("handle", &handle), ("csrf", &hidden(&question, "csrf"))];
            is_page(&browser.post("/logout", &form).await, 200);
            assert!(!browser.cookies.borrow().contains_key("paylent_session"));
            assert_eq!(browser.userinfo(access).await.status, 401, "the tokens end with the session");
            assert!(browser.authorize(&client, &[]).await.is(200).text.contains("name=\"password\""));
        }
    }

    /// A person who signed out returns to an address that was registered at the Management API, and to no other.
    async fn ru_logout_a_person_returns_to_a_registered_address(database: TestDatabase) {
        const BYE: &str = "https://app.example.com/bye?from=payt";
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let leave = async || {
            let code = browser.code(&client).await;
            let tokens = browser.redeem(&client, &code).await.is(200).json();
            let mut query = Serializer::new(String::new());
            query.extend_pairs([("id_token_hint", tokens["id_token"].as_str().unwrap()), ("state", "s t")]);
            query.extend_pairs([("post_logout_redirect_uri", BYE)]);
            browser.get(&format!("/oauth/logout?{}", query.finish())).await
        };
        browser.code(&client).await;
        is_page(&leave().await, 200);
        let admin = server.admin(&server.acme).await;
        let (id, path) = (client.id.to_string(), format!("clients/{}", client.id));
        let set = |uris: &[&str]| change("client", &id, json!({"post_logout_redirect_uris": uris}));
        for (uris, returned) in [
            (&["https://app.example.com/bye"][..], false),
            (&["https://app.example.com/other", BYE], true),
            (&[], false),
        ] {
            admin.patch(&path, &set(uris)).await.is(200);
            let left = leave().await;
            match returned {
                true => assert_eq!((left.status, left.header("location")), (303, &*format!("{BYE}&state=s%20t"))),
                false => is_page(&left, 200),
            }
            assert_eq!(browser.cookies.borrow().contains_key("paylent_session"), !returned);
        }
    }

    /// An unknown address, a wrong password and an account that is switched off look the same.
    async fn a_wrong_password_and_an_unknown_person_get_one_answer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let mut answers = Vec::new();
        for (email, password) in [(EMAIL, "wrong"), ("eve@example.com", PASSWORD), ("admin@acme-test.example", "x")] {
            let refused = browser.sign_in(&page, email, password).await;
            is_page(&refused, 401);
            assert!(!browser.cookies.borrow().contains_key("paylent_session"));
            answers.push(refused.text.replace(&hidden(&refused, "handle"), "").replace(email, ""));
        }
        assert!(answers[0].contains("aria-invalid") && answers.iter().all(|answer| *answer == answers[0]));
        is_page(&browser.sign_in(&page, EMAIL, "").await, 400);
        assert_eq!(browser.sign_in(&page, "ADA@example.com", PASSWORD).await.status, 200, "case does not matter");
    }

    async fn whoever_says_no_goes_back_with_an_error(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let back = parameters(&browser.decide(&consent, "deny").await);
        assert_eq!((back["error"].as_str(), back["state"].as_str()), ("access_denied", "s t/1"));
        assert!(!back.contains_key("code"));
    }

    async fn a_person_may_leave_out_what_is_optional(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        is_page(&browser.decide_on(&consent, "allow", &["phone"]).await, 400);
        is_page(&browser.decide_on(&consent, "perhaps", &[]).await, 400);
        let back = parameters(&browser.decide_on(&consent, "allow", &["email"]).await);
        let tokens = browser.redeem(&client, &back["code"]).await.is(200).json();
        let person = browser.userinfo(tokens["access_token"].as_str().unwrap()).await.is(200).json();
        assert!(person["email"] == EMAIL && person.get("name").is_none(), "{person}");
    }

    /// The answer in a form, for clients that want it so; the account chosen, or another one.
    async fn an_account_is_chosen_and_the_answer_posted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        server.clock.advance_seconds(1);
        let choice = browser.authorize(&client, &[("prompt", "select_account"), ("response_mode", "form_post")]).await;
        is_page(&choice, 200);
        assert!(choice.text.contains("Jane Doe"));
        let (handle, csrf) = (hidden(&choice, "handle"), hidden(&choice, "csrf"));
        let other = browser.get(&format!("/login?handle={handle}")).await;
        is_page(&other, 200);
        assert!(other.text.contains("name=\"password\""));
        is_page(&browser.post("/login/account", &[("handle", &handle), ("csrf", "x")]).await, 403);
        let form = browser.post("/login/account", &[("handle", &handle), ("csrf", &csrf)]).await;
        is_page(&form, 200);
        assert!(form.text.contains("action=\"https://app.example.com/cb?tenant=1\""), "{}", form.text);
        assert_eq!((hidden(&form, "state"), hidden(&form, "iss")), ("s t/1".to_owned(), server.acme.issuer()));
        browser.redeem(&client, &hidden(&form, "code")).await.is(200);
    }

    /// Who wants the answer in a form gets the errors in one, too: no address has them.
    async fn az_resp_mode_errors_are_posted_to_who_wants_them_so(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let told = |reply: &Reply, error: &str| {
            is_page(reply, 200);
            assert!(reply.text.contains(&format!("action=\"{CALLBACK}\"")) && !reply.text.contains("name=\"code\""));
            let fields = ["error", "state", "iss"].map(|name| hidden(reply, name));
            assert_eq!(fields, [error.to_owned(), "s t/1".to_owned(), server.acme.issuer()]);
        };
        let by_form = ("response_mode", "form_post");
        told(&browser.authorize(&client, &[by_form, ("prompt", "none")]).await, "login_required");
        told(&browser.authorize(&client, &[by_form, ("scope", "nothing")]).await, "invalid_scope");
        let page = browser.authorize(&client, &[by_form]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        told(&browser.decide(&consent, "deny").await, "access_denied");
        told(&browser.authorize(&client, &[by_form, ("prompt", "none")]).await, "consent_required");
    }

    async fn prompt_none_shows_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let back = parameters(&browser.authorize(&client, &[("prompt", "none")]).await);
        assert_eq!((back["error"].as_str(), &back["iss"]), ("login_required", &server.acme.issuer()));
        browser.code(&client).await;
        assert!(parameters(&browser.authorize(&client, &[("prompt", "none")]).await).contains_key("code"));
    }

    /// A page belongs to the browser it was shown in.
    async fn az_browser_bind(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let (ada, eve) = (Browser::new(&server), Browser::new(&server));
        let theirs = ada.authorize(&client, &[]).await.is(200);
        let own = eve.authorize(&client, &[]).await.is(200);
        let form = [
            ("email", EMAIL),
            ("password", PASSWORD),
            ("handle", &hidden(&theirs, "handle")),
            ("csrf", &hidden(&own, "csrf")),
        ];
        is_page(&eve.post("/login", &form).await, 403);
        assert!(!eve.cookies.borrow().contains_key("paylent_session"));
        let theirs = ada.sign_in(&theirs, EMAIL, PASSWORD).await.is(200);
        let own = eve.sign_in(&own, EMAIL, PASSWORD).await.is(200);
        let form =
            [("decision", "allow"), ("handle", &hidden(&theirs, "handle")), ("csrf", &hidden(&own, "csrf"))];
        is_page(&eve.post("/consent", &form).await, 403);
        assert!(parameters(&ada.decide(&theirs, "allow").await).contains_key("code"));
    }

    async fn az_consent_csrf(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let (handle, csrf) = (hidden(&consent, "handle"), hidden(&consent, "csrf"));
        for token in ["", "x", &hidden(&page, "csrf")] {
            let form = [("decision", "allow"), ("handle", &handle), ("csrf", token)];
            is_page(&browser.post("/consent", &form).await, 403);
        }
        let form = [("decision", "allow"), ("handle", handle.as_str()), ("csrf", csrf.as_str())];
        for (name, value) in [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")] {
            let post = browser.request(Method::POST, "/consent").header(name, value);
            is_page(&browser.send(post.form(&form)).await, 403);
        }
        assert!(parameters(&browser.post("/consent", &form).await).contains_key("code"));
        is_page(&browser.post("/consent", &form).await, 409);
    }

    /// Nobody is sent to an address that is not known to be the client's.
    async fn az_unknown_client(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let id = &client.credentials.0;
        for query in [
            String::new(),
            "client_id=nobody&redirect_uri=https://evil.test/cb".to_owned(),
            format!("client_id={id}&response_type=code&redirect_uri=https://evil.test/cb"),
            format!("client_id={id}&response_type=code&redirect_uri=https://app.example.com/cb"),
            format!("client_id={id}&client_id={id}"),
        ] {
            is_page(&browser.get(&format!("/oauth/authorize?{query}")).await, 400);
        }
    }

    /// A code is good once. Whoever brings it again ends what the first time gave.
    async fn a_replayed_code_kills_its_tokens(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        let access = tokens["access_token"].as_str().unwrap();
        assert_eq!(browser.userinfo(access).await.status, 200);
        browser.redeem(&client, &code).await.is_oauth_error(400, "invalid_grant");
        let refused = browser.userinfo(access).await;
        assert_eq!(refused.status, 401);
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
    }

    /// A session that was there before a sign-in is not the one after it.
    async fn se_fixation(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let before = browser.cookies.borrow()["paylent_session"].clone();
        server.clock.advance_seconds(1);
        let page = browser.authorize(&client, &[("prompt", "login")]).await.is(200);
        let back = browser.sign_in(&page, EMAIL, PASSWORD).await;
        assert!(parameters(&back).contains_key("code"), "the consent is remembered");
        assert_ne!(browser.cookies.borrow()["paylent_session"], before);
        browser.cookies.borrow_mut().insert("paylent_session".to_owned(), before);
        let refused = browser.authorize(&client, &[("prompt", "none")]).await;
        assert_eq!(parameters(&refused)["error"], "login_required");
    }

    /// Somebody who put a name of their choice into a browser is not taken for it after its person signed in.
    async fn se_fixation_a_planted_browser_is_not_the_persons(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { proxies: &["127.0.0.1"], ..Setting::default() }).await;
        let client = scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let planted = "A".repeat(43);
        let (ada, eve) = (Browser::new(&server), Browser::new(&server));
        ada.set_cookie(BROWSER, &planted);
        eve.set_cookie(BROWSER, &planted);
        let hers = eve.authorize(&client, &[]).await.is(200);
        ada.code(&client).await;
        let own = ada.cookie(BROWSER).unwrap();
        assert_ne!(own, planted);
        // Her page is not one of Ada's browser any more, whoever posts it.
        for (email, of) in [("eve@example.com", &hers), (EMAIL, &hers)] {
            let form = ada.sign_in_form(of, email, PASSWORD);
            is_page(&ada.send(form).await, 403);
        }
        let told = parameters(&ada.authorize(&client, &[("prompt", "none")]).await);
        assert!(told.contains_key("code") && ada.cookie(BROWSER).as_ref() == Some(&own));
        // A stranger who has to wait has to wait under the planted name, too; Ada does not.
        let from = |form: RequestBuilder| form.header("x-forwarded-for", "203.0.113.7");
        for _ in 0..10 {
            let page = eve.authorize(&client, &[]).await.is(200);
            assert_eq!(eve.send(from(eve.sign_in_form(&page, EMAIL, "wrong password"))).await.status, 401);
        }
        let page = eve.authorize(&client, &[]).await.is(200);
        assert_eq!(eve.send(from(eve.sign_in_form(&page, EMAIL, PASSWORD))).await.status, 401);
        server.clock.advance_seconds(1);
        let page = ada.authorize(&client, &[("prompt", "login")]).await.is(200);
        parameters(&ada.send(from(ada.sign_in_form(&page, EMAIL, PASSWORD))).await);
        assert_eq!(ada.cookie(BROWSER).unwrap(), own, "a browser that is known keeps its name");
    }

    /// Whoever signed in in one tab finds the sign-in page of the other one asking again, for the same request.
    async fn se_fixation_a_second_tab_asks_again(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let second = browser.authorize(&client, &[("state", "second")]).await.is(200);
        browser.code(&client).await;
        server.clock.advance_seconds(1);
        let again = browser.sign_in(&second, EMAIL, PASSWORD).await;
        is_page(&again, 403);
        assert!(again.text.contains("name=\"password\"") && again.text.contains("Ledger"), "{}", again.text);
        let back = parameters(&browser.sign_in(&again, EMAIL, PASSWORD).await);
        assert!(back.contains_key("code") && back["state"] == "second", "{back:?}");
        // So does the address of a page.
        let third = Browser::new(&server).authorize(&client, &[]).await.is(200);
        let reopened = browser.get(&format!("/login?handle={}", hidden(&third, "handle"))).await;
        is_page(&reopened, 200);
        assert_ne!(hidden(&reopened, "handle"), hidden(&third, "handle"));
        parameters(&browser.sign_in(&reopened, EMAIL, PASSWORD).await);
    }

    async fn rl_login_is_limited_like_the_token_endpoint(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { limited: true, ..Default::default() }).await;
        let browser = Browser::new(&server);
        let mut admitted = 0;
        while browser.post("/login", &[("email", EMAIL), ("password", "x")]).await.status != 429 {
            admitted += 1;
            assert!(admitted < 20, "{admitted} attempts were admitted");
        }
        assert!(admitted >= 10, "{admitted}");
        is_page(&browser.post("/login", &[]).await, 429);
    }

    async fn pages_find_their_style_sheet(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let browser = Browser::new(&server);
        let page = browser.get("/oauth/authorize").await;
        let path = page.text.split('"').find(|text| text.starts_with("/assets/") && text.ends_with(".css")).unwrap();
        let sheet = browser.get(path).await.is(200);
        assert!(sheet.header("content-type").starts_with("text/css") && sheet.header("cache-control").contains("immutable"));
        assert_eq!(browser.get("/assets/0/style.css").await.status, 404);
    }
}
