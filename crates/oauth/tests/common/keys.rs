//! Signing keys, made once: RSA takes its time.

use std::sync::OnceLock;

use paylent_oauth::{
    GeneratedKey, Keyring,
    crypto::{
        jwt,
        keys::{KeySize, PrivateKeyDer, SigningKey},
        seal::MasterKey,
    },
};
use serde_json::Value;

/// The realm of the environments under test, and that of a neighbour.
pub(crate) const REALM: [u8; 16] = [0; 16];
pub(crate) const OTHER_REALM: [u8; 16] = [1; 16];

static MASTER: OnceLock<String> = OnceLock::new();
static OURS: OnceLock<GeneratedKey> = OnceLock::new();
static ANOTHER: OnceLock<GeneratedKey> = OnceLock::new();
static NEIGHBOURS: OnceLock<GeneratedKey> = OnceLock::new();

fn master() -> MasterKey {
    let text = MASTER.get_or_init(|| MasterKey::generate().unwrap().to_base64().expose().to_owned());
    MasterKey::from_base64(text).unwrap()
}

/// An empty keyring; all rings share one master key.
pub(crate) fn ring() -> Keyring {
    Keyring::new(master())
}

/// The key of the environments under test.
pub(crate) fn ours() -> GeneratedKey {
    copy(OURS.get_or_init(|| ring().generate(REALM, KeySize::Rsa2048).unwrap()))
}

/// A second key of the same realm.
pub(crate) fn another() -> GeneratedKey {
    copy(ANOTHER.get_or_init(|| ring().generate(REALM, KeySize::Rsa2048).unwrap()))
}

/// A key of another realm under the same master key.
pub(crate) fn neighbours() -> GeneratedKey {
    copy(NEIGHBOURS.get_or_init(|| ring().generate(OTHER_REALM, KeySize::Rsa2048).unwrap()))
}

fn copy(key: &GeneratedKey) -> GeneratedKey {
    GeneratedKey { kid: key.kid.clone(), public_jwk: key.public_jwk.clone(), sealed: key.sealed.clone() }
}

/// Signs any claims with the private half of a key of [`REALM`], under any `kid`: what a forger with that key could do,
/// and what no forger without it can.
pub(crate) fn forge(key: &GeneratedKey, kid: &str, typ: &str, claims: &Value) -> String {
    let aad = [&REALM[..], key.kid.as_bytes(), b"signing-key"].concat();
    let der = PrivateKeyDer::from(master().unseal(&aad, &key.sealed).unwrap());
    jwt::sign(&SigningKey::from_der(kid.to_owned(), &der).unwrap(), typ, claims).unwrap()
}
