//! Work that nobody waits for, done beside the requests.

use std::{sync::Arc, time::Duration};

use paylent_domain::Clock;
use paylent_storage::Db;
use tokio::time::{MissedTickBehavior, interval};

/// How often expired rows are deleted.
const PURGE: Duration = Duration::from_secs(5 * 60);

/// Deletes what has expired, every five minutes until it is dropped. Every node may do so: a row is deleted once.
pub async fn purge(db: Db, clock: Arc<dyn Clock>) {
    let mut interval = interval(PURGE);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match db.purge(clock.now()).await {
            Ok(0) => {}
            Ok(rows) => {
                metrics::counter!("purged_rows_total").increment(u64::try_from(rows).unwrap_or(u64::MAX));
                tracing::info!(rows, "deleted what has expired");
            }
            Err(error) => tracing::warn!(cause = ?error, "what has expired could not be deleted"),
        }
    }
}
