//! Password hashing: Argon2id (RFC 9106) in PHC strings.
//!
//! One hash takes about 20 ms of a core and 19 MiB, on purpose. Servers run it through a `PasswordPool` (feature `pool`), which
//! bounds both.

use argon2::password_hash::Error as Argon2Error;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::Error;
use crate::secret::random_bytes;

#[cfg(feature = "pool")]
mod pool;
#[cfg(feature = "pool")]
pub use pool::PasswordPool;

/// The answer to "is this the password?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It is.
    Valid,
    /// It is, but the hash is weaker than what [`Passwords::hash`] makes today: hash the password again and store that, if the old
    /// hash is still the stored one.
    ValidButOutdated,
    /// It is not.
    Invalid,
}

/// Hashes and checks passwords at one cost: 19 456 KiB, 2 passes, 1 lane, 16 bytes of salt, 32 bytes of tag (the first choice of
/// the OWASP Password Storage Cheat Sheet). Keyboards write one letter in several ways, so passwords are compared in Unicode's form NFC.
#[derive(Clone, Debug)]
pub struct Passwords {
    params: Params,
    /// A hash at the current cost that no password has.
    nobody: String,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::with(Params::DEFAULT)
    }
}

impl Passwords {
    /// A cost that protects nothing, so that test suites do not spend their time here.
    pub fn insecure_for_tests() -> Self {
        Self::with(Params::new(Params::MIN_M_COST, Params::MIN_T_COST, 1, None).unwrap_or(Params::DEFAULT))
    }

    fn with(params: Params) -> Self {
        let (salt, tag) = ("A".repeat(22), "A".repeat(43));
        let nobody =
            format!("$argon2id$v=19$m={},t={},p={}${salt}${tag}", params.m_cost(), params.t_cost(), params.p_cost());
        Self { params, nobody }
    }

    /// Hashes `password` under a new salt; the PHC string is what to store.
    ///
    /// # Errors
    /// [`Error::Randomness`], [`Error::Hashing`].
    pub fn hash(&self, password: &str) -> Result<String, Error> {
        let salt = random_bytes::<16>()?;
        let password = composed(password);
        let hash = self.argon2().hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| Error::Hashing)?;
        Ok(hash.to_string())
    }

    /// Checks `password` against a stored PHC string, at the cost written in that string.
    ///
    /// # Errors
    /// [`Error::PasswordHash`] when the string is no complete Argon2 hash; [`Error::Hashing`].
    pub fn verify(&self, password: &str, phc: &str) -> Result<Verification, Error> {
        let stored = PasswordHash::new(phc).map_err(|_| Error::PasswordHash)?;
        let outdated = self.is_outdated(&stored)?;
        match self.argon2().verify_password(composed(password).as_bytes(), &stored) {
            Ok(()) if outdated => Ok(Verification::ValidButOutdated),
            Ok(()) => Ok(Verification::Valid),
            Err(Argon2Error::PasswordInvalid) => Ok(Verification::Invalid),
            Err(_) => Err(Error::Hashing),
        }
    }

    /// [`Passwords::verify`] for whoever may be there: also for a user who does not exist, has no password, or has a placeholder in
    /// its place, at the same cost, so that the time of a refusal tells nothing.
    ///
    /// # Errors
    /// [`Error::Hashing`].
    pub fn verify_anyone(&self, password: &str, phc: Option<&str>) -> Result<Verification, Error> {
        match phc.map(|phc| self.verify(password, phc)) {
            None | Some(Err(Error::PasswordHash)) => self.verify(password, &self.nobody).map(|_| Verification::Invalid),
            Some(verified) => verified,
        }
    }

    /// Whether a stored hash is weaker than the current cost in any respect. Refuses what is no complete Argon2 hash.
    fn is_outdated(&self, stored: &PasswordHash) -> Result<bool, Error> {
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| Error::PasswordHash)?;
        let params = Params::try_from(stored).map_err(|_| Error::PasswordHash)?;
        let (Some(salt), Some(tag)) = (&stored.salt, &stored.hash) else {
            return Err(Error::PasswordHash);
        };
        Ok(algorithm != Algorithm::Argon2id
            || stored.version != Some(Version::V0x13.into())
            || params.m_cost() < self.params.m_cost()
            || params.t_cost() < self.params.t_cost()
            || salt.len() < 16
            || tag.len() < 32)
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
    }
}

/// The password in the normalization form NFC (Unicode Standard Annex 15).
fn composed(password: &str) -> Zeroizing<String> {
    // Large enough that no part of the password is left behind where the text grew: NFC at most triples it.
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 3));
    text.extend(password.nfc());
    text
}

#[cfg(test)]
mod tests;
