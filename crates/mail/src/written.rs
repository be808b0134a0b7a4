//! A letter in words: what its reader sees, before it becomes a message.

use askama::Template;
use paylent_domain::language::Language;

use crate::{
    About, Error, Letter,
    texts::{self, Texts, Words, fill},
};

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 100;

/// A letter in words.
pub(crate) struct Written {
    /// What stands in front of our address: the environment's name.
    pub(crate) sender: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct TextPart<'a> {
    texts: &'static Texts,
    lead: &'a str,
    code: Option<&'a str>,
    link: Option<&'a str>,
    action: &'static str,
    after: &'a str,
    signature: &'a str,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct HtmlPart<'a> {
    language: Language,
    subject: &'a str,
    texts: &'static Texts,
    lead: &'a str,
    code: Option<&'a str>,
    link: Option<&'a str>,
    action: &'static str,
    after: &'a str,
    signature: &'a str,
}

/// What differs from letter to letter.
struct Parts<'a> {
    words: &'static Words,
    code: Option<&'a str>,
    link: Option<&'a str>,
    /// The places of the words and what stands there.
    values: Vec<(&'static str, String)>,
}

impl Letter {
    /// Puts it into words.
    ///
    /// # Errors
    /// A link leads elsewhere than to the environment.
    pub(crate) fn write(&self) -> Result<Written, Error> {
        let texts = texts::of(self.language);
        let environment = name(&self.environment);
        let mut parts = self.about.parts(texts);
        if parts.link.is_some_and(|link| !self.leads_to(link)) {
            return Err(Error::Link);
        }
        parts.values.push(("environment", environment.clone()));
        let values: Vec<(&str, &str)> = parts.values.iter().map(|(place, value)| (*place, value.as_str())).collect();
        let (subject, lead) = (fill(parts.words.subject, &values), fill(parts.words.lead, &values));
        let (after, signature) = (fill(parts.words.after, &values), fill(texts.sent_by, &values));
        let (code, link, action) = (parts.code, parts.link, parts.words.action);
        let (lead, after, signature) = (lead.as_str(), after.as_str(), signature.as_str());
        let text = TextPart { texts, lead, code, link, action, after, signature }.render()?;
        let language = self.language;
        let html =
            HtmlPart { language, subject: &subject, texts, lead, code, link, action, after, signature }.render()?;
        Ok(Written { sender: environment, subject, text, html })
    }

    /// Whether a link is one under the environment's own address.
    fn leads_to(&self, link: &str) -> bool {
        let path = link.strip_prefix(&self.base_url).unwrap_or_default();
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl About {
    fn parts(&self, texts: &'static Texts) -> Parts<'_> {
        let with = |words, link, values| Parts { words, code: None, link, values };
        match self {
            Self::Passcode { passcode, minutes } => Parts {
                words: &texts.passcode,
                code: Some(passcode),
                link: None,
                values: vec![("time", texts.minutes(*minutes))],
            },
            Self::AlreadyRegistered { reset_link } => with(&texts.already_registered, Some(reset_link), vec![]),
            Self::PasswordReset { link, minutes } => {
                with(&texts.password_reset, Some(link), vec![("time", texts.minutes(*minutes))])
            }
            Self::PasswordChanged { reset_link } => with(&texts.password_changed, Some(reset_link), vec![]),
            Self::EmailChange { link, minutes } => {
                with(&texts.email_change, Some(link), vec![("time", texts.minutes(*minutes))])
            }
            Self::EmailChanged { email } => with(&texts.email_changed, None, vec![("email", line(email, usize::MAX))]),
            Self::Invitation { organization, inviter, link, days } => {
                let mut values = vec![("organization", name(organization)), ("time", texts.days(*days))];
                values.extend(inviter.as_ref().map(|inviter| ("inviter", name(inviter))));
                let words = if inviter.is_some() { &texts.invitation } else { &texts.invitation_by_nobody };
                with(words, Some(link), values)
            }
            Self::SignInAfterFailures { failures, ip, reset_link } => {
                let values = vec![("failures", texts.times(*failures)), ("ip", name(ip))];
                with(&texts.sign_in_after_failures, Some(reset_link), values)
            }
            Self::ForeignAddress { application, ip, at, token, refused } => {
                let mut values = vec![("application", name(application)), ("ip", name(ip)), ("at", name(at))];
                values.extend(token.as_ref().map(|token| ("token", name(token))));
                let words = match (token, refused) {
                    (Some(_), true) => &texts.foreign_token_revoked,
                    (Some(_), false) => &texts.foreign_token_observed,
                    (None, true) => &texts.foreign_secret_refused,
                    (None, false) => &texts.foreign_secret_observed,
                };
                with(words, None, values)
            }
            Self::AccountDeleted => with(&texts.account_deleted, None, vec![]),
        }
    }
}

/// A name that somebody chose, fit to stand in a sentence and in a header: one line, not long, and nothing in it that
/// ends a line or turns the direction of what follows.
fn name(text: &str) -> String {
    line(text, MAX_NAME)
}

fn line(text: &str, longest: usize) -> String {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !is_format(c);
    let words: Vec<&str> = text.split(|c| !is_plain(c)).filter(|word| !word.is_empty()).collect();
    let whole = words.join(" ");
    match whole.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", whole[..end].trim_end()),
        None => whole,
    }
}

/// Characters that are not seen but change how others are: marks of direction, separators, what has no width.
const fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
