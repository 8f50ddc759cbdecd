//! For people: diagnostics with the source around them, and a short summary of what was done.

use super::snippet::{self, Snippets};
use crate::finding::{Finding, Report, Spot};
use crate::outcome::{Generated, Outcome, counted};
use ablo_codegen::write::ChangeKind;
use ablo_schema::Severity;
use miette::{
    Diagnostic, LabeledSpan, MietteHandler, MietteHandlerOpts, ReportHandler, SourceCode,
};
use std::fmt::{self, Write};
use std::io::IsTerminal;

/// More than anybody reads at once.
const MOST_SHOWN: usize = 40;

pub(super) fn diagnostics(reports: &[Report]) -> String {
    let total: usize = reports.iter().map(|report| report.findings.len() + report.dropped).sum();
    if total == 0 {
        return String::new();
    }
    let handler = handler();
    let mut out = String::new();
    let mut left = MOST_SHOWN;
    for report in reports {
        let source = Snippets::new(report.file.as_deref().unwrap_or_default(), &report.text);
        for finding in report.findings.iter().take(left) {
            let shown = Shown {
                finding,
                source: finding.spot.as_ref().filter(|_| !report.text.is_empty()).map(|_| &source),
            };
            // Writing to a string cannot fail.
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
    if total > MOST_SHOWN {
        let _ = write!(
            out,
            "; the first {MOST_SHOWN} are shown, `--format json` has {}",
            if dropped > 0 { "more" } else { "all" }
        );
    }
    out.push('\n');
    out
}

fn handler() -> MietteHandler {
    let to_people = std::io::stderr().is_terminal();
    let options = MietteHandlerOpts::new().unicode(true).terminal_links(false).context_lines(1);
    // The terminal's own width and colours, NO_COLOR included; for files and pipes the same plain text everywhere.
    if to_people { options.build() } else { options.color(false).width(100).build() }
}

struct Rendered<'a>(&'a MietteHandler, &'a Shown<'a>);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(self.1, f)
    }
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Finding,
    source: Option<&'a Snippets<'a>>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&snippet::plain(&self.finding.message))
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
            self.finding.help.iter().map(|help| snippet::plain(help).into_owned()).collect();
        let far = self.finding.also.iter().filter(|(spot, _)| !self.is_beside(spot));
        lines.extend(far.map(|(spot, what)| {
            let file = spot.file.as_ref().map(|file| format!("{file}, ")).unwrap_or_default();
            format!("{}: {file}line {}, column {}", snippet::plain(what), spot.line, spot.column)
        }));
        (!lines.is_empty()).then(|| Box::new(lines.join("\n")) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (source, spot) = (self.source?, self.finding.spot.as_ref()?);
        let span = |range| source.first_line(range);
        let primary = LabeledSpan::new_primary_with_span(None, span(&spot.range));
        let also = self.finding.also.iter().filter(|(spot, _)| self.is_beside(spot)).map(
            move |(spot, what)| {
                LabeledSpan::new_with_span(
                    Some(snippet::plain(what).into_owned()),
                    span(&spot.range),
                )
            },
        );
        Some(Box::new(std::iter::once(primary).chain(also)))
    }
}

impl Shown<'_> {
    /// Whether a further place can be marked in the source, beside the first.
    fn is_beside(&self, also: &Spot) -> bool {
        let spots = self.finding.spot.iter().chain([also]);
        also.file.is_none()
            && self
                .source
                .is_some_and(|source| spots.into_iter().all(|spot| source.is_short(&spot.range)))
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
        return format!("nothing is stale in {}\n", counted(generated.files.len(), "file"));
    }
    let mut out = String::new();
    for (word, file) in generated.stale() {
        let _ = writeln!(out, "{} {word}", file.path.display());
    }
    out + &format!(
        "{} stale; `ablo generate` with the same flags mends that\n",
        counted(stale, "file")
    )
}

fn written(generated: &Generated) -> String {
    let mut out = format!("{} of {}\n", counted(generated.models, "model"), generated.schema);
    for files in generated.files.chunk_by(|one, other| one.target == other.target) {
        let count = |kind| files.iter().filter(|file| file.kind == kind).count();
        let counts = [
            (count(ChangeKind::Created), "created"),
            (count(ChangeKind::Updated), "updated"),
            (count(ChangeKind::Removed), "removed"),
            (count(ChangeKind::Unchanged), "unchanged"),
        ];
        let said: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        let Some(first) = files.iter().find(|file| file.kind != ChangeKind::Removed) else {
            continue;
        };
        let start = files.iter().find(|file| file.is_start()).unwrap_or(first);
        let _ = writeln!(
            out,
            "  {:<12} {:<28} see {}",
            first.target,
            said.join(", "),
            start.path.display()
        );
    }
    out
}
