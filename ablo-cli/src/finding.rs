//! What a command found, on its way to a renderer.
//!
//! Diagnostics of the schema, of ablo.toml and of the output folder become one kind of thing here, so that every
//! renderer is written once.

use crate::codes::Code;
use ablo_schema::Severity;
use std::ops::Range;
use std::path::Path;

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All is well.
    Clean = 0,
    /// The schema has errors, or files are stale.
    Errors = 1,
    /// ablo could not do its work.
    CannotRun = 2,
}

/// A text that was read, and what it is called.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// A place in a source.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    pub(crate) range: Range<usize>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) pointer: Option<String>,
    /// The file, where it is another than that of the report.
    pub(crate) file: Option<String>,
}

impl Spot {
    /// The place of a range of bytes.
    pub(crate) fn of(text: &str, range: Range<usize>) -> Self {
        let before = &text[..text.floor_char_boundary(range.start)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        Self {
            line,
            column: before[line_start..].chars().count() + 1,
            range,
            pointer: None,
            file: None,
        }
    }
}

/// One thing to say.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) spot: Option<Spot>,
    pub(crate) also: Vec<(Spot, String)>,
    pub(crate) help: Option<String>,
}

impl Finding {
    pub(crate) fn new(code: impl Into<Code>, message: impl Into<String>) -> Self {
        let Code { name, severity, mend, .. } = code.into();
        let help = Some(mend.to_owned());
        Self { code: name, severity, message: message.into(), spot: None, also: Vec::new(), help }
    }

    pub(crate) fn at(mut self, spot: Spot) -> Self {
        self.spot = Some(spot);
        self
    }

    /// Puts more exact help, if there is any, in place of the code's own.
    pub(crate) fn help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// What was found in one file, or about it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The file, unless the finding is about the command line.
    pub(crate) file: Option<String>,
    /// Its text, when findings have places in it.
    pub(crate) text: String,
    pub(crate) findings: Vec<Finding>,
    /// Findings left out to keep memory bounded.
    pub(crate) dropped: usize,
}

impl Report {
    /// About a file as such, or about the command line.
    pub(crate) fn about(file: Option<&Path>, findings: Vec<Finding>) -> Self {
        Self { file: file.map(|path| path.display().to_string()), findings, ..Self::default() }
    }

    /// About places in a source.
    pub(crate) fn within(source: Source, findings: Vec<Finding>) -> Self {
        Self { file: Some(source.name), text: source.text, findings, dropped: 0 }
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Why a command stopped: what there is to say, and the exit status.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) exit: Exit,
    pub(crate) reports: Vec<Report>,
}

impl Stop {
    pub(crate) fn new(exit: Exit, report: Report) -> Self {
        Self { exit, reports: vec![report] }
    }
}
