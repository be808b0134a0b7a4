//! How mails are delivered, and what becomes of those that cannot be. Catalogue section A19.

use paylent_crypto::seal::MasterKey;
use paylent_domain::{Clock as _, mail::MailStatus};
use paylent_mail::LetterKey;
use paylent_tests::{TestDatabase, both};
use reqwest::Method;
use tokio::sync::watch;

use crate::support::{smtp::*, *};

async fn start(database: &TestDatabase, sink: &Sink) -> TestServer {
    TestServer::start_with(database, Setting { mail: Some(transport(sink.port)), ..Setting::default() }).await
}

both! {
    async fn a_mail_leaves_once_and_is_wiped(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let id = server.queue_mail("Jane@Example.com", &passcode(&server.acme), None).await;
        server.deliver_mails().await;
        server.deliver_mails().await;
        let [mail] = &sink.received()[..] else { panic!("{:?}", sink.received()) };
        assert_eq!((mail.to.as_slice(), mail.passcode().as_str()), (&["<Jane@Example.com>".to_owned()][..], "004711"));
        assert_eq!(mail.header("Message-ID").unwrap(), format!("<{id}@paylent.test>"));
        assert_eq!(mail.header("From").unwrap(), "Acme <no-reply@paylent.test>");
        let sent = server.mail(id).await;
        assert_eq!((sent.status, sent.attempts, sent.last_error), (MailStatus::Sent, 1, None));
        assert_eq!(database.count("mails WHERE letter IS NOT NULL").await, 0);
    }

    async fn a_mail_that_is_refused_is_shown_with_the_reason_and_can_be_sent_again(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        sink.answer("RCPT", "550 5.1.1 no such user");
        server.deliver_mails().await;
        let admin = server.admin(&server.acme).await;
        let shown = admin.get(&format!("mails/{id}")).await.is(200);
        assert_eq!(shown.attribute("status"), "failed");
        let reason = shown.attribute("last_error");
        assert!(reason.as_str().unwrap().contains("no such user"), "{reason}");
        server.clock.advance_seconds(7 * 24 * 3_600);
        server.deliver_mails().await;
        assert_eq!(sink.received(), []);
        sink.answer_well();
        let resend = server.request(&server.acme, Method::PATCH, &format!("/api/mails/{id}/resend"));
        let again = Reply::of(resend.bearer_auth(server.admin_token(&server.acme).await).header("accept", JSON_API)).await;
        assert_eq!(again.is(200).attribute("status"), "queued");
        server.deliver_mails().await;
        assert_eq!(sink.received().len(), 1);
        assert_eq!(server.mail(id).await.status, MailStatus::Sent);
    }

    async fn a_mail_that_is_put_off_is_tried_again_ever_more_seldom(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        sink.answer("RCPT", "450 4.2.0 come back");
        for (attempts, wait) in [(1, 5), (2, 30), (3, 120), (4, 600), (5, 3_600), (6, 3_600)] {
            server.deliver_mails().await;
            let mail = server.mail(id).await;
            assert_eq!((mail.status, mail.attempts), (MailStatus::Queued, attempts));
            assert_eq!(mail.next_attempt_at, server.clock.now().plus_seconds(wait));
            assert!(mail.last_error.unwrap().contains("come back"));
            server.clock.advance_seconds(wait - 1);
            server.deliver_mails().await;
            assert_eq!(server.mail(id).await.attempts, attempts, "it is not due");
            server.clock.advance_seconds(1);
        }
        sink.answer_well();
        server.deliver_mails().await;
        assert_eq!((sink.received().len(), server.mail(id).await.status), (1, MailStatus::Sent));
    }

    async fn one_that_is_put_off_holds_up_no_other(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        for number in 0..5 {
            server.queue_mail(&format!("user{number}@example.com"), &invitation(&server.acme), None).await;
        }
        sink.answer("DATA", "421 4.3.2 not now");
        server.deliver_mails().await;
        assert_eq!(database.count("mails WHERE status = 'queued' AND attempts = 1").await, 5);
        sink.answer_well();
        server.clock.advance_seconds(5);
        server.deliver_mails().await;
        assert_eq!(sink.received().len(), 5);
    }

    async fn ip_mail_down_a_dead_mail_server_is_called_seldom_and_mails_wait_three_days(database: TestDatabase) {
        let sink = Sink::start();
        sink.set_down(true);
        let server = start(&database, &sink).await;
        let ids = [0, 1].map(|number| format!("user{number}@example.com"));
        let mut mails = Vec::new();
        for to in &ids {
            mails.push(server.queue_mail(to, &invitation(&server.acme), None).await);
        }
        for number in 0..50 {
            server.queue_mail(&format!("many{number}@example.com"), &invitation(&server.acme), None).await;
        }
        server.deliver_mails().await;
        assert!(sink.calls() <= 4, "{} calls for 52 mails", sink.calls());
        assert_eq!(database.count("mails WHERE attempts = 1 AND last_error IS NOT NULL").await, 52);
        let begin = server.clock.now();
        for _ in 0..75 {
            server.clock.advance_seconds(3_600);
            server.deliver_mails().await;
        }
        assert!(server.clock.now() >= begin.plus_seconds(3 * 24 * 3_600));
        assert_eq!(server.mail(mails[0]).await.status, MailStatus::Queued);
        server.clock.advance_seconds(3_600);
        server.deliver_mails().await;
        assert_eq!(database.count("mails WHERE status = 'failed' AND letter IS NOT NULL").await, 52);
    }

    async fn a_letter_of_another_master_key_is_given_up_with_that_reason(database: TestDatabase) {
        let sink = Sink::start();
        let mut server = start(&database, &sink).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        let right = server.rooms.letters.clone();
        server.rooms.letters = LetterKey::new(&MasterKey::generate().unwrap());
        server.deliver_mails().await;
        let mail = server.mail(id).await;
        assert_eq!(mail.status, MailStatus::Failed);
        assert!(mail.last_error.unwrap().contains("another master key"));
        // With the right key back, nothing is lost.
        server.rooms.letters = right;
        let by = paylent_tests::seed::by();
        server.acme.seeded.env.resend_mail(id, &Default::default(), &by).await.unwrap().unwrap();
        server.clock.advance_seconds(60);
        server.deliver_mails().await;
        assert_eq!(sink.received().len(), 1);
    }

    async fn who_is_told_to_stop_begins_nothing_more(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        let (stop, stopped) = watch::channel(false);
        stop.send(true).unwrap();
        paylent_server::jobs::deliver_due_mails(&server.rooms, &stopped).await.unwrap();
        assert_eq!((sink.received().len(), server.mail(id).await.attempts), (0, 0));
        paylent_server::jobs::deliver_mails(server.rooms.clone(), stopped).await;
        assert_eq!(server.mail(id).await.attempts, 0);
    }

    async fn without_a_way_out_mails_wait(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let id = server.queue_mail("jane@example.com", &invitation(&server.acme), None).await;
        server.deliver_mails().await;
        let mail = server.mail(id).await;
        assert_eq!((mail.status, mail.attempts), (MailStatus::Queued, 0));
    }
}
