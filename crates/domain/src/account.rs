//! An account: a customer, who owns environments.

use std::{fmt, str::FromStr};

use crate::{Invalid, environment::Handle};

/// A customer. It is also an organization of the system environment: the two share one id.
#[derive(Debug, Clone, Copy)]
pub enum Account {}

/// The name from which an account's environment handles are made: `<account>-test`, `<account>-production`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountHandle(String);

/// The environments every account starts with.
pub const FIRST_ENVIRONMENTS: [&str; 2] = ["test", "production"];

impl AccountHandle {
    /// The handle as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The handles of the environments the account starts with.
    #[must_use]
    pub fn first_environments(&self) -> [Handle; 2] {
        FIRST_ENVIRONMENTS.map(|stage| Handle::stored(format!("{}-{stage}", self.0)))
    }
}

impl FromStr for AccountHandle {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let handle: Handle = text.parse()?;
        if text.len() > 40 {
            return Err(Invalid("must have at most 40 characters"));
        }
        Ok(Self(handle.as_str().to_owned()))
    }
}

impl fmt::Display for AccountHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_starts_with_test_and_production() {
        let account: AccountHandle = "acme".parse().unwrap();
        assert_eq!(account.first_environments().map(|handle| handle.to_string()), ["acme-test", "acme-production"]);
        assert!("a".repeat(41).parse::<AccountHandle>().is_err());
    }
}
