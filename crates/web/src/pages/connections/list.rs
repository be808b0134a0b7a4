//! What an organization has, and what it connected.

use askama::Template;
use paylent_domain::application::ApplicationGrant;

use super::{Granted, Place, grant};
use crate::pages::{
    Frame, Name,
    account::{Moment, stays_here},
    consent::Words,
    name::fill,
};

/// Lists an organization's applications, and the connections that the person may see.
#[derive(Debug, Template)]
#[template(path = "connections/list.html")]
pub struct ConnectionsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// What the organization is called.
    pub organization: Name<'a>,
    /// The organization's applications; for its company-wide admins alone.
    pub applications: Option<&'a [OwnApplication]>,
    /// Where the rest of them is, if there is more.
    pub more_applications: Option<&'a str>,
    /// What is connected.
    pub connections: &'a [Granted],
    /// Where the rest of that is, if there is more.
    pub more_connections: Option<&'a str>,
}

/// An application of the organization.
#[derive(Debug, Clone)]
pub struct OwnApplication {
    /// Where it is changed.
    pub path: String,
    /// What it is called.
    pub name: String,
    /// How it gets tokens.
    pub grant: ApplicationGrant,
    /// How many addresses and networks its allow list has.
    pub listed: usize,
    /// Since when.
    pub created: Moment,
}

impl ConnectionsPage<'_> {
    /// Where an application is made.
    fn creation(&self) -> String {
        format!("{}/applications/new", self.place.path.trim_end_matches("/connections"))
    }
}

stays_here!(ConnectionsPage);
