//! Where a browser may be sent: redirect URIs to the letter. Catalogue section A2; the rules of registration are checked
//! with the Management API.

use paylent_domain::client::ClientType;
use paylent_tests::both;

use crate::support::{PASSWORD, TestServer, browser::*, oauth::Registered};

const REGISTERED: &str = "https://app.example/cb?provider=payt";

/// Asks for a code to be sent to this address.
async fn is_refused(browser: &Browser<'_>, client: &Registered, uri: &str) {
    let reply = browser.authorize(client, &[("redirect_uri", uri)]).await;
    assert_eq!(reply.status, 400, "{uri:?}");
    is_page(&reply, 400);
}

/// The address that the answer is sent to.
async fn location(browser: &Browser<'_>, client: &Registered, uri: &str) -> String {
    let reply = browser.authorize(client, &[("redirect_uri", uri), ("prompt", "none")]).await;
    assert_eq!(reply.status, 303, "{uri}: {}", reply.text);
    reply.header("location").to_owned()
}

both! {
    async fn ru_case_path_query_fragment_userinfo_suffix_port_enc_and_unicode_are_compared_to_the_letter(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let register = |uris: &'static [&'static str]| {
            application_with(&server.acme, ClientType::Confidential, move |client| {
                client.redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
            })
        };
        let client = register(&[REGISTERED]).await;
        let two = register(&[REGISTERED, "https://app.example/other"]).await;
        let browser = Browser::new(&server);
        let before = database.dump().await;
        for uri in [
            // ru.case
            "https://app.example/CB?provider=payt",
            "HTTPS://app.example/cb?provider=payt",
            "https://APP.example/cb?provider=payt",
            // ru.path
            "https://app.example/cb/?provider=payt",
            "https://app.example?provider=payt",
            "https://app.example/cb/x?provider=payt",
            "https://app.example/cb/../cb?provider=payt",
            "https://app.example/cb/.?provider=payt",
            "https://app.example/cb/..;/x?provider=payt",
            "https://app.example//cb?provider=payt",
            // ru.query
            "https://app.example/cb",
            "https://app.example/cb?provider=payt&x=1",
            "https://app.example/cb?x=1&provider=payt",
            "https://app.example/cb?provider=payt&",
            "https://app.example/cb?provider=payt?",
            "https://app.example/cb?",
            // ru.fragment
            "https://app.example/cb?provider=payt#f",
            "https://app.example/cb?provider=payt%23f",
            "https://app.example/cb?provider=payt#",
            // ru.userinfo
            "https://app.example@evil.test/cb?provider=payt",
            "https://app.example:80@evil.test/",
            "https://evil.test\\@app.example/cb?provider=payt",
            // ru.suffix
            "https://app.example.evil.test/cb?provider=payt",
            "https://evilapp.example/cb?provider=payt",
            "https://fooaapp-example/cb?provider=payt",
            "https://app.example./cb?provider=payt",
            // ru.port
            "https://app.example:443/cb?provider=payt",
            "https://app.example:8443/cb?provider=payt",
            "https://app.example:0443/cb?provider=payt",
            // ru.enc
            "https://app.example/%2e%2e%2fcb?provider=payt",
            "https://app.example/cb%252f?provider=payt",
            "https://app.example/%63b?provider=payt",
            "https://app.example/cb?provider=payt\t",
            "https://app.example/cb?provider=payt\r\nx: y",
            " https://app.example/cb?provider=payt",
            "https://app.example/cb?provider=payt\0",
            // ru.unicode
            "https://\u{430}pp.example/cb?provider=payt",
            "https://app\u{3002}example/cb?provider=payt",
            "https://app\u{ff0e}example/cb?provider=payt",
            "https://\u{ff41}pp.example/cb?provider=payt",
            "https://xn--app-.example/cb?provider=payt",
            // ru.loop_abuse
            "http://127.0.0.1/cb",
            "javascript:alert(1)",
            "",
        ] {
            match uri {
                "" => is_refused(&browser, &two, uri).await,
                uri => is_refused(&browser, &client, uri).await,
            }
        }
        assert_eq!(database.dump().await, before);
    }

    async fn ru_success_query_the_registered_query_comes_first(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = application_with(&server.acme, ClientType::Confidential, |client| {
            client.redirect_uris = vec![REGISTERED.to_owned()];
        })
        .await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[("redirect_uri", REGISTERED)]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
        let reply = browser.decide(&consent, "allow").await;
        let rest = reply.header("location").strip_prefix(&format!("{REGISTERED}&code=")).unwrap();
        let (code, rest) = rest.split_once('&').unwrap();
        assert!(code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{code}");
        let issuer = server.acme.issuer().replace(':', "%3A").replace('/', "%2F");
        assert_eq!(rest, format!("state=s%20t%2F1&iss={issuer}"));
    }

    async fn ru_loop_port_and_ru_loop_abuse_a_loopback_address_may_have_any_port(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = application_with(&server.acme, ClientType::Public, |client| {
            client.redirect_uris = vec!["http://127.0.0.1/cb".to_owned()];
        })
        .await;
        let browser = Browser::new(&server);
        for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:49152/cb"] {
            assert!(location(&browser, &client, uri).await.starts_with(&format!("{uri}?error=login_required&")));
        }
        let before = database.dump().await;
        for uri in [
            "http://127.0.0.1:1/cb?x=1",
            "http://localhost:1/cb",
            "http://[::1]:1/cb",
            "http://127.1/cb",
            "http://0x7f000001/cb",
            "http://127.0.0.1:80@evil.test/cb",
            "http://127.0.0.1:x/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1.evil.test/cb",
            "https://127.0.0.1/cb",
        ] {
            is_refused(&browser, &client, uri).await;
        }
        assert_eq!(database.dump().await, before);
    }

    /// An app with a scheme of its own gets its answer there, to the letter, and the person reads which app that is.
    async fn ru_loop_port_an_app_is_called_by_its_own_scheme(database: TestDatabase) {
        const APP: &str = "com.example.app:/cb?a=b";
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let client = application_with(&server.acme, ClientType::Public, |client| {
            client.redirect_uris = vec![APP.to_owned()];
            client.post_logout_redirect_uris = vec!["com.example.app:/bye".to_owned()];
        })
        .await;
        let browser = Browser::new(&server);
        let before = database.dump().await;
        for uri in [
            "com.example.app:/cb",
            "com.example.app:/cb?a=b&",
            "com.example.app:/cb?a=b#",
            "COM.example.app:/cb?a=b",
            "com.example.app://cb?a=b",
            "com.example.app:cb?a=b",
            "com.example.app2:/cb?a=b",
        ] {
            is_refused(&browser, &client, uri).await;
        }
        assert_eq!(database.dump().await, before);
        assert!(location(&browser, &client, APP).await.starts_with(&format!("{APP}&error=login_required&")));
        let page = browser.authorize(&client, &[("redirect_uri", APP)]).await.is(200);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await;
        is_page(&consent, 200);
        assert!(consent.text.contains("<bdi>com.example.app:</bdi>"), "{}", consent.text);
        assert!(!consent.header("content-security-policy").contains("form-action"));
        let back = browser.decide(&consent, "allow").await;
        let (start, query) = back.header("location").split_at(APP.len());
        assert_eq!((back.status, start), (303, APP));
        let code = query.split_once("code=").unwrap().1.split('&').next().unwrap();
        let form = exchange_form(code).map(|(name, value)| (name, if name == "redirect_uri" { APP } else { value }));
        let tokens = browser.exchange(&client, &form).await.is(200).json();
        server.clock.advance_seconds(1);
        let asked = [("redirect_uri", APP), ("response_mode", "form_post"), ("prompt", "none")];
        let posted = browser.authorize(&client, &asked).await;
        is_page(&posted, 200);
        assert!(posted.text.contains(&format!("action=\"{APP}\"")), "{}", posted.text);
        assert_eq!(hidden(&posted, "error"), "consent_required", "a public client is asked for every time");
        let bye = "com.example.app:%2Fbye";
        let hint = text(&tokens, "id_token");
        let gone = browser.get(&format!("/oauth/logout?id_token_hint={hint}&post_logout_redirect_uri={bye}&state=s")).await;
        assert_eq!((gone.status, gone.header("location")), (303, "com.example.app:/bye?state=s"));
    }

    async fn ru_token_mismatch_the_token_request_names_the_same_address(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let before = database.dump().await;
        for uri in [None, Some(""), Some("https://app.example.com/cb"), Some("https://app.example.com/cb?tenant=1&")] {
            let form = exchange_form(&code);
            let mut form: Vec<_> = form.into_iter().filter(|(name, _)| *name != "redirect_uri").collect();
            form.extend(uri.map(|uri| ("redirect_uri", uri)));
            browser.exchange(&client, &form).await.is_oauth_error(400, "invalid_grant");
        }
        assert_eq!(database.dump().await, before);
        browser.redeem(&client, &code).await.is(200);
    }

    async fn ru_logout_nobody_is_sent_to_an_address_that_is_not_registered(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let bye = "https://app.example.com/bye";
        database.execute(&format!("UPDATE clients SET post_logout_redirect_uris = '[\"{bye}\"]'")).await;
        let browser = Browser::new(&server);
        let hint = text(&browser.tokens(&client).await, "id_token").to_owned();
        for uri in ["https://evil.test/", "https://app.example.com/bye/", "https://app.example.com/bye?x", "javascript:x", ""] {
            let page = browser.get(&format!("/oauth/logout?client_id={}&post_logout_redirect_uri={uri}", client.credentials.0)).await;
            is_page(&page, 200);
            assert!(page.text.contains("name=\"decision\"") && browser.is_signed_in(&client).await, "{uri}");
        }
        let page = browser.get(&format!("/oauth/logout?id_token_hint={hint}&post_logout_redirect_uri=https://evil.test/")).await;
        is_page(&page, 200);
        assert!(page.text.contains("name=\"decision\"") && browser.is_signed_in(&client).await, "nothing until they confirm");
        let reply = browser.get(&format!("/oauth/logout?id_token_hint={hint}&post_logout_redirect_uri={bye}&state=a%26b")).await;
        assert_eq!((reply.status, reply.header("location")), (303, "https://app.example.com/bye?state=a%26b"));
        is_protected(&reply);
    }

    /// There is no parameter that says where to go after a login; whatever one writes there leads nowhere else.
    async fn ru_return_to_after_a_login_one_goes_on_with_the_request(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for target in ["//evil.test", "/%5cevil.test", "https:evil.test", "javascript:alert(1)", "/oauth/authorize@evil"] {
            server.clock.advance_seconds(1);
            let here = Browser::new(&server).get(&format!("/login?return_to={target}")).await;
            is_page(&here, 200);
            assert_eq!(hidden(&here, "return_to"), "/account", "{target}");
            let page = browser.authorize(&client, &[("prompt", "login"), ("return_to", target)]).await.is(200);
            let form = [
                ("email", EMAIL),
                ("password", PASSWORD),
                ("handle", &hidden(&page, "handle")),
                ("csrf", &hidden(&page, "csrf")),
                ("return_to", target),
            ];
            let reply = browser.post(&format!("/login?return_to={target}&next={target}"), &form).await;
            assert!(reply.status == 200 || reply.header("location").starts_with(CALLBACK), "{target}: {}", reply.status);
            if reply.status == 200 {
                browser.decide(&reply, "allow").await;
            }
        }
    }
}
