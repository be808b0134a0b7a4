//! A message as it travels (RFC 5322, MIME).

use std::{
    fmt,
    str::FromStr,
    time::{Duration, UNIX_EPOCH},
};

use lettre::{
    Address,
    address::Envelope,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use paylent_domain::{Id, Timestamp, environment::Environment, mail::Mail};

use crate::{Error, Letter};

/// Whom mails come from: an address, and a name if it is always the same. Without one, mails bear the name of their
/// environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule = "must be an address such as no-reply@example.com or Example <no-reply@example.com>";
        if text.chars().any(char::is_control) {
            return Err(rule);
        }
        text.parse().map(Self).map_err(|_| rule)
    }
}

impl Sender {
    /// The domain of the address.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

/// Which mail it is, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Addressed<'a> {
    /// The environment that writes.
    pub environment: Id<Environment>,
    /// The mail.
    pub id: Id<Mail>,
    /// The one address it goes to.
    pub to: &'a str,
    /// When it was written.
    pub at: Timestamp,
}

/// A message that is ready to go. It may hold secrets: never shown.
#[derive(Clone)]
pub struct Message {
    /// The environment that writes.
    pub environment: Id<Environment>,
    /// The mail it is.
    pub id: Id<Mail>,
    /// Whom it goes to.
    pub to: String,
    /// When it was written.
    pub at: Timestamp,
    /// Its subject.
    pub subject: String,
    /// Its text part.
    pub text: String,
    pub(crate) envelope: Envelope,
    /// All of it, headers first.
    pub(crate) bytes: Vec<u8>,
}

impl Message {
    /// The message of a letter. The same letter makes the same bytes again, whenever and wherever: whoever gets it twice
    /// can tell by its `Message-ID`.
    ///
    /// # Errors
    /// The address cannot be written in a message, or a link leads elsewhere than to the environment.
    pub fn of(letter: &Letter, mail: Addressed<'_>, from: &Sender) -> Result<Self, Error> {
        let written = letter.write()?;
        let to: Address = mail.to.parse().map_err(|_| Error::Address)?;
        let name = from.0.name.clone().unwrap_or(written.sender);
        let date = Duration::from_secs(u64::try_from(mail.at.seconds()).unwrap_or_default());
        let auto = HeaderName::new_from_ascii_str("Auto-Submitted");
        let body = MultiPart::alternative()
            .boundary(format!("_part_{}", mail.id))
            .singlepart(SinglePart::plain(written.text.clone()))
            .singlepart(SinglePart::html(written.html));
        let message = lettre::Message::builder()
            .from(Mailbox::new(Some(name), from.0.email.clone()))
            .to(Mailbox::new(None, to))
            .subject(&written.subject)
            .date(UNIX_EPOCH + date)
            .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
            .raw_header(HeaderValue::new(auto, "auto-generated".to_owned()))
            .multipart(body)?;
        Ok(Self {
            environment: mail.environment,
            id: mail.id,
            to: mail.to.to_owned(),
            at: mail.at,
            subject: written.subject,
            text: written.text,
            envelope: message.envelope().clone(),
            bytes: message.formatted(),
        })
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
