//! Renders diagnostics for the output of a build.

use ablo_schema::Severity;
use ablo_schema::front::Located;
use std::fmt::{self, Write};
use std::path::PathBuf;

/// An error of the generator. `Debug` and `Display` print the whole report, so that `run()?` in a
/// build script shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    text: String,
}

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.trim_end())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `main` prints the returned error after `Error: `.
        write!(f, "ablo: nothing was generated\n\n{self}")
    }
}

impl std::error::Error for Failure {}

/// The text of a source file, and its path.
pub(super) struct SourceText<'t> {
    pub(super) path: PathBuf,
    pub(super) text: &'t str,
}

/// The number of diagnostics that are printed.
const MAX_SHOWN: usize = 40;

/// Renders diagnostics with source excerpts in the style of rustc.
#[cfg(not(feature = "fancy"))]
pub(super) fn render(texts: &[SourceText<'_>], all: &[Located<'_>]) -> String {
    let mut out = String::new();
    for located in all.iter().take(MAX_SHOWN) {
        let diagnostic = located.diagnostic;
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{}[{}]: {}",
            diagnostic.severity.as_str(),
            diagnostic.code,
            diagnostic.message
        );
        let place = &located.location;
        if let Some(source) = texts.get(place.file) {
            let _ =
                writeln!(out, "  --> {}:{}:{}", source.path.display(), place.line, place.column);
            snippet(&mut out, source.text, place);
        }
        for (place, what) in &located.also {
            if let Some(source) = texts.get(place.file) {
                let _ = writeln!(
                    out,
                    "  ::: {}:{}:{}: {what}",
                    source.path.display(),
                    place.line,
                    place.column
                );
            }
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "  = help: {help}");
        }
        out.push('\n');
    }
    count(&mut out, all);
    out
}

#[cfg(not(feature = "fancy"))]
fn snippet(out: &mut String, text: &str, place: &ablo_schema::front::Location) {
    /// Longer lines are not shown.
    const MAX_LINE_CHARS: usize = 160;
    let Some(line) =
        text.lines().nth(place.line - 1).filter(|line| line.chars().count() <= MAX_LINE_CHARS)
    else {
        return;
    };
    let shown: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let number = place.line.to_string();
    let gap = " ".repeat(number.len());
    let marked =
        text.get(place.range.clone()).and_then(|marked| marked.lines().next()).unwrap_or_default();
    let marks = "^".repeat(marked.chars().count().max(1));
    let before = " ".repeat(place.column - 1);
    let _ = writeln!(out, "{gap}  |\n{number}  | {shown}\n{gap}  | {before}{marks}");
}

/// Renders diagnostics with source excerpts through miette.
#[cfg(feature = "fancy")]
pub(super) fn render(texts: &[SourceText<'_>], all: &[Located<'_>]) -> String {
    use miette::{LabeledSpan, MietteDiagnostic, NamedSource, Report};
    let mut out = String::new();
    for located in all.iter().take(MAX_SHOWN) {
        let diagnostic = located.diagnostic;
        let severity = match diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            located.also.iter().partition(|(place, _)| place.file == located.location.file);
        let mut help = diagnostic.help.clone().unwrap_or_default();
        for (place, what) in elsewhere {
            if let Some(source) = texts.get(place.file) {
                let _ = write!(
                    help,
                    "\n{what}: {}:{}:{}",
                    source.path.display(),
                    place.line,
                    place.column
                );
            }
        }
        let label = |what: Option<&str>, range: &std::ops::Range<usize>| {
            LabeledSpan::new(what.map(str::to_owned), range.start, range.len())
        };
        let labels = std::iter::once(label(None, &located.location.range))
            .chain(here.into_iter().map(|(place, what)| label(Some(what), &place.range)));
        let shown = MietteDiagnostic::new(diagnostic.message.clone())
            .with_code(diagnostic.code.as_str())
            .with_severity(severity)
            .with_help(help)
            .with_labels(labels);
        let Some(source) = texts.get(located.location.file) else { continue };
        let source = NamedSource::new(source.path.display().to_string(), source.text.to_owned());
        let _ = writeln!(out, "{:?}", Report::new(shown).with_source_code(source));
    }
    count(&mut out, all);
    out
}

fn count(out: &mut String, all: &[Located<'_>]) {
    let errors =
        all.iter().filter(|located| located.diagnostic.severity == Severity::Error).count();
    let _ = writeln!(out, "{errors} error{}", if errors == 1 { "" } else { "s" });
    if all.len() > MAX_SHOWN {
        let _ = writeln!(
            out,
            "the first {MAX_SHOWN} of {} are shown; `ablo check` shows more",
            all.len()
        );
    }
}
