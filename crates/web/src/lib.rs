//! The OAuth endpoints over HTTP, and every page people see.
//!
//! Owns how a protocol message travels: methods, media types, bodies, headers, caching. Called by the server, which
//! puts the [`Env`](paylent_storage::Env) of the request's host into its extensions. Refuses to know what a token is
//! worth (that is `paylent_oauth`'s) and how rows are stored.

#![deny(missing_docs)]

pub mod cookies;
pub mod csrf;
mod flow;
mod oauth;
pub mod pages;

pub use flow::{FORMS, FormRoute};
pub use oauth::body::is_json;

use std::sync::Arc;

use actix_web::{
    Route,
    dev::HttpServiceFactory,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use paylent_crypto::{passcode::PasscodeKey, password::PasswordPool};
use paylent_domain::Clock;
use paylent_mail::{LetterKey, Mailbox};
use paylent_oauth::{Keyring, RemoteKeys};

/// What the endpoints share.
#[derive(Clone)]
pub struct Settings {
    /// The signing keys of all environments.
    pub keys: Arc<Keyring>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where passwords are compared.
    pub passwords: PasswordPool,
    /// Authenticates the forms of the pages, and nothing else.
    pub form_key: [u8; 32],
    /// The fewest characters of a password, where the environment does not ask for more.
    pub minimum_password: usize,
    /// Seals the mails that go out.
    pub letters: LetterKey,
    /// The mails that left, where developers may read them all: there is a page for them then.
    pub mailbox: Option<Mailbox>,
    /// Hashes the codes that are mailed.
    pub passcodes: PasscodeKey,
    /// Gets the keys that clients publish elsewhere.
    pub remote_keys: Arc<dyn RemoteKeys>,
}

/// Mounts the OAuth endpoints and the pages.
pub fn configure(cfg: &mut ServiceConfig, settings: Settings) {
    if settings.mailbox.is_some() {
        cfg.configure(flow::configure_mailbox);
    }
    cfg.app_data(web::Data::new(oauth::Documents::default()))
        .app_data(web::Data::new(settings))
        .service(
            oauth::post_only("/oauth/token").route(web::post().to(oauth::token)).wrap(from_fn(oauth::cors::registered)),
        )
        .service(oauth::post_only("/oauth/introspect").route(web::post().to(oauth::introspect)))
        .service(
            oauth::post_only("/oauth/revoke")
                .route(web::post().to(oauth::revoke))
                .wrap(from_fn(oauth::cors::registered)),
        )
        .service(document("/.well-known/openid-configuration", oauth::get().to(oauth::metadata)))
        .service(document("/.well-known/oauth-authorization-server", oauth::get().to(oauth::metadata)))
        .service(document("/.well-known/jwks.json", oauth::get().to(oauth::jwks)))
        .configure(flow::configure);
}

/// A document that scripts of every site may read.
fn document(path: &str, route: Route) -> impl HttpServiceFactory + 'static {
    oauth::get_only(path).route(route).wrap(from_fn(oauth::cors::public))
}
