//! Messages kept in this process, for development and tests.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use paylent_domain::{Id, environment::Environment};

use crate::Message;

/// How many messages are kept.
const MOST: usize = 200;

/// The last messages that left. Clones share them.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<Message>>>);

impl Mailbox {
    /// Keeps a message, in the place of the same one if it came before.
    pub(super) fn keep(&self, message: Message) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.retain(|kept| (kept.environment, kept.id) != (message.environment, message.id));
        messages.push_front(message);
        messages.truncate(MOST);
    }

    /// The messages of an environment, the last first.
    #[must_use]
    pub fn of(&self, environment: Id<Environment>) -> Vec<Message> {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        messages.iter().filter(|message| message.environment == environment).cloned().collect()
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox")
    }
}
