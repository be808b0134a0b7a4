//! Which clients may introspect the tokens for a resource server that were issued to others.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id,
    audit::{Context, Event},
    client::Client,
    resource_server::ResourceServer,
};

use crate::{
    Env, Error, Links, Result,
    applications::not_owned,
    audit::entry,
    key::Key,
    links::Difference,
    pool::on,
    resource_servers::lock_server,
    schema::{audit_events, clients, introspection_clients},
};

impl Env {
    /// Changes which clients may introspect the tokens for a resource server. The Management API is one like others.
    ///
    /// # Errors
    /// `Reference` when the resource server or a client to allow is not there.
    pub async fn link_introspection_clients(
        &self,
        server: Id<ResourceServer>,
        links: Links<Client>,
        by: &Context,
    ) -> Result<()> {
        let (environment, key, by) = (self.key(), Key::from(server), by.clone());
        on!(self.db, transaction, |c| {
            let server = lock_server!(c, environment, resource_servers::id.eq(key)).ok_or(Error::Reference)?;
            let allowed = introspection_clients::environment_id.eq(environment);
            let allowed = allowed.and(introspection_clients::resource_server_id.eq(key));
            let allowed = introspection_clients::table.filter(allowed);
            let present = allowed.select(introspection_clients::client_id).load(c).await?;
            let Difference { made, taken } = links.against(&present)?;
            let named = clients::environment_id.eq(environment).and(clients::id.eq_any([&made[..], &taken].concat()));
            let names: Vec<(Key, String)> =
                clients::table.filter(named.and(not_owned())).select((clients::id, clients::name)).load(c).await?;
            let names: HashMap<Key, String> = names.into_iter().collect();
            let event = |action, client: Key| {
                let called = names.get(&client).ok_or(Error::Reference)?;
                let event = Event::new(action, "resource_server", server.id.id::<ResourceServer>(), &server.name);
                entry(environment, &by, &event.and("client", client.id::<Client>(), called))
            };
            let gone: Vec<Key> = diesel::delete(allowed.filter(introspection_clients::client_id.eq_any(taken)))
                .returning(introspection_clients::client_id)
                .get_results(c)
                .await?;
            for client in gone {
                let event = event("introspection_client.deleted", client)?;
                event.insert_into(audit_events::table).execute(c).await?;
            }
            for client in made {
                let event = event("introspection_client.created", client)?;
                let row = (
                    introspection_clients::environment_id.eq(environment),
                    introspection_clients::resource_server_id.eq(key),
                    introspection_clients::client_id.eq(client),
                );
                diesel::insert_into(introspection_clients::table).values(row).execute(c).await?;
                event.insert_into(audit_events::table).execute(c).await?;
            }
            Ok(())
        })
    }

    /// Which clients may introspect the tokens for these resource servers, in the order of their ids.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn introspection_clients_of(
        &self,
        servers: Vec<Id<ResourceServer>>,
    ) -> Result<Vec<(Id<ResourceServer>, Id<Client>)>> {
        let (environment, servers) = (self.key(), servers.into_iter().map(Key::from).collect::<Vec<_>>());
        let pairs: Vec<(Key, Key)> = on!(self.db, read, |c| {
            let theirs = introspection_clients::environment_id.eq(environment);
            let theirs = theirs.and(introspection_clients::resource_server_id.eq_any(servers));
            let pair = (introspection_clients::resource_server_id, introspection_clients::client_id);
            Ok::<_, Error>(introspection_clients::table.filter(theirs).order(pair).select(pair).load(c).await?)
        })?;
        Ok(pairs.into_iter().map(|(server, client)| (server.id(), client.id())).collect())
    }
}
