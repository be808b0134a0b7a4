//! What the pages' addresses say to front ends of one's own, in JSON.

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
    web::Payload,
};
use paylent_oauth::{ErrorCode, Parameters};
use serde_json::{Value, json};

use super::{fault::Failure, visit::Fields};
use crate::oauth::body;

/// The members of an object of strings.
pub(super) async fn fields(payload: Payload) -> Result<Fields, HttpResponse> {
    let bytes = body::bytes(payload).await;
    let bytes =
        bytes.map_err(|_| refuse(400, "invalid_request", "The body cannot be read or is larger than 64 KiB."))?;
    let strings = Parameters::from_json(&bytes).map_err(|error| refuse(422, "invalid_request", &error.description))?;
    Ok(Fields::from(strings))
}

/// An answer that nobody keeps.
pub(super) fn reply(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status).insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// A refusal: a word for programs and a sentence for people.
pub(super) fn refuse(status: u16, error: &str, description: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    reply(status, &json!({"error": error, "error_description": description}))
}

/// There is no room for another password right now.
pub(super) fn busy() -> HttpResponse {
    let mut refused = refuse(503, "temporarily_unavailable", "The server is busy. Try again in a few seconds.");
    refused.headers_mut().insert(RETRY_AFTER, 2.into());
    refused
}

/// The answer, or what went wrong.
pub(super) fn answer(outcome: Result<HttpResponse, Failure>) -> HttpResponse {
    match outcome {
        Ok(response) => response,
        Err(Failure::Page(fault, detail)) => refuse(fault.status(), "invalid_request", &detail),
        Err(Failure::Failed(error)) => {
            tracing::error!(cause = ?error.cause, code = error.code.as_str(), "a request failed");
            match error.code {
                ErrorCode::TemporarilyUnavailable => busy(),
                _ => refuse(500, "server_error", "The server failed."),
            }
        }
    }
}
