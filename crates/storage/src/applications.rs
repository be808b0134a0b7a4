//! Applications: clients that an organization owns.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant},
    audit::{Context, Event},
    client::{ClientType, GrantType, OrganizationUsage, TokenFormat},
    organization::Organization,
    resource_server::ResourceServer,
    scope::Scopes,
    user::{Email, User},
};
use paylent_oauth::crypto::secret::SecretHash;

use crate::{
    Env, Error, MachineUser, NewClient, Result,
    audit::entry,
    authority::{json, names},
    clients::NewClientRow,
    error::broken,
    key::Key,
    pool::on,
    schema::{applications, audit_events, clients, users},
    users::NewUserRow,
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
struct OwnedRow {
    id: Key,
    organization_id: Key,
    resource_server_id: Key,
    grant_type: String,
    permissions: String,
    ip_allow_list: String,
    ip_allow_list_mode: String,
    notification_emails: String,
}

/// What is read of the client.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = clients)]
struct ClientPart {
    client_id: String,
    name: String,
    redirect_uris: String,
    created_at: i64,
    updated_at: i64,
}

/// A whole row of `applications`.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = applications, treat_none_as_default_value = false)]
struct NewOwnedRow {
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
type ApplicationRow = (OwnedRow, ClientPart);

fn read((own, client): ApplicationRow) -> Result<Application> {
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
        created_at: Timestamp::from_micros(client.created_at),
        updated_at: Timestamp::from_micros(client.updated_at),
    })
}

/// The client of an application: confidential, opaque tokens, one way to get them.
fn client_of(new: &NewApplication) -> NewClient {
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

impl Env {
    /// Makes an application with its client and its service user.
    ///
    /// # Errors
    /// `Reference` when the organization or the resource server is not there.
    pub async fn create_application(&self, new: NewApplication, by: &Context) -> Result<Application> {
        let (environment, id) = (self.key(), new.id);
        let service = new.service_user.map(|id| NewUserRow::service(environment, id, &new.name, by.at));
        let event = Event::new("application.created", "application", id, &new.name);
        let audit = entry(environment, by, &event)?;
        let client = NewClientRow::new(environment, client_of(&new), by.at);
        let owned = NewOwnedRow {
            environment_id: environment,
            id: id.into(),
            organization_id: new.organization_id.into(),
            resource_server_id: new.resource_server_id.into(),
            grant_type: new.grant_type.as_str(),
            permissions: json(new.permissions.iter()),
            ip_allow_list: new.ip_allow_list.to_string(),
            ip_allow_list_mode: new.ip_allow_list_mode.as_str(),
            notification_emails: json(new.notification_emails.iter().map(Email::as_str)),
        };
        on!(self.db, transaction, |c| {
            if let Some(service) = service {
                service.insert_into(users::table).execute(c).await?;
            }
            let client = client.insert_into(clients::table).returning(ClientPart::as_returning());
            let client: ClientPart = client.get_result(c).await?;
            let owned = owned.insert_into(applications::table).returning(OwnedRow::as_returning());
            let owned: OwnedRow = owned.get_result(c).await?;
            audit.insert_into(audit_events::table).execute(c).await?;
            read((owned, client))
        })
    }

    /// The application of this id.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn application_by_id(&self, id: Id<Application>) -> Result<Option<Application>> {
        let (environment, id) = (self.key(), Key::from(id));
        let row: Option<ApplicationRow> = on!(self.db, lookup, |c| {
            let client = clients::environment_id.eq(applications::environment_id);
            let client = clients::table.on(client.and(clients::id.eq(applications::id)));
            let one = applications::table.inner_join(client).filter(applications::environment_id.eq(environment));
            let one = one.filter(applications::id.eq(id)).select((OwnedRow::as_select(), ClientPart::as_select()));
            Ok::<_, Error>(one.get_result(c).await.optional()?)
        })?;
        row.map(read).transpose()
    }
}
