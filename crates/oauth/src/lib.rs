//! An OAuth 2.1 and OpenID Connect provider as an engine, without a web framework and without a database.
//!
//! Owns the protocol: which requests are right, what is issued, what a token is worth. A host (an actix or axum
//! service, a test) parses HTTP into [`Parameters`] and [`Credentials`], calls the [`Engine`], and writes the reply as
//! JSON. It implements one trait, [`Store`]. Refuses to know HTTP types, SQL and the machine's clock.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use paylent_oauth::{Config, Engine, Keyring, MemoryStore, Parameters, TokenRequest, crypto::{keys::KeySize, seal::MasterKey}};
//! use paylent_domain::clock::SystemClock;
//!
//! let keys = Arc::new(Keyring::new(MasterKey::generate()?));
//! let store = MemoryStore::default();
//! store.add_key(keys.generate([0; 16], KeySize::Rsa2048)?);
//! let (client_id, secret) = store.add_machine("https://api.example.com", "documents:read")?;
//!
//! let engine = Engine::new(Config::single("https://id.example.com"), keys, store, Arc::new(SystemClock));
//! let body = format!("grant_type=client_credentials&client_id={client_id}&client_secret={}", secret.expose());
//! let reply = engine.token(TokenRequest::parse(&[], Parameters::from_form(body.as_bytes())?)?).await?;
//! assert_eq!(reply.token_type, "Bearer");
//! # Ok(()) }
//! ```

#![deny(missing_docs)]

mod access_token;
mod bearer;
mod client_auth;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod discovery;
mod error;
mod introspect;
mod issue;
mod keyring;
#[cfg(feature = "memory")]
mod memory;
mod parameters;
mod revoke;
pub mod store;
mod token;

use std::sync::Arc;

use paylent_domain::Clock;

pub use access_token::LiveToken;
pub use bearer::{BearerError, bearer_token};
pub use client_auth::Credentials;
pub use config::Config;
pub use discovery::Metadata;
pub use error::{Error, ErrorCode};
pub use introspect::{Introspection, IntrospectionRequest};
pub use issue::TokenResponse;
pub use keyring::{GeneratedKey, Keyring};
#[cfg(feature = "memory")]
pub use memory::MemoryStore;
pub use parameters::Parameters;
pub use paylent_crypto as crypto;
pub use revoke::RevocationRequest;
pub use store::Store;
pub use token::TokenRequest;

/// The protocol engine of one environment. Cheap to make and to clone when its store is.
#[derive(Clone)]
pub struct Engine<S> {
    config: Arc<Config>,
    keys: Arc<Keyring>,
    store: S,
    clock: Arc<dyn Clock>,
}

impl<S: Store> Engine<S> {
    /// An engine over this store. Engines of different environments share one keyring and one clock.
    pub fn new(config: impl Into<Arc<Config>>, keys: Arc<Keyring>, store: S, clock: Arc<dyn Clock>) -> Self {
        Self { config: config.into(), keys, store, clock }
    }
}
