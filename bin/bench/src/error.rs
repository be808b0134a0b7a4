//! What can go wrong in a measurement.

use std::{fmt::Display, io};

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{0}")]
    Input(String),
    #[error("{0}")]
    Server(String),
    #[error("database: {0}")]
    Connection(#[from] diesel::ConnectionError),
    #[error("database: {0}")]
    Database(#[from] diesel::result::Error),
    #[error("signing: {0}")]
    Sign(#[from] openssl::error::ErrorStack),
}

impl Error {
    /// Wraps an I/O error with the file, process or address it happened at.
    pub(crate) fn at(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_string();
        |source| Self::Io { what, source }
    }
}
