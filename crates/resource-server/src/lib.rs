//! Accepts Paylent's access tokens in other people's services.
//!
//! Owns the checks that an API makes before it answers: whose token this is, whether it is alive, whether it is for this API and
//! for this route. Signed tokens (RFC 9068) are checked by the issuer's published keys, opaque ones by introspection (RFC 7662),
//! which also applies the IP allow list of the token's application. A service of any framework asks [`Guard::admit`];
//! features bring middleware for actix-web and a layer for axum. Refuses to know how tokens are issued, and never lets a
//! request in because something failed: what cannot be checked is answered 503.
//!
//! | feature | brings |
//! |---|---|
//! | `reqwest` (default) | `HttpClient` and `Validator::new` |
//! | `actix` | [`Guard`] is middleware, [`Token`] an extractor of actix-web 4 |
//! | `axum` | [`Guard`] is a layer, [`Token`] an extractor of axum 0.8 |
//!
#![cfg_attr(feature = "axum", doc = concat!("# axum\n```no_run\n", include_str!("../examples/axum.rs"), "```\n"))]
#![cfg_attr(feature = "actix", doc = concat!("# actix-web\n```no_run\n", include_str!("../examples/actix.rs"), "```\n"))]
//!
//! # What to know
//! - A signed token that was revoked is accepted until it expires, and a key that was withdrawn until the copy here is due (an hour
//!   at most, or two while the issuer cannot be reached). Where that is too long, use [`Mode::Introspection`].
//! - With [`Introspection::send_client_ip`], name your proxies in [`Config::trusted_proxies`].
//! - A token is read from the `Authorization` header alone, never from a query or a body.

#![deny(missing_docs)]

#[cfg(feature = "actix")]
pub mod actix;
#[cfg(feature = "axum")]
pub mod axum;
mod bearer;
#[cfg(feature = "reqwest")]
mod client;
mod config;
mod http;
mod introspection;
mod keys;
mod network;
mod rejection;
mod token;
mod validator;

#[cfg(feature = "reqwest")]
pub use client::HttpClient;
pub use config::{Config, ConfigError, Introspection, Mode};
pub use http::{Answer, Answering, Http, Unreachable};
pub use network::TrustedProxies;
pub use paylent_crypto::{jwt::TokenError, secret::Secret};
pub use rejection::Rejection;
pub use token::{Organization, Token};
pub use validator::{Guard, Request, Validator, system_time};

use validator::Clock;

/// The token that a guard left for the handler behind it.
#[cfg(any(feature = "actix", feature = "axum"))]
fn left_by_guard(token: Option<&Token>) -> Result<Token, Rejection> {
    token.cloned().ok_or_else(|| validator::misconfigured("a handler takes a token, but no guard stands before it"))
}
