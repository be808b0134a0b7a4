//! Client authentication (RFC 6749 section 2.3): `client_secret_basic`, `client_secret_post`, and `none` for public clients.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_crypto::secret::{Secret, SecretHash};
use paylent_domain::client::ClientType;

use crate::{
    error::Error,
    parameters::{Parameters, form_decode},
    store::Client,
};

/// What a client showed to say who it is.
#[derive(Debug)]
pub struct Credentials {
    pub(crate) client_id: String,
    secret: Option<Secret>,
}

/// The longest credential worth looking at, in bytes.
const MAX_CREDENTIAL: usize = 512;

impl Credentials {
    /// Finds the credentials in the values of the `Authorization` header and in the body.
    ///
    /// # Errors
    /// `invalid_request` when two ways are mixed or the header is repeated or malformed, `invalid_client` when none is used.
    pub fn parse(authorization: &[&[u8]], parameters: &Parameters) -> Result<Self, Error> {
        let (in_body, secret) = (parameters.get("client_id"), parameters.get("client_secret"));
        if parameters.get("client_assertion").is_some() {
            return Err(Error::invalid_client());
        }
        match authorization {
            [] => {
                let client_id = in_body.ok_or(Error::invalid_client())?.to_owned();
                Ok(Self { client_id, secret: secret.map(|secret| Secret::from(secret.to_owned())) })
            }
            [header] => {
                let basic = Self::basic(header)?;
                if secret.is_some() || in_body.is_some_and(|client_id| client_id != basic.client_id) {
                    return Err(Error::invalid_request("Authenticate in one way only: by header or by body."));
                }
                Ok(basic)
            }
            _ => Err(Error::invalid_request("The Authorization header must not be repeated.")),
        }
    }

    /// Reads `Basic <base64(form(id):form(secret))>`.
    fn basic(header: &[u8]) -> Result<Self, Error> {
        const BAD: Error = Error::invalid_request("The Authorization header is not correct Basic authentication.");
        let text = std::str::from_utf8(header).map_err(|_| BAD)?;
        let (scheme, encoded) = text.split_once(' ').ok_or(BAD)?;
        if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 2 * MAX_CREDENTIAL {
            return Err(BAD);
        }
        let decoded = STANDARD.decode(encoded).map_err(|_| BAD)?;
        let colon = decoded.iter().position(|byte| *byte == b':').ok_or(BAD)?;
        let (client_id, secret) = (form_decode(&decoded[..colon])?, form_decode(&decoded[colon + 1..])?);
        if client_id.contains('\0') || secret.contains('\0') {
            return Err(BAD);
        }
        Ok(Self { client_id, secret: (!secret.is_empty()).then(|| Secret::from(secret)) })
    }

    /// Checks the credentials against the client they name. An unknown client, a wrong secret and a disabled client
    /// take the same time and give the same answer.
    pub(crate) fn authenticate<'a>(&self, client: Option<&'a Client>) -> Result<&'a Client, Error> {
        let nobody = SecretHash::from_bytes([0; 32]);
        let expected = client.and_then(|client| client.secret_hash).unwrap_or(nobody);
        let secret_matches = expected.matches(self.secret.as_ref().map_or("", Secret::expose));
        let client = client.filter(|client| client.active).ok_or(Error::invalid_client())?;
        let proven = match client.client_type {
            ClientType::Confidential => client.secret_hash.is_some() && secret_matches,
            ClientType::Public => self.secret.is_none(),
        };
        if proven { Ok(client) } else { Err(Error::invalid_client()) }
    }

    /// Whether this could name a client at all; otherwise no store need be asked.
    pub(crate) fn is_plausible(&self) -> bool {
        self.client_id.len() <= MAX_CREDENTIAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn form(body: &str) -> Parameters {
        Parameters::from_form(body.as_bytes()).unwrap()
    }

    fn header(user_and_password: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(user_and_password)).into_bytes()
    }

    #[test]
    fn ca_basic_enc_form_encoded_and_plain_credentials_are_read() {
        let read = |text: &str| Credentials::parse(&[&header(text)], &form("")).unwrap();
        let encoded = read("a%3Ab:s%25%2B%C3%A9");
        assert_eq!((encoded.client_id.as_str(), encoded.secret.unwrap().expose()), ("a:b", "s%+é"));
        let plain = read("q-QynnbD_XVF:Mq4E2-VF_Nss");
        assert_eq!((plain.client_id.as_str(), plain.secret.unwrap().expose()), ("q-QynnbD_XVF", "Mq4E2-VF_Nss"));
    }

    #[test]
    fn ca_basic_bad_headers_are_a_client_error() {
        let long = [b"Basic ".to_vec(), vec![b'A'; 16 * 1024]].concat();
        for bad in [
            &b"Basic"[..],
            b"Basic ",
            b"Basic\tYTpi",
            b"Basic !!!!",
            b"Basic YQ==",
            b"Bearer YTpi",
            b"Basic \xff",
            &long,
        ] {
            let error = Credentials::parse(&[bad], &form("")).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "{bad:?}");
        }
        let one = header("a:b");
        assert_eq!(Credentials::parse(&[&one, &one], &form("")).unwrap_err().code, ErrorCode::InvalidRequest);
        assert_eq!(Credentials::parse(&[&header("a:%ff")], &form("")).unwrap_err().code, ErrorCode::InvalidRequest);
    }

    #[test]
    fn ca_both_ways_at_once_are_refused() {
        let one = header("a:b");
        let error = Credentials::parse(&[&one], &form("client_id=a&client_secret=b")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidRequest);
        assert!(Credentials::parse(&[&one], &form("client_id=other")).is_err());
        assert!(Credentials::parse(&[&one], &form("client_id=a")).is_ok());
    }

    #[test]
    fn ca_assertion_is_not_supported() {
        let error = Credentials::parse(&[], &form("client_id=a&client_assertion=x")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidClient);
    }

    #[test]
    fn lg_debug_the_secret_is_redacted() {
        let credentials = Credentials::parse(&[&header("a:canary")], &form("")).unwrap();
        assert!(!format!("{credentials:?}").contains("canary"));
    }
}
