//! The log: structured events, one line each, as text for people or as JSON for machines.
//!
//! A line is handed to a thread that writes it, so that a slow disk or terminal slows no request down. When the thread
//! cannot keep up, lines are dropped and counted.

mod writer;

use std::{
    fs::OpenOptions,
    io::{self, IsTerminal as _, Write},
    os::unix::fs::OpenOptionsExt as _,
};

use tracing::Subscriber;
use tracing_subscriber::{EnvFilter, filter::ParseError, util::SubscriberInitExt as _};

use crate::config::{Log, LogFormat};

pub use writer::Flush;
use writer::Lines;

/// What others log at "info" about their own threads interests nobody, unless the operator's filter asks for it.
const QUIETER: &str = "actix_server=warn";

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The log file cannot be opened.
    #[error("the log file {0} cannot be opened: {1}")]
    File(String, io::Error),
    /// The filter is not one.
    #[error("the log filter is not valid: {0}")]
    Filter(#[from] ParseError),
    /// The thread that writes cannot be started.
    #[error("the log cannot be started: {0}")]
    Thread(io::Error),
    /// The process has a log already.
    #[error(transparent)]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Makes this the log of the process. Keep the result, and flush it before the process ends.
///
/// # Errors
/// See [`LoggingError`].
pub fn install(log: &Log) -> Result<Flush, LoggingError> {
    let (sink, is_terminal): (Box<dyn Write + Send>, bool) = match &log.file {
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
            (Box::new(file.map_err(|error| LoggingError::File(path.display().to_string(), error))?), false)
        }
        None => (Box::new(io::stderr()), io::stderr().is_terminal()),
    };
    let json = match log.format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let (lines, flush) = writer::start(sink).map_err(LoggingError::Thread)?;
    subscriber(json, &log.filter, lines)?.try_init()?;
    Ok(flush)
}

fn subscriber(json: bool, filter: &str, lines: Lines) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError> {
    // No colours: the writer escapes every control character, whoever put it there.
    let filter = format!("{QUIETER},{filter}").parse::<EnvFilter>()?;
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let format = format.with_writer(lines);
    Ok(if json {
        Box::new(format.json().flatten_event(true).with_span_list(false).finish())
    } else {
        Box::new(format.finish())
    })
}

#[cfg(test)]
mod tests;
