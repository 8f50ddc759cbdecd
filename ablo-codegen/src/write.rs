//! Writes generated files to disk.
//!
//! A [`WritePlan`] compares [`Files`] with the output folders. Applying it writes all new texts to
//! temporary files and then renames them, so that an error loses nothing and no file is partly
//! written. A file belongs to ablo if the folder's `.ablo-files` list names it; only such files are
//! replaced or removed, whatever they contain.

mod compare;
mod list;
#[cfg(test)]
pub(crate) mod printed;
mod stage;

use crate::Files;
use compare::compare;
use list::FileList;
use stage::Stage;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The output folder of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The first component of the paths in [`Files`]: the target's id.
    pub prefix: &'static str,
    /// The folder on disk.
    pub path: PathBuf,
}

/// The effect of a plan on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file does not exist yet.
    Created,
    /// Its content differs.
    Updated,
    /// Its content differs only in what a formatter changes.
    Formatted,
    /// Its content is up to date, but for line ends; the file is not touched.
    Unchanged,
    /// An earlier run wrote it and this run does not.
    Removed,
}

/// One file of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange<'f> {
    /// The [`Folder::prefix`] of its folder.
    pub prefix: &'static str,
    /// Its path on disk.
    pub path: PathBuf,
    /// The effect on the file.
    pub kind: ChangeKind,
    text: &'f str,
}

/// The reason why a file cannot be written. Every variant has the path.
#[derive(Debug)]
pub enum WriteError {
    /// The output path is taken by a file that ablo did not write.
    NotOurs(PathBuf),
    /// The output path is taken by a folder, a link or a device.
    NotAFile(PathBuf),
    /// An output folder is taken by a file or a link.
    NotAFolder(PathBuf),
    /// An I/O error.
    Io {
        /// The operation, as in "cannot … `path`".
        doing: &'static str,
        /// The path that it was attempted on.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
}

impl WriteError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// Returns the path that the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::NotOurs(path)
            | Self::NotAFile(path)
            | Self::NotAFolder(path)
            | Self::Io { path, .. } => path,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path().display();
        match self {
            Self::NotOurs(_) => write!(f, "`{path}` exists and was not written by ablo"),
            Self::NotAFile(_) => {
                write!(f, "`{path}` is not a regular file, but a generated file has this path")
            }
            Self::NotAFolder(_) => {
                write!(f, "`{path}` is not a folder, but generated files are written below it")
            }
            Self::Io { doing, source, .. } => write!(f, "cannot {doing} `{path}`: {source}"),
        }
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The changes on disk that a run makes.
#[derive(Debug)]
pub struct WritePlan<'f> {
    changes: Vec<FileChange<'f>>,
    lists: Vec<(FileList, FileList)>,
}

impl<'f> WritePlan<'f> {
    /// Compares files with the disk. Changes nothing.
    ///
    /// # Errors
    /// Returns all reasons why the files cannot be written.
    pub fn new(folders: &[Folder], files: &'f Files) -> Result<Self, Vec<WriteError>> {
        let mut plan = Self { changes: Vec::new(), lists: Vec::new() };
        let mut errors = Vec::new();
        for folder in folders {
            if let Err(error) = plan.add(folder, files, &mut errors) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(plan) } else { Err(errors) }
    }

    /// Returns all files, changed or not: folder by folder in the given order, sorted by path,
    /// removed files last.
    #[must_use]
    pub fn changes(&self) -> &[FileChange<'f>] {
        &self.changes
    }

    /// Returns whether any file on disk is out of date. One that was formatted is not.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let is_stale = |kind| !matches!(kind, ChangeKind::Unchanged | ChangeKind::Formatted);
        self.changes.iter().any(|change| is_stale(change.kind))
    }

    /// Writes and removes files.
    ///
    /// # Errors
    /// Returns an error if an I/O operation fails. Before all temporary files are written, nothing
    /// has changed. After that, each file is either completely old or completely new, and the next
    /// run continues.
    pub fn apply(self) -> Result<(), WriteError> {
        let mut stage = Stage::default();
        // After a crash the list may name too many files but never too few, so the union is written
        // first and the final list last.
        for (old, new) in &self.lists {
            let both = old.union(new);
            if both != *old {
                stage.write(&both.path(), &both.text())?;
            }
        }
        for change in &self.changes {
            let is_written = matches!(
                change.kind,
                ChangeKind::Created | ChangeKind::Updated | ChangeKind::Formatted
            );
            if is_written {
                stage.write(&change.path, change.text)?;
            }
        }
        stage.commit()?;
        for change in self.changes.iter().filter(|change| change.kind == ChangeKind::Removed) {
            fs::remove_file(&change.path).map_err(WriteError::io("remove", &change.path))?;
        }
        let mut tidy = Stage::default();
        for (old, new) in &self.lists {
            for path in old.without(new) {
                prune(&old.folder, path);
            }
            if old.union(new) != *new {
                tidy.write(&new.path(), &new.text())?;
            }
        }
        tidy.commit()
    }

    fn add(
        &mut self,
        folder: &Folder,
        files: &'f Files,
        errors: &mut Vec<WriteError>,
    ) -> Result<(), WriteError> {
        let old = FileList::read(&folder.path)?;
        let mut new = FileList::new(&folder.path);
        let mut folders = FolderChecks::new(&folder.path);
        let mut buffer = vec![0; 64 * 1024];
        let below = |path: &'f str| path.strip_prefix(folder.prefix)?.strip_prefix('/');
        for (name, text) in files.iter().filter_map(|(path, text)| Some((below(path)?, text))) {
            let path = folder.path.join(name);
            match folders
                .check(name)
                .and_then(|()| compare(&path, text, old.contains(name), &mut buffer))
            {
                Ok(kind) => {
                    self.changes.push(FileChange { prefix: folder.prefix, path, kind, text })
                }
                // Report a blocking folder once, not once per file.
                Err(error) if errors.iter().any(|known| known.path() == error.path()) => {}
                Err(error) => errors.push(error),
            }
            new.add(name);
        }
        for name in old.without(&new) {
            let path = folder.path.join(name);
            // A path that is no longer a regular file was not written by ablo and is kept.
            let ours = folders.check(name).is_ok()
                && fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
            if ours {
                self.changes.push(FileChange {
                    prefix: folder.prefix,
                    path,
                    kind: ChangeKind::Removed,
                    text: "",
                });
            }
        }
        self.lists.push((old, new));
        Ok(())
    }
}

/// Checks the folders between a target's folder and its files. The target's folder itself may be a
/// link; below it, a link could lead to files that ablo does not own.
struct FolderChecks<'a> {
    folder: &'a Path,
    checked: BTreeSet<PathBuf>,
}

impl<'a> FolderChecks<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, checked: BTreeSet::new() }
    }

    fn check(&mut self, name: &str) -> Result<(), WriteError> {
        let inner = name.match_indices('/').map(|(end, _)| self.folder.join(&name[..end]));
        for (path, links) in std::iter::once((self.folder.to_owned(), Links::Follow))
            .chain(inner.map(|inner| (inner, Links::Reject)))
        {
            if self.checked.contains(&path) {
                continue;
            }
            let found = match links {
                Links::Follow => fs::metadata(&path),
                Links::Reject => fs::symlink_metadata(&path),
            };
            match found {
                Ok(found) if !found.is_dir() => return Err(WriteError::NotAFolder(path)),
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    let found = path.ancestors().find(|above| above.exists());
                    return Err(WriteError::NotAFolder(found.unwrap_or(&path).to_owned()));
                }
                Err(error) if !is_absent(&error) => {
                    return Err(WriteError::io("inspect", &path)(error));
                }
                _ => {}
            }
            self.checked.insert(path);
        }
        Ok(())
    }
}

/// How a link is treated.
enum Links {
    Follow,
    Reject,
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Removes the folders that became empty when a file was removed.
fn prune(folder: &Path, name: &str) {
    for parent in
        Path::new(name).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty())
    {
        if fs::remove_dir(folder.join(parent)).is_err() {
            break;
        }
    }
}
