//! The OAuth endpoints over HTTP, and every page people see.
//!
//! Owns how a protocol message travels: methods, media types, bodies, headers, caching. Called by the server, which
//! puts the [`Env`](paylent_storage::Env) of the request's host into its extensions. Refuses to know what a token is
//! worth (that is `paylent_oauth`'s) and how rows are stored.

#![deny(missing_docs)]

mod oauth;

use std::sync::Arc;

use actix_web::web::{self, ServiceConfig};
use paylent_domain::Clock;
use paylent_oauth::Keyring;

/// What the endpoints share.
#[derive(Clone)]
pub struct Settings {
    /// The signing keys of all environments.
    pub keys: Arc<Keyring>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

/// Mounts the OAuth endpoints.
pub fn configure(cfg: &mut ServiceConfig, settings: Settings) {
    cfg.app_data(web::Data::new(oauth::Documents::default()))
        .app_data(web::Data::new(settings))
        .service(oauth::post_only("/oauth/token").route(web::post().to(oauth::token)))
        .service(oauth::post_only("/oauth/introspect").route(web::post().to(oauth::introspect)))
        .service(oauth::post_only("/oauth/revoke").route(web::post().to(oauth::revoke)))
        .service(oauth::get_only("/.well-known/openid-configuration").route(oauth::get().to(oauth::metadata)))
        .service(oauth::get_only("/.well-known/oauth-authorization-server").route(oauth::get().to(oauth::metadata)))
        .service(oauth::get_only("/.well-known/jwks.json").route(oauth::get().to(oauth::jwks)));
}
