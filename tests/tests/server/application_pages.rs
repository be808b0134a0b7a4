//! The pages where an organization makes, changes and deletes its applications.

use std::collections::BTreeSet;

use paylent_domain::{Clock as _, Id};
use paylent_tests::{both, seed};
use serde_json::json;

use crate::support::{
    TestServer, account::at_home, applications::*, browser::*, document, nobody, oauth::CLIENT_CREDENTIALS,
};

/// More than one page of a list shows.
const LONG: usize = 27;

/// Follows the pages of a list: what stands behind `mark`, each once, and all that was shown.
async fn whole(browser: &Browser<'_>, path: &str, list: &str, mark: &str) -> (BTreeSet<String>, String) {
    let (mut next, mut found, mut shown) = (path.to_owned(), BTreeSet::new(), String::new());
    loop {
        let page = browser.get(&next).await.is(200);
        let links = format!("href=\"{path}?{list}=");
        for part in page.text.split(mark).skip(1) {
            let id = part.split('"').next().unwrap().to_owned();
            if id.parse::<Id<()>>().is_ok() {
                assert!(found.insert(id), "twice: {part}");
            }
        }
        shown.push_str(&page.text);
        match page.text.split_once(&links) {
            Some((_, rest)) => next = format!("{path}?{list}={}", rest.split('"').next().unwrap()),
            None => return (found, shown),
        }
    }
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
        let closed = json!({"name": "Closed", "identifier": "https://closed.example", "allow_offline_access": false});
        let closed = admin.post("resource-servers", &document("resource_server", closed, &[])).await.is(201).id();
        let code = settings(&[("resource_server", &closed), ("grant_type", "authorization_code")]);
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
        let file = told.text.split_once("href=\"data:").unwrap().1.split('"').next().unwrap();
        let file = format!("file={}", file.split_once(',').unwrap().1);
        let file = url::form_urlencoded::parse(file.as_bytes()).next().unwrap().1;
        let lines = [("ISSUER", server.acme.issuer()), ("CLIENT_ID", client_id.clone()), ("CLIENT_SECRET", secret.clone())];
        assert_eq!(file, lines.map(|(name, value)| format!("{name}={value}\n")).concat());
        // The form a second time, as when the page is loaded again, makes nothing and tells nothing.
        let again = browser.submit_from(&page, &new, &fields).await;
        assert_eq!((again.status, again.header("location")), (303, format!("{application}?already-made").as_str()));
        let told_so = browser.get(again.header("location")).await.is(200);
        assert!(told_so.text.contains("The application was made already.") && !told_so.text.contains(&secret));
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
        let strong = server.acme.application(&acme, api, |new| {
            for_credentials(new);
            new.ip_allow_list = "203.0.113.5".parse().unwrap();
            new.permissions = ["memberships:write".to_owned()].into_iter().collect();
        }).await.client;
        let own = path_of(&acme, &strong);
        let before = database.dump().await;
        let rotated = browser.submit(&own, &own, &[("action", "rotate"), ("overlap", "none")]).await.is(422);
        assert!(rotated.text.contains("href=\"#secret\"") && !rotated.text.contains("client-secret"));
        let why = "You cannot make a new secret: the application may do <bdi>memberships:write</bdi>";
        assert_eq!(rotated.text.matches(why).count(), 2, "above, and beside its form: {}", rotated.text);
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
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let first = browser.get(&own).await.is(200);
        let link = element(&first, "example").replace("&#38;", "&");
        let start = format!("{}/oauth/authorize?response_type=code&client_id=", server.acme.issuer());
        assert!(link.starts_with(&start) && link.contains("&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb%3Ftenant%3D1&"), "{link}");
        assert!(link.ends_with("&state=STATE") && !link.contains("scope="), "{link}");
        // The link works as it stands, and asks for everything.
        let link = format!("{}&organization={acme}", link.strip_prefix(&server.acme.issuer()).unwrap());
        let consent = browser.get(&link).await.is(200);
        assert!(INVOICES.iter().all(|name| consent.text.contains(name)), "{}", consent.text);
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
        let stale = browser.submit_from(&first, &own, &settings(&[("name", "Old")])).await.is(409);
        assert!(stale.text.contains("Somebody changed it meanwhile") && stale.text.contains("value=\"Old\""));
        browser.submit_from(&stale, &own, &settings(&[("name", "Old")])).await.is(409);
        for wrong in [("redirect_uri", "http://app.example"), ("ip_allow_list", "10.0.0.1/8"), ("notification_emails", "x"), ("name", "")] {
            let reply = browser.submit(&own, &own, &settings(&[wrong])).await.is(422);
            assert!(reply.text.contains(&format!("href=\"#{}\"", wrong.0)), "{wrong:?}");
        }
        let added = browser.submit(&own, &own, &settings(&[("action", "add_current_address"), ("ip_allow_list", "::1")])).await;
        assert!(added.is(200).text.contains("::1\n127.0.0.1</textarea>"));
        assert_eq!(database.dump().await, before);
    }

    /// Every row of a list is on one of its pages, once, with its last use.
    async fn long_lists_are_told_in_pages_and_whole(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let (browser, home) = (at_home(&server, EMAIL).await, format!("/organizations/{acme}/connections"));
        let env = &server.acme.seeded.env;
        for _ in 1..LONG {
            let ledger = seed::application(env).await;
            seed::connection(env, &ledger, ada.parse().unwrap(), acme.parse().unwrap(), true).await;
            server.acme.application(&acme, api, |_| {}).await;
        }
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let tokens = browser.connect(&application, &acme).await;
        let robot = server.acme.application(&acme, api, for_credentials_here).await.client;
        let mut token = String::new();
        for _ in 0..LONG {
            let told = server.oauth(&server.acme, "/oauth/token", &robot.credentials, CLIENT_CREDENTIALS).await.is(200).json();
            token = text(&told, "access_token").to_owned();
        }
        let (connections, _) = whole(&browser, &home, "connections", &format!("href=\"{home}/")).await;
        assert_eq!(connections.len(), LONG);
        let (applications, _) = whole(&browser, &home, "applications", &format!("href=\"/organizations/{acme}/applications/")).await;
        assert_eq!(applications.len(), LONG + 1, "with the machine");
        let own = path_of(&acme, &robot);
        let (ids, shown) = whole(&browser, &own, "tokens", "name=\"token\" value=\"").await;
        assert_eq!(ids.len(), LONG);
        assert_eq!(shown.matches(">never<").count(), LONG, "none was used");
        server.clock.advance_seconds(60);
        for (client, token) in [(&robot, token.as_str()), (&application, text(&tokens, "access_token"))] {
            let used = server.introspect_from(&client.credentials, token, "127.0.0.1").await.is(200).json();
            assert_eq!(used["active"], true);
        }
        assert_eq!(server.db.write_uses().await.unwrap(), 2);
        let time = format!("datetime=\"{}\"", server.clock.now());
        for (path, list, mark, never) in [(&own, "tokens", "name=\"token\" value=\"", LONG - 1), (&home, "connections", "href=\"/", LONG - 1)] {
            let (_, shown) = whole(&browser, path, list, mark).await;
            assert_eq!(shown.matches(">127.0.0.1</code>").count(), 1, "{list}");
            assert_eq!((shown.matches(time.as_str()).count(), shown.matches(">never<").count()), (1, never), "{list}");
        }
    }

    /// What works today loses nothing before that was said.
    async fn removing_a_permission_of_static_tokens_is_confirmed(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, for_credentials_here).await;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application.client));
        let settings = |permissions: &[(&'static str, &'static str)]| {
            settings(&[&[("redirect_uri", ""), ("ip_allow_list", "127.0.0.1")][..], permissions].concat())
        };
        let (read, write) = (("permission", "invoices:read"), ("permission", "invoices:write"));
        browser.submit(&own, &own, &settings(&[read])).await.is(303);
        browser.submit(&own, &own, &settings(&[read, write])).await.is(303);
        let token = server.static_token(&application).await;
        let before = database.dump().await;
        let question = browser.submit(&own, &own, &settings(&[read])).await.is(200);
        assert!(question.text.contains("Static tokens that lose something: 1"), "{}", question.text);
        assert!(!question.text.contains("Connections that lose something") && question.text.contains("invoices:write"));
        assert_eq!(database.dump().await, before);
        browser.submit_from(&question, &own, &settings(&[read, ("confirmed", "yes")])).await.is(303);
        let told = introspected(&browser, &application.client, &json!(token)).await;
        assert_eq!(told["scope"], json!("invoices:read"));
    }

    /// Two APIs may be named alike, and there may be more than a list can show.
    async fn an_api_is_told_by_its_identifier_and_found_behind_the_list(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let browser = at_home(&server, EMAIL).await;
        let new = format!("/organizations/{acme}/applications/new");
        let last = server.acme.add_api("https://z.example", INVOICES).await.to_string();
        let page = browser.get(&new).await.is(200);
        let cut = "Only the first 200 APIs are listed";
        assert!(page.text.contains("(https://z.example)</option>") && !page.text.contains(cut), "{}", page.text);
        for number in 0..200 {
            server.acme.add_api(&format!("https://{number:03}.example"), &["documents:read"]).await;
        }
        let page = browser.get(&new).await.is(200);
        assert!(page.text.contains(cut) && !page.text.contains(&last), "{}", page.text);
        let fields = settings(&[
            ("grant_type", "authorization_code"), ("resource_server", &last), ("permission", "invoices:read"),
        ]);
        let shown = [fields.as_slice(), &[("action", "show_permissions")]].concat();
        let shown = browser.submit_from(&page, &new, &shown).await.is(200);
        assert!(shown.text.contains(&format!("value=\"{last}\" selected")), "{}", shown.text);
        assert!(shown.text.contains("value=\"invoices:write\""), "{}", shown.text);
        is_page(&browser.submit_from(&page, &new, &fields).await, 200);
        assert_eq!(database.count("applications").await, 1);
    }

    async fn an_application_is_deleted_after_the_question(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (ada, admin) = (person(&server.acme, EMAIL).await, server.admin(&server.acme).await);
        let acme = admin.organization("Acme").await;
        admin.joins(&ada, &acme, ADMIN).await;
        let api = server.acme.add_api("https://invoices.example", INVOICES).await;
        let application = server.acme.application(&acme, api, |_| {}).await.client;
        let (browser, own) = (at_home(&server, EMAIL).await, path_of(&acme, &application));
        let tokens = browser.connect(&application, &acme).await;
        let question = format!("{own}/delete");
        let page = browser.get(&question).await.is(200);
        assert!(page.text.contains("Connections that end: 1"), "{}", page.text);
        // What changed since is looked at first.
        browser.submit(&own, &own, &settings(&[("name", "Other"), ("permission", "invoices:read"), ("confirmed", "yes")])).await.is(303);
        let again = browser.submit_from(&page, &question, &[("name", "Other")]).await;
        is_page(&again, 409);
        assert!(again.text.contains("Look at it again, then decide."), "{}", again.text);
        let before = database.dump().await;
        for name in ["", "other", "Others"] {
            let refused = browser.submit(&question, &question, &[("name", name)]).await;
            is_page(&refused, 422);
            assert!(refused.text.contains("href=\"#name\"") && refused.text.contains("aria-invalid"), "{}", refused.text);
        }
        assert_eq!(database.dump().await, before);
        let gone = browser.submit_from(&again, &question, &[("name", " Other ")]).await;
        assert_eq!((gone.status, gone.header("location")), (303, format!("/organizations/{acme}/connections?deleted").as_str()));
        is_page(&browser.get(&own).await, 404);
        assert_eq!(database.count("connections").await, 0);
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401);
    }
}
