//! Invitations that are answered by their mailed links. Catalogue section A14.

use paylent_mail::About;
use paylent_tests::{TestDatabase, both};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::{
    at_once::at_once_or_later,
    support::{
        Caller, PASSWORD, Reply, TestServer, at,
        browser::*,
        document,
        letters::{invitation_token, letters_to},
    },
};

const NEW: &str = "grace@example.com";

/// Invites this address into a new organization, and returns the ids of both and the mailed token.
async fn invite(database: &TestDatabase, admin: &Caller<'_>, email: &str) -> (String, String, String) {
    let acme = admin.organization("Acme").await;
    let invitation = document("invitation", json!({"email": email}), &[("organization", "organization", &acme)]);
    let id = admin.post("invitations", &invitation).await.is(201).id();
    (acme, id, invitation_token(database, email).await)
}

/// A program that answers.
fn answer(server: &TestServer, path: &str, body: &Value) -> RequestBuilder {
    server.request(&server.acme, Method::POST, path).header("content-type", "application/json").body(body.to_string())
}

fn newcomer(token: &str) -> Value {
    json!({"token": token, "first_name": "Grace", "last_name": "Hopper", "password": PASSWORD,
        "password_confirmation": PASSWORD})
}

async fn members(admin: &Caller<'_>, organization: &str) -> usize {
    admin.get(&format!("memberships?filter[organization]={organization}")).await.is(200).ids().len()
}

async fn verify(database: &TestDatabase, email: &str, verified: bool) {
    database.execute(&format!("UPDATE users SET email_verified = {verified} WHERE email = '{email}'")).await;
}

both! {
    async fn iv_leak_the_token_is_in_the_mail_and_nowhere_else(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (_, id, token) = invite(&database, &admin, NEW).await;
        let letter = letters_to(&database, NEW).await.remove(0);
        let About::Invitation { organization, inviter, link, days } = letter.about else { panic!("another letter") };
        assert_eq!((organization.as_str(), inviter, days), ("Acme", None, 7));
        assert_eq!(link, format!("{}/invitations/{id}?token={token}", server.acme.issuer()));
        for path in ["invitations".to_owned(), format!("invitations/{id}"), "audit-events".to_owned()] {
            assert!(!admin.get(&path).await.is(200).text.contains("pay_in_"), "{path}");
        }
        assert!(database.dump().await.iter().all(|row| !row.contains(&token)));
    }

    async fn an_invited_person_without_an_account_joins_and_is_signed_in(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = application(&server.acme, paylent_domain::client::ClientType::Confidential).await;
        let admin = server.admin(&server.acme).await;
        let (acme, id, token) = invite(&database, &admin, NEW).await;
        let browser = Browser::new(&server);
        let path = format!("/invitations/{id}");
        let before = database.dump().await;
        let opened = browser.get(&format!("{path}?token={token}")).await.is(303);
        assert_eq!(opened.header("location"), path);
        let page = browser.get(&path).await;
        is_page(&page, 200);
        assert!(page.text.contains("Acme") && page.text.contains(NEW) && !page.text.contains(&token));
        assert_eq!(database.dump().await, before, "a look changes nothing");

        let csrf = hidden(&page, "csrf");
        let accept = format!("{path}/accept");
        let form = |csrf: &str, password: &str| {
            let fields = [("csrf", csrf), ("first_name", "Grace"), ("last_name", "Hopper"), ("password", password),
                ("password_confirmation", PASSWORD)];
            fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let post = async |fields: [(String, String); 5]| {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
            browser.post(&accept, &fields).await
        };
        is_page(&post(form("x", PASSWORD)).await, 403);
        let wrong = post(form(&csrf, "short")).await;
        is_page(&wrong, 422);
        assert!(wrong.text.contains("value=\"Grace\"") && wrong.text.contains("role=\"alert\""));
        assert_eq!(database.dump().await, before);
        is_page(&post(form(&csrf, PASSWORD)).await, 200);
        assert_eq!(members(&admin, &acme).await, 1);
        assert_eq!(browser.cookie("paylent_invitation"), None);
        assert!(browser.is_signed_in(&client).await);
        assert_eq!(database.count(&format!("users WHERE email = '{NEW}' AND email_verified")).await, 1);
        is_page(&browser.get(&path).await, 410);
    }

    async fn iv_email_an_account_of_another_address_does_not_accept(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let (acme, id, token) = invite(&database, &admin, NEW).await;
        let browser = Browser::new(&server);
        browser.code(&client).await;
        let path = format!("/invitations/{id}");
        is_page(&browser.get(&path).await, 404);
        browser.get(&format!("{path}?token={token}")).await.is(303);
        let page = browser.get(&path).await.is(200);
        assert!(page.text.contains("Use another account"));
        let csrf = hidden(&page, "csrf");
        is_page(&browser.post(&format!("{path}/accept"), &[("csrf", &csrf)]).await, 403);
        let told = browser.request(Method::POST, &format!("{path}/accept")).header("content-type", "application/json");
        Reply::of(told.body(json!({"token": token}).to_string())).await.is(403);
        assert_eq!(members(&admin, &acme).await, 0);
    }

    async fn iv_email_the_invited_person_accepts_when_signed_in(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        let (acme, id, token) = invite(&database, &admin, EMAIL).await;
        let path = format!("/invitations/{id}");
        let stranger = Browser::new(&server);
        stranger.get(&format!("{path}?token={token}")).await.is(303);
        let page = stranger.get(&path).await.is(200);
        assert!(page.text.contains(&format!("/login?return_to=%2Finvitations%2F{id}")));
        Reply::of(answer(&server, &format!("{path}/accept"), &newcomer(&token))).await.is(403);

        let browser = Browser::new(&server);
        browser.code(&client).await;
        verify(&database, EMAIL, false).await;
        is_page(&browser.get(&path).await, 404);
        let json = |body: Value| {
            let request = browser.request(Method::POST, &format!("{path}/accept"));
            request.header("content-type", "application/json").body(body.to_string())
        };
        Reply::of(json(json!({}))).await.is(403);
        Reply::of(json(json!({})).header("sec-fetch-site", "cross-site")).await.is(404);
        verify(&database, EMAIL, true).await;
        Reply::of(json(json!({})).header("sec-fetch-site", "cross-site")).await.is(404);
        assert_eq!(members(&admin, &acme).await, 0);
        let page = browser.get(&path).await.is(200);
        is_page(&browser.post(&format!("{path}/accept"), &[("csrf", &hidden(&page, "csrf"))]).await, 200);
        assert_eq!(members(&admin, &acme).await, 1);
    }

    async fn iv_tamper_and_iv_expiry_a_wrong_or_late_token_does_nothing(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (_, id, token) = invite(&database, &admin, NEW).await;
        let members = database.count("memberships").await;
        let last = if token.ends_with('A') { 'E' } else { 'A' };
        let altered = format!("{}{last}", &token[..token.len() - 1]);
        let browser = Browser::new(&server);
        for wrong in [altered.as_str(), "", "pay_in_", &token.to_uppercase(), &token.replace("pay_in_", "pay_se_")] {
            is_page(&browser.get(&format!("/invitations/{id}?token={wrong}")).await, 404);
            for path in ["accept", "decline"] {
                let reply = Reply::of(answer(&server, &format!("/invitations/{id}/{path}"), &newcomer(wrong))).await;
                assert_eq!(reply.status, 404, "{path} {wrong}");
            }
        }
        let other = format!("/invitations/{}/accept", crate::support::nobody());
        Reply::of(answer(&server, &other, &newcomer(&token))).await.is(404);
        let elsewhere = server.request(&server.beta, Method::POST, &format!("/invitations/{id}/accept"));
        let elsewhere = elsewhere.header("content-type", "application/json").body(newcomer(&token).to_string());
        Reply::of(elsewhere).await.is(404);
        server.clock.advance_seconds(7 * 24 * 3_600 + 1);
        Reply::of(answer(&server, &format!("/invitations/{id}/accept"), &newcomer(&token))).await.is(410);
        assert_eq!(database.count("memberships").await, members);
        assert_eq!(database.count(&format!("users WHERE email = '{NEW}'")).await, 0);
    }

    async fn programs_send_exactly_what_is_asked_for(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (acme, id, token) = invite(&database, &admin, NEW).await;
        let path = format!("/invitations/{id}/accept");
        let raw = |body: &str, kind: &str| {
            server.request(&server.acme, Method::POST, &path).header("content-type", kind).body(body.to_owned())
        };
        let whole = newcomer(&token);
        for (body, status) in [
            ("{", 422),
            ("[]", 422),
            (r#"{"token": 1}"#, 422),
            (r#"{"token": "a", "token": "b"}"#, 422),
            (r#"{"roles": ["admin"]}"#, 422),
        ] {
            assert_eq!(Reply::of(raw(body, "application/json")).await.status, status, "{body}");
        }
        assert_eq!(Reply::of(raw(&whole.to_string(), "text/plain")).await.status, 400);
        for (name, value) in [("password", "short"), ("password_confirmation", "other"), ("first_name", "")] {
            let mut sent = whole.clone();
            sent[name] = json!(value);
            let reply = Reply::of(answer(&server, &path, &sent)).await.is(422);
            assert!(reply.json()["error_description"].as_str().unwrap().contains(name), "{}", reply.text);
        }
        let made = Reply::of(answer(&server, &path, &whole)).await.is(201);
        assert!(made.headers.get("set-cookie").is_none());
        let made = made.json();
        assert_eq!((&made["status"], &made["organization_id"]), (&json!("accepted"), &json!(acme)));
        assert_eq!(database.count("sessions").await, 0, "a program gets no session that nobody holds");
        assert_eq!(database.count("audit_events WHERE action = 'session.created'").await, 0);
        assert_eq!(Reply::of(answer(&server, &path, &whole)).await.status, 410);
    }

    async fn iv_once_fifty_acceptances_over_two_processes_make_one_member(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let node = server.beside(&database);
        let admin = server.admin(&server.acme).await;
        let (acme, id, token) = invite(&database, &admin, NEW).await;
        let path = format!("/invitations/{id}/accept");
        let nodes = (0..50).map(|n| if n % 2 == 0 { &server } else { &node });
        let replies = at_once_or_later(nodes.map(|server| answer(server, &path, &newcomer(&token))).collect()).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 1);
        assert!(replies.iter().all(|reply| [201, 403, 410].contains(&reply.status)), "one answer, and refusals");
        assert_eq!(members(&admin, &acme).await, 1);
        assert_eq!(database.count(&format!("users WHERE email = '{NEW}'")).await, 1);
    }

    async fn a_declined_invitation_needs_the_token_alone(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let (_, id, token) = invite(&database, &admin, NEW).await;
        let path = format!("/invitations/{id}/decline");
        let reply = Reply::of(answer(&server, &path, &json!({"token": token}))).await.is(200);
        assert_eq!(reply.json(), json!({"status": "declined"}));
        assert_eq!(admin.get(&format!("invitations/{id}")).await.is(200).attribute("status"), "declined");
        Reply::of(answer(&server, &path, &json!({"token": token}))).await.is(410);
    }

    async fn iv_flood_the_fifty_first_invitation_in_an_hour_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let acme = admin.organization("Acme").await;
        let invite = async |admin: &Caller<'_>, number: usize| {
            let email = json!({"email": format!("person{number}@example.com")});
            admin.post("invitations", &document("invitation", email, &[("organization", "organization", &acme)])).await
        };
        for number in 0..50 {
            invite(&admin, number).await.is(201);
        }
        let refused = invite(&admin, 50).await;
        refused.is_error(429, "");
        assert_eq!((refused.error().1.as_str(), refused.header("retry-after")), ("too_many_requests", "3600"));
        assert_eq!(database.count("mails").await, 50);
        server.clock.advance_seconds(3_601);
        invite(&server.admin(&server.acme).await, 50).await.is(201);
    }

    async fn a_slug_is_unique_and_found(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let make = async |slug: Value| {
            admin.post("organizations", &document("organization", json!({"name": "Acme", "slug": slug}), &[])).await
        };
        let made = make(json!("acme")).await.is(201);
        assert_eq!(made.attribute("slug"), "acme");
        let taken = make(json!("acme")).await;
        taken.is_error(409, &at("slug"));
        for wrong in [json!("Acme"), json!(""), json!("-"), json!(1), json!("a192f0c1-2345-7678-9abc-def012345678")] {
            assert_eq!(make(wrong.clone()).await.is(422).places(), [at("slug")], "{wrong}");
        }
        make(json!(null)).await.is(201);
        assert_eq!(admin.get("organizations?filter[slug]=acme").await.is(200).ids(), [made.id()]);
    }
}
