//! The account pages in every state worth seeing.

use paylent_domain::Timestamp;

use super::*;
use crate::pages::{AskedScope, Form, Frame, Html, Language, Name, render};

const fn form(action: &'static str) -> Form<'static> {
    Form { action, csrf: "token", handle: None, ui_locales: None }
}

const fn around(section: Section, done: bool) -> Around<'static> {
    Around { section, sign_out: Form { handle: Some("sealed"), ..form("/logout") }, done }
}

/// A name with markup and a mark that would turn around what follows it.
const EVIL: Name<'_> = Name("<b>מנהל\u{202e}</b> & an Extraordinarily-Long-Winded-Bookkeeping-Federation");
const AT: Moment = Moment(Timestamp::from_seconds(1_793_000_000));

fn sessions() -> Vec<OwnSession> {
    let session = |id: &str, here, user_agent: Option<&str>| OwnSession {
        id: id.to_owned(),
        here,
        user_agent: user_agent.map(str::to_owned),
        ip: Some("2001:db8:1234:5678:9abc:def0:1234:5678".to_owned()),
        since: AT,
        last_used: AT,
    };
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    vec![session("a", true, Some(firefox)), session("b", false, Some("<b>")), session("c", false, None)]
}

fn applications() -> Vec<Application<'static>> {
    let scope = |name, description| AskedScope { name, description, optional: false, new: false };
    let scopes = vec![
        scope("openid", None),
        scope("email", None),
        scope("invoices:read", Some("Read your <b>invoices</b>")),
        scope("reports:read", None),
    ];
    vec![
        Application { client_id: "ledger", name: Name("Ledger Robot"), since: AT, scopes, connection: None },
        Application {
            client_id: "evil",
            name: EVIL,
            since: AT,
            scopes: Vec::new(),
            connection: Some("/account/applications/c".to_owned()),
        },
    ]
}

fn profile(frame: Frame<'_>) -> ProfilePage<'_> {
    ProfilePage {
        frame,
        around: around(Section::Profile, true),
        form: form("/account"),
        first_name: "Ada",
        last_name: "Lovelace",
        chosen: Some(Language::Dutch),
        email: Name("ada@example.test"),
        email_verified: true,
        problems: Problems::new(),
    }
}

fn email(frame: Frame<'_>) -> EmailPage<'_> {
    EmailPage {
        frame,
        around: around(Section::Email, true),
        form: form("/account/email"),
        email: Name("ada@example.test"),
        email_verified: false,
        pending: Some(Name("lady.lovelace@department.of.a.large.company.example.test")),
        typed: "",
        problems: Problems::new(),
    }
}

fn password(frame: Frame<'_>) -> PasswordPage<'_> {
    PasswordPage {
        frame,
        around: around(Section::Password, true),
        form: form("/account/password"),
        email: "ada@example.test",
        minimum: 8,
        problems: Problems::new(),
    }
}

fn deletion(frame: Frame<'_>) -> DeletionPage<'_> {
    DeletionPage {
        frame,
        around: around(Section::Deletion, false),
        form: form("/account/delete"),
        email: Name("ada@example.test"),
        typed: "",
        obstacle: None,
        problems: Problems::new(),
    }
}

/// Every page in every state, with a name for each.
pub(crate) fn all(frame: Frame<'_>) -> Vec<(&'static str, Html)> {
    let (applications, sessions) = (applications(), sessions());
    let wrong = |names: &[(&'static str, Wrong)]| names.to_vec();
    let applications_page = |applications| ApplicationsPage {
        frame,
        around: around(Section::Applications, true),
        form: form("/account/applications"),
        applications,
    };
    let memberships = [
        OwnMembership {
            id: "a".to_owned(),
            organization: EVIL,
            connections: "/organizations/a/connections".to_owned(),
            roles: vec![EVIL, Name("Read invoices")],
            since: AT,
        },
        OwnMembership {
            id: "b".to_owned(),
            organization: Name("Acme"),
            connections: "/organizations/b/connections".to_owned(),
            roles: Vec::new(),
            since: AT,
        },
    ];
    let invitations = [OwnInvitation { id: "i".to_owned(), organization: EVIL, until: AT }];
    let organizations = OrganizationsPage {
        frame,
        around: around(Section::Organizations, true),
        form: form("/account/organizations"),
        memberships: &memberships,
        last_admin: false,
        invitations: &invitations,
    };
    let staying = OrganizationsPage {
        frame,
        around: around(Section::Organizations, false),
        form: form("/account/organizations"),
        memberships: &memberships,
        last_admin: true,
        invitations: &[],
    };
    let alone = OrganizationsPage {
        frame,
        around: around(Section::Organizations, false),
        form: form("/x"),
        memberships: &[],
        last_admin: false,
        invitations: &[],
    };
    let names = wrong(&[("first_name", Wrong::Name), ("last_name", Wrong::Name), ("language", Wrong::Language)]);
    let address = wrong(&[("email", Wrong::Email), ("current_password", Wrong::Password)]);
    let same = wrong(&[("email", Wrong::SameEmail)]);
    let short = wrong(&[("current_password", Wrong::Password), ("password", Wrong::ShortPassword)]);
    let unfit = wrong(&[("password", Wrong::UnfitPassword), ("password_confirmation", Wrong::OtherPassword)]);
    let typo = wrong(&[("email", Wrong::Confirmation), ("current_password", Wrong::Password)]);
    let confirm = ConfirmEmailPage {
        frame,
        form: form("/account/email/confirm"),
        token: "\"><b>",
        old: Name("ada@example.test"),
        new: EVIL,
    };
    let notice = |notice| render(&NoticePage { frame, notice }).unwrap();
    vec![
        ("account", render(&profile(frame)).unwrap()),
        ("account-wrong", render(&ProfilePage { first_name: "<b>", problems: names, ..profile(frame) }).unwrap()),
        ("account-email", render(&email(frame)).unwrap()),
        ("account-email-wrong", render(&EmailPage { typed: "\"><b>", problems: address, ..email(frame) }).unwrap()),
        ("account-email-same", render(&EmailPage { pending: None, problems: same, ..email(frame) }).unwrap()),
        ("account-confirm-email", render(&confirm).unwrap()),
        ("account-email-changed", notice(Notice::EmailChanged(EVIL))),
        ("account-link-dead", notice(Notice::LinkDead)),
        ("account-password", render(&password(frame)).unwrap()),
        ("account-password-short", render(&PasswordPage { problems: short, ..password(frame) }).unwrap()),
        ("account-password-unfit", render(&PasswordPage { problems: unfit, ..password(frame) }).unwrap()),
        (
            "account-sessions",
            render(&SessionsPage {
                frame,
                around: around(Section::Sessions, true),
                form: form("/account/sessions"),
                sessions: &sessions,
            })
            .unwrap(),
        ),
        ("account-applications", render(&applications_page(&applications)).unwrap()),
        ("account-no-applications", render(&applications_page(&[])).unwrap()),
        ("account-organizations", render(&organizations).unwrap()),
        ("account-organizations-admin", render(&staying).unwrap()),
        ("account-no-organizations", render(&alone).unwrap()),
        ("account-data", render(&DataPage { frame, around: around(Section::Data, false) }).unwrap()),
        ("account-delete", render(&deletion(frame)).unwrap()),
        ("account-delete-wrong", render(&DeletionPage { problems: typo, ..deletion(frame) }).unwrap()),
        (
            "account-delete-admin",
            render(&DeletionPage { obstacle: Some(Obstacle::LastAdmin), ..deletion(frame) }).unwrap(),
        ),
        (
            "account-delete-acting",
            render(&DeletionPage { obstacle: Some(Obstacle::ActingClients), ..deletion(frame) }).unwrap(),
        ),
        ("account-deleted", notice(Notice::Deleted)),
    ]
}
