//! What the OAuth endpoints answer: JSON that nobody keeps, and errors in the form of RFC 6749 section 5.2.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{ALLOW, CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use paylent_oauth::{Error, ErrorCode};
use serde::Serialize;

/// A request that was refused, by the engine or before it came so far.
pub(crate) struct Refusal {
    status: u16,
    error: Error,
}

impl Refusal {
    /// A request that the endpoint could not even read.
    pub(crate) const fn unreadable(status: u16, description: &'static str) -> Self {
        Self { status, error: Error::new(ErrorCode::InvalidRequest, description) }
    }

    /// The error document, with the headers that go with its status.
    pub(crate) fn response(self, issuer: &str) -> HttpResponse {
        if let Some(cause) = &self.error.cause {
            tracing::error!(cause = %Causes(cause.as_ref()), code = self.error.code.as_str(), "an OAuth request failed");
        }
        let mut response = write(StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST), &self.error);
        let headers = response.headers_mut();
        let value = match self.error.code {
            ErrorCode::InvalidClient => {
                Some((WWW_AUTHENTICATE, format!("Basic realm=\"{issuer}\", charset=\"UTF-8\"")))
            }
            ErrorCode::TemporarilyUnavailable => Some((RETRY_AFTER, "2".to_owned())),
            _ => None,
        };
        if let Some((name, value)) = value.and_then(|(name, value)| Some((name, value.parse().ok()?))) {
            headers.insert(name, value);
        }
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { status: error.code.status(), error }
    }
}

/// A successful answer.
pub(crate) fn answer(reply: &impl Serialize) -> HttpResponse {
    write(StatusCode::OK, reply)
}

/// The answer to a method that the resource does not have.
pub(crate) fn method_not_allowed(allow: &'static str) -> HttpResponse {
    let error = Error::new(ErrorCode::InvalidRequest, "This endpoint does not have that method.");
    let mut response = write(StatusCode::METHOD_NOT_ALLOWED, &error);
    response.headers_mut().insert(ALLOW, actix_web::http::header::HeaderValue::from_static(allow));
    response
}

/// A JSON document that nobody keeps.
pub(crate) fn write(status: StatusCode, document: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(document) {
        Ok(body) => HttpResponse::build(status)
            .content_type("application/json")
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((PRAGMA, "no-cache"))
            .body(body),
        Err(error) => {
            tracing::error!(%error, "a reply could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// An error with all its causes, on one line.
struct Causes<'a>(&'a (dyn std::error::Error + Send + Sync));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
