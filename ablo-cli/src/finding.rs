//! Findings: the common form of all diagnostics, which every renderer prints.

use crate::codes::Code;
use ablo_schema::Severity;
use ablo_schema::diag::{Applicability, Suggest};
use std::ops::Range;
use std::path::Path;

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Success.
    Clean = 0,
    /// The schema has errors, files are stale, or a decision is missing.
    Errors = 1,
    /// The command could not run.
    CannotRun = 2,
}

/// An input text and its name.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A location in a source.
#[derive(Clone, Debug)]
pub(crate) struct Location {
    pub(crate) range: Range<usize>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
    pub(crate) pointer: Option<String>,
    /// The file, if it is not that of the report.
    pub(crate) file: Option<String>,
}

impl Location {
    /// Returns the location of a range of bytes.
    pub(crate) fn of(text: &str, range: Range<usize>) -> Self {
        let (line, column) = position(text, range.start);
        let (end_line, end_column) = position(text, range.end);
        Self { range, line, column, end_line, end_column, pointer: None, file: None }
    }
}

/// Returns the line and the column of an offset, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A change of the source that removes a finding.
#[derive(Debug)]
pub(crate) struct Fix {
    pub(crate) applicability: Applicability,
    /// The replaced parts, each with its new text.
    pub(crate) edits: Vec<(Location, String)>,
}

/// An error or warning.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) location: Option<Location>,
    pub(crate) also: Vec<(Location, String)>,
    pub(crate) help: Option<String>,
    pub(crate) fix: Option<Fix>,
}

impl Finding {
    pub(crate) fn new(code: impl Into<Code>, message: impl Into<String>) -> Self {
        let Code { name, severity, fix, .. } = code.into();
        let help = Some(fix.to_owned());
        Self {
            code: name,
            severity,
            message: message.into(),
            location: None,
            also: Vec::new(),
            help,
            fix: None,
        }
    }

    pub(crate) fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Replaces the code's help, if more specific help is given.
    pub(crate) fn help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// The findings of one file.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The file. `None` for findings about the command line.
    pub(crate) file: Option<String>,
    /// The text of the file, if findings have locations in it.
    pub(crate) text: String,
    pub(crate) findings: Vec<Finding>,
    /// The number of findings that were dropped to bound memory.
    pub(crate) dropped: usize,
}

impl Report {
    /// Creates a report about a file as a whole or about the command line.
    pub(crate) fn about(file: Option<&Path>, findings: Vec<Finding>) -> Self {
        Self { file: file.map(|path| path.display().to_string()), findings, ..Self::default() }
    }

    /// Creates a report about locations in a source.
    pub(crate) fn in_source(source: Source, findings: Vec<Finding>) -> Self {
        Self { file: Some(source.name), text: source.text, findings, dropped: 0 }
    }

    /// Returns the number of findings whose fixes need no decision.
    pub(crate) fn fixable(&self) -> usize {
        let is_fixable = |finding: &&Finding| {
            finding
                .fix
                .as_ref()
                .is_some_and(|fix| fix.applicability == Applicability::MachineApplicable)
        };
        self.findings.iter().filter(is_fixable).count()
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// The failure of a command: its exit status and reports.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) reports: Vec<Report>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, report: Report) -> Self {
        Self { exit, reports: vec![report] }
    }
}

/// Returns help that suggests the known name nearest to an unknown one, if one is near.
pub(crate) fn did_you_mean<'n>(
    unknown: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<String> {
    let nearest = Suggest::default().nearest(unknown, known);
    nearest.map(|name| format!("did you mean `{name}`?"))
}
