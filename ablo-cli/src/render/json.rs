//! Renders every diagnostic, and every file of `generate`, as one JSON object.

use crate::finding::{Finding, Location, Report};
use crate::outcome::{GeneratedFile, Outcome};
use ablo_codegen::write::ChangeKind;
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    diagnostics: Vec<Shown<'a>>,
    /// The number of diagnostics that were dropped to bound memory.
    #[serde(skip_serializing_if = "is_zero")]
    dropped: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<File<'a>>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    help: Option<&'a str>,
    also: Vec<Also<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<ShownFix<'a>>,
}

#[derive(Serialize)]
struct ShownFix<'a> {
    applicability: &'a str,
    edits: Vec<ShownEdit<'a>>,
}

#[derive(Serialize)]
struct ShownEdit<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    replacement: &'a str,
}

#[derive(Serialize)]
struct Also<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
}

#[derive(Serialize)]
struct Place<'a> {
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    #[serde(rename = "endLine")]
    end_line: Option<usize>,
    #[serde(rename = "endColumn")]
    end_column: Option<usize>,
    /// The bytes from the start of the file.
    bytes: Option<[usize; 2]>,
    pointer: Option<&'a str>,
}

#[derive(Serialize)]
struct File<'a> {
    target: &'a str,
    path: String,
    change: &'a str,
}

pub(super) fn print(outcome: &Outcome) -> String {
    let diagnostics = outcome
        .reports
        .iter()
        .flat_map(|report| report.findings.iter().map(|f| shown(report, f)))
        .collect();
    let dropped = outcome.reports.iter().map(|report| report.dropped).sum();
    let files =
        outcome.generated.as_ref().map(|generated| generated.files.iter().map(file).collect());
    let document = Document { diagnostics, dropped, files };
    // Strings and numbers always serialise.
    serde_json::to_string(&document).unwrap_or_default() + "\n"
}

fn shown<'a>(report: &'a Report, finding: &'a Finding) -> Shown<'a> {
    Shown {
        code: finding.code,
        severity: finding.severity.as_str(),
        message: &finding.message,
        place: place(report, finding.location.as_ref()),
        help: finding.help.as_deref(),
        also: finding
            .also
            .iter()
            .map(|(location, message)| Also { message, place: place(report, Some(location)) })
            .collect(),
        fix: finding.fix.as_ref().map(|fix| ShownFix {
            applicability: fix.applicability.as_str(),
            edits: fix
                .edits
                .iter()
                .map(|(location, replacement)| ShownEdit {
                    place: place(report, Some(location)),
                    replacement,
                })
                .collect(),
        }),
    }
}

fn place<'a>(report: &'a Report, location: Option<&'a Location>) -> Place<'a> {
    Place {
        file: location.and_then(|location| location.file.as_deref()).or(report.file.as_deref()),
        line: location.map(|location| location.line),
        column: location.map(|location| location.column),
        end_line: location.map(|location| location.end_line),
        end_column: location.map(|location| location.end_column),
        bytes: location.map(|location| [location.range.start, location.range.end]),
        pointer: location.and_then(|location| location.pointer.as_deref()),
    }
}

fn file(file: &GeneratedFile) -> File<'_> {
    let change = match file.kind {
        ChangeKind::Created => "created",
        ChangeKind::Updated => "updated",
        ChangeKind::Formatted => "formatted",
        ChangeKind::Unchanged => "unchanged",
        ChangeKind::Removed => "removed",
    };
    File { target: file.target, path: file.path.display().to_string(), change }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
