//! A forgotten password: asking for a link, and choosing another password by it.

use askama::Template;

use super::{
    Form, Frame, Href, Page, Policy,
    name::{Sentence, fill},
    texts::{self, Reset},
};

/// Asks for the address to send a link to: input `email`.
#[derive(Debug, Template)]
#[template(path = "forgot_password.html")]
pub struct ForgotPassword<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// What was typed before.
    pub email: &'a str,
    /// Why nothing was sent.
    pub problem: Option<ForgotProblem>,
}

/// Why no link was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForgotProblem {
    /// It is no address.
    Email,
    /// The form was too old or not from this browser.
    Stale,
    /// There were too many mails lately.
    TooMany {
        /// Seconds until the next attempt is worth while, as in `Retry-After`.
        retry_after: u32,
    },
}

/// Says that a mail is on its way, if there is an account.
#[derive(Debug, Template)]
#[template(path = "reset_sent.html")]
pub struct ResetSent<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
}

/// Asks for a new password: inputs `password` and `password_confirmation`.
#[derive(Debug, Template)]
#[template(path = "reset_password.html")]
pub struct NewPassword<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The secret of the link.
    pub token: &'a str,
    /// Whose password it is, for those who keep passwords for people.
    pub email: &'a str,
    /// Why the last password was not taken.
    pub problem: Option<PasswordProblem>,
}

/// Why a password was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProblem {
    /// It has fewer characters than it may have.
    Short(usize),
    /// It is too long, or has control characters.
    Unusable,
    /// It is common, or the person's name.
    Guessable,
    /// The repetition is not the same.
    Different,
    /// The form was too old or not from this browser.
    Stale,
    /// No capacity right now (503).
    Busy,
}

/// Says that the link is of no use any more.
#[derive(Debug, Template)]
#[template(path = "reset_dead.html")]
pub struct DeadLink<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where another link is asked for.
    pub again: Option<Href<'a>>,
}

/// Says that the password is set.
#[derive(Debug, Template)]
#[template(path = "reset_done.html")]
pub struct PasswordSet<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where one signs in to what one came for.
    pub sign_in: Option<Href<'a>>,
}

impl ForgotPassword<'_> {
    const fn reset(&self) -> &'static Reset {
        texts::reset(self.frame.language)
    }

    fn wrong(&self) -> bool {
        self.problem == Some(ForgotProblem::Email)
    }

    /// When to try again, after too many mails.
    fn wait(&self) -> Option<Sentence<u32>> {
        match self.problem {
            Some(ForgotProblem::TooMany { retry_after }) => Some(self.frame.wait(retry_after)),
            _ => None,
        }
    }
}

impl ResetSent<'_> {
    const fn reset(&self) -> &'static Reset {
        texts::reset(self.frame.language)
    }
}

impl NewPassword<'_> {
    const fn reset(&self) -> &'static Reset {
        texts::reset(self.frame.language)
    }

    /// What is wrong, in a sentence.
    fn complaint(&self) -> Option<Sentence<usize>> {
        let (texts, reset) = (self.frame.texts(), self.reset());
        let (text, number) = match self.problem? {
            PasswordProblem::Short(least) => (reset.too_short, least),
            PasswordProblem::Unusable => (reset.unusable, 0),
            PasswordProblem::Guessable => (reset.guessable, 0),
            PasswordProblem::Different => (reset.different, 0),
            PasswordProblem::Stale => (texts.stale, 0),
            PasswordProblem::Busy => (texts.busy, 0),
        };
        Some(fill(text, number))
    }

    /// Whether what was typed is to blame.
    fn wrong(&self) -> bool {
        !matches!(self.problem, None | Some(PasswordProblem::Stale | PasswordProblem::Busy))
    }
}

impl DeadLink<'_> {
    const fn reset(&self) -> &'static Reset {
        texts::reset(self.frame.language)
    }
}

impl PasswordSet<'_> {
    const fn reset(&self) -> &'static Reset {
        texts::reset(self.frame.language)
    }
}

/// None of these pages leads to another site.
macro_rules! stays {
    ($($page:ident),*) => {
        $(impl Page for $page<'_> {
            const POLICY: Policy = Policy::Stays;

            fn frame(&self) -> &Frame<'_> {
                &self.frame
            }
        })*
    };
}

stays!(ResetSent, DeadLink, PasswordSet);

impl Page for ForgotPassword<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

impl Page for NewPassword<'_> {
    const POLICY: Policy = Policy::MayLeave;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{render, samples},
        *,
    };

    #[test]
    fn what_was_typed_stays_and_what_is_wrong_is_described() {
        let page =
            ForgotPassword { email: "\"><b>", problem: Some(ForgotProblem::Email), ..samples::forgot_password() };
        let html = render(&page).unwrap().body;
        assert!(html.contains(r#"value="&#34;&#62;&#60;b&#62;""#) && html.contains(r#"aria-invalid="true""#));
        let page = NewPassword { problem: Some(PasswordProblem::Short(12)), ..samples::new_password() };
        let html = render(&page).unwrap().body;
        assert!(html.contains("12") && html.contains(r#"role="alert""#));
        assert!(html.contains(r#"autocomplete="new-password""#) && html.contains(r#"name="token" value="secret""#));
        let busy = NewPassword { problem: Some(PasswordProblem::Busy), ..samples::new_password() };
        assert!(!render(&busy).unwrap().body.contains("aria-invalid"));
    }
}
