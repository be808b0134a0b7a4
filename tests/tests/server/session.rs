//! The session of a browser: its cookie, its end, and who cannot use it. Catalogue section A11; `account_*.rs` have what a
//! person does about it. There is no dashboard (`se.dash_origin`).

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::secret::SecretHash;
use paylent_domain::Clock as _;
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{PASSWORD, Reply, Setting, TestServer, browser::*, change};

/// The cookie of a session, as a sign-in sets it.
async fn check_cookie(server: &TestServer, https: bool) {
    let client = scene(&server.acme).await;
    let browser = Browser::new(server);
    let page = browser.authorize(&client, &[]).await.is(200);
    assert_eq!(page.header("strict-transport-security").is_empty(), !https);
    let reply = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
    let cookies = reply.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let cookies: BTreeMap<&str, &str> = cookies.map(|cookie| cookie.split_once('=').unwrap()).collect();
    let prefix = if https { "__Host-" } else { "" };
    let [own, name] = [BROWSER, SESSION].map(|name| format!("{prefix}{name}"));
    assert_eq!(
        cookies.keys().copied().collect::<Vec<_>>(),
        [own.as_str(), name.as_str()],
        "a new session, and the browser's new name"
    );
    let secure = if https { "Path=/; Secure; HttpOnly" } else { "Path=/; HttpOnly" };
    let value = |name: &str, seconds: u32| {
        let (value, attributes) = cookies[name].split_once("; ").unwrap();
        assert_eq!(attributes, format!("{secure}; SameSite=Lax; Max-Age={seconds}"));
        value
    };
    assert_eq!(value(&own, 400 * 86_400).len(), 43, "256 bits");
    let value = value(&name, 2_592_000);
    assert_eq!(value.len(), "pay_se_".len() + 43, "256 bits: {value}");
    // A cookie of the other kind counts for nothing.
    let stranger = Browser::new(server);
    stranger.set_cookie(if https { SESSION } else { "__Host-paylent_session" }, value);
    assert!(stranger.authorize(&client, &[]).await.is(200).text.contains("name=\"password\""));
}

both! {
    async fn se_cookie_over_http_has_no_prefix(database: TestDatabase) {
        check_cookie(&TestServer::start(&database).await, false).await;
    }

    async fn se_cookie_over_https_is_secure_and_of_this_host(database: TestDatabase) {
        let setting = Setting { https: true, ..Setting::default() };
        check_cookie(&TestServer::start_with(&database, setting).await, true).await;
    }

    /// Whoever finds two cookies cannot tell which one is ours.
    async fn se_tossing_a_cookie_that_is_there_twice_counts_as_none(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let (session, own) = (browser.cookie(SESSION).unwrap(), browser.cookie(BROWSER).unwrap());
        let path = authorization(&client, &[("prompt", "none")]);
        for (cookies, known) in [
            (format!("{SESSION}={session}; {BROWSER}={own}"), true),
            (format!("sid=evil; {SESSION}={session}"), true),
            (format!("{SESSION}={session}; {SESSION}={session}"), false),
            (format!("{SESSION}=evil; {SESSION}={session}"), false),
            (format!("{SESSION}=\"{session}\""), false),
            (format!("{SESSION}={}", session.replace('_', "%5F")), false),
            (format!("%70aylent_session={session}"), false),
            (format!("PAYLENT_SESSION={session}"), false),
        ] {
            let get = server.request(&server.acme, Method::GET, &path).header("cookie", &cookies);
            let told = parameters(&Reply::of(get).await);
            assert_eq!(told.contains_key("code"), known, "{cookies}");
        }
    }

    async fn se_xenv_and_se_hash_a_cookie_is_good_in_its_environment_and_its_hash_nowhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let foreign = scene(&server.beta).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let session = browser.cookie(SESSION).unwrap();
        let before = database.dump().await;
        let elsewhere = browser.at(&server, &server.beta);
        assert!(elsewhere.authorize(&foreign, &[]).await.is(200).text.contains("name=\"password\""));
        let hash = SecretHash::of(&session);
        let hex: String = hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(database.count(&format!("sessions WHERE token_hash = {}", database.bytes(hash.as_bytes()))).await, 1);
        let stranger = Browser::new(&server);
        let encoded = URL_SAFE_NO_PAD.encode(hash.as_bytes());
        assert_eq!(encoded.len() + "pay_se_".len(), session.len(), "as a token is written");
        let cut = session[..session.len() - 1].to_owned();
        for stolen in [hex.clone(), format!("pay_se_{hex}"), encoded.clone(), format!("pay_se_{encoded}"), cut] {
            stranger.set_cookie(SESSION, &stolen);
            assert!(!stranger.is_signed_in(&client).await);
        }
        assert_eq!(database.dump().await, before);
    }

    async fn se_logout_ends_the_session_on_every_node(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let session = browser.cookie(SESSION).unwrap();
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        assert!(beside.is_signed_in(&client).await);
        let question = browser.get("/oauth/logout").await.is(200);
        let form = [
            ("decision", "sign_out"),
            ("handle", &*hidden(&question, "handle")),
            ("csrf", &*hidden(&question, "csrf")),
        ];
        is_page(&browser.post("/logout", &form).await, 200);
        assert_eq!(browser.cookie(SESSION), None);
        browser.set_cookie(SESSION, &session);
        for browser in [&browser, &beside] {
            assert!(!browser.is_signed_in(&client).await);
            browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        }
        is_page(&browser.post("/logout", &form).await, 403);
    }

    /// Nobody signs somebody else out by a link or a form of theirs.
    async fn se_logout_csrf_without_proof_the_person_is_asked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let (browser, eve) = (Browser::new(&server), Browser::new(&server));
        browser.code(&client).await;
        let page = eve.authorize(&client, &[]).await;
        let consent = eve.sign_in(&page, "eve@example.com", PASSWORD).await;
        let code = parameters(&eve.decide(&consent, "allow").await)["code"].clone();
        let hers = text(&eve.redeem(&client, &code).await.json(), "id_token").to_owned();
        let before = database.dump().await;
        for query in [String::new(), format!("?client_id={}", client.credentials.0), format!("?id_token_hint={hers}")] {
            let question = browser.get(&format!("/oauth/logout{query}")).await;
            is_page(&question, 200);
            assert!(question.text.contains("name=\"decision\""), "{query}");
            let own = browser.post("/oauth/logout", &[("id_token_hint", &hers)]).await;
            assert!(own.text.contains("name=\"decision\""));
        }
        // A form of another site comes without cookies: it comes again as a link, and the cookies stay.
        let form = [("client_id", client.credentials.0.as_str()), ("state", "x y")];
        let foreign = server.request(&server.acme, Method::POST, "/oauth/logout").header("origin", "https://evil.test");
        let again = Reply::of(foreign.form(&form)).await;
        assert_eq!((again.status, again.headers.get("set-cookie")), (303, None));
        assert_eq!(again.header("location"), format!("/oauth/logout?client_id={}&state=x+y", client.credentials.0));
        assert!(browser.get(again.header("location")).await.text.contains("name=\"decision\""));
        let unknown = server.request(&server.acme, Method::GET, "/oauth/logout");
        assert!(!Reply::of(unknown).await.headers.get_all("set-cookie").iter().any(|c| c.to_str().unwrap().contains(SESSION)));
        assert_eq!(database.dump().await, before);
        assert!(browser.is_signed_in(&client).await);
    }

    /// Whoever stays is not sent back to the client, which would believe that they signed out.
    async fn a_person_who_stays_signed_in_is_told_so(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let bye = "https://app.example.com/bye";
        database.execute(&format!("UPDATE clients SET post_logout_redirect_uris = '[\"{bye}\"]'")).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let id = &client.credentials.0;
        let stay = async |query: &str| {
            let question = browser.get(&format!("/oauth/logout?{query}")).await.is(200);
            let (handle, csrf) = (hidden(&question, "handle"), hidden(&question, "csrf"));
            browser.post("/logout", &[("decision", "stay"), ("handle", &handle), ("csrf", &csrf)]).await
        };
        let named = format!("client_id={id}&post_logout_redirect_uri={bye}&state=s");
        for query in ["", &named, &format!("client_id={id}&post_logout_redirect_uri=https://evil.test/")] {
            let page = stay(query).await;
            is_page(&page, 200);
            assert!(page.text.contains("You are still signed in") && page.text.contains(EMAIL), "{query}");
        }
        is_page(&browser.post("/logout", &[("decision", "stay"), ("handle", "x"), ("csrf", "x")]).await, 403);
        assert!(browser.is_signed_in(&client).await);
    }

    async fn se_api_revoke_se_user_dead_and_se_pwchange_end_the_cookie_everywhere_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let node = server.beside(&database);
        for event in ["revoke", "delete", "password", "deactivate", "remove"] {
            let browser = Browser::new(&server);
            let tokens = browser.tokens(&client).await;
            let waiting = browser.code(&client).await;
            let beside = browser.at(&node, &node.acme);
            assert!(beside.is_signed_in(&client).await);
            let live = admin.get("sessions?filter[revoked_at][is_nil]=true").await.ids();
            let session = &live[0];
            let update = |attributes| change("user", &ada, attributes);
            let path = format!("users/{ada}");
            let done = match event {
                "revoke" => Reply::of(admin.request(Method::PATCH, &format!("sessions/{session}/revoke"))).await,
                "delete" => admin.delete(&format!("sessions/{session}")).await,
                "password" => admin.patch(&path, &update(json!({"password": PASSWORD}))).await,
                "deactivate" => admin.patch(&path, &update(json!({"active": false}))).await,
                _ => admin.delete(&path).await,
            };
            done.is(200);
            for browser in [&browser, &beside] {
                assert!(!browser.is_signed_in(&client).await, "{event}");
                browser.redeem(&client, &waiting).await.is_oauth_error(400, "invalid_grant");
                if !["revoke", "delete"].contains(&event) {
                    browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
                    assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401, "{event}");
                }
            }
            if event == "deactivate" {
                admin.patch(&path, &update(json!({"active": true}))).await.is(200);
                assert!(!browser.is_signed_in(&client).await, "what was ended stays ended");
            }
        }
    }

    /// Use does not prolong it, and nothing brings it back; proving once more who one is does.
    async fn se_abs_a_session_ends_when_its_environment_says(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        database.execute("UPDATE environments SET session_ttl = 3000").await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let session = admin.get("sessions").await.ids().remove(0);
        let touch = || Reply::of(admin.request(Method::PATCH, &format!("sessions/{session}/touch")));
        for _ in 0..3 {
            server.clock.advance_seconds(999);
            touch().await.is(200);
            assert!(browser.is_signed_in(&client).await);
        }
        server.clock.advance_seconds(3);
        assert!(!browser.is_signed_in(&client).await);
        let before = database.dump().await;
        assert!([409, 422].contains(&touch().await.status));
        assert_eq!(database.dump().await, before);
        browser.code(&client).await;
        server.clock.advance_seconds(2_000);
        let page = browser.authorize(&client, &[("prompt", "login")]).await;
        let reply = browser.sign_in(&page, EMAIL, PASSWORD).await;
        assert!(reply.header("set-cookie").contains("Max-Age=3000"));
        server.clock.advance_seconds(2_000);
        assert!(browser.is_signed_in(&client).await);
        server.clock.advance_seconds(1_000);
        assert!(!browser.is_signed_in(&client).await);
    }

    /// Use keeps it awake, which is noted now and then; a session that nobody uses ends before its time.
    async fn se_idle_a_session_that_nobody_uses_ends(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        database.execute("UPDATE environments SET session_idle_ttl = 3000").await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let session = server.admin(&server.acme).await.get("sessions").await.ids().remove(0);
        let used = async || database.values("SELECT last_activity_at FROM sessions").await.remove(0);
        for _ in 0..3 {
            let before = used().await;
            server.clock.advance_seconds(299);
            browser.get("/oauth/logout").await.is(200);
            assert_eq!(used().await, before, "noted every five minutes at most");
            server.clock.advance_seconds(2_600);
            browser.get("/oauth/logout").await.is(200);
            // Nobody waits for the note, so it may come after the answer.
            while used().await == before {
                tokio::task::yield_now().await;
            }
            assert_eq!(used().await, server.clock.now().micros().to_string());
        }
        server.clock.advance_seconds(3_000);
        assert!(!browser.is_signed_in(&client).await);
        let admin = server.admin(&server.acme).await;
        let before = database.dump().await;
        let touch = admin.request(Method::PATCH, &format!("sessions/{session}/touch"));
        assert!([409, 422].contains(&Reply::of(touch).await.status), "nothing wakes it up");
        assert_eq!(database.dump().await, before);
        browser.code(&client).await;
        assert_eq!(database.count("sessions").await, 2, "signing in makes another");
    }

    async fn se_max_of_two_hundred_and_one_sessions_the_oldest_ends(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let oldest = Browser::new(&server);
        oldest.code(&client).await;
        let env = &server.acme.seeded.env;
        let user_id = env.sign_in_candidate(EMAIL, &[0; 32]).await.unwrap().unwrap().user_id;
        let by = paylent_domain::audit::Context::system(server.clock.now().plus_seconds(1));
        for number in 0..199_u8 {
            let id = paylent_domain::Id::new(by.at, [number; 10]);
            let token_hash = SecretHash::of(&format!("token {number}"));
            let new = paylent_storage::NewSession { id, user_id, token_hash, ip: None, user_agent: None };
            env.create_session(new, &by).await.unwrap();
        }
        server.clock.advance_seconds(2);
        let live = async || database.count("sessions WHERE revoked_at IS NULL").await;
        assert!(live().await == 200 && oldest.is_signed_in(&client).await);
        let newest = Browser::new(&server);
        newest.code(&client).await;
        assert!(!oldest.is_signed_in(&client).await && newest.is_signed_in(&client).await);
        assert_eq!(live().await, 200);
        assert_eq!(database.count("audit_events WHERE action = 'session.revoked'").await, 1);
    }
}
