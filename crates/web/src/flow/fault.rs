//! What a person sees when something is wrong and the client cannot be told.

use actix_web::{HttpResponse, http::header::RETRY_AFTER};
use paylent_oauth::{AuthorizeError, Error, ErrorCode, PageError};

use super::{Visit, show};
use crate::pages::{Fault, FaultPage};

/// Why a page cannot do what it is for.
pub(super) enum Failure {
    /// Shown, with a sentence for those who look into it.
    Page(Fault, String),
    /// Shown as it is: the request has its answer.
    Failed(Error),
}

impl Failure {
    /// A request or a form that cannot be read.
    pub(super) fn malformed(detail: &'static str) -> Self {
        Self::Page(Fault::Malformed, detail.to_owned())
    }
}

impl From<AuthorizeError> for Failure {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Page(reason) => reason.into(),
            AuthorizeError::Failed(error) => Self::Failed(error),
        }
    }
}

impl From<PageError> for Failure {
    fn from(reason: PageError) -> Self {
        let fault = match reason {
            PageError::UnknownClient => Fault::UnknownClient,
            PageError::RedirectUri => Fault::RedirectUri,
            PageError::Handle | PageError::Expired => Fault::Expired,
            PageError::OtherBrowser => Fault::OtherBrowser,
            PageError::AlreadyDecided => Fault::AlreadyDecided,
            PageError::Malformed | PageError::ScopeNotAsked => Fault::Malformed,
        };
        Self::Page(fault, reason.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<paylent_storage::Error> for Failure {
    fn from(error: paylent_storage::Error) -> Self {
        Self::Failed(Error::unavailable(error))
    }
}

impl From<paylent_crypto::Error> for Failure {
    fn from(error: paylent_crypto::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Visit {
    /// The error page.
    pub(super) fn fault(&self, failure: Failure) -> HttpResponse {
        let (fault, code, detail) = match failure {
            Failure::Page(fault, detail) => (fault, "invalid_request", Some(detail)),
            Failure::Failed(error) => {
                tracing::error!(cause = ?error.cause, code = error.code.as_str(), "a page failed");
                let fault = match error.code {
                    ErrorCode::ServerError => Fault::Internal,
                    ErrorCode::TemporarilyUnavailable => Fault::Unavailable,
                    _ => Fault::Malformed,
                };
                (fault, error.code.as_str(), None)
            }
        };
        let at = self.now.to_string();
        let page = FaultPage {
            frame: self.frame(),
            fault,
            code,
            detail: detail.as_deref(),
            request_id: &self.origin.request_id,
            at: &at,
            back: None,
        };
        let mut response = show::page(fault.status(), &page);
        if let Fault::TooMany { retry_after } = fault {
            response.headers_mut().insert(RETRY_AFTER, retry_after.into());
        }
        self.leave(response)
    }
}
