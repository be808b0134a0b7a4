//! The token in the `Authorization` header (RFC 6750 section 2.1), the one place where it may be.

use crate::{Rejection, TokenError};

/// The longest header value that is looked at, in bytes.
const MAX_HEADER: usize = 8 * 1024;

pub(crate) fn bearer_token<'a>(authorization: &[&'a [u8]]) -> Result<&'a str, Rejection> {
    let header = match authorization {
        [] => return Err(Rejection::MissingToken),
        [header] => std::str::from_utf8(header).map_err(|_| Rejection::Malformed)?,
        _ => return Err(Rejection::Malformed),
    };
    let (scheme, token) = header.split_once(' ').ok_or(Rejection::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Rejection::InvalidToken(None));
    }
    // The characters of `b64token`.
    let is_plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if token.is_empty() || !is_plain {
        return Err(Rejection::Malformed);
    }
    if header.len() > MAX_HEADER {
        return Err(TokenError::TooLong.into());
    }
    Ok(token)
}
