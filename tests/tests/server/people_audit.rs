//! What people do is told in the trail: who did what to whom, and from where. Catalogue: lg.audit.

use paylent_domain::{Clock as _, client::ClientType};
use paylent_mail::About;
use paylent_tests::{TestDatabase, both, seed};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Caller, PASSWORD, Reply, TestServer,
    account::*,
    browser::*,
    document,
    letters::{invitation_token, letters_to, passcode, reset_link},
    registering::{JANE, PERSON, about, fill, start, to_code},
};

const FROM: (&str, &str) = ("203.0.113.9", "audit/1");
const JOE: &str = "joe@example.com";
const GRACE: &str = "grace@example.com";
const MOVED: &str = "jane@new.example";
const NEW: &str = "another battery staple";

/// A server, and the trail that is read after every step.
struct Walk<'a> {
    database: &'a TestDatabase,
    server: TestServer,
}

impl Walk<'_> {
    /// Asserts that the step that is over left exactly these rows: action, actor, the types of the targets, changes.
    #[track_caller]
    fn leaves<'a>(&'a self, expected: &'a [&'a str]) -> impl Future<Output = ()> + 'a {
        let here = std::panic::Location::caller();
        async move {
            let now = self.server.clock.now();
            let columns = ["action", "actor_type", "actor_name", "targets", "changes", "ip", "user_agent"];
            let row = columns.map(|column| format!("COALESCE({column}, '')")).join(" || '|' || ");
            let query = format!("SELECT {row} FROM audit_events WHERE occurred_at >= {} ORDER BY 1", now.micros());
            let rows = self.database.values(&query).await;
            let told: Vec<String> = rows.iter().map(|row| told(row, &now.to_string())).collect();
            assert_eq!(told, expected, "{here}");
            self.next();
        }
    }

    /// What happens from now on is told apart from what happened before.
    fn next(&self) {
        self.server.clock.advance_seconds(1);
    }

    /// Sends JSON, as a front end does.
    async fn tell(&self, path: &str, body: &Value) -> Reply {
        Reply::of(self.server.ask_as_front_end(&self.server.acme, path, body)).await
    }

    /// Invites somebody into a new organization: the path of the invitation, and the token.
    async fn invite(&self, admin: &Caller<'_>, name: &str, email: &str) -> (String, String) {
        let organization = admin.organization(name).await;
        let there = [("organization", "organization", organization.as_str())];
        let id = admin.post("invitations", &document("invitation", json!({"email": email}), &there)).await.is(201).id();
        self.next();
        (format!("/invitations/{id}"), invitation_token(self.database, email).await)
    }
}

/// A row of the trail in short, which has to come from where the person is.
fn told(row: &str, now: &str) -> String {
    let columns: Vec<&str> = row.split('|').collect();
    let [action, kind, actor, targets, changes, ip, agent] = columns[..] else { panic!("{row}") };
    assert_eq!((ip, agent), FROM, "{row}");
    let targets: Vec<Value> = serde_json::from_str(targets).unwrap();
    let targets: Vec<&str> = targets.iter().map(|target| target["type"].as_str().unwrap()).collect();
    let changes: serde_json::Map<String, Value> = serde_json::from_str(changes).unwrap();
    let end = |value: &Value| value.as_str().unwrap_or("-").replace(now, "now");
    let changes =
        changes.iter().map(|(name, change)| format!(" {name}:{}>{}", end(&change["from"]), end(&change["to"])));
    format!("{action} {kind} {actor} {}{}", targets.join("+"), changes.collect::<String>())
}

async fn walk_in(walk: &Walk<'_>) {
    let (server, database) = (&walk.server, walk.database);
    let begun = walk.tell("/register", &json!({"email": JANE})).await.is(202).json();
    let code = json!({"registration_id": begun["registration_id"], "passcode": passcode(database, JANE).await});
    let proved = walk.tell("/register/verify", &code).await.is(200).json();
    walk.leaves(&[]).await;
    walk.tell("/register/complete", &about(text(&proved, "registration_token"))).await.is(201);
    walk.leaves(&["user.registered user jane@example.com user"]).await;

    let browser = Browser::new(server);
    let page = to_code(&browser, &browser.get("/register").await.is(200), JOE).await;
    let typed = [("passcode", passcode(database, JOE).await)];
    let typed = typed.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = fill(&browser, "/register/verify", &page, &typed).await.is(200);
    fill(&browser, "/register/complete", &page, &PERSON).await.is(200);
    walk.leaves(&["session.created user joe@example.com session+user", "user.registered user joe@example.com user"])
        .await;

    let out = browser.get("/oauth/logout").await.is(200);
    let form =
        [("handle", hidden(&out, "handle")), ("csrf", hidden(&out, "csrf")), ("decision", "sign_out".to_owned())];
    browser.post("/logout", &form.each_ref().map(|(name, value)| (*name, value.as_str()))).await.is(200);
    walk.leaves(&["session.revoked user joe@example.com session+user revoked_at:->now"]).await;
    let (jane, other) = (at_home(server, JANE).await, Browser::new(server));
    walk.leaves(&["session.created user jane@example.com session+user"]).await;
    sign_in_here(&other, "/login", JANE, PASSWORD).await.is(303);
    walk.next();
    for which in ["others", "all"] {
        fill_in(&jane, "/account/sessions", &[("session", which)]).await;
        walk.leaves(&["session.revoked user jane@example.com session+user revoked_at:->now"]).await;
    }
    // In a browser where she was before, failures are her own.
    let stranger = Browser::new(server);
    for _ in 0..5 {
        sign_in_here(&stranger, "/login", JANE, "wrong password").await.is(401);
    }
    walk.leaves(&[]).await;
    sign_in_here(&stranger, "/login", JANE, PASSWORD).await.is(303);
    let expected = [
        "session.created user jane@example.com session+user",
        "user.signed_in_after_failures user jane@example.com user failures:->5",
    ];
    walk.leaves(&expected).await;
}

async fn walk_about<'a>(walk: &'a Walk<'_>) -> Browser<'a> {
    let (server, database) = (&walk.server, walk.database);
    let jane = at_home(server, JANE).await;
    walk.next();
    fill_in(&jane, "/account", &[("first_name", "Janet"), ("last_name", "Doe"), ("language", "nl")]).await.is(303);
    walk.leaves(&["user.updated user jane@example.com user first_name:Jane>Janet locale:en>nl"]).await;
    fill_in(&jane, "/account/email", &[("email", MOVED), ("current_password", PASSWORD)]).await.is(303);
    walk.leaves(&["user.email_change_requested user jane@example.com user pending_email:->jane@new.example"]).await;
    let letter = letters_to(database, MOVED).await.remove(0);
    let About::EmailChange { link, .. } = &letter.about else { panic!("{letter:?}") };
    let page = jane.get(link.strip_prefix(&server.acme.issuer()).unwrap()).await.is(200);
    let form = [("token", hidden(&page, "token")), ("csrf", hidden(&page, "csrf"))];
    let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
    jane.post("/account/email/confirm", &form).await.is(200);
    walk.leaves(&["user.email_changed user jane@example.com user email:jane@example.com>jane@new.example"]).await;
    let form = [("current_password", PASSWORD), ("password", NEW), ("password_confirmation", NEW)];
    fill_in(&jane, "/account/password", &form).await.is(303);
    walk.leaves(&["user.password_changed user jane@new.example user password:->changed"]).await;
    walk.tell("/password/forgot", &json!({"email": "nobody@example.com"})).await.is(202);
    walk.leaves(&[]).await;
    walk.tell("/password/forgot", &json!({"email": MOVED})).await.is(202);
    walk.leaves(&["user.password_reset_requested system System user"]).await;
    let link = reset_link(database, &server.acme).await;
    let token = link.split_once("token=").unwrap().1;
    let chosen = json!({"token": token, "password": PASSWORD, "password_confirmation": PASSWORD});
    walk.tell("/password/reset", &chosen).await.is(200);
    walk.leaves(&["user.password_reset user jane@new.example user password:->changed"]).await;
    let jane = at_home(server, MOVED).await;
    walk.next();
    jane
}

async fn walk_together(walk: &Walk<'_>, jane: &Browser<'_>) {
    let admin = walk.server.admin(&walk.server.acme).await;
    let (path, token) = walk.invite(&admin, "Globex", GRACE).await;
    let who = json!({"token": token, "first_name": "Grace", "last_name": "Hopper", "password": PASSWORD,
        "password_confirmation": PASSWORD});
    walk.tell(&format!("{path}/accept"), &who).await.is(201);
    let expected = [
        "invitation.accepted user grace@example.com invitation+organization+user status:pending>accepted",
        "membership.created user grace@example.com membership+user+organization",
        "user.registered user grace@example.com user",
    ];
    walk.leaves(&expected).await;
    let (path, _) = walk.invite(&admin, "Bakery", MOVED).await;
    let csrf = hidden(&jane.get(&path).await.is(200), "csrf");
    jane.post(&format!("{path}/accept"), &[("csrf", &csrf)]).await.is(200);
    let expected = [
        "invitation.accepted user jane@new.example invitation+organization+user status:pending>accepted",
        "membership.created user jane@new.example membership+user+organization",
    ];
    walk.leaves(&expected).await;
    let (path, token) = walk.invite(&admin, "Chess Club", MOVED).await;
    walk.tell(&format!("{path}/decline"), &json!({"token": token})).await.is(200);
    walk.leaves(&["invitation.declined system System invitation+organization status:pending>declined"]).await;
    let page = jane.get("/account/organizations").await.is(200);
    let membership = hidden(&page, "membership");
    fill_in(jane, "/account/organizations", &[("membership", &membership)]).await.is(303);
    walk.leaves(&["membership.deleted user jane@new.example membership+user+organization"]).await;
}

async fn walk_out(walk: &Walk<'_>, jane: &Browser<'_>) {
    let server = &walk.server;
    let client = application(&server.acme, ClientType::Confidential).await;
    let consent = jane.authorize(&client, &[]).await.is(200);
    assert!(parameters(&jane.decide(&consent, "allow").await).contains_key("code"));
    walk.next();
    fill_in(jane, "/account/applications", &[("client_id", &client.credentials.0)]).await.is(303);
    walk.leaves(&["consent.withdrawn user jane@new.example user+client"]).await;
    jane.get("/account/data.json").await.is(200);
    walk.leaves(&["user.data_downloaded user jane@new.example user"]).await;
    fill_in(jane, "/account/delete", &[("email", MOVED), ("current_password", PASSWORD)]).await.is(200);
    walk.leaves(&["user.deleted user jane@new.example user"]).await;
    let mail = seed::failed_mail(&server.db, &server.acme.seeded.env, JOE).await;
    let admin = server.admin(&server.acme).await;
    walk.next();
    Reply::of(admin.request(Method::PATCH, &format!("mails/{mail}/resend"))).await.is(200);
    walk.leaves(&["mail.resent user Machine mail status:failed>queued"]).await;
}

both! {
    async fn lg_audit_what_people_do_says_who_what_and_from_where(database: TestDatabase) {
        let server = start(&database).await;
        let there = server.seen_through(&[("x-forwarded-for", FROM.0), ("user-agent", FROM.1)]);
        let walk = Walk { database: &database, server: there };
        walk.next();
        walk_in(&walk).await;
        walk.server.clock.advance_seconds(3_600);
        let jane = walk_about(&walk).await;
        walk_together(&walk, &jane).await;
        walk_out(&walk, &jane).await;
    }
}
