//! Pages that only say something.

use askama::Template;

use super::super::{
    Frame, Href, Name, Page, Policy,
    name::{Sentence, fill},
};

/// Says what was done, or why it was not.
#[derive(Debug, Template)]
#[template(path = "account/notice.html")]
pub struct NoticePage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What it says.
    pub notice: Notice<'a>,
}

/// What there is to say.
#[derive(Debug, Clone, Copy)]
pub enum Notice<'a> {
    /// The address was changed to this one.
    EmailChanged(Name<'a>),
    /// The link was used, is too old, or was replaced.
    LinkDead,
    /// The account was deleted.
    Deleted,
}

impl NoticePage<'_> {
    const fn title(&self) -> &'static str {
        let texts = self.frame.account();
        match self.notice {
            Notice::EmailChanged(_) => texts.email_changed,
            Notice::LinkDead => texts.link_dead,
            Notice::Deleted => texts.deleted,
        }
    }

    fn note(&self) -> Sentence<Name<'_>> {
        let texts = self.frame.account();
        match self.notice {
            Notice::EmailChanged(email) => fill(texts.email_changed_note, email),
            Notice::LinkDead => fill(texts.link_dead_note, Name("")),
            Notice::Deleted => fill(texts.deleted_note, Name("")),
        }
    }

    /// Where one goes on, if there is still an account.
    fn onward(&self) -> Option<Href<'static>> {
        match self.notice {
            Notice::Deleted => None,
            Notice::EmailChanged(_) | Notice::LinkDead => Href::parse("/account"),
        }
    }
}

impl Page for NoticePage<'_> {
    const POLICY: Policy = Policy::Stays;

    fn frame(&self) -> &Frame<'_> {
        &self.frame
    }
}
