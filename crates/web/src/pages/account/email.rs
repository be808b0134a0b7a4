//! The e-mail address: the wish for another one, and its proof.

use askama::Template;

use super::{Around, Field, Problems, Section, stays_here};
use crate::pages::{Form, Frame, Name};

/// Shows the address and asks for another: fields `email`, `current_password`.
#[derive(Debug, Template)]
#[template(path = "account/email.html")]
pub struct EmailPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The address.
    pub email: Name<'a>,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// The address that waits to be proved.
    pub pending: Option<Name<'a>>,
    /// What was typed as the new address.
    pub typed: &'a str,
    /// What is wrong with what was typed.
    pub problems: Problems,
}

impl EmailPage<'_> {
    fn fields(&self) -> [Field<'_>; 2] {
        let texts = self.frame.account();
        let (label, value) = (texts.new_email, self.typed);
        let email =
            Field { name: "email", kind: "email", autocomplete: "email", label, value, hint: None, wrong: None };
        let password = Field::password("current_password", "current-password", texts.current_password);
        [email, password].map(|field| field.judged(&self.problems, texts))
    }
}

/// Asks whoever followed the link to confirm: hidden field `token`. Also for browsers in which nobody is signed in.
#[derive(Debug, Template)]
#[template(path = "account/confirm_email.html")]
pub struct ConfirmEmailPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The link's secret.
    pub token: &'a str,
    /// The address that the account has.
    pub old: Name<'a>,
    /// The address that it gets.
    pub new: Name<'a>,
}

stays_here!(EmailPage, ConfirmEmailPage);
