//! An OAuth 2.1 and OpenID Connect provider as an engine, without a web framework and without a database.
//!
//! Owns the protocol: which requests are right, what is issued, what a token is worth. A host (an actix or axum
//! service, a test) parses HTTP into [`Parameters`] and [`Credentials`], calls the [`Engine`], and writes the reply as
//! JSON. It implements one trait, [`Store`]. Refuses to know HTTP types, SQL and the machine's clock.
//!
//! A host with pages calls [`Engine::authorize`] and does what the [`Step`] says: it shows a login, account or consent
//! page that carries the step's handle, or sends the browser back to the client. When a page comes back it calls
//! [`Engine::resume`], [`Engine::choose_account`] or [`Engine::decide`], which say the next step. Nothing about an
//! unfinished request is stored. Sessions, passwords, cookies and CSRF tokens are the host's; it tells the engine who
//! sits at the [`Browser`]. Set [`Config::interactive`] then, so that the metadata lists what there is.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use paylent_oauth::{Config, Engine, Keyring, MemoryStore, Parameters, TokenRequest, crypto::{keys::KeySize, seal::MasterKey}};
//! use paylent_domain::{clock::SystemClock, network::Caller};
//!
//! let keys = Arc::new(Keyring::new(MasterKey::generate()?));
//! let store = MemoryStore::default();
//! store.add_key(keys.generate([0; 16], KeySize::Rsa2048)?);
//! let (client_id, secret) = store.add_machine("https://api.example.com", "documents:read")?;
//!
//! let engine = Engine::new(Config::single("https://id.example.com"), keys, store, Arc::new(SystemClock));
//! let caller = Caller::at("203.0.113.5".parse()?);
//! let body = format!("grant_type=client_credentials&client_id={client_id}&client_secret={}", secret.expose());
//! let reply = engine.token(TokenRequest::parse(&[], Parameters::from_form(body.as_bytes())?, caller)?).await?;
//! assert_eq!(reply.token_type, "Bearer");
//! # Ok(()) }
//! ```

#![deny(missing_docs)]

mod access_token;
mod allow_list;
mod authorize;
mod bearer;
mod client_auth;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod discovery;
mod error;
mod handle;
mod introspect;
mod issue;
mod keyring;
mod logout;
#[cfg(feature = "memory")]
mod memory;
mod oidc;
mod parameters;
mod pkce;
mod remote_keys;
mod revoke;
pub mod store;
mod token;

use std::sync::Arc;

use paylent_domain::Clock;

pub use access_token::{LiveToken, limit_scopes};
pub use allow_list::Foreign;
pub use authorize::{
    AskedScope, AuthorizationRequest, AuthorizeError, Browser, ChooseOrganization, ClientDisplay, Consent, Decision,
    Login, LoginReason, PageError, ResponseMode, Return, SelectAccount, SignedIn, Step,
};
pub use bearer::{BearerError, bearer_token};
pub use client_auth::Credentials;
pub use config::Config;
pub use discovery::{InteractiveMetadata, Metadata};
pub use error::{Error, ErrorCode};
pub use introspect::{Introspection, IntrospectionRequest};
pub use issue::TokenResponse;
pub use keyring::{GeneratedKey, Keyring};
pub use logout::{LogoutStep, SignedOut};
#[cfg(feature = "memory")]
pub use memory::MemoryStore;
pub use oidc::{OIDC_SCOPES, UserInfo, UserInfoError};
pub use parameters::Parameters;
pub use paylent_crypto as crypto;
pub use remote_keys::RemoteKeys;
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
    remote_keys: Option<Arc<dyn RemoteKeys>>,
}

impl<S: Store> Engine<S> {
    /// An engine over this store. Engines of different environments share one keyring and one clock.
    pub fn new(config: impl Into<Arc<Config>>, keys: Arc<Keyring>, store: S, clock: Arc<dyn Clock>) -> Self {
        Self { config: config.into(), keys, store, clock, remote_keys: None }
    }

    /// The engine with a way to the keys that clients publish at a `jwks_uri`. Without it such clients cannot
    /// authenticate.
    #[must_use]
    pub fn with_remote_keys(self, remote_keys: Arc<dyn RemoteKeys>) -> Self {
        Self { remote_keys: Some(remote_keys), ..self }
    }
}
