//! Random secrets, their typed prefixes, and the hashes that are stored in their place.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::TryRng as _;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::Error;

/// Random bytes in a secret: 256 bits, so that a fast hash is enough to store it.
const SECRET_BYTES: usize = 32;
/// Characters of base64url, without padding, that `SECRET_BYTES` become.
const SECRET_CHARACTERS: usize = 43;

/// Draws `N` bytes from the operating system. The only place in Paylent that draws randomness (RSA key generation excepted, which
/// OpenSSL does for itself).
///
/// # Errors
/// [`Error::Randomness`] when the system gives none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

/// The SHA-256 of something that will be compared with its like and is not kept itself.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    openssl::sha::sha256(bytes)
}

/// A secret in plain text: shown once to the person or program it is for, then only its hash is kept.
///
/// It cannot be printed, serialised or compared, and its memory is erased on drop.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself, for the one reply that hands it out.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(plaintext: String) -> Self {
        Self(Zeroizing::new(plaintext))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// What a generated secret is for. Its prefix stops one kind being used as another, and lets scanners find leaked ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// An opaque access token, `pay_at_…`.
    AccessToken,
    /// A refresh token, `pay_rt_…`.
    RefreshToken,
    /// An authorization code, `pay_ac_…`.
    AuthorizationCode,
    /// A client secret, `pay_cs_…`.
    ClientSecret,
    /// A session token, `pay_se_…`.
    Session,
    /// The token of a mailed invitation, `pay_in_…`.
    Invitation,
    /// The id of a registration, `pay_ri_…`: whoever began it knows it.
    Registration,
    /// A registration token, `pay_rg_…`: the address is proved, and the rest can be told.
    RegistrationToken,
    /// The secret of a link that proves a new e-mail address, `pay_ec_…`.
    EmailChange,
    /// The token of a mailed link that lets its holder choose a password, `pay_pr_…`.
    PasswordReset,
}

impl SecretKind {
    const ALL: [Self; 10] = [
        Self::AccessToken,
        Self::RefreshToken,
        Self::AuthorizationCode,
        Self::ClientSecret,
        Self::Session,
        Self::Invitation,
        Self::Registration,
        Self::RegistrationToken,
        Self::EmailChange,
        Self::PasswordReset,
    ];

    /// The characters every secret of this kind begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::AccessToken => "pay_at_",
            Self::RefreshToken => "pay_rt_",
            Self::AuthorizationCode => "pay_ac_",
            Self::ClientSecret => "pay_cs_",
            Self::Session => "pay_se_",
            Self::Invitation => "pay_in_",
            Self::Registration => "pay_ri_",
            Self::RegistrationToken => "pay_rg_",
            Self::EmailChange => "pay_ec_",
            Self::PasswordReset => "pay_pr_",
        }
    }

    /// The kind of `secret`, by its prefix and by the exact length and alphabet of the rest. `None` for anything that
    /// [`generate`] cannot have made.
    pub fn of(secret: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            secret.strip_prefix(kind.prefix()).is_some_and(|rest| rest.len() == SECRET_CHARACTERS && is_url_safe(rest))
        })
    }
}

/// A new secret of 256 random bits: the kind's prefix and 43 characters of base64url.
///
/// # Errors
/// [`Error::Randomness`].
pub fn generate(kind: SecretKind) -> Result<Secret, Error> {
    let random = Zeroizing::new(random_bytes::<SECRET_BYTES>()?);
    // The full length at once: a growing string would leave copies of the secret behind in freed memory.
    let mut plaintext = String::with_capacity(kind.prefix().len() + SECRET_CHARACTERS);
    plaintext.push_str(kind.prefix());
    URL_SAFE_NO_PAD.encode_string(random.as_slice(), &mut plaintext);
    Ok(plaintext.into())
}

/// How a secret begins: its kind's prefix and six characters, enough to tell one's own secrets apart and far too little to
/// guess the rest.
#[must_use]
pub fn beginning(secret: &str) -> &str {
    const SHOWN: usize = "pay_at_".len() + 6;
    secret.get(..SHOWN).unwrap_or_default()
}

/// A new public identifier, for `client_id`: 32 URL-safe characters (192 random bits) that do not begin with `-`.
///
/// # Errors
/// [`Error::Randomness`].
pub fn identifier() -> Result<String, Error> {
    url_safe::<24>()
}

/// A new key id: 11 URL-safe characters (64 random bits) that do not begin with `-`.
///
/// # Errors
/// [`Error::Randomness`].
pub fn kid() -> Result<String, Error> {
    url_safe::<8>()
}

/// `N` random bytes as base64url; drawn again while the text begins with `-`, which command lines take for an option.
fn url_safe<const N: usize>() -> Result<String, Error> {
    loop {
        let text = URL_SAFE_NO_PAD.encode(random_bytes::<N>()?);
        if !text.starts_with('-') {
            return Ok(text);
        }
    }
}

/// Whether `text` has only characters of the base64url alphabet.
pub(crate) fn is_url_safe(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The SHA-256 of a secret: what is stored, and looked up, in its place. Compared in constant time.
///
/// Only for secrets of 256 random bits; a password needs [`crate::password`].
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of `secret`, whatever its kind or form.
    pub fn of(secret: &str) -> Self {
        Self(openssl::sha::sha256(secret.as_bytes()))
    }

    /// A hash as it was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash as it is stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the hash of `candidate`.
    pub fn matches(&self, candidate: &str) -> bool {
        *self == Self::of(candidate)
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests;
