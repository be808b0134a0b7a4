//! These pages in every state worth seeing.

use paylent_domain::{Timestamp, application::ApplicationGrant, scope::Scopes};

use super::*;
use crate::pages::{Form, Html, account::Moment, render};

const fn form(action: &'static str) -> Form<'static> {
    Form { action, csrf: "token", handle: None, ui_locales: None }
}

/// A name with markup and a mark that would turn around what follows it.
const EVIL: &str = "<b>מנהל\u{202e}</b> & an Extraordinarily-Long-Winded-Bookkeeping-Federation";
const AT: Moment = Moment(Timestamp::from_seconds(1_793_000_000));
const HERE: &str = "2001:db8:1234:5678:9abc:def0:1234:5678";
const LINK: &str = "https://acme.login.example/oauth/authorize?response_type=code&client_id=q5NsVrSx\
                    &redirect_uri=https%3A%2F%2Fledger.example%2Fcb&scope=invoices%3Aread&state=STATE";

const fn place(done: Option<Done>) -> Place<'static> {
    Place { organization: Some(Name(EVIL)), path: "/organizations/o/connections", done, is_disguised: done.is_none() }
}

fn offered() -> Vec<Offered> {
    let one = |name: &str, description: Option<&str>| Offered {
        name: name.to_owned(),
        description: description.map(str::to_owned),
    };
    vec![
        one("invoices:read", Some("Read your <b>invoices</b>")),
        one("invoices:write", None),
        one(&"long-scope".repeat(9), None),
    ]
}

fn typed(grant: &str) -> Typed {
    Typed {
        name: EVIL.replace('\u{202e}', ""),
        grant_type: grant.to_owned(),
        resource_server: "r".to_owned(),
        redirect_uri: "https://ledger.example/callbacks/paylent".to_owned(),
        ip_allow_list: format!("203.0.113.0/24\n{HERE}"),
        ip_allow_list_mode: "enforce".to_owned(),
        permissions: Scopes::parse("invoices:read").unwrap(),
        notification_emails: "</textarea><b>\nops@example.test".to_owned(),
    }
}

fn granted(person: Option<&str>) -> Granted {
    Granted {
        path: "/organizations/o/connections/c".to_owned(),
        application: EVIL.to_owned(),
        publisher: Some(EVIL.to_owned()),
        person: person.map(str::to_owned),
        connected_by: person.map(str::to_owned),
        since: AT,
        last_used: person.map(|_| AT),
        last_ip: person.map(|_| HERE.to_owned()),
        permissions: offered(),
        identity: vec![Offered { name: "openid".to_owned(), description: None }],
    }
}

/// Everything that can be wrong with settings.
fn problems() -> Vec<Problem> {
    let all = [
        ("name", Wrong::Name),
        ("grant_type", Wrong::Grant),
        ("redirect_uri", Wrong::RedirectUri),
        ("ip_allow_list", Wrong::Entry("<b>10.0.0.1/24".to_owned())),
        ("ip_allow_list_mode", Wrong::Mode),
        ("notification_emails", Wrong::Email("<b>".to_owned())),
        ("resource_server", Wrong::NoRefresh),
        ("permissions", Wrong::LackingPermission("invoices:write".to_owned())),
    ];
    all.map(|(field, wrong)| Problem { field, wrong }).into()
}

fn lists(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    let application = |grant| OwnApplication {
        path: "/organizations/o/applications/a".to_owned(),
        name: EVIL.to_owned(),
        grant,
        listed: 2,
        created: AT,
    };
    let applications = [ApplicationGrant::AuthorizationCode, ApplicationGrant::ClientCredentials].map(application);
    let connections = [granted(Some("ada@example.test")), granted(None)];
    let all = ConnectionsPage {
        frame,
        place: place(Some(Done::Disconnected)),
        organization: Name(EVIL),
        applications: Some(&applications),
        more_applications: Some("/organizations/o/connections?applications=a"),
        connections: &connections,
        more_connections: Some("/organizations/o/connections?connections=c"),
    };
    let none = ConnectionsPage {
        place: place(None),
        applications: Some(&[]),
        more_applications: None,
        connections: &[],
        more_connections: None,
        ..all
    };
    vec![
        ("connections", render(&all).unwrap()),
        ("connections-none", render(&none).unwrap()),
        (
            "connections-member",
            render(&ConnectionsPage { applications: None, connections: &connections, ..none }).unwrap(),
        ),
    ]
}

fn connection(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    let problem = [Problem { field: "permissions", wrong: Wrong::NoPermission }];
    let page_at = |place, granted: &Granted, problems: &[Problem]| {
        let (form, ticked) = (form("/organizations/o/connections/c"), &["invoices:read"]);
        render(&ConnectionPage { frame, place, form, version: "1", granted, ticked, problems }).unwrap()
    };
    let page = |granted: &Granted, problems: &[Problem], done| page_at(place(done), granted, problems);
    let own = Place { organization: None, path: "/account/applications", ..place(Some(Done::Saved)) };
    let late = [Problem { field: "disconnect", wrong: Wrong::Overtaken }];
    let bare = Granted { permissions: Vec::new(), connected_by: None, ..granted(None) };
    vec![
        ("connection", page(&granted(Some("ada@example.test")), &[], Some(Done::Saved))),
        ("connection-wrong", page(&granted(None), &problem, Some(Done::Saved))),
        ("connection-bare", page(&bare, &[], None)),
        ("connection-late", page(&bare, &late, None)),
        ("connection-own", page_at(own, &granted(Some("ada@example.test")), &[])),
    ]
}

fn application(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    let (typed, offered) = (typed("client_credentials"), offered());
    let token = |last_used: Option<Moment>| Token {
        id: "t".to_owned(),
        prefix: "pay_at_Kx7d".to_owned(),
        created: AT,
        last_used,
        last_ip: last_used.map(|_| HERE.to_owned()),
    };
    let tokens = [token(Some(AT)), token(None)];
    let all: Vec<Problem> =
        problems().into_iter().filter(|one| !["grant_type", "resource_server"].contains(&one.field)).collect();
    let more = Wrong::SecretOfMore("<b>invoices:write".to_owned());
    let gone = [("settings", Wrong::Stale), ("secret", more), ("overlap", Wrong::Overlap)];
    let gone = gone.map(|(field, wrong)| Problem { field, wrong });
    let page = |grant, done, added, problems: &[Problem], tokens: &[Token], offered: &[Offered]| {
        let settings = Settings {
            frame,
            organization: Name(EVIL),
            typed: &typed,
            grant: Some(grant),
            servers: &[],
            most_servers: None,
            offered,
            current_address: Some(HERE),
            added,
            problems,
        };
        let page = ApplicationPage {
            frame,
            place: place(done),
            form: form("/organizations/o/applications/a"),
            version: "1",
            name: EVIL,
            client_id: "q5NsVrSxnV0yY4fPq58EWH2n5kCWaWYeJ5lVQNI7A",
            grant,
            resource_server: EVIL,
            created: AT,
            changed: AT,
            previous_secret: tokens.first().map(|_| AT),
            example: LINK,
            settings,
            tokens,
            more_tokens: Some("/organizations/o/applications/a?tokens=t"),
            deletion: "/organizations/o/applications/a/delete",
            problems,
        };
        render(&page).unwrap()
    };
    let (code, credentials) = (ApplicationGrant::AuthorizationCode, ApplicationGrant::ClientCredentials);
    vec![
        ("application", page(code, Some(Done::SavedMore), false, &[], &[], &offered)),
        ("application-wrong", page(code, Some(Done::Saved), false, &all, &[], &offered)),
        ("application-stale", page(code, Some(Done::Saved), false, &gone, &[], &[])),
        ("application-static", page(credentials, Some(Done::Revoked), true, &[], &tokens, &offered)),
        ("application-static-again", page(credentials, Some(Done::AlreadyMade), false, &[], &[], &offered)),
        ("application-static-new", page(credentials, None, false, &[], &[], &offered)),
    ]
}

fn making(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    let server = |id: &str, name: &str| Server {
        id: id.to_owned(),
        name: name.to_owned(),
        identifier: format!("https://{id}.example/</option><b>"),
    };
    let (offered, servers) = (offered(), [server("r", EVIL), server("s", "Invoicing")]);
    let page = |typed: &Typed, problems: &[Problem], current_address| {
        let settings = Settings {
            frame,
            organization: Name(EVIL),
            typed,
            grant: None,
            servers: &servers,
            most_servers: problems.first().map(|_| 200),
            offered: &offered,
            current_address,
            added: false,
            problems,
        };
        let (place, form) = (place(current_address.map(|_| Done::Saved)), form("/organizations/o/applications/new"));
        render(&NewApplicationPage { frame, place, form, made: "id.voucher", settings, problems }).unwrap()
    };
    vec![
        ("application-new", page(&Typed::default(), &[], Some(HERE))),
        ("application-new-wrong", page(&typed("authorization_code"), &problems(), None)),
    ]
}

fn answers(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    let (done, some) = (Some(Done::Saved), offered());
    let deletion = |problems: &[Problem]| {
        let (form, back) = (form("/organizations/o/applications/a/delete"), "/organizations/o/applications/a");
        let (place, version) = (place(done), "1");
        let page = DeletionPage { frame, place, form, version, name: EVIL, connections: 12, tokens: 3, back, problems };
        render(&page).unwrap()
    };
    let confirmation = |removed: &[Offered], added: &[Offered], [connections, tokens, asked]: [i64; 3]| {
        let page = ConfirmationPage {
            frame,
            place: place(done),
            form: form("/organizations/o/applications/a"),
            name: Name(EVIL),
            removed,
            connections,
            tokens,
            added,
            asked,
            typed: &[("name", EVIL.replace('\u{202e}', "")), ("ip_allow_list", "203.0.113.5\n\"><b>".to_owned())],
            back: "/organizations/o/applications/a",
        };
        render(&page).unwrap()
    };
    let secret = |old_until| {
        let (client_id, secret) =
            ("q5NsVrSxnV0yY4fPq58EWH2n5kCWaWYeJ5lVQNI7A", "pay_cs_Mq4E2VFNssr5iA7Z7LAdS82vm59wBog5Q5Hl6J");
        let (issuer, onward) = ("https://acme-test.example", "/organizations/o/applications/a");
        render(&SecretPage { frame, place: place(done), issuer, client_id, secret, old_until, onward }).unwrap()
    };
    vec![
        ("application-delete", deletion(&[])),
        ("application-delete-stale", deletion(&[Problem { field: "settings", wrong: Wrong::Overtaken }])),
        ("application-delete-other-name", deletion(&[Problem { field: "name", wrong: Wrong::OtherName }])),
        ("application-removal", confirmation(&some, &[], [12, 0, 0])),
        ("application-removal-static", confirmation(&some, &[], [0, 3, 0])),
        ("application-addition", confirmation(&[], &some, [0, 0, 12])),
        ("application-change", confirmation(&some[..1], &some[1..], [7, 0, 12])),
        ("application-secret", secret(None)),
        ("application-secret-rotated", secret(Some(AT))),
    ]
}

/// Every page in every state, with a name for each.
pub(crate) fn all(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    [lists(frame), connection(frame), application(frame), making(frame), answers(frame)].concat()
}
