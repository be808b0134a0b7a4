//! What several pages have in common.

use super::{
    Href, Language, Name, assets,
    name::{Sentence, fill},
    texts::{self, Texts},
};

/// What surrounds every page.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The language of the page, from [`negotiate`](super::negotiate).
    pub language: Language,
    /// The environment a person signs in to: its handle or host.
    pub environment: Name<'a>,
    /// Where help is found, shown at the same place on every page.
    pub help: Option<Href<'a>>,
}

impl Frame<'_> {
    pub(crate) const fn texts(&self) -> &'static Texts {
        texts::of(self.language)
    }

    pub(crate) const fn account(&self) -> &'static texts::account::Account {
        texts::account::account(self.language)
    }

    pub(crate) const fn connections(&self) -> &'static texts::connections::Connections {
        texts::connections::connections(self.language)
    }

    /// When to try again, in whole minutes and at least one.
    pub(crate) fn wait(&self, seconds: u32) -> Sentence<u32> {
        let minutes = seconds.div_ceil(60).max(1);
        let texts = self.texts();
        fill(if minutes == 1 { texts.wait_minute } else { texts.wait_minutes }, minutes)
    }

    pub(crate) fn style(&self) -> &'static str {
        assets::style()
    }

    pub(crate) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(crate) fn icon(&self) -> &'static str {
        assets::icon()
    }
}

/// Where a form is posted to and what it carries unseen.
#[derive(Debug, Clone, Copy)]
pub struct Form<'a> {
    /// The path it is posted to.
    pub action: &'a str,
    /// The token of [`csrf`](crate::csrf).
    pub csrf: &'a str,
    /// The sealed request the page belongs to; the field is left out when there is none.
    pub handle: Option<&'a str>,
    /// The language that the client asked for, for the pages that follow: the field `ui_locales`.
    pub ui_locales: Option<Language>,
}

/// The account someone is signed in with.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The person's name, when known.
    pub name: Option<Name<'a>>,
    /// The e-mail address.
    pub email: Name<'a>,
}

impl Account<'_> {
    pub(crate) fn initial(&self) -> String {
        self.name.unwrap_or(self.email).initial()
    }
}
