//! Before the permissions of an application that is in use are changed.

use askama::Template;

use super::{Offered, Place};
use crate::pages::{Form, Frame, Name, account::stays_here, consent::Words, name::fill};

/// Says what other permissions do to those who use an application, and asks whether it shall have them. Posts what was
/// typed once more, and `confirmed`.
#[derive(Debug, Template)]
#[template(path = "connections/confirmation.html")]
pub struct ConfirmationPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// What the application is called.
    pub name: Name<'a>,
    /// What it can no longer do, if anybody loses that.
    pub removed: &'a [Offered],
    /// How many connections lose something.
    pub connections: i64,
    /// How many static tokens do.
    pub tokens: i64,
    /// What people are asked for, if anybody is connected.
    pub added: &'a [Offered],
    /// How many connections are asked.
    pub asked: i64,
    /// What was typed, field by field.
    pub typed: &'a [(&'static str, String)],
    /// Where nothing is changed.
    pub back: &'a str,
}

impl ConfirmationPage<'_> {
    /// What is lost comes before what is asked.
    const fn title(&self) -> &'static str {
        let texts = self.frame.connections();
        if self.removed.is_empty() { texts.addition_title } else { texts.removal_title }
    }
}

stays_here!(ConfirmationPage);
