//! Scopes: what a token may be used for (RFC 6749 section 3.3).

use std::{collections::BTreeSet, fmt};

use crate::{Id, Invalid, clock::Timestamp, resource_server::ResourceServer};

/// One scope of a resource server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Its id.
    pub id: Id<Scope>,
    /// Which API it belongs to.
    pub resource_server_id: Id<ResourceServer>,
    /// Its name, unique in its API and fixed.
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

/// How many scopes an API may have, and so how many one request may name.
pub const MAX_SCOPES: usize = 1_000;
/// How many characters the name of a scope may have.
pub const MAX_NAME: usize = 100;

/// A set of scope names, in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a space-separated list. Repeated names count once.
    ///
    /// # Errors
    /// A name holds characters that RFC 6749 does not allow, is too long, or there are more than [`MAX_SCOPES`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_SCOPES * (MAX_NAME + 1) {
            return Err(Invalid("names too many scopes"));
        }
        let names: BTreeSet<String> = text
            .split(' ')
            .filter(|name| !name.is_empty())
            .map(|name| check_name(name).map(|()| name.to_owned()))
            .collect::<Result<_, _>>()?;
        if names.len() > MAX_SCOPES {
            return Err(Invalid("names too many scopes"));
        }
        Ok(Self(names))
    }

    /// Reads a list that was written by us, of any length.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        text.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// Whether the set holds this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether no scope is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether every name of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

/// Checks one scope name: 1 to 100 characters of `%x21 / %x23-5B / %x5D-7E`.
///
/// # Errors
/// The rule it breaks.
pub fn check_name(name: &str) -> Result<(), Invalid> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(Invalid("must have 1 to 100 characters"));
    }
    if !name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
        return Err(Invalid("must be printable ASCII without spaces, quotes and backslashes"));
    }
    Ok(())
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

/// The space-separated list.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_written_in_order() {
        assert_eq!(Scopes::parse("b a  b").unwrap().to_string(), "a b");
        assert!(Scopes::parse("").unwrap().is_empty());
    }

    #[test]
    fn az_scope_dos_long_lists_are_refused() {
        let many = |count: usize| Scopes::parse(&(0..count).map(|n| format!("s{n} ")).collect::<String>());
        assert!(many(MAX_SCOPES).is_ok() && many(MAX_SCOPES + 1).is_err());
        assert!(Scopes::parse(&"a ".repeat(60_000)).is_err());
        assert!(Scopes::parse(&"a".repeat(60_000)).is_err());
        for bad in ["a\"b", "a\\b", "a\tb", "é", "a\0"] {
            assert!(Scopes::parse(bad).is_err(), "{bad:?}");
        }
    }
}
