//! Organizations, their members, and the roles that members hold in them.

use std::str::FromStr;

use crate::{Id, Invalid, clock::Timestamp, role::Role, user::User};

/// The longest name of an organization, in characters.
pub const MAX_NAME: usize = 100;

/// A company, a team or a customer inside an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: Id<Organization>,
    /// What people call it.
    pub name: String,
    /// What authorization requests may call it, beside its id.
    pub slug: Option<Slug>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A short name of an organization that can stand in a URL, unique in its environment: lower-case letters, digits and
/// hyphens, a letter first, at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slug(String);

impl Slug {
    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A slug the database holds already; it was checked when it was written.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Slug {
    type Err = Invalid;

    /// Refuses what could be taken for an organization's id.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 63 {
            return Err(Invalid("must have 1 to 63 characters"));
        }
        if !text.bytes().all(allowed) || !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') {
            return Err(Invalid(
                "must be lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen",
            ));
        }
        match text.parse::<Id<Organization>>() {
            Ok(_) => Err(Invalid("must not have the form of an id")),
            Err(_) => Ok(Self(text.to_owned())),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_a_lower_case_label_that_is_no_id() {
        let longest = "a".repeat(63);
        for good in ["a", "acme", "acme-works-2", longest.as_str()] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(64);
        let id = "a192f0c1-2345-7678-9abc-def012345678";
        for bad in ["", "Acme", "1st", "-a", "a-", "a_b", "a.b", "a b", "é", "a\n", too_long.as_str(), id] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?}");
        }
    }
}
