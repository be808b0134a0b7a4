//! When and from where tokens of applications were last used. Decision 27.

use paylent_domain::Clock as _;
use paylent_tests::{TestDatabase, both};

use crate::support::{applications::*, browser::*, *};

/// The last uses of all rows of a table that were used, as `seconds address`.
async fn uses(database: &TestDatabase, table: &str) -> Vec<String> {
    let used = format!("{table} WHERE last_used_at IS NOT NULL");
    database.values(&format!("SELECT (last_used_at / 1000000) || ' ' || last_used_ip FROM {used} ORDER BY id")).await
}

impl TestServer {
    fn at(&self, ip: &str) -> String {
        format!("{} {ip}", self.clock.now().seconds())
    }
}

both! {
    async fn the_last_use_of_a_static_token_is_written_down(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|new| {
            new.ip_allow_list = paylent_domain::allow_list::AllowList::parse([LISTED, "127.0.0.8"]).unwrap();
        });
        let application = application.await;
        let credentials = &application.client.credentials;
        let [listed, other, foreign] = [LISTED, "127.0.0.8", FOREIGN].map(|ip| server.seen_from(ip));
        let token = listed.static_token(&application).await;
        assert_eq!(server.db.write_uses().await.unwrap(), 0, "to be issued is no use");
        for node in [&listed, &other] {
            server.clock.advance_seconds(60);
            assert_eq!(node.calls_with(&token).await, 200);
        }
        assert_eq!(uses(&database, "static_tokens").await, [""; 0], "no request waits for it");
        assert_eq!(server.db.write_uses().await.unwrap(), 1, "the last of both");
        assert_eq!(uses(&database, "static_tokens").await, [server.at("127.0.0.8")]);
        server.clock.advance_seconds(60);
        listed.introspect(&server.acme, credentials, &token).await.is(200);
        assert_eq!(server.db.write_uses().await.unwrap(), 1);
        let seen = server.at("127.0.0.8");
        assert_eq!(uses(&database, "static_tokens").await, [seen], "from where was not said: the last that is known");
        server.clock.advance_seconds(60);
        assert_eq!(foreign.introspect_from(credentials, &token, LISTED).await.json()["active"], true);
        assert_eq!(server.db.write_uses().await.unwrap(), 1);
        let seen = server.at(LISTED);
        assert_eq!(uses(&database, "static_tokens").await, std::slice::from_ref(&seen));
        // What is refused is no use, wherever that happens.
        server.clock.advance_seconds(60);
        let second = listed.static_token(&application).await;
        assert_eq!(foreign.calls_with(&second).await, 403);
        assert_eq!(listed.introspect_from(credentials, &token, "203.0.113.9").await.json()["active"], false);
        assert_eq!(server.db.write_uses().await.unwrap(), 0);
    }

    /// An API that does not say from where a token was used has used it all the same.
    async fn a_use_from_nobody_knows_where_counts_and_hides_no_address(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let (credentials, listed) = (&application.client.credentials, server.seen_from(LISTED));
        let token = listed.static_token(&application).await;
        let told = async || database.values("SELECT last_used_at || ' ' || COALESCE(last_used_ip, '?') FROM static_tokens").await;
        let seen = |ip: &str| [format!("{} {ip}", server.clock.now().micros())];
        server.introspect(&server.acme, credentials, &token).await.is(200);
        server.db.write_uses().await.unwrap();
        assert_eq!(told().await, seen("?"));
        server.clock.advance_seconds(60);
        assert_eq!(listed.calls_with(&token).await, 200);
        server.clock.advance_seconds(60);
        server.introspect(&server.acme, credentials, &token).await.is(200);
        assert_eq!(server.db.write_uses().await.unwrap(), 1, "both before they were written");
        assert_eq!(told().await, seen(LISTED));
        server.clock.advance_seconds(60);
        let before = told().await;
        let stranger = server.acme.add_client(|_| ()).await.credentials;
        assert_eq!(server.introspect(&server.acme, &stranger, &token).await.is(200).json()["active"], false);
        assert_eq!(server.db.write_uses().await.unwrap(), 0, "who may not see a token accepts none");
        assert_eq!(told().await, before);
    }

    async fn the_last_use_of_a_connection_is_written_down(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let application = server.acme.connectable(|_| ()).await;
        let listed = server.seen_from(LISTED);
        let browser = Browser::new(&listed);
        let code = browser.agrees_to(&application).await;
        let tokens = browser.redeem(&application.client, &code).await.is(200).json();
        let token = text(&tokens, "access_token");
        server.db.write_uses().await.unwrap();
        for step in 0..3 {
            server.clock.advance_seconds(60);
            match step {
                0 => assert_eq!(browser.userinfo(token).await.status, 200),
                // Accepted, though the person may do nothing there.
                1 => assert!(listed.bearer(&server.acme, token).get("organizations").await.is(403).detail().contains("permission")),
                _ => {
                    let credentials = &application.client.credentials;
                    assert_eq!(server.introspect_from(credentials, token, LISTED).await.json()["active"], true);
                }
            }
            assert_eq!(server.db.write_uses().await.unwrap(), 1, "{step}");
            assert_eq!(uses(&database, "connections").await, [server.at(LISTED)], "{step}");
        }
        assert_eq!(uses(&database, "static_tokens").await, [""; 0]);
        let changed = database.values("SELECT (updated_at = created_at) FROM connections").await;
        assert!(["1", "true", "t"].contains(&changed[0].as_str()), "a use is no change");
    }

    /// A node that writes later what happened earlier changes nothing.
    async fn the_latest_use_counts_whichever_node_writes_last(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let listed = server.seen_from(LISTED);
        let token = listed.static_token(&application).await;
        assert_eq!(listed.calls_with(&token).await, 200);
        let later = server.clock.now().plus_seconds(3_600).micros();
        database.execute(&format!("UPDATE static_tokens SET last_used_at = {later}, last_used_ip = '203.0.113.1'")).await;
        assert_eq!(server.db.write_uses().await.unwrap(), 1);
        assert_eq!(uses(&database, "static_tokens").await, [format!("{} 203.0.113.1", later / 1_000_000)]);
    }

    /// Tokens that no organization owns leave no trace.
    async fn other_tokens_have_no_last_use(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        server.admin(&server.acme).await.get("users").await.is(200);
        assert_eq!(server.db.write_uses().await.unwrap(), 0);
    }
}
