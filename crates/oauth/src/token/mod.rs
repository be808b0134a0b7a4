//! The token endpoint (RFC 6749 section 3.2): one pipeline, one file per grant.

mod authorization_code;
mod client_credentials;
mod person;
mod refresh_token;

use paylent_domain::client::GrantType;

use crate::{
    Engine,
    client_auth::Credentials,
    error::{Error, ErrorCode},
    issue::TokenResponse,
    parameters::Parameters,
    store::{Client, Store},
};

/// A token request whose client credentials were found, and not yet checked.
#[derive(Debug)]
pub struct TokenRequest {
    pub(crate) credentials: Credentials,
    pub(crate) parameters: Parameters,
    grant: GrantType,
}

const UNSUPPORTED: Error = Error::new(ErrorCode::UnsupportedGrantType, "This grant type is not supported.");

impl TokenRequest {
    /// Reads a request from the values of its `Authorization` header and its decoded body.
    ///
    /// # Errors
    /// `invalid_request`, `invalid_client` or `unsupported_grant_type` (RFC 6749 section 5.2).
    pub fn parse(authorization: &[&[u8]], parameters: Parameters) -> Result<Self, Error> {
        let grant_type = parameters.require("grant_type", "The parameter grant_type is missing.")?;
        let grant = grant_type.parse().map_err(|_| UNSUPPORTED)?;
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
            GrantType::ClientCredentials => self.client_credentials(&request).await,
            _ if !self.config.interactive => Err(UNSUPPORTED),
            GrantType::AuthorizationCode => self.authorization_code(&request).await,
            GrantType::RefreshToken => self.refresh(&request).await,
        }
    }

    /// Authenticates the client and hands back what it presented, if that was issued to it. What was found comes with
    /// its client, so no second read is needed when it is the one that the credentials name.
    async fn own<T>(
        &self,
        request: &TokenRequest,
        found: Option<T>,
        client_of: impl Fn(&T) -> &Client,
    ) -> Result<T, Error> {
        let found = found.filter(|found| client_of(found).client_id == request.credentials.client_id);
        let looked_up;
        let client = match &found {
            Some(found) => Some(client_of(found)),
            None => {
                looked_up = self.client_named(&request.credentials).await?;
                looked_up.as_ref()
            }
        };
        let client = self.authenticate(&request.credentials, client).await?;
        if !client.grant_types.contains(&request.grant) {
            return Err(Error::new(ErrorCode::UnauthorizedClient, "The client may not use this grant type."));
        }
        found.ok_or(Error::invalid_grant("The code or token is unknown, or was issued to another client."))
    }
}
