//! Work that nobody waits for, done beside the requests.

mod mails;

use std::{error::Error, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use paylent_domain::Clock;
use paylent_oauth::Engine;
use paylent_storage::{Db, Env, LogoutDelivery, WaitingClient};
use tokio::time::{MissedTickBehavior, interval};

use crate::app::Rooms;

pub use mails::{deliver_due_mails, deliver_mails};

/// How often expired rows are deleted.
const PURGE: Duration = Duration::from_secs(5 * 60);
/// How often last uses of tokens are written down.
const WRITE_USES: Duration = Duration::from_secs(30);
/// How often it is looked for clients that are to be told of a sign-out.
const TELL: Duration = Duration::from_secs(1);
/// How many clients are told at a time; each is told of one sign-out after the other.
const AT_ONCE: usize = 8;
/// Of how many sign-outs a client is told before it is looked for clients again.
const TURN: i64 = 20;
/// For how long others leave a delivery alone that somebody attempts, in seconds: longer than an attempt takes.
const LEASE: i64 = 30;
/// After how many seconds a delivery that failed is attempted again. The last counts for all that follow.
const WAITS: [i64; 5] = [5, 30, 2 * 60, 10 * 60, 3_600];
/// For how many seconds it is attempted: a day.
const PATIENCE: i64 = 24 * 3_600;

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

/// Writes down when and from where tokens of applications were last used, every half minute until it is dropped.
pub async fn write_uses(db: Db) {
    let mut interval = interval(WRITE_USES);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = db.write_uses().await {
            tracing::warn!(cause = ?error, "last uses of tokens could not be written down");
        }
    }
}

/// Tells clients of sign-outs until it is dropped. Every node may do so: of all that attempt a delivery, one does.
pub async fn tell_clients(rooms: Rooms) {
    let mut interval = interval(TELL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = deliver_due(&rooms).await {
            tracing::warn!(cause = ?error, "clients could not be told of sign-outs");
        }
    }
}

/// Attempts what is due at this moment (OpenID Connect Back-Channel Logout section 2.5). A client that does not answer
/// well is left in peace until the next time, so that it holds up nobody else.
///
/// # Errors
/// The database cannot be asked which clients are to be told.
pub async fn deliver_due(rooms: &Rooms) -> paylent_storage::Result<()> {
    let waiting = rooms.db.clients_to_tell(rooms.clock.now()).await?;
    let told = stream::iter(waiting).for_each_concurrent(AT_ONCE, async |client| {
        let client_id = client.client_id.clone();
        if let Err(error) = tell(rooms, client).await {
            tracing::warn!(client_id, cause = ?error, "a client could not be told of sign-outs");
        }
    });
    told.await;
    Ok(())
}

async fn tell(rooms: &Rooms, client: WaitingClient) -> paylent_storage::Result<()> {
    let tenant = Arc::new(rooms.directory.describe(client.environment));
    let env = Env::new(rooms.db.clone(), tenant);
    for delivery in env.due_logouts(&client.client_id, rooms.clock.now(), TURN).await? {
        let now = rooms.clock.now();
        let Some(claimed) = env.claim_logout(&delivery, now, now.plus_seconds(LEASE)).await? else { continue };
        if let Err(error) = post(rooms, &env, &claimed).await {
            return fail(rooms, &env, &claimed, error.as_ref()).await;
        }
        env.forget_logout(&claimed).await?;
    }
    Ok(())
}

async fn post(rooms: &Rooms, env: &Env, delivery: &LogoutDelivery) -> Result<(), Box<dyn Error + Send + Sync>> {
    let engine = Engine::new(env.tenant().oauth.clone(), rooms.keys.clone(), env.clone(), rooms.clock.clone());
    let token = engine.logout_token(&delivery.client_id, delivery.user_id, delivery.session_id).await?;
    Ok(rooms.outbound.post_form(&delivery.uri, &[("logout_token", token.expose())]).await?)
}

async fn fail(
    rooms: &Rooms,
    env: &Env,
    delivery: &LogoutDelivery,
    error: &(dyn Error + Send + Sync),
) -> paylent_storage::Result<()> {
    let (client_id, attempts, issuer) = (&delivery.client_id, delivery.attempts, &env.tenant().base_url);
    let again = usize::try_from(attempts - 1).unwrap_or_default();
    let next = rooms.clock.now().plus_seconds(WAITS[again.min(WAITS.len() - 1)]);
    if next > delivery.created_at.plus_seconds(PATIENCE) {
        tracing::warn!(client_id, issuer, attempts, reason = %error, cause = ?error, "a client was never told of a sign-out");
        return env.forget_logout(delivery).await;
    }
    tracing::info!(client_id, issuer, attempts, reason = %error, "a client could not be told of a sign-out yet");
    env.postpone_logout(delivery, next).await
}
