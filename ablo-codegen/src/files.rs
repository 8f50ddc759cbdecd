//! The generated files of a run, in memory.

use std::collections::{BTreeMap, BTreeSet};

const GIT_ATTRIBUTES: &str = "* text=auto eol=lf linguist-generated\n";

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
    /// Adds a file. A second text for the same path replaces the first.
    pub fn add(&mut self, path: impl Into<String>, text: String) {
        self.0.insert(path.into(), text);
    }

    /// Adds a `.gitattributes` to the folder of each target, so that git keeps the line ends of
    /// generated files and reviews fold them.
    pub fn add_git_attributes(&mut self) {
        let folders: BTreeSet<String> = self
            .0
            .keys()
            .filter_map(|path| path.split_once('/'))
            .map(|(folder, _)| folder.to_owned())
            .collect();
        for folder in folders {
            self.add(format!("{folder}/.gitattributes"), GIT_ATTRIBUTES.to_owned());
        }
    }

    /// Returns the text of one file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Iterates over all files, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }
}
