//! What a mail says, before it is put into words.

use std::fmt;

use paylent_domain::language::Language;
use serde::{Deserialize, Serialize};

/// A letter to one person. Some hold secrets: never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The language it is written in.
    pub language: Language,
    /// The name of the environment that writes.
    pub environment: String,
    /// The canonical base URL of that environment, without a trailing slash.
    pub base_url: String,
    /// What it is about.
    pub about: About,
}

/// What a letter is about. Links are whole URLs under the environment's canonical base URL.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// The code that proves, at registration, that the address is this person's.
    Passcode {
        /// Six digits.
        passcode: String,
        /// For how long it is good.
        minutes: u32,
    },
    /// Somebody tried to register with an address that has an account already.
    AlreadyRegistered {
        /// Where a new password is asked for.
        reset_link: String,
    },
    /// A link that lets its holder choose a password.
    PasswordReset {
        /// The link, with its secret.
        link: String,
        /// For how long it is good.
        minutes: u32,
    },
    /// The password was changed.
    PasswordChanged {
        /// Where a new password is asked for, if it was somebody else.
        reset_link: String,
    },
    /// A link that proves a new address, sent to that address.
    EmailChange {
        /// The link, with its secret.
        link: String,
        /// For how long it is good.
        minutes: u32,
    },
    /// The address was changed: to the old address.
    EmailChanged {
        /// The new address.
        email: String,
    },
    /// Somebody is asked to join an organization.
    Invitation {
        /// The organization's name.
        organization: String,
        /// Who asks; none for a program.
        inviter: Option<String>,
        /// The link, with its secret.
        link: String,
        /// For how long it can be answered.
        days: u32,
    },
    /// Somebody signed in in a browser that was not known, after many wrong passwords.
    SignInAfterFailures {
        /// How many passwords were wrong before.
        failures: u32,
        /// The address of the browser.
        ip: String,
        /// Where a new password is asked for, if it was somebody else.
        reset_link: String,
    },
    /// Something of an application was used from an address that its list does not have.
    ForeignAddress {
        /// What the application is called.
        application: String,
        /// The address.
        ip: String,
        /// When, for people to read.
        at: String,
        /// How the token begins; none for the secret.
        token: Option<String>,
        /// Whether that was refused, and the token revoked; else it was only observed.
        refused: bool,
    },
    /// The account was deleted by its person.
    AccountDeleted,
}

impl Letter {
    /// What it is about, in one word: the name the Management API and the database use.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.about {
            About::Passcode { .. } => "passcode",
            About::AlreadyRegistered { .. } => "already_registered",
            About::PasswordReset { .. } => "password_reset",
            About::PasswordChanged { .. } => "password_changed",
            About::EmailChange { .. } => "email_change",
            About::EmailChanged { .. } => "email_changed",
            About::Invitation { .. } => "invitation",
            About::SignInAfterFailures { .. } => "sign_in_after_failures",
            About::ForeignAddress { .. } => "foreign_address",
            About::AccountDeleted => "account_deleted",
        }
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
