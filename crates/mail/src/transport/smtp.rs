//! To a mail server (RFC 5321). Encryption is not an attempt: without it, there is neither mail nor password.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use lettre::transport::smtp::{
    Error, authentication,
    authentication::Mechanism,
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    extension::ClientId,
};
use tokio::time::timeout;

use super::{SendError, Unreachable};
use crate::Message;

/// How long it may take until the server is ready for a message; some make strangers wait.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a server may take over a message. Servers look into it before they answer, and giving up too soon means to
/// send it twice.
const SEND: Duration = Duration::from_secs(120);
/// How long a server may take to say good-bye.
const CLOSE: Duration = Duration::from_secs(2);
/// How much of an answer is told, in characters.
const TOLD: usize = 300;

/// A mail server.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name or address, which its certificate must be for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// Certificates, in PEM, of authorities to be believed besides the system's.
    pub authorities: Option<Vec<u8>>,
    /// Who we are there, if it asks.
    pub credentials: Option<Credentials>,
    /// What we call ourselves: the domain of the sender.
    pub hello: String,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// It begins in the clear and must be encrypted (STARTTLS, RFC 3207).
    StartTls,
    /// From its first byte (RFC 8314).
    Implicit,
    /// Not at all: to this machine only.
    None,
}

/// A user of a mail server.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// A connection that is ready for messages.
pub struct Session(Box<AsyncSmtpConnection>);

impl FromStr for Tls {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "starttls" => Ok(Self::StartTls),
            "implicit" => Ok(Self::Implicit),
            "none" => Ok(Self::None),
            _ => Err("must be starttls, implicit or none"),
        }
    }
}

impl Tls {
    /// The port where servers wait for such connections.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Smtp {
    /// Whether the server is this machine, so that nobody is in between.
    #[must_use]
    pub fn is_here(host: &str) -> bool {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) async fn connect(&self) -> Result<Session, Unreachable> {
        let unreachable = |error: Error| Unreachable(told(&error));
        match timeout(CONNECT, self.greet()).await {
            Ok(connection) => Ok(Session(Box::new(connection.map_err(unreachable)?))),
            Err(_) => Err(Unreachable("the mail server was not ready in time".to_owned())),
        }
    }

    async fn greet(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::Domain(self.hello.clone());
        let at_once = match self.tls {
            Tls::Implicit => Some(self.parameters()?),
            Tls::StartTls | Tls::None => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT), &hello, at_once, None).await?;
        if self.tls == Tls::StartTls {
            connection.starttls(self.parameters()?, &hello).await?;
        }
        if let Some(Credentials { username, password }) = &self.credentials {
            let credentials = authentication::Credentials::new(username.clone(), password.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn parameters(&self) -> Result<TlsParameters, Error> {
        let builder = TlsParameters::builder(self.host.clone());
        match &self.authorities {
            Some(pem) => builder.add_root_certificate(Certificate::from_pem(pem)?).build_native(),
            None => builder.build_native(),
        }
    }
}

impl Session {
    pub(super) async fn send(&mut self, message: &Message) -> Result<(), SendError> {
        match timeout(SEND, self.0.send(&message.envelope, &message.bytes)).await {
            Ok(Ok(_)) => Ok(()),
            // What the server lacks for this message, it lacks tomorrow too.
            Ok(Err(error)) if error.is_permanent() || error.is_client() => Err(SendError::Refused(told(&error))),
            Ok(Err(error)) => Err(SendError::NotNow(told(&error))),
            Err(_) => Err(SendError::NotNow("the mail server did not answer in time".to_owned())),
        }
    }

    pub(super) async fn close(mut self) {
        // Everything was taken over: what goes wrong now matters to nobody.
        let _ = timeout(CLOSE, self.0.quit()).await;
    }
}

/// An error with its causes, in one line. Servers quote what they do not like: words that may be a link or a code are
/// left out.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    let is_secret = |word: &str| word.contains("//") || word.contains('=') || has_six_digits(word);
    let words = text.split_whitespace().map(|word| if is_secret(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(TOLD).collect()
}

fn has_six_digits(word: &str) -> bool {
    word.as_bytes().windows(6).any(|window| window.iter().all(u8::is_ascii_digit))
}
