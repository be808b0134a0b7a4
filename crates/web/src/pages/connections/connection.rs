//! One connection: what an application may do for an organization, or for somebody who belongs to it.

use askama::Template;

use super::{Offered, Place, Problem};
use crate::pages::{
    Form, Frame, Name,
    account::{Moment, stays_here},
    consent::Words,
    name::fill,
};

/// Changes a connection or ends it. Posts `action` (`save` or `disconnect`), and `permission` for each that stays.
#[derive(Debug, Template)]
#[template(path = "connections/connection.html")]
pub struct ConnectionPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds these pages.
    pub place: Place<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The version that it is about.
    pub version: &'a str,
    /// The connection.
    pub granted: &'a Granted,
    /// The names of the permissions that are ticked.
    pub ticked: &'a [&'a str],
    /// What is wrong.
    pub problems: &'a [Problem],
}

/// A connection, as those see it who may change it.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Where it is changed.
    pub path: String,
    /// What the application is called.
    pub application: String,
    /// Who published it.
    pub publisher: Option<String>,
    /// For whom it is; none when for all of the organization.
    pub person: Option<String>,
    /// Who connected it, while they are known.
    pub connected_by: Option<String>,
    /// When.
    pub since: Moment,
    /// When it was last used.
    pub last_used: Option<Moment>,
    /// From where that was.
    pub last_ip: Option<String>,
    /// What the application may do with the API.
    pub permissions: Vec<Offered>,
    /// What it may know of the person.
    pub identity: Vec<Offered>,
}

stays_here!(ConnectionPage);
