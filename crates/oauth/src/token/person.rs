//! What a person's grant yields, at its first use and at every later one.

use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{Timestamp, client::GrantType, scope::Scopes};

use crate::{
    Engine,
    config::ISSUER_TOKEN_TTL,
    error::{Error, ErrorCode},
    issue::{Authorization, TokenResponse},
    oidc::{IdTokenRequest, OIDC_SCOPES},
    parameters::Parameters,
    store::{Connected, Family, Member, OpaqueToken, Parties, RefreshToken, ResourceServer, Store},
};

/// An answer, and what must be saved before it may be given.
pub(super) struct Issued {
    pub(super) response: TokenResponse,
    pub(super) refresh: Option<RefreshToken>,
    pub(super) access: Option<OpaqueToken>,
}

const GONE: Error =
    Error::invalid_grant("What the tokens would depend on has changed. The person has to sign in again.");

/// Checks that client, user and environment still are what they were when this was issued.
pub(super) fn check_standing(
    parties: &Parties,
    issued_at: Timestamp,
    client_generation: i64,
    user_generation: i64,
) -> Result<(), Error> {
    let good = parties.client.active
        && parties.subject.active
        && parties.client.generation == client_generation
        && parties.subject.generation == user_generation
        && issued_at >= parties.not_before;
    if good { Ok(()) } else { Err(GONE) }
}

/// Checks that the connection by which an application's tokens live is still there.
pub(super) fn check_connection(parties: &Parties, connection: Option<&Connected>) -> Result<(), Error> {
    match parties.client.ownership.is_some() && connection.is_none() {
        true => Err(GONE),
        false => Ok(()),
    }
}

/// What may be done of this at this moment: all, but by an application only what it and its connection still cover.
pub(super) fn within(parties: &Parties, connection: Option<&Connected>, scopes: &Scopes) -> Scopes {
    match &parties.client.ownership {
        Some(ownership) => ownership.limit(scopes, connection),
        None => scopes.clone(),
    }
}

impl<S: Store> Engine<S> {
    /// Checks that a token request names the resource of the grant, if it names one (RFC 8707 section 2.2).
    pub(super) fn check_resource(&self, parameters: &Parameters, audience: &str) -> Result<(), Error> {
        match parameters.get("resource") {
            Some(resource) if self.config.resolve(resource) != audience => {
                Err(Error::new(ErrorCode::InvalidTarget, "The resource was not granted."))
            }
            _ => Ok(()),
        }
    }

    /// The resource server that is the audience; `None` when it is the issuer.
    pub(super) fn server<'a>(&self, parties: &'a Parties, audience: &str) -> Result<Option<&'a ResourceServer>, Error> {
        match &parties.resource {
            None if audience == self.config.issuer => Ok(None),
            None => Err(GONE),
            Some(server) => Ok(Some(server)),
        }
    }

    /// When the family's refresh tokens stop being renewed.
    pub(super) fn family_ends(&self, family: &Family) -> Option<Timestamp> {
        self.config.refresh_absolute_ttl.map(|seconds| family.created_at.plus_seconds(seconds))
    }

    /// Makes all tokens that the family yields now: an access token with these scopes, an ID token when `openid` is
    /// among them, a refresh token when the client may have one.
    pub(super) async fn issue(
        &self,
        parties: &Parties,
        family: &Family,
        scopes: &Scopes,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        let server = self.server(parties, &family.audience)?;
        let still_there = |name: &str| {
            OIDC_SCOPES.contains(&name) || server.is_some_and(|server| server.scopes.iter().any(|s| s.name == name))
        };
        let ttl = server.map_or(ISSUER_TOKEN_TTL, |server| server.token_ttl);
        let authorization = Authorization {
            ttl: Some(parties.client.access_token_ttl.unwrap_or(ttl)),
            client: parties.client.clone(),
            subject: parties.subject.clone(),
            audience: family.audience.clone(),
            scopes: scopes.iter().filter(|name| still_there(name)).map(str::to_owned).collect(),
            primary_kid: parties.primary_kid.clone(),
            family_id: Some(family.id),
            member: self.member_of(family).await?,
        };
        let (access_token, access) = self.access_token(&authorization, now).await?;
        let mut response = TokenResponse::of(access_token, &authorization);
        let id_token = IdTokenRequest { parties, family, scopes, nonce, access_token: &response.access_token };
        response.id_token = self.id_token(&id_token, now).await?;
        let refreshable = parties.client.grant_types.contains(&GrantType::RefreshToken)
            && server.is_none_or(|server| server.allow_offline_access);
        let mut refresh = None;
        if refreshable {
            let token = secret::generate(SecretKind::RefreshToken)?;
            refresh = Some(self.refresh_token_of(family, SecretHash::of(token.expose()), now));
            response.refresh_token = Some(token);
        }
        Ok(Issued { response, refresh, access })
    }

    /// What the person holds now in the organization that they act for, if they act for one.
    async fn member_of(&self, family: &Family) -> Result<Option<Member>, Error> {
        let Some(organization_id) = family.organization_id else { return Ok(None) };
        self.store.member(family.user_id, organization_id).await?.ok_or(GONE).map(Some)
    }

    fn refresh_token_of(&self, family: &Family, hash: SecretHash, now: Timestamp) -> RefreshToken {
        let sliding = now.plus_seconds(self.config.refresh_ttl);
        let expires_at = self.family_ends(family).map_or(sliding, |ends| ends.min(sliding));
        RefreshToken { hash, family_id: family.id, issued_at: now, expires_at }
    }
}
