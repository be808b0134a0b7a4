//! Allow lists behind proxies, and against callers who say that they are. Catalogue section A18.

use paylent_tests::both;

use crate::{
    canaries::Recording,
    support::{applications::*, browser::*, *},
};

/// Every header by which somebody may say to have been forwarded.
const FORGED: [(&str, &str); 6] = [
    ("x-forwarded-for", LISTED),
    ("forwarded", "for=127.0.0.7"),
    ("x-real-ip", LISTED),
    ("x-forwarded-host", "acme-test.paylent.test"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-for", ""),
];

both! {
    /// Without `trusted_proxies` nobody can tell a proxy from a liar: refused, and nothing else.
    async fn ip_spoof_while_no_proxy_is_trusted_what_was_forwarded_is_refused_only(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (machine, people) = (server.acme.owned(|_| ()).await, server.acme.connectable(|_| ()).await);
        let listed = server.seen_from(LISTED);
        let token = listed.static_token(&machine).await;
        let browser = Browser::new(&listed);
        let code = browser.code_for(&people.client, AGREED).await;
        let tokens = browser.redeem(&people.client, &code).await.is(200).json();
        let unused = browser.code_for(&people.client, AGREED).await;
        let before = database.dump().await;
        for header in FORGED {
            let hidden = server.seen_through(&[header]);
            let refused = hidden.bearer(&server.acme, &token).get("organizations").await;
            refused.is_error(403, "");
            assert!(refused.detail().contains("trusted_proxies"), "{}", refused.text);
            let person = Browser::new(&hidden);
            person.userinfo(text(&tokens, "access_token")).await.is_oauth_error(403, "access_denied");
            person.refresh(&people.client, text(&tokens, "refresh_token")).await.is_oauth_error(403, "access_denied");
            person.redeem(&people.client, &unused).await.is_oauth_error(403, "access_denied");
            hidden.ask(&server.acme, &machine.client.credentials, &[]).await.is_oauth_error(403, "access_denied");
            assert_eq!(hidden.calls_with("nonsense").await, 401);
        }
        assert_eq!(database.dump().await, before);
        assert_eq!((listed.calls_with(&token).await, browser.redeem(&people.client, &unused).await.status), (200, 200));
        browser.refresh(&people.client, text(&tokens, "refresh_token")).await.is(200);
        let log = Recording::start();
        // Later than any other test of this process said so.
        server.clock.advance_seconds(3_600);
        assert_eq!(server.seen_through(&[FORGED[0]]).calls_with(&token).await, 403);
        assert!(log.text().contains("a proxy hides its callers"), "the log says why");
    }

    /// Once a proxy is trusted, who is none says what it likes.
    async fn ip_spoof_who_is_no_proxy_is_judged_by_its_own_address(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { proxies: &["10.0.0.0/8"], ..Setting::default() }).await;
        let application = server.acme.owned(|_| ()).await;
        let listed = server.seen_from(LISTED);
        for header in FORGED {
            let token = listed.static_token(&application).await;
            assert_eq!(server.seen_through(&[header]).calls_with(&token).await, 403);
            assert_eq!(listed.calls_with(&token).await, 401, "it is revoked");
        }
        assert_eq!(consequences(&database).await, [FORGED.len(), 0, 0, 1]);
    }

    /// Through a trusted proxy, what stands left of the caller helps nobody.
    async fn ip_spoof_through_a_trusted_proxy_the_callers_own_address_counts(database: TestDatabase) {
        let proxies = &["127.0.0.1", "10.0.0.0/8"];
        let server = TestServer::start_with(&database, Setting { proxies, ..Setting::default() }).await;
        let application = server.acme.owned(|_| ()).await;
        let through = |forwarded: &str| server.seen_through(&[("x-forwarded-for", forwarded), ("x-real-ip", LISTED)]);
        let (listed, mut revoked) = (through(LISTED), 0);
        for foreign in [
            "127.0.0.7, 203.0.113.9",
            "127.0.0.7,203.0.113.9 ,10.0.0.3",
            "\u{e9}, 127.0.0.7, 203.0.113.9",
            "for=127.0.0.7, 203.0.113.9",
            "127.0.0.7, 127.0.0.7, ::ffff:203.0.113.9",
        ] {
            let token = listed.static_token(&application).await;
            assert_eq!(through("203.0.113.9, 127.0.0.7, 10.0.0.3").calls_with(&token).await, 200);
            assert_eq!(through(foreign).calls_with(&token).await, 403, "{foreign}");
            assert_eq!(listed.calls_with(&token).await, 401, "{foreign}");
            revoked += 1;
        }
        let seen = database.values("SELECT DISTINCT ip FROM audit_events WHERE action = 'application.token_revoked'");
        assert_eq!(seen.await, ["203.0.113.9"]);
        assert_eq!(consequences(&database).await, [revoked, 0, 0, 1]);
    }

    /// A trusted proxy that does not say for whom it speaks costs no token its life, and helps nobody from its own address.
    async fn ip_spoof_a_trusted_proxy_that_names_nobody_is_refused_only(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { proxies: &["127.0.0.1"], ..Setting::default() }).await;
        let application = server.acme.owned(|new| {
            new.ip_allow_list = paylent_domain::allow_list::AllowList::parse(["127.0.0.1", LISTED]).unwrap();
        });
        let application = application.await;
        assert_eq!(server.ask(&server.acme, &application.client.credentials, &[]).await.status, 200, "the machine itself");
        let token = server.static_token(&application).await;
        for untold in [
            &[("x-forwarded-for", "unknown")][..],
            &[("x-forwarded-for", "203.0.113.9, [2001:db8::1]")],
            &[("x-forwarded-for", "\u{e9}")],
            &[("x-forwarded-for", "127.0.0.7:4711")],
            &[("forwarded", "for=127.0.0.7")],
            &[("x-real-ip", LISTED)],
        ] {
            assert_eq!(server.seen_through(untold).calls_with(&token).await, 403, "{untold:?}");
        }
        assert_eq!(consequences(&database).await, [0; 4]);
        assert_eq!(server.seen_through(&[("x-forwarded-for", LISTED)]).calls_with(&token).await, 200);
    }
}
