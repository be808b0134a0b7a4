//! Delivers the mails of the outbox. Every node may do so: of all that attempt a mail, one does.
//!
//! A mail is claimed, in the database, before it is handed over, and settled afterwards. Whoever dies in between has it
//! sent once more when the claim is over; nothing else does.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
    vec::IntoIter,
};

use futures_util::future::join_all;
use paylent_mail::{Addressed, Connection, Error, Message, SendError, Transport};
use paylent_storage::{ClaimedMail, DueMail, MailOutcome};
use tokio::{sync::watch, time::sleep};

use crate::app::Rooms;

/// How often it is looked for mails.
const LOOK: Duration = Duration::from_secs(1);
/// How long a mail server that could not be reached is left in peace.
const REST: Duration = Duration::from_secs(5);
/// How many mails are delivered before it is looked for mails again.
const TURN: i64 = 100;
/// How many connections there are at a time.
const AT_ONCE: usize = 4;
/// For how long others leave a mail alone that somebody attempts, in seconds: longer than an attempt takes.
const LEASE: i64 = 5 * 60;
/// After how many seconds a mail that failed is attempted again. The last counts for all that follow.
const WAITS: [i64; 5] = [5, 30, 2 * 60, 10 * 60, 3_600];
/// How often a mail is attempted: for three days.
const ATTEMPTS: i32 = 5 + 72;
/// How often it is tried to note what became of a mail, with a second in between: for a part of the lease.
const NOTES: u32 = 60;

/// Delivers mails until it is told to stop, and then ends what it has begun.
pub async fn deliver_mails(rooms: Rooms, mut stop: watch::Receiver<bool>) {
    if rooms.mail.transport.is_none() {
        tracing::warn!("mail.transport is not set: mails wait until it is");
        return;
    }
    while !*stop.borrow() {
        let pause = deliver_due_mails(&rooms, &stop).await.unwrap_or_else(|error| {
            tracing::warn!(cause = ?error, "mails could not be delivered");
            REST
        });
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Attempts what is due at this moment, and says after which time to look again.
///
/// # Errors
/// The database cannot be asked which mails are due.
pub async fn deliver_due_mails(rooms: &Rooms, stop: &watch::Receiver<bool>) -> paylent_storage::Result<Duration> {
    let Some(transport) = &rooms.mail.transport else { return Ok(REST) };
    let due = rooms.db.due_mails(rooms.clock.now(), TURN).await?;
    let count = due.len();
    let due = Mutex::new(due.into_iter());
    let lanes = (0..count.min(AT_ONCE)).map(|_| Lane { rooms, transport, due: &due, stop }.run());
    let is_reached = join_all(lanes).await.into_iter().all(|reached| reached);
    let queued = rooms.db.queued_mails().await?;
    metrics::gauge!("mails_queued").set(u32::try_from(queued).unwrap_or(u32::MAX));
    Ok(match is_reached {
        false => REST,
        true if i64::try_from(count) == Ok(TURN) => Duration::ZERO,
        true => LOOK,
    })
}

/// One of those that share the work.
struct Lane<'a> {
    rooms: &'a Rooms,
    transport: &'a Transport,
    due: &'a Mutex<IntoIter<DueMail>>,
    stop: &'a watch::Receiver<bool>,
}

impl Lane<'_> {
    /// Delivers one mail after the other, over one connection as long as it holds. What is left when there is no way out
    /// is put off without another attempt to find one. Says whether there was one.
    async fn run(self) -> bool {
        let (mut connection, mut closed) = (None, None);
        while let Some(due) = self.next() {
            if connection.is_none() && closed.is_none() {
                match self.transport.connect().await {
                    Ok(open) => connection = Some(open),
                    Err(reason) => {
                        metrics::counter!("mail_connection_failures_total").increment(1);
                        tracing::warn!(%reason, "there is no way out for mails");
                        closed = Some(reason.0);
                    }
                }
            }
            match self.deliver(due, &mut connection, closed.as_deref()).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(cause = ?error, "it could not be noted what became of a mail"),
            }
        }
        if let Some(connection) = connection {
            connection.close().await;
        }
        closed.is_none()
    }

    fn next(&self) -> Option<DueMail> {
        let is_over = *self.stop.borrow();
        self.due.lock().unwrap_or_else(PoisonError::into_inner).next().filter(|_| !is_over)
    }

    async fn deliver(
        &self,
        due: DueMail,
        connection: &mut Option<Connection>,
        closed: Option<&str>,
    ) -> paylent_storage::Result<()> {
        let now = self.rooms.clock.now();
        let Some(mail) = self.rooms.db.claim_mail(due, now, now.plus_seconds(LEASE)).await? else { return Ok(()) };
        let attempt = match connection {
            _ if mail.expires_at.is_some_and(|at| at <= now) => MailOutcome::Expired,
            Some(open) => match self.send(&mail, open).await {
                Ok(()) => MailOutcome::Sent,
                Err(error) => {
                    *connection = None;
                    self.put_off(&mail, error)
                }
            },
            None => self.put_off(&mail, SendError::NotNow(closed.unwrap_or_default().to_owned())),
        };
        tell(&mail, &attempt);
        self.note(&mail, attempt).await
    }

    async fn send(&self, mail: &ClaimedMail, connection: &mut Connection) -> Result<(), SendError> {
        let message = self.message(mail).map_err(|error| match error {
            Error::Seal(_) => {
                SendError::Refused("the letter cannot be opened: it was sealed under another master key".to_owned())
            }
            // A node of a newer version can read it.
            Error::Unreadable(_) => SendError::NotNow(error.to_string()),
            error => SendError::Refused(error.to_string()),
        })?;
        connection.send(&message).await
    }

    fn message(&self, mail: &ClaimedMail) -> Result<Message, Error> {
        let letter = self.rooms.letters.open(mail.environment, mail.id, &mail.letter)?;
        let to = Addressed { environment: mail.environment, id: mail.id, to: &mail.recipient, at: mail.created_at };
        Message::of(&letter, to, &self.rooms.mail.from)
    }

    /// What becomes of a mail that was not taken over.
    fn put_off(&self, mail: &ClaimedMail, error: SendError) -> MailOutcome {
        match error {
            SendError::Refused(reason) => MailOutcome::Failed { reason },
            SendError::NotNow(reason) if mail.attempts >= ATTEMPTS => MailOutcome::Failed { reason },
            SendError::NotNow(reason) => {
                let again = usize::try_from(mail.attempts - 1).unwrap_or_default();
                let until = self.rooms.clock.now().plus_seconds(WAITS[again.min(WAITS.len() - 1)]);
                MailOutcome::Postponed { until, reason }
            }
        }
    }

    /// A mail that was sent and not noted would be sent again: a database that is away for a moment is waited for.
    async fn note(&self, mail: &ClaimedMail, attempt: MailOutcome) -> paylent_storage::Result<()> {
        for _ in 1..NOTES {
            match self.rooms.db.settle_mail(mail, attempt.clone(), self.rooms.clock.now()).await {
                Err(paylent_storage::Error::Unavailable(_)) => sleep(Duration::from_secs(1)).await,
                noted => return noted,
            }
        }
        self.rooms.db.settle_mail(mail, attempt, self.rooms.clock.now()).await
    }
}

/// The log names the mail and what it is about; neither its recipient nor what it says, nor what a server answered, which
/// may repeat either.
fn tell(mail: &ClaimedMail, attempt: &MailOutcome) {
    let (id, kind, attempts) = (mail.id, &mail.kind, mail.attempts);
    let outcome = match attempt {
        MailOutcome::Sent => "sent",
        MailOutcome::Expired => "expired",
        MailOutcome::Postponed { .. } => "postponed",
        MailOutcome::Failed { .. } => "failed",
    };
    metrics::counter!("mails_total", "outcome" => outcome).increment(1);
    match attempt {
        MailOutcome::Failed { .. } => tracing::warn!(%id, kind, attempts, "a mail was given up; /api/mails says why"),
        _ => tracing::info!(%id, kind, attempts, outcome, "a mail was attempted"),
    }
}
