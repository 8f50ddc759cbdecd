//! Finds the files of `mod name;` declarations by the rules of rustc.

use ablo_schema::front::rust::file::{self, ModuleRequest};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The files of a Rust source, in the order in which they are read.
///
/// ```no_run
/// use ablo_codegen::RustFiles;
/// use ablo_schema::front::rust::file;
///
/// let text = std::fs::read_to_string("src/schema.rs")?;
/// let mut files = RustFiles::new("src/schema.rs");
/// let read = file::read_with(&text, &mut |wanted| files.load(wanted));
/// assert_eq!(read.texts.len(), files.paths().len());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RustFiles {
    paths: Vec<PathBuf>,
    missing: Vec<PathBuf>,
}

impl RustFiles {
    /// Starts with the root file.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { paths: vec![root.into()], missing: Vec::new() }
    }

    /// Returns the files that were read, the root file first.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns the files that were looked for and do not exist. The source changes if one of them
    /// is created.
    #[must_use]
    pub fn missing(&self) -> &[PathBuf] {
        &self.missing
    }

    /// Reads the file of a module.
    ///
    /// # Errors
    /// Returns a message if the file does not exist or is not readable as text.
    pub fn load(&mut self, wanted: &ModuleRequest<'_>) -> Result<String, String> {
        let candidates = self.candidates(wanted);
        let Some(found) = candidates.iter().find(|path| path.is_file()) else {
            let names: Vec<String> =
                candidates.iter().map(|path| format!("`{}`", path.display())).collect();
            self.missing.extend(candidates);
            return Err(format!("no file {}", names.join(" or ")));
        };
        let text =
            read_bounded(found).map_err(|error| format!("`{}`: {error}", found.display()))?;
        self.paths.push(found.clone());
        Ok(text)
    }

    /// Returns the paths where rustc would look. The root file may be a crate root or a module, so
    /// the paths for both cases are returned.
    fn candidates(&self, wanted: &ModuleRequest<'_>) -> Vec<PathBuf> {
        let file = self.paths.get(wanted.file).map_or(Path::new(""), PathBuf::as_path);
        let folder = file.parent().unwrap_or(Path::new(""));
        let stem = file.file_stem().unwrap_or_default();
        let owns_folder = matches!(stem.to_str(), Some("mod" | "lib" | "main"));
        let below = |folder: &Path| {
            wanted.inline_modules.iter().fold(folder.to_owned(), |path, name| path.join(name))
        };
        if let Some(path) = wanted.path {
            let is_own = wanted.inline_modules.is_empty();
            let own = if is_own || owns_folder { below(folder) } else { below(&folder.join(stem)) };
            return vec![own.join(path)];
        }
        let mut folders = Vec::new();
        if !owns_folder {
            folders.push(below(&folder.join(stem)));
        }
        if owns_folder || wanted.file == 0 {
            folders.push(below(folder));
        }
        let both = |folder: PathBuf| {
            [folder.join(format!("{}.rs", wanted.name)), folder.join(wanted.name).join("mod.rs")]
        };
        folders.into_iter().flat_map(both).collect()
    }
}

/// Reads a file as text, up to the size limit.
pub(super) fn read_bounded(path: &Path) -> io::Result<String> {
    let limit = file::MAX_BYTES as u64;
    let mut text = String::new();
    if File::open(path)?.take(limit + 1).read_to_string(&mut text)? as u64 > limit {
        return Err(io::Error::other(format!("larger than {} MiB", limit >> 20)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(root: &str, inside: &[&str], path: Option<&str>) -> Vec<String> {
        let inside: Vec<String> = inside.iter().map(|name| (*name).to_owned()).collect();
        let files = RustFiles::new(root);
        let found =
            files.candidates(&ModuleRequest { file: 0, inline_modules: &inside, name: "x", path });
        found.iter().map(|path| path.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn modules_are_found_where_rustc_looks() {
        assert_eq!(candidates("src/lib.rs", &[], None), ["src/x.rs", "src/x/mod.rs"]);
        assert_eq!(
            candidates("src/schema.rs", &[], None),
            ["src/schema/x.rs", "src/schema/x/mod.rs", "src/x.rs", "src/x/mod.rs"]
        );
        assert_eq!(candidates("src/lib.rs", &["a"], None), ["src/a/x.rs", "src/a/x/mod.rs"]);
        assert_eq!(candidates("src/schema.rs", &[], Some("../y.rs")), ["src/../y.rs"]);
        assert_eq!(candidates("src/schema.rs", &["a"], Some("y.rs")), ["src/schema/a/y.rs"]);
        assert_eq!(candidates("schema.rs", &[], None)[2], "x.rs");
    }
}
