//! Encryption at rest under the server's master key, and the keys derived from it.

use std::collections::HashSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use openssl::sha::Sha256;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::Error;
use crate::secret::{Secret, random_bytes};

/// The first byte of sealed data: AES-256-GCM under the sub-key "seal".
const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/// What keeps keys made of a secret apart from other uses of HMAC over it; 32 bytes.
const SECRET_SALT: &[u8; 32] = b"paylent: sealing under a secret.";
/// Fewer different byte values than this among 32 random bytes do not occur by chance.
const FEWEST_DIFFERENT_BYTES: usize = 8;

/// The 32 random bytes that protect what must be stored and read back, such as private signing keys. They live outside the database;
/// who loses them loses what they seal.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`Error::Randomness`].
    pub fn generate() -> Result<Self, Error> {
        Ok(Self(Zeroizing::new(random_bytes()?)))
    }

    /// Reads a key from base64 or base64url, with or without padding; blanks around it are ignored.
    ///
    /// # Errors
    /// [`Error::MasterKey`] when it is not base64, not 32 bytes, or visibly not random (zeros, a repeated letter).
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let decoded = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|engine| engine.decode(text).ok())
            .map(Zeroizing::new)
            .ok_or(Error::MasterKey("it is not base64"))?;
        let key = <[u8; 32]>::try_from(decoded.as_slice()).map_err(|_| Error::MasterKey("it is not 32 bytes long"))?;
        let key = Self(Zeroizing::new(key));
        if key.0.iter().collect::<HashSet<_>>().len() < FEWEST_DIFFERENT_BYTES {
            return Err(Error::MasterKey("it is not random"));
        }
        Ok(key)
    }

    /// The key that only a holder of this secret of 256 random bits can make: HKDF-Extract with SHA-256 (RFC 5869 section 2.2). What is
    /// sealed under it can be stored beside the secret's [`SecretHash`](crate::secret::SecretHash), which does not open it.
    pub fn of_secret(secret: &str) -> Self {
        Self(Zeroizing::new(mac(SECRET_SALT, secret.as_bytes())))
    }

    /// The key as base64, to hand it to the operator once.
    pub fn to_base64(&self) -> Secret {
        STANDARD.encode(self.0.as_slice()).into()
    }

    /// The key for `purpose` alone: HKDF-Expand with SHA-256 (RFC 5869 section 2.3). Give each use a purpose of its own; "seal" and
    /// "id" are used here.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        // One block of output is one HMAC over the purpose and the block's number. The extract step is for keys that are not
        // uniformly random, which this one is.
        mac(&self.0, &[purpose.as_bytes(), &[1]].concat())
    }

    /// The [`derive`](Self::derive)d key as a key to seal with, for what is sealed so often that random nonces under one key would
    /// repeat some day.
    pub fn sub_key(&self, purpose: &str) -> Self {
        Self(Zeroizing::new(self.derive(purpose)))
    }

    /// A short name of this key, 16 hexadecimal digits, that tells nothing about it. Store it beside what is sealed.
    pub fn id(&self) -> String {
        self.derive("id").iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Encrypts `plaintext` with AES-256-GCM under a random 96-bit nonce. `aad` says where the result belongs (environment, kid,
    /// purpose): it opens only with the same `aad`. The form is version byte, nonce, ciphertext, tag: 29 bytes longer than the
    /// plaintext.
    ///
    /// # Errors
    /// [`Error::Randomness`], [`Error::Library`].
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
        let key = Zeroizing::new(self.derive("seal"));
        let nonce = random_bytes::<NONCE_LENGTH>()?;
        let mut tag = [0; TAG_LENGTH];
        let ciphertext = encrypt_aead(Cipher::aes_256_gcm(), key.as_slice(), Some(&nonce), aad, plaintext, &mut tag)?;
        Ok([&[VERSION], nonce.as_slice(), &ciphertext, &tag].concat())
    }

    /// Opens what [`MasterKey::seal`] made of the same `aad`.
    ///
    /// # Errors
    /// [`Error::Unseal`] when it is damaged, or from another key or for another `aad`.
    pub fn unseal(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(Error::Unseal);
        };
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(Error::Unseal)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_LENGTH>().ok_or(Error::Unseal)?;
        let key = Zeroizing::new(self.derive("seal"));
        decrypt_aead(Cipher::aes_256_gcm(), key.as_slice(), Some(nonce), aad, ciphertext, tag)
            .map(Zeroizing::new)
            .map_err(|_| Error::Unseal)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// HMAC-SHA-256 (RFC 2104). Check a received one with [`verify_mac`], never with `==`.
pub fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // Written out because openssl's own HMAC can fail and costs over ten times as much: SHA-256 over a block of 64 bytes that holds the
    // padded key, then the message; and once more over the result.
    let block = |pad: u8| {
        let mut block = Zeroizing::new([pad; 64]);
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let mut inner = Sha256::new();
    inner.update(block(0x36).as_slice());
    inner.update(message);
    let mut outer = Sha256::new();
    outer.update(block(0x5c).as_slice());
    outer.update(&inner.finish());
    outer.finish()
}

/// Whether `tag` is the [`mac`] of `message`, in constant time.
pub fn verify_mac(key: &[u8; 32], message: &[u8], tag: &[u8]) -> bool {
    mac(key, message).ct_eq(tag).into()
}

#[cfg(test)]
mod tests;
