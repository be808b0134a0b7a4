//! How messages leave: against a real mail server of the tests, into a directory, and into memory.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test is made of may panic like the test")]

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use paylent_domain::{Id, Timestamp, language::Language};
use paylent_mail::{
    About, Addressed, Credentials, Folder, Letter, Mailbox, Message, SendError, Smtp, Tls, Transport, Unreachable,
};
use paylent_tests::smtp::{Certificate, Encryption, Sink};

const PASSWORD: &str = "hunter2-of-the-mail-server";

fn message(number: u8, organization: &str) -> Message {
    let letter = Letter {
        language: Language::English,
        environment: "Acme".to_owned(),
        base_url: "https://acme.example".to_owned(),
        about: About::Invitation {
            organization: organization.to_owned(),
            inviter: Some(organization.to_owned()),
            link: "https://acme.example/invitations?token=secret".to_owned(),
            days: 7,
        },
    };
    let to = Addressed {
        environment: Id::from_bytes([9; 16]),
        id: Id::from_bytes([number; 16]),
        to: "jane@example.com",
        at: Timestamp::from_seconds(1_700_000_000),
    };
    Message::of(&letter, to, &"no-reply@example.org".parse().unwrap()).unwrap()
}

fn smtp(sink: &Sink, tls: Tls) -> Smtp {
    Smtp {
        host: "localhost".to_owned(),
        port: sink.port,
        tls,
        authorities: None,
        credentials: Some(Credentials { username: "paylent".to_owned(), password: PASSWORD.to_owned() }),
        hello: "example.org".to_owned(),
    }
}

async fn unreachable(smtp: Smtp) -> Unreachable {
    Transport::Smtp(smtp).connect().await.err().expect("it must not be reached")
}

/// Nothing that is worth anything was said.
#[track_caller]
fn was_told_nothing(sink: &Sink) {
    assert_eq!(sink.received(), []);
    let said = sink.commands().join("\n");
    for verb in ["AUTH", "MAIL", "RCPT", "DATA", PASSWORD] {
        assert!(!said.contains(verb), "{said}");
    }
}

#[tokio::test]
async fn several_messages_leave_by_one_connection() {
    let sink = Sink::start();
    let mut connection = Transport::Smtp(smtp(&sink, Tls::None)).connect().await.unwrap();
    for number in 1..=3 {
        connection.send(&message(number, "Globex")).await.unwrap();
    }
    connection.close().await;
    let received = sink.received();
    assert_eq!(received.len(), 3);
    let ids: BTreeSet<_> = received.iter().map(|message| message.header("Message-ID").unwrap()).collect();
    assert_eq!(ids.len(), 3);
    for message in &received {
        assert_eq!(
            (message.from.as_str(), message.to.as_slice()),
            ("<no-reply@example.org>", &["<jane@example.com>".to_owned()][..])
        );
        assert_eq!(message.link(), "https://acme.example/invitations?token=secret");
        assert!(message.html().contains("<h1>Invitation to Globex</h1>"));
    }
    let starts = |verb: &str| sink.commands().iter().filter(|line| line.starts_with(verb)).count();
    assert_eq!([starts("EHLO example.org"), starts("AUTH PLAIN"), starts("QUIT")], [1, 1, 1]);
}

#[tokio::test]
async fn em_body_nothing_in_a_letter_is_a_command() {
    for evil in ["x\r\n.\r\nMAIL FROM:<eve@example.com>", "\r\n.\nMAIL FROM", "\n.\n", "\r.\r", ".", "..", ".\r\nQUIT"]
    {
        let sink = Sink::start();
        let mut connection = Transport::Smtp(smtp(&sink, Tls::None)).connect().await.unwrap();
        connection.send(&message(1, evil)).await.unwrap();
        connection.send(&message(2, "Globex")).await.unwrap();
        connection.close().await;
        assert_eq!(sink.received().len(), 2, "{evil:?}");
        let verbs: Vec<String> =
            sink.commands().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        assert_eq!(verbs, ["EHLO", "AUTH", "MAIL", "RCPT", "DATA", "MAIL", "RCPT", "DATA", "QUIT"], "{evil:?}");
        let shown = evil.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(sink.received()[0].text().contains(&format!("{shown} invites you")), "{}", sink.received()[0].text());
    }
}

#[tokio::test]
async fn em_tls_encrypted_from_the_start_or_after_starttls_mail_leaves() {
    type Offer = fn(Certificate) -> Encryption;
    for (tls, offer) in [(Tls::StartTls, Encryption::StartTls as Offer), (Tls::Implicit, Encryption::Implicit)] {
        let certificate = Certificate::of("localhost");
        let authorities = Some(certificate.pem.clone());
        let sink = Sink::start_with(offer(certificate));
        let transport = Transport::Smtp(Smtp { authorities, ..smtp(&sink, tls) });
        let mut connection = transport.connect().await.unwrap();
        connection.send(&message(1, "Globex")).await.unwrap();
        connection.close().await;
        assert_eq!(sink.received().len(), 1, "{tls:?}");
    }
}

#[tokio::test]
async fn em_tls_a_server_without_starttls_gets_neither_mail_nor_credentials() {
    let sink = Sink::start();
    let error = unreachable(smtp(&sink, Tls::StartTls)).await;
    assert!(error.0.contains("STARTTLS"), "{error}");
    was_told_nothing(&sink);
}

#[tokio::test]
async fn em_tls_a_server_with_a_wrong_certificate_gets_neither_mail_nor_credentials() {
    type Offer = fn(Certificate) -> Encryption;
    for (tls, offer) in [(Tls::StartTls, Encryption::StartTls as Offer), (Tls::Implicit, Encryption::Implicit)] {
        // Nobody vouches for it.
        let sink = Sink::start_with(offer(Certificate::of("localhost")));
        unreachable(smtp(&sink, tls)).await;
        was_told_nothing(&sink);
        // It is another's.
        let certificate = Certificate::of("mail.evil.example");
        let authorities = Some(certificate.pem.clone());
        let sink = Sink::start_with(offer(certificate));
        unreachable(Smtp { authorities, ..smtp(&sink, tls) }).await;
        was_told_nothing(&sink);
    }
}

#[tokio::test]
async fn refused_credentials_are_told_without_them() {
    let sink = Sink::start();
    sink.answer("AUTH", "535 5.7.8 wrong password");
    let error = unreachable(smtp(&sink, Tls::None)).await;
    assert!(error.0.contains("535") || error.0.contains("wrong password"), "{error}");
    assert!(!format!("{error:?} {:?}", smtp(&sink, Tls::None)).contains(PASSWORD));
    assert_eq!(sink.received(), []);
}

#[tokio::test]
async fn what_never_will_be_is_told_from_what_may_be_another_time() {
    for (command, answer, never) in [
        ("RCPT", "550 5.1.1 no such user", true),
        ("MAIL", "553 not from you", true),
        (".", "554 5.7.1 spam: https://acme.example/invitations?token=secret code 004711", true),
        ("RCPT", "450 4.2.0 greylisted", false),
        ("DATA", "421 4.3.2 shutting down", false),
        (".", "451 4.3.0 disk full", false),
    ] {
        let sink = Sink::start();
        sink.answer(command, answer);
        let mut connection = Transport::Smtp(smtp(&sink, Tls::None)).connect().await.unwrap();
        let error = connection.send(&message(1, "Globex")).await.unwrap_err();
        assert_eq!(matches!(error, SendError::Refused(_)), never, "{answer}: {error}");
        assert!(error.to_string().contains(&answer[..3]), "{error}");
        assert!(!error.to_string().contains("secret") && !error.to_string().contains("004711"), "{error}");
        assert_eq!(sink.received(), []);
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_told_from_one_that_refuses() {
    let sink = Sink::start();
    sink.set_down(true);
    unreachable(smtp(&sink, Tls::None)).await;
    sink.set_down(false);
    let mut connection = Transport::Smtp(smtp(&sink, Tls::None)).connect().await.unwrap();
    connection.send(&message(1, "Globex")).await.unwrap();
    assert_eq!(sink.received().len(), 1);
}

#[tokio::test]
async fn a_directory_has_one_file_for_each_message_that_its_owner_alone_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/mails");
    let transport = Transport::File(Folder::new(path.clone()));
    for _ in 0..2 {
        let mut connection = transport.connect().await.unwrap();
        for number in 1..=2 {
            connection.send(&message(number, "Globex")).await.unwrap();
        }
        connection.close().await;
    }
    let mut files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = |number: u8| path.join(format!("{}.eml", Id::<()>::from_bytes([number; 16])));
    assert_eq!(files, [named(1), named(2)]);
    for file in files {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&file).unwrap().starts_with("From: Acme <no-reply@example.org>\r\n"));
    }
    let blocked = folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    assert!(Transport::File(Folder::new(blocked)).connect().await.is_err());
}

#[tokio::test]
async fn memory_keeps_the_last_messages_of_each_environment() {
    let mailbox = Mailbox::default();
    let mut connection = Transport::Memory(mailbox.clone()).connect().await.unwrap();
    for number in [1, 2, 1] {
        connection.send(&message(number, "Globex")).await.unwrap();
    }
    let kept: Vec<_> = mailbox.of(Id::from_bytes([9; 16])).into_iter().map(|message| *message.id.as_bytes()).collect();
    assert_eq!(kept, [[1; 16], [2; 16]]);
    assert!(mailbox.of(Id::from_bytes([8; 16])).is_empty());
    for number in 0..=250 {
        connection.send(&message(number, "Globex")).await.unwrap();
    }
    assert_eq!(mailbox.of(Id::from_bytes([9; 16])).len(), 200);
}
