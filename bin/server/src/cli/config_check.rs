//! `paylent config check`.

use super::{Failure, say};
use crate::config::Config;

/// Shows what is in force. A configuration that is not valid never comes this far.
pub(super) fn run(config: &Config) -> Result<(), Failure> {
    say(format_args!("{}\nThe configuration is ok.", config.effective()))
}
