//! The cryptography of Paylent, in one place.
//!
//! This crate owns random secrets and their hashes ([`secret`]), password hashing ([`password`]), mailed codes ([`passcode`]),
//! signing keys and their public documents ([`keys`], [`jwks`]), compact JWS tokens ([`jwt`]), what clients sign
//! ([`client_assertion`]) and encryption at rest ([`seal`]).
//!
//! `oauth`, `api`, `web` and the server binary call it. It refuses to know HTTP, SQL, environments, users and the clock: time is
//! always a parameter, in whole seconds since the Unix epoch.
//!
//! ```
//! use paylent_crypto::secret::{SecretHash, SecretKind, generate};
//!
//! let token = generate(SecretKind::AccessToken)?;
//! let stored = SecretHash::of(token.expose());
//! assert!(stored.matches(token.expose()));
//! assert_eq!(format!("{token:?}"), "[redacted]");
//! # Ok::<(), paylent_crypto::Error>(())
//! ```

#![deny(missing_docs)]

mod error;
mod json;
#[cfg(test)]
mod testing;

pub mod client_assertion;
pub mod jwks;
pub mod jwt;
pub mod keys;
pub mod passcode;
pub mod password;
pub mod seal;
pub mod secret;

pub use error::Error;
pub use zeroize::Zeroizing;
