//! Private signing keys: made, sealed for the store, opened once and kept parsed.
//!
//! A key never changes under its `kid`, so a parsed key may be kept. Whether it may still be *used* is asked anew at
//! every use (the primary `kid` comes with the client, the key's standing with the token).

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use paylent_crypto::{
    Zeroizing,
    keys::{KeySize, PrivateKeyDer, SigningKey},
    seal::MasterKey,
    secret,
};

use crate::{
    error::Error,
    store::{SealedKey, Store},
};

/// The keys of all environments of one host, under one master key.
pub struct Keyring {
    master: MasterKey,
    parsed: RwLock<HashMap<RealmAndKid, Arc<SigningKey>>>,
}

type RealmAndKid = ([u8; 16], String);

/// A key just made: what to store and what to publish.
#[derive(Debug)]
pub struct GeneratedKey {
    /// Its name.
    pub kid: String,
    /// The public key as a JWK in JSON.
    pub public_jwk: String,
    /// The private key, sealed.
    pub sealed: Vec<u8>,
}

impl Keyring {
    /// A ring under this master key.
    #[must_use]
    pub fn new(master: MasterKey) -> Self {
        Self { master, parsed: RwLock::default() }
    }

    /// Makes a key for an environment. Takes tens to hundreds of milliseconds of CPU: call it on a blocking thread.
    ///
    /// # Errors
    /// The system's randomness or the cryptographic library fails.
    pub fn generate(&self, realm: [u8; 16], size: KeySize) -> Result<GeneratedKey, Error> {
        let kid = secret::kid()?;
        let (key, der) = SigningKey::generate(kid.clone(), size)?;
        let sealed = self.master.seal(&aad(realm, &kid), der.as_bytes())?;
        let public_jwk = serde_json::to_string(&key.public().to_jwk()).map_err(Error::server)?;
        Ok(GeneratedKey { kid, public_jwk, sealed })
    }

    /// Seals something that a browser carries from page to page: nobody else can read, change or make it. Each is sealed
    /// under a key of its own, for there may be billions of them.
    pub(crate) fn seal(&self, realm: [u8; 16], purpose: &str, plaintext: &[u8]) -> Result<String, Error> {
        let salt = secret::identifier()?;
        let sealed = self.master.sub_key(&format!("{purpose} {salt}")).seal(&realm, plaintext)?;
        Ok(format!("{salt}.{}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// Opens what [`seal`](Self::seal) made for the same realm and purpose; `None` for anything else.
    pub(crate) fn unseal(&self, realm: [u8; 16], purpose: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (salt, sealed) = sealed.split_once('.')?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        self.master.sub_key(&format!("{purpose} {salt}")).unseal(&realm, &sealed).ok()
    }

    /// The parsed key of this `kid`, from memory or from the store.
    pub(crate) async fn key<S: Store>(
        &self,
        realm: [u8; 16],
        kid: &str,
        store: &S,
    ) -> Result<Option<Arc<SigningKey>>, Error> {
        let name = (realm, kid.to_owned());
        if let Some(key) = self.parsed.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Ok(Some(key.clone()));
        }
        let Some(SealedKey { kid, sealed }) = store.signing_key(kid).await? else { return Ok(None) };
        let der = PrivateKeyDer::from(self.master.unseal(&aad(realm, &kid), &sealed)?);
        let key = Arc::new(SigningKey::from_der(kid, &der)?);
        self.parsed.write().unwrap_or_else(PoisonError::into_inner).insert(name, key.clone());
        Ok(Some(key))
    }
}

/// Binds a sealed key to its environment, name and purpose, so that a row copied elsewhere cannot be opened.
fn aad(realm: [u8; 16], kid: &str) -> Vec<u8> {
    [&realm[..], kid.as_bytes(), b"signing-key"].concat()
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}
