//! Accounts of the installation.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::{Db, Error, Result, pool::on, schema::accounts};

impl Db {
    /// Whether any account was made yet.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn has_accounts(&self) -> Result<bool> {
        on!(self, read, |c| {
            let first: Option<String> = accounts::table.select(accounts::handle).first(c).await.optional()?;
            Ok::<_, Error>(first.is_some())
        })
    }

    /// Whether there is an account of this handle.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn has_account(&self, handle: &str) -> Result<bool> {
        let handle = handle.to_owned();
        on!(self, read, |c| {
            let named = accounts::table.filter(accounts::handle.eq(handle));
            Ok::<_, Error>(named.count().get_result::<i64>(c).await? > 0)
        })
    }
}
