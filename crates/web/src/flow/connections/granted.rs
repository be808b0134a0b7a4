//! Connections in words: names instead of ids.

use std::collections::{BTreeMap, BTreeSet};

use paylent_domain::{Id, application::Connection, resource_server::ResourceServer, scope::MAX_SCOPES};
use paylent_oauth::OIDC_SCOPES;
use paylent_storage::{ApplicationFilter, OrganizationFilter, Page, ScopeFilter, UserFilter};

use super::super::{Visit, fault::Failure};
use crate::pages::{
    account::Moment,
    connections::{Granted, Offered},
};

/// These connections, which are listed at this path, as those see them who may change them.
pub(super) async fn in_words(visit: &Visit, path: &str, rows: Vec<Connection>) -> Result<Vec<Granted>, Failure> {
    let applications =
        visit.env.applications(ApplicationFilter::default(), rows_of(rows.iter().map(|row| row.application_id)));
    let applications = applications.await?.rows;
    let publishers = rows_of(applications.iter().map(|application| application.organization_id));
    let publishers = visit.env.organizations(OrganizationFilter::default(), publishers).await?.rows;
    let people = rows_of(rows.iter().flat_map(|row| row.user_id.into_iter().chain([row.connected_by])));
    let people = visit.env.users(UserFilter::default(), people).await?.rows;
    let person = |id| people.iter().find(|user| user.id == id).map(|user| user.name().to_owned());
    let mut apis = BTreeMap::new();
    for server in applications.iter().map(|application| application.resource_server_id).collect::<BTreeSet<_>>() {
        apis.insert(server, scopes(visit, server).await?);
    }
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        // Deleted a moment ago, and its connections with it.
        let Some(application) = applications.iter().find(|application| application.id == row.application_id) else {
            continue;
        };
        let publisher = publishers.iter().find(|publisher| publisher.id == application.organization_id);
        let offered = apis.get(&application.resource_server_id).map(Vec::as_slice).unwrap_or_default();
        let granted = |scope: &&Offered| row.permissions.contains(&scope.name);
        let permissions = offered.iter().filter(granted).cloned().collect();
        // The scopes of OpenID Connect belong to no API.
        let of_api = |name: &str| offered.iter().any(|scope| scope.name == name);
        let identity = row.permissions.iter().filter(|name| !of_api(name) && OIDC_SCOPES.contains(name));
        let identity = identity.map(|name| Offered { name: name.to_owned(), description: None }).collect();
        all.push(Granted {
            path: format!("{path}/{}", row.id),
            application: application.name.clone(),
            publisher: publisher.map(|publisher| publisher.name.clone()),
            person: row.user_id.map(|id| person(id).unwrap_or_default()),
            connected_by: person(row.connected_by),
            since: Moment(row.created_at),
            last_used: row.last_used_at.map(Moment),
            last_ip: row.last_used_ip,
            permissions,
            identity,
        });
    }
    Ok(all)
}

/// The scopes of an API, by name.
pub(super) async fn scopes(visit: &Visit, server: Id<ResourceServer>) -> Result<Vec<Offered>, Failure> {
    let order = paylent_storage::Order { by_name: Some(false), ..Default::default() };
    let limit = i64::try_from(MAX_SCOPES).unwrap_or(i64::MAX);
    let page = Page { limit, order, ..Page::default() };
    let scopes = visit.env.scopes(ScopeFilter { resource_server_id: Some(server) }, page).await?.rows;
    Ok(scopes.into_iter().map(|scope| Offered { name: scope.name, description: scope.description }).collect())
}

/// The rows of these ids, each once.
fn rows_of<T>(ids: impl Iterator<Item = Id<T>>) -> Page {
    let ids: BTreeSet<[u8; 16]> = ids.map(|id| *id.as_bytes()).collect();
    Page::of_ids(ids.into_iter().collect())
}
