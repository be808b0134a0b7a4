//! The forms of the pages: who may post them, and what every answer carries. Catalogue section A11.

use paylent_domain::client::{ClientType, OrganizationUsage};
use paylent_mail::About;
use paylent_storage::NewClient;
use paylent_tests::{TestDatabase, both};
use paylent_web::{FORMS, pages::account::Section};
use reqwest::Method;
use serde_json::json;

use crate::support::{
    PASSWORD, Reply, Setting, TestServer,
    account::{at_home, fill_in},
    applications::{ADMIN, INVOICES},
    browser::*,
    document,
    letters::{letters_to, passcode, reset_link},
    oauth::Registered,
};

/// The page whose form is posted to this route, as Ada sees it, who is signed in, and where it is posted to. A form that is
/// mounted and not known here fails the tests below.
async fn page_of(
    route: &str,
    ada: &Browser<'_>,
    client: &Registered,
    database: &TestDatabase,
    ids: &Ids,
) -> (Reply, String) {
    let page = match route {
        "/login" => ada.authorize(client, &[("prompt", "login")]).await,
        "/consent" => ada.authorize(client, &[("prompt", "consent")]).await,
        "/login/account" => ada.authorize(client, &[("prompt", "select_account")]).await,
        "/organization" => {
            let admin = ada.server.admin(&ada.server.acme).await;
            let id = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
            for name in ["Acme", "Bakery"] {
                admin.member(&id, &admin.organization(name).await).await;
            }
            let asks = |client: &mut NewClient| client.organization_usage = OrganizationUsage::Optional;
            let asking = application_with(&ada.server.acme, ClientType::Confidential, asks).await;
            ada.authorize(&asking, &[]).await
        }
        "/logout" => ada.get("/oauth/logout").await,
        "/register/verify" | "/register/complete" => {
            let email = format!("jane{}@example.com", route.len());
            let sent = fill_in(ada, "/register", &[("email", &email)]).await;
            let page = ada.get(sent.header("location")).await.is(200);
            match route {
                "/register/verify" => page,
                _ => {
                    let (id, csrf) = (hidden(&page, "registration_id"), hidden(&page, "csrf"));
                    let code = passcode(database, &email).await;
                    let form = [("registration_id", &*id), ("passcode", &*code), ("csrf", &*csrf)];
                    ada.post("/register/verify", &form).await
                }
            }
        }
        "/password/reset" => {
            fill_in(ada, "/password/forgot", &[("email", EMAIL)]).await.is(202);
            ada.get(&reset_link(database, ada.tenant).await).await
        }
        "/invitations/{id}/accept" | "/invitations/{id}/decline" => {
            let admin = ada.server.admin(&ada.server.acme).await;
            let to = admin.organization(route).await;
            let invited = document("invitation", json!({"email": EMAIL}), &[("organization", "organization", &to)]);
            let id = admin.post("invitations", &invited).await.is(201).id();
            let page = ada.get(&format!("/invitations/{id}")).await.is(200);
            return (page, route.replace("{id}", &id));
        }
        "/account/email/confirm" => {
            let wish = [("email", "ada@new.example"), ("current_password", PASSWORD)];
            fill_in(ada, "/account/email", &wish).await;
            let letter = letters_to(database, "ada@new.example").await.pop().unwrap();
            let About::EmailChange { link, .. } = letter.about else { panic!("{letter:?}") };
            ada.get(link.strip_prefix(&ada.server.acme.issuer()).unwrap()).await
        }
        own if own.contains('{') => {
            let path = filled(own, ids);
            return (ada.get(&path).await.is(200), path);
        }
        own if ["/account", "/register", "/password"].iter().any(|start| own.starts_with(start)) => ada.get(own).await,
        _ => panic!("whose form is posted to {route}?"),
    };
    (page.is(200), route.to_owned())
}

/// What stands in the places of paths.
type Ids = [(&'static str, String); 4];
/// The form about what somebody connected for themself alone.
const OWN: &str = "/account/applications/{connection}";

/// Ada as a company-wide admin, with an application that her organization connected, and she for herself alone: what stands
/// in the paths of forms.
async fn company(browser: &Browser<'_>) -> Ids {
    let (server, tenant) = (browser.server, browser.tenant);
    let admin = server.admin(tenant).await;
    let (organization, ada) =
        (admin.organization("Acme").await, admin.get(&format!("users?filter[email][eq]={EMAIL}")).await);
    let api = tenant.add_api("https://invoices.example", INVOICES).await;
    let application = tenant.application(&organization, api, |_| {}).await.client;
    // While she belongs nowhere, it is for herself.
    browser.code_for(&application, &[("scope", "")]).await;
    let list = browser.get("/account/applications").await.is(200);
    let own = list.text.split_once("\"/account/applications/").unwrap().1.split('"').next().unwrap().to_owned();
    admin.joins(&ada.ids().remove(0), &organization, ADMIN).await;
    browser.connect(&application, &organization).await;
    let list = browser.get(&format!("/organizations/{organization}/connections")).await.is(200);
    let connection = list.text.split_once("/connections/").unwrap().1.split('"').next().unwrap().to_owned();
    let application = application.id.to_string();
    [
        (OWN, format!("/account/applications/{own}")),
        ("{id}", organization),
        ("{application}", application),
        ("{connection}", connection),
    ]
}

/// The path of a form with the ids in it.
fn filled(path: &str, ids: &Ids) -> String {
    ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
}

/// Asserts where the forms of a page may lead: nowhere when there are none, nowhere else from the pages of accounts and
/// organizations, and anywhere from those that may end in a redirect to a client.
#[track_caller]
fn leads_where_it_may(what: &str, page: &Reply) {
    if !page.header("content-type").starts_with("text/html") {
        return;
    }
    let policy = page.header("content-security-policy");
    let form_action = policy.split("; ").find(|part| part.starts_with("form-action"));
    let stays = ["/account", "/organizations/"].iter().any(|start| what.starts_with(start));
    let expected = match page.text.contains("<form") {
        false => Some("form-action 'none'"),
        true if stays => Some("form-action 'self'"),
        true => None,
    };
    assert_eq!(form_action, expected, "{what}: {policy}");
}

/// The value of a hidden field, if there is one.
fn hidden_if_any(page: &Reply, name: &str) -> String {
    if page.text.contains(&format!("name=\"{name}\"")) { hidden(page, name) } else { String::new() }
}

both! {
    /// A form counts when it comes from our own page, in the browser and the session that the page was shown in.
    async fn se_csrf_and_se_override_no_form_is_taken_from_elsewhere(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let (browser, stranger) = (Browser::new(&server), Browser::new(&server));
        browser.code(&client).await;
        let ids = company(&browser).await;
        server.clock.advance_seconds(1);
        let foreign = stranger.authorize(&client, &[]).await.is(200);
        for route in FORMS {
            let (page, path) = page_of(route.path, &browser, &client, &database, &ids).await;
            let path = path.as_str();
            let (handle, csrf) = (hidden_if_any(&page, "handle"), hidden(&page, "csrf"));
            let passed_on = ["token", "registration_id", "registration_token"].map(|name| (name, hidden_if_any(&page, name)));
            let decision = if path == "/logout" { "sign_out" } else { "allow" };
            let fields = |csrf: &str| {
                let fields = [
                    ("email", EMAIL),
                    ("password", PASSWORD),
                    ("current_password", PASSWORD),
                    ("password_confirmation", PASSWORD),
                    ("first_name", "Ada"),
                    ("last_name", "Lovelace"),
                    ("session", "all"),
                    ("organization", ""),
                    ("client_id", client.credentials.0.as_str()),
                    ("decision", decision),
                    ("handle", &*handle),
                    ("csrf", csrf),
                ];
                let passed_on = passed_on.iter().map(|(name, value)| (*name, value.as_str()));
                fields.into_iter().chain(passed_on).map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
            };
            let before = database.dump().await;
            let cookies = browser.cookies.borrow().clone();
            for token in ["", "x", &hidden(&foreign, "csrf"), &csrf.to_uppercase()] {
                is_page(&browser.send(browser.request(Method::POST, path).form(&fields(token))).await, 403);
            }
            for (name, value) in [
                ("origin", "https://evil.test"),
                ("origin", "https://acme-test.paylent.test"),
                ("origin", "http://beta-test.paylent.test"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
            ] {
                let post = browser.request(Method::POST, path).header(name, value).form(&fields(&csrf));
                is_page(&browser.send(post).await, 403);
            }
            // Another browser, and this one without its cookies.
            assert!([400, 403, 404].contains(&stranger.post(path, &[("csrf", &csrf), ("handle", &handle)]).await.status));
            let bare = server.request(&server.acme, Method::POST, path).form(&fields(&csrf));
            let refused = Reply::of(bare).await;
            // Without any cookie nobody is invited.
            is_page(&refused, if path.starts_with("/invitations/") { 404 } else { 403 });
            assert!(refused.headers.get("set-cookie").is_none(), "{path}");
            for media_type in ["text/plain", "application/json", "multipart/form-data; boundary=x"] {
                let body = browser.request(Method::POST, path).header("content-type", media_type).body(format!("csrf={csrf}"));
                let refused = browser.send(body).await;
                match route.speaks_json && media_type == "application/json" {
                    true => assert!([400, 422].contains(&refused.status), "{path}: {}", refused.text),
                    false => is_page(&refused, 400),
                }
            }
            for (name, value) in [("x-http-method-override", "POST"), ("x-method-override", "POST")] {
                let get = browser.request(Method::GET, &format!("{path}?_method=POST&csrf={csrf}&handle={handle}"));
                let reply = browser.send(get.header(name, value)).await;
                assert!([200, 400, 405, 410].contains(&reply.status), "{path}: {}", reply.status);
            }
            assert_eq!(database.dump().await, before, "{path}");
            assert_eq!(*browser.cookies.borrow(), cookies, "{path}");
        }
        assert!(browser.is_signed_in(&client).await);
    }

    /// Nobody is signed in as somebody else by a form of another site.
    async fn se_login_csrf_a_victim_is_not_signed_in_as_the_attacker(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        person(&server.acme, "eve@example.com").await;
        let (eve, ada) = (Browser::new(&server), Browser::new(&server));
        let hers = eve.authorize(&client, &[]).await.is(200);
        let own = ada.authorize(&client, &[]).await.is(200);
        let (handle, csrf) = (hidden(&hers, "handle"), hidden(&hers, "csrf"));
        let form = [("email", "eve@example.com"), ("password", PASSWORD), ("handle", &handle), ("csrf", &csrf)];
        let before = database.dump().await;
        let posts = [
            // Cross-site: the browser sends no cookies.
            server.request(&server.acme, Method::POST, "/login").header("origin", "https://evil.test").form(&form),
            // As if it sent them.
            ada.request(Method::POST, "/login").form(&form),
            ada.request(Method::POST, "/login").header("sec-fetch-site", "cross-site").form(&form),
        ];
        for post in posts {
            let reply = Reply::of(post).await;
            is_page(&reply, 403);
            assert!(reply.headers.get("set-cookie").is_none());
        }
        let form = form.map(|(name, value)| (name, if name == "handle" { hidden(&own, "handle") } else { value.to_owned() }));
        assert_eq!(ada.send(ada.request(Method::POST, "/login").form(&form)).await.status, 403);
        assert!(ada.cookie(SESSION).is_none());
        assert_eq!(database.dump().await, before);
        let consent = ada.sign_in(&own, EMAIL, PASSWORD).await.is(200);
        assert!(consent.text.contains(EMAIL));
    }

    /// Every route that shows something, with every kind of error: no frame, no sniffing, no cache, no foreign code.
    async fn se_frame_se_csp_and_se_headers_are_on_every_answer_to_a_person(database: TestDatabase) {
        let server = TestServer::start_with(&database, Setting { limited: true, ..Setting::default() }).await;
        let client = scene(&server.acme).await;
        let browser = Browser::new(&server);
        let mut seen = std::collections::BTreeSet::new();
        let mut check = |what: &str, reply: &Reply| {
            assert!(reply.status == 303 || reply.header("content-type").starts_with("text/html"), "{what}: {}", reply.status);
            is_protected(reply);
            leads_where_it_may(what, reply);
            assert_eq!(reply.header("cache-control"), "no-store", "{what}");
            assert!(!reply.header("x-request-id").is_empty());
            if matches!(reply.status, 429 | 503) {
                assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0, "{what}");
            }
            seen.insert(reply.status);
        };
        let page = browser.authorize(&client, &[]).await;
        check("sign-in", &page);
        check("mismatch", &browser.sign_in(&page, EMAIL, "wrong").await);
        check("missing", &browser.sign_in(&page, "", "").await);
        check("too long", &browser.sign_in(&page, EMAIL, &"x".repeat(129)).await);
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await;
        check("consent", &consent);
        check("code", &browser.decide(&consent, "allow").await);
        check("answered", &browser.decide(&consent, "allow").await);
        server.clock.advance_seconds(1);
        check("form_post", &browser.authorize(&client, &[("response_mode", "form_post")]).await);
        check("account", &browser.authorize(&client, &[("prompt", "select_account")]).await);
        check("error", &browser.authorize(&client, &[("scope", "x")]).await);
        check("unknown", &browser.authorize(&client, &[("client_id", "x")]).await);
        check("logout", &browser.get("/oauth/logout").await);
        for section in Section::ALL {
            check(section.path(), &browser.get(section.path()).await);
        }
        let ids = company(&browser).await;
        let asks = |client: &mut NewClient| client.organization_usage = OrganizationUsage::Optional;
        let asking = application_with(&server.acme, ClientType::Confidential, asks).await;
        check("organization", &browser.authorize(&asking, &[]).await.is(200));
        for route in FORMS {
            let path = &*filled(route.path, &ids);
            if route.path.contains('{') && !path.starts_with("/invitations/") {
                check(path, &browser.get(path).await.is(200));
            }
            check(path, &browser.post(path, &[("csrf", "x")]).await);
            check(path, &browser.send(browser.request(Method::POST, path).body("x")).await);
        }
        check("gone", &browser.get("/account/email/confirm?token=x").await.is(410));
        for path in ["/register", "/register/verify?registration_id=x", "/password/forgot", "/password/reset?token=x", "/invitations/x"] {
            check(path, &browser.get(path).await);
        }
        let forgot = browser.get("/password/forgot").await;
        let form = [("email", EMAIL), ("csrf", &*hidden(&forgot, "csrf"))];
        check("asked", &browser.post("/password/forgot", &form).await);
        let stranger = server.request(&server.acme, Method::POST, "/oauth/authorize").form(&[("x", "y")]);
        check("again", &Reply::of(stranger).await);
        let html = |path: &str| browser.request(Method::GET, path).header("accept", "text/html,*/*;q=0.8");
        check("not found", &browser.send(html("/nothing")).await);
        for _ in 0..12 {
            browser.post("/login", &[]).await;
        }
        let refused = browser.send(browser.form("/login", &[]).header("accept-language", "nl")).await;
        check("429", &refused);
        assert_eq!((refused.status, refused.header("content-language")), (429, "nl"));
        // The page itself guesses at nothing.
        assert_eq!(browser.get("/login?handle=x").await.status, 400);
        assert_eq!(browser.get("/login").await.status, 303);
        database.execute("ALTER TABLE sessions RENAME TO away").await;
        check("outage", &browser.get("/oauth/logout").await);
        check("outage", &browser.authorize(&client, &[]).await);
        check("outage", &browser.post("/consent", &[]).await);
        database.execute("ALTER TABLE away RENAME TO sessions").await;
        server.clock.advance_seconds(6);
        database.execute("ALTER TABLE environments RENAME TO away").await;
        check("no environment", &browser.get("/login").await);
        check("no environment", &browser.send(html("/")).await);
        database.execute("ALTER TABLE away RENAME TO environments").await;
        let all = [200, 303, 400, 401, 403, 404, 409, 410, 422, 429, 503];
        assert!(all.iter().all(|status| seen.contains(status)), "{seen:?}");
    }

    /// Whatever somebody calls themselves is text.
    async fn se_xss_names_are_shown_as_text(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let name = "<img src=x onerror=alert(1)></script><script>alert(1)</script>\"'";
        let client = application_with(&server.acme, ClientType::Confidential, |client| client.name = name.to_owned()).await;
        let admin = server.admin(&server.acme).await;
        database.execute(&format!("UPDATE users SET first_name = '{}'", name.replace('\'', "''"))).await;
        let browser = Browser::new(&server);
        let markup = "\"><svg onload=alert(1)>@example.com";
        let page = browser.authorize(&client, &[("login_hint", markup), ("ui_locales", "\"><b>")]).await;
        let again = browser.sign_in(&page, markup, "x").await;
        let consent = browser.sign_in(&page, EMAIL, PASSWORD).await;
        let logout = browser.get(&format!("/oauth/logout?client_id={}", client.credentials.0)).await;
        let posted = browser.authorize(&client, &[("state", markup), ("response_mode", "form_post"), ("prompt", "none")]).await;
        let ada = at_home(&server, EMAIL).await;
        let organization = admin.create("organizations", "organization", json!({"name": name}), &[]).await;
        let id = admin.get(&format!("users?filter[email][eq]={EMAIL}")).await.ids().remove(0);
        let of = [("user", "user", id.as_str()), ("organization", "organization", organization.as_str())];
        let membership = admin.create("memberships", "membership", json!({}), &of).await;
        let role = server.acme.role("lead", &[]).await;
        admin.give_there(&membership, &role).await;
        let quoted = name.replace('\'', "''");
        database.execute(&format!("UPDATE roles SET name = 'lead {quoted}' WHERE name = 'lead'")).await;
        database.execute(&format!("UPDATE environments SET name = 'home {quoted}'")).await;
        // Pages call an environment by its host; its name is known for five seconds.
        server.clock.advance_seconds(6);
        fill_in(&ada, "/account", &[("first_name", name), ("last_name", markup), ("language", "")]).await;
        fill_in(&ada, "/account/email", &[("email", markup), ("current_password", name)]).await;
        browser.decide(&consent, "allow").await;
        let mut pages = vec![page, again, consent.clone(), logout, posted.clone()];
        for section in Section::ALL {
            pages.push(ada.get(section.path()).await.is(200));
        }
        pages.push(fill_in(&ada, "/account", &[("first_name", "\u{202e}<b>"), ("last_name", markup), ("language", "<b>")]).await);
        pages.push(fill_in(&ada, "/account/delete", &[("email", markup), ("current_password", name)]).await);
        for page in &pages {
            let text = page.text.to_ascii_lowercase();
            assert!(["<img", "<svg onload", "<b>", "onerror=alert(1)>", "javascript:"].iter().all(|bad| !text.contains(bad)), "{text}");
            assert_eq!(text.matches("<script").count(), 1, "{text}");
        }
        assert!(consent.text.contains("&#60;img src=x"), "{}", consent.text);
        assert!(pages.iter().any(|page| page.text.contains("lead &#60;img src=x")), "a role is named");
        assert_eq!(hidden(&posted, "state"), "&#34;&#62;&#60;svg onload=alert(1)&#62;@example.com");
    }
}
