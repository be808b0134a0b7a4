//! Content negotiation (JSON:API 1.1, "Content Negotiation").
//!
//! We support no extension, so every `ext` URI is unknown; profiles may always be ignored.

use crate::{Code, Error};

/// The JSON:API media type: `Content-Type` of every response, errors too.
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Checks the `Content-Type` of a request that has a body. Anything but the bare JSON:API media type, with `profile`
/// or an empty `ext` at most, is 415.
pub fn check_content_type(header: Option<&[u8]>) -> Result<(), Error> {
    let mut rest = header.unwrap_or_default();
    let media_type = MediaType::parse(&mut rest);
    if rest.is_empty() && media_type.is_json_api && media_type.usable && media_type.weight.is_none() {
        return Ok(());
    }
    let detail = format!("The body must be {MEDIA_TYPE} without parameters other than profile.");
    Err(Error::new(Code::UNSUPPORTED_MEDIA_TYPE, detail).at_header("Content-Type"))
}

/// Checks the `Accept` headers of a request. 406 only if the JSON:API media type is named and no instance of it is
/// usable: other parameters than `profile` and the weight `q`, an `ext` URI, or `q=0`. No header, or only other media
/// types, is served: the specification asks for a refusal in no other case.
pub fn check_accept<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Result<(), Error> {
    let mut named = false;
    for mut rest in headers {
        while !rest.is_empty() {
            let media_range = MediaType::parse(&mut rest);
            rest = rest.strip_prefix(b",").unwrap_or(rest);
            if media_range.is_json_api && media_range.usable_as_range() {
                return Ok(());
            }
            named |= media_range.is_json_api;
        }
    }
    if !named {
        return Ok(());
    }
    let detail = format!("Only {MEDIA_TYPE} without extensions and without other parameters can be served.");
    Err(Error::new(Code::NOT_ACCEPTABLE, detail).at_header("Accept"))
}

/// One media type, or one media range of `Accept`, reduced to what negotiation asks.
struct MediaType {
    is_json_api: bool,
    /// Every parameter is `profile`, an empty `ext`, or (counted apart) `q`.
    usable: bool,
    weight: Option<Weight>,
}

/// The parameter `q` of a media range.
#[derive(PartialEq)]
enum Weight {
    Zero,
    Positive,
}

impl MediaType {
    /// Reads up to the next comma outside a quoted string, or to the end (RFC 9110, section 8.3.1).
    fn parse(rest: &mut &[u8]) -> Self {
        let essence = take_until(rest, b";,").trim_ascii();
        let is_json_api = essence.eq_ignore_ascii_case(MEDIA_TYPE.as_bytes());
        let mut media_type = Self { is_json_api, usable: true, weight: None };
        while let Some(parameters) = rest.strip_prefix(b";") {
            *rest = parameters;
            let name = take_until(rest, b"=;,").trim_ascii();
            let value = rest.strip_prefix(b"=").map(|value| {
                *rest = value;
                parameter_value(rest)
            });
            media_type.parameter(name, value.as_deref());
        }
        media_type
    }

    fn parameter(&mut self, name: &[u8], value: Option<&[u8]>) {
        match (name.to_ascii_lowercase().as_slice(), value) {
            (b"", None) | (b"profile", Some(_)) => {}
            (b"ext", Some(uris)) if uris.trim_ascii().is_empty() => {}
            (b"q", Some(weight)) => self.weight = Some(Weight::parse(weight)),
            _ => self.usable = false,
        }
    }

    fn usable_as_range(&self) -> bool {
        self.usable && self.weight != Some(Weight::Zero)
    }
}

impl Weight {
    /// Zero is written `0`, `0.`, `0.0`, `0.00` or `0.000` (RFC 9110, section 12.4.2).
    fn parse(text: &[u8]) -> Self {
        let zero = text.first() == Some(&b'0') && text.iter().all(|byte| matches!(byte, b'0' | b'.'));
        if zero { Self::Zero } else { Self::Positive }
    }
}

/// Everything before the first of `delimiters`, which stays in `rest`.
fn take_until<'a>(rest: &mut &'a [u8], delimiters: &[u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| delimiters.contains(byte)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}

/// A token or a quoted string without its quotes and escapes. What follows a quoted string up to the next delimiter is
/// kept as part of the value, so that a broken header does not pass for a good one.
fn parameter_value(rest: &mut &[u8]) -> Vec<u8> {
    *rest = rest.trim_ascii_start();
    let Some(mut quoted) = rest.strip_prefix(b"\"") else {
        return take_until(rest, b";,").trim_ascii_end().to_vec();
    };
    let mut value = Vec::new();
    while let Some((&byte, tail)) = quoted.split_first() {
        quoted = tail;
        match (byte, tail.split_first()) {
            (b'"', _) => break,
            (b'\\', Some((&escaped, tail))) => {
                value.push(escaped);
                quoted = tail;
            }
            _ => value.push(byte),
        }
    }
    *rest = quoted;
    value.extend_from_slice(take_until(rest, b";,").trim_ascii());
    value
}
