//! Reads the parameters of an OAuth request: form, JSON and multipart bodies mean the same.

use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::{
    HttpRequest,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap},
    mime::{self, Mime},
    web::{Bytes, BytesMut, Payload},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use paylent_oauth::Parameters;

use super::reply::Refusal;

/// The largest body, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The most parts a multipart body may have.
const MAX_PARTS: usize = 32;
/// How long the body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);

const WRONG: Refusal = Refusal::unreadable(
    400,
    "Send the parameters as application/x-www-form-urlencoded, application/json or multipart/form-data.",
);
const MALFORMED: Refusal = Refusal::unreadable(400, "The multipart body is malformed.");

/// The parameters in the body of a request.
pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Parameters, Refusal> {
    let media_type = media_type(request.headers())?;
    let body = bytes(payload).await?;
    parse(request, &media_type, body).await
}

/// The same, where an object of JSON needs no media type. No cookie counts here, so a page of another site, which could send
/// that too, gains nothing by it.
pub(crate) async fn read_untyped(request: &HttpRequest, payload: Payload) -> Result<Parameters, Refusal> {
    if request.headers().contains_key(CONTENT_TYPE) {
        return read(request, payload).await;
    }
    check_coding(request.headers())?;
    let body = bytes(payload).await?;
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(WRONG);
    }
    parse(request, &mime::APPLICATION_JSON, body).await
}

async fn parse(request: &HttpRequest, media_type: &Mime, body: Bytes) -> Result<Parameters, Refusal> {
    match (media_type.type_(), media_type.subtype()) {
        (mime::APPLICATION, mime::WWW_FORM_URLENCODED) => Ok(Parameters::from_form(&body)?),
        (mime::APPLICATION, mime::JSON) => Ok(Parameters::from_json(&body)?),
        _ => multipart(request.headers(), body).await,
    }
}

/// Whether a request has one media type, JSON's. No form of a page can send that, so it needs no token of ours.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE);
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The one media type of the body; anything in it that we would not honour is refused.
fn media_type(headers: &HeaderMap) -> Result<Mime, Refusal> {
    check_coding(headers)?;
    let mut values = headers.get_all(CONTENT_TYPE);
    let (Some(value), None) = (values.next(), values.next()) else { return Err(WRONG) };
    let media_type: Mime = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or(WRONG)?;
    let known = [&mime::APPLICATION_WWW_FORM_URLENCODED, &mime::APPLICATION_JSON, &mime::MULTIPART_FORM_DATA];
    if !known.iter().any(|known| known.essence_str() == media_type.essence_str()) {
        return Err(WRONG);
    }
    let names = || media_type.params().map(|(name, _)| name);
    if names().enumerate().any(|(at, name)| names().take(at).any(|other| other == name)) {
        return Err(Refusal::unreadable(400, "A parameter of the media type must not be repeated."));
    }
    check_charset(&media_type)?;
    Ok(media_type)
}

fn check_coding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get_all(CONTENT_ENCODING).all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        true => Ok(()),
        false => Err(Refusal::unreadable(415, "The body must not be compressed.")),
    }
}

fn check_charset(media_type: &Mime) -> Result<(), Refusal> {
    match media_type.get_param(mime::CHARSET) {
        Some(charset) if charset != mime::UTF_8 => Err(Refusal::unreadable(400, "The body must be UTF-8.")),
        _ => Ok(()),
    }
}

/// The whole body; reading stops at the limit.
pub(crate) async fn bytes(payload: Payload) -> Result<Bytes, Refusal> {
    bytes_within(LIMIT, payload).await
}

/// The same with another limit.
pub(crate) async fn bytes_within(limit: usize, mut payload: Payload) -> Result<Bytes, Refusal> {
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::unreadable(400, "The body could not be read."))?;
            if body.len() + chunk.len() > limit {
                return Err(Refusal::unreadable(413, "The body is too large."));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let late = |_| Refusal::unreadable(408, "The body took too long to arrive.");
    tokio::time::timeout(DEADLINE, reading).await.map_err(late)?
}

/// The parts of a `multipart/form-data` body (RFC 7578), each a plain text field.
async fn multipart(headers: &HeaderMap, body: Bytes) -> Result<Parameters, Refusal> {
    let mut parts = Multipart::new(headers, stream::once(async { Ok(body) }));
    let mut pairs = Vec::new();
    while let Some(part) = parts.try_next().await.map_err(|_| MALFORMED)? {
        if pairs.len() == MAX_PARTS {
            return Err(Refusal::unreadable(400, "The multipart body has too many parts."));
        }
        pairs.push(field(part).await?);
    }
    Ok(Parameters::from_pairs(pairs)?)
}

async fn field(mut part: Field) -> Result<(String, String), Refusal> {
    let disposition = part.content_disposition().ok_or(MALFORMED)?;
    let name = disposition.get_name().ok_or(MALFORMED)?.to_owned();
    if disposition.get_filename().is_some() || disposition.get_filename_ext().is_some() {
        return Err(Refusal::unreadable(400, "A parameter must not be a file."));
    }
    if let Some(media_type) = part.content_type() {
        if media_type.type_() == mime::MULTIPART {
            return Err(MALFORMED);
        }
        check_charset(media_type)?;
    }
    let mut value = Vec::new();
    while let Some(chunk) = part.try_next().await.map_err(|_| MALFORMED)? {
        value.extend_from_slice(&chunk);
    }
    let not_text = |_| Refusal::unreadable(400, "A parameter is not UTF-8.");
    Ok((name, String::from_utf8(value).map_err(not_text)?))
}
