//! What came of a command, before anything is printed.

use crate::finding::{Exit, Report, Stop};
use ablo_codegen::write::ChangeKind;
use std::path::PathBuf;

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) reports: Vec<Report>,
    /// What was asked for, for standard output in every format.
    pub(crate) text: String,
    /// One line for people who asked for nothing but whether all is well.
    pub(crate) remark: String,
    /// What `generate` did or, when checking, would do.
    pub(crate) generated: Option<Generated>,
}

impl Outcome {
    /// All is well, and this is what was asked for.
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

impl From<Stop> for Outcome {
    fn from(stop: Stop) -> Self {
        Self { exit: stop.exit, reports: stop.reports, ..Self::text(String::new()) }
    }
}

impl From<Result<Outcome, Stop>> for Outcome {
    fn from(result: Result<Outcome, Stop>) -> Self {
        result.unwrap_or_else(Self::from)
    }
}

/// The files of a run of `generate`.
#[derive(Debug)]
pub(crate) struct Generated {
    /// The schema's name, as it was given.
    pub(crate) schema: String,
    pub(crate) models: usize,
    /// Whether nothing was to be written.
    pub(crate) check: bool,
    /// By target, then by path.
    pub(crate) files: Vec<GeneratedFile>,
}

impl Generated {
    /// The files on disk that are not as they should be, and what is wrong with each.
    pub(crate) fn stale(&self) -> impl Iterator<Item = (&'static str, &GeneratedFile)> {
        self.files.iter().filter_map(|file| match file.kind {
            ChangeKind::Unchanged => None,
            ChangeKind::Created => Some(("is missing", file)),
            ChangeKind::Updated => Some(("differs", file)),
            ChangeKind::Removed => Some(("is left over", file)),
        })
    }
}

/// One of them.
#[derive(Debug)]
pub(crate) struct GeneratedFile {
    pub(crate) target: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) kind: ChangeKind,
}

impl GeneratedFile {
    /// Whether its name says that reading starts here, as `mod.rs` and `index.ts` do.
    pub(crate) fn is_start(&self) -> bool {
        let stem = self.path.file_stem().and_then(|stem| stem.to_str());
        self.kind != ChangeKind::Removed && matches!(stem, Some("mod" | "lib" | "index"))
    }
}

/// A number and what there is so many of.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
