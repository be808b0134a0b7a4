//! The applications that a person gave access to.

use std::collections::BTreeMap;

use diesel::{dsl::auto_type, prelude::*};
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, application::Connection, scope::Scopes, user::User};
use paylent_oauth::limit_scopes;

use crate::{
    Env, Error, Result,
    authority::names,
    key::Key,
    pool::on,
    schema::{applications, clients, connections, consents, resource_servers, scopes, token_families, users},
};

/// An application that a person gave access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedApplication {
    /// The public identifier of its client.
    pub client_id: String,
    /// What it is called.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// What it may do, by name.
    pub scopes: Vec<ConnectedScope>,
    /// The connection that the person made of it for themself alone, and for no organization.
    pub own: Option<Id<Connection>>,
}

/// Something that an application may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedScope {
    /// The scope's name.
    pub name: String,
    /// What it allows, in the words of its resource server.
    pub description: Option<String>,
}

/// What an application was given.
struct Granted {
    client_id: String,
    name: String,
    audience: String,
    scopes: Scopes,
    at: Timestamp,
    /// The connection that the person made for themself alone.
    own: Option<Key>,
}

/// What a client was given: its identifier and name, the audience, the scopes, and when.
type Given = (String, String, String, String, i64);
/// What an application of an organization was given: its identifier and name, its API (none is the Management API), what it
/// has permission for, the scopes, when, and by which connection for which organization.
type GivenByConnection = (String, String, Option<String>, String, String, i64, (Key, Option<Key>));
/// What tokens allow, and what binds those of an application: what it has permission for, and what their connection allows.
type GivenByTokens = (Given, (Option<String>, Option<String>));
/// A scope: its API (none is the Management API), its name, and what it allows.
type Described = (Option<String>, String, Option<String>);
/// What scopes allow, by API and name.
type Descriptions = BTreeMap<(String, String), Option<String>>;

impl Env {
    /// The applications that this person agreed to give access, by a consent or by a connection of their own, or that have
    /// access which nobody asked them about, by name.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn connected_applications(&self, user: Id<User>, now: Timestamp) -> Result<Vec<ConnectedApplication>> {
        let (environment, user, now) = (self.key(), Key::from(user), now.micros());
        let management_api = self.tenant().management_api();
        let its_api = management_api.clone();
        let (granted, described) = on!(self.db, read, |c| {
            let agreed: Vec<Given> = agreed(environment, user).load(c).await?;
            let connected: Vec<GivenByConnection> = connected(environment, user).load(c).await?;
            let held: Vec<GivenByTokens> = held(environment, user, now).load(c).await?;
            let granted = all(agreed, connected, held, &its_api)?;
            let asked = granted.iter().flat_map(|one| one.scopes.iter().map(str::to_owned)).collect();
            let described: Vec<Described> = descriptions(environment, asked).load(c).await?;
            Ok::<_, Error>((granted, described))
        })?;
        let described = described.into_iter().map(|(api, name, description)| {
            let audience = api.unwrap_or_else(|| management_api.clone());
            ((audience, name), description)
        });
        Ok(by_name(granted, &described.collect()))
    }
}

/// What a person consented to.
#[auto_type(no_type_alias)]
fn agreed(environment: Key, user: Key) -> _ {
    let client = clients::environment_id.eq(consents::environment_id).and(clients::client_id.eq(consents::client_id));
    consents::table
        .inner_join(clients::table.on(client))
        .filter(consents::environment_id.eq(environment).and(consents::user_id.eq(user)))
        .select((clients::client_id, clients::name, consents::audience, consents::scope, consents::created_at))
}

/// What a person connected, alone or for an organization.
#[auto_type(no_type_alias)]
fn connected(environment: Key, user: Key) -> _ {
    let application = applications::environment_id.eq(connections::environment_id);
    let client = clients::environment_id.eq(connections::environment_id);
    let server = resource_servers::environment_id.eq(connections::environment_id);
    connections::table
        .inner_join(applications::table.on(application.and(applications::id.eq(connections::application_id))))
        .inner_join(clients::table.on(client.and(clients::id.eq(connections::application_id))))
        .inner_join(resource_servers::table.on(server.and(resource_servers::id.eq(applications::resource_server_id))))
        .filter(connections::environment_id.eq(environment).and(connections::user_id.eq(user)))
        .select((
            clients::client_id,
            clients::name,
            resource_servers::identifier,
            applications::permissions,
            connections::scope,
            connections::created_at,
            (connections::id, connections::organization_id),
        ))
}

/// What the live tokens allow that were issued for a person.
#[auto_type(no_type_alias)]
fn held(environment: Key, user: Key, now: i64) -> _ {
    let client = clients::environment_id.eq(token_families::environment_id);
    let person = users::environment_id.eq(token_families::environment_id);
    let application = applications::environment_id.eq(clients::environment_id);
    let connection = connections::environment_id.eq(token_families::environment_id);
    token_families::table
        .inner_join(clients::table.on(client.and(clients::client_id.eq(token_families::client_id))))
        .inner_join(users::table.on(person.and(users::id.eq(token_families::user_id))))
        .left_join(applications::table.on(application.and(applications::id.eq(clients::id))))
        .left_join(connections::table.on(connection.and(connections::id.nullable().eq(token_families::connection_id))))
        .filter(token_families::environment_id.eq(environment).and(token_families::user_id.eq(user)))
        .filter(token_families::revoked_at.is_null().and(token_families::expires_at.gt(now)))
        .filter(token_families::user_generation.eq(users::generation))
        .filter(token_families::client_generation.eq(clients::generation))
        .select((
            (
                clients::client_id,
                clients::name,
                token_families::audience,
                token_families::scope,
                token_families::created_at,
            ),
            (applications::permissions.nullable(), connections::scope.nullable()),
        ))
}

/// What the scopes of these names allow, in the words of every API that has one.
#[auto_type(no_type_alias)]
fn descriptions(environment: Key, names: Vec<String>) -> _ {
    let server = resource_servers::environment_id.eq(scopes::environment_id);
    scopes::table
        .inner_join(resource_servers::table.on(server.and(resource_servers::id.eq(scopes::resource_server_id))))
        .filter(scopes::environment_id.eq(environment).and(scopes::name.eq_any(names)))
        .select((resource_servers::identifier, scopes::name, scopes::description))
}

impl From<Given> for Granted {
    fn from((client_id, name, audience, scope, at): Given) -> Self {
        let (scopes, at) = (Scopes::stored(&scope), Timestamp::from_micros(at));
        Self { client_id, name, audience, scopes, at, own: None }
    }
}

impl Granted {
    fn by_connection(
        (client_id, name, api, permissions, scope, at, (id, organization)): GivenByConnection,
        management_api: &str,
    ) -> Result<Self> {
        let audience = api.unwrap_or_else(|| management_api.to_owned());
        let granted = Self::from((client_id, name, audience, scope, at)).bounded(&permissions, None)?;
        Ok(Self { own: organization.is_none().then_some(id), ..granted })
    }

    fn by_tokens((given, bounds): GivenByTokens) -> Result<Option<Self>> {
        let granted = Self::from(given);
        match bounds {
            (None, _) => Ok(Some(granted)),
            (Some(permissions), Some(connection)) => granted.bounded(&permissions, Some(&connection)).map(Some),
            // The connection is gone, and the tokens with it.
            (Some(_), None) => Ok(None),
        }
    }

    /// What is left of it with these permissions, and in this connection.
    fn bounded(self, permissions: &str, connection: Option<&str>) -> Result<Self> {
        let permissions = Scopes::from_iter(names(permissions)?);
        let connection = connection.map(Scopes::stored);
        let scopes = limit_scopes(&self.scopes, &permissions, connection.as_ref());
        Ok(Self { scopes, ..self })
    }
}

fn all(
    agreed: Vec<Given>,
    connected: Vec<GivenByConnection>,
    held: Vec<GivenByTokens>,
    management_api: &str,
) -> Result<Vec<Granted>> {
    let agreed = agreed.into_iter().map(|given| Ok(Granted::from(given)));
    let connected = connected.into_iter().map(|given| Granted::by_connection(given, management_api));
    let held = held.into_iter().filter_map(|given| Granted::by_tokens(given).transpose());
    agreed.chain(connected).chain(held).collect()
}

/// Puts together what each application was given, and says it in words.
fn by_name(granted: Vec<Granted>, descriptions: &Descriptions) -> Vec<ConnectedApplication> {
    let mut applications: BTreeMap<String, ConnectedApplication> = BTreeMap::new();
    for Granted { client_id, name, audience, scopes, at, own } in granted {
        let new = ConnectedApplication { client_id: client_id.clone(), name, since: at, scopes: Vec::new(), own: None };
        let application = applications.entry(client_id).or_insert(new);
        application.since = application.since.min(at);
        application.own = application.own.or(own.map(Key::id));
        for name in scopes.iter() {
            if application.scopes.iter().all(|known| known.name != name) {
                let description = descriptions.get(&(audience.clone(), name.to_owned())).cloned().flatten();
                application.scopes.push(ConnectedScope { name: name.to_owned(), description });
            }
        }
    }
    let mut applications: Vec<ConnectedApplication> = applications.into_values().collect();
    applications.sort_by(|one, other| (&one.name, &one.client_id).cmp(&(&other.name, &other.client_id)));
    applications
}
