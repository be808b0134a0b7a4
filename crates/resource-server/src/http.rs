//! How the issuer is reached.

use std::{error::Error, pin::Pin};

/// An answer of the issuer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Cache-Control`.
    pub cache_control: Option<String>,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// There is no whole answer.
#[derive(Debug, thiserror::Error)]
#[error("the issuer cannot be reached")]
pub struct Unreachable(#[source] pub Box<dyn Error + Send + Sync>);

/// What [`Http`] answers.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Result<Answer, Unreachable>> + Send + 'a>>;

/// An HTTP client. It follows no redirects, checks certificates, and limits the time and the size of an answer.
pub trait Http: Send + Sync {
    /// Asks for a JSON document.
    fn get<'a>(&'a self, url: &'a str) -> Answering<'a>;

    /// Sends a form (`application/x-www-form-urlencoded`), already encoded, with an `Authorization` header. Both hold
    /// secrets.
    fn post<'a>(&'a self, url: &'a str, authorization: &'a str, form: String) -> Answering<'a>;
}
