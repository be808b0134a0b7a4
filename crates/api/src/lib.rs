//! The Management API of an environment (JSON:API under `/api`).

#![deny(missing_docs)]

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use paylent_crypto::password::PasswordPool;
use paylent_domain::Clock;
use paylent_oauth::Keyring;

/// What the host lends.
#[derive(Clone)]
pub struct Settings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The signing keys.
    pub keys: Arc<Keyring>,
    /// Where passwords are hashed.
    pub passwords: PasswordPool,
    /// Authenticates page cursors, and nothing else.
    pub cursor_key: [u8; 32],
    /// The least number of characters of a password.
    pub minimum_password: usize,
}

/// Mounts everything under `/api`.
pub fn configure(cfg: &mut web::ServiceConfig, settings: Settings) {
    cfg.service(
        web::scope("/api")
            .app_data(web::Data::new(settings))
            .default_service(web::to(|| async { HttpResponse::NotFound() })),
    );
}
