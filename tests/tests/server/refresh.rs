//! Refresh tokens: rotation, families and the grace window. Catalogue section A7. There is no setting that turns rotation
//! off (`rt.public_required`), and none for an absolute lifetime (`rt.abs` is proved in the engine's tests).

use paylent_domain::client::{ClientType, GrantType};
use paylent_tests::{TestDatabase, both};

use crate::{
    at_once::at_once_or_later,
    support::{Reply, TestServer, browser::*, oauth::Registered},
};

/// How long a client that lost the answer may ask again, in seconds.
const GRACE: i64 = 10;

/// The refresh tokens of which one can still be used.
async fn leaves(database: &TestDatabase) -> usize {
    let alive = "SELECT id FROM token_families WHERE revoked_at IS NULL";
    database.count(&format!("refresh_tokens WHERE consumed_at IS NULL AND family_id IN ({alive})")).await
}

/// A refreshed pair.
async fn next(browser: &Browser<'_>, client: &Registered, token: &str) -> (String, String) {
    let tokens = browser.refresh(client, token).await.is(200).json();
    (text(&tokens, "refresh_token").to_owned(), text(&tokens, "access_token").to_owned())
}

fn dead(reply: &Reply) {
    reply.is_oauth_error(400, "invalid_grant");
}

both! {
    async fn rt_rotate_a_token_used_twice_kills_its_family_and_no_other(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let other = browser.tokens(&client).await;
        let first = browser.tokens(&client).await;
        let (refresh, access) = next(&browser, &client, text(&first, "refresh_token")).await;
        server.clock.advance_seconds(GRACE + 1);
        assert!(browser.is_active(&client, &access).await);
        dead(&browser.refresh(&client, text(&first, "refresh_token")).await);
        dead(&browser.refresh(&client, &refresh).await);
        for token in [&access, text(&first, "access_token")] {
            assert!(!browser.is_active(&client, token).await);
            assert_eq!(browser.userinfo(token).await.status, 401);
        }
        assert_eq!(browser.userinfo(text(&other, "access_token")).await.status, 200);
        next(&browser, &client, text(&other, "refresh_token")).await;
    }

    async fn rt_race_a_hundred_uses_over_two_processes_have_one_successor(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        let token = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        let nodes = (0..100).map(|n| if n % 2 == 0 { &browser } else { &beside });
        let replies = at_once_or_later(nodes.map(|browser| browser.refreshment(&client, &token)).collect()).await;
        let mut successors: Vec<String> = Vec::new();
        for reply in &replies {
            match reply.status {
                200 => successors.push(text(&reply.json(), "refresh_token").to_owned()),
                _ => dead(reply),
            }
        }
        assert!(!successors.is_empty());
        successors.dedup();
        assert_eq!((successors.len(), leaves(&database).await, database.count("refresh_tokens").await), (1, 1, 2));
        next(&beside, &client, &successors[0]).await;
    }

    async fn rt_grand_an_ancestor_is_a_replay_also_within_the_grace_window(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for (ancestor, later) in [(0, 0), (1, GRACE + 1)] {
            let first = text(&browser.tokens(&client).await, "refresh_token").to_owned();
            let (second, _) = next(&browser, &client, &first).await;
            let (third, access) = next(&browser, &client, &second).await;
            server.clock.advance_seconds(later);
            dead(&browser.refresh(&client, [&first, &second][ancestor]).await);
            dead(&browser.refresh(&client, &third).await);
            assert_eq!(browser.userinfo(&access).await.status, 401);
        }
    }

    async fn rt_grace_retry_a_client_that_lost_the_answer_gets_it_again(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let first = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        let answer = browser.refresh(&client, &first).await.is(200);
        server.clock.advance_seconds(GRACE);
        assert_eq!(browser.refresh(&client, &first).await.is(200).json(), answer.json());
        let second = text(&answer.json(), "refresh_token").to_owned();
        let (third, _) = next(&browser, &client, &second).await;
        dead(&browser.refresh(&client, &first).await);
        dead(&browser.refresh(&client, &third).await);
    }

    async fn rt_grace_dead_a_revoked_family_answers_no_retry(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for way in ["revoked", "signed out"] {
            let first = browser.tokens(&client).await;
            let (second, _) = next(&browser, &client, text(&first, "refresh_token")).await;
            match way {
                "revoked" => drop(browser.revoke(&client, &second).await.is(200)),
                _ => {
                    let hint = text(&first, "id_token");
                    browser.get(&format!("/oauth/logout?id_token_hint={hint}")).await.is(200);
                }
            }
            dead(&browser.refresh(&client, text(&first, "refresh_token")).await);
        }
    }

    /// Nothing about a replay is in memory: a process that has just begun sees it.
    async fn rt_restart_a_replay_is_seen_by_a_process_that_knows_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let first = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        let (second, access) = next(&browser, &client, &first).await;
        server.clock.advance_seconds(GRACE + 1);
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        dead(&beside.refresh(&client, &first).await);
        dead(&browser.refresh(&client, &second).await);
        assert!(!browser.is_active(&client, &access).await);
    }

    async fn rt_scope_and_rt_resource_less_may_be_asked_for_and_never_more(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let first = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        let ask = async |token: &str, name: &str, value: &str| {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token), (name, value)];
            browser.exchange(&client, &form).await
        };
        let before = database.dump().await;
        for wider in ["openid users:read", "offline_access", "nothing", "openid \u{e9}"] {
            ask(&first, "scope", wider).await.is_oauth_error(400, "invalid_scope");
        }
        for resource in [server.acme.api(), server.beta.api(), "https://nobody.example".to_owned()] {
            ask(&first, "resource", &resource).await.is_oauth_error(400, "invalid_target");
        }
        assert_eq!(database.dump().await, before);
        let narrow = ask(&first, "scope", "openid").await.is(200).json();
        assert_eq!(narrow["scope"], "openid");
        assert!(browser.userinfo(text(&narrow, "access_token")).await.json().get("email").is_none());
        let whole = ask(text(&narrow, "refresh_token"), "resource", &server.acme.issuer()).await.is(200).json();
        assert_eq!(browser.userinfo(text(&whole, "access_token")).await.json()["email"], EMAIL);
    }

    async fn rt_scope_a_narrower_request_narrows_the_id_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let client = application_with(&server.acme, ClientType::Confidential, |client| client.id_token_claims = true).await;
        let browser = Browser::new(&server);
        let whole = browser.tokens(&client).await;
        assert_eq!(claims(&whole["id_token"])["email"], EMAIL);
        let ask = async |token: &str, scope: &str| {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
            browser.exchange(&client, &form).await.is(200).json()
        };
        let narrow = ask(text(&whole, "refresh_token"), "openid").await;
        let told = claims(&narrow["id_token"]);
        assert!(["name", "given_name", "email"].iter().all(|name| told.get(name).is_none()), "{told}");
        let without = ask(text(&narrow, "refresh_token"), "profile").await;
        assert_eq!(without.get("id_token"), None, "{without}");
        let again = ask(text(&without, "refresh_token"), "openid email").await;
        assert_eq!(claims(&again["id_token"])["email"], EMAIL);
    }

    async fn rt_client_and_rt_xenv_a_token_is_good_for_its_own_client_only(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let public = application(&server.acme, ClientType::Public).await;
        let other_public = application(&server.acme, ClientType::Public).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let foreign = scene(&server.beta).await;
        let browser = Browser::new(&server);
        let elsewhere = browser.at(&server, &server.beta);
        for client in [&client, &public] {
            let token = text(&browser.tokens(client).await, "refresh_token").to_owned();
            let before = database.dump().await;
            dead(&browser.refresh(&other, &token).await);
            dead(&browser.refresh(&other_public, &token).await);
            dead(&elsewhere.refresh(&foreign, &token).await);
            assert_eq!(database.dump().await, before);
            next(&browser, client, &token).await;
        }
    }

    async fn rt_as_bearer_a_refresh_token_opens_no_door(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let token = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        let before = database.dump().await;
        for refused in [browser.userinfo(&token).await, server.users_with(&server.acme, &token).await] {
            assert_eq!(refused.status, 401);
            assert!(refused.header("www-authenticate").contains("invalid_token"), "{}", refused.header("www-authenticate"));
        }
        assert!(!browser.is_active(&client, &token).await);
        assert_eq!(database.dump().await, before);
    }

    async fn rt_no_grant_a_client_without_the_grant_gets_no_refresh_token(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let plain = application_with(&server.acme, ClientType::Confidential, |client| {
            client.grant_types = vec![GrantType::AuthorizationCode];
        })
        .await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&plain).await;
        assert!(tokens.get("refresh_token").is_none() && tokens.get("id_token").is_some());
        let theirs = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        browser.refresh(&plain, &theirs).await.is_oauth_error(400, "unauthorized_client");
        next(&browser, &client, &theirs).await;
    }

    async fn rt_dberr_when_the_database_fails_no_token_is_lost(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let token = text(&browser.tokens(&client).await, "refresh_token").to_owned();
        for table in ["token_families", "refresh_tokens"] {
            database.execute(&format!("ALTER TABLE {table} RENAME TO away")).await;
            let reply = browser.refresh(&client, &token).await;
            reply.is_oauth_error(503, "temporarily_unavailable");
            assert_eq!(reply.header("retry-after"), "2");
            database.execute(&format!("ALTER TABLE away RENAME TO {table}")).await;
        }
        assert_eq!(leaves(&database).await, 1);
        next(&browser, &client, &token).await;
    }
}
