//! What the people of an application are told of foreign addresses. Catalogue section A18.

use paylent_domain::{application::HOURLY_MAILS, language::Language, mail::MailStatus};
use paylent_mail::About;
use paylent_tests::{TestDatabase, both};

use crate::support::{
    applications::*,
    browser::person,
    letters::{letters, letters_to},
    smtp::Sink,
    *,
};

async fn start(database: &TestDatabase, sink: &Sink) -> TestServer {
    TestServer::start_with(database, Setting { mail: Some(smtp::transport(sink.port)), ..Setting::default() }).await
}

/// Uses a static token from elsewhere, and returns it.
async fn violate(server: &TestServer, application: &Owned) -> String {
    let token = server.seen_from(LISTED).static_token(application).await;
    assert_eq!(server.seen_from(FOREIGN).calls_with(&token).await, 403);
    token
}

both! {
    async fn ip_mail_body_says_what_was_used_from_where_and_holds_no_secret(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let application = server.acme.owned(|_| ()).await;
        let token = violate(&server, &application).await;
        let about = letters(&database).await.remove(0).letter.about;
        let About::ForeignAddress { at, .. } = about else { panic!("another letter") };
        server.deliver_mails().await;
        let [mail] = &sink.received()[..] else { panic!("{:?}", sink.received()) };
        assert_eq!(mail.to, [format!("<{OPS}>")]);
        let data = mail.data.replace("=\r\n", "").replace("\r\n", " ");
        for told in ["Ledger", FOREIGN, &token[..13], &at] {
            assert!(data.contains(told), "{told} in {data}");
        }
        assert!(!data.contains(&token) && !data.contains(&token[..14]));
        assert!(!data.contains(&application.client.credentials.1));
        let kept = database.dump().await.join("\n");
        assert!(!kept.contains(&token[..14]), "nor does anything that is kept hold it");
    }

    /// What somebody called the application cannot make another mail of it.
    async fn ip_mail_body_a_name_with_line_breaks_and_markup_is_inert(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let name = "Evil\r\nBcc: eve@evil.example\r\n\r\n<script src=//evil.example></script><b>\u{202e}.\r\n.\r\nQUIT";
        let application = server.acme.owned(|new| new.name = name.to_owned()).await;
        violate(&server, &application).await;
        server.deliver_mails().await;
        let [mail] = &sink.received()[..] else { panic!("{:?}", sink.received()) };
        assert_eq!(mail.to, [format!("<{OPS}>")]);
        let (head, body) = mail.data.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().all(|line| !line.to_ascii_lowercase().starts_with("bcc")), "{head}");
        assert_eq!(head.lines().filter(|line| line.starts_with("Subject:")).count(), 1);
        let body = body.replace("=\r\n", "").replace("=3D", "=");
        let html = body.split_once("text/html").unwrap().1;
        assert!(!html.contains("<script") && html.contains("&#60;script") | html.contains("&lt;script"), "{html}");
        assert_eq!(body.lines().filter(|line| *line == ".").count(), 0, "one line of it is no end of the mail");
        assert!(!body.contains("=E2=80=AE"), "{body}");
    }

    /// One mail to each address, and to one that cannot be written to none.
    async fn ip_violate_the_mails_to_several_notification_addresses_go_out_each(database: TestDatabase) {
        let sink = Sink::start();
        let server = start(&database, &sink).await;
        let addresses = [OPS, "cto@app.example", "security@app.example"];
        let application = server.acme.owned(|new| {
            new.notification_emails = addresses.map(|address| address.parse().unwrap()).to_vec();
        });
        let application = application.await;
        violate(&server, &application).await;
        violate(&server, &application).await;
        assert_eq!(consequences(&database).await, [2, 0, 0, 3]);
        server.deliver_mails().await;
        let mut to: Vec<String> = sink.received().into_iter().flat_map(|mail| mail.to).collect();
        to.sort();
        let mut expected = addresses.map(|address| format!("<{address}>"));
        expected.sort();
        assert_eq!(to, expected);
        let ids: std::collections::BTreeSet<_> = sink.received().iter().map(|mail| mail.header("Message-ID")).collect();
        assert_eq!(ids.len(), 3);
    }

    /// However the list writes an address: it is that of whoever has it here, and who has none here reads English.
    async fn ip_mail_body_speaks_the_language_that_each_who_is_told_chose(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let people = [("cto@app.example", "de-AT"), ("ops@app.example", "nl"), ("silent@app.example", "")];
        for (email, locale) in people {
            person(&server.acme, email).await;
            let chosen = if locale.is_empty() { "NULL".to_owned() } else { format!("'{locale}'") };
            database.execute(&format!("UPDATE users SET locale = {chosen} WHERE email = '{email}'")).await;
        }
        person(&server.beta, "security@app.example").await;
        database.execute("UPDATE users SET locale = 'nl' WHERE email = 'security@app.example'").await;
        let told = ["CTO@App.Example", "ops@app.example", "silent@app.example", "security@app.example"];
        let application = server.acme.owned(|new| {
            new.notification_emails = told.map(|address| address.parse().unwrap()).to_vec();
        });
        violate(&server, &application.await).await;
        let (german, dutch, english) = (Language::German, Language::Dutch, Language::English);
        for (to, language) in told.into_iter().zip([german, dutch, english, english]) {
            let [letter] = &letters_to(&database, to).await[..] else { panic!("one letter to {to}") };
            assert_eq!(letter.language, language, "{to}");
        }
    }

    /// Whoever owns applications names who is told: a stranger's mailbox is not filled by means of many of them.
    async fn ip_mail_body_many_applications_do_not_fill_one_mailbox(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let again = async |mails: usize| {
            let application = server.acme.owned(|_| ()).await;
            let token = violate(&server, &application).await;
            assert_eq!(server.seen_from(LISTED).calls_with(&token).await, 401, "it is revoked all the same");
            assert_eq!(letters_to(&database, OPS).await.len(), mails);
        };
        again(1).await;
        let counter = format!("name = 'allow-list-mails:{OPS}'");
        database.execute(&format!("UPDATE counters SET count = {} WHERE {counter}", HOURLY_MAILS - 1)).await;
        again(2).await;
        again(2).await;
        server.clock.advance_seconds(3_600);
        again(3).await;
    }

    /// Nobody to tell is no reason to let a token live.
    async fn ip_violate_without_notification_addresses_the_token_is_dead_too(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let application = server.acme.owned(|new| new.notification_emails.clear()).await;
        let token = violate(&server, &application).await;
        assert_eq!(server.seen_from(LISTED).calls_with(&token).await, 401);
        assert_eq!(consequences(&database).await, [1, 0, 0, 0]);
    }

    async fn ip_mail_down_the_token_is_dead_at_once_and_the_mail_comes_later(database: TestDatabase) {
        let sink = Sink::start();
        sink.set_down(true);
        let server = start(&database, &sink).await;
        let application = server.acme.owned(|_| ()).await;
        let token = violate(&server, &application).await;
        assert_eq!(server.seen_from(LISTED).calls_with(&token).await, 401);
        for _ in 0..3 {
            server.deliver_mails().await;
            server.clock.advance_seconds(3_600);
        }
        assert_eq!(sink.received().len(), 0);
        sink.set_down(false);
        server.deliver_mails().await;
        server.clock.advance_seconds(3_600);
        server.deliver_mails().await;
        let received = sink.received();
        assert_eq!(received.len(), 1, "{received:?}");
        let status = database.values("SELECT status FROM mails").await;
        assert_eq!(status, [MailStatus::Sent.as_str()]);
    }
}
