//! The ways a message can leave.

mod folder;
mod mailbox;
mod smtp;

use crate::Message;

pub use folder::Folder;
pub use mailbox::Mailbox;
pub use smtp::{Credentials, Smtp, Tls};

/// A way for messages to leave.
#[derive(Debug, Clone)]
pub enum Transport {
    /// To a mail server.
    Smtp(Smtp),
    /// Into a directory.
    File(Folder),
    /// Into this process, for development and tests.
    Memory(Mailbox),
}

/// A way that is open.
pub enum Connection {
    /// To a mail server.
    Smtp(smtp::Session),
    /// Into a directory.
    File(Folder),
    /// Into this process.
    Memory(Mailbox),
}

/// Why nothing can leave right now, in words for operators. It says nothing of any message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(pub String);

/// Why a message was not taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will be. What the server answered may repeat what is in the message.
    #[error("{0}")]
    Refused(String),
    /// It may be another time.
    #[error("{0}")]
    NotNow(String),
}

impl Transport {
    /// Opens the way: what fails here fails for every message.
    ///
    /// # Errors
    /// The server cannot be reached, is not who it should be, offers no encryption, or refuses the credentials; or the
    /// directory cannot be made.
    pub async fn connect(&self) -> Result<Connection, Unreachable> {
        match self {
            Self::Smtp(smtp) => Ok(Connection::Smtp(smtp.connect().await?)),
            Self::File(folder) => {
                folder.make().await?;
                Ok(Connection::File(folder.clone()))
            }
            Self::Memory(mailbox) => Ok(Connection::Memory(mailbox.clone())),
        }
    }
}

impl Connection {
    /// Hands a message over. After an error the connection is of no use any more.
    ///
    /// # Errors
    /// It was not taken over, or it is not known.
    pub async fn send(&mut self, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Smtp(session) => session.send(message).await,
            Self::File(folder) => folder.keep(message).await,
            Self::Memory(mailbox) => {
                mailbox.keep(message.clone());
                Ok(())
            }
        }
    }

    /// Takes leave.
    pub async fn close(self) {
        if let Self::Smtp(session) = self {
            session.close().await;
        }
    }
}
