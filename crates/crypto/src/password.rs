//! Password hashing: Argon2id (RFC 9106) in PHC strings. Hashes that other systems made are verified, too.
//!
//! One hash takes about 20 ms of a core and 19 MiB, on purpose. Servers run it through a `PasswordPool` (feature `pool`), which
//! bounds both.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq as _;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::Error;
use crate::secret::random_bytes;

mod foreign;
mod memory;
#[cfg(feature = "pool")]
mod pool;
use foreign::Foreign;
use memory::Memory;
#[cfg(feature = "pool")]
pub use pool::{PasswordPool, Place};

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
        self.hash_in(&mut Memory::default(), password)
    }

    fn hash_in(&self, memory: &mut Memory, password: &str) -> Result<String, Error> {
        let salt = random_bytes::<16>()?;
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let mut tag = Zeroizing::new([0; 32]);
        let argon2 = Argon2::new(algorithm, version, self.params.clone());
        memory.run(&argon2, composed(password).as_bytes(), &salt, &mut *tag)?;
        let written = PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&self.params).map_err(|_| Error::Hashing)?,
            salt: Some(Salt::new(&salt).map_err(|_| Error::Hashing)?),
            hash: Some(Output::new(&*tag).map_err(|_| Error::Hashing)?),
        };
        Ok(written.to_string())
    }

    /// Checks `password` against a stored hash, at the cost written there. One made elsewhere ([`check_import`]) is outdated.
    ///
    /// # Errors
    /// [`Error::PasswordHash`] when the string is no complete hash; [`Error::Hashing`], [`Error::Library`].
    pub fn verify(&self, password: &str, phc: &str) -> Result<Verification, Error> {
        self.verify_in(&mut Memory::default(), password, phc)
    }

    fn verify_in(&self, memory: &mut Memory, password: &str, phc: &str) -> Result<Verification, Error> {
        if let Some(foreign) = Foreign::parse(phc) {
            return Ok(match foreign.matches(composed(password).as_bytes())? {
                true => Verification::ValidButOutdated,
                false => Verification::Invalid,
            });
        }
        let stored = Stored::parse(phc)?;
        let mut tag = Zeroizing::new(vec![0; stored.tag.len()]);
        let argon2 = Argon2::new(stored.algorithm, stored.version, stored.params.clone());
        memory.run(&argon2, composed(password).as_bytes(), &stored.salt, &mut tag)?;
        Ok(match bool::from(tag.ct_eq(&stored.tag)) {
            true if self.is_outdated(&stored) => Verification::ValidButOutdated,
            true => Verification::Valid,
            false => Verification::Invalid,
        })
    }

    /// [`Passwords::verify`] for whoever may be there: also for a user who does not exist, has no password, or has a placeholder in
    /// its place, at the same cost, so that the time of a refusal tells nothing.
    ///
    /// # Errors
    /// [`Error::Hashing`].
    pub fn verify_anyone(&self, password: &str, phc: Option<&str>) -> Result<Verification, Error> {
        self.verify_anyone_in(&mut Memory::default(), password, phc)
    }

    fn verify_anyone_in(&self, memory: &mut Memory, password: &str, phc: Option<&str>) -> Result<Verification, Error> {
        match phc.map(|phc| self.verify_in(memory, password, phc)) {
            None | Some(Err(Error::PasswordHash)) => {
                self.verify_in(memory, password, &self.nobody).map(|_| Verification::Invalid)
            }
            Some(verified) => verified,
        }
    }

    /// Whether a stored hash is weaker than the current cost in any respect.
    fn is_outdated(&self, stored: &Stored) -> bool {
        stored.algorithm != Algorithm::Argon2id
            || stored.version != Version::V0x13
            || stored.params.m_cost() < self.params.m_cost()
            || stored.params.t_cost() < self.params.t_cost()
            || stored.salt.len() < 16
            || stored.tag.len() < 32
    }
}

/// A stored hash, taken apart.
struct Stored {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

impl Stored {
    /// Refuses what is no complete Argon2 hash.
    fn parse(phc: &str) -> Result<Self, Error> {
        let phc = PasswordHash::new(phc).map_err(|_| Error::PasswordHash)?;
        let (Some(salt), Some(tag)) = (&phc.salt, &phc.hash) else {
            return Err(Error::PasswordHash);
        };
        // Hashes made before Argon2 had its version 19 name none.
        let version = phc.version.map_or(Ok(Version::V0x10), Version::try_from);
        Ok(Self {
            algorithm: Algorithm::try_from(phc.algorithm.as_str()).map_err(|_| Error::PasswordHash)?,
            version: version.map_err(|_| Error::PasswordHash)?,
            params: Params::try_from(&phc).map_err(|_| Error::PasswordHash)?,
            salt: salt.to_vec(),
            tag: tag.as_bytes().to_vec(),
        })
    }
}

/// The most memory of an imported Argon2 hash, in KiB.
const MAX_MEMORY: u32 = 128 * 1_024;
/// The most that an imported Argon2 hash may write altogether, in KiB.
const MAX_WORK: u64 = 1 << 20;

/// Whether a hash that another system made can be stored here: Argon2 in a PHC string, bcrypt (`$2a$`, `$2b$`, `$2y$`), PBKDF2
/// (PHC, passlib's and Django's way) or scrypt (PHC), at a cost that this server can bear.
///
/// # Errors
/// [`Error::PasswordHash`].
pub fn check_import(hash: &str) -> Result<(), Error> {
    if Foreign::parse(hash).is_some() {
        return Ok(());
    }
    let stored = Stored::parse(hash)?;
    let (memory, passes, lanes) = (stored.params.m_cost(), stored.params.t_cost(), stored.params.p_cost());
    let bearable = memory <= MAX_MEMORY && u64::from(memory) * u64::from(passes) <= MAX_WORK && lanes <= 16;
    let whole = hash.len() <= foreign::MAX_LENGTH && stored.salt.len() >= 8 && stored.tag.len() >= 16;
    if bearable && whole { Ok(()) } else { Err(Error::PasswordHash) }
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
