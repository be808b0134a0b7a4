//! What the pages' addresses say to front ends of one's own, in JSON.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::RETRY_AFTER},
    web::Payload,
};
use paylent_oauth::{ErrorCode, Parameters};
use serde_json::{Value, json};

use super::{
    fault::Failure,
    introduction::Faults,
    visit::{Fields, Visit},
};
use crate::{
    Settings,
    oauth::{body, reply},
};

/// Why a front end's request is refused.
pub(super) trait Refused {
    /// What the front end is told.
    fn told(self) -> HttpResponse;
}

/// What the handlers have in common, as [`respond_to_form`](super::respond_to_form) for the forms of pages. JSON needs no
/// token of ours, for no form of a page can send it.
pub(super) async fn respond<R: Refused>(
    request: &HttpRequest,
    payload: Payload,
    settings: &Settings,
    run: impl AsyncFnOnce(&mut Visit, &Fields) -> Result<HttpResponse, R>,
) -> HttpResponse {
    let mut visit = match Visit::begin(request, settings).await {
        Ok(visit) => visit,
        Err(response) => return response,
    };
    let response = match fields(&visit, payload).await {
        Ok(fields) => run(&mut visit, &fields).await.unwrap_or_else(Refused::told),
        Err(response) => response,
    };
    visit.leave(response)
}

/// The members of an object of strings.
async fn fields(visit: &Visit, payload: Payload) -> Result<Fields, HttpResponse> {
    let bytes = body::bytes(payload).await.map_err(|refusal| refusal.response(&visit.env.tenant().base_url))?;
    let strings = Parameters::from_json(&bytes)
        .map_err(|error| refuse(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", &error.description))?;
    Ok(Fields::from(strings))
}

/// An answer that nobody keeps.
pub(super) fn reply(status: StatusCode, body: &Value) -> HttpResponse {
    reply::write(status, body)
}

/// A refusal: a word for programs and a sentence for people.
pub(super) fn refuse(status: StatusCode, error: &str, description: &str) -> HttpResponse {
    reply(status, &json!({"error": error, "error_description": description}))
}

/// A refusal that says in how many seconds to try again.
pub(super) fn later(status: StatusCode, error: &str, description: &str, seconds: u32) -> HttpResponse {
    let mut refused = refuse(status, error, description);
    refused.headers_mut().insert(RETRY_AFTER, seconds.into());
    refused
}

/// There is no room for another password right now.
pub(super) fn busy() -> HttpResponse {
    later(
        StatusCode::SERVICE_UNAVAILABLE,
        "temporarily_unavailable",
        "The server is busy. Try again in a few seconds.",
        2,
    )
}

/// The fields that break rules.
pub(super) fn unfit(faults: &Faults) -> HttpResponse {
    let sentences: Vec<String> = faults.iter().map(|(field, rule)| format!("{field} {rule}.")).collect();
    refuse(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", &sentences.join(" "))
}

impl Refused for Failure {
    fn told(self) -> HttpResponse {
        match self {
            Self::Page(fault, detail) => {
                let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                refuse(status, "invalid_request", &detail)
            }
            Self::Failed(error) => {
                tracing::error!(cause = ?error.cause, code = error.code.as_str(), "a request failed");
                match error.code {
                    ErrorCode::TemporarilyUnavailable => busy(),
                    _ => refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The server failed."),
                }
            }
        }
    }
}
