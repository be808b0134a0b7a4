//! The keys that clients publish at their `jwks_uri`: fetched when they are needed, and kept for a while.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use paylent_crypto::client_assertion::check_set;
use paylent_domain::{Clock, Timestamp};
use paylent_oauth::RemoteKeys;
use paylent_outbound::Outbound;

/// How long keys are kept, in seconds.
const KEEP: i64 = 5 * 60;
/// How soon they are fetched again for a key that is not among them, in seconds.
const AGAIN: i64 = 60;
/// How soon they are fetched again when they could not be had, in seconds.
const AFTER_FAILURE: i64 = 30;
/// The keys of more addresses than this are not kept.
const MAX_KEPT: usize = 1_000;

/// The keys that were fetched lately. Shared by all threads, so that each address is asked once.
pub(crate) struct FetchedKeys {
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<String, Arc<Place>>>,
}

/// What is known of one address. Locked while it is asked: whoever comes meanwhile waits for the answer.
type Place = tokio::sync::Mutex<Option<Fetched>>;

struct Fetched {
    /// The JWK Set, and when it was fetched.
    keys: Option<(String, Timestamp)>,
    /// When the address was last asked.
    asked_at: Timestamp,
}

impl Fetched {
    fn is_fresh(&self, again: bool, now: Timestamp) -> bool {
        match &self.keys {
            Some(_) if again => now < self.asked_at.plus_seconds(AGAIN),
            Some((_, fetched_at)) => now < fetched_at.plus_seconds(KEEP),
            None => now < self.asked_at.plus_seconds(AFTER_FAILURE),
        }
    }
}

impl FetchedKeys {
    pub(crate) fn new(outbound: Outbound, clock: Arc<dyn Clock>) -> Self {
        Self { outbound, clock, known: Mutex::default() }
    }

    async fn get(&self, uri: &str, again: bool) -> Option<String> {
        let place = self.place(uri);
        let mut place = place.lock().await;
        let now = self.clock.now();
        if let Some(fetched) = place.as_ref().filter(|fetched| fetched.is_fresh(again, now)) {
            return fetched.keys.as_ref().map(|(keys, _)| keys.clone());
        }
        let keys = match self.fetch(uri).await {
            Some(keys) => Some((keys, now)),
            // Those known so far are good for as long as they were.
            None => place.take().and_then(|old| old.keys).filter(|(_, at)| now < at.plus_seconds(KEEP)),
        };
        let fetched = place.insert(Fetched { keys, asked_at: now });
        fetched.keys.as_ref().map(|(keys, _)| keys.clone())
    }

    async fn fetch(&self, uri: &str) -> Option<String> {
        let fetched = self.outbound.get_json(uri).await;
        let reason = match fetched.as_deref().map(check_set) {
            Ok(Ok(())) => return fetched.ok(),
            Ok(Err(rule)) => rule.to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(uri, reason, "the keys of a client cannot be had, so it cannot authenticate");
        None
    }

    fn place(&self, uri: &str) -> Arc<Place> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KEPT && !known.contains_key(uri) {
            known.clear();
        }
        known.entry(uri.to_owned()).or_default().clone()
    }
}

impl RemoteKeys for FetchedKeys {
    fn jwks<'a>(&'a self, uri: &'a str, again: bool) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>> {
        Box::pin(self.get(uri, again))
    }
}

#[cfg(test)]
mod tests;
