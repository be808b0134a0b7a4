//! What is wrong with a value, in words a person can act on.

/// A value that breaks a rule of the domain. The edge adds where it stood (a JSON pointer or a parameter).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);

/// One broken rule of an entity and the attribute that broke it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{attribute}: {reason}")]
pub struct InvalidAttribute {
    /// The attribute's name, as the Management API spells it.
    pub attribute: &'static str,
    /// The broken rule.
    pub reason: Invalid,
}

impl InvalidAttribute {
    /// A broken rule of `attribute`.
    #[must_use]
    pub const fn new(attribute: &'static str, reason: &'static str) -> Self {
        Self { attribute, reason: Invalid(reason) }
    }
}
