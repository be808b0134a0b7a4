//! Authorization codes at the token endpoint. Catalogue section A4.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Clock as _,
    client::{ClientType, GrantType},
    user::{PasswordHash, UserChange},
};
use paylent_storage::{ClientChange, Expected};
use paylent_tests::{both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    at_once::at_once_or_later,
    canaries::Recording,
    support::{Reply, TestServer, browser::*},
};

both! {
    /// Two parties hold a code that comes twice with all that belongs to it: what the first got is dead.
    async fn cd_replay_valid_a_second_use_kills_what_the_first_one_got(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        let access = text(&tokens, "access_token");
        assert!(browser.is_active(&client, access).await);
        browser.redeem(&client, &code).await.is_oauth_error(400, "invalid_grant");
        assert!(!browser.is_active(&client, access).await);
        let refused = browser.userinfo(access).await;
        assert!(refused.status == 401 && refused.header("www-authenticate").contains("error=\"invalid_token\""));
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
    }

    /// Whoever has the code alone cannot take anything from the client.
    async fn cd_replay_invalid_a_second_use_by_somebody_else_changes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        let form = exchange_form(&code);
        let wrong = (client.credentials.0.clone(), "wrong".to_owned());
        let before = database.dump().await;
        server.oauth(&server.acme, "/oauth/token", &wrong, &form).await.is_oauth_error(401, "invalid_client");
        browser.redeem(&other, &code).await.is_oauth_error(400, "invalid_grant");
        let form = form.map(|(name, value)| (name, if name == "redirect_uri" { "https://evil.test" } else { value }));
        browser.exchange(&client, &form).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(database.dump().await, before);
        let guess = "0000000000000000000000000000000000000000000";
        let form = exchange_form(&code).map(|(name, value)| (name, if name == "code_verifier" { guess } else { value }));
        browser.exchange(&client, &form).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 200);
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is(200);
    }

    async fn cd_race_a_hundred_exchanges_over_two_processes_make_one_family(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let node = server.beside(&database);
        let beside = browser.at(&node, &node.acme);
        let nodes = (0..100).map(|n| if n % 2 == 0 { &browser } else { &beside });
        let replies = at_once_or_later(nodes.map(|browser| browser.redemption(&client, &code)).collect()).await;
        let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
        assert_eq!((won.len(), database.count("token_families").await), (1, 1));
        for reply in lost {
            reply.is_oauth_error(400, "invalid_grant");
        }
        // The others were replays.
        assert_eq!(database.count("token_families WHERE revoked_at IS NULL").await, 0);
        let tokens = won[0].json();
        for browser in [&browser, &beside] {
            assert!(!browser.is_active(&client, text(&tokens, "access_token")).await);
            browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        }
    }

    async fn cd_expired_a_code_lives_as_long_as_its_environment_says(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let of_before = browser.code(&client).await;
        decide(&server, json!({"code_ttl": 600})).await;
        for (age, status) in [(599, 200), (600, 400)] {
            let code = browser.code(&client).await;
            server.clock.advance_seconds(age);
            let reply = browser.redeem(&client, &code).await;
            assert_eq!(reply.status, status, "{age}: {}", reply.text);
        }
        browser.redeem(&client, &of_before).await.is_oauth_error(400, "invalid_grant");
    }

    async fn cd_expired_a_code_lives_for_a_minute(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        for (age, status) in [(59, 200), (60, 400)] {
            let code = browser.code(&client).await;
            server.clock.advance_seconds(age);
            let reply = browser.redeem(&client, &code).await;
            assert_eq!(reply.status, status, "after {age} s: {}", reply.text);
        }
    }

    /// A code is worth nothing after its session; what it was exchanged for before lives on.
    async fn cd_expired_a_code_of_a_session_that_nobody_used_is_dead(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let code = browser.code(&client).await;
        database.execute("UPDATE environments SET session_idle_ttl = 300").await;
        let used = server.clock.now().plus_seconds(-300).micros();
        database.execute(&format!("UPDATE sessions SET last_activity_at = {used}")).await;
        browser.redeem(&client, &code).await.is_oauth_error(400, "invalid_grant");
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is(200);
        database.execute(&format!("UPDATE sessions SET last_activity_at = {}", used + 1)).await;
        browser.redeem(&client, &code).await.is(200);
    }

    async fn cd_wrong_client_and_cd_xenv_a_code_is_good_for_its_own_client_only(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let public = application(&server.acme, ClientType::Public).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        let other_public = application(&server.acme, ClientType::Public).await;
        let foreign = scene(&server.beta).await;
        let browser = Browser::new(&server);
        let elsewhere = browser.at(&server, &server.beta);
        for client in [&client, &public] {
            let code = browser.code(client).await;
            let before = database.dump().await;
            for thief in [&other, &other_public] {
                browser.redeem(thief, &code).await.is_oauth_error(400, "invalid_grant");
            }
            elsewhere.redeem(&foreign, &code).await.is_oauth_error(400, "invalid_grant");
            assert_eq!(database.dump().await, before);
            browser.redeem(client, &code).await.is(200);
        }
    }

    /// Every secret has its kind, and none is taken for another.
    async fn cd_type_and_cd_mutate_what_is_not_the_code_is_no_code(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let tokens = browser.tokens(&client).await;
        let session = browser.cookie(SESSION).unwrap();
        let code = browser.code(&client).await;
        let access = text(&tokens, "access_token");
        let flip = |c: char| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
        let flipped: String = code.chars().enumerate().map(|(at, c)| if at > 20 { flip(c) } else { c }).collect();
        let before = database.dump().await;
        for wrong in [
            text(&tokens, "refresh_token"),
            access,
            text(&tokens, "id_token"),
            &session,
            &code[..code.len() - 1],
            &format!("{code}A"),
            &format!("{code}="),
            &format!("{code} "),
            &format!(" {code}"),
            &code.replace('_', "%5F"),
            &code[7..],
            &flipped,
        ] {
            browser.redeem(&client, wrong).await.is_oauth_error(400, "invalid_grant");
        }
        browser.refresh(&client, &code).await.is_oauth_error(400, "invalid_grant");
        for bearer in [&code, &session, text(&tokens, "refresh_token"), text(&tokens, "id_token")] {
            assert_eq!(browser.userinfo(bearer).await.status, 401);
            assert_eq!(server.users_with(&server.acme, bearer).await.status, 401);
            assert!(!browser.is_active(&client, bearer).await);
        }
        let stranger = Browser::new(&server);
        for cookie in [&code, text(&tokens, "refresh_token")] {
            stranger.set_cookie(SESSION, cookie);
            assert!(!stranger.is_signed_in(&client).await);
        }
        assert_eq!(database.dump().await, before);
        browser.redeem(&client, &code).await.is(200);
    }

    async fn cd_dead_user_a_code_dies_with_what_it_depends_on(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let env = &server.acme.seeded.env;
        let admin = server.admin(&server.acme).await;
        let ada = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let user: paylent_domain::Id<paylent_domain::user::User> = ada.parse().unwrap();
        let change = async |change| {
            env.update_user(user, change, &Expected::Any, &seed::by()).await.unwrap();
        };
        let hash = database.values(&format!("SELECT password_hash FROM users WHERE email = '{EMAIL}'")).await.remove(0);
        let browser = Browser::new(&server);
        for what in ["password", "session", "deleted session", "consent", "user"] {
            let code = browser.code(&client).await;
            match what {
                "password" => change(UserChange { password: Some(PasswordHash(hash.clone())), ..Default::default() }).await,
                "session" | "deleted session" => {
                    let path = format!("sessions?filter[revoked_at][is_nil]=true&filter[user]={ada}");
                    let id = admin.get(&path).await.ids().remove(0);
                    let (method, path) = match what {
                        "session" => (Method::PATCH, format!("sessions/{id}/revoke")),
                        _ => (Method::DELETE, format!("sessions/{id}")),
                    };
                    Reply::of(admin.request(method, &path)).await.is(200);
                }
                "consent" => assert!(env.withdraw_consent(user, &client.credentials.0, &seed::by()).await.unwrap()),
                _ => change(UserChange { active: Some(false), ..UserChange::default() }).await,
            }
            let reply = browser.redeem(&client, &code).await;
            assert_eq!(reply.status, 400, "{what}: {}", reply.text);
            reply.is_oauth_error(400, "invalid_grant");
        }
    }

    async fn cd_grant_removed_a_client_that_lost_the_grant_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let change =
            ClientChange { grant_types: Some(vec![GrantType::RefreshToken]), ..ClientChange::default() };
        server.acme.seeded.env.update_client(client.id, change, &Expected::Any, &seed::by()).await.unwrap();
        browser.redeem(&client, &code).await.is_oauth_error(400, "unauthorized_client");
    }

    async fn cd_db_error_no_token_leaves_and_the_code_is_still_good(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        for table in ["refresh_tokens", "token_families", "authorization_codes"] {
            database.execute(&format!("ALTER TABLE {table} RENAME TO away")).await;
            let reply = browser.redeem(&client, &code).await;
            reply.is_oauth_error(503, "temporarily_unavailable");
            assert_eq!(reply.header("retry-after"), "2");
            assert!(!reply.text.contains("pay_"));
            database.execute(&format!("ALTER TABLE away RENAME TO {table}")).await;
        }
        assert_eq!(database.count("token_families").await, 0);
        browser.redeem(&client, &code).await.is(200);
    }

    async fn cd_hash_and_cd_nonlog_a_code_is_neither_stored_nor_logged(database: TestDatabase) {
        let recording = Recording::start();
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let code = browser.code(&client).await;
        let stored = |dump: Vec<String>, bytes: &[u8]| {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let dump = dump.join("\n").to_lowercase();
            dump.contains(&hex) || dump.contains(&String::from_utf8_lossy(bytes).to_lowercase())
        };
        assert!(stored(database.dump().await, SecretHash::of(&code).as_bytes()), "only its hash is there");
        assert!(!stored(database.dump().await, code.as_bytes()));
        let tokens = browser.redeem(&client, &code).await.is(200).json();
        browser.redeem(&client, &code).await;
        let misused = Reply::of(server.request(&server.acme, Method::GET, &format!("/oauth/userinfo?code={code}"))).await;
        assert_eq!(misused.status, 401);
        let log = recording.text();
        assert!(log.contains("/oauth/userinfo"), "the log was recorded");
        let session = browser.cookie(SESSION).unwrap();
        for secret in [&*code, &*session, text(&tokens, "refresh_token"), VERIFIER, crate::support::PASSWORD] {
            assert!(!log.contains(secret), "{secret} in the log");
            assert!(!stored(database.dump().await, secret.as_bytes()), "{secret} in the database");
        }
        let signature = |token: &Value| token.as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        assert!(!log.contains(&signature(&tokens["id_token"])) && !log.contains(&signature(&tokens["access_token"])));
    }
}
