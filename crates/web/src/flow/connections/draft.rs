//! What somebody typed into the settings of an application, and whether it may be so.

use std::net::IpAddr;

use paylent_domain::{
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant, notification_emails},
    client::MAX_NAME,
    scope::Scopes,
    text::one_line,
    user::Email,
};

use super::super::visit::Fields;
use crate::pages::connections::{Offered, Problem, Typed, Wrong};

/// Settings that an application may have.
pub(super) struct Sound {
    pub(super) name: String,
    pub(super) redirect_uri: Option<String>,
    pub(super) ip_allow_list: AllowList,
    pub(super) ip_allow_list_mode: AllowListMode,
    pub(super) permissions: Scopes,
    pub(super) notification_emails: Vec<Email>,
}

/// What the fields of a form say.
pub(super) fn typed(fields: &Fields) -> Typed {
    let field = |name| fields.one(name).unwrap_or_default().to_owned();
    Typed {
        name: field("name"),
        grant_type: field("grant_type"),
        resource_server: field("resource_server"),
        redirect_uri: field("redirect_uri"),
        ip_allow_list: field("ip_allow_list"),
        ip_allow_list_mode: field("ip_allow_list_mode"),
        permissions: fields.all("permission").map(str::to_owned).collect(),
        notification_emails: field("notification_emails"),
    }
}

/// What an application has.
pub(super) fn of(application: &Application) -> Typed {
    let emails: Vec<&str> = application.notification_emails.iter().map(Email::as_str).collect();
    Typed {
        name: application.name.clone(),
        grant_type: application.grant_type.as_str().to_owned(),
        resource_server: application.resource_server_id.to_string(),
        redirect_uri: application.redirect_uri.clone().unwrap_or_default(),
        ip_allow_list: application.ip_allow_list.to_string(),
        ip_allow_list_mode: application.ip_allow_list_mode.as_str().to_owned(),
        permissions: application.permissions.clone(),
        notification_emails: emails.join("\n"),
    }
}

/// The same fields as they are posted once more, without the permissions.
pub(super) fn fields(typed: &Typed) -> Vec<(&'static str, String)> {
    vec![
        ("name", typed.name.clone()),
        ("redirect_uri", typed.redirect_uri.clone()),
        ("ip_allow_list", typed.ip_allow_list.clone()),
        ("ip_allow_list_mode", typed.ip_allow_list_mode.clone()),
        ("notification_emails", typed.notification_emails.clone()),
    ]
}

/// Writes an address below the list, unless it is there.
pub(super) fn add_address(typed: &mut Typed, address: IpAddr) {
    let address = address.to_string();
    let mut listed: Vec<&str> = lines(&typed.ip_allow_list).collect();
    if !listed.contains(&address.as_str()) {
        listed.push(&address);
    }
    typed.ip_allow_list = listed.join("\n");
}

/// Reads the settings. `known` are the scopes of the API; who gives one must have it, which `may_give` knows.
pub(super) fn judge(
    typed: &Typed,
    grant: ApplicationGrant,
    known: &[Offered],
    may_give: impl Fn(&str) -> bool,
) -> Result<Sound, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut note = |field, wrong| problems.push(Problem { field, wrong });
    let name = typed.name.trim();
    if one_line(name, MAX_NAME).is_err() {
        note("name", Wrong::Name);
    }
    let redirect_uri = Some(typed.redirect_uri.trim()).filter(|uri| !uri.is_empty());
    if grant.check_redirect_uri(redirect_uri).is_err() {
        note(
            "redirect_uri",
            match (grant, redirect_uri) {
                (ApplicationGrant::ClientCredentials, _) => Wrong::NeedlessRedirectUri,
                (ApplicationGrant::AuthorizationCode, None) => Wrong::NoRedirectUri,
                (ApplicationGrant::AuthorizationCode, Some(_)) => Wrong::RedirectUri,
            },
        );
    }
    let ip_allow_list = allow_list(&typed.ip_allow_list, grant).map_err(|wrong| note("ip_allow_list", wrong)).ok();
    let mode: Option<AllowListMode> = typed.ip_allow_list_mode.parse().ok();
    if mode.is_none() {
        note("ip_allow_list_mode", Wrong::Mode);
    }
    let emails = emails(&typed.notification_emails).map_err(|wrong| note("notification_emails", wrong)).ok();
    let is_known = |name: &str| known.iter().any(|scope| scope.name == name);
    let foreign =
        typed.permissions.iter().find(|name| !is_known(name)).map(|name| Wrong::ForeignPermission(name.into()));
    let lacking =
        typed.permissions.iter().find(|name| !may_give(name)).map(|name| Wrong::LackingPermission(name.into()));
    if let Some(wrong) = foreign.or(lacking) {
        note("permissions", wrong);
    }
    match (ip_allow_list, mode, emails) {
        (Some(ip_allow_list), Some(ip_allow_list_mode), Some(notification_emails)) if problems.is_empty() => {
            Ok(Sound {
                name: name.to_owned(),
                redirect_uri: redirect_uri.map(str::to_owned),
                ip_allow_list,
                ip_allow_list_mode,
                permissions: typed.permissions.clone(),
                notification_emails,
            })
        }
        _ => Err(problems),
    }
}

fn allow_list(text: &str, grant: ApplicationGrant) -> Result<AllowList, Wrong> {
    let entries: Vec<&str> = lines(text).collect();
    let list = AllowList::parse(entries.iter().copied()).map_err(|(index, _)| {
        let entry = index.and_then(|index| entries.get(index));
        entry.map_or(Wrong::LongList, |entry| Wrong::Entry((*entry).to_owned()))
    })?;
    grant.check_allow_list(&list).map_err(|_| Wrong::EmptyList)?;
    Ok(list)
}

fn emails(text: &str) -> Result<Vec<Email>, Wrong> {
    let addresses: Vec<&str> = lines(text).collect();
    notification_emails(addresses.iter().copied()).map_err(|(index, _)| {
        let malformed = index.and_then(|index| addresses.get(index)).filter(|line| line.parse::<Email>().is_err());
        malformed.map_or(Wrong::Emails, |line| Wrong::Email((*line).to_owned()))
    })
}

/// The lines that say something.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = Box<dyn FnOnce(&mut Typed)>;

    fn known() -> Vec<Offered> {
        ["a:read", "a:write"].map(|name| Offered { name: name.to_owned(), description: None }).into()
    }

    fn good() -> Typed {
        Typed {
            name: " Ledger ".to_owned(),
            redirect_uri: "https://app.example/cb".to_owned(),
            ip_allow_list: "203.0.113.5\r\n\r\n 10.0.0.0/8 ".to_owned(),
            ip_allow_list_mode: "enforce".to_owned(),
            permissions: Scopes::parse("a:read").unwrap(),
            notification_emails: "ada@example.com\nops@example.com".to_owned(),
            ..Typed::default()
        }
    }

    fn faults(grant: ApplicationGrant, change: impl FnOnce(&mut Typed)) -> Vec<Problem> {
        let mut typed = good();
        change(&mut typed);
        judge(&typed, grant, &known(), |name| name == "a:read").err().unwrap_or_default()
    }

    #[test]
    fn good_settings_are_read_line_by_line() {
        let sound = judge(&good(), ApplicationGrant::AuthorizationCode, &known(), |_| true).ok().unwrap();
        assert_eq!(
            (sound.name.as_str(), sound.ip_allow_list.to_string().as_str()),
            ("Ledger", "203.0.113.5\n10.0.0.0/8")
        );
        assert_eq!((sound.notification_emails.len(), sound.ip_allow_list_mode), (2, AllowListMode::Enforce));
    }

    #[test]
    fn ip_syntax_every_fault_is_told_at_its_field() {
        let (code, credentials) = (ApplicationGrant::AuthorizationCode, ApplicationGrant::ClientCredentials);
        let many = (0..11).map(|n| format!("a{n}@example.com\n")).collect::<String>();
        let long = (0..101).map(|n| format!("10.0.0.{n}\n")).collect::<String>();
        let checks: Vec<(ApplicationGrant, Change, &str, Wrong)> = vec![
            (code, Box::new(|t| t.name = " ".into()), "name", Wrong::Name),
            (code, Box::new(|t| t.redirect_uri = "http://app.example".into()), "redirect_uri", Wrong::RedirectUri),
            (code, Box::new(|t| t.redirect_uri.clear()), "redirect_uri", Wrong::NoRedirectUri),
            (credentials, Box::new(|_| {}), "redirect_uri", Wrong::NeedlessRedirectUri),
            (
                code,
                Box::new(|t| t.ip_allow_list += "\n10.0.0.1/24"),
                "ip_allow_list",
                Wrong::Entry("10.0.0.1/24".into()),
            ),
            (
                code,
                Box::new(|t| t.ip_allow_list += "\n203.0.113.5"),
                "ip_allow_list",
                Wrong::Entry("203.0.113.5".into()),
            ),
            (code, Box::new(|t| t.ip_allow_list = long), "ip_allow_list", Wrong::LongList),
            (code, Box::new(|t| t.ip_allow_list_mode.clear()), "ip_allow_list_mode", Wrong::Mode),
            (code, Box::new(|t| t.notification_emails += "\nx"), "notification_emails", Wrong::Email("x".into())),
            (code, Box::new(|t| t.notification_emails += "\nADA@example.com"), "notification_emails", Wrong::Emails),
            (code, Box::new(|t| t.notification_emails = many), "notification_emails", Wrong::Emails),
            (
                code,
                Box::new(|t| t.permissions = Scopes::parse("b:read").unwrap()),
                "permissions",
                Wrong::ForeignPermission("b:read".into()),
            ),
            (
                code,
                Box::new(|t| t.permissions = Scopes::parse("a:write").unwrap()),
                "permissions",
                Wrong::LackingPermission("a:write".into()),
            ),
        ];
        for (grant, change, field, wrong) in checks {
            assert_eq!(faults(grant, change), [Problem { field, wrong }]);
        }
        assert_eq!(faults(code, |typed| typed.ip_allow_list.clear()), []);
        let empty = faults(credentials, |typed| {
            (typed.redirect_uri, typed.ip_allow_list) = (String::new(), " \r\n".to_owned());
        });
        assert_eq!(empty, [Problem { field: "ip_allow_list", wrong: Wrong::EmptyList }]);
    }

    #[test]
    fn an_address_is_added_once() {
        let mut typed = Typed { ip_allow_list: "10.0.0.0/8\r\n".to_owned(), ..Typed::default() };
        for _ in 0..2 {
            add_address(&mut typed, "203.0.113.5".parse().unwrap());
        }
        assert_eq!(typed.ip_allow_list, "10.0.0.0/8\n203.0.113.5");
    }
}
