//! The crate against an issuer that the tests play.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod actix;
mod axum;
mod bearer;
mod common;
mod config;
mod examples;
mod introspection;
mod jwt;
mod keys;
mod proxies;
