//! What belongs to the installation as a whole: under which master key its secrets are sealed.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use paylent_domain::Timestamp;

use crate::{
    Db, Error, Result,
    pool::{Pool, acquire, as_task, on},
    schema::installation,
};

/// The one row of `installation`.
#[derive(Insertable)]
#[diesel(table_name = installation)]
struct InstallationRow {
    id: i32,
    master_key_id: String,
    created_at: i64,
}

impl Db {
    /// Binds the database to a master key when nothing is sealed yet, and says whether it is bound to this one.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn bind_master_key(&self, master_key_id: &str, at: Timestamp) -> Result<bool> {
        let row = InstallationRow { id: 1, master_key_id: master_key_id.to_owned(), created_at: at.micros() };
        let bound: String = on!(self, transaction, |c| {
            let found = installation::table.find(1).select(installation::master_key_id);
            if let Some(bound) = found.first::<String>(c).await.optional()? {
                return Ok(bound);
            }
            row.insert_into(installation::table).on_conflict_do_nothing().execute(c).await?;
            Ok(found.first::<String>(c).await?)
        })?;
        Ok(bound == master_key_id)
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// It gives none.
    pub async fn ping(&self) -> Result<()> {
        on!(self, read, |c| {
            let _: Option<i32> = installation::table.select(installation::id).first(c).await.optional()?;
            Ok::<_, Error>(())
        })
    }

    /// By how many microseconds the database's clock is ahead of `now`. SQLite has no clock of its own.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn clock_lead(&self, now: Timestamp) -> Result<i64> {
        match &self.pool {
            Pool::Sqlite { .. } => self.ping().await.map(|()| 0),
            Pool::Postgres(pool) => {
                let mut connection = acquire(pool).await?;
                as_task(async move {
                    const NOW: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT";
                    let theirs: i64 = diesel::select(sql::<BigInt>(NOW)).get_result(&mut *connection).await?;
                    Ok(theirs - now.micros())
                })
                .await
            }
        }
    }
}
