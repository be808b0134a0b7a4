//! Name and language.

use askama::Template;
use paylent_domain::language::Language;

use super::{Around, Field, Problems, Section, stays_here, wrong_with};
use crate::pages::{Form, Frame, Name};

/// Shows and changes name and language: fields `first_name`, `last_name`, `language`.
#[derive(Debug, Template)]
#[template(path = "account/profile.html")]
pub struct ProfilePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The given name, or what was typed.
    pub first_name: &'a str,
    /// The family name, or what was typed.
    pub last_name: &'a str,
    /// The language; none for that of the browser.
    pub chosen: Option<Language>,
    /// The address.
    pub email: Name<'a>,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// What is wrong with what was typed.
    pub problems: Problems,
}

impl ProfilePage<'_> {
    fn names(&self) -> [Field<'_>; 2] {
        let texts = self.frame.account();
        let field = |name, autocomplete, label, value| {
            let field = Field { name, kind: "text", autocomplete, label, value, hint: None, wrong: None };
            field.judged(&self.problems, texts)
        };
        [
            field("first_name", "given-name", texts.first_name, self.first_name),
            field("last_name", "family-name", texts.last_name, self.last_name),
        ]
    }

    /// The tag of each language, what it calls itself, and whether it is the one that was chosen.
    fn languages(&self) -> [(&'static str, &'static str, bool); 3] {
        Language::ALL.map(|language| (language.tag(), own_name(language), self.chosen == Some(language)))
    }
}

/// What a language calls itself.
const fn own_name(language: Language) -> &'static str {
    match language {
        Language::English => "English",
        Language::Dutch => "Nederlands",
        Language::German => "Deutsch",
    }
}

stays_here!(ProfilePage);
