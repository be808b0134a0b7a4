//! Where a person belongs, and where they are asked to join.

use askama::Template;

use super::{Around, Moment, Section, stays_here};
use crate::pages::{Form, Frame, Name, name::fill};

/// Lists memberships and invitations. Posts `membership`: the id of the one to end.
#[derive(Debug, Template)]
#[template(path = "account/organizations.html")]
pub struct OrganizationsPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
    /// Where it is posted to.
    pub form: Form<'a>,
    /// The memberships.
    pub memberships: &'a [OwnMembership<'a>],
    /// Whether they cannot leave, because nobody else could administer the organization.
    pub last_admin: bool,
    /// The invitations that can be answered.
    pub invitations: &'a [OwnInvitation<'a>],
}

/// A membership, as its person sees it.
#[derive(Debug, Clone)]
pub struct OwnMembership<'a> {
    /// Its id.
    pub id: String,
    /// The organization.
    pub organization: Name<'a>,
    /// Where its connections are.
    pub connections: String,
    /// The roles held there: what they allow, or what they are called.
    pub roles: Vec<Name<'a>>,
    /// Since when.
    pub since: Moment,
}

/// An invitation, as the invited person sees it.
#[derive(Debug, Clone)]
pub struct OwnInvitation<'a> {
    /// Its id.
    pub id: String,
    /// The organization.
    pub organization: Name<'a>,
    /// Until when it can be answered.
    pub until: Moment,
}

stays_here!(OrganizationsPage);
