//! The pages of what an organization and its people connected, and who comes in.

use paylent_domain::scope::MAX_SCOPES;
use paylent_storage::NewApplication;
use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{TestServer, account::at_home, applications::*, browser::*, change, nobody};

const EVE: &str = "eve@example.com";

both! {
    async fn only_members_come_in_and_only_admins_see_applications(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, eve) = (person(&server.acme, EMAIL).await, person(&server.acme, EVE).await);
        person(&server.acme, "bob@example.com").await;
        let admin = server.admin(&server.acme).await;
        let (acme, club) = (admin.organization("Acme").await, admin.organization("Club").await);
        let role = admin.joins(&ada, &acme, ADMIN).await;
        admin.joins(&ada, &club, ADMIN).await;
        admin.joins(&eve, &acme, &["applications:read"]).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (home, own) = (format!("/organizations/{acme}/connections"), path_of(&acme, &application));
        let pages = [own.clone(), format!("{own}/delete"), format!("/organizations/{acme}/applications/new")];
        let (browser, hers) = (at_home(&server, EMAIL).await, at_home(&server, EVE).await);
        browser.connect(&application, &acme).await;
        let connection = database.values("SELECT count(*) || '' FROM connections").await;
        assert_eq!(connection, ["1"]);
        let list = browser.get(&home).await.is(200);
        assert!(list.text.contains("Your applications") && list.text.contains("everyone in <bdi>Acme</bdi>"), "{}", list.text);
        let connection = list.text.split_once(&format!("href=\"{home}/")).unwrap().1.split('"').next().unwrap();
        let connection = format!("{home}/{connection}");
        for page in &pages {
            is_page(&browser.get(page).await, 200);
            is_page(&hers.get(page).await, 404);
        }
        let list = hers.get(&home).await.is(200);
        assert!(!list.text.contains("Your applications") && !list.text.contains("Ledger Robot"), "{}", list.text);
        is_page(&browser.get(&connection).await, 200);
        is_page(&hers.get(&connection).await, 404);
        let stranger = at_home(&server, "bob@example.com").await;
        for page in pages.iter().chain([&home, &connection]) {
            is_page(&stranger.get(page).await, 404);
            // Another organization's, and no organization's.
            is_page(&browser.get(&page.replace(&acme, &nobody())).await, 404);
        }
        for page in [&pages[0], &pages[1], &connection] {
            is_page(&browser.get(&page.replace(&acme, &club)).await, 404);
        }
        // Somebody who was an admin when the page was shown.
        let (shown, new) = (browser.get(&own).await.is(200), browser.get(&pages[2]).await.is(200));
        let (deletion, one) = (browser.get(&pages[1]).await.is(200), browser.get(&connection).await.is(200));
        admin.delete(&format!("membership-roles/{role}")).await.is(200);
        let before = database.dump().await;
        let forged = settings(&[("action", "save"), ("name", "Mine"), ("grant_type", "authorization_code")]);
        is_page(&browser.submit_from(&shown, &own, &forged).await, 404);
        is_page(&browser.submit_from(&shown, &own, &[("action", "rotate"), ("overlap", "none")]).await, 404);
        is_page(&browser.submit_from(&new, &pages[2], &forged).await, 404);
        is_page(&browser.submit_from(&deletion, &pages[1], &[]).await, 404);
        is_page(&browser.submit_from(&one, &connection, &[("action", "disconnect")]).await, 404);
        assert_eq!(database.dump().await, before);
        // Whoever is not signed in comes back after it.
        let reply = Browser::new(&server).get(&own).await;
        assert_eq!((reply.status, reply.header("location")), (303, format!("/login?return_to={own}").as_str()));
    }

    /// A role in the whole environment makes nobody the admin of an organization that they belong to.
    async fn rb_xorg_a_company_wide_admin_holds_the_right_in_the_company(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, eve) = (person(&server.acme, EMAIL).await, person(&server.acme, EVE).await);
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        server.acme.give(&ada, &server.acme.role("everywhere", ADMIN).await).await;
        admin.member(&ada, &acme).await;
        admin.member(&eve, &acme).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (browser, hers) = (at_home(&server, EMAIL).await, at_home(&server, EVE).await);
        hers.connect(&application, &acme).await;
        let consent = browser.asked_for(&application, &acme).await.is(200);
        assert!(consent.text.contains("for you alone, as a member of <bdi>Acme</bdi>"), "{}", consent.text);
        let home = format!("/organizations/{acme}/connections");
        let list = browser.get(&home).await.is(200);
        assert!(!list.text.contains("Your applications") && !list.text.contains("Ledger Robot"), "{}", list.text);
        let connection = admin.only("application-connections").await;
        let own = path_of(&acme, &application);
        let new = format!("/organizations/{acme}/applications/new");
        for page in [own.clone(), format!("{own}/delete"), new, format!("{home}/{connection}")] {
            is_page(&browser.get(&page).await, 404);
        }
    }

    async fn removing_a_permission_is_confirmed_and_bites_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, eve) = (person(&server.acme, EMAIL).await, person(&server.acme, EVE).await);
        let admin = server.admin(&server.acme).await;
        let (acme, bakery) = (admin.organization("Acme").await, admin.organization("Bakery").await);
        admin.joins(&ada, &acme, ADMIN).await;
        admin.joins(&eve, &bakery, &[]).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (browser, hers) = (at_home(&server, EMAIL).await, at_home(&server, EVE).await);
        let consent = hers.asked_for(&application, &bakery).await.is(200);
        assert!(consent.text.contains("for you alone, as a member of <bdi>Bakery</bdi>"), "{}", consent.text);
        assert!(consent.text.contains("Published by <bdi>Acme</bdi>"), "{}", consent.text);
        let tokens = hers.connect(&application, &bakery).await;
        let scope = async || introspected(&hers, &application, &tokens["access_token"]).await["scope"].clone();
        assert_eq!(scope().await, json!("invoices:read invoices:write"));
        let own = path_of(&acme, &application);
        let less = settings(&[("permission", "invoices:read")]);
        let before = database.dump().await;
        let question = browser.submit(&own, &own, &less).await.is(200);
        assert!(question.text.contains("Connections that lose something: 1") && question.text.contains("invoices:write"));
        assert_eq!(database.dump().await, before);
        let confirmed = [less.as_slice(), &[("confirmed", "yes")]].concat();
        let saved = browser.submit_from(&question, &own, &confirmed).await;
        assert_eq!((saved.status, saved.header("location")), (303, format!("{own}?saved").as_str()), "{}", saved.text);
        assert_eq!(scope().await, json!("invoices:read"));
        // Nobody is connected to what comes back, and those who were are asked again.
        let more = settings(&[("permission", "invoices:read"), ("permission", "invoices:write")]);
        let before = database.dump().await;
        let question = browser.submit(&own, &own, &more).await.is(200);
        assert!(question.text.contains("Add permissions?") && question.text.contains("Connections that are asked: 1"));
        assert!(!question.text.contains("lose something"), "{}", question.text);
        assert_eq!(database.dump().await, before);
        let confirmed = [more.as_slice(), &[("confirmed", "yes")]].concat();
        let saved = browser.submit_from(&question, &own, &confirmed).await;
        assert_eq!(scope().await, json!("invoices:read"));
        assert_eq!(saved.header("location"), format!("{own}?saved-more"), "{}", saved.text);
        assert!(browser.get(saved.header("location")).await.text.contains("the next time they authorize"));
    }

    async fn connections_are_narrowed_and_ended_by_whoever_they_are_for(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, eve) = (person(&server.acme, EMAIL).await, person(&server.acme, EVE).await);
        let admin = server.admin(&server.acme).await;
        let (acme, bakery) = (admin.organization("Acme").await, admin.organization("Bakery").await);
        admin.joins(&ada, &bakery, ADMIN).await;
        admin.joins(&eve, &bakery, &[]).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (browser, hers) = (at_home(&server, EMAIL).await, at_home(&server, EVE).await);
        let tokens = hers.connect(&application, &bakery).await;
        let consent = browser.asked_for(&application, &bakery).await.is(200);
        assert!(consent.text.contains("for everyone in <bdi>Bakery</bdi>"), "{}", consent.text);
        let whole = browser.connect(&application, &bakery).await;
        let home = format!("/organizations/{bakery}/connections");
        let list = browser.get(&home).await.is(200);
        assert_eq!(list.text.matches("<bdi>Ledger Robot</bdi>").count(), 2, "the organization's, and a member's");
        let list = hers.get(&home).await.is(200);
        assert_eq!(list.text.matches("<bdi>Ledger Robot</bdi>").count(), 1, "her own");
        assert!(list.text.contains(EVE) && list.text.contains("Published by <bdi>Acme</bdi>"));
        let own = format!("{home}/{}", list.text.split_once(&format!("{home}/")).unwrap().1.split('"').next().unwrap());
        is_page(&hers.submit(&own, &own, &[("action", "save")]).await, 422);
        let narrowed = hers.submit(&own, &own, &[("action", "save"), ("permission", "invoices:read")]).await;
        assert_eq!((narrowed.status, narrowed.header("location")), (303, format!("{own}?saved").as_str()));
        assert_eq!(introspected(&hers, &application, &tokens["access_token"]).await["scope"], json!("invoices:read"));
        // Nobody gets back by a form what they took.
        let shown = hers.get(&own).await.is(200);
        assert!(!shown.text.contains("invoices:write"));
        let wider = [("action", "save"), ("permission", "invoices:read"), ("permission", "invoices:write")];
        let seen = browser.get(&own).await.is(200);
        hers.submit_from(&shown, &own, &wider).await.is(303);
        assert_eq!(introspected(&hers, &application, &tokens["access_token"]).await["scope"], json!("invoices:read"));
        // The admin ends the member's, once they saw what it is by now; the organization's lives on.
        let late = browser.submit_from(&seen, &own, &[("action", "disconnect")]).await;
        is_page(&late, 409);
        assert!(late.text.contains("<a href=\"#disconnect\">Somebody changed it meanwhile."), "{}", late.text);
        let ended = browser.submit_from(&late, &own, &[("action", "disconnect")]).await;
        assert_eq!((ended.status, ended.header("location")), (303, format!("{home}?disconnected").as_str()));
        assert_eq!(introspected(&hers, &application, &tokens["access_token"]).await["active"], false);
        assert_eq!(introspected(&browser, &application, &whole["access_token"]).await["active"], true);
        is_page(&hers.get(&own).await, 404);
    }

    /// Who somebody is remains to be told when an application may do nothing any more.
    async fn or_connection_narrow_no_permission_is_left_where_an_identity_is(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let browser = at_home(&server, EMAIL).await;
        let alone = browser.authorize(&application, &[("scope", "")]).await.is(200);
        assert!(alone.text.contains("href=\"/account/applications\">Applications</a>"), "{}", alone.text);
        admin.joins(&ada, &acme, &[]).await;
        let asked = [("scope", "openid invoices:read"), ("organization", acme.as_str())];
        let code = browser.code_for(&application, &asked).await;
        let tokens = browser.redeem(&application, &code).await.is(200).json();
        let id = admin.only("application-connections").await;
        let own = format!("/organizations/{acme}/connections/{id}");
        let shown = browser.get(&own).await.is(200);
        assert_eq!(shown.text.matches("<code dir=\"ltr\">invoices:read</code>").count(), 1, "{}", shown.text);
        browser.submit_from(&shown, &own, &[("action", "save")]).await.is(303);
        assert_eq!(introspected(&browser, &application, &tokens["access_token"]).await["scope"], json!("openid"));
        is_page(&browser.get(&own).await, 200);
    }

    /// Whatever an API may have, an application for it can be connected with, and its connections narrowed to.
    async fn or_connection_narrow_an_application_may_have_every_permission_of_its_api(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let browser = at_home(&server, EMAIL).await;
        for count in [130, MAX_SCOPES] {
            let names: Vec<String> = (0..count).map(|number| format!("{}:{number:04}", "x".repeat(95))).collect();
            let all: Vec<&str> = names.iter().map(String::as_str).collect();
            let api = server.acme.add_api(&format!("https://{count}.example"), &all).await;
            let permitted = |new: &mut NewApplication| new.permissions = names.iter().cloned().collect();
            let application = server.acme.application(&acme, api, permitted).await.client;
            let link = element(&browser.get(&path_of(&acme, &application)).await.is(200), "example").replace("&#38;", "&");
            browser.get(link.strip_prefix(&server.acme.issuer()).unwrap()).await.is(200);
            let tokens = browser.connect(&application, &acme).await;
            let left = async || {
                let told = introspected(&browser, &application, &tokens["access_token"]).await;
                told["scope"].as_str().unwrap().split(' ').count()
            };
            assert_eq!(left().await, count);
            let id = admin.only(&format!("application-connections?filter[application]={}", application.id)).await;
            let own = format!("/organizations/{acme}/connections/{id}");
            let kept: Vec<(&str, &str)> = all[5..].iter().map(|name| ("permission", *name)).collect();
            browser.submit(&own, &own, &kept).await.is(303);
            assert_eq!(left().await, count - 5);
            let kept = json!({"permissions": all[10..]});
            admin.patch(&format!("application-connections/{id}"), &change("application_connection", &id, kept)).await.is(200);
            assert_eq!(left().await, count - 10);
        }
    }

    /// What somebody connected for themself is changed and ended in their account, by nobody else.
    async fn who_acts_for_no_organization_changes_the_own_connection(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        person(&server.acme, EMAIL).await;
        let (eve, admin) = (person(&server.acme, EVE).await, server.admin(&server.acme).await);
        let (acme, bakery) = (admin.organization("Acme").await, admin.organization("Bakery").await);
        admin.joins(&eve, &bakery, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (browser, hers) = (at_home(&server, EMAIL).await, at_home(&server, EVE).await);
        let consent = browser.authorize(&application, &[("scope", "")]).await.is(200);
        assert!(consent.text.contains("for you alone, and for no organization"), "{}", consent.text);
        let code = parameters(&browser.decide(&consent, "allow").await)["code"].clone();
        let tokens = browser.redeem(&application, &code).await.is(200).json();
        let told = async || introspected(&browser, &application, &tokens["access_token"]).await;
        assert_eq!(told().await["scope"], json!("invoices:read invoices:write"));
        let list = browser.get("/account/applications").await.is(200);
        let start = "href=\"/account/applications/";
        let id = list.text.split_once(start).unwrap_or_else(|| panic!("{}", list.text)).1.split('"').next().unwrap();
        let own = format!("/account/applications/{id}");
        let token = text(&tokens, "access_token");
        assert_eq!(server.introspect_from(&application.credentials, token, "203.0.113.9").await.is(200).json()["active"], true);
        server.db.write_uses().await.unwrap();
        for (language, used) in [("en", "Last used"), ("nl", "Laatst gebruikt"), ("de", "Zuletzt benutzt")] {
            let page = browser.request(Method::GET, &own).header("accept-language", language);
            let page = browser.send(page).await;
            is_page(&page, 200);
            assert_eq!(page.header("content-language"), language);
            for part in [used, EMAIL, ">203.0.113.9<", "<bdi>Acme</bdi>"] {
                assert!(page.text.contains(part), "{part}: {}", page.text);
            }
            assert!(!page.text.contains("/organizations/"), "there is none to go to");
        }
        // Nobody else's, whatever they are elsewhere, and at no organization's pages.
        let shown = browser.get(&own).await.is(200);
        let before = database.dump().await;
        is_page(&hers.get(&own).await, 404);
        is_page(&hers.get(&format!("/organizations/{bakery}/connections/{id}")).await, 404);
        is_page(&browser.get(&format!("/account/applications/{}", nobody())).await, 404);
        let theirs = hers.get("/account").await.is(200);
        let forged = [("csrf", hidden(&theirs, "csrf")), ("version", hidden(&shown, "version"))];
        let forged: Vec<_> = forged.iter().map(|(name, value)| (*name, value.as_str())).collect();
        is_page(&hers.post(&own, &[forged.as_slice(), &[("action", "disconnect")]].concat()).await, 403);
        let reply = Browser::new(&server).get(&own).await;
        assert_eq!((reply.status, reply.header("location")), (303, format!("/login?return_to={own}").as_str()));
        is_page(&browser.submit(&own, &own, &[("action", "save")]).await, 422);
        assert_eq!(database.dump().await, before);
        hers.connect(&application, &bakery).await;
        let page = format!("/organizations/{bakery}/connections");
        let list = hers.get(&page).await.is(200);
        let other = list.text.split_once(&format!("href=\"{page}/")).unwrap().1.split('"').next().unwrap();
        // The same form from a page of her own: what it is for is found by whose it is.
        let open = hers.get(&format!("{page}/{other}")).await.is(200);
        is_page(&hers.submit_from(&open, &own, &[("action", "disconnect")]).await, 404);
        is_page(&hers.get(&format!("/account/applications/{other}")).await, 404);
        let narrowed = browser.submit(&own, &own, &[("action", "save"), ("permission", "invoices:read")]).await;
        assert_eq!((narrowed.status, narrowed.header("location")), (303, format!("{own}?saved").as_str()));
        assert!(browser.get(narrowed.header("location")).await.is(200).text.contains("Your changes were saved."));
        assert_eq!(told().await["scope"], json!("invoices:read"));
        // The page that was open before knows less than it should.
        is_page(&browser.submit_from(&shown, &own, &[("action", "disconnect")]).await, 409);
        let ended = browser.submit(&own, &own, &[("action", "disconnect")]).await;
        assert_eq!((ended.status, ended.header("location")), (303, "/account/applications?done"));
        assert_eq!(told().await["active"], false);
        is_page(&browser.get(&own).await, 404);
        assert!(!browser.get(ended.header("location")).await.is(200).text.contains(start));
    }

    /// A server that does not know its proxy says so, and offers no address that may be the proxy's.
    async fn a_disguised_request_is_told_on_the_pages(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let browser = at_home(&server, EMAIL).await;
        let warning = "This server does not know its proxy";
        for page in ["connections", "applications/new"] {
            let page = format!("/organizations/{acme}/{page}");
            let plain = browser.get(&page).await.is(200);
            let forwarded = browser.request(Method::GET, &page).header("x-forwarded-for", "203.0.113.5");
            let forwarded = browser.send(forwarded).await.is(200);
            assert!(forwarded.text.contains(warning) && !plain.text.contains(warning));
            assert!(!forwarded.text.contains("Your current address is"), "it may be the proxy's");
            assert_eq!(plain.text.contains("Your current address is"), page.ends_with("new"));
        }
    }
}
