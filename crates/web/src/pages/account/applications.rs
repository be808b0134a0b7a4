//! What applications may do.

use askama::Template;

use super::{Around, Moment, Section, stays_here};
use crate::pages::{
    Form, Frame, Name,
    consent::{AskedScope, Permission, Words, permission},
};

/// Lists the applications that have access. Posts `client_id`: whose access ends.
#[derive(Debug, Template)]
#[template(path = "account/applications.html")]
pub struct ApplicationsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The applications.
    pub applications: &'a [Application<'a>],
}

/// An application that has access.
#[derive(Debug, Clone)]
pub struct Application<'a> {
    /// The identifier of its client.
    pub client_id: &'a str,
    /// What it is called.
    pub name: Name<'a>,
    /// Since when.
    pub since: Moment,
    /// What it may do.
    pub scopes: Vec<AskedScope<'a>>,
    /// Where the person changes what they connected for themself alone.
    pub connection: Option<String>,
}

impl Application<'_> {
    fn permissions(&self, frame: &Frame<'_>) -> Vec<Permission<'_>> {
        self.scopes.iter().map(|scope| permission(scope, frame.texts())).collect()
    }
}

stays_here!(ApplicationsPage);
