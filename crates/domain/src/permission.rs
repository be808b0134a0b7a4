//! Permissions: what a user may do, as `<resource>:<verb>` names held through roles.

use std::{collections::BTreeSet, str::FromStr};

use crate::{
    Id, Invalid,
    clock::Timestamp,
    policy::{Action, Resource},
    role::Role,
};

/// The longest description of a permission or a scope, in characters.
pub const MAX_DESCRIPTION: usize = 255;

/// Something a user can be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Its id.
    pub id: Id<Permission>,
    /// Its name, unique in the environment and fixed.
    pub name: String,
    /// What it allows, in words.
    pub description: Option<String>,
    /// Whether it came with the environment and cannot be changed.
    pub system: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// That a role holds a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePermission {
    /// Its id.
    pub id: Id<RolePermission>,
    /// Which role.
    pub role_id: Id<Role>,
    /// What it holds.
    pub permission_id: Id<Permission>,
    /// Since when.
    pub created_at: Timestamp,
}

/// A set of permission names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions(BTreeSet<String>);

impl Permissions {
    /// Whether the set holds this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether every name of `other` is in this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    /// The first name of `other` that this set lacks.
    #[must_use]
    pub fn first_missing<'a>(&self, other: &'a Self) -> Option<&'a str> {
        other.0.iter().find(|name| !self.0.contains(*name)).map(String::as_str)
    }

    /// The names in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<String> for Permissions {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// The name of a permission: `<resource>:<action>`, free to extend per environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionName(String);

impl PermissionName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PermissionName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        match text.split_once(':') {
            Some((resource, action)) if text.len() <= 100 && plain(resource) && plain(action) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Invalid("must look like resource:action, in lower-case letters, digits, hyphens and underscores")),
        }
    }
}

/// The permissions every environment has from the start, which guard its Management API.
pub fn system_permissions() -> impl Iterator<Item = String> {
    Resource::ALL
        .into_iter()
        .flat_map(|resource| resource.actions().iter().map(move |action| name_of(resource, *action)))
}

/// The permission that `action` on `resource` asks of the user.
#[must_use]
pub fn name_of(resource: Resource, action: Action) -> String {
    format!("{}:{}", resource.path(), action.permission())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_permissions_are_valid_and_unique() {
        let names: Vec<String> = system_permissions().collect();
        let unique: BTreeSet<&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
        assert!(names.iter().all(|name| name.parse::<PermissionName>().is_ok()));
        assert!(names.iter().any(|name| name == "users:update"));
        assert!(!names.iter().any(|name| name == "audit-events:create"), "nobody writes audit events");
    }

    #[test]
    fn a_permission_name_is_resource_colon_action() {
        for bad in ["users", "users:", ":read", "Users:read", "users:read:all", "users read", ""] {
            assert!(bad.parse::<PermissionName>().is_err(), "{bad}");
        }
    }
}
