//! A mail server for tests, and the way to it.

use paylent_domain::{Id, language::Language, mail::Mail};
use paylent_mail::{About, Letter, Smtp, Tls};
pub use paylent_tests::smtp::Sink;

use super::*;

/// The way to a mail server on this machine.
pub fn transport(port: u16) -> Transport {
    Transport::Smtp(Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        tls: Tls::None,
        authorities: None,
        credentials: None,
        hello: "paylent.test".to_owned(),
    })
}

impl TestServer {
    /// Lets the job that delivers mails run once.
    pub async fn deliver_mails(&self) {
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        paylent_server::jobs::deliver_due_mails(&self.rooms, &stopped).await.unwrap();
    }
}

/// A letter that tells of something that does not pass.
pub fn invitation(tenant: &Tenant) -> Letter {
    let (base_url, environment) = (tenant.issuer(), "Acme".to_owned());
    let about = About::Invitation {
        organization: "Globex".to_owned(),
        inviter: None,
        link: format!("{base_url}/invitations?token=secret"),
        days: 7,
    };
    Letter { language: Language::English, environment, base_url, about }
}

/// A letter with a code.
pub fn passcode(tenant: &Tenant) -> Letter {
    Letter { about: About::Passcode { passcode: "004711".to_owned(), minutes: 10 }, ..invitation(tenant) }
}

impl TestServer {
    /// Queues a mail to this address.
    pub async fn queue_mail(&self, to: &str, letter: &Letter, expires_at: Option<Timestamp>) -> Id<Mail> {
        let env = &self.acme.seeded.env;
        let (to, now) = (to.parse().unwrap(), self.clock.now());
        let mail = self.rooms.letters.seal(env.tenant().environment.id, &to, letter, now, expires_at).unwrap();
        let id = mail.id;
        env.queue_mail(mail, now).await.unwrap();
        id
    }

    /// The mail as an operator sees it.
    pub async fn mail(&self, id: Id<Mail>) -> Mail {
        self.acme.seeded.env.mail(id).await.unwrap().unwrap()
    }
}
