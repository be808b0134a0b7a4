//! The pages of an organization's applications, and of what it and its people connected.

mod application;
mod confirmation;
mod connection;
mod fields;
mod list;
#[cfg(test)]
pub(crate) mod samples;
mod secret;

pub use application::{ApplicationPage, DeletionPage, NewApplicationPage, Token};
pub use confirmation::ConfirmationPage;
pub use connection::{ConnectionPage, Granted};
pub use fields::{Offered, Problem, Server, Settings, Typed, Wrong};
pub use list::{ConnectionsPage, OwnApplication};
pub use secret::SecretPage;

use paylent_domain::application::ApplicationGrant;

use super::{
    Frame, Name,
    name::{Sentence, fill},
    texts::connections::Connections as Texts,
};

/// What surrounds a page of connections besides the frame.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// What the organization is called; none where somebody looks at what they connected for themself alone.
    pub organization: Option<Name<'a>>,
    /// Where the connections are listed.
    pub path: &'a str,
    /// What the person did a moment ago.
    pub done: Option<Done>,
    /// Whether the server cannot tell where requests come from: it was not told of its proxy.
    pub is_disguised: bool,
}

/// Something that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Changes were saved.
    Saved,
    /// The application may ask for more than before.
    SavedMore,
    /// An application was made already, by the same form.
    AlreadyMade,
    /// The secret before was ended.
    SecretEnded,
    /// A static token was revoked.
    Revoked,
    /// An application was deleted.
    Deleted,
    /// An application was disconnected.
    Disconnected,
}

impl Done {
    const ALL: [Self; 7] = [
        Self::Saved,
        Self::SavedMore,
        Self::AlreadyMade,
        Self::SecretEnded,
        Self::Revoked,
        Self::Deleted,
        Self::Disconnected,
    ];

    /// The query of the page that says so.
    #[must_use]
    pub const fn query(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::SavedMore => "saved-more",
            Self::AlreadyMade => "already-made",
            Self::SecretEnded => "secret-ended",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
            Self::Disconnected => "disconnected",
        }
    }

    /// What this query says was done.
    #[must_use]
    pub fn of(query: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.query() == query)
    }

    const fn text(self, frame: &Frame<'_>) -> &'static str {
        let texts = frame.connections();
        match self {
            Self::Saved => frame.account().saved,
            Self::SavedMore => texts.saved_more,
            Self::AlreadyMade => texts.already_made,
            Self::SecretEnded => texts.done_secret_ended,
            Self::Revoked => texts.done_revoked,
            Self::Deleted => texts.done_deleted,
            Self::Disconnected => texts.done_disconnected,
        }
    }
}

/// A grant type in words.
const fn grant(grant: ApplicationGrant, texts: &Texts) -> &'static str {
    match grant {
        ApplicationGrant::AuthorizationCode => texts.grant_code,
        ApplicationGrant::ClientCredentials => texts.grant_credentials,
    }
}

/// A sentence of ours about something that people named.
const fn about<'a>(text: &'static str, name: &'a str) -> Sentence<Name<'a>> {
    fill(text, Name(name))
}
