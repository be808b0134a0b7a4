//! Signing keys of an environment: which exist, which signs.

use std::str::FromStr;

use crate::{Id, Invalid, clock::Timestamp};

/// What is public about a signing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its id.
    pub id: Id<SigningKey>,
    /// The name in token headers and the JWKS.
    pub kid: String,
    /// The JWA algorithm, `RS256`.
    pub algorithm: String,
    /// The length of the modulus in bits.
    pub key_size: i32,
    /// Whether its signatures are accepted.
    pub status: KeyStatus,
    /// Whether it signs new tokens.
    pub primary: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stopped being accepted.
    pub deactivated_at: Option<Timestamp>,
    /// When it last changed, becoming primary and ceasing to be included.
    pub updated_at: Timestamp,
}

/// Whether a key's signatures are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// Published in the JWKS.
    Active,
    /// Gone from the JWKS for good.
    Inactive,
}

impl KeyStatus {
    /// The name the Management API and the database use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

impl FromStr for KeyStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "active" => Ok(Self::Active),
            "inactive" => Ok(Self::Inactive),
            _ => Err(Invalid("must be active or inactive")),
        }
    }
}

/// A key about to be stored: its private half sealed, its public half as a JWK in JSON.
#[derive(Debug, Clone)]
pub struct NewSigningKey {
    /// Its id.
    pub id: Id<SigningKey>,
    /// Its name in token headers.
    pub kid: String,
    /// The length of the modulus in bits.
    pub key_size: i32,
    /// The public key as a JWK (RFC 7517) in JSON.
    pub public_jwk: String,
    /// The private key, sealed under the server's master key.
    pub sealed_private_key: Vec<u8>,
    /// Whether it signs from now on, or is only published.
    pub primary: bool,
}
