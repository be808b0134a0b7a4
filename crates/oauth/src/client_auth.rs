//! Client authentication (RFC 6749 section 2.3): `client_secret_basic`, `client_secret_post`, `private_key_jwt` (RFC 7523
//! section 2.2), and `none` for public clients.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_crypto::{
    client_assertion::{AcceptedAssertion, ClientAssertion, ExpectAssertion},
    jwt::TokenError,
    secret::{Secret, SecretHash},
};
use paylent_domain::{Timestamp, client::ClientType};

use crate::{
    Engine,
    error::Error,
    parameters::{Parameters, form_decode},
    store::{Client, Store},
};

/// What a client showed to say who it is.
#[derive(Debug)]
pub struct Credentials {
    pub(crate) client_id: String,
    proof: Proof,
}

/// How it wants to prove it.
enum Proof {
    None,
    Secret(Secret),
    /// A signed assertion, whose form is right.
    Assertion(Secret),
}

/// The longest credential worth looking at, in bytes.
const MAX_CREDENTIAL: usize = 512;
/// The only type of assertion (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far ahead an assertion may expire, and how far clocks may differ, in seconds.
const ASSERTION_LIFETIME: i64 = 3_600;
const LEEWAY: i64 = 60;

impl Proof {
    fn of(secret: Option<String>) -> Self {
        secret.filter(|secret| !secret.is_empty()).map_or(Self::None, |secret| Self::Secret(Secret::from(secret)))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Secret(_) => "Secret([redacted])",
            Self::Assertion(_) => "Assertion([redacted])",
        })
    }
}

impl Credentials {
    /// Finds the credentials in the values of the `Authorization` header and in the body.
    ///
    /// # Errors
    /// `invalid_request` when two ways are mixed or the header is repeated or malformed, `invalid_client` when none is
    /// used or the assertion is malformed.
    pub fn parse(authorization: &[&[u8]], parameters: &Parameters) -> Result<Self, Error> {
        const BOTH: Error = Error::invalid_request("Authenticate in one way only: by header or by body.");
        let (in_body, secret) = (parameters.get("client_id"), parameters.get("client_secret"));
        let assertion = parameters.get("client_assertion").map(|text| Self::assertion(text, parameters)).transpose()?;
        let credentials = match (authorization, assertion) {
            ([], Some(_)) if secret.is_some() => return Err(BOTH),
            ([], Some(assertion)) => assertion,
            ([], None) => {
                let client_id = in_body.ok_or(Error::invalid_client())?.to_owned();
                Self { client_id, proof: Proof::of(secret.map(str::to_owned)) }
            }
            ([_], Some(_)) => return Err(BOTH),
            ([header], None) if secret.is_none() => Self::basic(header)?,
            ([header], None) => return Err(Self::basic(header).err().unwrap_or(BOTH)),
            _ => return Err(Error::invalid_request("The Authorization header must not be repeated.")),
        };
        match in_body {
            Some(client_id) if client_id != credentials.client_id => Err(BOTH),
            _ => Ok(credentials),
        }
    }

    /// Reads an assertion. What it says is believed only when its signature is checked.
    fn assertion(text: &str, parameters: &Parameters) -> Result<Self, Error> {
        if parameters.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(Error::invalid_client());
        }
        let assertion = ClientAssertion::parse(text).map_err(|_| Error::invalid_client())?;
        let client_id = assertion.subject().to_owned();
        Ok(Self { client_id, proof: Proof::Assertion(Secret::from(text.to_owned())) })
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
        Ok(Self { client_id, proof: Proof::of(Some(secret)) })
    }

    /// Checks the credentials against the client they name. An unknown client, a wrong secret and a disabled client
    /// take the same time and give the same answer. An assertion is still to be checked.
    fn check<'a>(&self, client: Option<&'a Client>, now: Timestamp) -> Result<(&'a Client, Option<&Secret>), Error> {
        let nobody = SecretHash::from_bytes([0; 32]);
        let expected = client.and_then(|client| client.secret_hash).unwrap_or(nobody);
        let previous = client.and_then(|client| client.previous_secret).filter(|previous| now < previous.expires_at);
        let presented = if let Proof::Secret(secret) = &self.proof { secret.expose() } else { "" };
        let secret_matches =
            expected.matches(presented) | previous.map_or(nobody, |previous| previous.hash).matches(presented);
        let client = client.filter(|client| client.active).ok_or(Error::invalid_client())?;
        let has_keys = client.jwks.is_some() || client.jwks_uri.is_some();
        let proven = match (client.client_type, has_keys, &self.proof) {
            (ClientType::Confidential, true, Proof::Assertion(assertion)) => return Ok((client, Some(assertion))),
            (ClientType::Confidential, false, Proof::Secret(_)) => client.secret_hash.is_some() && secret_matches,
            (ClientType::Public, _, Proof::None) => true,
            _ => false,
        };
        if proven { Ok((client, None)) } else { Err(Error::invalid_client()) }
    }

    /// Whether this could name a client at all; otherwise no store need be asked.
    pub(crate) fn is_plausible(&self) -> bool {
        self.client_id.len() <= MAX_CREDENTIAL
    }
}

impl<S: Store> Engine<S> {
    /// The client that the credentials name, if there is one.
    pub(crate) async fn client_named(&self, credentials: &Credentials) -> Result<Option<Client>, Error> {
        match credentials.is_plausible() {
            true => Ok(self.store.client(&credentials.client_id).await?),
            false => Ok(None),
        }
    }

    /// The client, if the credentials prove that it is the one they name. An assertion proves it once.
    pub(crate) async fn authenticate<'a>(
        &self,
        credentials: &Credentials,
        client: Option<&'a Client>,
    ) -> Result<&'a Client, Error> {
        let (client, assertion) = credentials.check(client, self.clock.now())?;
        if let Some(assertion) = assertion {
            let AcceptedAssertion { jti, expires_at } = self.accept(assertion, client).await?;
            let until = Timestamp::from_seconds(expires_at.saturating_add(LEEWAY));
            if !self.store.use_assertion(&client.client_id, &jti, until).await? {
                return Err(Error::invalid_client());
            }
        }
        Ok(client)
    }

    /// Checks an assertion against the client's keys. If they are kept elsewhere and the right one is not among those
    /// known, they are asked for once more: the client may have a new one.
    async fn accept(&self, assertion: &Secret, client: &Client) -> Result<AcceptedAssertion, Error> {
        let refused = |_| Error::invalid_client();
        let assertion = ClientAssertion::parse(assertion.expose()).map_err(refused)?;
        let (remote, uri) = match (&client.jwks, &client.jwks_uri) {
            (Some(jwks), _) => return self.verify(&assertion, jwks, client).map_err(refused),
            (None, Some(uri)) => (self.remote_keys.as_ref().ok_or(Error::invalid_client())?, uri),
            (None, None) => return Err(Error::invalid_client()),
        };
        let jwks = remote.jwks(uri, false).await.ok_or(Error::invalid_client())?;
        match self.verify(&assertion, &jwks, client) {
            Err(TokenError::Key) => {
                let jwks = remote.jwks(uri, true).await.ok_or(Error::invalid_client())?;
                self.verify(&assertion, &jwks, client).map_err(refused)
            }
            verified => verified.map_err(refused),
        }
    }

    /// An assertion may be made for the issuer or for the token endpoint (RFC 7523 section 3).
    fn verify(
        &self,
        assertion: &ClientAssertion<'_>,
        jwks: &str,
        client: &Client,
    ) -> Result<AcceptedAssertion, TokenError> {
        let issuer = &self.config.issuer;
        let expect = ExpectAssertion {
            client_id: &client.client_id,
            audiences: &[issuer, &format!("{issuer}/oauth/token")],
            now: self.clock.now().seconds(),
            leeway: LEEWAY,
            max_age: ASSERTION_LIFETIME,
        };
        assertion.verify(jwks, &expect)
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

    fn secret(credentials: &Credentials) -> &str {
        let Proof::Secret(secret) = &credentials.proof else { panic!("there is no secret") };
        secret.expose()
    }

    #[test]
    fn ca_basic_enc_form_encoded_and_plain_credentials_are_read() {
        let read = |text: &str| Credentials::parse(&[&header(text)], &form("")).unwrap();
        let encoded = read("a%3Ab:s%25%2B%C3%A9");
        assert_eq!((encoded.client_id.as_str(), secret(&encoded)), ("a:b", "s%+é"));
        let plain = read("q-QynnbD_XVF:Mq4E2-VF_Nss");
        assert_eq!((plain.client_id.as_str(), secret(&plain)), ("q-QynnbD_XVF", "Mq4E2-VF_Nss"));
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
    fn ca_assertion_a_malformed_one_or_one_of_another_type_is_refused() {
        let jwt = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        for bad in [
            "client_id=a&client_assertion=x".to_owned(),
            format!("client_assertion=x&client_assertion_type={jwt}"),
            "client_assertion=e30.e30.&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Asaml2-bearer".to_owned(),
        ] {
            assert_eq!(Credentials::parse(&[], &form(&bad)).unwrap_err().code, ErrorCode::InvalidClient, "{bad}");
        }
        let assertion = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.AAAA";
        let body = format!("client_assertion={assertion}&client_assertion_type={jwt}");
        assert_eq!(Credentials::parse(&[], &form(&body)).unwrap().client_id, "a");
        let one = header("a:b");
        for (headers, more) in [(&[&one[..]][..], ""), (&[], "&client_secret=b"), (&[], "&client_id=b")] {
            let error = Credentials::parse(headers, &form(&format!("{body}{more}"))).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidRequest, "ca_both: {more}");
        }
    }

    #[test]
    fn lg_debug_the_secret_is_redacted() {
        let credentials = Credentials::parse(&[&header("a:canary")], &form("")).unwrap();
        assert!(!format!("{credentials:?}").contains("canary"));
    }
}
