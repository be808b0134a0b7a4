//! Invitations into an organization.

use std::str::FromStr;

use crate::{
    Id, Invalid,
    clock::Timestamp,
    organization::Organization,
    role::Role,
    user::{Email, User},
};

/// How long it may be answered at most: ninety days, in seconds.
pub const MAX_TTL: i64 = 90 * 24 * 3_600;
/// How many one person, and one organization, may make in an hour. For one address there is
/// [`mail::HOURLY_LIMIT`](crate::mail::HOURLY_LIMIT).
pub const HOURLY_LIMIT: i64 = 50;
/// How many roles it may give at most.
pub const MAX_ROLES: usize = 20;

/// That somebody is asked to join an organization, and with which roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: Id<Invitation>,
    /// Where it leads to.
    pub organization_id: Id<Organization>,
    /// Who made it.
    pub inviter_id: Id<User>,
    /// Whom it is for.
    pub email: Email,
    /// What is held after acceptance, oldest role first.
    pub role_ids: Vec<Id<Role>>,
    /// Where it stands, its expiry not considered; see [`Invitation::status_at`].
    pub status: InvitationStatus,
    /// Until when it can be answered.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Invitation {
    /// Where it stands at this moment: nobody needs to tidy up for an invitation to expire.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> InvitationStatus {
        match self.status {
            InvitationStatus::Pending if self.expires_at <= now => InvitationStatus::Expired,
            status => status,
        }
    }
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It can be answered.
    Pending,
    /// The invited person joined.
    Accepted,
    /// The invited person did not want to.
    Declined,
    /// It was taken back.
    Revoked,
    /// It was not answered in time.
    Expired,
}

impl InvitationStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Accepted, Self::Declined, Self::Revoked, Self::Expired];

    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for InvitationStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or(Invalid("must be pending, accepted, declined, revoked or expired"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iv_expiry_a_pending_invitation_expires_by_the_clock_alone() {
        let invitation = Invitation {
            id: Id::from_bytes([1; 16]),
            organization_id: Id::from_bytes([2; 16]),
            inviter_id: Id::from_bytes([3; 16]),
            email: "jane@example.com".parse().unwrap(),
            role_ids: Vec::new(),
            status: InvitationStatus::Pending,
            expires_at: Timestamp::from_seconds(100),
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(0),
        };
        assert_eq!(invitation.status_at(Timestamp::from_seconds(99)), InvitationStatus::Pending);
        assert_eq!(invitation.status_at(Timestamp::from_seconds(100)), InvitationStatus::Expired);
        let revoked = Invitation { status: InvitationStatus::Revoked, ..invitation };
        assert_eq!(revoked.status_at(Timestamp::from_seconds(100)), InvitationStatus::Revoked);
    }
}
