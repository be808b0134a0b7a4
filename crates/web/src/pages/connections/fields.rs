//! The settings of an application, as a part of the form of a page.

use askama::{Template, filters::HtmlSafe};
use paylent_domain::{application::ApplicationGrant, scope::Scopes};

use super::{Texts, about};
use crate::pages::{
    AskedScope, Frame, Name,
    consent::{Permission, Words, permission},
    name::{Sentence, fill},
};

/// What was typed into the form, or is so already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// What people call it.
    pub name: String,
    /// How it gets tokens.
    pub grant_type: String,
    /// The id of its API.
    pub resource_server: String,
    /// Where people return to.
    pub redirect_uri: String,
    /// One address or network on each line.
    pub ip_allow_list: String,
    /// What happens to tokens from elsewhere.
    pub ip_allow_list_mode: String,
    /// The permissions that are ticked.
    pub permissions: Scopes,
    /// One address on each line.
    pub notification_emails: String,
}

/// A permission that can be ticked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its name in the protocol.
    pub name: String,
    /// What it allows, in the words of its API.
    pub description: Option<String>,
}

impl Offered {
    /// What it allows, in words.
    pub(super) fn words(&self, frame: &Frame<'_>) -> Permission<'_> {
        let description = self.description.as_deref();
        permission(&AskedScope { name: &self.name, description, optional: false, new: false }, frame.texts())
    }
}

/// What is wrong, and the field that it is about, which is also the id of its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// No name.
    Name,
    /// No grant type.
    Grant,
    /// No address that people may return to.
    RedirectUri,
    /// An address is required.
    NoRedirectUri,
    /// An address has no use.
    NeedlessRedirectUri,
    /// This is no entry of an allow list, or there twice.
    Entry(String),
    /// Too many entries.
    LongList,
    /// At least one entry is required.
    EmptyList,
    /// No mode of an allow list.
    Mode,
    /// No API that is there.
    ResourceServer,
    /// An API without refresh tokens.
    NoRefresh,
    /// The API does not have this permission.
    ForeignPermission(String),
    /// Who gives this permission does not have it.
    LackingPermission(String),
    /// Nothing would be left of a connection.
    NoPermission,
    /// This is no e-mail address.
    Email(String),
    /// Too many addresses, or one twice.
    Emails,
    /// No time for which the old secret works.
    Overlap,
    /// What was typed is not the name of what is to be deleted.
    OtherName,
    /// Somebody changed it meanwhile.
    Stale,
}

impl Wrong {
    pub(super) fn sentence(&self, frame: &Frame<'_>) -> Sentence<Name<'_>> {
        let texts: &'static Texts = frame.connections();
        match self {
            Self::Name => about(frame.account().wrong_name, ""),
            Self::Grant => about(texts.wrong_grant, ""),
            Self::RedirectUri => about(texts.wrong_redirect_uri, ""),
            Self::NoRedirectUri => about(texts.missing_redirect_uri, ""),
            Self::NeedlessRedirectUri => about(texts.needless_redirect_uri, ""),
            Self::Entry(entry) => about(texts.wrong_entry, entry),
            Self::LongList => about(texts.long_list, ""),
            Self::EmptyList => about(texts.empty_list, ""),
            Self::Mode => about(texts.wrong_mode, ""),
            Self::ResourceServer => about(texts.wrong_resource_server, ""),
            Self::NoRefresh => about(texts.server_without_refresh, ""),
            Self::ForeignPermission(name) => about(texts.foreign_permission, name),
            Self::LackingPermission(name) => about(texts.lacking_permission, name),
            Self::NoPermission => about(texts.keep_one, ""),
            Self::Email(email) => about(texts.wrong_email, email),
            Self::Emails => about(texts.many_emails, ""),
            Self::Overlap => about(texts.wrong_overlap, ""),
            Self::OtherName => about(texts.other_name, ""),
            Self::Stale => about(texts.stale, ""),
        }
    }
}

/// The fields `name`, `grant_type`, `resource_server`, `redirect_uri`, `ip_allow_list`, `ip_allow_list_mode`,
/// `permission` (one for each) and `notification_emails`. Its buttons post `action`: `save`, `show_permissions` or
/// `add_current_address`.
#[derive(Debug, Template)]
#[template(path = "connections/settings.html")]
pub struct Settings<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Who owns the application.
    pub organization: Name<'a>,
    /// What was typed.
    pub typed: &'a Typed,
    /// How the application gets tokens, once that is decided.
    pub grant: Option<ApplicationGrant>,
    /// The APIs to choose from, by id and name; none once that is decided.
    pub servers: &'a [(String, String)],
    /// The permissions to choose from.
    pub offered: &'a [Offered],
    /// From where the request came, where that is certain.
    pub current_address: Option<&'a str>,
    /// Whether that was added to the list a moment ago.
    pub added: bool,
    /// What is wrong.
    pub problems: &'a [Problem],
}

impl HtmlSafe for Settings<'_> {}

/// One field with a line of text, or with several.
#[derive(Template)]
#[template(path = "connections/line.html")]
struct Line<'a> {
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    value: &'a str,
    rows: u8,
    required: bool,
    wrong: Option<Sentence<Name<'a>>>,
}

impl HtmlSafe for Line<'_> {}

impl Settings<'_> {
    fn wrong(&self, field: &str) -> Option<Sentence<Name<'_>>> {
        let problem = self.problems.iter().find(|problem| problem.field == field);
        problem.map(|problem| problem.wrong.sentence(&self.frame))
    }

    fn name(&self) -> Line<'_> {
        let w = self.frame.connections();
        self.line("name", w.name, w.name_hint, &self.typed.name, 0)
    }

    fn redirect_uri(&self) -> Option<Line<'_>> {
        let w = self.frame.connections();
        let hint = match self.grant {
            None => w.redirect_uri_hint,
            Some(ApplicationGrant::AuthorizationCode) => w.redirect_uri_change,
            Some(ApplicationGrant::ClientCredentials) => return None,
        };
        Some(self.line("redirect_uri", w.redirect_uri, hint, &self.typed.redirect_uri, 0))
    }

    fn allow_list(&self) -> Line<'_> {
        let w = self.frame.connections();
        self.line("ip_allow_list", w.allow_list, w.allow_list_hint, &self.typed.ip_allow_list, 4)
    }

    fn emails(&self) -> Line<'_> {
        let w = self.frame.connections();
        self.line("notification_emails", w.emails, w.emails_hint, &self.typed.notification_emails, 3)
    }

    fn line<'a>(
        &'a self,
        name: &'static str,
        label: &'static str,
        hint: &'static str,
        value: &'a str,
        rows: u8,
    ) -> Line<'a> {
        Line { name, label, hint, value, rows, required: name == "name", wrong: self.wrong(name) }
    }

    /// Value, label and note of each grant type, and whether it is chosen.
    fn grants(&self) -> [(&'static str, &'static str, Sentence<Name<'_>>, bool); 2] {
        let w = self.frame.connections();
        let (code, credentials) = (ApplicationGrant::AuthorizationCode, ApplicationGrant::ClientCredentials);
        [(code, w.grant_code_note), (credentials, w.grant_credentials_note)].map(|(grant, note)| {
            let chosen = grant.as_str() == self.typed.grant_type;
            (grant.as_str(), super::grant(grant, w), fill(note, self.organization), chosen)
        })
    }

    /// Value and label of each mode, and whether it is chosen.
    fn modes(&self) -> [(&'static str, &'static str, bool); 2] {
        let w = self.frame.connections();
        [("enforce", w.mode_enforce), ("observe", w.mode_observe)]
            .map(|(mode, label)| (mode, label, mode == self.typed.ip_allow_list_mode))
    }
}
