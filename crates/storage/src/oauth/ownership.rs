//! What is read of an application beside its client.

use diesel::prelude::*;
use paylent_domain::{Timestamp, scope::Scopes};
use paylent_oauth::store::{Client, Connected, Ownership, PreviousSecret};

use super::rows::hash;
use crate::{
    Result,
    authority::names,
    error::broken,
    key::Key,
    schema::{applications, connections},
};

/// A row of `applications`, as far as tokens depend on it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = applications)]
pub(super) struct OwnershipRow {
    organization_id: Key,
    permissions: String,
    ip_allow_list: String,
    ip_allow_list_mode: String,
    previous_secret_hash: Option<Vec<u8>>,
    previous_secret_expires_at: Option<i64>,
}

/// A row of `connections`, as far as tokens depend on it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = connections)]
pub(super) struct ConnectedRow {
    id: Key,
    scope: String,
}

impl OwnershipRow {
    /// What binds the tokens.
    pub(super) fn read(self) -> Result<Ownership> {
        let permissions = names(&self.permissions)?.into_iter().collect();
        Ok(Ownership {
            organization_id: self.organization_id.id(),
            permissions,
            allow_list: self.ip_allow_list.parse().map_err(broken)?,
            allow_list_mode: self.ip_allow_list_mode.parse().map_err(broken)?,
        })
    }

    /// The client as one that is owned.
    pub(super) fn own(mut self, client: Client) -> Result<Client> {
        let hash = self.previous_secret_hash.take().map(hash).transpose()?;
        let previous_secret = hash
            .zip(self.previous_secret_expires_at)
            .map(|(hash, expires_at)| PreviousSecret { hash, expires_at: Timestamp::from_micros(expires_at) });
        Ok(Client { previous_secret, ownership: Some(self.read()?), ..client })
    }
}

/// The client as one that is owned, if it is.
pub(super) fn owned(client: Client, row: Option<OwnershipRow>) -> Result<Client> {
    match row {
        Some(row) => row.own(client),
        None => Ok(client),
    }
}

impl From<ConnectedRow> for Connected {
    fn from(row: ConnectedRow) -> Self {
        Self { id: row.id.id(), scopes: Scopes::stored(&row.scope) }
    }
}
