//! The version of a row that a form is about, so that nobody overwrites what they did not see, and a form that comes twice
//! does nothing twice.

use paylent_domain::Timestamp;
use paylent_storage::Expected;

use super::super::visit::Fields;

/// A version as the hidden field of a form.
pub(super) fn version(updated_at: Timestamp) -> String {
    updated_at.micros().to_string()
}

/// The version that a form is about. A form without one is about none that there is.
pub(super) fn expected(fields: &Fields) -> Expected {
    let version = fields.one("version").and_then(|version| version.parse().ok());
    Expected::OneOf(version.map(Timestamp::from_micros).into_iter().collect())
}
