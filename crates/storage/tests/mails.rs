//! The outbox: nobody else attempts what one attempts, nothing is lost, and what was said is wiped when it is over.

use futures_util::future::join_all;
use paylent_domain::{
    Id, Timestamp,
    mail::{Mail, MailStatus},
};
use paylent_storage::{
    ClaimedMail, Db, Env, Error, Expected, MailFilter, MailOutcome, NameIs, Options, Order, Page, Place, Refusal,
};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, mail},
};

use crate::common::{ALL, connect, is, of_ids, stale};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 3_600;

async fn acme(database: &TestDatabase) -> Env {
    seed::environment(&database.db(), "acme").await.env
}

async fn queue(env: &Env, at: Timestamp, expires_at: Option<Timestamp>) -> Id<Mail> {
    let mail = mail("jane@example.com", expires_at);
    let id = mail.id;
    env.queue_mail(mail, at).await.unwrap();
    id
}

/// Claims the only mail that is due, for a minute.
async fn claim(db: &Db, at: Timestamp) -> ClaimedMail {
    let due = db.due_mails(at, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    db.claim_mail(due[0], at, at.plus_seconds(MINUTE)).await.unwrap().unwrap()
}

async fn shown(env: &Env, id: Id<Mail>) -> Mail {
    env.mail(id).await.unwrap().unwrap()
}

fn failed() -> MailOutcome {
    MailOutcome::Failed { reason: "550".to_owned() }
}

async fn has_letter(database: &TestDatabase, env: &Env, id: Id<Mail>) -> bool {
    database.count(&format!("mails WHERE {} AND letter IS NOT NULL", is(database, env, id))).await == 1
}

both! {
    async fn of_all_that_claim_a_mail_one_gets_it(database: TestDatabase) {
        let (env, now) = (acme(&database).await, by().at);
        let id = queue(&env, now, None).await;
        let another = Db::open(database.url(), Options { connections: 8 }).unwrap();
        for pool in [&database.db(), &another] {
            connect(pool).await;
        }
        let due = database.db().due_mails(now, 10).await.unwrap().remove(0);
        let until = now.plus_seconds(MINUTE);
        let attempts = (0..16).map(|number| {
            let node = if number % 2 == 0 { database.db() } else { another.clone() };
            tokio::spawn(async move { node.claim_mail(due, now, until).await.unwrap() })
        });
        let claims = join_all(attempts.collect::<Vec<_>>()).await;
        let claimed: Vec<_> = claims.into_iter().filter_map(Result::unwrap).collect();
        let [first] = &claimed[..] else { panic!("{} claims", claimed.len()) };
        assert_eq!((first.id, first.attempts, first.letter.as_slice()), (id, 1, &b"sealed"[..]));
        assert_eq!((first.recipient.as_str(), first.kind.as_str()), ("jane@example.com", "passcode"));
        assert_eq!(another.due_mails(until.plus_seconds(-1), 10).await.unwrap(), []);
    }

    async fn whoever_dies_with_a_claim_loses_nothing_but_time(database: TestDatabase) {
        let (db, env, now) = (database.db(), acme(&database).await, by().at);
        let id = queue(&env, now, None).await;
        let dead = claim(&db, now).await;
        let until = now.plus_seconds(MINUTE);
        let next = claim(&db, until).await;
        assert_eq!((next.id, next.attempts), (id, 2));
        // What the dead one says late changes nothing, unless it is that the mail was sent.
        let postponed = MailOutcome::Postponed { until: now, reason: "x".to_owned() };
        for late in [postponed, failed(), MailOutcome::Expired] {
            db.settle_mail(&dead, late, until).await.unwrap();
            assert_eq!(shown(&env, id).await.status, MailStatus::Queued);
            assert_eq!(db.due_mails(until, 10).await.unwrap(), []);
        }
        db.settle_mail(&dead, MailOutcome::Sent, until).await.unwrap();
        db.settle_mail(&next, failed(), until).await.unwrap();
        assert_eq!(shown(&env, id).await.status, MailStatus::Sent);
    }

    async fn ot_store_what_a_mail_says_is_wiped_when_it_is_over(database: TestDatabase) {
        let (db, env, now) = (database.db(), acme(&database).await, by().at);
        let later = now.plus_seconds(MINUTE);
        for (attempt, expires_at, status, is_kept) in [
            (MailOutcome::Sent, None, MailStatus::Sent, false),
            (MailOutcome::Sent, Some(later), MailStatus::Sent, false),
            (MailOutcome::Expired, Some(now), MailStatus::Expired, false),
            (failed(), None, MailStatus::Failed, true),
            (failed(), Some(later), MailStatus::Failed, true),
            (failed(), Some(now), MailStatus::Failed, false),
            (MailOutcome::Postponed { until: later.plus_seconds(DAY), reason: "421".to_owned() }, None, MailStatus::Queued, true),
        ] {
            let id = queue(&env, now, expires_at).await;
            let claimed = claim(&db, now).await;
            db.settle_mail(&claimed, attempt.clone(), now).await.unwrap();
            assert_eq!(shown(&env, id).await.status, status, "{attempt:?}");
            assert_eq!(has_letter(&database, &env, id).await, is_kept, "{attempt:?}");
        }
    }

    async fn ot_store_letters_of_no_use_are_wiped_and_old_mails_forgotten(database: TestDatabase) {
        let (db, env, now) = (database.db(), acme(&database).await, by().at);
        let end = now.plus_seconds(MINUTE);
        let failed_in_time = queue(&env, now, Some(end)).await;
        let claimed = claim(&db, now).await;
        db.settle_mail(&claimed, failed(), now).await.unwrap();
        let kept = queue(&env, now, None).await;
        let claimed = claim(&db, now).await;
        db.settle_mail(&claimed, failed(), now).await.unwrap();
        let waiting = queue(&env, now, Some(end)).await;
        let endless = queue(&env, now, None).await;
        assert_eq!(db.purge(end.plus_seconds(-1)).await.unwrap(), 0);
        assert_eq!(db.purge(end).await.unwrap(), 2);
        assert_eq!(db.purge(end).await.unwrap(), 0);
        let letters = [failed_in_time, waiting, kept, endless].map(|id| has_letter(&database, &env, id));
        assert_eq!(join_all(letters).await, [false, false, true, true]);
        assert_eq!(shown(&env, waiting).await.status, MailStatus::Expired);
        assert_eq!(db.purge(now.plus_seconds(30 * DAY)).await.unwrap(), 0);
        assert_eq!(db.purge(now.plus_seconds(31 * DAY)).await.unwrap(), 3);
        assert_eq!(database.count("mails").await, 1, "what is queued stays");
        assert_eq!(db.queued_mails().await.unwrap(), 1);
    }

    async fn mails_are_due_in_their_time_and_the_longest_due_first(database: TestDatabase) {
        let (db, env, now) = (database.db(), acme(&database).await, by().at);
        let late = queue(&env, now.plus_seconds(10), None).await;
        let early = queue(&env, now, None).await;
        assert_eq!(db.due_mails(now.plus_seconds(-1), 10).await.unwrap(), []);
        let due = db.due_mails(now.plus_seconds(10), 1).await.unwrap();
        let at = now.plus_seconds(10);
        let first = db.claim_mail(due[0], at, at.plus_seconds(MINUTE)).await.unwrap().unwrap();
        assert_eq!(first.id, early);
        assert_eq!(db.claim_mail(due[0], at, at).await.unwrap(), None, "it is another's");
        let second = claim(&db, at).await;
        assert_eq!(second.id, late);
        let until = at.plus_seconds(5);
        db.settle_mail(&second, MailOutcome::Postponed { until, reason: "421 later".to_owned() }, at).await.unwrap();
        assert_eq!(db.due_mails(until.plus_seconds(-1), 10).await.unwrap(), []);
        let mail = shown(&env, late).await;
        assert_eq!((mail.attempts, mail.next_attempt_at, mail.last_error.as_deref()), (1, until, Some("421 later")));
        assert_eq!(claim(&db, until).await.attempts, 2);
    }

    async fn a_mail_that_failed_is_sent_again_as_if_it_were_new(database: TestDatabase) {
        let (db, env) = (database.db(), acme(&database).await);
        let id = seed::failed_mail(&db, &env, "jane@example.com").await;
        assert!(matches!(env.resend_mail(id, &stale(), &by()).await, Err(Error::Refused(Refusal::Stale))));
        let before = shown(&env, id).await;
        assert_eq!((before.status, before.last_error.as_deref()), (MailStatus::Failed, Some("permanent error (550)")));
        let at = by();
        let again = env.resend_mail(id, &Expected::OneOf(vec![before.updated_at]), &at).await.unwrap().unwrap();
        assert_eq!((again.status, again.attempts, again.next_attempt_at), (MailStatus::Queued, 0, at.at));
        assert!(again.updated_at > before.updated_at);
        assert_eq!(database.count("audit_events WHERE action = 'mail.resent' AND targets LIKE '%jane@example.com%'").await, 1);
        let twice = env.resend_mail(id, &Expected::Any, &by()).await;
        assert!(matches!(twice, Err(Error::Refused(Refusal::NoLetter))));
        let now = by().at;
        let claimed = claim(&db, now).await;
        assert_eq!((claimed.letter.as_slice(), claimed.attempts), (&b"sealed"[..], 1));
        db.settle_mail(&claimed, failed(), now).await.unwrap();
        database.execute("UPDATE mails SET letter = NULL").await;
        let wiped = env.resend_mail(id, &Expected::Any, &by()).await;
        assert!(matches!(wiped, Err(Error::Refused(Refusal::NoLetter))));
        let nobody = seed::new_id();
        assert!(env.resend_mail(nobody, &Expected::Any, &by()).await.unwrap().is_none());
    }

    async fn mails_are_listed_by_what_they_are(database: TestDatabase) {
        let (db, env) = (database.db(), acme(&database).await);
        let other = seed::environment(&db, "beta").await.env;
        let failed = seed::failed_mail(&db, &env, "jane@example.com").await;
        let (at, mut ids) = (by().at, vec![failed]);
        for name in ["ada", "bob", "cleo"] {
            let mail = mail(&format!("{name}@example.com"), None);
            ids.push(mail.id);
            env.queue_mail(mail, at).await.unwrap();
        }
        let listed = async |filter: MailFilter, page: Page| -> Vec<Id<Mail>> {
            env.mails(filter, page).await.unwrap().rows.into_iter().map(|mail| mail.id).collect()
        };
        let any = MailFilter::default;
        assert_eq!(listed(any(), ALL).await, ids);
        assert_eq!(listed(MailFilter { status: Some(MailStatus::Failed), ..any() }, ALL).await, [failed]);
        assert_eq!(listed(MailFilter { not_status: Some(MailStatus::Failed), ..any() }, ALL).await, ids[1..]);
        assert_eq!(listed(MailFilter { kind: Some("passcode".to_owned()), ..any() }, ALL).await, ids);
        assert_eq!(listed(MailFilter { kind: Some("x".to_owned()), ..any() }, ALL).await, []);
        let bob = Page { name: vec![NameIs::In(vec!["bob@example.com".to_owned()])], ..ALL };
        assert_eq!(listed(any(), bob).await, [ids[2]]);
        let order = Order { by_name: Some(false), newest_first: false };
        let beyond = Some(Place { name: "bob@example.com".to_owned(), id: *ids[2].as_bytes() });
        assert_eq!(listed(any(), Page { order, beyond, ..ALL }).await, [ids[3], ids[0]]);
        assert_eq!(env.mails(any(), Page { counted: true, ..ALL }).await.unwrap().total, Some(4));
        assert!(other.mails(any(), of_ids(&ids)).await.unwrap().rows.is_empty());
        assert!(other.mail(failed).await.unwrap().is_none());
        assert!(other.resend_mail(failed, &Expected::Any, &by()).await.unwrap().is_none());
    }

    async fn environments_of_before_get_the_rights_to_mails(database: TestDatabase) {
        let env = acme(&database).await;
        let rights = ["mails:read", "mails:update"].map(|name| format!("'{name}'")).join(", ");
        let names = format!("SELECT name FROM permissions WHERE system AND name IN ({rights}) ORDER BY environment_id, name");
        let held = format!(
            "SELECT r.name || ' ' || p.name FROM role_permissions rp \
             JOIN roles r ON r.environment_id = rp.environment_id AND r.id = rp.role_id \
             JOIN permissions p ON p.environment_id = rp.environment_id AND p.id = rp.permission_id \
             WHERE p.name IN ({rights}) ORDER BY rp.environment_id, r.name, p.name"
        );
        let scopes = "SELECT name FROM scopes WHERE name LIKE 'mails:%' ORDER BY environment_id, name";
        let new = [database.values(&names).await, database.values(&held).await, database.values(scopes).await];
        // The system environment and acme.
        assert_eq!(new.each_ref().map(Vec::len), [4, 6, 4]);
        database.execute("DELETE FROM permissions WHERE name LIKE 'mails:%'").await;
        database.execute("DELETE FROM scopes WHERE name LIKE 'mails:%'").await;
        // Somebody had a permission of that name.
        let acme = env.tenant().environment.id;
        let custom = seed::new_id::<()>();
        let (acme, custom) = (database.bytes(acme.as_bytes()), database.bytes(custom.as_bytes()));
        database.execute(&format!(
            "INSERT INTO permissions (environment_id, id, name, system, created_at, updated_at) \
             VALUES ({acme}, {custom}, 'mails:read', false, 0, 0)"
        )).await;
        let tree = if database.is_postgres() { "postgres" } else { "sqlite" };
        let path = format!("{}/../../migrations/{tree}/0006_mail_rights", env!("CARGO_MANIFEST_DIR"));
        let half = |name: &str| std::fs::read_to_string(format!("{path}/{name}")).unwrap();
        let (up, down) = (half("up.sql"), half("down.sql"));
        let indexes = "DROP INDEX mails_failed; DROP INDEX mails_done;";
        database.execute(indexes).await;
        database.execute(&up).await;
        let old = [database.values(&names).await, database.values(&held).await, database.values(scopes).await];
        assert_eq!(old, new);
        let ids = "SELECT count(DISTINCT id) FROM permissions WHERE name LIKE 'mails:%' OR name LIKE 'environment:%'";
        assert_eq!(database.values(ids).await, ["8"]);
        let sizes = "SELECT DISTINCT length(id) FROM permissions UNION SELECT DISTINCT length(id) FROM scopes \
                     UNION SELECT DISTINCT length(id) FROM role_permissions";
        assert_eq!(database.values(sizes).await, ["16"]);
        database.execute(&down).await;
        assert_eq!(database.values(&names).await, [""; 0]);
        database.execute(&up).await;
        assert_eq!(database.values(&names).await, new[0]);
    }
}
