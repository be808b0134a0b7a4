//! Roles: named groups of permissions, and their assignment to users.

use crate::{Id, clock::Timestamp, user::User};

/// The longest name of a role, in characters.
pub const MAX_NAME: usize = 100;
/// The longest description of a role, in characters.
pub const MAX_DESCRIPTION: usize = 255;

/// A named group of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: Id<Role>,
    /// Its name, unique in the environment.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it came with the environment and cannot be changed.
    pub system: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The role that holds every permission of its environment.
pub const ADMIN: &str = "admin";
/// The account role that holds every read permission.
pub const VIEWER: &str = "viewer";

/// That a user holds a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRole {
    /// Its id.
    pub id: Id<UserRole>,
    /// Who holds it.
    pub user_id: Id<User>,
    /// What is held.
    pub role_id: Id<Role>,
    /// Since when.
    pub created_at: Timestamp,
}
