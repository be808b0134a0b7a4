//! A request that was posted from another site comes again as a `GET` of our own.
//!
//! Cookies that are `SameSite=Lax` do not come with a post from another site, so the browser seems to be a stranger's.
//! After a redirect it names itself.

use actix_web::HttpResponse;

use super::{fault::Failure, show};

/// The longest query of an authorization or logout request, in bytes.
pub(super) const MAX_QUERY: usize = 8 * 1_024;

/// Sends the browser to the same path with the form in the query, to the letter: what is wrong with it is judged there.
/// Sets no cookie, for the browser may have one.
pub(super) fn come_again(path: &str, form: &[u8]) -> Result<HttpResponse, Failure> {
    let mut url = format!("{path}?");
    for byte in form {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(char::from(*byte)),
            b'-' | b'.' | b'_' | b'~' | b'*' | b'&' | b'=' | b'+' | b'%' => url.push(char::from(*byte)),
            _ => url.push_str(&format!("%{byte:02X}")),
        }
    }
    match url.len() - path.len() - 1 <= MAX_QUERY {
        true => Ok(show::redirect(&url)),
        false => Err(Failure::malformed("The parameters are longer than 8 KiB.")),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::{StatusCode, header::LOCATION};

    use super::*;

    fn location(form: &[u8]) -> Option<String> {
        let response = come_again("/oauth/authorize", form).ok()?;
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        Some(response.headers().get(LOCATION)?.to_str().ok()?.to_owned())
    }

    #[test]
    fn the_form_becomes_the_query_to_the_letter() {
        let form = b"a=%20b+c&a=1&%zz=%&x";
        assert_eq!(location(form).as_deref(), Some("/oauth/authorize?a=%20b+c&a=1&%zz=%&x"));
    }

    #[test]
    fn what_may_not_stand_in_a_query_is_escaped() {
        assert_eq!(
            location(b"a=\xff\r\nSet-Cookie: x#\"<>").as_deref(),
            Some("/oauth/authorize?a=%FF%0D%0ASet-Cookie%3A%20x%23%22%3C%3E")
        );
    }

    #[test]
    fn a_long_form_is_refused() {
        assert!(location(&[b'a'; MAX_QUERY]).is_some());
        assert!(location(&[b'a'; MAX_QUERY + 1]).is_none());
        assert!(location(&[b' '; MAX_QUERY / 2]).is_none());
    }
}
