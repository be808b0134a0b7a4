//! The token endpoint (RFC 6749 section 3.2): one pipeline, one file per grant.

mod client_credentials;

use crate::{
    Engine,
    client_auth::Credentials,
    error::{Error, ErrorCode},
    issue::TokenResponse,
    parameters::Parameters,
    store::Store,
};

/// A token request whose client credentials were found, and not yet checked.
#[derive(Debug)]
pub struct TokenRequest {
    pub(crate) credentials: Credentials,
    pub(crate) parameters: Parameters,
    grant: Grant,
}

/// The grants this engine knows.
#[derive(Debug, Clone, Copy)]
enum Grant {
    ClientCredentials,
}

impl TokenRequest {
    /// Reads a request from the values of its `Authorization` header and its decoded body.
    ///
    /// # Errors
    /// `invalid_request`, `invalid_client` or `unsupported_grant_type` (RFC 6749 section 5.2).
    pub fn parse(authorization: &[&[u8]], parameters: Parameters) -> Result<Self, Error> {
        let grant = match parameters.require("grant_type", "The parameter grant_type is missing.")? {
            "client_credentials" => Grant::ClientCredentials,
            _ => return Err(Error::new(ErrorCode::UnsupportedGrantType, "This grant type is not supported.")),
        };
        let credentials = Credentials::parse(authorization, &parameters)?;
        Ok(Self { credentials, parameters, grant })
    }
}

impl<S: Store> Engine<S> {
    /// Answers a token request.
    ///
    /// # Errors
    /// The errors of RFC 6749 section 5.2 and `invalid_target` of RFC 8707; nothing is issued then.
    pub async fn token(&self, request: TokenRequest) -> Result<TokenResponse, Error> {
        match request.grant {
            Grant::ClientCredentials => self.client_credentials(&request).await,
        }
    }
}
