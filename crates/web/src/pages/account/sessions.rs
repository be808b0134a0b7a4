//! Where a person is signed in.

use askama::Template;

use super::{Around, Moment, Section, device::Device, stays_here};
use crate::pages::{Form, Frame};

/// Lists the sessions of a person. Posts `session`: the id of one to end, `others` or `all`.
#[derive(Debug, Template)]
#[template(path = "account/sessions.html")]
pub struct SessionsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The sessions.
    pub sessions: &'a [OwnSession],
}

/// A session, as its person sees it.
#[derive(Debug, Clone)]
pub struct OwnSession {
    /// Its id.
    pub id: String,
    /// Whether it is the one in this browser.
    pub here: bool,
    /// The browser's `User-Agent`.
    pub user_agent: Option<String>,
    /// The browser's address.
    pub ip: Option<String>,
    /// Since when.
    pub since: Moment,
    /// When it was last used.
    pub last_used: Moment,
}

impl OwnSession {
    fn device(&self) -> Device {
        Device::of(self.user_agent.as_deref())
    }
}

stays_here!(SessionsPage);
