//! The pages of an organization's applications, and of what it and its people connected.

use paylent_domain::application::ApplicationGrant;
use paylent_tests::both;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Reply, TestServer, account::at_home, browser::*, connections::*, nobody, oauth::CLIENT_CREDENTIALS,
    oauth::Registered,
};

const EVE: &str = "eve@example.com";

/// What introspection tells the application of a token.
async fn introspected(browser: &Browser<'_>, application: &Registered, token: &Value) -> Value {
    let form = [("token", token.as_str().unwrap())];
    Reply::of(browser.ask(application, "/oauth/introspect", &form)).await.is(200).json()
}

/// Where an application of an organization is shown.
fn path_of(organization: &str, application: &Registered) -> String {
    format!("/organizations/{organization}/applications/{}", application.id)
}

/// The settings of a form, as they are when nobody changes anything.
fn settings<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("name", "Ledger Robot"),
        ("redirect_uri", CALLBACK),
        ("ip_allow_list", ""),
        ("ip_allow_list_mode", "enforce"),
        ("notification_emails", ""),
    ];
    let kept = usual.into_iter().filter(|(name, _)| change.iter().all(|(changed, _)| changed != name));
    kept.chain(change.iter().copied()).collect()
}

both! {
    async fn an_application_is_made_and_its_secret_shown_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme <b>Works").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await.to_string();
        let browser = at_home(&server, EMAIL).await;
        let (home, new) = (format!("/organizations/{acme}/connections"), format!("/organizations/{acme}/applications/new"));
        assert!(browser.get("/account/organizations").await.text.contains(&home));
        assert!(browser.get(&home).await.is(200).text.contains(&format!("href=\"{new}\"")));
        let page = browser.get(&new).await.is(200);
        assert!(page.text.contains("value=\"invoices:read\"") && !page.text.contains("value=\"users:read\""));
        // Of the Management API, a company-wide admin has next to nothing to give.
        let system = server.acme.system_api().await.to_string();
        let show = settings(&[("resource_server", &system), ("action", "show_permissions")]);
        let none = browser.submit_from(&page, &new, &show).await.is(200);
        assert!(none.text.contains("There are no permissions of this API that you could give."), "{}", none.text);
        let code = settings(&[("resource_server", &system), ("grant_type", "authorization_code")]);
        let refused = browser.submit_from(&page, &new, &code).await.is(422);
        assert!(refused.text.contains("This API allows no refresh tokens"), "{}", refused.text);
        let mut fields = settings(&[
            ("redirect_uri", ""),
            ("grant_type", "client_credentials"),
            ("resource_server", &api),
            ("permission", "invoices:read"),
            ("notification_emails", "ops@example.com\r\nada@example.com"),
        ]);
        let before = database.dump().await;
        fields.push(("action", "show_permissions"));
        let page = browser.submit_from(&page, &new, &fields).await.is(200);
        assert!(page.text.contains("value=\"invoices:read\" checked") && page.text.contains("value=\"invoices:write\">"));
        fields.pop();
        // Tokens that never expire are bound to addresses, and what was typed is kept.
        let refused = browser.submit_from(&page, &new, &fields).await.is(422);
        assert!(refused.text.contains("href=\"#ip_allow_list\"") && refused.text.contains("value=\"Ledger Robot\""));
        fields.push(("action", "add_current_address"));
        let page = browser.submit_from(&refused, &new, &fields).await.is(200);
        assert!(page.text.contains(">127.0.0.1</textarea>"), "{}", page.text);
        assert_eq!(database.dump().await, before);
        let fields: Vec<_> = fields.into_iter().filter(|(name, _)| !["ip_allow_list", "action"].contains(name)).collect();
        let fields = [fields.as_slice(), &[("ip_allow_list", "127.0.0.1"), ("action", "save")]].concat();
        let told = browser.submit_from(&page, &new, &fields).await;
        is_page(&told, 200);
        let (client_id, secret) = (element(&told, "client-id"), element(&told, "client-secret"));
        let application = told.text.split_once(&format!("/organizations/{acme}/applications/")).unwrap().1;
        let application = format!("/organizations/{acme}/applications/{}", application.split('"').next().unwrap());
        // The form a second time, as when the page is loaded again, makes nothing and tells nothing.
        let again = browser.submit_from(&page, &new, &fields).await;
        assert_eq!((again.status, again.header("location")), (303, application.as_str()), "{}", again.text);
        assert_eq!(database.count("applications").await, 1);
        let shown = browser.get(&application).await.is(200);
        assert!(!shown.text.contains(&secret) && shown.text.contains(&client_id));
        assert!(shown.text.contains(&format!("curl --user {client_id}:CLIENT_SECRET")) && shown.text.contains("ops@example.com"));
        let events = "audit_events WHERE action = 'application.created' AND actor_type = 'user'";
        assert_eq!(database.count(events).await, 1);

        let credentials = (client_id, secret);
        let token = server.oauth(&server.acme, "/oauth/token", &credentials, CLIENT_CREDENTIALS).await.is(200).json();
        let token = text(&token, "access_token");
        let shown = browser.get(&application).await.is(200);
        assert!(shown.text.contains("Revoke token") && !shown.text.contains(token));
        let id = shown.text.split_once("name=\"token\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let active = async || server.introspect(&server.acme, &credentials, token).await.is(200).json()["active"].clone();
        assert_eq!(active().await, true);
        assert_eq!(browser.submit_from(&shown, &application, &[("action", "revoke"), ("token", &nobody())]).await.status, 404);
        let gone = browser.submit_from(&shown, &application, &[("action", "revoke"), ("token", &id)]).await;
        assert_eq!((gone.status, gone.header("location")), (303, format!("{application}?revoked").as_str()));
        assert_eq!(active().await, false);
        assert!(browser.get(gone.header("location")).await.text.contains("role=\"status\""));
    }

    async fn a_voucher_of_another_form_makes_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let (one, other) = (at_home(&server, EMAIL).await, at_home(&server, EMAIL).await);
        let new = format!("/organizations/{acme}/applications/new");
        let (page, theirs) = (one.get(&new).await.is(200), other.get(&new).await.is(200));
        let csrf = hidden(&page, "csrf");
        let voucher = hidden(&page, "made").split_once('.').unwrap().1.to_owned();
        for made in [hidden(&theirs, "made"), format!("{}.{voucher}", nobody()), "x".to_owned()] {
            let fields = settings(&[("grant_type", "authorization_code"), ("csrf", &csrf), ("made", &made)]);
            is_page(&one.post(&new, &fields).await, 400);
        }
        assert_eq!(database.count("applications").await, 0);
    }

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
        let application = server.acme.application_of(&acme, api, |_| {}).await;
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

    /// Nobody gives an application what they lack, nor takes over one that has more than they.
    async fn rb_escalate_an_application_gets_no_more_than_its_admin_has(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, &["applications:update", "memberships:read"]).await;
        let api = server.acme.system_api().await;
        let browser = at_home(&server, EMAIL).await;
        let new = format!("/organizations/{acme}/applications/new");
        let page = browser.get(&new).await.is(200);
        assert!(page.text.contains("value=\"memberships:read\"") && !page.text.contains("value=\"memberships:write\""));
        let api_id = api.to_string();
        let machine = |permission| settings(&[
            ("redirect_uri", ""), ("ip_allow_list", "127.0.0.1"), ("grant_type", "client_credentials"),
            ("resource_server", &api_id), ("permission", permission),
        ]).into_iter().map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>();
        for (permission, status) in [("memberships:delete", 422), ("users:read", 422), ("none:such", 422), ("memberships:read", 200)] {
            let fields = machine(permission);
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let reply = browser.submit(&new, &new, &fields).await.is(status);
            assert_eq!(reply.text.contains("href=\"#permissions\""), status == 422);
        }
        assert_eq!(database.count("applications").await, 1);
        let strong = server.acme.application_of(&acme, api, |new| {
            new.grant_type = ApplicationGrant::ClientCredentials;
            new.redirect_uri = None;
            new.service_user = Some(paylent_tests::seed::new_id());
            new.ip_allow_list = "203.0.113.5".parse().unwrap();
            new.permissions = ["memberships:write".to_owned()].into_iter().collect();
        }).await;
        let own = path_of(&acme, &strong);
        let before = database.dump().await;
        let rotated = browser.submit(&own, &own, &[("action", "rotate"), ("overlap", "none")]).await.is(422);
        assert!(rotated.text.contains("href=\"#secret\"") && !rotated.text.contains("client-secret"));
        let more = settings(&[
            ("redirect_uri", ""), ("ip_allow_list", "203.0.113.5"),
            ("permission", "memberships:write"), ("permission", "memberships:delete"),
        ]);
        let refused = browser.submit(&own, &own, &more).await.is(422);
        assert!(refused.text.contains("You cannot give <bdi>memberships:delete</bdi>"), "{}", refused.text);
        assert_eq!(database.dump().await, before);
    }

    async fn ip_immutable_an_edit_keeps_the_grant_type_and_what_others_changed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application_of(&acme, api, |_| {}).await;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let first = browser.get(&own).await.is(200);
        let link = element(&first, "example").replace("&#38;", "&");
        let start = format!("{}/oauth/authorize?response_type=code&client_id=", server.acme.issuer());
        assert!(link.starts_with(&start) && link.contains("&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb%3Ftenant%3D1&"), "{link}");
        assert!(link.ends_with("&scope=invoices%3Aread%20invoices%3Awrite&state=STATE"), "{link}");
        // The link works as it stands.
        let consent = browser.get(link.strip_prefix(&server.acme.issuer()).unwrap()).await;
        assert!(consent.status == 200, "{}", consent.text);
        let change = [
            ("name", "Ledger of Acme"), ("grant_type", "client_credentials"), ("ip_allow_list", "10.0.0.0/8\r\n::1"),
            ("permission", "invoices:read"), ("permission", "invoices:write"), ("ip_allow_list_mode", "observe"),
        ];
        let saved = browser.submit_from(&first, &own, &settings(&change)).await;
        assert_eq!((saved.status, saved.header("location")), (303, format!("{own}?saved").as_str()), "{}", saved.text);
        let page = browser.get(saved.header("location")).await.is(200);
        for part in ["Your changes were saved.", "Ledger of Acme", "10.0.0.0/8\n::1</textarea>", "value=\"observe\" checked", "Authorization code"] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        assert_eq!(database.count("applications WHERE grant_type = 'authorization_code'").await, 1);
        // The page that was open all the time does not overwrite it, however often it is sent.
        let before = database.dump().await;
        let stale = browser.submit_from(&first, &own, &settings(&[("name", "Old")])).await.is(422);
        assert!(stale.text.contains("Somebody changed it meanwhile") && stale.text.contains("value=\"Old\""));
        browser.submit_from(&stale, &own, &settings(&[("name", "Old")])).await.is(422);
        for wrong in [("redirect_uri", "http://app.example"), ("ip_allow_list", "10.0.0.1/8"), ("notification_emails", "x"), ("name", "")] {
            let reply = browser.submit(&own, &own, &settings(&[wrong])).await.is(422);
            assert!(reply.text.contains(&format!("href=\"#{}\"", wrong.0)), "{wrong:?}");
        }
        let added = browser.submit(&own, &own, &settings(&[("action", "add_current_address"), ("ip_allow_list", "::1")])).await;
        assert!(added.is(200).text.contains("::1\n127.0.0.1</textarea>"));
        assert_eq!(database.dump().await, before);
    }

    async fn removing_a_permission_is_confirmed_and_bites_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, eve) = (person(&server.acme, EMAIL).await, person(&server.acme, EVE).await);
        let admin = server.admin(&server.acme).await;
        let (acme, bakery) = (admin.organization("Acme").await, admin.organization("Bakery").await);
        admin.joins(&ada, &acme, ADMIN).await;
        admin.joins(&eve, &bakery, &[]).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application_of(&acme, api, |_| {}).await;
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
        let saved = browser.submit(&own, &own, &more).await;
        assert_eq!(saved.header("location"), format!("{own}?saved-more"), "{}", saved.text);
        assert!(browser.get(saved.header("location")).await.text.contains("the next time they authorize"));
    }

    async fn a_secret_is_rotated_with_an_overlap_and_shown_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application_of(&acme, api, |new| {
            new.grant_type = ApplicationGrant::ClientCredentials;
            new.redirect_uri = None;
            new.service_user = Some(paylent_tests::seed::new_id());
            new.ip_allow_list = "127.0.0.1".parse().unwrap();
        }).await;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let page = browser.get(&own).await.is(200);
        let rotate = [("action", "rotate"), ("overlap", "24h")];
        is_page(&browser.submit_from(&page, &own, &[("action", "rotate"), ("overlap", "1y")]).await, 422);
        let told = browser.submit_from(&page, &own, &rotate).await;
        is_page(&told, 200);
        assert!(told.text.contains("The old secret works until"));
        let (old, new) = (application.credentials.clone(), (application.credentials.0.clone(), element(&told, "client-secret")));
        // The page loaded again rotates nothing more.
        let again = browser.submit_from(&page, &own, &rotate).await.is(422);
        assert!(!again.text.contains("client-secret"));
        assert!(!browser.get(&own).await.is(200).text.contains(&new.1));
        let status = async |credentials: &(String, String)| {
            server.oauth(&server.acme, "/oauth/token", credentials, CLIENT_CREDENTIALS).await.status
        };
        assert_eq!((status(&old).await, status(&new).await), (200, 200));
        server.clock.advance_seconds(86_401);
        assert_eq!((status(&old).await, status(&new).await), (401, 200));
    }

    async fn connections_are_narrowed_and_ended_by_whoever_they_are_for(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, eve) = (person(&server.acme, EMAIL).await, person(&server.acme, EVE).await);
        let admin = server.admin(&server.acme).await;
        let (acme, bakery) = (admin.organization("Acme").await, admin.organization("Bakery").await);
        admin.joins(&ada, &bakery, ADMIN).await;
        admin.joins(&eve, &bakery, &[]).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application_of(&acme, api, |_| {}).await;
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
        hers.submit_from(&shown, &own, &wider).await.is(303);
        assert_eq!(introspected(&hers, &application, &tokens["access_token"]).await["scope"], json!("invoices:read"));
        // The admin ends the member's; the organization's lives on.
        let ended = browser.submit(&own, &own, &[("action", "disconnect")]).await;
        assert_eq!((ended.status, ended.header("location")), (303, format!("{home}?disconnected").as_str()));
        assert_eq!(introspected(&hers, &application, &tokens["access_token"]).await["active"], false);
        assert_eq!(introspected(&browser, &application, &whole["access_token"]).await["active"], true);
        is_page(&hers.get(&own).await, 404);
    }

    async fn an_application_is_deleted_after_the_question(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application_of(&acme, api, |_| {}).await;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let tokens = browser.connect(&application, &acme).await;
        let question = format!("{own}/delete");
        let page = browser.get(&question).await.is(200);
        assert!(page.text.contains("Connections that end: 1"), "{}", page.text);
        // What changed since is looked at first.
        browser.submit(&own, &own, &settings(&[("name", "Other"), ("permission", "invoices:read"), ("confirmed", "yes")])).await.is(303);
        is_page(&browser.submit_from(&page, &question, &[]).await, 409);
        let gone = browser.submit(&question, &question, &[]).await;
        assert_eq!((gone.status, gone.header("location")), (303, format!("/organizations/{acme}/connections?deleted").as_str()));
        is_page(&browser.get(&own).await, 404);
        assert_eq!(database.count("connections").await, 0);
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401);
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
            assert!(!forwarded.text.contains("Your current address") && !forwarded.text.contains("203.0.113.5 "));
        }
    }
}
