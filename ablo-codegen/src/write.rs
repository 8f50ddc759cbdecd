//! Files onto disk: what would change, and then changing it.
//!
//! Comes in: [`Files`] and the [`Folder`] of each target. A [`WritePlan`] says file by file what differs; applying it
//! writes every new text beside its place first and renames once all are written, so that an error loses nothing and
//! no file is ever half there. What a file says is never looked at here: a file is ours when the folder's list
//! (`.ablo-files`) names it, and only such files are replaced or removed.

mod list;
mod stage;

use crate::Files;
use list::FileList;
use stage::Stage;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The folder that one target's files go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The first part of the files' paths in [`Files`]: the target's id.
    pub prefix: &'static str,
    /// The folder on disk that stands for it.
    pub path: PathBuf,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Created,
    /// Its bytes differ.
    Updated,
    /// Its bytes are already right: it is not touched.
    Unchanged,
    /// An earlier run wrote it and this one does not.
    Removed,
}

/// One file of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange<'f> {
    /// The [`Folder::prefix`] it belongs to.
    pub prefix: &'static str,
    /// Where it is on disk.
    pub path: PathBuf,
    /// What happens to it.
    pub kind: ChangeKind,
    text: &'f str,
}

/// Why a file cannot be written. Every case names the path.
#[derive(Debug)]
pub enum WriteError {
    /// A file that no earlier run wrote is where a generated one goes.
    NotOurs(PathBuf),
    /// A folder, a link or a device is where a generated file goes.
    NotAFile(PathBuf),
    /// A file or a link is where a folder of generated files goes.
    NotAFolder(PathBuf),
    /// The system refused.
    Io {
        /// What was tried, as in "cannot … `path`".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl WriteError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }

    /// The path it is about.
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
                write!(f, "`{path}` is not an ordinary file, and a generated file goes there")
            }
            Self::NotAFolder(_) => {
                write!(f, "`{path}` is not a folder, and generated files go below it")
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

/// What a run would change on disk.
#[derive(Debug)]
pub struct WritePlan<'f> {
    changes: Vec<FileChange<'f>>,
    lists: Vec<(FileList, FileList)>,
}

impl<'f> WritePlan<'f> {
    /// Compares files with what is on disk, and changes nothing.
    ///
    /// # Errors
    /// Everything that stands in the way of writing, all at once.
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

    /// Every file, changed or not: folder by folder in the order given, by path, removed files last.
    #[must_use]
    pub fn changes(&self) -> &[FileChange<'f>] {
        &self.changes
    }

    /// Whether anything on disk is not as the files say.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.changes.iter().any(|change| change.kind != ChangeKind::Unchanged)
    }

    /// Makes the disk agree.
    ///
    /// # Errors
    /// When the system refuses. Until all new texts are written nothing has changed; after that each file is either
    /// wholly old or wholly new, and the next run carries on.
    pub fn apply(self) -> Result<(), WriteError> {
        let mut stage = Stage::default();
        // The list of a crashed run may name too much but never too little, so it goes first and is tidied last.
        for (old, new) in &self.lists {
            let both = old.union(new);
            if both != *old {
                stage.write(&both.path(), &both.text())?;
            }
        }
        for change in &self.changes {
            if matches!(change.kind, ChangeKind::Created | ChangeKind::Updated) {
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
                // One folder in the way of several files is one error.
                Err(error) if errors.iter().any(|known| known.path() == error.path()) => {}
                Err(error) => errors.push(error),
            }
            new.add(name);
        }
        for name in old.without(&new) {
            let path = folder.path.join(name);
            // Whatever is no ordinary file any more is no longer what we wrote, and stays.
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

fn compare(
    path: &Path,
    text: &str,
    ours: bool,
    buffer: &mut [u8],
) -> Result<ChangeKind, WriteError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(ChangeKind::Created),
        Err(source) => return Err(WriteError::io("look at", path)(source)),
    };
    if !found.is_file() {
        return Err(WriteError::NotAFile(path.to_owned()));
    }
    if found.len() == text.len() as u64
        && has_text(path, text, buffer).map_err(WriteError::io("read", path))?
    {
        return Ok(ChangeKind::Unchanged);
    }
    if ours { Ok(ChangeKind::Updated) } else { Err(WriteError::NotOurs(path.to_owned())) }
}

/// Whether a file has just this text, found without holding the file in memory.
fn has_text(path: &Path, text: &str, buffer: &mut [u8]) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    let mut rest = text.as_bytes();
    loop {
        let read = file.read(buffer)?;
        match rest.strip_prefix(&buffer[..read]) {
            Some(behind) if read > 0 => rest = behind,
            _ => return Ok(read == 0 && rest.is_empty()),
        }
    }
}

/// The folders on the way from a target's folder to its files. The target's folder may be a link, which is its owner's
/// wish; below it a link would lead to files that are not ours.
struct FolderChecks<'a> {
    folder: &'a Path,
    passed: BTreeSet<PathBuf>,
}

impl<'a> FolderChecks<'a> {
    fn new(folder: &'a Path) -> Self {
        Self { folder, passed: BTreeSet::new() }
    }

    fn check(&mut self, name: &str) -> Result<(), WriteError> {
        let inner = name.match_indices('/').map(|(end, _)| self.folder.join(&name[..end]));
        for (way, look) in std::iter::once((self.folder.to_owned(), Links::Follow))
            .chain(inner.map(|p| (p, Links::Reject)))
        {
            if self.passed.contains(&way) {
                continue;
            }
            let found = match look {
                Links::Follow => fs::metadata(&way),
                Links::Reject => fs::symlink_metadata(&way),
            };
            match found {
                Ok(found) if !found.is_dir() => return Err(WriteError::NotAFolder(way)),
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                    let found = way.ancestors().find(|above| above.exists());
                    return Err(WriteError::NotAFolder(found.unwrap_or(&way).to_owned()));
                }
                Err(error) if !is_absent(&error) => {
                    return Err(WriteError::io("look at", &way)(error));
                }
                _ => {}
            }
            self.passed.insert(way);
        }
        Ok(())
    }
}

/// How a link on the way is taken.
enum Links {
    Follow,
    Reject,
}

fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Removes the folders that a removed file leaves empty; one that is not empty stays.
fn prune(folder: &Path, name: &str) {
    for parent in
        Path::new(name).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty())
    {
        if fs::remove_dir(folder.join(parent)).is_err() {
            break;
        }
    }
}
