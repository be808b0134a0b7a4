//! Token introspection (RFC 7662).

use std::net::IpAddr;

use paylent_domain::{client::ClientType, network::Caller};
use serde::Serialize;

use crate::{
    Engine, Foreign, LiveToken,
    client_auth::Credentials,
    error::Error,
    parameters::Parameters,
    store::{Member, Store},
};

/// An introspection request whose client credentials were found, and not yet checked.
#[derive(Debug)]
pub struct IntrospectionRequest {
    credentials: Credentials,
    parameters: Parameters,
    /// From where the token was used, if the resource server says so.
    caller: Option<Caller>,
}

impl IntrospectionRequest {
    /// Reads a request from the values of its `Authorization` header and its decoded body. The `token_type_hint` is
    /// not needed: a token says by its form what it is. A resource server that sends the address of the one who used the
    /// token there, as `client_ip`, has the application's allow list checked; its own address is never compared.
    ///
    /// # Errors
    /// `invalid_request` or `invalid_client`.
    pub fn parse(authorization: &[&[u8]], parameters: Parameters) -> Result<Self, Error> {
        let credentials = Credentials::parse(authorization, &parameters)?;
        parameters.require("token", "The parameter token is missing.")?;
        // Who sends none did not find out the address: better no answer than one that was not checked.
        let caller = parameters.iter().find(|(name, _)| *name == "client_ip");
        let caller = caller.map(|(_, address)| address.parse::<IpAddr>()).transpose();
        let caller = caller.map_err(|_| Error::invalid_request("The client_ip must be an IP address."))?;
        Ok(Self { credentials, parameters, caller: caller.map(Caller::at) })
    }
}

/// What a token is worth (RFC 7662 section 2.2). A dead token says nothing but `"active": false`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each member without words is the RFC's")]
pub struct Introspection {
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The organization that the person acts for; of an application's own token, the one that owns the application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<String>,
    /// The person's roles there, as they are now; an application has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_roles: Option<Vec<String>>,
    /// What these roles hold now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_permissions: Option<Vec<String>>,
}

impl<S: Store> Engine<S> {
    /// Says what a token is worth to the client that asks. A token of another client is as dead as no token, unless
    /// the client that asks may introspect for its audience.
    ///
    /// # Errors
    /// `invalid_client` when the asking client is not authenticated or is public, 503 when the store fails.
    pub async fn introspect(&self, request: IntrospectionRequest) -> Result<Introspection, Error> {
        let caller = self.authenticated_confidential(&request.credentials).await?;
        let token = request.parameters.get("token").unwrap_or_default();
        let Some(live) = self.live(token).await? else { return Ok(Introspection::default()) };
        if !self.may_see(&caller, &live).await? {
            return Ok(Introspection::default());
        }
        if let Some(caller) = request.caller {
            match self.admit(live.usage(), caller).await {
                Ok(()) => (),
                Err(Foreign { cause: Some(cause), .. }) => return Err(cause.into()),
                Err(_) => return Ok(Introspection::default()),
            }
        }
        let member = match live.organization_id {
            Some(organization_id) => match self.store.member(live.user_id, organization_id).await? {
                None => return Ok(Introspection::default()),
                member => member,
            },
            None => None,
        };
        self.note_use(live.used(), request.caller);
        Ok(self.describe(live, member))
    }

    /// Whether a token may be described to this client. The store is asked about other clients' tokens only.
    async fn may_see(&self, caller: &str, live: &LiveToken) -> Result<bool, Error> {
        Ok(live.client_id == caller || self.store.may_introspect(caller, &live.audience).await?)
    }

    fn describe(&self, live: LiveToken, member: Option<Member>) -> Introspection {
        let org_id = live.organization().map(|id| id.to_string());
        let (org_roles, org_permissions) = member.map(|member| (member.roles, member.permissions)).unzip();
        Introspection {
            active: true,
            scope: (!live.scopes.is_empty()).then(|| live.scopes.to_string()),
            client_id: Some(live.client_id),
            token_type: Some("Bearer"),
            exp: live.expires_at.map(|moment| moment.seconds()),
            iat: Some(live.issued_at.seconds()),
            sub: Some(live.user_id.to_string()),
            aud: Some(live.audience),
            iss: Some(self.config.issuer.clone()),
            org_id,
            org_roles,
            org_permissions,
        }
    }

    /// The `client_id` of the confidential client that these credentials prove.
    async fn authenticated_confidential(&self, credentials: &Credentials) -> Result<String, Error> {
        let client = self.client_named(credentials).await?;
        let client = self.authenticate(credentials, client.as_ref()).await?;
        match client.client_type {
            ClientType::Confidential => Ok(client.client_id.clone()),
            ClientType::Public => Err(Error::invalid_client()),
        }
    }
}
