//! The list of files that ablo wrote into a folder, stored there as `.ablo-files`.
//!
//! The file has one relative path per line, sorted, so that it merges well. A list is used because
//! JSON output cannot carry a header comment. Lines that are not plain paths below the folder are
//! ignored, because the list can be edited and must not lead outside the folder.

use super::WriteError;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

const NAME: &str = ".ablo-files";
const HEAD: &str =
    "# Files that ablo wrote into this folder, and may replace or remove. Keep it beside them.\n";

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileList {
    pub(super) folder: PathBuf,
    names: BTreeSet<String>,
}

impl FileList {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), names: BTreeSet::new() }
    }

    /// Reads a folder's list. A folder without one has no files of ablo.
    pub(super) fn read(folder: &Path) -> Result<Self, WriteError> {
        let mut list = Self::new(folder);
        let path = list.path();
        match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() => return Err(WriteError::NotAFile(path)),
            Ok(_) => {}
            // The path check of each file reports this case with a better message.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(list);
            }
            Err(source) => return Err(WriteError::io("inspect", &path)(source)),
        }
        let text = fs::read_to_string(&path).map_err(WriteError::io("read", &path))?;
        list.names.extend(text.lines().filter(|line| is_plain(line)).map(str::to_owned));
        Ok(list)
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    pub(super) fn text(&self) -> String {
        self.names.iter().fold(HEAD.to_owned(), |text, name| text + name + "\n")
    }

    pub(super) fn add(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self {
            folder: self.folder.clone(),
            names: self.names.union(&other.names).cloned().collect(),
        }
    }

    /// Returns the names that the other list lacks.
    pub(super) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        self.names.difference(&other.names).map(String::as_str)
    }
}

fn is_plain(line: &str) -> bool {
    let inside = Path::new(line).components().all(|part| matches!(part, Component::Normal(_)));
    !line.is_empty() && !line.starts_with('#') && line != NAME && inside
}
