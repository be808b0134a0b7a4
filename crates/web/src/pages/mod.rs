//! What people see while they sign in: one struct per page, rendered from the askama template of the same name.
//!
//! A page holds plain values and knows nothing about requests. [`render`] gives its HTML together with the headers that
//! keep it safe; the host adds the status code.

pub mod account;
pub mod assets;
mod choose_account;
mod choose_organization;
pub mod connections;
mod consent;
mod fault;
mod form_post;
mod frame;
pub mod headers;
mod href;
mod invitation;
mod language;
mod mailbox;
mod name;
mod password;
mod person;
mod register;
#[cfg(test)]
mod samples;
mod sign_in;
mod sign_out;
mod texts;

pub use choose_account::ChooseAccount;
pub use choose_organization::ChooseOrganization;
pub use consent::{AskedScope, Consent, Party};
pub use fault::{Fault, FaultPage};
pub use form_post::{Destination, FormPost};
pub use frame::{Account, Form, Frame};
pub use headers::Policy;
pub use href::Href;
pub use invitation::{Invitation, InvitationOutcome, Outcome, Way};
pub use language::{asked, negotiate};
pub use mailbox::{Mailbox, ShownMail};
pub use name::Name;
pub use password::{DeadLink, ForgotPassword, ForgotProblem, NewPassword, PasswordProblem, PasswordSet, ResetSent};
pub use paylent_domain::language::Language;
pub use person::{PersonFaults, PersonFields};
pub use register::{RegisterClosed, RegisterCode, RegisterEmail, RegisterPerson, RegisterProblem, Welcome};
pub use sign_in::{SignIn, SignInProblem};
pub use sign_out::{SignOut, SignedOut, Stayed};

use askama::Template;

/// A template that is a whole page.
pub trait Page: Template {
    /// Whether a form of this page may send the browser to another site.
    const POLICY: Policy;

    /// What every page has.
    fn frame(&self) -> &Frame<'_>;
}

/// A rendered page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Html {
    /// The document, UTF-8.
    pub body: String,
    policy: Policy,
    language: Language,
}

impl Html {
    /// Every header of the answer but `Strict-Transport-Security` and `Content-Length`.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let own = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Language", self.language.tag()),
            ("Content-Security-Policy", self.policy.content_security_policy()),
        ];
        own.into_iter().chain(headers::COMMON)
    }
}

/// Writes a page out.
///
/// # Errors
/// A value in the page refuses to be formatted; none of ours does.
pub fn render<P: Page>(page: &P) -> Result<Html, askama::Error> {
    Ok(Html { body: page.render()?, policy: P::POLICY, language: page.frame().language })
}

#[cfg(test)]
mod tests;
