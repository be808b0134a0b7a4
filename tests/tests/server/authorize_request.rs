//! Which requests `/oauth/authorize` takes, and who hears what is wrong with the others. Catalogue section A1.

use std::net::TcpListener;

use paylent_domain::{Id, client::Client, client::ClientType};
use paylent_storage::{ClientChange, Expected};
use paylent_tests::{both, seed};
use reqwest::Method;

use crate::support::{PASSWORD, Reply, TestServer, browser::*};

/// All of a page that does not depend on which request it answers.
fn essence(reply: &Reply) -> String {
    let id = reply.header("x-request-id");
    assert!(!id.is_empty() && reply.text.contains(id));
    reply.text.replace(id, "")
}

both! {
    /// One page, to the letter, for a client that is unknown, of another environment, or switched off.
    async fn az_unknown_client_az_xenv_client_and_az_disabled_client_get_one_page(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let foreign = application(&server.beta, ClientType::Confidential).await;
        let disabled = application(&server.acme, ClientType::Confidential).await;
        let off = ClientChange { active: Some(false), ..ClientChange::default() };
        server.acme.seeded.env.update_client(disabled.id, off, &Expected::Any, &seed::by()).await.unwrap();
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let before = database.dump().await;
        let mut pages = Vec::new();
        for id in ["nobody", &foreign.credentials.0, &disabled.credentials.0, &"x".repeat(4_000)] {
            let reply = browser.authorize(&client, &[("client_id", id)]).await;
            is_page(&reply, 400);
            pages.push(essence(&reply));
        }
        assert!(pages.iter().all(|page| *page == pages[0]), "{pages:#?}");
        assert_eq!(database.dump().await, before);
    }

    /// Whatever else is wrong: nobody is sent to an address that is not registered.
    async fn az_err_order_client_and_address_come_first(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let before = database.dump().await;
        for change in [
            ("scope", "nothing"),
            ("response_type", "token"),
            ("code_challenge_method", "plain"),
            ("prompt", "none"),
            ("max_age", "-1"),
            ("request", "x"),
        ] {
            is_page(&browser.authorize(&client, &[change, ("redirect_uri", "https://evil.test/cb")]).await, 400);
        }
        assert_eq!(database.dump().await, before);
    }

    /// Before login too: decision 46 lets every other error return to the client.
    async fn az_and_ru_err_phish_request_errors_return_to_the_client_and_change_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        // Nobody must fetch what `request_uri` names.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let elsewhere = format!("http://{}/x", listener.local_addr().unwrap());
        let api = server.acme.api();
        let foreign = server.beta.api();
        let (stranger, ada) = (Browser::new(&server), Browser::new(&server));
        ada.code(&client).await;
        let before = database.dump().await;
        let many = "x ".repeat(2_000);
        for browser in [stranger, ada] {
            for (tag, change, error) in [
                ("az.resp_type", vec![("response_type", "")], "invalid_request"),
                ("az.resp_type", vec![("response_type", "token")], "unsupported_response_type"),
                ("az.resp_type", vec![("response_type", "id_token")], "unsupported_response_type"),
                ("az.resp_type", vec![("response_type", "code token")], "unsupported_response_type"),
                ("az.resp_type", vec![("response_type", "code id_token token")], "unsupported_response_type"),
                ("az.resp_type", vec![("response_type", "none")], "unsupported_response_type"),
                ("az.scope_bad", vec![("scope", "openid admin")], "invalid_scope"),
                ("az.scope_bad", vec![("scope", "openid users:read")], "invalid_scope"),
                ("az.scope_bad", vec![("scope", "openid \u{e9}")], "invalid_scope"),
                ("az.scope_dos", vec![("scope", &*many)], "invalid_scope"),
                ("az.max_age", vec![("max_age", "-1")], "invalid_request"),
                ("az.max_age", vec![("max_age", "abc")], "invalid_request"),
                ("az.max_age", vec![("max_age", "1e9999")], "invalid_request"),
                ("az.prompt_combo", vec![("prompt", "none login")], "invalid_request"),
                ("az.prompt_combo", vec![("prompt", "create")], "invalid_request"),
                ("az.claims", vec![("claims", "{")], "invalid_request"),
                ("az.claims", vec![("claims", "[]")], "invalid_request"),
                ("az.acr", vec![("claims", r#"{"id_token":{"acr":{"essential":true,"values":["99"]}}}"#)], "access_denied"),
                ("az.request_uri", vec![("registration", "{}")], "registration_not_supported"),
                ("az.request_uri", vec![("request", "x.y.z")], "request_not_supported"),
                ("az.request_uri", vec![("request_uri", &*elsewhere)], "request_uri_not_supported"),
                ("az.resp_mode", vec![("response_mode", "fragment")], "invalid_request"),
                ("az.resp_mode", vec![("response_mode", "form_post.jwt")], "invalid_request"),
                ("az.resp_mode", vec![("response_mode", "web_message")], "invalid_request"),
                ("az.resp_mode", vec![("response_mode", "query.jwt")], "invalid_request"),
                ("az.resource", vec![("resource", "https://nobody.example")], "invalid_target"),
                ("az.resource", vec![("resource", "api")], "invalid_target"),
                ("az.resource", vec![("resource", &*format!("{api}#x"))], "invalid_target"),
                ("az.resource", vec![("resource", &*foreign)], "invalid_target"),
            ] {
                let reply = browser.authorize(&client, &change).await;
                assert_eq!(reply.status, 303, "{tag} {change:?}: {}", reply.text);
                is_returned(&server, &reply, error);
            }
        }
        assert_eq!(database.dump().await, before);
        assert!(listener.accept().is_err(), "az.request_uri: somebody called");
    }

    async fn az_dup_a_repeated_parameter_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let before = database.dump().await;
        let path = authorization(&client, &[]);
        for name in ["scope", "response_type", "code_challenge", "nonce", "unknown"] {
            for pair in [format!("{name}=x&{name}=x"), format!("{name}=&{name}=")] {
                let reply = browser.get(&format!("{path}&{pair}")).await;
                is_returned(&server, &reply, "invalid_request");
            }
        }
        let twice = parameters(&browser.get(&format!("{path}&state=s+t/1")).await);
        assert!(twice["error"] == "invalid_request" && !twice.contains_key("state"), "whose state nobody can tell");
        for name in ["client_id", "redirect_uri"] {
            is_page(&browser.get(&format!("{path}&{name}=x")).await, 400);
        }
        is_page(&browser.get(&format!("{path}&client%5fid={}", client.credentials.0)).await, 400);
        assert_eq!(database.dump().await, before);
    }

    async fn az_state_echo_a_state_comes_back_as_it_was_sent(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let odd = "&%\"'<script>\r\nSet-Cookie:x=1\u{e9}+ =#";
        let state = format!("{odd}{}", "s".repeat(2_048 - odd.len()));
        let reply = browser.authorize(&client, &[("state", &state), ("prompt", "none")]).await;
        assert_eq!(parameters(&reply)["state"], state);
        assert!(reply.headers.get_all("set-cookie").iter().all(|cookie| !cookie.to_str().unwrap().contains("x=1")));
        let code = browser.answers(&client, &[("state", &state)]).await;
        assert!(code["state"] == state && code.contains_key("code"));
        let long = "s".repeat(2_049);
        let told = parameters(&browser.authorize(&client, &[("state", &long)]).await);
        assert!(told["error"] == "invalid_request" && !told.contains_key("state"), "{told:?}");
    }

    async fn az_methods_and_az_null_and_az_scope_dos_by_bytes(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let path = authorization(&client, &[]);
        let before = database.dump().await;
        for method in ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = browser.request(method.clone(), &path).header("origin", "https://app.example.com");
            let reply = browser.send(request.header("access-control-request-method", "POST")).await;
            assert_eq!((reply.status, reply.header("allow")), (405, "GET, POST"), "{method}");
            assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")), "{method}");
        }
        let get = browser.request(Method::GET, &path).header("origin", "https://app.example.com");
        is_page(&browser.send(get).await, 200);
        for bad in ["x=%00", "%00=x", "x=%ff", "%ff=x", "x=%c0%80", "x=%", "x=%zz"] {
            is_page(&browser.get(&format!("{path}&{bad}")).await, 400);
        }
        for long in [9_000, 60_000] {
            let reply = browser.get(&format!("{path}&x={}", "y".repeat(long))).await;
            assert!([400, 414].contains(&reply.status), "{}", reply.status);
        }
        assert_eq!(database.dump().await, before);
    }

    /// Nobody sees the answer to a HEAD, so it must not stand for a decision.
    async fn az_methods_a_head_issues_no_code_and_ends_no_session(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let client = application_with(&server.acme, ClientType::Confidential, |client| client.first_party = true).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let before = database.dump().await;
        let sign_out = format!("/oauth/logout?id_token_hint={}", text(&tokens, "id_token"));
        for path in [authorization(&client, &[]), sign_out] {
            let reply = browser.send(browser.request(Method::HEAD, &path)).await;
            assert_eq!((reply.status, reply.header("allow"), reply.header("location")), (405, "GET, POST", ""));
        }
        assert_eq!(database.dump().await, before);
    }

    async fn az_success_hdr_a_code_comes_by_303_with_state_and_iss(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let page = browser.authorize(&client, &[]).await;
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await;
        let reply = browser.decide(&consent, "allow").await;
        let told = parameters(&reply);
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(told.keys().map(String::as_str).collect::<Vec<_>>(), ["code", "iss", "state", "tenant"]);
        assert_eq!((told["iss"].as_str(), told["state"].as_str()), (server.acme.issuer().as_str(), "s t/1"));
        is_protected(&reply);
    }

    /// A post from another site brings no cookies: the browser comes again by itself, and then its session counts.
    async fn a_posted_request_comes_again_as_a_get(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let path = authorization(&client, &[("prompt", "none"), ("ui_locales", "de")]);
        let query = path.split_once('?').unwrap().1.to_owned();
        let form = "application/x-www-form-urlencoded";
        let post = |body: &str| {
            let post = server.request(&server.acme, Method::POST, "/oauth/authorize").header("content-type", form);
            post.header("origin", "https://app.example.com").header("sec-fetch-site", "cross-site").body(body.to_owned())
        };
        let again = Reply::of(post(&query)).await;
        assert_eq!((again.status, again.header("location")), (303, path.as_str()));
        assert!(again.headers.get("set-cookie").is_none(), "the browser keeps the cookies it has");
        is_protected(&again);
        assert!(parameters(&browser.get(again.header("location")).await).contains_key("code"));
        // What is wrong is judged when it comes again.
        let twice = Reply::of(post(&format!("{query}&nonce=\u{e9} #x"))).await;
        assert_eq!(twice.header("location"), format!("{path}&nonce=%C3%A9%20%23x"));
        is_returned(&server, &browser.get(twice.header("location")).await, "invalid_request");
        is_page(&Reply::of(post(&"x".repeat(9_000))).await, 400);
        // From our own site it is answered at once, in the language it asks for.
        let own = browser.request(Method::POST, "/oauth/authorize").header("content-type", form).body(query);
        assert!(parameters(&browser.send(own).await).contains_key("code"));
        server.clock.advance_seconds(1);
        let body = authorization(&client, &[("prompt", "login"), ("ui_locales", "de")]).split_once('?').unwrap().1.to_owned();
        let own = browser.request(Method::POST, "/oauth/authorize").header("content-type", form).body(body);
        assert_eq!(browser.send(own).await.header("content-language"), "de");
    }

    async fn az_midflight_client_a_client_that_changed_is_judged_anew(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let change = async |id: Id<Client>, change| {
            server.acme.seeded.env.update_client(id, change, &Expected::Any, &seed::by()).await.unwrap();
        };
        for off in [
            ClientChange { active: Some(false), ..ClientChange::default() },
            ClientChange { redirect_uris: Some(vec!["https://app.example.com/".to_owned()]), ..ClientChange::default() },
        ] {
            let browser = Browser::new(&server);
            let page = browser.authorize(&client, &[]).await;
            let consent = browser.sign_in(&page, EMAIL, PASSWORD).await.is(200);
            change(client.id, off).await;
            let before = database.dump().await;
            is_page(&browser.decide(&consent, "allow").await, 400);
            assert_eq!(database.dump().await, before);
            let (active, redirect_uris) = (Some(true), Some(vec![CALLBACK.to_owned()]));
            change(client.id, ClientChange { active, redirect_uris, ..ClientChange::default() }).await;
        }
    }
}
