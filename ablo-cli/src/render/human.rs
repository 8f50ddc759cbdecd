//! Renders diagnostics with source snippets, and a summary of generated files.

use super::snippet::{self, Snippets};
use crate::finding::{Finding, Location, Report};
use crate::outcome::{Generated, Outcome, counted};
use ablo_codegen::write::ChangeKind;
use ablo_schema::Severity;
use miette::{
    Diagnostic, LabeledSpan, MietteHandler, MietteHandlerOpts, ReportHandler, SourceCode,
};
use std::fmt::{self, Write};
use std::io::IsTerminal;

/// The maximum number of diagnostics that are printed.
const MAX_SHOWN: usize = 40;

pub(super) fn diagnostics(reports: &[Report]) -> String {
    let total: usize = reports.iter().map(|report| report.findings.len() + report.dropped).sum();
    if total == 0 {
        return String::new();
    }
    let handler = handler();
    let mut out = String::new();
    let mut left = MAX_SHOWN;
    for report in reports {
        let source = Snippets::new(report.file.as_deref().unwrap_or_default(), &report.text);
        for finding in report.findings.iter().take(left) {
            let shown = Shown {
                finding,
                source: finding
                    .location
                    .as_ref()
                    .filter(|_| !report.text.is_empty())
                    .map(|_| &source),
            };
            // Writing to a `String` cannot fail.
            let _ = writeln!(out, "{}", Rendered(&handler, &shown));
            left -= 1;
        }
    }
    let count = |severity| reports.iter().map(|report| report.count(severity)).sum::<usize>();
    let dropped: usize = reports.iter().map(|report| report.dropped).sum();
    let mut parts = vec![
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
    ];
    if dropped > 0 {
        parts.push(format!("{dropped} not counted by kind"));
    }
    parts.retain(|part| !part.starts_with("0 "));
    let _ = write!(out, "{}", parts.join(", "));
    if total > MAX_SHOWN {
        let _ = write!(
            out,
            "; showing the first {MAX_SHOWN}, use `--format json` for {}",
            if dropped > 0 { "more" } else { "all" }
        );
    }
    out.push('\n');
    out
}

fn handler() -> MietteHandler {
    let is_terminal = std::io::stderr().is_terminal();
    let options = MietteHandlerOpts::new().unicode(true).terminal_links(false).context_lines(1);
    // A terminal gets its own width and colours; files and pipes always get the same plain text.
    if is_terminal { options.build() } else { options.color(false).width(100).build() }
}

struct Rendered<'a>(&'a MietteHandler, &'a Shown<'a>);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(self.1, f)
    }
}

/// Adapts a finding to miette's [`Diagnostic`].
#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    source: Option<&'a Snippets<'a>>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&snippet::sanitize(&self.finding.message))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let mut lines: Vec<String> =
            self.finding.help.iter().map(|help| snippet::sanitize(help).into_owned()).collect();
        let far = self.finding.also.iter().filter(|(location, _)| !self.is_beside(location));
        lines.extend(far.map(|(location, what)| {
            let file = location.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
            format!(
                "{}: {file}line {}, column {}",
                snippet::sanitize(what),
                location.line,
                location.column
            )
        }));
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (source, location) = (self.source?, self.finding.location.as_ref()?);
        let span = |range| source.first_line(range);
        let primary = LabeledSpan::new_primary_with_span(None, span(&location.range));
        let also = self.finding.also.iter().filter(|(location, _)| self.is_beside(location)).map(
            move |(location, what)| {
                LabeledSpan::new_with_span(
                    Some(snippet::sanitize(what).into_owned()),
                    span(&location.range),
                )
            },
        );
        Some(Box::new(std::iter::once(primary).chain(also)))
    }
}

impl Shown<'_> {
    /// Reports whether a secondary location can be labelled in the same snippet as the primary one.
    fn is_beside(&self, also: &Location) -> bool {
        let spots = self.finding.location.iter().chain([also]);
        also.file.is_none()
            && self.source.is_some_and(|source| {
                spots.into_iter().all(|location| source.is_short(&location.range))
            })
    }
}

pub(super) fn summary(outcome: &Outcome) -> String {
    match &outcome.generated {
        None => outcome.remark.clone(),
        Some(generated) if generated.check => checked(generated),
        Some(generated) => written(generated),
    }
}

fn checked(generated: &Generated) -> String {
    let stale = generated.stale().count();
    if stale == 0 {
        return format!("{} up to date\n", counted(generated.files.len(), "file"));
    }
    let mut out = String::new();
    for (word, file) in generated.stale() {
        let _ = writeln!(out, "{} {word}", file.path.display());
    }
    out + &format!("{} stale; run `ablo generate` with the same flags\n", counted(stale, "file"))
}

fn written(generated: &Generated) -> String {
    let mut out = format!("{} of {}\n", counted(generated.models, "model"), generated.schema);
    for files in generated.files.chunk_by(|one, other| one.target == other.target) {
        let count = |kind| files.iter().filter(|file| file.kind == kind).count();
        let counts = [
            (count(ChangeKind::Created), "created"),
            (count(ChangeKind::Updated) + count(ChangeKind::Formatted), "updated"),
            (count(ChangeKind::Removed), "removed"),
            (count(ChangeKind::Unchanged), "unchanged"),
        ];
        let changes: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        let Some(first) = files.iter().find(|file| file.kind != ChangeKind::Removed) else {
            continue;
        };
        let start = files.iter().find(|file| file.is_entry_point()).unwrap_or(first);
        let _ = writeln!(
            out,
            "  {:<12} {:<28} see {}",
            first.target,
            changes.join(", "),
            start.path.display()
        );
    }
    out
}
