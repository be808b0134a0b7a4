//! Sessions: that a person is signed in at one browser.

use std::net::IpAddr;

use crate::{Id, clock::Timestamp, user::User};

/// How long a session lives unless its environment says otherwise: thirty days, in seconds.
pub const DEFAULT_TTL: i64 = 30 * 24 * 3_600;

/// The longest `User-Agent` that is kept, in characters.
pub const MAX_USER_AGENT: usize = 400;

/// That a person is signed in. Its token is kept as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: Id<Session>,
    /// Who is signed in.
    pub user_id: Id<User>,
    /// The browser's address when it was made.
    pub ip: Option<IpAddr>,
    /// The browser's `User-Agent` when it was made.
    pub user_agent: Option<String>,
    /// When it was last used.
    pub last_activity_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// When it was ended before that.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// When a session ends by itself: when it expires, or when nobody used it for `idle_ttl` seconds, whichever comes first.
#[must_use]
pub fn ends_at(expires_at: Timestamp, last_activity_at: Timestamp, idle_ttl: i64) -> Timestamp {
    expires_at.min(last_activity_at.plus_seconds(idle_ttl))
}

impl Session {
    /// Whether it is good for anything at this moment, where sessions may be unused for `idle_ttl` seconds.
    #[must_use]
    pub fn is_live(&self, now: Timestamp, idle_ttl: i64) -> bool {
        self.revoked_at.is_none() && now < ends_at(self.expires_at, self.last_activity_at, idle_ttl)
    }
}
