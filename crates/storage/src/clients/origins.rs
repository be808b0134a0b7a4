//! Whose scripts may read an environment's answers (CORS).

use diesel::{
    dsl::{exists, sql},
    prelude::*,
    sql_types::Bool,
};
use diesel_async::RunQueryDsl;
use paylent_domain::client::{ClientType, check_origin};

use crate::{Env, Error, Result, pool::on, schema::clients};

impl Env {
    /// Whether an active public client of this environment registered this origin, as a browser sends it. Never kept:
    /// an origin that was taken away is refused at once.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn allows_origin(&self, origin: &str) -> Result<bool> {
        // No origin that passes has a quote in it, so that it is found as a whole item of the list or not at all.
        if check_origin(origin).is_err() {
            return Ok(false);
        }
        let (environment, item) = (self.key(), format!("%\"{}\"%", origin.replace('_', "\\_")));
        on!(self.db, lookup, |c| {
            let registered = clients::table
                .filter(clients::environment_id.eq(environment))
                // The condition of the index, which holds the few clients that have origins.
                .filter(sql::<Bool>("clients.allowed_origins <> '[]'"))
                .filter(clients::active.eq(true).and(clients::client_type.eq(ClientType::Public.as_str())))
                .filter(clients::allowed_origins.like(item).escape('\\'));
            Ok::<_, Error>(diesel::select(exists(registered)).get_result(c).await?)
        })
    }
}
