//! `ablo fix`: applies the fixes that need no decision.

use crate::args::InputArgs;
use crate::finding::{Exit, Failure};
use crate::input;
use crate::outcome::Outcome;
use crate::settings::{self, SchemaFile};
use crate::source::{self, STDIN};
use ablo_schema::front::json;
use std::path::Path;

pub(crate) fn run(args: &InputArgs) -> Result<Outcome, Failure> {
    let SchemaFile { path, read } = settings::schema_file(args)?;
    let mut outcome = Outcome::text(String::new());
    let mut applied = 0;
    let input = if input::is_json(&path) {
        let mut source = source::read(&path, json::MAX_BYTES)?;
        let fixed = json::fix(&source.text, input::reader(&read));
        applied = fixed.applied;
        if path == Path::new(STDIN) {
            outcome.text.clone_from(&fixed.text);
        } else if applied > 0 {
            source::replace(&path, &fixed.text)?;
        }
        source.text = fixed.text;
        input::of_json(source, fixed.read)
    } else if input::is_rust(&path) {
        let (input, fixes) = input::fix_rust(&path, &read)?;
        applied = fixes;
        input
    } else {
        input::read(&path, &read)?
    };
    if path != Path::new(STDIN) {
        outcome.remark = match applied {
            0 => format!("{}: there is nothing to fix without a decision\n", input.name),
            _ => format!("{}: applied {}\n", input.name, counted_fixes(applied)),
        };
    }
    outcome.exit = if input.has_errors { Exit::Errors } else { Exit::Clean };
    outcome.reports = input.reports;
    Ok(outcome)
}

pub(super) fn counted_fixes(count: usize) -> String {
    if count == 1 { "1 fix".to_owned() } else { format!("{count} fixes") }
}
