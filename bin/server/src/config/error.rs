//! What is wrong with a configuration, all of it at once.

use std::{fmt, path::PathBuf};

/// The configuration cannot be used. Lists everything that is wrong, one line each, and never shows a secret.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub(super) Vec<Problem>);

/// One thing that is wrong.
#[derive(Debug)]
pub(super) enum Problem {
    /// Nothing of ours has this name.
    Unknown { name: String, nearest: String },
    /// A value that cannot be. `value` is absent when it is a secret.
    Bad { name: String, reason: String, value: Option<String> },
    /// A secret and the file that holds it, in the same place.
    Both(String, String),
    /// A file that is missing or not TOML.
    File { path: PathBuf, reason: String },
    /// The environment cannot be read.
    Environment(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest } => write!(f, "{name} is unknown; the nearest known is {nearest}"),
            Self::Bad { name, reason, value: Some(value) } => write!(f, "{name} {reason}, not {value:?}"),
            Self::Bad { name, reason, value: None } => write!(f, "{name} {reason}"),
            Self::Both(secret, file) => write!(f, "{secret} and {file} are both set; set one of them"),
            Self::File { path, reason } => write!(f, "the file {} cannot be read: {reason}", path.display()),
            Self::Environment(reason) => write!(f, "the environment cannot be read: {reason}"),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}
