//! `ablo diff`: what makes one schema of another.

use crate::args::{DiffArgs, DiffFormat};
use crate::finding::{Exit, Finding, Report, Source, Stop};
use crate::outcome::Outcome;
use crate::source::STDIN;
use crate::{codes, input, render};
use ablo_schema::Schema;
use ablo_schema::diff::{self, Backfills, Hints};
use ablo_schema::front::json;
use std::path::Path;

pub(crate) fn run(args: &DiffArgs) -> Result<Outcome, Stop> {
    let paths = [&args.prev, &args.next, &args.initial, &args.hints, &args.backfills];
    if paths.into_iter().flatten().filter(|path| path.as_path() == Path::new(STDIN)).count() > 1 {
        let finding = Finding::new(codes::SOURCE_STDIN_TWICE, "`-` stands here twice");
        return Err(Stop::new(Exit::CannotRun, Report::about(None, vec![finding])));
    }
    let inputs = read(args)?;
    let hints = inputs.hints.as_ref().map_or_else(Hints::default, |(hints, _)| hints.clone());
    let diff = diff::diff(inputs.prev.as_ref(), &inputs.next, &hints).map_err(|diagnostics| {
        // Only hints can be wrong here, so that there is a file of them.
        inputs
            .hints
            .as_ref()
            .map_or_else(nothing, |(_, source)| input::refused(source, &diagnostics))
    })?;
    let report = diff.report(&inputs.backfills);
    let text = match args.format {
        DiffFormat::Human => render::diff::human(&report),
        DiffFormat::Json => report.to_value().to_json() + "\n",
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        DiffFormat::Sql => sql(&diff, &inputs, args)?,
    };
    let exit = if report.needs_decision() { Exit::Errors } else { Exit::Clean };
    Ok(Outcome { exit, ..Outcome::text(text) })
}

/// Both phases of a migration, one after the other.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn sql(diff: &diff::Diff<'_>, inputs: &Inputs, args: &DiffArgs) -> Result<String, Stop> {
    use crate::args::DialectArg;
    use ablo_codegen::emit::sql;
    let (prev, next, backfills, foreign_keys) =
        (inputs.prev.as_ref(), &inputs.next, &inputs.backfills, args.foreign_keys);
    let about = |at| diff.steps().get(at).map(ToString::to_string);
    let files = match args.dialect {
        #[cfg(feature = "postgres")]
        DialectArg::Postgres => {
            use sql::postgres::{PostgresOptions, files, migrate};
            let options = PostgresOptions {
                schema: Some(args.schema.clone()),
                foreign_keys,
                ..PostgresOptions::default()
            };
            let migration = migrate(diff, prev, next, backfills, &options).map_err(|error| {
                let finding = Finding::new(codes::CONFIG_WRONG_TYPE, error.message);
                Stop::new(Exit::CannotRun, Report::about(None, vec![finding]))
            })?;
            files(&migration, &about)
        }
        #[cfg(feature = "sqlite")]
        DialectArg::Sqlite => {
            use sql::sqlite::{SqliteOptions, files, migrate};
            files(&migrate(diff, prev, next, backfills, &SqliteOptions { foreign_keys }), &about)
        }
    };
    Ok(files.migrate + "\n" + &files.after_commit)
}

struct Inputs {
    prev: Option<Schema>,
    next: Schema,
    hints: Option<(Hints, Source)>,
    backfills: Backfills,
}

/// Reads everything, and says of everything what is wrong with it.
fn read(args: &DiffArgs) -> Result<Inputs, Stop> {
    let mut wrong = nothing();
    let prev = args.prev.as_deref().map(|path| noted(schema(path), &mut wrong));
    let next = args
        .initial
        .as_deref()
        .or(args.next.as_deref())
        .map(|path| noted(schema(path), &mut wrong));
    let hints =
        args.hints.as_deref().map(|path| noted(input::aside(path, json::read_hints), &mut wrong));
    // Backfills are checked against the next schema: without one there is nothing to say of them.
    let backfills = match (&args.backfills, next.as_ref().and_then(Option::as_ref)) {
        (Some(path), Some(next)) => {
            noted(input::aside(path, |text| json::read_backfills(text, next)), &mut wrong)
        }
        _ => None,
    };
    match next.flatten() {
        Some(next) if wrong.reports.is_empty() => Ok(Inputs {
            prev: prev.flatten(),
            next,
            hints: hints.flatten(),
            backfills: backfills.map(|(backfills, _)| backfills).unwrap_or_default(),
        }),
        _ => Err(wrong),
    }
}

fn schema(path: &Path) -> Result<Schema, Stop> {
    input::read(path)?.schema()
}

fn nothing() -> Stop {
    Stop { exit: Exit::CannotRun, reports: Vec::new() }
}

fn noted<T>(result: Result<T, Stop>, wrong: &mut Stop) -> Option<T> {
    result.map_err(|stop| wrong.reports.extend(stop.reports)).ok()
}
