//! Messages as files: one `.eml` each, named after the mail, so that a repeat replaces it.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::{SendError, Unreachable};
use crate::Message;

/// A directory for messages. They hold secrets: it and they are their owner's alone.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// This directory, made when it is missing.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) async fn make(&self) -> Result<(), Unreachable> {
        let path = self.0.clone();
        let made = on_disk(move || fs::DirBuilder::new().recursive(true).mode(0o700).create(path)).await;
        made.map_err(|error| Unreachable(format!("the directory cannot be made: {error}")))
    }

    pub(super) async fn keep(&self, message: &Message) -> Result<(), SendError> {
        let (path, bytes) = (self.0.join(format!("{}.eml", message.id)), message.bytes.clone());
        let kept = on_disk(move || write_whole(&path, &bytes)).await;
        kept.map_err(|error| SendError::NotNow(format!("the file cannot be written: {error}")))
    }
}

/// Whoever reads the file sees all of it or nothing.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

async fn on_disk(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    spawn_blocking(work).await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
}
