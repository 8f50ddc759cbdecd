//! A copy of a database file, also while a coordinator writes to it.

use super::{DbPath, connect};
use crate::error::StoreError;
use rusqlite::ErrorCode;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Why a copy was not made.
#[derive(Debug)]
pub enum BackupError {
    /// There is a file at the path of the copy.
    Exists,
    /// The database cannot be read, or the copy cannot be written.
    Store(StoreError),
    /// The copy is damaged, as the file is.
    Damaged(String),
}

impl std::fmt::Display for BackupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists => f.write_str("the file exists already"),
            Self::Store(error) => error.fmt(f),
            Self::Damaged(what) => write!(f, "the database is damaged: {what}"),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(error.to_string())
            }
            _ => Self::Store(error.into()),
        }
    }
}

/// Copies a database file, as it is at one moment, and checks the copy. It appears at its path when
/// it is complete.
///
/// # Errors
/// [`BackupError::Exists`] if there is a file at the path of the copy, and the other ones. There is
/// no copy then.
pub fn backup(from: &Path, to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists);
    }
    let mut partial = to.to_owned().into_os_string();
    partial.push(format!(".partial-{}", std::process::id()));
    let partial = PathBuf::from(partial);
    let copied = copy(from, &partial).and_then(|()| publish(&partial, to));
    // After a failure, or beside the copy.
    let _ = std::fs::remove_file(&partial);
    copied
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let source = connect(&DbPath::File(from.to_owned()), true)?;
    let has_log = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sync_deltas')";
    if !source.query_row(has_log, [], |row| row.get::<_, bool>(0))? {
        let text = format!("`{}` is not the database of a coordinator", from.display());
        return Err(BackupError::Store(StoreError::Fault(text)));
    }
    let text = to.to_str().ok_or_else(|| unwritable(to, "its path is not Unicode"))?;
    // Only its owner can read it. SQLite fills an empty file.
    create(to).map_err(|error| unwritable(to, &error.to_string()))?;
    source.execute("VACUUM INTO ?1", [text])?;
    drop(source);
    let copy = connect(&DbPath::File(to.to_owned()), true)?;
    let found: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(BackupError::Damaged(found));
    }
    drop(copy);
    let flushed = File::open(to).and_then(|file| file.sync_all());
    flushed.map_err(|error| unwritable(to, &error.to_string()))
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives the copy its name, if no file has it.
fn publish(partial: &Path, to: &Path) -> Result<(), BackupError> {
    // Renaming would replace a file that was created in the meantime.
    match std::fs::hard_link(partial, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BackupError::Exists);
        }
        Err(error) => return Err(unwritable(to, &error.to_string())),
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Not every system can flush a folder.
    let _ = File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
    Ok(())
}

fn unwritable(path: &Path, why: &str) -> BackupError {
    BackupError::Store(StoreError::Unavailable(format!("`{}`: {why}", path.display())))
}
