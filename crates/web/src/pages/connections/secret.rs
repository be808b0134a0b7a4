//! A secret, the one time that it can be seen.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

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
    /// The environment's issuer.
    pub issuer: &'a str,
    /// The public identifier that belongs to it.
    pub client_id: &'a str,
    /// The secret.
    pub secret: &'a str,
    /// Until when the one before still works, if it does.
    pub old_until: Option<Moment>,
    /// The page of the application.
    pub onward: &'a str,
}

impl SecretPage<'_> {
    /// The three values as a file of variables, inside the link: no request carries the secret, and nothing keeps it.
    fn file(&self) -> String {
        let Self { issuer, client_id, secret, .. } = self;
        let lines = format!("ISSUER={issuer}\nCLIENT_ID={client_id}\nCLIENT_SECRET={secret}\n");
        format!("data:application/octet-stream,{}", utf8_percent_encode(&lines, NON_ALPHANUMERIC))
    }
}

stays_here!(SecretPage);
