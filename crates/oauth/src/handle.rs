//! Handles: what a page must bring back, sealed, so that nothing about an unfinished request is stored.

use paylent_domain::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Engine, error::Error, store::Store};

/// The longest handle worth opening, in bytes.
const MAX_HANDLE: usize = 64 * 1024;
/// How long a page may stay open, in seconds.
const LIFETIME: i64 = 3_600;

impl<S: Store> Engine<S> {
    /// A handle that opens only here, for the same purpose.
    pub(crate) fn seal_handle<T: Serialize>(&self, purpose: &str, content: &T) -> Result<String, Error> {
        let plaintext = serde_json::to_vec(content).map_err(Error::server)?;
        self.keys.seal(self.config.realm, purpose, &plaintext)
    }

    /// What is in a handle of this purpose; `None` when it is none of ours.
    pub(crate) fn open_handle<T: DeserializeOwned>(&self, purpose: &str, handle: &str) -> Option<T> {
        let plausible = Some(handle).filter(|handle| handle.len() <= MAX_HANDLE)?;
        let plaintext = self.keys.unseal(self.config.realm, purpose, plausible)?;
        serde_json::from_slice(&plaintext).ok()
    }

    /// Whether a page that was begun at this moment has been open too long.
    pub(crate) fn is_stale(&self, begun: Timestamp) -> bool {
        begun.plus_seconds(LIFETIME) <= self.clock.now()
    }
}
