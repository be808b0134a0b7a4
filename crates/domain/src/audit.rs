//! The audit trail: who changed what, from where, when.

use std::{borrow::Cow, net::IpAddr};

use crate::{Id, actor::TokenActor, clock::Timestamp, user::User};

/// Who and where a change comes from, and when it happens. Every writing function of storage takes one.
#[derive(Debug, Clone)]
pub struct Context {
    /// Who does it.
    pub by: By,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header, cut to 400 characters.
    pub user_agent: Option<String>,
    /// When: also the `created_at` and `updated_at` of what is written.
    pub at: Timestamp,
}

/// Who makes a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The installation itself, or its operator at the command line.
    System,
    /// A user, through a client.
    User {
        /// The user's id.
        id: Id<User>,
        /// What the user was called at the time.
        name: String,
    },
}

impl Context {
    /// A change by the installation itself.
    #[must_use]
    pub const fn system(at: Timestamp) -> Self {
        Self { by: By::System, ip: None, user_agent: None, at }
    }

    /// A change by the user behind a token.
    #[must_use]
    pub fn token(actor: &TokenActor, ip: Option<IpAddr>, user_agent: Option<String>, at: Timestamp) -> Self {
        Self { by: By::User { id: actor.user_id, name: actor.user_name.clone() }, ip, user_agent, at }
    }
}

/// What is about to be told: `resource.verb`, what it was done to, and which fields changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// `resource.verb`, such as `user.created`.
    pub action: &'static str,
    /// What it was done to; the first is the thing itself.
    pub targets: Vec<Target>,
    /// Which fields changed, in order.
    pub changes: Vec<Change>,
}

/// A thing an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The JSON:API type.
    pub kind: Cow<'static, str>,
    /// Its id as text.
    pub id: String,
    /// What it was called at the time.
    pub name: String,
}

/// One changed field. Secrets are never recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The attribute's name.
    pub field: Cow<'static, str>,
    /// Its old value in words.
    pub from: Option<String>,
    /// Its new value in words.
    pub to: Option<String>,
}

/// One entry of the trail, as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: Id<Entry>,
    /// `resource.verb`, such as `user.created`.
    pub action: String,
    /// What kind of actor did it: `system` or `user`.
    pub actor_type: String,
    /// The actor's id as text; the installation itself has none.
    pub actor_id: Option<String>,
    /// What the actor was called at the time.
    pub actor_name: String,
    /// What it was done to; the first is the thing itself. Some may be gone by now.
    pub targets: Vec<Target>,
    /// Which fields changed, by name.
    pub changes: Vec<Change>,
    /// The actor's address.
    pub ip: Option<IpAddr>,
    /// The actor's `User-Agent`.
    pub user_agent: Option<String>,
    /// When.
    pub occurred_at: Timestamp,
}

impl Target {
    fn new<T>(kind: &'static str, id: Id<T>, name: &str) -> Self {
        Self { kind: Cow::Borrowed(kind), id: id.to_string(), name: name.to_owned() }
    }
}

impl Event {
    /// An event about one thing.
    #[must_use]
    pub fn new<T>(action: &'static str, kind: &'static str, id: Id<T>, name: &str) -> Self {
        Self { action, targets: vec![Target::new(kind, id, name)], changes: Vec::new() }
    }

    /// Adds another thing the event is about.
    #[must_use]
    pub fn and<T>(mut self, kind: &'static str, id: Id<T>, name: &str) -> Self {
        self.targets.push(Target::new(kind, id, name));
        self
    }

    /// Adds a field if it changed.
    #[must_use]
    pub fn change(mut self, field: &'static str, from: Option<String>, to: Option<String>) -> Self {
        if from != to {
            self.changes.push(Change { field: Cow::Borrowed(field), from, to });
        }
        self
    }
}
