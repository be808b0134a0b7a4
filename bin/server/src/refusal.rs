//! What is answered to a request that does not get past the front door, in the form its caller expects.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER, VARY},
    },
};
use paylent_jsonapi::{Code, Errors, media_type::MEDIA_TYPE};
use serde_json::json;

/// Why a request was not let in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The `Host` header is missing, repeated, or disagrees with the request target.
    BadHost,
    /// No environment lives at this host.
    UnknownHost,
    /// Nothing is at this path.
    NotFound,
    /// The caller asks too often.
    TooMany {
        /// When to ask again, in seconds.
        seconds: u64,
    },
    /// The environment could not be looked up.
    Unavailable,
}

impl Refusal {
    pub(crate) fn unavailable(error: paylent_storage::Error) -> Self {
        tracing::error!(error = %error, "the environment could not be looked up");
        Self::Unavailable
    }

    /// The answer: a JSON:API document under `/api`, an OAuth error under `/oauth`, a sentence elsewhere.
    pub(crate) fn response(&self, path: &str, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        response.insert_header((CACHE_CONTROL, "no-store"));
        match self {
            Self::TooMany { seconds } => response.insert_header((RETRY_AFTER, seconds.to_string())),
            Self::Unavailable => response.insert_header((RETRY_AFTER, "2")),
            _ => &mut response,
        };
        if path == "/api" || path.starts_with("/api/") {
            let error = paylent_jsonapi::Error::new(self.code(), self.sentence());
            let errors = Errors::from(error).with_id(request_id);
            response.insert_header((VARY, "Accept"));
            response.content_type(MEDIA_TYPE).body(serde_json::to_vec(&errors).unwrap_or_default())
        } else if path.starts_with("/oauth/") {
            let error = json!({"error": self.oauth_error(), "error_description": self.sentence()});
            response.content_type("application/json").body(error.to_string())
        } else {
            response.content_type("text/plain; charset=utf-8").body(format!("{}\n", self.sentence()))
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadHost => StatusCode::BAD_REQUEST,
            Self::UnknownHost | Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Self::BadHost => "The Host header is missing, repeated or wrong.",
            Self::UnknownHost => "Nothing is served at this host.",
            Self::NotFound => "Nothing is at this address.",
            Self::TooMany { .. } => "Too many requests. Try again later.",
            Self::Unavailable => "The service is temporarily unavailable. Try again in a moment.",
        }
    }

    fn oauth_error(&self) -> &'static str {
        match self {
            Self::TooMany { .. } | Self::Unavailable => "temporarily_unavailable",
            _ => "invalid_request",
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::BadHost => Code { status: 400, word: "bad_request", title: "Bad request" },
            Self::UnknownHost | Self::NotFound => Code::NOT_FOUND,
            Self::TooMany { .. } => Code { status: 429, word: "too_many_requests", title: "Too many requests" },
            Self::Unavailable => Code { status: 503, word: "unavailable", title: "Service unavailable" },
        }
    }
}
