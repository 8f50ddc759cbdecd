//! Showing what came of a command: the only room that prints.
//!
//! Comes in: an [`Outcome`]. People get diagnostics on standard error with the source around them; programs get
//! everything on standard output. A closed output is nobody's error.

pub(crate) mod diff;
mod github;
mod human;
mod json;
mod snippet;

use crate::args::Format;
use crate::finding::Exit;
use crate::outcome::Outcome;
use std::io::{self, Write};

/// Prints it, and says how the process is to end.
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

/// Tells people what a command that stays is doing.
pub(crate) fn note(text: &str, format: Format) {
    if format == Format::Human {
        // Nobody is left to tell that standard error is closed.
        let _ = write(io::stderr().lock(), &[text, "\n"]);
    }
}

fn write(mut to: impl Write, texts: &[&str]) -> io::Result<()> {
    texts.iter().try_for_each(|text| to.write_all(text.as_bytes()))?;
    to.flush()
}
