//! The files of a run, in memory: path below the output folder to text.

use std::collections::BTreeMap;

/// Generated files, ordered by path. Paths are relative and use `/`.
///
/// ```
/// let mut files = ablo_codegen::Files::default();
/// files.add("typescript/index.ts", "export {};\n".to_owned());
/// assert_eq!(files.iter().count(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, String>);

impl Files {
    /// Adds a file. A path is given once: a second text for it replaces the first.
    pub fn add(&mut self, path: impl Into<String>, text: String) {
        self.0.insert(path.into(), text);
    }

    /// The text of one file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Every file, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }
}
