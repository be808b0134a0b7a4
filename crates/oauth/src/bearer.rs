//! Bearer tokens at a resource server of our own (RFC 6750).

use paylent_domain::network::Caller;

use crate::{Engine, LiveToken, allow_list::Foreign, error::Error, store::Store};

/// Why a bearer token was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// The request itself is malformed: 400 `invalid_request`.
    #[error("The Authorization header is malformed.")]
    Malformed,
    /// The token is unknown, expired, revoked, or for another audience: 401 `invalid_token`.
    #[error("The access token is invalid, expired or revoked, or is meant for another API.")]
    Invalid,
    /// The token is good, and was used from an address that its application does not allow: 403 `access_denied`.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// The store failed: 503.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The longest `Authorization` header value worth looking at, in bytes.
const MAX_HEADER: usize = 8 * 1024;

/// Takes the token out of the values of the `Authorization` header: `None` when there is no such header.
///
/// # Errors
/// `Malformed` when the header is repeated or not `Bearer` followed by one space and one token, `Invalid` when another
/// scheme is used or the token is too long to be ours.
pub fn bearer_token<'a>(authorization: &[&'a [u8]]) -> Result<Option<&'a str>, BearerError> {
    let header = match authorization {
        [] => return Ok(None),
        [header] => std::str::from_utf8(header).map_err(|_| BearerError::Malformed)?,
        _ => return Err(BearerError::Malformed),
    };
    let (scheme, token) = header.split_once(' ').ok_or(BearerError::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BearerError::Invalid);
    }
    // The characters of `b64token` in RFC 6750 section 2.1.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(plain) {
        return Err(BearerError::Malformed);
    }
    if header.len() > MAX_HEADER {
        return Err(BearerError::Invalid);
    }
    Ok(Some(token))
}

impl<S: Store> Engine<S> {
    /// Accepts a live access token whose audience is `audience` (or an alias of it), from where it may be used.
    ///
    /// # Errors
    /// `Invalid` for every other string, `Foreign` for a token from elsewhere, `Failed` when the store fails.
    pub async fn bearer(&self, token: &str, audience: &str, caller: Caller) -> Result<LiveToken, BearerError> {
        let live = self.live(token).await?.ok_or(BearerError::Invalid)?;
        if self.config.resolve(&live.audience) != self.config.resolve(audience) {
            return Err(BearerError::Invalid);
        }
        self.admit(live.usage(), caller).await?;
        self.note_use(live.used(), Some(caller));
        Ok(live)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jw_scheme_exactly_one_well_formed_bearer_header_is_read() {
        assert_eq!(bearer_token(&[]).unwrap(), None);
        assert_eq!(bearer_token(&[b"Bearer abc"]).unwrap(), Some("abc"));
        assert_eq!(bearer_token(&[b"bearer abc"]).unwrap(), Some("abc"));
        for bad in [
            &b"Bearer"[..],
            b"Bearer ",
            b"Bearer\tabc",
            b"Bearer  abc",
            b"Bearer a b",
            b"Bearer Bearer a",
            b"Bearer a,Bearer b",
            b"\xff",
        ] {
            assert!(matches!(bearer_token(&[bad]), Err(BearerError::Malformed)), "{bad:?}");
        }
        assert!(matches!(bearer_token(&[b"Bearer a", b"Bearer a"]), Err(BearerError::Malformed)));
        assert!(matches!(bearer_token(&[b"Basic YTpi"]), Err(BearerError::Invalid)));
        let long = [b"Bearer ".to_vec(), vec![b'a'; 9 * 1024]].concat();
        assert!(matches!(bearer_token(&[&long]), Err(BearerError::Invalid)));
    }
}
