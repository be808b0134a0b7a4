//! Token revocation (RFC 7009).

use paylent_crypto::secret::{SecretHash, SecretKind};

use crate::{
    Engine,
    access_token::Handle,
    client_auth::Credentials,
    error::{Error, ErrorCode},
    parameters::Parameters,
    store::Store,
};

/// A revocation request whose client credentials were found, and not yet checked.
#[derive(Debug)]
pub struct RevocationRequest {
    credentials: Credentials,
    parameters: Parameters,
}

impl RevocationRequest {
    /// Reads a request from the values of its `Authorization` header and its decoded body. The `token_type_hint` is
    /// not needed: a token says by its form what it is.
    ///
    /// # Errors
    /// `invalid_request` or `invalid_client`.
    pub fn parse(authorization: &[&[u8]], parameters: Parameters) -> Result<Self, Error> {
        let credentials = Credentials::parse(authorization, &parameters)?;
        parameters.require("token", "The parameter token is missing.")?;
        Ok(Self { credentials, parameters })
    }
}

impl<S: Store> Engine<S> {
    /// Revokes an access token of the asking client, or with a refresh token the whole family it belongs to. A string that is no token, or an expired one, needs no revoking:
    /// also `Ok`. A token that is only out of standing is revoked, or it would come back to life with, say, its user.
    /// After `Ok` every node refuses the token in every request that starts from then on.
    ///
    /// # Errors
    /// `invalid_client`; `unauthorized_client` for another client's token; 503 when the store fails, and then the
    /// token may still be alive.
    pub async fn revoke(&self, request: RevocationRequest) -> Result<(), Error> {
        const FOREIGN: Error = Error::new(ErrorCode::UnauthorizedClient, "The token was issued to another client.");
        let client = self.client_named(&request.credentials).await?;
        let caller = self.authenticate(&request.credentials, client.as_ref()).await?;
        let presented = request.parameters.get("token").unwrap_or_default();
        if SecretKind::of(presented) == Some(SecretKind::RefreshToken) {
            let Some(known) = self.store.refresh_token(&SecretHash::of(presented)).await? else { return Ok(()) };
            if known.family.client_id != caller.client_id {
                return Err(FOREIGN);
            }
            return Ok(self.store.revoke_family(known.family.id, self.clock.now()).await?);
        }
        let Some((token, _)) = self.unexpired(presented).await? else { return Ok(()) };
        if token.client_id != caller.client_id {
            return Err(FOREIGN);
        }
        match token.handle {
            Handle::Opaque(hash) => self.store.delete_access_token(&hash).await?,
            Handle::Jwt { jti, until } => self.store.deny_jwt(&jti, until).await?,
        }
        Ok(())
    }
}
