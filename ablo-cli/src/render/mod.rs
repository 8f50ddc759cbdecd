//! Prints the [`Outcome`] of a command. No other module prints.
//!
//! The human format prints diagnostics to standard error; the other formats print to standard
//! output. A closed output is not an error.

pub(crate) mod diff;
mod github;
mod human;
mod json;
mod snippet;

use crate::args::Format;
use crate::finding::Exit;
use crate::outcome::Outcome;
use std::io::{self, Write};

/// Prints an outcome and returns the exit status.
pub(crate) fn show(outcome: &Outcome, format: Format) -> Exit {
    let (out, err) = match format {
        Format::Human => (human::summary(outcome), human::diagnostics(&outcome.reports)),
        Format::Json if outcome.text.is_empty() => (json::print(outcome), String::new()),
        Format::Github if outcome.text.is_empty() => (github::print(outcome), String::new()),
        Format::Json | Format::Github => (String::new(), String::new()),
    };
    let printed = write(io::stderr().lock(), &[&err])
        .and_then(|()| write(io::stdout().lock(), &[&outcome.text, &out]));
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::CannotRun,
        _ => outcome.exit,
    }
}

/// Prints the progress of a long-running command in the human format.
pub(crate) fn note(text: &str, format: Format) {
    if format == Format::Human {
        // Fails only if standard error is closed.
        let _ = write(io::stderr().lock(), &[text, "\n"]);
    }
}

fn write(mut to: impl Write, texts: &[&str]) -> io::Result<()> {
    texts.iter().try_for_each(|text| to.write_all(text.as_bytes()))?;
    to.flush()
}
