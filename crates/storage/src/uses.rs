//! When and from where the tokens of applications were last used. Kept in memory and written in batches: a use is no change,
//! and no request waits for it (docs/adr/0023-connections.md). A crash, or a database that is away when they are written,
//! loses half a minute of them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_oauth::store::{Use, Used};

use crate::{
    Db, Error, Result,
    key::Key,
    pool::on,
    schema::{connections, static_tokens},
};

/// The uses that were not written yet: the last one of each.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<Place, Use>>);

/// Whose last use it is: the environment, and the id of a connection or the hash of a token.
type Place = (Key, Vec<u8>);

/// More than this are not remembered between two writes.
const MAX_KEPT: usize = 100_000;

/// So many are written in one unit of work: others want to write, too.
const AT_ONCE: usize = 1_000;

impl Uses {
    pub(crate) fn note(&self, environment: Key, used: Use) {
        let place = match used.of {
            Used::Connection(id) => (environment, id.as_bytes().to_vec()),
            Used::StaticToken(hash) => (environment, hash.as_bytes().to_vec()),
        };
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MAX_KEPT || uses.contains_key(&place) {
            // A use from nobody knows where leaves the address of the one before.
            let ip = used.ip.or_else(|| uses.get(&place)?.ip);
            uses.insert(place, Use { ip, ..used });
        }
    }

    fn take(&self) -> HashMap<Place, Use> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Db {
    /// Writes down when and from where tokens of applications were last used, and says how many there were. The server does
    /// so every half minute, and before it stops.
    ///
    /// # Errors
    /// The database is unavailable; then the uses that are not written are forgotten.
    pub async fn write_uses(&self) -> Result<usize> {
        let uses = self.uses().take();
        let count = uses.len();
        if uses.is_empty() {
            return Ok(0);
        }
        // In one order everywhere, so that nodes which write at the same time do not wait for each other in a circle.
        let mut uses: Vec<(Place, Use)> = uses.into_iter().collect();
        uses.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut left = uses.into_iter().peekable();
        while left.peek().is_some() {
            self.write_some_uses(left.by_ref().take(AT_ONCE).collect()).await?;
        }
        Ok(count)
    }

    async fn write_some_uses(&self, uses: Vec<(Place, Use)>) -> Result<()> {
        on!(self, transaction, |c| {
            for ((environment, _), used) in uses {
                let (at, ip) = (used.at.micros(), used.ip.map(|ip| ip.to_string()));
                match used.of {
                    Used::Connection(id) => {
                        let this = connections::table.find((environment, Key::from(id)));
                        let older =
                            connections::last_used_at.is_null().or(connections::last_used_at.lt(at).assume_not_null());
                        let now = (connections::last_used_at.eq(at), ip.map(|ip| connections::last_used_ip.eq(ip)));
                        diesel::update(this.filter(older)).set(now).execute(c).await?;
                    }
                    Used::StaticToken(hash) => {
                        let this = static_tokens::environment_id
                            .eq(environment)
                            .and(static_tokens::token_hash.eq(hash.as_bytes().to_vec()));
                        let older = static_tokens::last_used_at
                            .is_null()
                            .or(static_tokens::last_used_at.lt(at).assume_not_null());
                        let now = (static_tokens::last_used_at.eq(at), ip.map(|ip| static_tokens::last_used_ip.eq(ip)));
                        diesel::update(static_tokens::table.filter(this.and(older))).set(now).execute(c).await?;
                    }
                }
            }
            Ok::<_, Error>(())
        })
    }
}
