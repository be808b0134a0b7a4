//! Which environment a host serves. Asked on every request, so what was found is kept for five seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Clock, Timestamp,
    environment::{Environment, Handle, Lifetimes},
    hosts::{Hosts, Site},
    language::Language,
};
use paylent_oauth::Config;

use crate::{Db, Error, Result, Tenant, key::Key, pool::on, schema::environments};

/// Finds environments by host name.
pub struct Directory {
    hosts: Hosts,
    clock: Arc<dyn Clock>,
    found: Mutex<HashMap<String, Found>>,
}

/// What every request has to know of an environment.
#[derive(Queryable, Selectable)]
#[diesel(table_name = environments)]
pub(crate) struct EnvironmentRow {
    id: Key,
    account_id: Option<Key>,
    handle: String,
    custom_domain: Option<String>,
    name: Option<String>,
    registration_enabled: bool,
    #[diesel(embed)]
    lifetimes: LifetimesRow,
}

/// How long what an environment grants lives.
#[derive(Queryable, Selectable)]
#[diesel(table_name = environments)]
pub(crate) struct LifetimesRow {
    code_ttl: i64,
    refresh_grace: i64,
    refresh_absolute_ttl: Option<i64>,
}

impl From<LifetimesRow> for Lifetimes {
    fn from(row: LifetimesRow) -> Self {
        let LifetimesRow { code_ttl, refresh_grace, refresh_absolute_ttl } = row;
        Self { code_ttl, refresh_grace, refresh_absolute_ttl }
    }
}

impl From<EnvironmentRow> for Environment {
    fn from(row: EnvironmentRow) -> Self {
        Self {
            id: row.id.id(),
            account_id: row.account_id.map(Key::id),
            handle: Handle::stored(row.handle),
            custom_domain: row.custom_domain,
            name: row.name,
            registration_enabled: row.registration_enabled,
            lifetimes: row.lifetimes.into(),
        }
    }
}

/// What a look-up found, and until when it may be believed.
struct Found {
    tenant: Option<Arc<Tenant>>,
    until: Timestamp,
}

const KEEP_SECONDS: i64 = 5;
/// A host that serves nothing is asked for again sooner: it may just be being set up.
const KEEP_NOTHING_SECONDS: i64 = 1;
/// More host names than this are not remembered.
const MAX_KEPT: usize = 10_000;

impl Directory {
    /// A directory of these hosts.
    #[must_use]
    pub fn new(hosts: Hosts, clock: Arc<dyn Clock>) -> Self {
        Self { hosts, clock, found: Mutex::default() }
    }

    /// The addresses of this installation.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The environment that the value of a `Host` header means. An unknown host is nobody's.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub async fn tenant(&self, db: &Db, host: &str) -> Result<Option<Arc<Tenant>>> {
        let now = self.clock.now();
        if let Some(found) = self.kept(host, now) {
            return Ok(found);
        }
        let Some(site) = self.hosts.site(host) else { return Ok(None) };
        let environment = match site {
            Site::Environment(handle) => environment(db, Some(handle.to_string()), None).await?,
            Site::Foreign(domain) => environment(db, None, Some(domain)).await?,
            Site::Dashboard => None,
        };
        let tenant = environment.map(|environment| Arc::new(self.describe(environment)));
        self.keep(host, tenant.clone(), now);
        Ok(tenant)
    }

    /// An environment with what follows from its address.
    #[must_use]
    pub fn describe(&self, environment: Environment) -> Tenant {
        let base_url = self.hosts.canonical(&environment);
        let identifier = format!("{base_url}/api");
        let aliases = self.hosts.aliases(&environment);
        let Lifetimes { code_ttl, refresh_grace, refresh_absolute_ttl } = environment.lifetimes;
        let oauth = Arc::new(Config {
            interactive: true,
            code_ttl,
            refresh_grace,
            refresh_absolute_ttl,
            realm: *environment.id.as_bytes(),
            resource_aliases: aliases.map(|alias| (format!("{alias}/api"), identifier.clone())).collect(),
            ui_locales: Language::ALL.map(Language::tag).to_vec(),
            ..Config::single(&base_url)
        });
        Tenant { environment, base_url, oauth }
    }

    fn kept(&self, host: &str, now: Timestamp) -> Option<Option<Arc<Tenant>>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(host).filter(|found| now < found.until).map(|found| found.tenant.clone())
    }

    fn keep(&self, host: &str, tenant: Option<Arc<Tenant>>, now: Timestamp) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= MAX_KEPT {
            found.retain(|_, entry| now < entry.until);
        }
        if found.len() < MAX_KEPT {
            let seconds = if tenant.is_some() { KEEP_SECONDS } else { KEEP_NOTHING_SECONDS };
            found.insert(host.to_owned(), Found { tenant, until: now.plus_seconds(seconds) });
        }
    }
}

/// The environment of this handle or this custom domain.
async fn environment(db: &Db, handle: Option<String>, domain: Option<String>) -> Result<Option<Environment>> {
    let row: Option<EnvironmentRow> = on!(db, lookup, |c| {
        let row = environments::table
            .filter(environments::handle.nullable().eq(handle).or(environments::custom_domain.eq(domain)))
            .select(EnvironmentRow::as_select())
            .get_result(c)
            .await
            .optional()?;
        Ok::<_, Error>(row)
    })?;
    Ok(row.map(Environment::from))
}
