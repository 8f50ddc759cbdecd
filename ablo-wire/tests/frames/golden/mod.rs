//! Locates and reads the golden frames.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails loudly")]

use std::fs;
use std::path::{Path, PathBuf};

/// One golden file.
pub(crate) struct Golden {
    /// The name of its folder: the type of the frame, or the name of the body.
    pub(crate) folder: String,
    /// The file name without `.json`.
    pub(crate) name: String,
    /// The text without white space outside strings.
    pub(crate) text: String,
}

impl Golden {
    /// Returns the name used in messages.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.folder, self.name)
    }

    /// Returns whether this is an alternative spelling of the file without `.in`, for reading only.
    pub(crate) fn is_alternate(&self) -> bool {
        self.name.ends_with(".in")
    }
}

/// Returns the golden frames of both directions.
pub(crate) fn frames() -> Vec<Golden> {
    let folders: Vec<_> = subfolders(&root()).into_iter().filter(|path| path.is_dir()).collect();
    folders
        .iter()
        // These folders hold no frames, or frames outside this crate.
        .filter(|folder| {
            !["bodies", "binary", "malformed"].iter().any(|other| folder.ends_with(other))
        })
        .flat_map(|folder| files(folder))
        .collect()
}

/// Returns the golden bodies, one folder per definition.
pub(crate) fn bodies() -> Vec<Golden> {
    subfolders(&root().join("bodies")).iter().flat_map(|folder| files(folder)).collect()
}

/// Returns frames that must be rejected.
pub(crate) fn malformed() -> Vec<Golden> {
    files(&root().join("malformed"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire")
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn files(folder: &Path) -> Vec<Golden> {
    let text = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let golden = |path: PathBuf| Golden {
        folder: text(folder),
        name: text(&path).strip_suffix(".json").expect("goldens are .json files").to_owned(),
        text: compact(&fs::read_to_string(&path).unwrap()),
    };
    subfolders(folder).into_iter().map(golden).collect()
}

/// Removes white space outside strings. Unlike a round trip through a value, this preserves the
/// spelling of numbers.
fn compact(json: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in json.trim().chars() {
        if quoted || !c.is_whitespace() || !json.starts_with(['{', '[']) {
            out.push(c);
        }
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = quoted && c == '\\' && !escaped;
    }
    out
}
