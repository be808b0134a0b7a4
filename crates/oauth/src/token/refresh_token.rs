//! The refresh token grant (RFC 6749 section 6), with rotation at every use (RFC 9700 section 4.14.2).
//!
//! A refresh token is used once. A client that lost the answer may ask again for a few seconds: while nobody has used
//! the refresh token of that answer, it gets the same answer, which was kept sealed under a key made of the token that
//! it presents. Any other second use means that two parties hold the token, and kills the family.

use paylent_crypto::{
    seal::MasterKey,
    secret::{SecretHash, SecretKind, fingerprint},
};
use paylent_domain::scope::Scopes;

use super::{
    TokenRequest,
    person::{Issued, check_connection, check_standing, within},
};
use crate::{
    Engine,
    error::{Error, ErrorCode},
    issue::TokenResponse,
    store::{Consumed, Family, Presented, PresentedRefreshToken, Rotated, Rotation, Store, Used},
};

const DEAD: Error = Error::invalid_grant("The refresh token has expired or was revoked.");
const USED: Error = Error::invalid_grant("The refresh token has been used before.");

/// What binds a sealed answer to its purpose.
const PURPOSE: &[u8] = b"refresh response";

impl<S: Store> Engine<S> {
    pub(super) async fn refresh(&self, request: &TokenRequest) -> Result<TokenResponse, Error> {
        let text = request.parameters.require("refresh_token", "The parameter refresh_token is missing.")?;
        let hash = SecretHash::of(text);
        let found = match SecretKind::of(text) {
            Some(SecretKind::RefreshToken) => self.store.refresh_token(&hash).await?,
            _ => None,
        };
        // A dead token says nothing more than the secret that came with it.
        let what = |found: &PresentedRefreshToken| match found.family_revoked {
            true => Presented::Secret,
            false => Presented::Family(found.family.id),
        };
        let presented = self.own(request, found, |found| &found.parties.client, what).await?;
        let used = presented.connection.as_ref().map(|connection| Used::Connection(connection.id));
        let response = match self.use_token(request, text, presented).await? {
            Some(response) => response,
            // Another request used the token at this very moment. Now it can be seen what for.
            None => {
                let presented = self.store.refresh_token(&hash).await?.ok_or(DEAD)?;
                self.use_token(request, text, presented).await?.ok_or(USED)?
            }
        };
        self.note_use(used, Some(request.caller));
        Ok(response)
    }

    /// Uses the token, or repeats the answer; `None` when another request has just used it.
    async fn use_token(
        &self,
        request: &TokenRequest,
        text: &str,
        presented: PresentedRefreshToken,
    ) -> Result<Option<TokenResponse>, Error> {
        let scopes = requested_scopes(request, &presented.family)?;
        self.check_resource(&request.parameters, &presented.family.audience)?;
        let parameters = fingerprint(scopes.to_string().as_bytes());
        if let Some(consumed) = &presented.consumed {
            if !self.is_repetition(consumed, parameters) {
                self.store.revoke_family(presented.family.id, self.clock.now()).await?;
                return Err(USED);
            }
            self.check_grant(&presented)?;
            return unseal(text, &consumed.response).map(Some);
        }
        self.check_grant(&presented)?;
        if presented.token.expires_at <= self.clock.now() {
            return Err(DEAD);
        }
        self.rotate(text, presented, &scopes, parameters).await
    }

    /// Whether this is the request of a client that lost the answer: it comes at once, it asks for the same, and nobody
    /// has used what was in the answer.
    fn is_repetition(&self, consumed: &Consumed, parameters: [u8; 32]) -> bool {
        let grace = self.config.refresh_grace;
        let in_time = grace > 0 && self.clock.now() <= consumed.at.plus_seconds(grace);
        in_time && !consumed.successor_used && consumed.parameters == parameters
    }

    fn check_grant(&self, presented: &PresentedRefreshToken) -> Result<(), Error> {
        let PresentedRefreshToken { token, family, parties, family_revoked, .. } = presented;
        let ended = self.family_ends(family).is_some_and(|ends| ends <= self.clock.now());
        let server = self.server(parties, &family.audience)?;
        if *family_revoked || ended || server.is_some_and(|server| !server.allow_offline_access) {
            return Err(DEAD);
        }
        check_connection(parties, presented.connection.as_ref())?;
        check_standing(parties, token.issued_at, family.client_generation, family.user_generation)
    }

    async fn rotate(
        &self,
        text: &str,
        presented: PresentedRefreshToken,
        scopes: &Scopes,
        parameters: [u8; 32],
    ) -> Result<Option<TokenResponse>, Error> {
        let now = self.clock.now();
        let PresentedRefreshToken { token, family, parties, connection, .. } = presented;
        let scopes = within(&parties, connection.as_ref(), scopes);
        let Issued { response, refresh, access } = self.issue(&parties, &family, &scopes, None, now).await?;
        let rotation = Rotation {
            presented: token.hash,
            at: now,
            parameters,
            response: seal(text, &response)?,
            successor: refresh.ok_or(DEAD)?,
            access,
        };
        match self.store.rotate(rotation).await? {
            Rotated::Done => Ok(Some(response)),
            Rotated::AlreadyConsumed => Ok(None),
            Rotated::Gone => Err(DEAD),
        }
    }
}

/// What the access token may be used for: all that was granted, or a part of it (RFC 6749 section 6).
fn requested_scopes(request: &TokenRequest, family: &Family) -> Result<Scopes, Error> {
    let Some(text) = request.parameters.get("scope") else { return Ok(family.scopes.clone()) };
    let requested = Scopes::parse(text).map_err(|_| Error::new(ErrorCode::InvalidScope, "The scope is malformed."))?;
    match requested.is_subset(&family.scopes) {
        true => Ok(requested),
        false => Err(Error::new(ErrorCode::InvalidScope, "A requested scope was not granted.")),
    }
}

fn seal(token: &str, response: &TokenResponse) -> Result<Vec<u8>, Error> {
    let plaintext = serde_json::to_vec(response).map_err(Error::server)?;
    Ok(MasterKey::of_secret(token).seal(PURPOSE, &plaintext)?)
}

fn unseal(token: &str, sealed: &[u8]) -> Result<TokenResponse, Error> {
    let plaintext = MasterKey::of_secret(token).unseal(PURPOSE, sealed)?;
    serde_json::from_slice(&plaintext).map_err(Error::server)
}
