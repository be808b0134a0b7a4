//! The token endpoint (RFC 6749 section 3.2): one pipeline, one file per grant.

mod authorization_code;
mod client_credentials;
mod person;
mod refresh_token;

use paylent_crypto::secret;
use paylent_domain::{client::GrantType, network::Caller};

use crate::{
    Engine,
    allow_list::Usage,
    client_auth::Credentials,
    error::{Error, ErrorCode},
    issue::TokenResponse,
    parameters::Parameters,
    store::{Client, Presented, Store},
};

/// A token request whose client credentials were found, and not yet checked.
#[derive(Debug)]
pub struct TokenRequest {
    pub(crate) credentials: Credentials,
    pub(crate) parameters: Parameters,
    grant: GrantType,
    caller: Caller,
}

const UNSUPPORTED: Error = Error::new(ErrorCode::UnsupportedGrantType, "This grant type is not supported.");

impl TokenRequest {
    /// Reads a request from the values of its `Authorization` header and its decoded body. An application's list of
    /// addresses is asked about the caller.
    ///
    /// # Errors
    /// `invalid_request`, `invalid_client` or `unsupported_grant_type` (RFC 6749 section 5.2).
    pub fn parse(authorization: &[&[u8]], parameters: Parameters, caller: Caller) -> Result<Self, Error> {
        let grant_type = parameters.require("grant_type", "The parameter grant_type is missing.")?;
        let grant = grant_type.parse().map_err(|_| UNSUPPORTED)?;
        let credentials = Credentials::parse(authorization, &parameters)?;
        Ok(Self { credentials, parameters, grant, caller })
    }
}

impl<S: Store> Engine<S> {
    /// Answers a token request.
    ///
    /// # Errors
    /// The errors of RFC 6749 section 5.2 and `invalid_target` of RFC 8707; `access_denied` when an application's secret is
    /// used from an address that it does not allow. Nothing is issued then.
    pub async fn token(&self, request: TokenRequest) -> Result<TokenResponse, Error> {
        match request.grant {
            GrantType::ClientCredentials => self.client_credentials(&request).await,
            _ if !self.config.interactive => Err(UNSUPPORTED),
            GrantType::AuthorizationCode => self.authorization_code(&request).await,
            GrantType::RefreshToken => self.refresh(&request).await,
        }
    }

    /// Authenticates the client and hands back what it presented, if that was issued to it and comes from where it may.
    /// What was found comes with its client, so no second read is needed when it is the one that the credentials name.
    async fn own<T>(
        &self,
        request: &TokenRequest,
        found: Option<T>,
        client_of: impl Fn(&T) -> &Client,
        presented: impl Fn(&T) -> Presented,
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
        self.admit_client(request, client, found.as_ref().map_or(Presented::Secret, presented)).await?;
        if !client.grant_types.contains(&request.grant) {
            return Err(Error::new(ErrorCode::UnauthorizedClient, "The client may not use this grant type."));
        }
        found.ok_or(Error::invalid_grant("The code or token is unknown, or was issued to another client."))
    }

    /// Lets an authenticated client pass from where it may use its secret and what it presents with it.
    async fn admit_client(&self, request: &TokenRequest, client: &Client, presented: Presented) -> Result<(), Error> {
        let prefix = match presented {
            Presented::Family(_) => request.parameters.get("refresh_token").map(secret::beginning),
            Presented::Secret | Presented::AccessToken(_) => None,
        };
        let usage = Usage { client_id: &client.client_id, ownership: client.ownership.as_ref(), presented, prefix };
        Ok(self.admit(usage, request.caller).await?)
    }
}
