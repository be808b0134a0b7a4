//! From where the tokens of an application may be used. Catalogue section A18, decision 23.

use paylent_domain::{Clock as _, allow_list::AllowList, allow_list::AllowListMode, client::ClientType};
use paylent_storage::NewApplication;
use paylent_tests::both;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{applications::*, browser::*, letters::letters_to, oauth::essence, *};

fn listing(entries: &'static [&'static str]) -> impl FnOnce(&mut NewApplication) {
    move |new| new.ip_allow_list = AllowList::parse(entries.iter().copied()).unwrap()
}

both! {
    async fn ip_ok_a_network_lets_its_first_and_last_address_in_and_no_neighbour(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        for (list, inside, outside) in [
            (&["127.0.1.0/24"], ["127.0.1.1", "127.0.1.255"], ["127.0.0.255", "127.0.2.1"]),
            (&["127.0.1.4/31"], ["127.0.1.4", "127.0.1.5"], ["127.0.1.3", "127.0.1.6"]),
            (&["127.0.1.4/32"], ["127.0.1.4", "127.0.1.4"], ["127.0.1.3", "127.0.1.5"]),
        ] {
            let application = server.acme.owned(listing(list)).await;
            let within = inside.map(|ip| server.seen_from(ip));
            let token = within[0].static_token(&application).await;
            for node in &within {
                assert_eq!(node.calls_with(&token).await, 200, "{list:?}");
            }
            for ip in outside {
                let token = within[1].static_token(&application).await;
                assert_eq!(server.seen_from(ip).calls_with(&token).await, 403, "{ip} and {list:?}");
                assert_eq!(within[0].calls_with(&token).await, 401, "it is dead");
            }
        }
    }

    /// Of IPv6 this machine has one address, so a proxy tells the others.
    async fn ip_ok_and_ip_mapped_ipv6_networks_and_ipv4_in_ipv6_form(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { proxies: &["127.0.0.1"], ..Setting::default() }).await;
        let from = |ip: &str| server.seen_through(&[("x-forwarded-for", ip)]);
        for (list, inside, outside) in [
            (&["2001:db8::1/128"][..], &["2001:db8::1", "2001:DB8:0:0::1"][..], &["2001:db8::", "2001:db8::2"][..]),
            (&["2001:db8::/64"], &["2001:db8::", "2001:db8::ffff:ffff:ffff:ffff"], &["2001:db8:0:1::", "2001:db7::"]),
            (&["203.0.113.5"], &["203.0.113.5", "::ffff:203.0.113.5", "::ffff:cb00:7105"], &[
                "2002:cb00:7105::", "64:ff9b::203.0.113.5", "::203.0.113.5", "::ffff:203.0.113.6",
            ]),
            (&["::ffff:203.0.113.0/120"], &["203.0.113.0", "::ffff:203.0.113.255"], &["203.0.114.0", "203.0.112.255"]),
        ] {
            let application = server.acme.owned(listing(list)).await;
            for ip in inside {
                let token = from(inside[0]).static_token(&application).await;
                assert_eq!(from(ip).calls_with(&token).await, 200, "{ip} and {list:?}");
            }
            for ip in outside {
                let token = from(inside[0]).static_token(&application).await;
                assert_eq!(from(ip).calls_with(&token).await, 403, "{ip} and {list:?}");
                assert_eq!(from(inside[0]).calls_with(&token).await, 401, "it is dead");
            }
        }
    }

    /// Through a socket for both families, an IPv4 peer appears in IPv6 form.
    async fn ip_mapped_a_dual_stack_socket(database: TestDatabase) {
        let mut server = TestServer::start(&database).await;
        let listen = paylent_server::app::Listen { address: "[::]:0".parse().unwrap(), workers: 1 };
        let running = paylent_server::app::start(server.rooms.clone(), listen).unwrap();
        tokio::spawn(running.server);
        server.address.set_port(running.address.port());
        let application = server.acme.owned(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let token = listed.static_token(&application).await;
        assert_eq!((listed.calls_with(&token).await, foreign.calls_with(&token).await), (200, 403));
        drop(running.handle.stop(false));
    }

    async fn ip_violate_a_static_token_from_elsewhere_is_dead_on_every_node(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        let application = server.acme.owned(|_| ()).await;
        let [listed, listed_beside] = [&server, &beside].map(|node| node.seen_from(LISTED));
        let [foreign, foreign_beside] = [&server, &beside].map(|node| node.seen_from(FOREIGN));
        let (token, other) = (listed.static_token(&application).await, listed.static_token(&application).await);
        assert_eq!((listed.calls_with(&token).await, listed_beside.calls_with(&token).await), (200, 200));
        let refused = foreign.bearer(&server.acme, &token).get("organizations").await;
        refused.is_error(403, "");
        assert!(refused.detail().contains("does not allow this address"), "{}", refused.text);
        for node in [&listed_beside, &listed, &foreign_beside, &foreign] {
            assert_eq!(node.calls_with(&token).await, 401);
        }
        assert_eq!(consequences(&database).await, [1, 0, 0, 1]);
        assert_eq!(letters_to(&database, OPS).await.len(), 1);
        assert_eq!(listed_beside.calls_with(&other).await, 200, "another token of the application lives");
        let seen = database.values("SELECT ip FROM audit_events WHERE action = 'application.token_revoked'").await;
        assert_eq!(seen, [FOREIGN]);
        let targets = database.values("SELECT targets FROM audit_events WHERE action LIKE 'application.token_%'").await;
        let targets: serde_json::Value = serde_json::from_str(&targets[0]).unwrap();
        let [id, owner] = [application.id.to_string(), application.organization.to_string()];
        let company = database.values("SELECT name FROM organizations WHERE name LIKE 'Company %'").await.remove(0);
        assert_eq!(targets, json!([
            {"type": "application", "id": id, "name": "Ledger"},
            {"type": "organization", "id": owner, "name": company},
        ]));
    }

    /// A person's grant dies as a whole: its access tokens, and its refresh tokens.
    async fn ip_violate_a_persons_tokens_from_elsewhere_are_dead_on_every_node(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        person(&server.acme, EMAIL).await;
        let [listed, listed_beside] = [&server, &beside].map(|node| node.seen_from(LISTED));
        for userinfo in [true, false] {
            let application = server.acme.connectable(|_| ()).await;
            let browser = Browser::new(&listed);
            let code = browser.code_for(&application.client, AGREED).await;
            let tokens = browser.redeem(&application.client, &code).await.is(200).json();
            let [access, refresh] = ["access_token", "refresh_token"].map(|name| text(&tokens, name).to_owned());
            assert_eq!(browser.userinfo(&access).await.status, 200);
            let foreign = server.seen_from(FOREIGN);
            let foreign = Browser::new(&foreign);
            let before = consequences(&database).await;
            match userinfo {
                true => foreign.userinfo(&access).await.is_oauth_error(403, "access_denied"),
                false => assert_eq!(foreign.server.calls_with(&access).await, 403),
            }
            let there = browser.at(&listed_beside, &server.acme);
            assert_eq!(there.userinfo(&access).await.status, 401);
            assert_eq!(listed_beside.calls_with(&access).await, 401);
            there.refresh(&application.client, &refresh).await.is_oauth_error(400, "invalid_grant");
            assert_eq!(foreign.userinfo(&access).await.status, 401);
            let after = consequences(&database).await;
            assert_eq!((after[0] - before[0], after[3] - before[3]), (1, 1));
            assert!(!browser.is_active(&application.client, &access).await);
        }
    }

    /// Who does not hold a good token learns nothing, and brings about nothing.
    async fn ip_invalid_a_token_that_is_not_good_is_401_from_anywhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let application = server.acme.owned(|_| ()).await;
        person(&server.acme, EMAIL).await;
        let people = server.acme.connectable(|_| ()).await;
        let browser = Browser::new(&listed);
        let code = browser.code_for(&people.client, AGREED).await;
        let expired = browser.redeem(&people.client, &code).await.is(200).json();
        server.clock.advance_seconds(7_201);
        let revoked = listed.static_token(&application).await;
        listed.revoke(&server.acme, &application.client.credentials, &revoked).await.is(200);
        let good = listed.static_token(&application).await;
        let unknown = format!("{}x", &good[..good.len() - 1]);
        let issuers = server.acme.owned(|_| ()).await;
        let minted = listed.static_token(&issuers).await;
        database.execute(&format!("UPDATE clients SET active = false WHERE client_id = '{}'", issuers.client.credentials.0)).await;
        let before = database.dump().await;
        for token in [text(&expired, "access_token"), &revoked, &unknown, "nonsense", &issuers.client.credentials.1, &minted] {
            let answers = [&listed, &foreign].map(|node| async {
                let api = node.bearer(&node.acme, token).get("organizations").await;
                let userinfo = Browser::new(node).userinfo(token).await;
                assert_eq!((api.status, userinfo.status), (401, 401), "{token}");
                essence(&userinfo)
            });
            let [one, other] = answers;
            assert_eq!(one.await, other.await, "no oracle");
        }
        let elsewhere = foreign.bearer(&server.beta, &good).get("organizations").await;
        assert_eq!(elsewhere.status, 401, "another environment");
        assert_eq!(database.dump().await, before);
        assert_eq!(listed.calls_with(&good).await, 200);
    }

    /// A good token for another API is none here.
    async fn ip_invalid_a_token_for_another_audience_is_401_from_anywhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let other = server.acme.add_api("https://api.example", &["documents:read"]).await;
        let application = server.acme.owned(|new| {
            new.resource_server_id = other;
            new.permissions = ["documents:read".to_owned()].into_iter().collect();
        });
        let application = application.await;
        let listed = server.seen_from(LISTED);
        let token = listed.static_token(&application).await;
        let before = database.dump().await;
        assert_eq!(server.seen_from(FOREIGN).calls_with(&token).await, 401);
        assert_eq!(database.dump().await, before);
        assert_eq!(listed.introspect(&server.acme, &application.client.credentials, &token).await.json()["active"], true);
    }

    async fn ip_noeffect_what_is_asked_from_elsewhere_is_not_done(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let application = server.acme.owned(|_| ()).await;
        let organization = application.organization.to_string();
        let (jane, john) = (admin.user("jane@example.com").await, admin.user("john@example.com").await);
        let membership = admin.member(&jane, &organization).await;
        let listed = server.seen_from(LISTED);
        let joining = document("membership", json!({}), &[("user", "user", &john), ("organization", "organization", &organization)]);
        let work = async |node: &TestServer, token: &str, removes: bool| {
            let caller = node.bearer(&node.acme, token);
            match removes {
                true => caller.delete(&format!("memberships/{membership}")).await.status,
                false => caller.post("memberships", &joining).await.status,
            }
        };
        let untouched = ["access_tokens", "static_tokens", "audit_events", "mails", "counters"];
        let rest = async || {
            let rows = database.dump().await.into_iter();
            rows.filter(|row| untouched.iter().all(|table| !row.starts_with(&format!("{table}:")))).collect::<Vec<_>>()
        };
        let before = rest().await;
        for removes in [true, false] {
            let token = listed.static_token(&application).await;
            assert_eq!(work(&server.seen_from(FOREIGN), &token, removes).await, 403);
        }
        assert_eq!(rest().await, before);
        let token = listed.static_token(&application).await;
        let done = (work(&listed, &token, false).await, work(&listed, &token, true).await);
        assert_eq!(done, (201, 200), "from a listed address it is");
    }

    /// A token is looked at before the request that it came with, so that no fault of that lets it live.
    async fn ip_violate_a_malformed_request_from_elsewhere_ends_its_token_too(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let long = format!("organizations?filter[name]={}", "a".repeat(9_000));
        let json_api = ("content-type", "application/vnd.api+json");
        for (method, path, headers, status) in [
            (Method::POST, "memberships", &[("content-type", "text/plain")][..], 415),
            (Method::POST, "memberships", &[], 415),
            (Method::POST, "memberships", &[json_api, ("content-encoding", "gzip")], 415),
            (Method::POST, "memberships", &[json_api, ("accept", "application/vnd.api+json;x=1")], 406),
            (Method::GET, "organizations", &[("accept", "application/vnd.api+json;x=1")], 406),
            (Method::GET, long.as_str(), &[], 414),
            (Method::GET, "organizations?nothing=1", &[], 400),
        ] {
            let token = listed.static_token(&application).await;
            let ask = async |node: &TestServer, token: Option<&str>| {
                let request = node.request(&node.acme, method.clone(), &format!("/api/{path}"));
                let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
                let request = if method == Method::POST { request.body("{}") } else { request };
                Reply::of(token.into_iter().fold(request, RequestBuilder::bearer_auth)).await.status
            };
            assert_eq!(ask(&listed, Some(&token)).await, status, "{path} {headers:?}");
            assert_eq!(ask(&foreign, None).await, 401, "{path} {headers:?}");
            assert_eq!(ask(&foreign, Some(&token)).await, 403, "{path} {headers:?}");
            assert_eq!(ask(&listed, Some(&token)).await, 401, "{path} {headers:?}: it is dead");
        }
    }

    /// What the API changes at one node counts at the other with the next request.
    async fn ip_update_an_address_that_is_taken_off_the_list_is_foreign_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let beside = server.beside(&database);
        let application = server.acme.owned(listing(&[LISTED, FOREIGN])).await;
        let [here, there] = [&server, &beside].map(|node| node.seen_from(FOREIGN));
        let tokens = [here.static_token(&application).await, here.static_token(&application).await];
        for token in &tokens {
            assert_eq!((here.calls_with(token).await, there.calls_with(token).await), (200, 200));
        }
        let id = application.id.to_string();
        let shorter = change("application", &id, json!({"ip_allow_list": [LISTED]}));
        server.admin(&server.acme).await.patch(&format!("applications/{id}"), &shorter).await.is(200);
        // The other node first: nothing was forgotten there that it still remembered.
        assert_eq!((there.calls_with(&tokens[0]).await, here.calls_with(&tokens[0]).await), (403, 401));
        assert_eq!((here.calls_with(&tokens[1]).await, there.calls_with(&tokens[1]).await), (403, 401));
    }

    /// An application without a list is bound to no address.
    async fn ip_required_an_empty_list_restricts_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let application = server.acme.connectable(listing(&[])).await;
        let browser = Browser::new(&server);
        let code = browser.code_for(&application.client, AGREED).await;
        let tokens = browser.redeem(&application.client, &code).await.is(200).json();
        let hidden = server.seen_through(&[("x-forwarded-for", FOREIGN)]);
        for node in [&server.seen_from(LISTED), &server.seen_from(FOREIGN), &hidden] {
            assert_eq!(Browser::new(node).userinfo(text(&tokens, "access_token")).await.status, 200);
        }
        let ordinary = application_of_nobody(&server).await;
        assert_eq!(Browser::new(&hidden).userinfo(&ordinary).await.status, 200);
        assert_eq!(consequences(&database).await, [0; 4]);
    }

    async fn ip_violate_an_application_that_only_observes_tells_and_takes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|new| new.ip_allow_list_mode = AllowListMode::Observe).await;
        let foreign = server.seen_from(FOREIGN);
        let token = foreign.static_token(&application).await;
        assert_eq!(consequences(&database).await, [0, 0, 1, 1], "the secret from elsewhere");
        for _ in 0..3 {
            assert_eq!(foreign.calls_with(&token).await, 200);
        }
        assert_eq!(consequences(&database).await, [0, 0, 1, 1]);
        server.clock.advance_seconds(599);
        assert_eq!(foreign.calls_with(&token).await, 200);
        assert_eq!(consequences(&database).await, [0, 0, 1, 1]);
        server.clock.advance_seconds(1);
        for _ in 0..3 {
            assert_eq!(foreign.calls_with(&token).await, 200);
        }
        assert_eq!(consequences(&database).await, [0, 0, 2, 2]);
        assert_eq!(server.seen_from(LISTED).calls_with(&token).await, 200);
        let hidden = server.seen_through(&[("forwarded", "for=127.0.0.7")]);
        server.clock.advance_seconds(600);
        assert_eq!(hidden.calls_with(&token).await, 200, "what proves nothing is not held against it");
        assert_eq!(consequences(&database).await, [0, 0, 2, 2]);
    }

    /// Every token that is taken leaves an event; a mail goes out once in ten minutes, of each application.
    async fn ip_violate_one_mail_in_ten_minutes_for_each_application(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let [one, other] = [server.acme.owned(|_| ()).await, server.acme.owned(|_| ()).await];
        let violate = async |application: &Owned| {
            let token = listed.static_token(application).await;
            assert_eq!(foreign.calls_with(&token).await, 403);
        };
        violate(&one).await;
        violate(&one).await;
        assert_eq!(consequences(&database).await, [2, 0, 0, 1]);
        violate(&other).await;
        assert_eq!(consequences(&database).await, [3, 0, 0, 2]);
        server.clock.advance_seconds(599);
        violate(&one).await;
        assert_eq!(consequences(&database).await, [4, 0, 0, 2]);
        server.clock.advance_seconds(1);
        violate(&one).await;
        violate(&one).await;
        assert_eq!(consequences(&database).await, [6, 0, 0, 3]);
        let purged = server.db.purge(server.clock.now().plus_seconds(3_600)).await.unwrap();
        assert!(purged > 0, "the count is forgotten");
    }

    /// The store fails while it revokes: the call is refused all the same, and so is the next, until the token is dead.
    async fn ip_dberr_a_token_that_cannot_be_revoked_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let (machine, people) = (server.acme.owned(|_| ()).await, server.acme.connectable(|_| ()).await);
        let token = listed.static_token(&machine).await;
        let browser = Browser::new(&listed);
        let code = browser.code_for(&people.client, AGREED).await;
        let granted = browser.redeem(&people.client, &code).await.is(200).json();
        let granted = text(&granted, "access_token");
        database.execute("ALTER TABLE audit_events RENAME TO lost").await;
        for _ in 0..2 {
            assert_eq!(foreign.calls_with(&token).await, 403);
            Browser::new(&foreign).userinfo(granted).await.is_oauth_error(403, "access_denied");
            let refused = foreign.ask(&server.acme, &machine.client.credentials, &[]).await;
            refused.is_oauth_error(403, "access_denied");
        }
        assert_eq!(listed.introspect_from(&machine.client.credentials, &token, FOREIGN).await.status, 503);
        assert_eq!(listed.calls_with(&token).await, 200, "nothing was done by halves");
        database.execute("ALTER TABLE lost RENAME TO audit_events").await;
        assert_eq!((foreign.calls_with(&token).await, listed.calls_with(&token).await), (403, 401));
        Browser::new(&foreign).userinfo(granted).await.is_oauth_error(403, "access_denied");
        assert_eq!(browser.userinfo(granted).await.status, 401);
    }

    /// Methods that are answered beside the ones an endpoint has.
    async fn ip_violate_head_and_unusual_methods_are_checked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|_| ()).await;
        let (listed, foreign) = (server.seen_from(LISTED), server.seen_from(FOREIGN));
        let token = listed.static_token(&application).await;
        let head = foreign.bearer(&server.acme, &token).request(Method::HEAD, "organizations");
        assert_eq!(Reply::of(head).await.status, 403);
        assert_eq!(listed.calls_with(&token).await, 401);
    }
}

/// An access token of an application that no organization owns.
async fn application_of_nobody(server: &TestServer) -> String {
    let client = application(&server.acme, ClientType::Confidential).await;
    text(&Browser::new(server).tokens(&client).await, "access_token").to_owned()
}
