//! `ablo fmt`: formats Schema JSON.

use crate::args::FmtArgs;
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use crate::source::{self, STDIN};
use crate::{input, settings};
use ablo_schema::front::json;
use std::path::Path;

pub(crate) fn run(args: &FmtArgs) -> Result<Outcome, Failure> {
    let path = settings::schema_file(&args.input)?.path;
    let name = path.display();
    if !input::is_json(&path) {
        let finding = Finding::new(codes::FMT_NOT_JSON, format!("`{name}` is not Schema JSON"));
        return Err(Failure::new(Exit::CannotRun, Report::about(Some(&path), vec![finding])));
    }
    let source = source::read(&path, json::MAX_BYTES)?;
    let Some(text) = json::format(&source.text) else {
        let read = json::read(&source.text);
        let reports = input::of_json(source, read).reports;
        return Err(Failure { exit: Exit::Errors, reports });
    };
    if path == Path::new(STDIN) && !args.check {
        return Ok(Outcome::text(text));
    }
    let mut outcome = Outcome::text(String::new());
    if text == source.text {
        outcome.remark = format!("{name} is formatted\n");
    } else if args.check {
        let finding = Finding::new(codes::FMT_DIFFERS, format!("`{name}` is not formatted"));
        outcome.reports = vec![Report::about(Some(&path), vec![finding])];
        outcome.exit = Exit::Errors;
    } else {
        source::replace(&path, &text)?;
        outcome.remark = format!("formatted {name}\n");
    }
    Ok(outcome)
}
