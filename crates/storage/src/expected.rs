//! The version a row must still have to be written (`If-Match`, RFC 9110 section 13.1.1).

use paylent_domain::Timestamp;

use crate::{Error, Refusal, Result};

/// Which versions of a row its writer has in mind. A row's version is when it last changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Whichever there is.
    #[default]
    Any,
    /// One of these.
    OneOf(Vec<Timestamp>),
}

impl Expected {
    /// Refuses a row that has changed since. Called in the unit of work, after the row is locked or gone.
    pub(crate) fn check(&self, version: i64) -> Result<()> {
        match self {
            Self::OneOf(versions) if !versions.iter().any(|expected| expected.micros() == version) => {
                Err(Error::Refused(Refusal::Stale))
            }
            _ => Ok(()),
        }
    }
}
