//! Before permissions are taken from an application that is in use.

use askama::Template;

use super::{Offered, Place};
use crate::pages::{Form, Frame, Name, account::stays_here, consent::Words, name::fill};

/// Asks whether permissions shall be removed, and says what that does. Posts what was typed once more, and `confirmed`.
#[derive(Debug, Template)]
#[template(path = "connections/removal.html")]
pub struct RemovalPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// What the application is called.
    pub name: Name<'a>,
    /// What it can no longer do.
    pub removed: &'a [Offered],
    /// How many connections lose something.
    pub connections: i64,
    /// How many static tokens do.
    pub tokens: i64,
    /// What was typed, field by field.
    pub typed: &'a [(&'static str, String)],
    /// Where nothing is changed.
    pub back: &'a str,
}

stays_here!(RemovalPage);
