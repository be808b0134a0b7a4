//! What is known about a person.

use askama::Template;

use super::{Around, Section, stays_here};
use crate::pages::Frame;

/// Offers the file with everything that is known about the person.
#[derive(Debug, Template)]
#[template(path = "account/data.html")]
pub struct DataPage<'a> {
    /// What surrounds the page.
    pub frame: Frame<'a>,
    /// What surrounds the account pages.
    pub around: Around<'a>,
}

stays_here!(DataPage);
