//! A secret, the one time that it can be seen.

use askama::Template;

use super::Place;
use crate::pages::{
    Frame,
    account::{Moment, stays_here},
    name::fill,
};

/// Shows the secret that was just made.
#[derive(Template)]
#[template(path = "connections/secret.html")]
pub struct SecretPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// The public identifier that belongs to it.
    pub client_id: &'a str,
    /// The secret.
    pub secret: &'a str,
    /// Until when the one before still works, if it does.
    pub old_until: Option<Moment>,
    /// The page of the application.
    pub onward: &'a str,
}

stays_here!(SecretPage);
