//! From the `Authorization` header to the one who calls.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpMessage, HttpRequest, http::header::AUTHORIZATION};
use paylent_domain::{
    Id,
    actor::{Actor, TokenActor},
    network::{Caller, Origin},
    organization::Organization,
    permission::Permissions,
    policy::exercised,
};
use paylent_oauth::{BearerError, Engine, LiveToken, bearer_token};
use paylent_storage::{Authority, Env};

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
    let live = engine.bearer(token, &tenant.management_api(), caller(request)).await?;
    let authority = env.authority(live.user_id).await?.ok_or(BearerError::Invalid)?;
    let name = authority.name.clone();
    let (permissions, organizations) = match &live.ownership {
        None => (authority.permissions, authority.organizations),
        Some(_) => (Permissions::default(), confined(&live, authority)),
    };
    Ok(Actor::Token(TokenActor {
        user_id: live.user_id,
        user_name: name,
        client_id: live.client_id,
        scopes: live.scopes,
        permissions,
        organizations,
    }))
}

/// What the token of an organization's application reaches: one organization's rows, whoever it acts for. For its owner it
/// does what its scopes say; for a person, what the person may do in the organization they act for.
fn confined(live: &LiveToken, mut person: Authority) -> BTreeMap<Id<Organization>, Permissions> {
    let Some(organization) = live.organization() else { return BTreeMap::new() };
    let permissions = match live.family_id {
        None => exercised(&live.scopes),
        Some(_) => {
            let there = person.organizations.remove(&organization).unwrap_or_default();
            there.iter().chain(person.permissions.iter()).map(str::to_owned).collect()
        }
    };
    BTreeMap::from([(organization, permissions)])
}

/// From where the call comes, as the server found out.
fn caller(request: &HttpRequest) -> Caller {
    request.extensions().get::<Origin>().map_or(Caller::UNKNOWN, Origin::caller)
}
