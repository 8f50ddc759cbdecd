//! The lock of a SQLite file that a coordinator serves.
//!
//! It is a lock of the operating system on a file of its own, `<database>-ablo`, because closing
//! any handle of the database file would end SQLite's own locks. It ends with the process, however
//! the process ends. The file holds the id of the process and stays behind.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::{fmt, process};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// Why the lock was not taken.
#[derive(Debug)]
pub enum FileLockError {
    /// Another program has it: its process id, if it is known.
    Held(Option<u32>),
    /// The file of the lock cannot be opened or locked.
    Failed(io::Error),
}

impl fmt::Display for FileLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(Some(process)) => write!(f, "process {process} serves it"),
            Self::Held(None) => f.write_str("another process serves it"),
            Self::Failed(error) => {
                write!(f, "the file `<database>-ablo` cannot be locked: {error}")
            }
        }
    }
}

impl std::error::Error for FileLockError {}

impl FileLock {
    /// Takes the lock of a database file, without waiting.
    ///
    /// # Errors
    /// [`FileLockError::Held`] if another program, or another handle of this one, has it.
    ///
    /// ```
    /// use ablo_migrate::{FileLock, FileLockError};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let database = folder.path().join("app.db");
    /// let lock = FileLock::take(&database)?;
    /// let own = std::process::id();
    /// let second = FileLock::take(&database);
    /// assert!(matches!(second, Err(FileLockError::Held(Some(process))) if process == own));
    /// drop(lock);
    /// FileLock::take(&database)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take(database: &Path) -> Result<Self, FileLockError> {
        let (mut file, is_writable) = open(database)?;
        locked(&mut file, File::try_lock)?;
        if is_writable {
            let write = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", process::id()));
            write.map_err(FileLockError::Failed)?;
        }
        Ok(Self { _file: file })
    }

    /// Takes a share of the lock for a migration, without waiting: other migrations may have one,
    /// and the database makes them wait for each other.
    ///
    /// # Errors
    /// As [`FileLock::take`], if a coordinator has the lock.
    pub fn share(database: &Path) -> Result<Self, FileLockError> {
        let (mut file, _) = open(database)?;
        locked(&mut file, File::try_lock_shared)?;
        Ok(Self { _file: file })
    }
}

/// Opens the file of the lock. Returns whether it can be written.
fn open(database: &Path) -> Result<(File, bool), FileLockError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let path = path_of(database);
    let opened = options.open(&path).map(|file| (file, true));
    // Another user has created it. Locking needs no permission to write.
    let opened = opened.or_else(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => File::open(&path).map(|file| (file, false)),
        _ => Err(error),
    });
    opened.map_err(FileLockError::Failed)
}

/// Locks the file in a way, or returns the process that the file names.
fn locked(
    file: &mut File,
    lock: impl FnOnce(&File) -> Result<(), TryLockError>,
) -> Result<(), FileLockError> {
    match lock(file) {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            // Without its id, the other process is still refused.
            let _ = file.read_to_string(&mut text);
            Err(FileLockError::Held(text.trim().parse().ok()))
        }
        Err(TryLockError::Error(error)) => Err(FileLockError::Failed(error)),
    }
}

/// Returns the path of the lock. It is the same for each link to the database.
fn path_of(database: &Path) -> PathBuf {
    let resolved = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let mut name = resolved.into_os_string();
    name.push("-ablo");
    PathBuf::from(name)
}
