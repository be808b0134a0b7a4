//! The `id_token_hint`: an ID token of ours, of any age, that says whom the client means.

use paylent_crypto::{
    jwks::Jwk,
    jwt::{Expect, UnverifiedToken},
    keys::PublicKey,
};
use serde::Deserialize;

use super::id_token::TYP;
use crate::{Engine, error::Error, store::Store};

/// Whom and what an ID token was about.
#[derive(Debug, Deserialize)]
pub(crate) struct Hint {
    /// The person.
    pub(crate) sub: String,
    /// The client.
    pub(crate) aud: String,
    /// The session.
    #[serde(default)]
    pub(crate) sid: Option<String>,
}

impl<S: Store> Engine<S> {
    /// What a hint says, if a key that counts today signed it as an ID token of this issuer; `None` for anything else.
    pub(crate) async fn hint(&self, text: &str) -> Result<Option<Hint>, Error> {
        let Ok(unverified) = UnverifiedToken::parse(text) else { return Ok(None) };
        let published = self.store.active_public_keys().await?;
        let keys = published.iter().filter_map(|jwk| serde_json::from_str::<Jwk>(jwk).ok());
        let Some(jwk) = keys.into_iter().find(|jwk| jwk.kid == unverified.kid()) else { return Ok(None) };
        let Ok(key) = PublicKey::from_jwk(&jwk) else { return Ok(None) };
        let now = self.clock.now().seconds();
        let expect = Expect { typ: TYP, issuer: &self.config.issuer, audience: None, now, leeway: Expect::ANY_AGE };
        Ok(unverified.verify(&key).ok().and_then(|token| token.claims(&expect).ok()))
    }
}
