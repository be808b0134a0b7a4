//! How applications are made, changed and deleted.

use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind};
use paylent_domain::{
    Id, Invalid,
    allow_list::{AllowList, AllowListMode},
    application::{Application, ApplicationGrant, SecretOverlap},
    organization::Organization,
    policy,
    resource_server::ResourceServer,
    scope::Scopes,
    user::Email,
};
use paylent_jsonapi::{Code, Error, Errors, Field, Incoming, action, pointer};
use paylent_storage::{ApplicationChange, Expected, NewApplication, Page, ResourceServerFilter};
use serde_json::Value;

use super::{application_rules as rules, client_grants::among, client_rules};
use crate::{
    Answering,
    attributes::{invalid, optional, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::Failure,
    handlers::{verb, verb_with},
    relationships::existing,
};

/// What the document says of a new application.
struct Given {
    name: String,
    grant_type: ApplicationGrant,
    redirect_uri: Option<String>,
    ip_allow_list: AllowList,
    ip_allow_list_mode: Option<AllowListMode>,
    permissions: Vec<String>,
    notification_emails: Vec<Email>,
    organization: String,
    server: Option<String>,
}

fn given(document: Incoming) -> Result<Given, Errors> {
    read(document, |given| {
        let name = required(given, "name", client_rules::name);
        let grant_type = required(given, "grant_type", |text: String| text.parse());
        Some(Given {
            redirect_uri: given.nullable("redirect_uri").value(),
            ip_allow_list: rules::allow_list(given).unwrap_or_default(),
            ip_allow_list_mode: optional(given, "ip_allow_list_mode", |text: String| text.parse()),
            permissions: given.optional("permissions").unwrap_or_default(),
            notification_emails: rules::notification_emails(given).unwrap_or_default(),
            organization: given.required_one("organization", "organization"),
            server: given.optional_one("resource_server", "resource_server").value(),
            // Last, so that faults of the others are noted too.
            name: name?,
            grant_type: grant_type?,
        })
    })
}

impl Create for Application {
    /// Makes it. The secret is told this once.
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let given = given(document)?;
        let grant_type = given.grant_type;
        rules::check(grant_type, given.redirect_uri.as_deref(), &given.ip_allow_list)?;
        let organization = existing::<Organization>(call, "organization", &given.organization).await?;
        let server = audience(call, grant_type, given.server).await?;
        let permissions = known(call, &server, given.permissions).await?;
        may_give(call, &server, organization.id, &permissions)?;
        let secret = secret::generate(SecretKind::ClientSecret)?;
        let application = NewApplication {
            id: call.new_id(),
            client_id: secret::identifier()?,
            secret_hash: SecretHash::of(secret.expose()),
            organization_id: organization.id,
            resource_server_id: server.id,
            name: given.name,
            grant_type,
            redirect_uri: given.redirect_uri,
            ip_allow_list: given.ip_allow_list,
            ip_allow_list_mode: given.ip_allow_list_mode.unwrap_or_default(),
            permissions,
            notification_emails: given.notification_emails,
            service_user: match grant_type {
                ApplicationGrant::ClientCredentials => Some(call.another_id()?),
                ApplicationGrant::AuthorizationCode => None,
            },
        };
        Ok(told(call.env.create_application(application, &call.by).await?, &secret))
    }
}

impl Update for Application {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let (mut change, redirect_uri, permissions) = read(document, |given| {
            let grant_type = optional(given, "grant_type", |text: String| text.parse::<ApplicationGrant>());
            if grant_type.is_some_and(|grant_type| grant_type != self.grant_type) {
                given.refuse(invalid("grant_type", &Invalid("cannot be changed")));
            }
            let redirect_uri = given.nullable::<String>("redirect_uri");
            let change = ApplicationChange {
                name: optional(given, "name", client_rules::name),
                redirect_uri: None,
                ip_allow_list: rules::allow_list(given),
                ip_allow_list_mode: optional(given, "ip_allow_list_mode", |text: String| text.parse()),
                permissions: None,
                notification_emails: rules::notification_emails(given),
            };
            Some((change, redirect_uri, given.optional::<Vec<String>>("permissions")))
        })?;
        let uri = match &redirect_uri {
            Field::Absent => self.redirect_uri.as_deref(),
            Field::Null => None,
            Field::Value(uri) => Some(uri.as_str()),
        };
        rules::check(self.grant_type, uri, change.ip_allow_list.as_ref().unwrap_or(&self.ip_allow_list))?;
        change.redirect_uri = redirect_uri.value();
        if let Some(permissions) = permissions {
            let server = server_of(call, &self).await?;
            let permissions = known(call, &server, permissions).await?;
            let added = permissions.iter().filter(|name| !self.permissions.contains(name)).map(str::to_owned);
            may_give(call, &server, self.organization_id, &added.collect())?;
            change.permissions = Some(permissions);
        }
        Ok(call.env.update_application(self.id, change, expected, &call.by).await?)
    }
}

impl Delete for Application {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.delete_application(self.id, expected, &call.by).await?)
    }
}

/// The API that tokens are for: the named one, or the Management API.
async fn audience(call: &Call, grant: ApplicationGrant, named: Option<String>) -> Result<ResourceServer, Failure> {
    const NAME: &str = "resource_server";
    let server = match named {
        Some(id) => existing::<ResourceServer>(call, NAME, &id).await?,
        None => {
            let management_api = ResourceServerFilter { system: Some(true), ..ResourceServerFilter::default() };
            let found = call.env.resource_servers(management_api, Page { limit: 1, ..Page::default() }).await?;
            found.rows.into_iter().next().ok_or_else(|| Failure::related_not_found(NAME))?
        }
    };
    if grant == ApplicationGrant::AuthorizationCode && !server.allow_offline_access {
        let detail = "Whoever connects such an application gets refresh tokens, and the resource server allows none.";
        return Err(Error::new(Code::INVALID_RELATIONSHIP, detail).at_relationship(NAME).into());
    }
    Ok(server)
}

async fn server_of(call: &Call, application: &Application) -> Result<ResourceServer, Failure> {
    call.env.resource_server(application.resource_server_id).await?.ok_or(Failure::NotFound)
}

/// The permissions of these names, all of which the API must have.
async fn known(call: &Call, server: &ResourceServer, names: Vec<String>) -> Result<Scopes, Failure> {
    Ok(among(&call.env.scopes_of(server.id).await?, "permissions", names)?)
}

/// Nobody grants what they lack: what permissions of the Management API let somebody do, the caller must be able to do in
/// the organization.
fn may_give(
    call: &Call,
    server: &ResourceServer,
    within: Id<Organization>,
    permissions: &Scopes,
) -> Result<(), Failure> {
    match server.system {
        true => Ok(policy::may_grant(&call.actor, &policy::exercised(permissions), Some(within))?),
        false => Ok(()),
    }
}

/// `PATCH /applications/{id}/rotate-secret`: a new secret. The one before works on for as long as the document says.
pub(crate) fn rotate_secret(call: Call) -> Answering {
    Box::pin(verb_with::<Application, _>(call, overlap, async |call, application, expected, overlap| {
        if application.grant_type == ApplicationGrant::ClientCredentials {
            // Whoever knows the secret gets tokens with all of its permissions.
            let server = server_of(call, &application).await?;
            may_give(call, &server, application.organization_id, &application.permissions)?;
        }
        let secret = secret::generate(SecretKind::ClientSecret)?;
        let hash = SecretHash::of(secret.expose());
        let rotated = call.env.rotate_application_secret(application.id, hash, overlap, expected, &call.by).await?;
        Ok(rotated.map(|application| told(application, &secret)))
    }))
}

/// `PATCH /applications/{id}/expire-previous-secret`: from now on only the secret of the last rotation proves the client.
pub(crate) fn expire_previous_secret(call: Call) -> Answering {
    Box::pin(verb::<Application>(call, async |call, application, expected| {
        Ok(call.env.expire_previous_secret(application.id, expected, &call.by).await?.map(Created::from))
    }))
}

/// How long the secret before works on, which the document's `meta` says.
fn overlap(body: &[u8], application: &Application) -> Result<SecretOverlap, Failure> {
    const NAME: &str = "overlap";
    if body.is_empty() {
        return Ok(SecretOverlap::None);
    }
    let mut meta = action(body, Application::SCHEMA.kind, &application.id.to_string())?;
    let refuse = |name: &str, detail| Error::new(Code::INVALID_ATTRIBUTE, detail).at_pointer(pointer("/meta", name));
    let overlap = match meta.remove(NAME) {
        None => SecretOverlap::None,
        Some(Value::String(text)) => {
            text.parse().map_err(|reason: Invalid| refuse(NAME, format!("{NAME} {reason}.")))?
        }
        Some(_) => return Err(refuse(NAME, format!("{NAME} must be a string.")).into()),
    };
    match meta.keys().next() {
        Some(name) => Err(refuse(name, "This member is not allowed here.".to_owned()).into()),
        None => Ok(overlap),
    }
}

/// The application with what its developer needs: its public identifier, and the secret this once.
fn told(application: Application, secret: &Secret) -> Created<Application> {
    let meta = vec![("client_id", application.client_id.clone())];
    Created { row: application, meta, secret: Some(("client_secret", secret.expose().to_owned())) }
}
