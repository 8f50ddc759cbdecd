//! The outcome of a command, before it is printed.

use crate::finding::{Exit, Failure, Report};
use ablo_codegen::write::ChangeKind;
use std::path::PathBuf;

/// The outcome of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) reports: Vec<Report>,
    /// The requested output, for standard output in every format.
    pub(crate) text: String,
    /// A message for the human format.
    pub(crate) remark: String,
    /// The files that `generate` wrote or, with `--check`, would write.
    pub(crate) generated: Option<Generated>,
}

impl Outcome {
    /// Creates a successful outcome with this output.
    pub(crate) fn text(text: String) -> Self {
        Self {
            exit: Exit::Clean,
            reports: Vec::new(),
            text,
            remark: String::new(),
            generated: None,
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self { exit: failure.exit, reports: failure.reports, ..Self::text(String::new()) }
    }
}

impl From<Result<Outcome, Failure>> for Outcome {
    fn from(result: Result<Outcome, Failure>) -> Self {
        result.unwrap_or_else(Self::from)
    }
}

/// The files of a run of `generate`.
#[derive(Debug)]
pub(crate) struct Generated {
    /// The schema's name, as given on the command line.
    pub(crate) schema: String,
    pub(crate) models: usize,
    /// Whether files were only checked.
    pub(crate) check: bool,
    /// The files, by target, then by path.
    pub(crate) files: Vec<GeneratedFile>,
}

impl Generated {
    /// Returns the stale files on disk, each with how it is stale.
    pub(crate) fn stale(&self) -> impl Iterator<Item = (&'static str, &GeneratedFile)> {
        self.files.iter().filter_map(|file| match file.kind {
            ChangeKind::Unchanged | ChangeKind::Formatted => None,
            ChangeKind::Created => Some(("is missing", file)),
            ChangeKind::Updated => Some(("differs", file)),
            ChangeKind::Removed => Some(("is left over", file)),
        })
    }
}

/// A generated file.
#[derive(Debug)]
pub(crate) struct GeneratedFile {
    pub(crate) target: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) kind: ChangeKind,
}

impl GeneratedFile {
    /// Reports whether the file is an entry point, such as `mod.rs` or `index.ts`.
    pub(crate) fn is_entry_point(&self) -> bool {
        let stem = self.path.file_stem().and_then(|stem| stem.to_str());
        self.kind != ChangeKind::Removed && matches!(stem, Some("mod" | "lib" | "index"))
    }
}

/// Formats a count with its noun in the singular or plural.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
