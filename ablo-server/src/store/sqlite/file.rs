//! The database file: its lock, and whether it is still the one that was opened.

use super::DbPath;
use crate::error::StoreError;
use ablo_migrate::{FileLock, FileLockError};
use std::path::{Path, PathBuf};

/// Takes the lock of the coordinator that serves a file.
pub(super) fn lock(path: &DbPath) -> Result<Option<FileLock>, StoreError> {
    let DbPath::File(path) = path else { return Ok(None) };
    let lock = FileLock::take(path).map_err(|error| {
        let text = format!("`{}`: {error}", path.display());
        match error {
            FileLockError::Held(_) => StoreError::InUse(text),
            FileLockError::Failed(_) => StoreError::Unavailable(text),
        }
    })?;
    Ok(Some(lock))
}

/// The file that was opened, to notice that it was deleted or replaced.
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    path: Option<PathBuf>,
    identity: Option<(u64, u64)>,
}

impl OpenFile {
    pub(super) fn new(path: &DbPath) -> Result<Self, StoreError> {
        let DbPath::File(path) = path else { return Ok(Self { path: None, identity: None }) };
        let identity = Self::identity(path)?;
        Ok(Self { path: Some(path.clone()), identity })
    }

    #[cfg(unix)]
    fn identity(path: &Path) -> Result<Option<(u64, u64)>, StoreError> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).map_err(|error| missing(path, &error))?;
        Ok(Some((found.dev(), found.ino())))
    }

    #[cfg(not(unix))]
    fn identity(path: &Path) -> Result<Option<(u64, u64)>, StoreError> {
        std::fs::metadata(path).map_err(|error| missing(path, &error))?;
        Ok(None)
    }

    /// Checks that the file is still at its path.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let Some(path) = &self.path else { return Ok(()) };
        if Self::identity(path)? == self.identity {
            return Ok(());
        }
        let text = format!("another file has taken the place of `{}`", path.display());
        Err(StoreError::Unavailable(text))
    }
}

fn missing(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("`{}`: {error}", path.display()))
}

/// Moves the write-ahead log into the file, so that the file alone has all rows.
pub(super) fn checkpoint(connection: &rusqlite::Connection) {
    // The first column is whether another connection prevents it.
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let prevented = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if prevented != Ok(0) {
        tracing::warn!(?prevented, "rows are left in the write-ahead log beside the file");
    }
}
