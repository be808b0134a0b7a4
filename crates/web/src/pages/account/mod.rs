//! The account pages: what a person sees and changes of the own account.

mod applications;
mod data;
mod deletion;
mod device;
mod email;
mod notice;
mod organizations;
mod password;
mod profile;
#[cfg(test)]
pub(crate) mod samples;
mod sessions;

pub use applications::{Application, ApplicationsPage};
pub use data::DataPage;
pub use deletion::{DeletionPage, Obstacle};
pub use email::{ConfirmEmailPage, EmailPage};
pub use notice::{Notice, NoticePage};
pub use organizations::{OrganizationsPage, OwnInvitation, OwnMembership};
pub use password::PasswordPage;
pub use profile::ProfilePage;
pub use sessions::{OwnSession, SessionsPage};

use std::fmt;

use askama::filters::HtmlSafe;
use paylent_domain::Timestamp;

use super::{Form, texts::account::Account as Texts};

/// One of the account pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Name and language.
    Profile,
    /// The e-mail address.
    Email,
    /// The password.
    Password,
    /// Where the person is signed in.
    Sessions,
    /// What applications may do.
    Applications,
    /// Where the person belongs.
    Organizations,
    /// What is known about the person.
    Data,
    /// The end of the account.
    Deletion,
}

impl Section {
    /// All, in the order of the navigation.
    pub const ALL: [Self; 8] = [
        Self::Profile,
        Self::Email,
        Self::Password,
        Self::Sessions,
        Self::Applications,
        Self::Organizations,
        Self::Data,
        Self::Deletion,
    ];

    /// Where it is.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Profile => "/account",
            Self::Email => "/account/email",
            Self::Password => "/account/password",
            Self::Sessions => "/account/sessions",
            Self::Applications => "/account/applications",
            Self::Organizations => "/account/organizations",
            Self::Data => "/account/data",
            Self::Deletion => "/account/delete",
        }
    }

    const fn title(self, texts: &Texts) -> &'static str {
        match self {
            Self::Profile => texts.profile,
            Self::Email => texts.email,
            Self::Password => texts.password,
            Self::Sessions => texts.sessions,
            Self::Applications => texts.applications,
            Self::Organizations => texts.organizations,
            Self::Data => texts.data,
            Self::Deletion => texts.delete,
        }
    }
}

/// What surrounds an account page besides the frame.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Which page it is.
    pub section: Section,
    /// Where the person signs out.
    pub sign_out: Form<'a>,
    /// Whether what the person did a moment ago is done.
    pub done: bool,
}

/// What is wrong with a field of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// No name.
    Name,
    /// No language of ours.
    Language,
    /// No address.
    Email,
    /// The address that the person has.
    SameEmail,
    /// Not the current password.
    Password,
    /// Too short for a password.
    ShortPassword,
    /// No password that anybody may have.
    UnfitPassword,
    /// A password that is guessed first.
    GuessablePassword,
    /// Not what was typed before.
    OtherPassword,
    /// Not the address of the account.
    Confirmation,
}

impl Wrong {
    const fn text(self, texts: &Texts) -> &'static str {
        match self {
            Self::Name => texts.wrong_name,
            Self::Language => texts.wrong_language,
            Self::Email => texts.wrong_email,
            Self::SameEmail => texts.same_email,
            Self::Password => texts.wrong_password,
            Self::ShortPassword => texts.password_short,
            Self::UnfitPassword => texts.password_unfit,
            Self::GuessablePassword => texts.password_guessable,
            Self::OtherPassword => texts.password_differs,
            Self::Confirmation => texts.wrong_confirmation,
        }
    }
}

/// What is wrong with a form: names of fields, which are also the ids of their inputs, and why.
pub type Problems = Vec<(&'static str, Wrong)>;

/// What is wrong with the field of this name.
fn wrong_with(problems: &[(&str, Wrong)], field: &str) -> Option<Wrong> {
    problems.iter().find(|(name, _)| *name == field).map(|(_, wrong)| *wrong)
}

/// A moment, which a script shows in the time of the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.to_string();
        let (day, time) = exact.split_once('T').unwrap_or((&exact, ""));
        write!(f, "<time datetime=\"{exact}\">{day} {} UTC</time>", time.get(..5).unwrap_or_default())
    }
}

impl HtmlSafe for Moment {}

/// One input of a form, with its label and what is wrong with it.
#[derive(Debug, askama::Template)]
#[template(path = "account/field.html")]
struct Field<'a> {
    name: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    label: &'static str,
    value: &'a str,
    hint: Option<String>,
    wrong: Option<&'static str>,
}

impl HtmlSafe for Field<'_> {}

impl Field<'static> {
    /// A password, which is never filled in.
    fn password(name: &'static str, autocomplete: &'static str, label: &'static str) -> Self {
        Self { name, kind: "password", autocomplete, label, value: "", hint: None, wrong: None }
    }
}

impl Field<'_> {
    /// With what is wrong about it.
    fn judged(self, problems: &[(&str, Wrong)], texts: &Texts) -> Self {
        Self { wrong: wrong_with(problems, self.name).map(|wrong| wrong.text(texts)), ..self }
    }
}

/// Implements [`Page`](super::Page) for account pages, whose forms stay here.
macro_rules! stays_here {
    ($($page:ident),*) => {$(
        impl $crate::pages::Page for $page<'_> {
            const POLICY: $crate::pages::Policy = $crate::pages::Policy::Returns;

            fn frame(&self) -> &$crate::pages::Frame<'_> {
                &self.frame
            }
        }
    )*};
}
pub(in crate::pages) use stays_here;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_in_the_navigation_and_one_is_the_present() {
        let frame = crate::pages::samples::frame();
        for (name, html) in samples::all(frame) {
            let inside = html.body.contains("<nav");
            assert_eq!(html.body.matches(r#"aria-current="page""#).count(), usize::from(inside), "{name}");
            assert!(
                !inside
                    || Section::ALL.iter().all(|section| html.body.contains(&format!("href=\"{}\"", section.path())))
            );
        }
    }

    #[test]
    fn a_field_that_is_wrong_is_named_and_described() {
        let frame = crate::pages::samples::frame();
        let (_, html) = samples::all(frame).into_iter().find(|(name, _)| *name == "account-password-short").unwrap();
        assert!(html.body.contains(r#"role="alert""#) && html.body.contains(r##"<a href="#password">"##));
        assert_eq!(html.body.matches(r#"aria-invalid="true""#).count(), 2);
        assert!(html.body.contains(r#"aria-describedby="password-error password-hint""#));
        assert!(html.body.contains("At least 8 characters"));
    }

    #[test]
    fn a_moment_is_told_in_words_and_to_scripts() {
        let moment = Moment(Timestamp::from_seconds(1_793_000_000));
        assert_eq!(moment.to_string(), "<time datetime=\"2026-10-26T07:33:20.000000Z\">2026-10-26 07:33 UTC</time>");
    }
}
