//! Mails: what they say, in which language, and how they leave.
//!
//! Owns the letters and their sealed form. Called by the rooms that have something to say (`api`, `web`), which put the
//! sealed letter into the outbox with what it tells of, and by the server's job that delivers it. Refuses to know when a
//! mail is tried again, and databases.

#![deny(missing_docs)]

mod letter;
mod sealed;

pub use letter::{About, Letter};
pub use sealed::LetterKey;

/// Why a letter could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No randomness, or the letter was sealed under another key or for another mail.
    #[error("the letter could not be sealed or opened")]
    Seal(#[from] paylent_crypto::Error),
    /// The letter is not one that this version writes.
    #[error("the letter cannot be read")]
    Unreadable(#[source] serde_json::Error),
}
