//! What can fail here, other than a token that is not accepted (that is [`crate::jwt::TokenError`]).

use openssl::error::ErrorStack;

/// A failure of an operation of this crate. No variant carries a secret, a key or a token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system gave no random bytes.
    #[error("the system's random number generator failed")]
    Randomness,
    /// A stored password hash is not an Argon2 string in PHC format.
    #[error("the stored password hash is not an Argon2 hash in PHC format")]
    PasswordHash,
    /// Argon2 could not run, for want of memory or because its thread was stopped.
    #[error("the password could not be hashed")]
    Hashing,
    /// All hashing slots are taken and the queue is full, or the wait was too long. Answer 503 with `Retry-After`.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// A key id is not 1 to 64 characters of `A-Z a-z 0-9 - _`.
    #[error("the key id is not 1 to 64 URL-safe characters")]
    KeyId,
    /// A signing key is refused; the text says why.
    #[error("the key is not accepted: {0}")]
    Key(&'static str),
    /// The claims could not be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[source] serde_json::Error),
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Signing,
    /// The master key is refused; the text says why.
    #[error("the master key is not accepted: {0}")]
    MasterKey(&'static str),
    /// Sealed bytes are damaged, or belong to another master key or to another place.
    #[error("the sealed data cannot be opened with this key in this place")]
    Unseal,
    /// OpenSSL failed.
    #[error("the cryptographic library failed")]
    Library(#[from] ErrorStack),
}
