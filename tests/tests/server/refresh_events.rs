//! What ends refresh tokens, and what happens when it comes at the same moment as their use. Catalogue sections A5, A7
//! and A8.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    client::ClientType,
    user::{PasswordHash, UserChange},
};
use paylent_storage::{ClientChange, Expected};
use paylent_tests::{both, seed};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::{
    at_once::{at_once_or_later, with},
    support::{Reply, TestServer, browser::*, change},
};

/// A use and an end at about the same moment: from round to round another one of them starts, with another lead.
async fn staggered(used: RequestBuilder, ended: RequestBuilder, round: usize) -> (Reply, Reply) {
    let lead = async |turns: usize| {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    let (first, second) = match round % 2 {
        0 => (0, 40 * (round % 5)),
        _ => (40 * (round % 5), 0),
    };
    let send = async |turns: usize, request: RequestBuilder| {
        lead(turns).await;
        at_once_or_later(vec![request]).await.remove(0)
    };
    tokio::join!(send(first, used), send(second, ended))
}

both! {
    async fn rt_events_a_refresh_token_dies_with_what_it_depends_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let env = &server.acme.seeded.env;
        let browser = Browser::new(&server);
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0).parse().unwrap();
        let hash = database.values(&format!("SELECT password_hash FROM users WHERE email = '{EMAIL}'")).await.remove(0);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        for event in ["password", "consent", "client", "user", "deleted"] {
            let tokens = browser.tokens(&client).await;
            let change = async |change| {
                env.update_user(ada, change, &Expected::Any, &seed::by()).await.unwrap();
            };
            let switch = async |active| {
                let change = ClientChange { active: Some(active), ..ClientChange::default() };
                env.update_client(client.id, change, &Expected::Any, &seed::by()).await.unwrap();
            };
            match event {
                "password" => {
                    let password = Some(PasswordHash(hash.clone()));
                    change(UserChange { password, ..UserChange::default() }).await;
                }
                "consent" => assert!(env.withdraw_consent(ada, &client.credentials.0, &seed::by()).await.unwrap()),
                "client" => switch(false).await,
                "user" => change(UserChange { active: Some(false), ..UserChange::default() }).await,
                _ => drop(Reply::of(admin.request(Method::DELETE, &format!("users/{ada}"))).await.is(200)),
            }
            for browser in [&browser, &beside] {
                let refused = browser.refresh(&client, text(&tokens, "refresh_token")).await;
                match event {
                    "client" => refused.is_oauth_error(401, "invalid_client"),
                    _ => refused.is_oauth_error(400, "invalid_grant"),
                }
                assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401, "{event}");
            }
            switch(true).await;
            if event == "user" {
                change(UserChange { active: Some(true), ..UserChange::default() }).await;
            }
        }
    }

    /// Whoever comes first: afterwards nothing of the family is alive.
    async fn rt_vs_revoke_a_use_at_the_moment_of_the_end_leaves_nothing_alive(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let (mut won, mut lost, mut round) = (0, 0, 0);
        // As many rounds as it takes until the use came first and came second.
        while round < 60 || won == 0 || lost == 0 {
            assert!(round < 600, "the use came first {won} times and second {lost} times");
            let tokens = browser.tokens(&client).await;
            let refresh = text(&tokens, "refresh_token");
            let end = match round % 3 {
                0 => browser.ask(&client, "/oauth/revoke", &[("token", refresh)]),
                _ => {
                    let attributes = match round % 3 {
                        1 => json!({"password": crate::support::PASSWORD}),
                        _ => json!({"active": false}),
                    };
                    with(admin.request(Method::PATCH, &format!("users/{ada}")), &change("user", &ada, attributes))
                }
            };
            let (used, ended) = staggered(browser.refreshment(&client, refresh), end, round / 3).await;
            assert_eq!(ended.status, 200, "{}", ended.text);
            let mut left = vec![refresh.to_owned()];
            if used.status == 200 {
                won += 1;
                let tokens = used.json();
                assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401, "round {round}");
                left.push(text(&tokens, "refresh_token").to_owned());
            } else {
                used.is_oauth_error(400, "invalid_grant");
                lost += 1;
            }
            for token in left {
                browser.refresh(&client, &token).await.is_oauth_error(400, "invalid_grant");
            }
            let on = change("user", &ada, json!({"active": true}));
            with(admin.request(Method::PATCH, &format!("users/{ada}")), &on).send().await.unwrap();
            round += 1;
        }
    }

    async fn rv_own_rt_a_revoked_refresh_token_takes_its_family_along_everywhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let public = application(&server.acme, ClientType::Public).await;
        let browser = Browser::new(&server);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        for client in [&client, &public] {
            let first = browser.tokens(client).await;
            let tokens = browser.refresh(client, text(&first, "refresh_token")).await.is(200).json();
            browser.revoke(client, text(&tokens, "refresh_token")).await.is(200);
            for browser in [&browser, &beside] {
                browser.refresh(client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
                for tokens in [&first, &tokens] {
                    assert_eq!(browser.userinfo(text(tokens, "access_token")).await.status, 401);
                }
            }
        }
    }

    async fn rv_own_at_and_rv_foreign_a_persons_token_is_its_clients_to_revoke(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let public = application(&server.acme, ClientType::Public).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        let before = database.dump().await;
        for foreign in [&other, &public] {
            for token in [access, refresh] {
                browser.revoke(foreign, token).await.is_oauth_error(400, "unauthorized_client");
            }
        }
        let unauthenticated = [("token", access), ("client_id", client.credentials.0.as_str())];
        let post = server.request(&server.acme, Method::POST, "/oauth/revoke").form(&unauthenticated);
        Reply::of(post).await.is_oauth_error(401, "invalid_client");
        assert_eq!(database.dump().await, before);
        browser.revoke(&client, access).await.is(200);
        assert_eq!(browser.userinfo(access).await.status, 401);
        assert!(!browser.is_active(&client, access).await);
        browser.refresh(&client, refresh).await.is(200);
    }

    async fn ca_rotate_a_new_secret_is_the_only_one_and_tokens_live_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        let tokens = browser.tokens(&client).await;
        let admin = server.admin(&server.acme).await;
        let rotate = admin.request(Method::PATCH, &format!("clients/{}/rotate-secret", client.id));
        let rotated = Reply::of(rotate).await.is(200).json();
        let secret = rotated["meta"]["client_secret"].as_str().unwrap().to_owned();
        let renewed = crate::support::oauth::Registered {
            credentials: (client.credentials.0.clone(), secret.clone()),
            ..client
        };
        for browser in [&browser, &beside] {
            let refused = browser.refresh(&client, text(&tokens, "refresh_token")).await;
            refused.is_oauth_error(401, "invalid_client");
            assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200);
        }
        beside.refresh(&renewed, text(&tokens, "refresh_token")).await.is(200);
        let hash = SecretHash::of(&secret);
        assert_eq!(database.count(&format!("clients WHERE secret_hash = {}", database.bytes(hash.as_bytes()))).await, 1);
    }
}
