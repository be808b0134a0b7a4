//! From the `Authorization` header to the one who calls.

use std::sync::Arc;

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use paylent_domain::actor::{Actor, TokenActor};
use paylent_oauth::{BearerError, Engine, bearer_token};
use paylent_storage::Env;

use crate::{Settings, failure::Failure};

/// Who calls: nobody without the header, else the user and client of a live token for this environment's Management
/// API, with the permissions the user holds at this moment.
///
/// # Errors
/// A header that is there but does not hold such a token. It never makes the caller anonymous.
pub(crate) async fn actor(request: &HttpRequest, env: &Env, settings: &Settings) -> Result<Actor, Failure> {
    let headers: Vec<&[u8]> = request.headers().get_all(AUTHORIZATION).map(|value| value.as_bytes()).collect();
    let Some(token) = bearer_token(&headers)? else { return Ok(Actor::Anonymous) };
    let tenant = env.tenant();
    let engine =
        Engine::new(tenant.oauth.clone(), Arc::clone(&settings.keys), env.clone(), Arc::clone(&settings.clock));
    let live = engine.bearer(token, &tenant.management_api()).await?;
    let authority = env.authority(live.user_id).await?.ok_or(BearerError::Invalid)?;
    Ok(Actor::Token(TokenActor {
        user_id: live.user_id,
        user_name: authority.name,
        client_id: live.client_id,
        scopes: live.scopes,
        permissions: authority.permissions,
        organizations: authority.organizations,
    }))
}
