//! An environment: one isolated tenant, and the handle that names it in host names.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::{Id, Invalid, account::Account, clock::Timestamp};

/// One isolated OAuth provider with its own users, clients, keys and Management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its id.
    pub id: Id<Environment>,
    /// The account that owns it; none for the system environment.
    pub account_id: Option<Id<Account>>,
    /// The name in its host.
    pub handle: Handle,
    /// A host name of the customer's that serves this environment.
    pub custom_domain: Option<String>,
    /// What people call it; see [`Environment::display_name`].
    pub name: Option<String>,
    /// Whether pages offer registration. Whether one may register is asked of the database each time.
    pub registration_enabled: bool,
    /// How long what is granted here lives.
    pub lifetimes: Lifetimes,
}

/// How long what an environment grants lives, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authorization code.
    pub code_ttl: i64,
    /// For how long a client that lost the answer to a refresh may ask for it again; 0 is never.
    pub refresh_grace: i64,
    /// A person's grant in all, however often its refresh tokens are used; `None` is no limit.
    pub refresh_absolute_ttl: Option<i64>,
}

impl Default for Lifetimes {
    /// Those of a new environment.
    fn default() -> Self {
        Self { code_ttl: 60, refresh_grace: 10, refresh_absolute_ttl: None }
    }
}

/// What the people who run an environment decide about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// The environment's id.
    pub id: Id<Environment>,
    /// The name in its host.
    pub handle: Handle,
    /// What people call it; the handle while there is none.
    pub name: Option<String>,
    /// Whether people may register themselves.
    pub registration_enabled: bool,
    /// How long a session lasts, in seconds.
    pub session_ttl: i64,
    /// After how long without any activity a session ends, in seconds.
    pub session_idle_ttl: i64,
    /// For how long an invitation can be answered if its maker does not say, in seconds.
    pub invitation_ttl: i64,
    /// The fewest characters of a password that is chosen from now on.
    pub password_min_length: i32,
    /// How long codes and refresh tokens live.
    pub lifetimes: Lifetimes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a change of settings changes; `None` leaves the setting as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// A new name, or its removal.
    pub name: Option<Option<String>>,
    /// Whether people may register themselves.
    pub registration_enabled: Option<bool>,
    /// How long sessions that begin from now on last, in seconds.
    pub session_ttl: Option<i64>,
    /// After how long without any activity sessions end, in seconds.
    pub session_idle_ttl: Option<i64>,
    /// For how long new invitations can be answered, in seconds.
    pub invitation_ttl: Option<i64>,
    /// The fewest characters of a new password.
    pub password_min_length: Option<i32>,
    /// How long an authorization code lives, in seconds.
    pub code_ttl: Option<i64>,
    /// For how long a refresh may be repeated, in seconds.
    pub refresh_grace: Option<i64>,
    /// How long refresh tokens are renewed in all, in seconds, or without limit.
    pub refresh_absolute_ttl: Option<Option<i64>>,
}

/// The longest name of an environment, in characters.
pub const MAX_NAME: usize = 100;
/// How long sessions, and pauses in them, may last, in seconds: five minutes to a year.
pub const SESSION_TTL: RangeInclusive<i64> = 300..=31_536_000;
/// For how long invitations may be answered, in seconds: an hour to ninety days.
pub const INVITATION_TTL: RangeInclusive<i64> = 3_600..=7_776_000;
/// How long authorization codes may live, in seconds.
pub const CODE_TTL: RangeInclusive<i64> = 60..=600;
/// For how long a refresh may be repeated, in seconds.
pub const REFRESH_GRACE: RangeInclusive<i64> = 0..=60;
/// How long refresh tokens may be renewed in all if that is limited, in seconds: an hour to ten years.
pub const REFRESH_ABSOLUTE_TTL: RangeInclusive<i64> = 3_600..=315_360_000;
/// What can be the fewest characters of a password.
pub const PASSWORD_MIN_LENGTH: RangeInclusive<i32> = 8..=64;

impl Environment {
    /// The name that people read on pages and in mails: the handle while it has no other.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.handle.as_str())
    }
}

/// The handle of the environment whose users are the people of the dashboard and whose organizations are the accounts.
pub const SYSTEM_HANDLE: &str = "auth";

const RESERVED: [&str; 8] = ["dashboard", "auth", "www", "api", "account", "admin", "static", "mail"];

/// A DNS label in lower case: letters, digits and hyphens, a letter first, at most 63 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(String);

impl Handle {
    /// The handle of the system environment, which nobody else may take.
    #[must_use]
    pub fn system() -> Self {
        Self(SYSTEM_HANDLE.to_owned())
    }

    /// The handle as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A handle the database holds already; it was checked when it was written.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Handle {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || text.len() > 63 {
            return Err(Invalid("must have 1 to 63 characters"));
        }
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !text.bytes().all(allowed) || !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') {
            return Err(Invalid(
                "must be lower-case letters, digits and hyphens, starting with a letter and not ending in a hyphen",
            ));
        }
        if text.get(2..4) == Some("--") {
            return Err(Invalid("must not have hyphens as third and fourth character (reserved by DNS)"));
        }
        if RESERVED.contains(&text) {
            return Err(Invalid("is a reserved name"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ho_handle_is_a_plain_dns_label() {
        for good in ["acme", "acme-test", "a1", "x"] {
            assert!(good.parse::<Handle>().is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "",
            "Acme",
            "-a",
            "a-",
            "1a",
            "xn--80ak6aa92e",
            "a.b",
            "a_b",
            "ä",
            "www",
            "auth",
            "dashboard",
            "mail",
            &long,
        ] {
            assert!(bad.parse::<Handle>().is_err(), "{bad}");
        }
    }
}
