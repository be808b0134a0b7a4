//! The authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{Id, Timestamp};

use super::{
    TokenRequest,
    person::{Issued, check_connection, check_standing, within},
};
use crate::{
    Engine,
    error::Error,
    issue::TokenResponse,
    parameters::Parameters,
    pkce::{Proof, proof},
    store::{AuthorizationCode, Exchange, Exchanged, Family, MAX_WRONG_VERIFIERS, Presented, PresentedCode, Store},
};

const DEAD: Error = Error::invalid_grant("The code has expired, or what it depends on has changed.");
const USED: Error = Error::invalid_grant("The code has been used before.");

impl<S: Store> Engine<S> {
    pub(super) async fn authorization_code(&self, request: &TokenRequest) -> Result<TokenResponse, Error> {
        let text = request.parameters.require("code", "The parameter code is missing.")?;
        let found = match SecretKind::of(text) {
            Some(SecretKind::AuthorizationCode) => self.store.code(&SecretHash::of(text)).await?,
            _ => None,
        };
        let presented = self.own(request, found, |found| &found.parties.client, |_| Presented::Secret).await?;
        check_redirect_uri(&presented.code, &request.parameters)?;
        self.check_resource(&request.parameters, &presented.code.audience)?;
        self.check_verifier(&presented, &request.parameters).await?;
        // From here on the request could only come from whom the code was meant for: if the code was used before, one
        // of the two users stole it.
        if let Some(family_id) = presented.family_id {
            self.store.revoke_family(family_id, self.clock.now()).await?;
            return Err(USED);
        }
        self.check_alive(&presented)?;
        self.exchange(presented).await
    }

    /// A wrong verifier is counted; it neither uses the code up nor harms what it was exchanged for.
    async fn check_verifier(&self, presented: &PresentedCode, parameters: &Parameters) -> Result<(), Error> {
        const WRONG: Error = Error::invalid_grant("The code_verifier does not match the code_challenge.");
        match proof(presented.code.code_challenge.as_ref(), parameters.get("code_verifier")) {
            Proof::Given => Ok(()),
            Proof::Unfit => Err(WRONG),
            Proof::Wrong => {
                self.store.wrong_verifier(&presented.code.hash).await?;
                Err(WRONG)
            }
        }
    }

    fn check_alive(&self, presented: &PresentedCode) -> Result<(), Error> {
        let PresentedCode { code, parties, wrong_verifiers, .. } = presented;
        let now = self.clock.now();
        let session_lives = parties.session_expires_at.is_some_and(|moment| now < moment);
        if code.expires_at <= now || *wrong_verifiers >= MAX_WRONG_VERIFIERS || !session_lives {
            return Err(DEAD);
        }
        check_connection(parties, presented.connection.as_ref())?;
        check_standing(parties, code.issued_at, code.client_generation, code.user_generation)
    }

    async fn exchange(&self, presented: PresentedCode) -> Result<TokenResponse, Error> {
        let PresentedCode { code, parties, connection, .. } = presented;
        let now = self.clock.now();
        let (hash, nonce) = (code.hash, code.nonce.clone());
        let family = family(code, now)?;
        let scopes = within(&parties, connection.as_ref(), &family.scopes);
        let Issued { response, refresh, access } =
            self.issue(&parties, &family, &scopes, nonce.as_deref(), now).await?;
        match self.store.exchange(Exchange { code: hash, family, refresh, access }).await? {
            Exchanged::Done => Ok(response),
            Exchanged::Gone => Err(DEAD),
            Exchanged::Replayed(family_id) => {
                self.store.revoke_family(family_id, now).await?;
                Err(USED)
            }
        }
    }
}

/// The address must be named again, to the letter, if the authorization request named it.
fn check_redirect_uri(code: &AuthorizationCode, parameters: &Parameters) -> Result<(), Error> {
    match parameters.get("redirect_uri") {
        Some(redirect_uri) if redirect_uri == code.redirect_uri => Ok(()),
        None if !code.redirect_uri_sent => Ok(()),
        _ => Err(Error::invalid_grant("The redirect_uri is not the one of the authorization request.")),
    }
}

fn family(code: AuthorizationCode, now: Timestamp) -> Result<Family, Error> {
    Ok(Family {
        id: Id::new(now, secret::random_bytes()?),
        client_id: code.client_id,
        user_id: code.user_id,
        session_id: code.session_id,
        audience: code.audience,
        scopes: code.scopes,
        auth_time: code.auth_time,
        amr: code.amr,
        id_token_claims: code.id_token_claims,
        organization_id: code.organization_id,
        created_at: now,
        client_generation: code.client_generation,
        user_generation: code.user_generation,
    })
}
