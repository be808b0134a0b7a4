//! `/api/application-connections`: who sees, narrows and withdraws what was connected on the real pages, and what becomes of
//! the tokens (decision 24).

use paylent_tests::{both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{account::*, browser::*, oauth::Registered, *};

const ALL: [&str; 3] =
    ["application-connections:read", "application-connections:update", "application-connections:delete"];

/// An application of a bakery, and the works whose people connect it.
struct Scene<'a> {
    server: &'a TestServer,
    admin: Caller<'a>,
    client: Registered,
    owner: String,
    works: String,
}

/// Somebody at the works: at a browser, and at the Management API.
struct Person<'a> {
    browser: Browser<'a>,
    email: String,
    caller: Caller<'a>,
    membership: String,
}

impl<'a> Scene<'a> {
    async fn set(server: &'a TestServer) -> Self {
        let admin = server.admin(&server.acme).await;
        let (owner, works) = (admin.organization("Bakery").await, admin.organization("Works").await);
        let scopes = ["invoices:pay", "invoices:read", "invoices:write"];
        let api = server.acme.add_api("https://invoices.example", &scopes).await.to_string();
        let attributes = json!({"name": "Ledger", "grant_type": "authorization_code", "redirect_uri": CALLBACK,
            "permissions": ["invoices:read", "invoices:write"]});
        let ends =
            [("organization", "organization", owner.as_str()), ("resource_server", "resource_server", api.as_str())];
        let document = document("application", attributes, &ends);
        let made = admin.post("applications", &document).await.is(201);
        let secret = made.json()["meta"]["client_secret"].as_str().unwrap().to_owned();
        let credentials = (made.attribute("client_id").as_str().unwrap().to_owned(), secret);
        let client = Registered { id: made.id().parse().unwrap(), user: seed::new_id(), credentials };
        Self { server, admin, client, owner, works }
    }

    /// A member of the works who may do this there.
    async fn member(&self, name: &str, permissions: &[&str]) -> Person<'a> {
        let email = format!("{name}@example.com");
        let (server, tenant) = (self.server, &self.server.acme);
        let user = person(tenant, &email).await;
        let membership = self.admin.member(&user, &self.works).await;
        let role = tenant.role(&format!("role of {name}"), permissions).await;
        self.admin.give_there(&membership, &role).await;
        let machine = self.admin.machine(Some(&user)).await;
        let token = server.token(tenant, &machine.credentials, &[]).await;
        Person { browser: Browser::new(server), email, caller: server.bearer(tenant, &token), membership }
    }

    /// A company-wide admin of the works.
    async fn boss(&self) -> Person<'a> {
        self.member("boss", &[&ALL[..], &["applications:update"]].concat()).await
    }

    /// What the browser gets for an authorization request without a scope, once somebody is signed in.
    async fn ask(&self, person: &Person<'_>) -> Reply {
        let reply = person.browser.authorize(&self.client, &[("scope", ""), ("organization", &self.works)]).await;
        match reply.text.contains("name=\"password\"") {
            true => person.browser.sign_in(&reply, &person.email, PASSWORD).await,
            false => reply,
        }
    }

    /// The tokens that the application gets, and whether the person was asked.
    async fn connect(&self, person: &Person<'_>) -> (Value, bool) {
        let was_asked = self.ask(person).await.status == 200;
        (person.browser.connect(&self.client, &self.works).await, was_asked)
    }

    /// What the tokens may be used for at this moment, as their API hears it; nothing once they are dead.
    async fn worth(&self, person: &Person<'_>, tokens: &Value) -> Option<String> {
        let form = [("token", text(tokens, "access_token"))];
        let told = Reply::of(person.browser.ask(&self.client, "/oauth/introspect", &form)).await.is(200).json();
        told["active"].as_bool().unwrap().then(|| text(&told, "scope").to_owned())
    }

    /// Asserts that tokens live, or are dead in every way.
    async fn lives(&self, person: &Person<'_>, tokens: &Value, lives: bool) {
        assert_eq!(self.worth(person, tokens).await.is_some(), lives);
        if !lives {
            let refreshed = person.browser.refresh(&self.client, text(tokens, "refresh_token")).await;
            refreshed.is_oauth_error(400, "invalid_grant");
        }
    }

    async fn listed(&self, caller: &Caller<'_>) -> Vec<String> {
        caller.get("application-connections").await.is(200).ids()
    }
}

both! {
    /// Users and company admins may change or withdraw a connection at any time; its tokens die with it.
    async fn or_connection_withdraw_people_and_admins_withdraw_what_dies_with_its_tokens(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let scene = Scene::set(&server).await;
        let (boss, jane, joe) = (scene.boss().await, scene.member("jane", &[]).await, scene.member("joe", &[]).await);
        let (for_all, asked) = scene.connect(&boss).await;
        let (janes, asked_too) = scene.connect(&jane).await;
        assert_eq!((asked, asked_too), (true, false), "the company agreed for its members");
        let made = scene.listed(&boss.caller).await;
        let shown = boss.caller.get(&format!("application-connections/{}", made[0])).await.is(200);
        assert_eq!((made.len(), shown.attribute("for_organization")), (1, json!(true)));
        assert_eq!(shown.attribute("permissions"), json!(["invoices:read", "invoices:write"]));
        let linked = |name: &str| shown.json()["data"]["relationships"][name]["data"]["id"].clone();
        assert_eq!((linked("organization"), linked("user")), (json!(scene.works), Value::Null));
        assert_eq!(linked("application"), json!(scene.client.id.to_string()));
        for (person, tokens) in [(&boss, &for_all), (&jane, &janes)] {
            scene.lives(person, tokens, true).await;
        }
        boss.caller.delete(&format!("application-connections/{}", made[0])).await.is(200);
        for (person, tokens) in [(&boss, &for_all), (&jane, &janes)] {
            scene.lives(person, tokens, false).await;
        }
        boss.caller.delete(&format!("application-connections/{}", made[0])).await.is_error(404, "");

        let ((janes, asked), (joes, asked_too)) = (scene.connect(&jane).await, scene.connect(&joe).await);
        assert_eq!((asked, asked_too), (true, true), "as if for the first time");
        assert_eq!(scene.listed(&boss.caller).await.len(), 2);
        assert!(jane.browser.get("/account/applications").await.is(200).text.contains("Ledger"));
        let remove = [("client_id", scene.client.credentials.0.as_str())];
        let done = fill_in(&jane.browser, "/account/applications", &remove).await;
        assert!(!is_done(&jane.browser, &done, "/account/applications").await.text.contains("Ledger"));
        scene.lives(&jane, &janes, false).await;
        scene.lives(&joe, &joes, true).await;
        let left = scene.listed(&boss.caller).await;
        assert_eq!(left.len(), 1);
        boss.caller.delete(&format!("application-connections/{}", left[0])).await.is(200);
        scene.lives(&joe, &joes, false).await;
        for (action, count) in [("application_connection.created", 3), ("application_connection.deleted", 3), ("consent.withdrawn", 1)] {
            assert_eq!(database.count(&format!("audit_events WHERE action = '{action}'")).await, count, "{action}");
        }
    }

    async fn or_connection_narrow_what_is_taken_bites_at_once(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let scene = Scene::set(&server).await;
        let (boss, jane) = (scene.boss().await, scene.member("jane", &[]).await);
        let (tokens, _) = scene.connect(&jane).await;
        assert_eq!(scene.worth(&jane, &tokens).await.as_deref(), Some("invoices:read invoices:write"));
        let id = scene.listed(&boss.caller).await.remove(0);
        let path = format!("application-connections/{id}");
        let set = |permissions: Value| change("application_connection", &id, json!({"permissions": permissions}));
        let before = database.dump().await;
        let list = "/data/attributes/permissions";
        boss.caller.patch(&path, &set(json!(["invoices:read", "invoices:pay"]))).await.is_error(422, &format!("{list}/1"));
        boss.caller.patch(&path, &set(json!(["invoices:read", "invoices:read"]))).await.is_error(422, &format!("{list}/1"));
        boss.caller.patch(&path, &set(json!("invoices:read"))).await.is_error(422, list);
        boss.caller.patch(&path, &set(json!([]))).await.is_error(422, list);
        jane.caller.patch(&path, &set(json!(["invoices:read"]))).await.is_error(403, "");
        let unmatched = boss.caller.request(Method::DELETE, &path).header("if-match", "\"1\"");
        Reply::of(unmatched).await.is_error(412, "");
        assert_eq!(database.dump().await, before);
        server.clock.advance_seconds(1);
        let narrowed = boss.caller.patch(&path, &set(json!(["invoices:read"]))).await.is(200);
        assert_eq!(narrowed.attribute("permissions"), json!(["invoices:read"]));
        assert_eq!(scene.worth(&jane, &tokens).await.as_deref(), Some("invoices:read"));
        let tokens = jane.browser.refresh(&scene.client, text(&tokens, "refresh_token")).await.is(200).json();
        assert_eq!(tokens["scope"], json!("invoices:read"));
        boss.caller.patch(&path, &set(json!(["invoices:write"]))).await.is_error(422, &format!("{list}/0"));
        let page = scene.ask(&jane).await;
        is_page(&page, 200);
        assert!(page.text.contains("value=\"invoices:write\""), "what was taken is asked anew: {}", page.text);
    }

    /// Decision 24: what an application loses is lost at once, what it gets has to be agreed to.
    async fn or_permission_change_removing_bites_at_once_and_adding_is_asked(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let scene = Scene::set(&server).await;
        let jane = scene.member("jane", &[]).await;
        let (tokens, _) = scene.connect(&jane).await;
        let path = format!("applications/{}", scene.client.id);
        let permit = async |permissions: Value| {
            let id = scene.client.id.to_string();
            scene.admin.patch(&path, &change("application", &id, json!({"permissions": permissions}))).await.is(200);
        };
        permit(json!(["invoices:pay", "invoices:read"])).await;
        assert_eq!(scene.worth(&jane, &tokens).await.as_deref(), Some("invoices:read"), "no more, and less at once");
        let tokens = jane.browser.refresh(&scene.client, text(&tokens, "refresh_token")).await.is(200).json();
        assert_eq!(tokens["scope"], json!("invoices:read"));
        let page = scene.ask(&jane).await;
        is_page(&page, 200);
        let scopes = |part: &str| part.matches("name=\"scope\"").count();
        let (asked, before) = page.text.split_once("<details").expect("what was allowed before is apart");
        assert!(asked.contains("value=\"invoices:pay\"") && before.contains("value=\"invoices:read\""));
        assert_eq!((scopes(asked), scopes(before)), (1, 1), "{}", page.text);
        let (more, _) = scene.connect(&jane).await;
        assert_eq!(scene.worth(&jane, &more).await.as_deref(), Some("invoices:pay invoices:read"));
    }

    async fn or_member_remove_a_persons_connections_end_with_the_membership_and_the_companys_stay(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let scene = Scene::set(&server).await;
        let (boss, jane, joe) = (scene.boss().await, scene.member("jane", &[]).await, scene.member("joe", &[]).await);
        let (own, _) = scene.connect(&jane).await;
        let (for_all, _) = scene.connect(&boss).await;
        let (joes, asked) = scene.connect(&joe).await;
        assert!(!asked);
        for member in [&boss, &jane] {
            scene.admin.delete(&format!("memberships/{}", member.membership)).await.is(200);
        }
        scene.lives(&boss, &for_all, false).await;
        scene.lives(&jane, &own, false).await;
        scene.lives(&joe, &joes, true).await;
        let left = scene.admin.get("application-connections").await.is(200);
        assert_eq!((left.ids().len(), &left.json()["data"][0]["attributes"]["for_organization"]), (1, &json!(true)));
        // The end of a session is no end of a connection.
        let page = joe.browser.get("/oauth/logout").await.is(200);
        let (handle, csrf) = (hidden(&page, "handle"), hidden(&page, "csrf"));
        joe.browser.post("/logout", &[("decision", "sign_out"), ("handle", &handle), ("csrf", &csrf)]).await;
        assert!(!joe.browser.is_signed_in(&scene.client).await);
        scene.lives(&joe, &joes, true).await;
        database.execute(&format!("UPDATE users SET generation = generation + 1 WHERE email = '{}'", joe.email)).await;
        scene.lives(&joe, &joes, false).await;
    }

    /// The organization that connected sees and changes a connection, not the one that owns the application.
    async fn rb_xorg_a_connection_is_the_organizations_that_connected(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let scene = Scene::set(&server).await;
        let (boss, jane) = (scene.boss().await, scene.member("jane", &[]).await);
        scene.connect(&jane).await;
        // Ids of one moment are in no order.
        server.clock.advance_seconds(1);
        scene.connect(&boss).await;
        let owner = server.member_with(&scene.admin, &scene.owner, &ALL).await.caller;
        let beta = server.admin(&server.beta).await;
        let ids = scene.listed(&boss.caller).await;
        assert_eq!((ids.len(), scene.listed(&scene.admin).await), (2, ids.clone()));
        jane.caller.get("application-connections").await.is_error(403, "");
        let before = database.dump().await;
        for stranger in [&owner, &beta] {
            assert_eq!(scene.listed(stranger).await, [""; 0]);
            let path = format!("application-connections/{}", ids[0]);
            stranger.get(&path).await.is_error(404, "");
            let set = change("application_connection", &ids[0], json!({"permissions": ["invoices:read"]}));
            stranger.patch(&path, &set).await.is_error(404, "");
            stranger.delete(&path).await.is_error(404, "");
        }
        assert_eq!(database.dump().await, before);
        let user = scene.admin.only("users?filter[email]=jane@example.com").await;
        let all = "include=application,organization,user,connected_by";
        for (filter, expected) in [
            (format!("filter[application]={}", scene.client.id), &ids[..]),
            (format!("filter[organization]={}", scene.works), &ids[..]),
            (format!("filter[organization]={}", scene.owner), &ids[..0]),
            (format!("filter[user]={user}"), &ids[..1]),
        ] {
            let reply = scene.admin.get(&format!("application-connections?{filter}&{all}")).await.is(200);
            assert_eq!(reply.ids(), expected, "{filter}");
        }
        let path = format!("application-connections/{}", ids[0]);
        let included = scene.admin.get(&format!("{path}?{all}")).await.is(200).json();
        let mut kinds: Vec<&str> = included["included"].as_array().unwrap().iter().map(|one| text(one, "type")).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["application", "organization", "user"], "the person and who connected are one");
        for (name, id) in [("application", scene.client.id.to_string()), ("user", user.clone()), ("connected_by", user)] {
            assert_eq!(scene.admin.get(&format!("{path}/{name}")).await.is(200).id(), id);
            let link = scene.admin.get(&format!("{path}/relationships/{name}")).await.is(200).json();
            assert_eq!(link["data"]["id"], json!(id));
        }
        let company = scene.admin.get(&format!("application-connections/{}/user", ids[1])).await.is(200).json();
        assert_eq!(company["data"], Value::Null);
    }
}
