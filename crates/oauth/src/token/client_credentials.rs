//! The client credentials grant (RFC 6749 section 4.4): a machine acts for its own user.

use paylent_crypto::secret::{self, Secret};
use paylent_domain::{
    Id, Timestamp,
    client::{ClientType, GrantType},
    scope::Scopes,
};

use super::TokenRequest;
use crate::{
    Engine,
    config::ISSUER_TOKEN_TTL,
    error::{Error, ErrorCode},
    issue::{Authorization, TokenResponse},
    oidc::OIDC_SCOPES,
    store::{Grant, Kept, Machine, NewStaticToken, OpaqueToken, Presented, Store},
};

impl<S: Store> Engine<S> {
    pub(super) async fn client_credentials(&self, request: &TokenRequest) -> Result<TokenResponse, Error> {
        let machine = match request.credentials.is_plausible() {
            true => self.store.machine(&request.credentials.client_id).await?,
            false => None,
        };
        self.authenticate(&request.credentials, machine.as_ref().map(|machine| &machine.client)).await?;
        let machine = machine.ok_or(Error::invalid_client())?;
        self.admit_client(request, &machine.client, Presented::Secret).await?;
        check_grant_type(&machine)?;
        let target = self.target(&machine, request)?;
        let subject = machine
            .user
            .filter(|user| user.active)
            .ok_or(Error::new(ErrorCode::UnauthorizedClient, "The client has no active user to act for."))?;
        let authorization = Authorization {
            // An organization's machine has static tokens: bound to addresses, and for ever.
            ttl: machine.client.ownership.is_none().then(|| machine.client.access_token_ttl.unwrap_or(target.ttl)),
            client: machine.client,
            subject,
            audience: target.audience,
            scopes: target.scopes,
            primary_kid: machine.primary_kid,
            family_id: None,
            member: None,
        };
        let now = self.clock.now();
        let (access_token, stored) = self.access_token(&authorization, now).await?;
        match stored {
            Some(token) if token.expires_at.is_none() => self.save_static_token(token, &access_token, now).await?,
            Some(token) => self.store.save_access_token(token).await?,
            None => {}
        }
        Ok(TokenResponse::of(access_token, &authorization))
    }

    async fn save_static_token(&self, token: OpaqueToken, text: &Secret, now: Timestamp) -> Result<(), Error> {
        let prefix = secret::beginning(text.expose()).to_owned();
        let id = Id::new(now, secret::random_bytes()?);
        match self.store.save_static_token(NewStaticToken { id, prefix, token }).await? {
            Kept::Done => Ok(()),
            Kept::Gone => Err(Error::invalid_client()),
            Kept::TooMany => Err(Error::new(
                ErrorCode::AccessDenied,
                "The application has 100 tokens that never expire. Revoke one that is not used any more.",
            )),
        }
    }

    /// The audience, scopes and lifetime of the token that was asked for.
    fn target(&self, machine: &Machine, request: &TokenRequest) -> Result<Target, Error> {
        let requested = requested_scopes(request)?;
        let grant = match request.parameters.get("resource") {
            Some(resource) => Some(granted(&machine.grants, self.config.resolve(resource))?),
            None if machine.grants.is_empty() && requested.is_empty() => None,
            None => Some(the_only_one(&machine.grants, &requested)?),
        };
        match grant {
            Some(grant) => Ok(Target {
                audience: grant.resource.clone(),
                scopes: allowed(grant, requested)?,
                ttl: grant.token_ttl,
            }),
            None => {
                Ok(Target { audience: self.config.issuer.clone(), scopes: Scopes::default(), ttl: ISSUER_TOKEN_TTL })
            }
        }
    }
}

struct Target {
    audience: String,
    scopes: Scopes,
    ttl: i32,
}

fn check_grant_type(machine: &Machine) -> Result<(), Error> {
    let may = machine.client.grant_types.contains(&GrantType::ClientCredentials)
        && machine.client.client_type == ClientType::Confidential;
    let refusal = Error::new(ErrorCode::UnauthorizedClient, "The client may not use this grant type.");
    if may { Ok(()) } else { Err(refusal) }
}

fn requested_scopes(request: &TokenRequest) -> Result<Scopes, Error> {
    let text = request.parameters.get("scope").unwrap_or_default();
    let scopes = Scopes::parse(text).map_err(|_| Error::new(ErrorCode::InvalidScope, "The scope is malformed."))?;
    // OpenID Connect's scopes say nothing about a machine.
    Ok(scopes.iter().filter(|name| !OIDC_SCOPES.contains(name)).map(str::to_owned).collect())
}

/// The client's grant for a resource server it named.
fn granted<'a>(grants: &'a [Grant], resource: &str) -> Result<&'a Grant, Error> {
    grants
        .iter()
        .find(|grant| grant.resource == resource)
        .ok_or(Error::new(ErrorCode::InvalidTarget, "The client has no grant for this resource."))
}

/// The one granted resource server that the scopes point at; with no scopes, the only one there is.
fn the_only_one<'a>(grants: &'a [Grant], requested: &Scopes) -> Result<&'a Grant, Error> {
    let mut candidates = grants.iter().filter(|grant| requested.is_subset(&grant.scopes));
    match (candidates.next(), candidates.next()) {
        (Some(grant), None) => Ok(grant),
        _ => Err(Error::new(
            ErrorCode::InvalidTarget,
            "Name the resource: the request does not point at exactly one granted resource server.",
        )),
    }
}

/// The scopes the token gets: those asked for, or all that are allowed when none was asked for.
fn allowed(grant: &Grant, requested: Scopes) -> Result<Scopes, Error> {
    let allowed = match &grant.allowed_scopes {
        Some(allowed) => allowed.iter().filter(|name| grant.scopes.contains(name)).map(str::to_owned).collect(),
        None => grant.scopes.clone(),
    };
    if requested.is_empty() {
        Ok(allowed)
    } else if requested.is_subset(&allowed) {
        Ok(requested)
    } else {
        Err(Error::new(ErrorCode::InvalidScope, "The client's grant does not allow a requested scope."))
    }
}
