//! Access tokens: what a signed one says, and whether a presented one is alive.

use paylent_crypto::{
    jwt::{Expect, UnverifiedToken},
    keys::SigningKey,
    secret::{self, SecretHash, SecretKind},
};
use paylent_domain::{Id, Timestamp, application::Connection, organization::Organization, scope::Scopes, user::User};
use serde::{Deserialize, Serialize};

use crate::{
    Engine,
    allow_list::Usage,
    error::Error,
    oidc::OIDC_SCOPES,
    store::{Connected, Family, JwtReference, Member, Ownership, Presented, Standing, Store, Used},
};

/// The `typ` of a signed access token (RFC 9068 section 2.1).
pub(crate) const TYP: &str = "at+jwt";

/// How far the clocks of two nodes may differ, in seconds.
const LEEWAY: i64 = 60;

/// The claims of a signed access token: RFC 9068, the user's rights, and three of our own that let a client, a user or
/// one person's grant be cut off without a list of tokens.
#[derive(Serialize)]
pub(crate) struct Claims<'a> {
    pub iss: &'a str,
    pub sub: Id<User>,
    pub aud: &'a str,
    pub exp: i64,
    pub iat: i64,
    pub jti: &'a str,
    pub client_id: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    pub roles: &'a [String],
    pub permissions: &'a [String],
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationClaims<'a>>,
    pub cgen: i64,
    pub ugen: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fam: Option<Id<Family>>,
}

/// What a token says of the organization that its person acts for.
#[derive(Serialize)]
pub(crate) struct OrganizationClaims<'a> {
    org_id: Id<Organization>,
    org_roles: &'a [String],
    org_permissions: &'a [String],
}

impl<'a> OrganizationClaims<'a> {
    pub(crate) fn of(member: &'a Member) -> Self {
        Self { org_id: member.organization_id, org_roles: &member.roles, org_permissions: &member.permissions }
    }
}

/// What we read back from a signed access token of our own.
#[derive(Deserialize)]
struct ReadClaims {
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    jti: String,
    client_id: String,
    #[serde(default)]
    scope: String,
    cgen: i64,
    ugen: i64,
    #[serde(default)]
    fam: Option<String>,
    #[serde(default)]
    org_id: Option<String>,
}

/// One audience, as text or as an array of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many([String; 1]),
}

/// A presented access token that is alive: known, not expired, not revoked, its client, user and key in good standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveToken {
    /// The client it was issued to.
    pub client_id: String,
    /// Whom it acts for.
    pub user_id: Id<User>,
    /// The resource server it is for.
    pub audience: String,
    /// What it may be used for at this moment.
    pub scopes: Scopes,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it dies; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// The grant of a person that it comes from; `None` for a machine's own token.
    pub family_id: Option<Id<Family>>,
    /// The organization that the person acts for, if they do.
    pub organization_id: Option<Id<Organization>>,
    /// That an organization owns the client, if one does.
    pub ownership: Option<Ownership>,
    connection_id: Option<Id<Connection>>,
    /// How the token begins, of an application's token.
    prefix: Option<String>,
    pub(crate) handle: Handle,
}

impl LiveToken {
    /// What an allow list is asked about.
    pub(crate) fn usage(&self) -> Usage<'_> {
        let presented = match (self.family_id, &self.handle) {
            (Some(family), _) => Presented::Family(family),
            (None, Handle::Opaque(hash)) => Presented::AccessToken(*hash),
            (None, Handle::Jwt { .. }) => Presented::Secret,
        };
        Usage {
            client_id: &self.client_id,
            ownership: self.ownership.as_ref(),
            presented,
            prefix: self.prefix.as_deref(),
        }
    }

    /// Whose it is or acts for: of a person's token the organization that they act for, of an application's own the one that
    /// owns the application.
    #[must_use]
    pub fn organization(&self) -> Option<Id<Organization>> {
        let owner = self.ownership.as_ref().filter(|_| self.family_id.is_none());
        self.organization_id.or(owner.map(|ownership| ownership.organization_id))
    }

    /// What is noted when it was accepted; nothing but of an application's token.
    pub(crate) fn used(&self) -> Option<Used> {
        self.ownership.as_ref()?;
        match (self.connection_id, &self.handle) {
            (Some(connection), _) => Some(Used::Connection(connection)),
            (None, Handle::Opaque(hash)) => Some(Used::StaticToken(*hash)),
            (None, Handle::Jwt { .. }) => None,
        }
    }
}

/// What may be done of these scopes: what the application has permission for and, if it is said, what the connection still
/// allows. Who somebody is, is no permission of an API.
#[must_use]
pub fn limit_scopes(scopes: &Scopes, permissions: &Scopes, connection: Option<&Scopes>) -> Scopes {
    let permitted = |name: &str| OIDC_SCOPES.contains(&name) || permissions.contains(name);
    let connected = |name: &str| connection.is_none_or(|connection| connection.contains(name));
    scopes.iter().filter(|name| permitted(name) && connected(name)).map(str::to_owned).collect()
}

impl Ownership {
    /// What binds a token of the application.
    pub(crate) fn limit(&self, scopes: &Scopes, connection: Option<&Connected>) -> Scopes {
        limit_scopes(scopes, &self.permissions, connection.map(|connection| &connection.scopes))
    }
}

/// By what a live token can be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Handle {
    Opaque(SecretHash),
    Jwt { jti: String, until: Timestamp },
}

impl<S: Store> Engine<S> {
    /// Finds out whether a presented string is a live access token of this environment. Anything else is `None`.
    pub(crate) async fn live(&self, token: &str) -> Result<Option<LiveToken>, Error> {
        Ok(self.unexpired(token).await?.filter(|(_, good)| *good).map(|(token, _)| token))
    }

    /// Finds out whether a presented string is an access token of this environment that has not expired, and whether
    /// all it depends on is in good standing. What is not may be again, unless the token is revoked.
    pub(crate) async fn unexpired(&self, token: &str) -> Result<Option<(LiveToken, bool)>, Error> {
        match SecretKind::of(token) {
            Some(SecretKind::AccessToken) => self.unexpired_opaque(token).await,
            Some(_) => Ok(None),
            None => self.unexpired_jwt(token).await,
        }
    }

    async fn unexpired_opaque(&self, token: &str) -> Result<Option<(LiveToken, bool)>, Error> {
        let Some((stored, standing)) = self.store.access_token(&SecretHash::of(token)).await? else { return Ok(None) };
        if stored.expires_at.is_some_and(|moment| moment <= self.clock.now()) {
            return Ok(None);
        }
        let Standing { ownership, connection, .. } = &standing;
        let is_disconnected = ownership.is_some() && stored.family_id.is_some() && connection.is_none();
        let good = is_good(&standing, stored.issued_at, stored.client_generation, stored.user_generation);
        let good = good && !is_disconnected;
        let scopes = match ownership {
            Some(ownership) => ownership.limit(&stored.scopes, connection.as_ref()),
            None => stored.scopes,
        };
        let token = LiveToken {
            client_id: stored.client_id,
            user_id: stored.user_id,
            audience: stored.audience,
            scopes,
            issued_at: stored.issued_at,
            expires_at: stored.expires_at,
            family_id: stored.family_id,
            organization_id: stored.organization_id,
            prefix: ownership.is_some().then(|| secret::beginning(token).to_owned()),
            connection_id: connection.as_ref().map(|connection| connection.id),
            ownership: standing.ownership,
            handle: Handle::Opaque(stored.hash),
        };
        Ok(Some((token, good)))
    }

    async fn unexpired_jwt(&self, token: &str) -> Result<Option<(LiveToken, bool)>, Error> {
        let Ok(unverified) = UnverifiedToken::parse(token) else { return Ok(None) };
        let kid = unverified.kid().to_owned();
        let Some(key) = self.keys.key(self.config.realm, &kid, &self.store).await? else { return Ok(None) };
        let Some(claims) = self.verified_claims(unverified, &key) else { return Ok(None) };
        let Ok(user_id) = claims.sub.parse() else { return Ok(None) };
        let Ok(family_id) = claims.fam.as_deref().map(str::parse).transpose() else { return Ok(None) };
        let Ok(organization_id) = claims.org_id.as_deref().map(str::parse).transpose() else { return Ok(None) };
        let reference = JwtReference { kid: &kid, jti: &claims.jti, client_id: &claims.client_id, user_id, family_id };
        let Some(standing) = self.store.jwt_standing(reference).await? else { return Ok(None) };
        let issued_at = Timestamp::from_seconds(claims.iat);
        let good = is_good(&standing, issued_at, claims.cgen, claims.ugen);
        let (Audience::One(audience) | Audience::Many([audience])) = claims.aud;
        let expires_at = Timestamp::from_seconds(claims.exp);
        let token = LiveToken {
            client_id: claims.client_id,
            user_id,
            audience,
            scopes: Scopes::stored(&claims.scope),
            issued_at,
            expires_at: Some(expires_at),
            family_id,
            organization_id,
            ownership: None,
            connection_id: None,
            prefix: None,
            handle: Handle::Jwt { jti: claims.jti, until: expires_at.plus_seconds(LEEWAY) },
        };
        Ok(Some((token, good)))
    }

    /// The claims of a token that this environment signed and that has not expired.
    fn verified_claims(&self, token: UnverifiedToken<'_>, key: &SigningKey) -> Option<ReadClaims> {
        let now = self.clock.now().seconds();
        let expect = Expect { typ: TYP, issuer: &self.config.issuer, audience: None, now, leeway: LEEWAY };
        let claims = token.verify(key.public()).ok()?.claims::<ReadClaims>(&expect).ok()?;
        // The leeway is for a token of a node whose clock is ahead. A dead token is dead, as an opaque one is.
        (claims.exp > now).then_some(claims)
    }
}

/// Whether everything a token depends on is as it was when the token was issued.
fn is_good(standing: &Standing, issued_at: Timestamp, client_generation: i64, user_generation: i64) -> bool {
    standing.client_active
        && standing.user_active
        && standing.key_active
        && !standing.denied
        && !standing.family_revoked
        && standing.client_generation == client_generation
        && standing.user_generation == user_generation
        && issued_at >= standing.not_before
}
