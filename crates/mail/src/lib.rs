//! Mails: what they say, in which language, and how they leave.
//!
//! Owns the letters, their sealed form, their words in every language, and the transports. Called by the rooms that have
//! something to say (`api`, `web`), which put the sealed letter into the outbox with what it tells of, and by the server's
//! job that delivers it. Refuses to know when a mail is tried again, and databases.

#![deny(missing_docs)]

mod letter;
mod message;
mod sealed;
mod texts;
mod transport;
mod written;

pub use letter::{About, Letter};
pub use message::{Addressed, Message, Sender};
pub use sealed::LetterKey;
pub use transport::{Connection, Credentials, Folder, Mailbox, SendError, Smtp, Tls, Transport, Unreachable};

/// Why a letter could not be sealed, opened or made a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No randomness, or the letter was sealed under another key or for another mail.
    #[error("the letter could not be sealed or opened")]
    Seal(#[from] paylent_crypto::Error),
    /// The letter is not one that this version writes.
    #[error("the letter cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// A letter is not given a link to another site: whoever clicks it believes that it is ours.
    #[error("a link in the letter does not lead to the environment")]
    Link,
    /// The recipient's address does not fit into a message.
    #[error("the address cannot be written in a message")]
    Address,
    /// The message cannot be built. A defect.
    #[error("the message cannot be built")]
    Message(#[from] lettre::error::Error),
    /// The letter cannot be put into words. A defect.
    #[error("the letter cannot be put into words")]
    Template(#[from] askama::Error),
}
