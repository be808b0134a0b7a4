//! The consent page.

use std::fmt;

use askama::{Template, filters::HtmlSafe};

use super::{
    Account, Form, Frame, Href, Name, Page, Policy,
    name::{Sentence, fill},
    texts::Texts,
};

/// Asks whether an application may have what it asked for.
///
/// Posts `decision` (`allow` or `deny`) and one `scope` per optional scope that stayed ticked; what was granted is the
/// required scopes and those.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub struct Consent<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The application.
    pub client: Name<'a>,
    /// The organization that published the application.
    pub publisher: Option<Name<'a>>,
    /// For whom the person decides.
    pub party: Option<Party<'a>>,
    /// The account that access is given to.
    pub account: Account<'a>,
    /// Where another account is chosen.
    pub use_another: Option<Href<'a>>,
    /// The API the scopes belong to that are not OpenID Connect's own.
    pub resource: Option<Name<'a>>,
    /// What was asked for.
    pub scopes: &'a [AskedScope<'a>],
    /// The host (or private scheme) of the verified redirect URI.
    pub redirect_host: &'a str,
    /// Where connections are changed and withdrawn.
    pub connections: Option<Href<'a>>,
}

/// For whom somebody gives access.
#[derive(Debug, Clone, Copy)]
pub enum Party<'a> {
    /// For everyone in this organization, whose application this becomes.
    Everyone(Name<'a>),
    /// For themself, as a member of this organization.
    Member(Name<'a>),
    /// For themself, and for no organization.
    Person,
    /// As somebody who acts for this organization; the application is no organization's.
    ActsFor(Name<'a>),
}

/// One scope an application asks for.
#[derive(Debug, Clone, Copy)]
pub struct AskedScope<'a> {
    /// Its name in the protocol.
    pub name: &'a str,
    /// What it allows, in words; the scopes of OpenID Connect have words of their own.
    pub description: Option<&'a str>,
    /// Whether the person may leave it out.
    pub optional: bool,
    /// Whether it is asked for the first time; all are when the person never consented before.
    pub new: bool,
}

/// A host name, which reads from left to right in every language.
struct Host<'a>(&'a str);

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<code dir=\"ltr\">{}</code>", Name(self.0))
    }
}

impl HtmlSafe for Host<'_> {}

/// A heading and the permissions under it.
struct Group<'a> {
    heading: Heading<'a>,
    permissions: Vec<Permission<'a>>,
}

enum Heading<'a> {
    Plain(&'static str),
    Of(Name<'a>),
}

/// A scope in words.
pub(super) struct Permission<'a> {
    pub(super) scope: &'a str,
    pub(super) words: Words<'a>,
    optional: bool,
}

/// What a scope allows.
pub(super) enum Words<'a> {
    /// Ours: what it allows, and a remark.
    Known(&'static str, &'static str),
    /// The resource server's.
    Described(Name<'a>),
    /// Only the name is known.
    Unnamed,
}

impl Consent<'_> {
    /// Whether part of this was allowed before, so that only the difference is being asked.
    fn returning(&self) -> bool {
        self.scopes.iter().any(|scope| !scope.new)
    }

    /// For whom the person decides, in words.
    fn for_whom(&self) -> Option<Sentence<Name<'_>>> {
        let texts = self.frame.connections();
        Some(match self.party? {
            Party::Everyone(organization) => fill(texts.connects_for_all, organization),
            Party::Member(organization) => fill(texts.connects_for_you, organization),
            Party::Person => fill(texts.connects_yourself, Name("")),
            Party::ActsFor(organization) => fill(texts.acts_for, organization),
        })
    }

    /// What the page is called where connections are changed and withdrawn.
    fn connections_page(&self) -> &'static str {
        match self.party {
            Some(Party::Person) => self.frame.account().applications,
            _ => self.frame.connections().connections,
        }
    }

    fn host(&self) -> Host<'_> {
        Host(self.redirect_host)
    }

    /// Whether something that is asked for the first time can be left out, or something that was allowed before.
    fn has_optional(&self, new: bool) -> bool {
        self.scopes.iter().any(|scope| scope.optional && scope.new == new)
    }

    /// The scopes asked for the first time (or those allowed before), grouped by what they reach.
    fn groups(&self, new: bool) -> Vec<Group<'_>> {
        let texts = self.frame.texts();
        let chosen = || self.scopes.iter().filter(move |scope| scope.new == new);
        let of = |kind| chosen().filter(move |scope| kind_of(scope.name) == kind).map(|scope| permission(scope, texts));
        let access = self.resource.map_or(Heading::Plain(texts.group_access), Heading::Of);
        let groups = [
            Group { heading: Heading::Plain(texts.group_identity), permissions: of(Kind::Identity).collect() },
            Group { heading: access, permissions: of(Kind::Access).collect() },
            Group { heading: Heading::Plain(texts.group_offline), permissions: of(Kind::Offline).collect() },
        ];
        groups.into_iter().filter(|group| !group.permissions.is_empty()).collect()
    }
}

impl Page for Consent<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Identity,
    Access,
    Offline,
}

fn kind_of(scope: &str) -> Kind {
    match scope {
        "openid" | "profile" | "email" => Kind::Identity,
        "offline_access" => Kind::Offline,
        _ => Kind::Access,
    }
}

pub(super) fn permission<'a>(scope: &AskedScope<'a>, texts: &'static Texts) -> Permission<'a> {
    let words = match (scope.name, scope.description) {
        ("openid", _) => Words::Known(texts.scope_openid, texts.scope_openid_note),
        ("profile", _) => Words::Known(texts.scope_profile, ""),
        ("email", _) => Words::Known(texts.scope_email, ""),
        ("offline_access", _) => Words::Known(texts.scope_offline, texts.scope_offline_note),
        (_, Some(text)) if !text.trim().is_empty() => Words::Described(Name(text)),
        _ => Words::Unnamed,
    };
    Permission { scope: scope.name, words, optional: scope.optional }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{render, samples},
        *,
    };

    fn body(page: &Consent<'_>) -> String {
        render(page).unwrap().body
    }

    #[test]
    fn the_decision_is_one_of_two_buttons() {
        let html = body(&samples::consent());
        assert!(html.contains(r#"name="decision" value="allow""#) && html.contains(r#"name="decision" value="deny""#));
        // Enter in a checkbox presses the first button, so that one is the harmless one.
        assert!(html.find(r#"value="deny""#) < html.find(r#"value="allow""#));
    }

    #[test]
    fn everything_a_person_needs_to_decide_is_shown() {
        let html = body(&samples::consent());
        for text in [
            "Ledger Robot",
            "Acme Works",
            "ada@example.test",
            "ledger.example",
            "Use another account",
            "nothing is shared",
        ] {
            assert!(html.contains(text), "{text}");
        }
    }

    #[test]
    fn it_says_for_whom_the_decision_is() {
        let acme = Name("Acme Works");
        for (party, sentence) in [
            (Party::Everyone(acme), "for everyone in <bdi>Acme Works</bdi>"),
            (Party::Member(acme), "for you alone, as a member of <bdi>Acme Works</bdi>"),
            (Party::Person, "for you alone, and for no organization"),
            (Party::ActsFor(acme), "You act for <bdi>Acme Works</bdi>"),
        ] {
            let html = body(&Consent { party: Some(party), ..samples::consent() });
            assert!(html.contains(sentence), "{sentence}");
        }
        assert!(!body(&Consent { party: None, ..samples::consent() }).contains("for-whom"));
    }

    #[test]
    fn only_optional_scopes_are_checkboxes_and_they_start_ticked() {
        let html = body(&samples::consent());
        assert_eq!(html.matches(r#"type="checkbox""#).count(), 2);
        assert!(html.contains(r#"<input type="checkbox" name="scope" value="email" checked>"#));
        assert!(html.contains(r#"<input type="checkbox" name="scope" value="invoices:write" checked>"#));
    }

    #[test]
    fn scopes_are_told_in_words_where_there_are_any() {
        let html = body(&samples::consent());
        for text in ["See your name", "See your e-mail address", "Stay connected", "Read your invoices"] {
            assert!(html.contains(text), "{text}");
        }
        assert!(html.contains("<code dir=\"ltr\">reports:read</code>"));
        let scopes = [AskedScope { name: "x", description: Some(" "), optional: false, new: true }];
        assert!(body(&Consent { scopes: &scopes, ..samples::consent() }).contains("<code dir=\"ltr\">x</code>"));
    }

    #[test]
    fn new_scopes_are_marked_only_when_others_were_allowed_before() {
        let html = body(&samples::consent());
        assert!(!html.contains("class=\"new\"") && !html.contains("<details"));
        let html = body(&samples::consent_again());
        assert_eq!(html.matches("class=\"new\"").count(), 1);
        assert!(html.contains("<details") && html.contains("Allowed before"));
    }

    #[test]
    fn the_hint_to_untick_stands_where_there_is_something_to_untick() {
        let hint = "Untick what you would rather not share.";
        let html = body(&samples::consent_again());
        assert!(html.find(hint).unwrap() < html.find("<details").unwrap() && html.matches(hint).count() == 1);
        let known = [AskedScope { name: "email", description: None, optional: true, new: false }];
        let html = body(&Consent { scopes: &known, ..samples::consent() });
        let inside = html.split("<details").nth(1).unwrap().split("</details>").next().unwrap();
        assert!(inside.contains(hint) && html.matches(hint).count() == 1);
        let required = [AskedScope { optional: false, ..known[0] }];
        assert!(!body(&Consent { scopes: &required, ..samples::consent() }).contains(hint));
    }

    #[test]
    fn what_others_chose_is_shown_as_text() {
        let evil = "<img src=x onerror=alert(1)>\u{202e}\"'";
        let scopes = [AskedScope { name: "a", description: Some(evil), optional: true, new: true }];
        let page = Consent {
            client: Name(evil),
            publisher: Some(Name(evil)),
            party: Some(Party::Everyone(Name(evil))),
            account: Account { name: Some(Name(evil)), email: Name(evil) },
            resource: Some(Name(evil)),
            scopes: &scopes,
            redirect_host: evil,
            ..samples::consent()
        };
        let html = body(&page);
        assert!(!html.contains("<img") && !html.contains('\u{202e}'));
        assert!(html.matches("&#60;img src=x onerror=alert(1)&#62;&#34;&#39;").count() >= 8);
    }
}
