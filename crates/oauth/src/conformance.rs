//! The suite that every [`Store`] must pass.

use std::future::Future;

use paylent_domain::Timestamp;

use crate::{keyring::GeneratedKey, store::{Machine, Store}};

/// A store under test, with the writes that a host makes by other ways than the engine.
pub trait StoreUnderTest: Store {
    /// Makes a client with its user and grants exist as described (the grants' resource servers and scopes too);
    /// replaces what an earlier call with the same `client_id` described. `primary_kid` is ignored.
    fn put_machine(&self, machine: Machine) -> impl Future<Output = ()> + Send;
    /// Adds an active signing key, which becomes the primary one.
    fn add_key(&self, key: GeneratedKey) -> impl Future<Output = ()> + Send;
    /// Stops accepting the signatures of a key (another active key exists).
    fn deactivate_key(&self, kid: &str) -> impl Future<Output = ()> + Send;
    /// Kills all tokens issued before this moment.
    fn set_not_before(&self, moment: Timestamp) -> impl Future<Output = ()> + Send;
}
