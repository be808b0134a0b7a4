//! Mails that go out: what an operator sees of them. What a mail says is sealed until it is delivered.

use std::{fmt, str::FromStr};

use crate::{Id, Invalid, clock::Timestamp};

/// How many mails of registration, forgotten passwords and changes of address go to one address within an hour, and how
/// many one client address may cause. As many invitations may go to one address besides.
pub const HOURLY_LIMIT: i64 = 5;

/// A mail on its way, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its id, which is also in its `Message-ID`.
    pub id: Id<Mail>,
    /// What it is about, such as `passcode`.
    pub kind: String,
    /// The one address it goes to.
    pub recipient: String,
    /// Where it stands.
    pub status: MailStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// When it is tried again at the earliest, while it is queued.
    pub next_attempt_at: Timestamp,
    /// From when on it is of no use to anybody and is not sent any more.
    pub expires_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A mail about to be queued.
#[derive(Clone)]
pub struct NewMail {
    /// Its id.
    pub id: Id<Mail>,
    /// What it is about.
    pub kind: &'static str,
    /// The one address it goes to.
    pub recipient: String,
    /// What it says, sealed for this id.
    pub letter: Vec<u8>,
    /// From when on it is of no use to anybody.
    pub expires_at: Option<Timestamp>,
}

impl fmt::Debug for NewMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMail").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailStatus {
    /// It will be tried, or tried again.
    Queued,
    /// The next mail server took it over.
    Sent,
    /// It was given up; it can be sent again by hand while its letter is kept.
    Failed,
    /// It came to nothing in time.
    Expired,
}

impl MailStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Failed, Self::Expired];

    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for MailStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or(Invalid("must be queued, sent, failed or expired"))
    }
}
