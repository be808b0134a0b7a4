//! The mail server is away, the server is killed, and nobody gets a mail twice or never. Catalogue: ip.mail_down.

use std::{collections::BTreeSet, time::Duration};

use paylent_domain::{Clock as _, Timestamp};
use paylent_tests::{TestDatabase, both};

use crate::support::{process::spawn_with, smtp::*, *};

const HOUR: i64 = 3_600;

/// Waits until there are so many of these rows.
async fn until(database: &TestDatabase, count: usize, rows: &str) {
    for _ in 0..3_000 {
        if database.count(rows).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there are {} {rows}, not {count}", database.count(rows).await);
}

fn ids(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(|mail| mail.header("Message-ID").unwrap()).collect()
}

both! {
    async fn ip_mail_down_after_an_hour_and_two_killed_servers_nothing_is_lost_or_sent_twice(database: TestDatabase) {
        let sink = Sink::start();
        sink.set_down(true);
        let server = TestServer::start(&database).await;
        let begin = server.clock.now();
        for number in 0..10 {
            server.queue_mail(&format!("user{number}@example.com"), &invitation(&server.acme), None).await;
        }
        for number in 0..3 {
            let to = format!("code{number}@example.com");
            server.queue_mail(&to, &passcode(&server.acme), Some(begin.plus_seconds(600))).await;
        }
        let node = |now: Timestamp| spawn_with(&database, now, Some(sink.port)).1;
        let first = node(begin);
        until(&database, 13, "mails WHERE attempts = 1 AND last_error IS NOT NULL AND status = 'queued'").await;
        drop(first);
        let second = node(begin.plus_seconds(HOUR / 2));
        until(&database, 3, "mails WHERE status = 'expired' AND letter IS NULL").await;
        until(&database, 10, "mails WHERE attempts = 2 AND last_error IS NOT NULL AND status = 'queued'").await;
        drop(second);
        assert_eq!(sink.received(), []);
        sink.set_down(false);
        let third = node(begin.plus_seconds(HOUR));
        assert_eq!(ids(&sink.wait_for(10)).len(), 10);
        until(&database, 10, "mails WHERE status = 'sent' AND letter IS NULL AND attempts = 3").await;
        drop(third);
        // Whoever looks later finds nothing that is still to be sent, and sends what is new.
        server.clock.advance_seconds(10 * HOUR);
        let _fourth = node(server.clock.now());
        server.queue_mail("last@example.com", &invitation(&server.acme), None).await;
        until(&database, 11, "mails WHERE status = 'sent'").await;
        let received = sink.received();
        assert_eq!((received.len(), ids(&received).len()), (11, 11));
        assert!(received.iter().all(|mail| !mail.to[0].contains("code")), "an expired passcode was sent");
    }

    async fn ip_mail_down_one_that_dies_with_a_mail_in_hand_has_it_sent_again_as_the_same(database: TestDatabase) {
        let sink = Sink::start();
        let server = TestServer::start(&database).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        let begin = server.clock.now();
        // The mail server took the mail over, and nobody learns of it.
        sink.set_hanging(true);
        let first = spawn_with(&database, begin, Some(sink.port)).1;
        assert_eq!(sink.wait_for(1).len(), 1);
        drop(first);
        sink.set_hanging(false);
        let claimed = server.db.due_mails(begin.plus_seconds(4 * 60), 10).await.unwrap();
        assert!(claimed.is_empty(), "nobody else takes it while it may be alive");
        let _second = spawn_with(&database, begin.plus_seconds(5 * 60), Some(sink.port)).1;
        let received = sink.wait_for(2);
        assert_eq!(received[0], received[1]);
        assert_eq!(received[0].header("Message-ID").unwrap(), format!("<{id}@paylent.test>"));
        until(&database, 1, "mails WHERE status = 'sent' AND attempts = 2").await;
    }

    async fn two_servers_share_the_mails_and_send_none_twice(database: TestDatabase) {
        let sink = Sink::start();
        let server = TestServer::start(&database).await;
        for number in 0..40 {
            server.queue_mail(&format!("user{number}@example.com"), &invitation(&server.acme), None).await;
        }
        let now = server.clock.now();
        let _nodes = [spawn_with(&database, now, Some(sink.port)), spawn_with(&database, now, Some(sink.port))];
        until(&database, 40, "mails WHERE status = 'sent' AND attempts = 1").await;
        let received = sink.received();
        assert_eq!((received.len(), ids(&received).len()), (40, 40));
    }
}
