//! `Idempotency-Key` on requests that make something (draft-ietf-httpapi-idempotency-key-header): the same key with the
//! same request gets the same answer for 24 hours, and nothing is made twice.
//!
//! The key is reserved together with the id of what is to be made. An attempt that broke off between making it and
//! keeping the answer is therefore recognised by the next one, which finds the resource under its id.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ETAG, LOCATION},
    },
};
use paylent_crypto::secret::fingerprint;
use paylent_domain::actor::Actor;
use paylent_jsonapi::{Code, Document, Error};
use paylent_storage::Reservation;
use serde_json::{Value, json};

use crate::{call::Call, failure::Failure};

const HEADER: &str = "Idempotency-Key";
/// The longest key, in bytes.
const MAX_KEY: usize = 255;

const REUSED: Code = Code { status: 422, word: "idempotency_key_reused", title: "Idempotency key used before" };
const IN_PROGRESS: Code = Code { word: "idempotency_key_in_use", ..Code::CONFLICT };

/// How a request that makes something begins.
pub(crate) enum Start {
    /// It was answered before; this is the answer again.
    Answered(HttpResponse),
    /// It is to be done, perhaps under a key.
    Attempt(Option<Attempt>),
}

/// A request that holds a key.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    key: [u8; 32],
    /// An earlier attempt broke off.
    pub resumed: bool,
}

/// Reserves the request's key, if it has one. The call then makes its resource under the id that was reserved first.
///
/// # Errors
/// 400 for a malformed key, 409 while another request holds it, 422 when it came with another request before.
pub(crate) async fn start(call: &mut Call, body: &[u8]) -> Result<Start, Failure> {
    let Some(key) = key_of(call.request())? else { return Ok(Start::Attempt(None)) };
    let Actor::Token(token) = &call.actor else { return Ok(Start::Attempt(None)) };
    // Keys of different callers never meet.
    let caller = format!("{}\n{}\n{key}", token.client_id, token.user_id);
    let key = fingerprint(caller.as_bytes());
    let target = call.url();
    let request = fingerprint(&[target.as_bytes(), b"\n", body].concat());
    let refuse = |code, detail: &str| Err(Error::new(code, detail).at_header(HEADER).into());
    let id = *call.new_id::<()>().as_bytes();
    match call.env.reserve_idempotency_key(key, request, id, call.by.at).await? {
        Reservation::New => Ok(Start::Attempt(Some(Attempt { key, resumed: false }))),
        Reservation::Resumed { resource } => {
            call.make_under(resource);
            Ok(Start::Attempt(Some(Attempt { key, resumed: true })))
        }
        Reservation::Answered { answer } => Ok(Start::Answered(replay(call, &answer)?)),
        Reservation::InProgress => refuse(IN_PROGRESS, "A request with this key is being answered. Try again."),
        Reservation::Different => refuse(REUSED, "This key came with another request before. Use a new one."),
    }
}

/// Frees the key when nothing was made, so that the request can be sent again. What failed for reasons that are not
/// known keeps the key: the next attempt must look whether it was made.
///
/// # Errors
/// The attempt's own.
pub(crate) async fn released_unless_made<T>(
    call: &Call,
    attempt: Option<&Attempt>,
    made: Result<T, Failure>,
) -> Result<T, Failure> {
    if let (Err(failure), Some(attempt)) = (&made, attempt)
        && !failure.is_server_error()
        && let Err(error) = call.env.release_idempotency_key(attempt.key).await
    {
        tracing::warn!(%error, "an idempotency key could not be released");
    }
    made
}

/// Keeps the answer, without its secret, to be given again.
pub(crate) async fn finish(call: &Call, attempt: Option<&Attempt>, location: &str, tag: &str, document: &Document) {
    let Some(attempt) = attempt else { return };
    // The body as text, so that it comes back as it was to the byte.
    let body = json!(serde_json::to_string(document).ok());
    let answer = json!({ "location": location, "etag": tag, "body": body }).to_string();
    if let Err(error) = call.env.complete_idempotency_key(attempt.key, answer).await {
        // What was made is found under its id by the next attempt.
        tracing::warn!(%error, "the answer under an idempotency key could not be kept");
    }
}

fn replay(call: &Call, answer: &str) -> Result<HttpResponse, Failure> {
    let broken = || Failure::Storage(paylent_storage::Error::Broken("a kept answer is none".to_owned()));
    let answer: Value = serde_json::from_str(answer).map_err(|_| broken())?;
    let text = |name: &str| answer[name].as_str().map(str::to_owned).ok_or_else(broken);
    let mut response = call.answer(StatusCode::CREATED);
    response.insert_header((LOCATION, text("location")?)).insert_header((ETAG, text("etag")?));
    Ok(response.insert_header(("Idempotency-Replayed", "true")).body(text("body")?))
}

fn key_of(request: &HttpRequest) -> Result<Option<String>, Error> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let malformed = || {
        let detail = format!("Give one key of 1 to {MAX_KEY} visible ASCII characters.");
        Error::new(Code::INVALID_QUERY, detail).at_header(HEADER)
    };
    let key = value.to_str().map_err(|_| malformed())?;
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if values.next().is_some() || key.is_empty() || key.len() > MAX_KEY || !visible {
        return Err(malformed());
    }
    Ok(Some(key.to_owned()))
}
