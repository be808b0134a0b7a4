//! What is answered to a request that does not get past the front door, in the form its caller expects.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, HOST, RETRY_AFTER, VARY},
    },
    web::Data,
};
use paylent_jsonapi::{Code, Errors, media_type::MEDIA_TYPE};
use paylent_web::{
    FormRoute, is_json,
    pages::{Fault, FaultPage, Frame, Html, Name, negotiate, render},
};
use serde_json::json;

use crate::app::Shared;

/// The routes of the pages that are no forms.
const PAGES: [&str; 5] =
    ["/oauth/authorize", "/oauth/logout", "/account/data", "/invitations/{id}", "/organizations/{id}/connections"];

/// Why a request was not let in.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The `Host` header is missing, repeated, or disagrees with the request target.
    BadHost,
    /// The request wants to go on in another protocol: what follows is no body that would end.
    Upgrade,
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

    /// The answer: a page for people, a JSON:API document under `/api`, an OAuth error under `/oauth` and to front
    /// ends, a sentence elsewhere.
    pub(crate) fn response(&self, request: &HttpRequest, request_id: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        match self {
            Self::TooMany { seconds } => response.insert_header((RETRY_AFTER, seconds.to_string())),
            Self::Unavailable => response.insert_header((RETRY_AFTER, "2")),
            _ => &mut response,
        };
        let fault = self.fault().filter(|_| is_for_people(request));
        if let Some(html) = fault.and_then(|fault| page(fault, self.oauth_error(), request, request_id)) {
            for header in html.headers() {
                response.insert_header(header);
            }
            return response.body(html.body);
        }
        response.insert_header((CACHE_CONTROL, "no-store"));
        self.document(response, request, request_id)
    }

    /// The answer to a machine.
    fn document(&self, mut response: HttpResponseBuilder, request: &HttpRequest, request_id: &str) -> HttpResponse {
        let path = request.path();
        if path == "/api" || path.starts_with("/api/") {
            let error = paylent_jsonapi::Error::new(self.code(), self.sentence());
            let errors = Errors::from(error).with_id(request_id);
            response.insert_header((VARY, "Accept"));
            response.content_type(MEDIA_TYPE).body(serde_json::to_vec(&errors).unwrap_or_default())
        } else if path.starts_with("/oauth/") {
            let error = json!({"error": self.oauth_error(), "error_description": self.sentence()});
            response.content_type("application/json").body(error.to_string())
        } else if is_json(request.headers()) {
            let error = json!({"error": self.code().word, "error_description": self.sentence()});
            response.content_type("application/json").body(error.to_string())
        } else {
            response.content_type("text/plain; charset=utf-8").body(format!("{}\n", self.sentence()))
        }
    }

    /// What people are told, where there is a host to tell it.
    fn fault(&self) -> Option<Fault> {
        match self {
            Self::BadHost | Self::Upgrade | Self::UnknownHost => None,
            Self::NotFound => Some(Fault::NotFound),
            Self::TooMany { seconds } => {
                Some(Fault::TooMany { retry_after: u32::try_from(*seconds).unwrap_or(u32::MAX) })
            }
            Self::Unavailable => Some(Fault::Unavailable),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadHost | Self::Upgrade => StatusCode::BAD_REQUEST,
            Self::UnknownHost | Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Self::BadHost => "The Host header is missing, repeated or wrong.",
            Self::Upgrade => "The connection cannot be upgraded to another protocol.",
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
            Self::BadHost | Self::Upgrade => Code { status: 400, word: "bad_request", title: "Bad request" },
            Self::UnknownHost | Self::NotFound => Code::NOT_FOUND,
            Self::TooMany { .. } => Code { status: 429, word: "too_many_requests", title: "Too many requests" },
            Self::Unavailable => Code { status: 503, word: "unavailable", title: "Service unavailable" },
        }
    }
}

/// Whether somebody sits at a browser: at one of the pages, or wherever no machine has business and HTML is wanted.
fn is_for_people(request: &HttpRequest) -> bool {
    let (path, route) = (request.path(), request.match_pattern().unwrap_or_default());
    if let Some(form) = FormRoute::at(&route) {
        return !(form.speaks_json && is_json(request.headers()));
    }
    if PAGES.contains(&route.as_str()) {
        return true;
    }
    let machines = ["/api/", "/oauth/", "/.well-known/", "/health/", "/assets/"];
    let accepted = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    path != "/api"
        && !machines.iter().any(|start| path.starts_with(start))
        && accepted.flat_map(|list| list.split(',')).any(|range| range.trim().starts_with("text/html"))
}

/// The error page, in the language of the browser.
fn page(fault: Fault, code: &str, request: &HttpRequest, request_id: &str) -> Option<Html> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let now = request.app_data::<Data<Shared>>().map(|shared| shared.rooms.clock.now().to_string()).unwrap_or_default();
    let page = FaultPage {
        frame: Frame {
            language: negotiate(None, header(ACCEPT_LANGUAGE)),
            environment: Name(header(HOST).unwrap_or_default()),
            help: None,
        },
        fault,
        code,
        detail: None,
        request_id,
        at: &now,
        back: None,
    };
    render(&page).ok()
}
