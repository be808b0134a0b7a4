//! The master key at start: where it is found, when it is made, and that it is the one the database was sealed under.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use paylent_crypto::{Zeroizing, seal::MasterKey, secret};
use paylent_domain::Timestamp;
use paylent_storage::Db;

/// Where the master key is.
#[derive(Debug)]
pub enum Source {
    /// It was given itself.
    Given(MasterKey),
    /// In a file that the operator made.
    File(PathBuf),
    /// In our own file, made at the first start.
    Kept(PathBuf),
}

/// Why there is no master key to work with.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file is not there, or cannot be read or made.
    #[error("the master key file {} cannot be {}: {}", .0.display(), .1, .2)]
    File(PathBuf, &'static str, io::Error),
    /// Others than its owner may read or write the file.
    #[error("the master key file {} is open to other users of this machine; close it with: chmod 600 {}", .0.display(), .0.display())]
    Open(PathBuf),
    /// The file holds something else.
    #[error("the master key file {} holds no master key: it must hold 32 random bytes in base64", .0.display())]
    Content(PathBuf),
    /// The system gave no randomness.
    #[error("no master key could be made: {0}")]
    Random(#[from] paylent_crypto::Error),
    /// The database was sealed under another key.
    #[error(
        "the master key is not the one this database was made with: its signing keys could not be opened; \
         start with the right key (master_key, master_key_file)"
    )]
    Wrong,
    /// The database was sealed under a key that is not here.
    #[error(
        "the master key is missing: this database was made with one, and there is none in {}; \
         put the file back, or name the key with master_key_file", .0.display()
    )]
    Missing(PathBuf),
    /// The database cannot be asked.
    #[error(transparent)]
    Database(#[from] paylent_storage::Error),
}

/// Finds or makes the master key, and binds the database to it if it is bound to none.
///
/// # Errors
/// See [`MasterKeyError`]. A key that was made for nothing is removed again.
pub async fn open(source: Source, db: &Db, now: Timestamp) -> Result<MasterKey, MasterKeyError> {
    let (key, made) = match source {
        Source::Given(key) => (key, None),
        Source::File(path) => (read(&path)?, None),
        Source::Kept(path) => match make(&path)? {
            Some(key) => (key, Some(path)),
            None => (read(&path)?, None),
        },
    };
    match (db.bind_master_key(&key.id(), now).await?, made) {
        (true, _) => Ok(key),
        (false, None) => Err(MasterKeyError::Wrong),
        (false, Some(path)) => {
            fs::remove_file(&path).map_err(|error| MasterKeyError::File(path.clone(), "removed", error))?;
            Err(MasterKeyError::Missing(path))
        }
    }
}

fn read(path: &Path) -> Result<MasterKey, MasterKeyError> {
    let unreadable = |error| MasterKeyError::File(path.to_owned(), "read", error);
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(MasterKeyError::Open(path.to_owned()));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(unreadable)?);
    MasterKey::from_base64(&text).map_err(|_| MasterKeyError::Content(path.to_owned()))
}

/// Makes the file, unless there is one. It appears with its whole content: another process that starts at the same time
/// sees either no file or a key.
fn make(path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    if path.exists() {
        return Ok(None);
    }
    let failed = |error| MasterKeyError::File(path.to_owned(), "made", error);
    let key = MasterKey::generate()?;
    let mut draft = OsString::from(path);
    draft.push(format!(".{}", secret::kid()?));
    if let Some(folder) = path.parent() {
        make_folder(folder).map_err(failed)?;
    }
    let written = write_private(Path::new(&draft), key.to_base64().expose());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        linked => linked.and(removed).map(|()| Some(key)).map_err(failed),
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Makes a folder for data, which only its owner may look into.
///
/// # Errors
/// The system refuses.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests;
