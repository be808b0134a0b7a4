//! RSA signing keys and their public halves.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jws::alg::rsassa::RsassaJwsAlgorithm::Rs256;
use josekit::jws::{JwsSigner, JwsVerifier};
use openssl::bn::{BigNum, BigNumRef};
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use zeroize::Zeroizing;

use crate::Error;
use crate::jwks::Jwk;
use crate::secret::is_url_safe;

/// The only public exponent in use: 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// The sizes of RSA modulus in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeySize {
    /// 2048 bits, the default: about 0.7 ms per signature.
    Rsa2048,
    /// 3072 bits: about three times that.
    Rsa3072,
    /// 4096 bits: about seven times that.
    Rsa4096,
}

impl KeySize {
    /// The exact length of the modulus in bits.
    pub const fn bits(self) -> u32 {
        match self {
            Self::Rsa2048 => 2048,
            Self::Rsa3072 => 3072,
            Self::Rsa4096 => 4096,
        }
    }
}

impl TryFrom<u32> for KeySize {
    type Error = Error;

    fn try_from(bits: u32) -> Result<Self, Error> {
        match bits {
            2048 => Ok(Self::Rsa2048),
            3072 => Ok(Self::Rsa3072),
            4096 => Ok(Self::Rsa4096),
            _ => Err(Error::Key("its size is not 2048, 3072 or 4096 bits")),
        }
    }
}

/// A private key as unencrypted PKCS#8 DER (RFC 5958), to be sealed before it is stored. Erased on drop.
pub struct PrivateKeyDer(Zeroizing<Vec<u8>>);

impl PrivateKeyDer {
    /// The DER bytes, to seal them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for PrivateKeyDer {
    fn from(der: Vec<u8>) -> Self {
        Self(Zeroizing::new(der))
    }
}

impl From<Zeroizing<Vec<u8>>> for PrivateKeyDer {
    fn from(der: Zeroizing<Vec<u8>>) -> Self {
        Self(der)
    }
}

impl fmt::Debug for PrivateKeyDer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A private RSA key, parsed and ready to sign. Parsing costs more than signing: keep it, and clone it freely (clones share it).
#[derive(Clone)]
pub struct SigningKey {
    signer: Arc<dyn JwsSigner>,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a new key with exponent 65537. Slow (tenths of a second, seconds for 4096 bits): run it on a blocking thread.
    ///
    /// # Errors
    /// [`Error::KeyId`], [`Error::Library`].
    pub fn generate(kid: String, size: KeySize) -> Result<(Self, PrivateKeyDer), Error> {
        check_kid(&kid)?;
        let rsa = Rsa::generate(size.bits())?;
        let der = PrivateKeyDer::from(PKey::from_rsa(rsa)?.private_key_to_pkcs8()?);
        Ok((Self::from_der(kid, &der)?, der))
    }

    /// Parses a key that was made by [`SigningKey::generate`].
    ///
    /// # Errors
    /// [`Error::KeyId`]; [`Error::Key`] for anything but an RSA key of exactly one of the [`KeySize`]s, with exponent 65537 and two
    /// different primes.
    pub fn from_der(kid: String, der: &PrivateKeyDer) -> Result<Self, Error> {
        let private = PKey::private_key_from_pkcs8(der.as_bytes()).map_err(|_| Error::Key("it is not PKCS#8 DER"))?;
        let rsa = private.rsa().map_err(|_| Error::Key("it is not an RSA key"))?;
        check_primes(&rsa)?;
        let public = PublicKey::new(kid, rsa.n(), rsa.e())?;
        let signer = Rs256.signer_from_der(der.as_bytes()).map_err(|_| Error::Key("it cannot be used for RS256"))?;
        Ok(Self { signer: Arc::new(signer), public })
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The public half: what verifies this key's signatures and what is published.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The RS256 signature over `message`.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.signer.sign(message).map_err(|_| Error::Signing)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid()).field("private", &"[redacted]").finish()
    }
}

/// A public RSA key, parsed and ready to verify. Clones share it.
#[derive(Clone)]
pub struct PublicKey {
    verifier: Arc<dyn JwsVerifier>,
    size: KeySize,
    jwk: Arc<Jwk>,
}

impl PublicKey {
    /// Parses a published key.
    ///
    /// # Errors
    /// [`Error::KeyId`]; [`Error::Key`] for anything but an RS256 signature key of one of the [`KeySize`]s with exponent 65537,
    /// written canonically.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, Error> {
        if (jwk.kty.as_str(), jwk.alg.as_str(), jwk.key_use.as_str()) != ("RSA", "RS256", "sig") {
            return Err(Error::Key("it is not an RSA signature key for RS256"));
        }
        let key = Self::new(jwk.kid.clone(), &*number(&jwk.n)?, &*number(&jwk.e)?)?;
        if *key.jwk != *jwk {
            return Err(Error::Key("its numbers are not written in the shortest form"));
        }
        Ok(key)
    }

    fn new(kid: String, n: &BigNumRef, e: &BigNumRef) -> Result<Self, Error> {
        check_kid(&kid)?;
        let size = u32::try_from(n.num_bits()).unwrap_or(0).try_into()?;
        if e.to_vec() != EXPONENT {
            return Err(Error::Key("its exponent is not 65537"));
        }
        let rsa = Rsa::from_public_components(n.to_owned()?, e.to_owned()?)?;
        let verifier =
            Rs256.verifier_from_der(rsa.public_key_to_der()?).map_err(|_| Error::Key("it cannot be used for RS256"))?;
        let jwk = Jwk {
            kty: "RSA".to_owned(),
            kid,
            key_use: "sig".to_owned(),
            alg: "RS256".to_owned(),
            n: URL_SAFE_NO_PAD.encode(n.to_vec()),
            e: URL_SAFE_NO_PAD.encode(EXPONENT),
        };
        Ok(Self { verifier: Arc::new(verifier), size, jwk: Arc::new(jwk) })
    }

    /// The key as it is published.
    pub fn to_jwk(&self) -> Jwk {
        (*self.jwk).clone()
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.jwk.kid
    }

    /// The length of the modulus.
    pub fn size(&self) -> KeySize {
        self.size
    }

    /// Whether `signature` is this key's RS256 signature over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kid", &self.kid()).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Whether `kid` is 1 to 64 characters of `A-Z a-z 0-9 - _`.
pub(crate) fn is_kid(kid: &str) -> bool {
    (1..=64).contains(&kid.len()) && is_url_safe(kid)
}

fn check_kid(kid: &str) -> Result<(), Error> {
    if is_kid(kid) { Ok(()) } else { Err(Error::KeyId) }
}

/// Two different primes that make up the modulus. Primality itself is not tested: keys come from OpenSSL by way of an authenticated
/// seal, and the test would cost more than starting the server.
fn check_primes(rsa: &Rsa<Private>) -> Result<(), Error> {
    let (Some(p), Some(q)) = (rsa.p(), rsa.q()) else {
        return Err(Error::Key("its primes are missing"));
    };
    let product: BigNum = p * q;
    if p == q || &*product != rsa.n() {
        return Err(Error::Key("its primes do not fit its modulus"));
    }
    Ok(())
}

fn number(encoded: &str) -> Result<BigNum, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Error::Key("its numbers are not base64url"))?;
    Ok(BigNum::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests;
