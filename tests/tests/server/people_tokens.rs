//! The tokens that people give to an application of an organization: how long they last, and what outlives a change of it.

use paylent_tests::both;
use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::support::{account::at_home, applications::*, browser::*, oauth::Registered, *};

/// A scope of the API, and one that says who somebody is.
const SCOPE: (&str, &str) = ("scope", "openid invoices:read");
/// Where people return to after the change.
const OTHER: &str = "https://app.example.com/other";

/// Makes an application over the Management API that people connect.
async fn made(server: &TestServer) -> Registered {
    let admin = server.admin(&server.acme).await;
    let (owner, api) =
        (admin.organization("Acme").await, server.acme.add_api("https://invoices.example", INVOICES).await.to_string());
    let attributes = json!({"name": "Ledger Robot", "grant_type": "authorization_code", "redirect_uri": CALLBACK,
        "permissions": INVOICES});
    let ends = [("organization", "organization", owner.as_str()), ("resource_server", "resource_server", api.as_str())];
    let made = admin.post("applications", &document("application", attributes, &ends)).await.is(201);
    let told = |name: &str| made.json()["meta"][name].as_str().unwrap().to_owned();
    let credentials = (told("client_id"), told("client_secret"));
    Registered { id: made.id().parse().unwrap(), user: paylent_tests::seed::new_id(), credentials }
}

both! {
    async fn tokens_of_people_last_two_hours_and_are_refreshed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (application, browser) = (made(&server).await, at_home(&server, EMAIL).await);
        let code = browser.code_for(&application, &[SCOPE]).await;
        let mut tokens = browser.redeem(&application, &code).await.is(200).json();
        for _ in 0..2 {
            assert_eq!(tokens["expires_in"], 7_200);
            let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
            assert!(access.starts_with("pay_at_") && refresh.starts_with("pay_rt_"), "{tokens}");
            server.clock.advance_seconds(7_199);
            assert_eq!(browser.userinfo(access).await.status, 200);
            server.clock.advance_seconds(1);
            assert_eq!(browser.userinfo(access).await.status, 401);
            tokens = browser.refresh(&application, refresh).await.is(200).json();
        }
    }

    /// Tokens live until they expire; new ones are for whoever has the new secret, and for the overlap the old one.
    async fn a_rotation_leaves_the_tokens_of_people_and_refreshes_by_the_new_secret(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (mut application, browser) = (made(&server).await, at_home(&server, EMAIL).await);
        for (overlap, by_old) in [("none", 401), ("1h", 200)] {
            let code = browser.code_for(&application, &[SCOPE]).await;
            let tokens = browser.redeem(&application, &code).await.is(200).json();
            let path = format!("applications/{}/rotate-secret", application.id);
            let rotated = server.admin(&server.acme).await.patch(&path, &json!({"meta": {"overlap": overlap}})).await.is(200);
            let credentials = (application.credentials.0.clone(), text(&rotated.json()["meta"], "client_secret").to_owned());
            let new = Registered { credentials, ..application };
            let old = application;
            assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200, "{overlap}");
            let refreshed = browser.refresh(&old, text(&tokens, "refresh_token")).await;
            assert_eq!(refreshed.status, by_old, "{overlap}: {}", refreshed.text);
            let tokens = if by_old == 200 { refreshed.json() } else { tokens };
            let refreshed = browser.refresh(&new, text(&tokens, "refresh_token")).await.is(200).json();
            assert_eq!(browser.userinfo(text(&refreshed, "access_token")).await.status, 200, "{overlap}");
            assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200, "{overlap}: until it expires");
            application = new;
        }
    }

    /// Requests that name the old address are refused at either end.
    async fn another_redirect_uri_counts_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (application, browser) = (made(&server).await, at_home(&server, EMAIL).await);
        let issued = browser.code_for(&application, &[SCOPE]).await;
        let (admin, id) = (server.admin(&server.acme).await, application.id.to_string());
        let moved = change("application", &id, json!({"redirect_uri": OTHER}));
        admin.patch(&format!("applications/{id}"), &moved).await.is(200);
        is_page(&browser.authorize(&application, &[SCOPE]).await, 400);
        let back = browser.authorize(&application, &[SCOPE, ("redirect_uri", OTHER)]).await;
        assert!(back.status == 303 && back.header("location").starts_with(&format!("{OTHER}?")), "{}", back.text);
        let url = Url::parse(back.header("location")).unwrap();
        let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        browser.redeem(&application, &code).await.is_oauth_error(400, "invalid_grant");
        let named = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", OTHER), ("code_verifier", VERIFIER)];
        browser.exchange(&application, &named).await.is(200);
        // A code from before was sent to where it was good, and is redeemed by what was said then.
        browser.redeem(&application, &issued).await.is(200);
    }

    /// Each gets tokens in its own way, and in no other.
    async fn ip_required_nobody_connects_a_machine_and_no_application_of_people_acts_for_itself(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (people, browser) = (made(&server).await, at_home(&server, EMAIL).await);
        let machine = server.acme.owned(|new| new.ip_allow_list = "127.0.0.1".parse().unwrap()).await.client;
        let before = database.dump().await;
        for redirect_uri in [CALLBACK, ""] {
            let page = browser.authorize(&machine, &[("scope", "organizations:read"), ("redirect_uri", redirect_uri)]).await;
            is_page(&page, 400);
        }
        let credentials = [("grant_type", "client_credentials")];
        browser.exchange(&people, &credentials).await.is_oauth_error(400, "unauthorized_client");
        let form = exchange_form("pay_ac_x");
        browser.exchange(&machine, &form).await.is_oauth_error(400, "unauthorized_client");
        assert_eq!(database.dump().await, before);
        Reply::of(server.request(&server.acme, Method::POST, "/oauth/token").basic_auth(&machine.credentials.0, Some(&machine.credentials.1)).form(&credentials)).await.is(200);
    }
}
