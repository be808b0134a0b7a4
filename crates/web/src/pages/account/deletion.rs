//! The end of an account.

use askama::Template;

use super::{Around, Field, Problems, Section, stays_here};
use crate::pages::{Form, Frame, Name, name::fill};

/// Asks for proof before the account is deleted: fields `email`, `current_password`.
#[derive(Debug, Template)]
#[template(path = "account/delete.html")]
pub struct DeletionPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The address of the account.
    pub email: Name<'a>,
    /// What was typed as the address.
    pub typed: &'a str,
    /// Why the account cannot be deleted.
    pub obstacle: Option<Obstacle>,
    /// What is wrong with what was typed.
    pub problems: Problems,
}

/// Why an account cannot be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Nobody else could administer the environment, or an organization that others belong to.
    LastAdmin,
    /// Clients act for this person.
    ActingClients,
}

impl DeletionPage<'_> {
    fn fields(&self) -> [Field<'_>; 2] {
        let texts = self.frame.account();
        let (label, value) = (texts.type_email, self.typed);
        let email = Field { name: "email", kind: "email", autocomplete: "off", label, value, hint: None, wrong: None };
        let password = Field::password("current_password", "current-password", texts.current_password);
        [email, password].map(|field| field.judged(&self.problems, texts))
    }

    const fn refusal(&self) -> Option<&'static str> {
        let texts = self.frame.account();
        match self.obstacle {
            Some(Obstacle::LastAdmin) => Some(texts.last_admin_somewhere),
            Some(Obstacle::ActingClients) => Some(texts.acting_clients),
            None => None,
        }
    }
}

stays_here!(DeletionPage);
