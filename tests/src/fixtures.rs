//! Access to the files of `fixtures/`.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the `fixtures/` folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// Reads a fixture file.
///
/// # Panics
/// Panics if the file cannot be read.
#[must_use]
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns all files of a name below a folder of `fixtures/`, ordered by path.
#[must_use]
pub fn find(folder: &str, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root().join(folder), name, &mut found);
    found.sort();
    found
}

fn walk(folder: &Path, name: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, name, found);
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
}

/// Returns a fixture's name: its folder below `fixtures/`, joined with `-`.
#[must_use]
pub fn name_of(path: &Path) -> String {
    let folder = path.parent().unwrap_or(path);
    let below = folder.strip_prefix(root()).unwrap_or(folder);
    below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("-")
}

/// Returns the name and the text of every valid schema.
#[must_use]
pub fn good_schemas() -> Vec<(String, String)> {
    find("schemas", "schema.json")
        .into_iter()
        .chain(find("conformance", "schema.json"))
        .map(|path| (name_of(&path), read(&path)))
        .collect()
}
