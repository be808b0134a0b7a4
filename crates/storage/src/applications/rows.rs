//! Applications as they are stored, and as they are before.

use diesel::prelude::*;
use paylent_domain::{
    Id, Timestamp,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant},
    audit::Event,
    client::{ClientType, GrantType, OrganizationUsage, TokenFormat},
    organization::Organization,
    resource_server::ResourceServer,
    scope::Scopes,
    user::{Email, User},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    MachineUser, NewClient, Result,
    authority::{json, names},
    error::broken,
    key::Key,
    schema::{applications, clients},
};

/// An application about to be made. What it says was checked by [`ApplicationGrant`]'s rules.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Its id, which is that of its client too.
    pub id: Id<Application>,
    /// Its public identifier at the OAuth endpoints.
    pub client_id: String,
    /// The hash of its secret.
    pub secret_hash: SecretHash,
    /// Who owns it.
    pub organization_id: Id<Organization>,
    /// The API that its tokens are for.
    pub resource_server_id: Id<ResourceServer>,
    /// What people call it.
    pub name: String,
    /// How it gets tokens.
    pub grant_type: ApplicationGrant,
    /// Where people return to.
    pub redirect_uri: Option<String>,
    /// From where its tokens may be used.
    pub ip_allow_list: AllowList,
    /// What happens to a token from elsewhere.
    pub ip_allow_list_mode: AllowListMode,
    /// The scopes it may ask for.
    pub permissions: Scopes,
    /// Who is told of tokens from elsewhere.
    pub notification_emails: Vec<Email>,
    /// The service user that its static tokens act for, made with it; for `client_credentials` alone.
    pub service_user: Option<Id<User>>,
}

/// What is read of `applications`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = applications)]
pub(super) struct OwnedRow {
    id: Key,
    organization_id: Key,
    resource_server_id: Key,
    grant_type: String,
    permissions: String,
    ip_allow_list: String,
    ip_allow_list_mode: String,
    notification_emails: String,
    previous_secret_expires_at: Option<i64>,
}

/// What is read of the client.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub(super) struct ClientPart {
    client_id: String,
    name: String,
    redirect_uris: String,
    created_at: i64,
    updated_at: i64,
}

/// A whole row of `applications`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = applications, treat_none_as_default_value = false)]
pub(super) struct NewOwnedRow {
    environment_id: Key,
    id: Key,
    organization_id: Key,
    resource_server_id: Key,
    grant_type: &'static str,
    permissions: String,
    ip_allow_list: String,
    ip_allow_list_mode: &'static str,
    notification_emails: String,
}

/// Both rows of an application.
pub(super) type ApplicationRow = (OwnedRow, ClientPart);

pub(super) fn read((own, client): ApplicationRow) -> Result<Application> {
    let emails = names(&own.notification_emails)?;
    Ok(Application {
        id: own.id.id(),
        client_id: client.client_id,
        organization_id: own.organization_id.id(),
        resource_server_id: own.resource_server_id.id(),
        name: client.name,
        grant_type: own.grant_type.parse().map_err(broken)?,
        redirect_uri: names(&client.redirect_uris)?.into_iter().next(),
        ip_allow_list: own.ip_allow_list.parse().map_err(broken)?,
        ip_allow_list_mode: own.ip_allow_list_mode.parse().map_err(broken)?,
        permissions: names(&own.permissions)?.into_iter().collect(),
        notification_emails: emails.iter().map(|email| email.parse().map_err(broken)).collect::<Result<_>>()?,
        previous_secret_expires_at: own.previous_secret_expires_at.map(Timestamp::from_micros),
        created_at: Timestamp::from_micros(client.created_at),
        updated_at: Timestamp::from_micros(client.updated_at),
    })
}

/// The client of an application: confidential, opaque tokens, one way to get them.
pub(super) fn client_of(new: &NewApplication) -> NewClient {
    let grant_types = match new.grant_type {
        ApplicationGrant::AuthorizationCode => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        ApplicationGrant::ClientCredentials => vec![GrantType::ClientCredentials],
    };
    NewClient {
        id: Id::from_bytes(*new.id.as_bytes()),
        client_id: new.client_id.clone(),
        name: new.name.clone(),
        client_type: ClientType::Confidential,
        secret_hash: Some(new.secret_hash),
        redirect_uris: new.redirect_uri.iter().cloned().collect(),
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        allowed_origins: Vec::new(),
        jwks: None,
        jwks_uri: None,
        id_token_claims: false,
        grant_types,
        token_format: TokenFormat::Opaque,
        first_party: false,
        require_pkce: false,
        access_token_ttl: new.grant_type.access_token_ttl(),
        organization_usage: OrganizationUsage::Optional,
        user: new.service_user.map(MachineUser::Service),
    }
}

impl NewOwnedRow {
    pub(super) fn new(environment_id: Key, new: &NewApplication) -> Self {
        Self {
            environment_id,
            id: new.id.into(),
            organization_id: new.organization_id.into(),
            resource_server_id: new.resource_server_id.into(),
            grant_type: new.grant_type.as_str(),
            permissions: list(&new.permissions),
            ip_allow_list: new.ip_allow_list.to_string(),
            ip_allow_list_mode: new.ip_allow_list_mode.as_str(),
            notification_emails: addresses(&new.notification_emails),
        }
    }
}

/// Writes permissions as they are stored.
pub(super) fn list(permissions: &Scopes) -> String {
    json(permissions.iter())
}

/// Writes addresses as they are stored.
pub(super) fn addresses(emails: &[Email]) -> String {
    json(emails.iter().map(Email::as_str))
}

/// An event about an application, which tells whose it is.
pub(crate) fn event(
    action: &'static str,
    id: Id<Application>,
    name: &str,
    organization: Id<Organization>,
    owner: &str,
) -> Event {
    Event::new(action, "application", id, name).and("organization", organization, owner)
}
