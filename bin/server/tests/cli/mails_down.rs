//! The mail server is away, the server is killed, and nobody gets a mail twice or never. Catalogue: ip.mail_down.

use std::{collections::BTreeSet, time::Duration};

use paylent_crypto::seal::MasterKey;
use paylent_domain::{Clock as _, Timestamp, clock::SystemClock, language::Language};
use paylent_mail::{About, Letter, LetterKey};
use paylent_storage::Env;
use paylent_tests::{
    TestDatabase, both, seed,
    smtp::{Received, Sink},
};

use crate::paylent::{Site, get, post};

/// A mail server, and all it takes to start servers that hand their mails over to it.
struct Scene<'a> {
    database: &'a TestDatabase,
    env: Env,
    sink: Sink,
    site: Site,
}

impl<'a> Scene<'a> {
    async fn set(database: &'a TestDatabase) -> Self {
        let (env, sink) = (seed::environment(&database.db(), "acme-test").await.env, Sink::start());
        let site = Site::new()
            .with("PAYLENT_DATABASE_URL", database.address())
            .with("PAYLENT_MASTER_KEY", seed::MASTER_KEY)
            .with("PAYLENT_MAIL__TRANSPORT", "smtp")
            .with("PAYLENT_MAIL__FROM", "no-reply@paylent.test")
            .with("PAYLENT_MAIL__HOST", "127.0.0.1")
            .with("PAYLENT_MAIL__PORT", sink.port.to_string())
            .with("PAYLENT_MAIL__TLS", "none");
        Self { database, env, sink, site }
    }

    /// Writes a letter that is of use whenever it comes.
    async fn write_link(&self, to: &str) {
        let link = format!("{}/password/reset?token=secret", self.env.tenant().base_url);
        let about = About::PasswordReset { link, minutes: 60 };
        let (tenant, now) = (self.env.tenant(), SystemClock.now());
        let base_url = tenant.base_url.clone();
        let letter = Letter { language: Language::English, environment: "Acme".to_owned(), base_url, about };
        let key = LetterKey::new(&MasterKey::from_base64(seed::MASTER_KEY).unwrap());
        let mail = key.seal(tenant.environment.id, &to.parse().unwrap(), &letter, now, None).unwrap();
        self.env.queue_mail(mail, now).await.unwrap();
    }

    async fn write_links(&self, count: usize) {
        for number in 0..count {
            self.write_link(&format!("user{number}@example.com")).await;
        }
    }

    /// Waits until there are so many of these mails.
    async fn until(&self, count: usize, which: &str) {
        let rows = format!("mails WHERE {which}");
        for _ in 0..3_000 {
            if self.database.count(&rows).await == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mails = "SELECT status || ' ' || attempts || ' ' || coalesce(last_error, '') FROM mails";
        panic!("there are not {count} {rows}: {:#?}", self.database.values(mails).await);
    }

    /// Lets time pass for the mails.
    async fn pass(&self, minutes: i64) {
        let columns = ["next_attempt_at", "expires_at"];
        let earlier = columns.map(|column| format!("{column} = {column} - {}", minutes * 60_000_000));
        self.database.execute(&format!("UPDATE mails SET {}", earlier.join(", "))).await;
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn ids(received: &[Received]) -> BTreeSet<String> {
    received.iter().map(|mail| mail.header("Message-ID").unwrap()).collect()
}

both! {
    async fn ip_mail_down_after_an_hour_and_two_killed_servers_nothing_is_lost_or_sent_twice(database: TestDatabase) {
        let scene = Scene::set(&database).await;
        scene.sink.set_down(true);
        scene.write_links(10).await;
        let put_off = || format!("status = 'queued' AND last_error IS NOT NULL AND next_attempt_at > {}", now().micros());
        let first = scene.site.serve();
        for number in 0..3 {
            let begun = format!(r#"{{"email":"code{number}@example.com"}}"#);
            let begun = post(first.address, "acme-test.localhost", "/register", &begun);
            assert!(begun.starts_with("HTTP/1.1 202"), "{begun}");
        }
        scene.until(3, &format!("kind = 'passcode' AND {}", put_off())).await;
        scene.until(13, &put_off()).await;
        first.kill();
        scene.pass(30).await;
        let second = scene.site.serve();
        scene.until(3, "status = 'expired' AND letter IS NULL").await;
        scene.until(10, &put_off()).await;
        second.kill();
        scene.pass(30).await;
        assert_eq!(scene.sink.received(), []);
        scene.sink.set_down(false);
        let third = scene.site.serve();
        assert_eq!(ids(&scene.sink.wait_for(10)).len(), 10);
        scene.until(10, "status = 'sent' AND letter IS NULL").await;
        third.kill();
        // Whoever looks later finds nothing that is still to be sent, and sends what is new.
        scene.pass(600).await;
        let _fourth = scene.site.serve();
        scene.write_link("last@example.com").await;
        scene.until(11, "status = 'sent'").await;
        let received = scene.sink.received();
        assert_eq!((received.len(), ids(&received).len()), (11, 11));
        assert!(received.iter().all(|mail| !mail.to[0].contains("code")), "an expired passcode was sent");
    }

    async fn ip_mail_down_one_that_dies_with_a_mail_in_hand_has_it_sent_again_as_the_same(database: TestDatabase) {
        let scene = Scene::set(&database).await;
        scene.write_link("jane@example.com").await;
        // The mail server took the mail over, and nobody learns of it.
        scene.sink.set_hanging(true);
        let first = scene.site.serve();
        assert_eq!(scene.sink.wait_for(1).len(), 1);
        first.kill();
        scene.sink.set_hanging(false);
        let claimed = database.db().due_mails(now().plus_seconds(4 * 60), 10).await.unwrap();
        assert!(claimed.is_empty(), "nobody else takes it while it may be alive");
        scene.pass(5).await;
        let _second = scene.site.serve();
        let received = scene.sink.wait_for(2);
        assert_eq!(received[0], received[1]);
        scene.until(1, "status = 'sent' AND attempts = 2").await;
    }

    /// A mail waits until it can go encrypted, and whoever operates the server sees why.
    async fn em_tls_a_server_without_starttls_is_retried_and_told(database: TestDatabase) {
        let mut scene = Scene::set(&database).await;
        scene.site = scene.site.with("PAYLENT_MAIL__TLS", "starttls");
        scene.write_link("jane@example.com").await;
        let server = scene.site.serve();
        let waits = "status = 'queued' AND letter IS NOT NULL AND last_error LIKE '%STARTTLS%'";
        scene.until(1, waits).await;
        let calls = scene.sink.calls();
        scene.pass(1).await;
        while scene.sink.calls() == calls {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        scene.until(1, waits).await;
        let metric = |name: &str| {
            let metrics = get(server.metrics, "/metrics");
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            line.and_then(|value| value.parse::<f64>().ok()).unwrap_or_default()
        };
        assert!(metric("mail_connection_failures_total") >= 1.0);
        assert_eq!(metric("mails_queued"), 1.0);
        assert_eq!(scene.sink.received(), []);
        assert!(scene.sink.commands().iter().all(|command| !command.starts_with("MAIL")), "nothing of it left");
    }

    async fn two_servers_share_the_mails_and_send_none_twice(database: TestDatabase) {
        let scene = Scene::set(&database).await;
        scene.write_links(40).await;
        let _nodes = [scene.site.serve(), scene.site.serve()];
        scene.until(40, "status = 'sent' AND attempts = 1").await;
        let received = scene.sink.received();
        assert_eq!((received.len(), ids(&received).len()), (40, 40));
    }
}
