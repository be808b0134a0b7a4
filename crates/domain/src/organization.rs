//! Organizations, their members, and the roles that members hold in them.

use crate::{Id, clock::Timestamp, role::Role, user::User};

/// The longest name of an organization, in characters.
pub const MAX_NAME: usize = 100;

/// A company, a team or a customer inside an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: Id<Organization>,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// That a user belongs to an organization: once, whatever roles it holds there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its id.
    pub id: Id<Membership>,
    /// Who belongs.
    pub user_id: Id<User>,
    /// To what.
    pub organization_id: Id<Organization>,
    /// Since when.
    pub created_at: Timestamp,
}

/// That a member holds a role in the organization. It says nothing about other organizations or the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRole {
    /// Its id.
    pub id: Id<MembershipRole>,
    /// Which membership.
    pub membership_id: Id<Membership>,
    /// Of which organization.
    pub organization_id: Id<Organization>,
    /// What is held.
    pub role_id: Id<Role>,
    /// Since when.
    pub created_at: Timestamp,
}
