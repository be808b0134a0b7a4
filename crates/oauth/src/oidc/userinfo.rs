//! The userinfo endpoint (OpenID Connect Core section 5.3).

use paylent_domain::{Id, network::Caller, organization::Organization, user::User};
use serde::Serialize;
use serde_json::{Map, Value};

use super::claims;
use crate::{BearerError, Engine, error::Error, store::Store};

/// What the client of a token may know about the person it acts for.
#[derive(Debug, Serialize)]
pub struct UserInfo {
    /// The person's id.
    pub sub: Id<User>,
    /// The organization that the person acts for, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<Id<Organization>>,
    /// The claims that the token's scopes cover.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    /// The token is not accepted: 401.
    #[error(transparent)]
    Bearer(#[from] BearerError),
    /// The token is live and was not granted the scope `openid` by a person: 403 `insufficient_scope`.
    #[error("The access token was not granted the scope openid.")]
    InsufficientScope,
}

impl<S: Store> Engine<S> {
    /// Answers the bearer of a live access token of a person with the scope `openid`, whatever its audience.
    ///
    /// # Errors
    /// `Bearer(Invalid)` for a string that is no live token, `Bearer(Foreign)` for one that is used from where it may not
    /// be, `InsufficientScope`, `Bearer(Failed)` when the store fails.
    pub async fn userinfo(&self, token: &str, caller: Caller) -> Result<UserInfo, UserInfoError> {
        let live = self.live(token).await.map_err(BearerError::from)?.ok_or(BearerError::Invalid)?;
        self.admit(live.usage(), caller).await.map_err(BearerError::from)?;
        if live.family_id.is_none() || !live.scopes.contains("openid") {
            return Err(UserInfoError::InsufficientScope);
        }
        let profile = self.store.profile(live.user_id).await.map_err(Error::from).map_err(BearerError::from)?;
        let profile = profile.ok_or(BearerError::Invalid)?;
        self.note_use(live.used(), Some(caller));
        Ok(UserInfo {
            sub: live.user_id,
            org_id: live.organization_id,
            claims: claims(&profile, &live.scopes, |_| true),
        })
    }
}
