//! Why a request is turned away, in the words of RFC 6750.

use serde_json::{Value, json};

use crate::TokenError;

/// Why a request is turned away. The texts are for whoever made the request: they hold nothing of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// There is no `Authorization` header: 401.
    #[error("This request needs an access token.")]
    MissingToken,
    /// The `Authorization` header is repeated, or not `Bearer` and one token: 400 `invalid_request`.
    #[error("The Authorization header is malformed.")]
    Malformed,
    /// The token is not accepted; a token that was checked here says why: 401 `invalid_token`.
    #[error("The access token is invalid, expired or revoked, or is meant for another API.")]
    InvalidToken(#[source] Option<TokenError>),
    /// The token is good but lacks these scopes: 403 `insufficient_scope`.
    #[error("The access token lacks a scope: {}.", .0.join(", "))]
    InsufficientScope(Vec<String>),
    /// The caller's address must be known, but no proxy that is trusted tells it: 403. The token was not looked
    /// at. Set [`Config::trusted_proxies`](crate::Config::trusted_proxies).
    #[error("This service does not trust the proxy that the request came through.")]
    UntrustedProxy,
    /// The issuer cannot be asked at the moment: 503 with `Retry-After`, in seconds.
    #[error("Access tokens cannot be checked at the moment.")]
    Unavailable {
        /// When to try again, in seconds.
        retry_after: u32,
    },
    /// The service is put together wrongly; the text says how: 500.
    #[error("The service is misconfigured: {0}.")]
    Misconfigured(&'static str),
}

impl Rejection {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::MissingToken | Self::InvalidToken(_) => 401,
            Self::InsufficientScope(_) | Self::UntrustedProxy => 403,
            Self::Misconfigured(_) => 500,
            Self::Unavailable { .. } => 503,
        }
    }

    /// The error code (RFC 6750 section 3.1, or RFC 6749 section 4.1.2.1 where that has none).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingToken => "unauthorized",
            Self::Malformed => "invalid_request",
            Self::InvalidToken(_) => "invalid_token",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::UntrustedProxy => "access_denied",
            Self::Misconfigured(_) => "server_error",
            Self::Unavailable { .. } => "temporarily_unavailable",
        }
    }

    /// The value of `WWW-Authenticate` (RFC 6750 section 3), where the status asks for one.
    pub fn www_authenticate(&self) -> Option<String> {
        match self {
            // Who sends no token is told no error.
            Self::MissingToken => Some("Bearer".to_owned()),
            Self::Malformed | Self::InvalidToken(_) => Some(format!("Bearer error=\"{}\"", self.code())),
            Self::InsufficientScope(missing) => {
                let plain = |scope: &&String| scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
                let scopes: Vec<&str> = missing.iter().filter(plain).map(String::as_str).collect();
                Some(format!("Bearer error=\"{}\", scope=\"{}\"", self.code(), scopes.join(" ")))
            }
            _ => None,
        }
    }

    /// The value of `Retry-After`, where there is one.
    pub const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Unavailable { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The body: a JSON object with `error` and `error_description`.
    pub fn body(&self) -> Value {
        let description = match self {
            Self::InvalidToken(Some(cause)) => cause.to_string(),
            // What is wrong with the service is for its own people.
            Self::Misconfigured(_) => "The service is misconfigured.".to_owned(),
            _ => self.to_string(),
        };
        json!({ "error": self.code(), "error_description": description })
    }
}

impl From<TokenError> for Rejection {
    fn from(cause: TokenError) -> Self {
        Self::InvalidToken(Some(cause))
    }
}
