//! What can go wrong in storage. Which error where: a conflict or a missing reference is the caller's to explain, the
//! rest is an outage (503) or a defect (500).

use diesel::result::{DatabaseErrorKind, Error as Diesel};
use paylent_oauth::store::StoreError;

/// Why a unit of work was not done. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another row already has this value.
    #[error("the value is taken")]
    Conflict,
    /// A row that was referred to is not there, or is still referred to.
    #[error("a reference does not hold")]
    Reference,
    /// It was done too often lately. Nothing of it was done this time.
    #[error("it was done too often; it can be done again in {retry_after} seconds")]
    TooMany {
        /// When it can be done again, in seconds.
        retry_after: u32,
    },
    /// The change would break a rule that the rows themselves must keep.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The database cannot be reached, is too busy, or lost the connection. Whether the work was done is unknown.
    #[error("the database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database holds, or was asked for, something that cannot be. A defect.
    #[error("the database and the program disagree: {0}")]
    Broken(String),
}

/// Rules that hold between rows and are checked in the unit of work that would break them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The row came with the environment and cannot be changed.
    #[error("It came with the environment and cannot be changed.")]
    System,
    /// The environment, or an organization that has members, would lose its last person with the admin role.
    #[error("The last admin cannot go; give somebody else that role first.")]
    LastAdmin,
    /// Clients get signed tokens, and no key would be left to sign them.
    #[error("It is the last active signing key, and clients use signed tokens.")]
    LastKey,
    /// The row must be retired first.
    #[error("An active signing key cannot be deleted; deactivate it first.")]
    ActiveKey,
    /// A key that is retired stays so.
    #[error("The signing key is not active.")]
    InactiveKey,
    /// The service user belongs to its client and goes with it.
    #[error("A service user belongs to its client and goes with it.")]
    ServiceUser,
    /// The row is not what its writer thinks it is.
    #[error("It has changed since you read it. Read it again.")]
    Stale,
    /// There would be more than there may be.
    #[error("A resource server can have at most 1000 scopes.")]
    TooMany,
    /// What is to be replaced is not what its writer decided by.
    #[error("Somebody changed it meanwhile. Try again.")]
    Overtaken,
    /// Clients act for this user.
    #[error("Clients act for this user; delete them first.")]
    ActingClients,
    /// The organization is an account.
    #[error("It is an account; accounts are not deleted here.")]
    Account,
    /// The session was ended, or has expired.
    #[error("The session has ended.")]
    InactiveSession,
    /// Nobody is signed in who may not sign in.
    #[error("The user is inactive or a service user, and cannot sign in.")]
    CannotSignIn,
    /// Whoever is invited belongs to the organization.
    #[error("This person is a member already.")]
    AlreadyMember,
    /// The invitation was answered or taken back, or has expired.
    #[error("It is not pending any more.")]
    AnsweredInvitation,
    /// Who made the invitation cannot act any more.
    #[error("The person who invited you cannot do so any more.")]
    DeadInvitation,
    /// The invitation is for somebody else's address.
    #[error("The invitation is for another e-mail address.")]
    OtherAddress,
    /// Nobody has shown that the address is this person's.
    #[error("Your e-mail address is not verified. Open the link in the invitation's mail.")]
    UnverifiedAddress,
    /// Nobody can register in this environment.
    #[error("Registration is closed.")]
    RegistrationClosed,
    /// The client has no secret to replace.
    #[error("A public client has no secret.")]
    PublicClient,
    /// The client proves itself with keys, so it gets no secret.
    #[error("The client signs with its own keys and has no secret. Remove its jwks or jwks_uri first.")]
    ClientWithKeys,
    /// Refresh tokens come with every connection, and the resource server allows none.
    #[error("People connect such an application, which takes refresh tokens, and the resource server allows none.")]
    NoRefreshTokens,
    /// Applications that people connect need what is about to be forbidden.
    #[error("Applications that people connect need its refresh tokens; delete them first.")]
    NeededRefreshTokens,
    /// Applications are for this resource server.
    #[error("Applications of organizations are for this resource server; delete them first.")]
    UsedByApplications,
    /// The mail did not fail, or what it said was wiped.
    #[error("Only a mail that failed can be sent again, as long as it is of use to its recipient.")]
    NoLetter,
    /// Only the people who agreed to it can let an application do more.
    #[error("A connection cannot be given more than it has. Connect the application again for that.")]
    Wider,
    /// A connection that lets an application do nothing is none.
    #[error("Leave at least one permission, or delete the connection.")]
    NothingLeft,
}

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        use DatabaseErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
        match error {
            Diesel::DatabaseError(UniqueViolation, _) => Self::Conflict,
            Diesel::DatabaseError(ForeignKeyViolation, _) => Self::Reference,
            Diesel::DatabaseError(CheckViolation | NotNullViolation, info) => Self::Broken(info.message().to_owned()),
            Diesel::DeserializationError(cause) | Diesel::SerializationError(cause) => Self::Broken(cause.to_string()),
            other => Self::Unavailable(Box::new(other)),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self(Box::new(error))
    }
}

/// A stored value that its type does not allow.
pub(crate) fn broken(what: impl std::fmt::Display) -> Error {
    Error::Broken(what.to_string())
}
