use paylent_domain::language::Language;

use super::*;
use crate::About;

const BASE: &str = "https://acme.example";

fn link(path: &str) -> String {
    format!("{BASE}/{path}?token=secret")
}

fn letter(language: Language, about: About) -> Letter {
    Letter { language, environment: "Acme".to_owned(), base_url: BASE.to_owned(), about }
}

fn every_about() -> Vec<About> {
    vec![
        About::Passcode { passcode: "004711".to_owned(), minutes: 10 },
        About::AlreadyRegistered { reset_link: link("password/reset") },
        About::PasswordReset { link: link("password/choose"), minutes: 60 },
        About::PasswordChanged { reset_link: link("password/reset") },
        About::EmailChange { link: link("account/email"), minutes: 60 },
        About::EmailChanged { email: "new@example.com".to_owned() },
        invitation("Globex", Some("Joe")),
        invitation("Globex", None),
        About::SignInAfterFailures { failures: 3, ip: "203.0.113.5".to_owned(), reset_link: link("password/reset") },
        foreign(Some("pay_at_Ab3dE9"), true),
        foreign(Some("pay_at_Ab3dE9"), false),
        foreign(None, true),
        foreign(None, false),
        About::AccountDeleted,
    ]
}

fn code_and_link(about: &About) -> Option<&String> {
    match about {
        About::Passcode { passcode, .. } => Some(passcode),
        About::PasswordReset { link, .. } | About::EmailChange { link, .. } | About::Invitation { link, .. } => {
            Some(link)
        }
        About::AlreadyRegistered { reset_link }
        | About::PasswordChanged { reset_link }
        | About::SignInAfterFailures { reset_link, .. } => Some(reset_link),
        About::EmailChanged { .. } | About::ForeignAddress { .. } | About::AccountDeleted => None,
    }
}

fn invitation(organization: &str, inviter: Option<&str>) -> About {
    About::Invitation {
        organization: organization.to_owned(),
        inviter: inviter.map(str::to_owned),
        link: link("invitations/accept"),
        days: 7,
    }
}

fn foreign(token: Option<&str>, refused: bool) -> About {
    About::ForeignAddress {
        application: "Ledger".to_owned(),
        ip: "2001:db8::7".to_owned(),
        at: "2026-11-23 14:02 UTC".to_owned(),
        token: token.map(str::to_owned),
        refused,
    }
}

fn message(letter: &Letter) -> Result<Message, Error> {
    let to = Addressed {
        environment: Id::from_bytes([1; 16]),
        id: Id::from_bytes([2; 16]),
        to: "jane@example.com",
        at: Timestamp::from_seconds(1_700_000_000),
    };
    Message::of(letter, to, &"no-reply@example.org".parse().unwrap())
}

fn raw(message: &Message) -> String {
    String::from_utf8(message.bytes.clone()).unwrap()
}

/// The header lines, unfolded.
fn headers(message: &Message) -> Vec<String> {
    let raw = raw(message);
    let head = raw.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
    head.split("\r\n").map(str::to_owned).collect()
}

#[test]
fn every_letter_is_written_in_every_language() {
    for language in Language::ALL {
        for about in every_about() {
            let letter = letter(language, about);
            let written = letter.write().unwrap();
            for text in [&written.subject, &written.text, &written.html] {
                assert!(!text.contains('{') || text == &written.html, "{letter:?} {language:?}: {text}");
            }
            assert!(written.text.contains("Acme") && written.html.contains("Acme"), "{letter:?}");
            assert!(written.html.contains(&format!("<html lang=\"{}\"", language.tag())), "{letter:?}");
            assert_eq!(written.html.matches("<h1>").count(), 1);
            if let Some(secret) = code_and_link(&letter.about) {
                assert!(written.text.lines().any(|line| line.trim() == secret), "{letter:?}: {}", written.text);
                assert!(written.html.contains(secret), "{letter:?}");
                assert!(!written.subject.contains(secret), "{letter:?}");
            }
        }
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for about in every_about() {
        let html = letter(Language::English, about).write().unwrap().html;
        for loaded in ["<img", "src=", "url(", "<link", "@import", "<script", "<iframe"] {
            assert!(!html.contains(loaded), "{loaded}: {html}");
        }
        assert_eq!(html.matches("http").count(), html.matches(BASE).count(), "{html}");
    }
}

#[test]
fn a_message_says_what_it_is() {
    let message = message(&letter(Language::English, every_about().remove(0))).unwrap();
    let id = Id::<Mail>::from_bytes([2; 16]);
    let headers = headers(&message);
    for header in [
        "From: Acme <no-reply@example.org>".to_owned(),
        "To: jane@example.com".to_owned(),
        "Subject: Your code for Acme".to_owned(),
        "Date: Tue, 14 Nov 2023 22:13:20 +0000".to_owned(),
        format!("Message-ID: <{id}@example.org>"),
        "Auto-Submitted: auto-generated".to_owned(),
        "MIME-Version: 1.0".to_owned(),
    ] {
        assert!(headers.contains(&header), "{header} in {headers:?}");
    }
    let raw = raw(&message);
    assert!(raw.contains("Content-Type: text/plain") && raw.contains("Content-Type: text/html"));
    assert!(!format!("{message:?}").contains("004711"));
}

#[test]
fn ip_mail_down_the_same_letter_makes_the_same_message_again() {
    for about in every_about() {
        let letter = letter(Language::German, about);
        assert_eq!(raw(&message(&letter).unwrap()), raw(&message(&letter).unwrap()));
    }
}

/// What was revoked may be a refresh token, and then no program gets the next one alone.
#[test]
fn ip_mail_body_says_of_no_refresh_token_that_it_is_an_access_token() {
    for (language, words, again) in [
        (Language::English, "access token", "authorize again"),
        (Language::German, "zugriffstoken", "erneut erlauben"),
        (Language::Dutch, "toegangstoken", "opnieuw toegang geven"),
    ] {
        for refused in [true, false] {
            let text = letter(language, foreign(Some("pay_rt_Ab3dE9"), refused)).write().unwrap().text;
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            assert!(text.contains("pay_rt_ab3de9") && !text.contains(words), "{text}");
            assert_eq!(text.contains(again), refused, "{text}");
        }
    }
}

#[test]
fn em_header_names_do_not_make_headers_or_recipients() {
    for ending in ["\r\n", "\n", "\r", "\0", "%0d%0a", "\u{2028}", "\u{2029}", "\u{85}", "\r\n\r\n"] {
        let evil = format!("Globex{ending}Bcc: eve@example.com{ending}Subject: Win");
        let mut letter = letter(Language::English, invitation(&evil, Some(&evil)));
        letter.environment.clone_from(&evil);
        let message = message(&letter).unwrap();
        let headers = headers(&message);
        let starting = |name: &str| headers.iter().filter(|line| line.to_lowercase().starts_with(name)).count();
        let counts = ["to:", "subject:", "from:", "bcc:", "cc:"].map(starting);
        assert_eq!(counts, [1, 1, 1, 0, 0], "{ending:?}: {headers:?}");
        assert!(headers.iter().any(|line| line.starts_with("Subject: Invitation to Globex")), "{headers:?}");
        assert_eq!(message.envelope.to(), ["jane@example.com".parse::<Address>().unwrap()]);
        let raw = raw(&message).replace("\r\n", "");
        assert!(!raw.contains(['\r', '\n', '\0']), "{ending:?}");
    }
}

#[test]
fn em_header_an_address_with_more_in_it_is_refused() {
    let letter = letter(Language::English, About::AccountDeleted);
    for to in ["a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com", "Jane <jane@example.com>", ""] {
        let mail = Addressed {
            environment: Id::from_bytes([1; 16]),
            id: Id::from_bytes([2; 16]),
            to,
            at: Timestamp::from_seconds(1),
        };
        let refused = Message::of(&letter, mail, &"no-reply@example.org".parse().unwrap());
        assert!(matches!(refused, Err(Error::Address)), "{to}");
    }
    assert!("a@example.com\r\nBcc: b@example.com".parse::<Sender>().is_err());
}

#[test]
fn em_template_names_are_shown_as_they_are() {
    for evil in ["{{7*7}}", "${x}", "{environment}", "<script>alert(1)</script>", "<img src=//evil.example>", "\"'&"] {
        let mut letter = letter(Language::Dutch, invitation(evil, Some(evil)));
        letter.environment = evil.to_owned();
        let written = letter.write().unwrap();
        assert!(written.subject.contains(evil) && written.text.contains(evil), "{}", written.text);
        assert!(!written.text.contains("49"), "{}", written.text);
        let body = written.html.split_once("<body>").unwrap().1;
        assert!(!body.contains("<script") && !body.contains("<img"), "{body}");
        assert!(
            body.contains(
                &evil
                    .replace('&', "&#38;")
                    .replace('<', "&#60;")
                    .replace('>', "&#62;")
                    .replace('"', "&#34;")
                    .replace('\'', "&#39;")
            ),
            "{body}"
        );
    }
}

#[test]
fn em_template_long_names_are_cut() {
    let letter = letter(Language::German, invitation(&"é".repeat(100_000), Some(&"x y ".repeat(10_000))));
    let message = message(&letter).unwrap();
    assert!(message.bytes.len() < 20_000, "{}", message.bytes.len());
    assert!(message.text.contains(&format!("{}…", "é".repeat(100))));
    assert!(raw(&message).split("\r\n").all(|line| line.len() <= 998));
}

#[test]
fn em_template_marks_that_turn_text_around_are_left_out() {
    let letter = letter(Language::English, invitation("Glo\u{202e}bex\u{200b}", Some("J\u{2066}oe")));
    let written = letter.write().unwrap();
    assert!(written.text.contains("J oe invites you to join Glo bex"), "{}", written.text);
}

#[test]
fn em_link_a_letter_links_to_its_environment_only() {
    for link in [
        "https://evil.example/reset?token=x",
        "https://acme.example.evil.example/reset",
        "https://acme.example@evil.example/reset",
        "http://acme.example/reset",
        "javascript:alert(1)",
        "https://acme.example",
        "https://acme.example/reset\r\nhttps://evil.example",
    ] {
        let about = About::PasswordReset { link: link.to_owned(), minutes: 60 };
        assert!(matches!(message(&letter(Language::English, about)), Err(Error::Link)), "{link}");
    }
}
