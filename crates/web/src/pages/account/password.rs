//! The password.

use askama::Template;

use super::{Around, Field, Problems, Section, stays_here};
use crate::pages::{Form, Frame};

/// Changes the password: fields `current_password`, `password`, `password_confirmation`.
#[derive(Debug, Template)]
#[template(path = "account/password.html")]
pub struct PasswordPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The address, for password managers.
    pub email: &'a str,
    /// How many characters it has at least.
    pub minimum: usize,
    /// What is wrong with what was typed.
    pub problems: Problems,
}

impl PasswordPage<'_> {
    fn fields(&self) -> [Field<'_>; 3] {
        let texts = self.frame.account();
        let hint = Some(texts.password_note.replace("{}", &self.minimum.to_string()));
        let fields = [
            Field::password("current_password", "current-password", texts.current_password),
            Field { hint, ..Field::password("password", "new-password", texts.new_password) },
            Field::password("password_confirmation", "new-password", texts.repeat_password),
        ];
        fields.map(|field| field.judged(&self.problems, texts))
    }
}

stays_here!(PasswordPage);
