//! The applications that a person gave access to.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{Id, Timestamp, scope::Scopes, user::User};
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
}

/// Something that an application may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedScope {
    /// The scope's name.
    pub name: String,
    /// What it allows, in the words of its resource server.
    pub description: Option<String>,
}

/// What a client was given: its identifier and name, the audience, the scopes, and when.
type Granted = (String, String, String, String, i64);
/// What an application of an organization was given: its identifier and name, its API (none is the Management API), what it
/// has permission for, the scopes, and when.
type GrantedByConnection = (String, String, Option<String>, String, String, i64);
/// What binds the tokens of an application: what it has permission for, and what their connection allows.
type Bounds = (Option<String>, Option<String>);

/// The scopes that are left of these, in the words of the database.
fn bounded(scope: &str, permissions: &str, connection: Option<&str>) -> Result<String> {
    let permissions = Scopes::from_iter(names(permissions)?);
    let connection = connection.map(Scopes::stored);
    Ok(limit_scopes(&Scopes::stored(scope), &permissions, connection.as_ref()).to_string())
}

impl Env {
    /// The applications that this person agreed to give access, by a consent or by a connection of their own, or that have
    /// access which nobody asked them about, by name.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn connected_applications(&self, user: Id<User>, now: Timestamp) -> Result<Vec<ConnectedApplication>> {
        type Described = (Option<String>, String, Option<String>);
        let (environment, user, now) = (self.key(), Key::from(user), now.micros());
        let management_api = self.tenant().management_api();
        let its_api = management_api.clone();
        let (granted, described): (Vec<Granted>, Vec<Described>) = on!(self.db, read, |c| {
            let client =
                clients::environment_id.eq(consents::environment_id).and(clients::client_id.eq(consents::client_id));
            let agreed = consents::table
                .inner_join(clients::table.on(client))
                .filter(consents::environment_id.eq(environment).and(consents::user_id.eq(user)))
                .select((clients::client_id, clients::name, consents::audience, consents::scope, consents::created_at));
            let mut granted: Vec<Granted> = agreed.load(c).await?;
            let application = applications::environment_id.eq(connections::environment_id);
            let application = application.and(applications::id.eq(connections::application_id));
            let client = clients::environment_id.eq(connections::environment_id);
            let server = resource_servers::environment_id.eq(connections::environment_id);
            let own = connections::table
                .inner_join(applications::table.on(application))
                .inner_join(clients::table.on(client.and(clients::id.eq(connections::application_id))))
                .inner_join(
                    resource_servers::table.on(server.and(resource_servers::id.eq(applications::resource_server_id))),
                )
                .filter(connections::environment_id.eq(environment).and(connections::user_id.eq(user)))
                .select((
                    clients::client_id,
                    clients::name,
                    resource_servers::identifier,
                    applications::permissions,
                    connections::scope,
                    connections::created_at,
                ));
            for (client_id, name, api, permissions, scope, at) in own.load::<GrantedByConnection>(c).await? {
                let scope = bounded(&scope, &permissions, None)?;
                granted.push((client_id, name, api.unwrap_or_else(|| its_api.clone()), scope, at));
            }
            let families = token_families::table
                .inner_join(
                    clients::table.on(clients::environment_id
                        .eq(token_families::environment_id)
                        .and(clients::client_id.eq(token_families::client_id))),
                )
                .inner_join(users::table.on(
                    users::environment_id.eq(token_families::environment_id).and(users::id.eq(token_families::user_id)),
                ))
                .left_join(
                    applications::table.on(applications::environment_id
                        .eq(clients::environment_id)
                        .and(applications::id.eq(clients::id))),
                )
                .left_join(
                    connections::table.on(connections::environment_id
                        .eq(token_families::environment_id)
                        .and(connections::id.nullable().eq(token_families::connection_id))),
                )
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
                ));
            for ((client_id, name, audience, scope, at), bounds) in families.load::<(Granted, Bounds)>(c).await? {
                let scope = match bounds {
                    (None, _) => scope,
                    (Some(permissions), Some(connection)) => bounded(&scope, &permissions, Some(&connection))?,
                    // The connection is gone, and the tokens with it.
                    (Some(_), None) => continue,
                };
                granted.push((client_id, name, audience, scope, at));
            }
            let asked: Vec<String> = granted.iter().flat_map(|(.., scope, _)| words(scope)).collect();
            let server = resource_servers::environment_id
                .eq(scopes::environment_id)
                .and(resource_servers::id.eq(scopes::resource_server_id));
            let described = scopes::table
                .inner_join(resource_servers::table.on(server))
                .filter(scopes::environment_id.eq(environment).and(scopes::name.eq_any(asked)))
                .select((resource_servers::identifier, scopes::name, scopes::description));
            Ok::<_, Error>((granted, described.load(c).await?))
        })?;
        let descriptions: BTreeMap<(String, String), Option<String>> = described
            .into_iter()
            .map(|(server, name, words)| ((server.unwrap_or_else(|| management_api.clone()), name), words))
            .collect();
        let mut connections: BTreeMap<String, ConnectedApplication> = BTreeMap::new();
        for (client_id, name, audience, scope, at) in granted {
            let at = Timestamp::from_micros(at);
            let new = ConnectedApplication { client_id: client_id.clone(), name, since: at, scopes: Vec::new() };
            let connection = connections.entry(client_id).or_insert(new);
            connection.since = connection.since.min(at);
            for name in words(&scope) {
                if connection.scopes.iter().all(|known| known.name != name) {
                    let description = descriptions.get(&(audience.clone(), name.clone())).cloned().flatten();
                    connection.scopes.push(ConnectedScope { name, description });
                }
            }
        }
        let mut connections: Vec<ConnectedApplication> = connections.into_values().collect();
        connections.sort_by(|one, other| (&one.name, &one.client_id).cmp(&(&other.name, &other.client_id)));
        Ok(connections)
    }
}

/// The names in a list of scopes.
fn words(scopes: &str) -> Vec<String> {
    Scopes::stored(scopes).iter().map(str::to_owned).collect()
}
