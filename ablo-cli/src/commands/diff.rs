//! `ablo diff`: compares two schemas.

use crate::args::{DiffArgs, DiffFormat};
use crate::finding::{Exit, Failure, Finding, Report, Source};
use crate::outcome::Outcome;
use crate::source::STDIN;
use crate::{codes, input, render};
use ablo_schema::Schema;
use ablo_schema::diff::{self, Backfills, Hints};
use ablo_schema::front::json;
use std::path::Path;

pub(crate) fn run(args: &DiffArgs) -> Result<Outcome, Failure> {
    let paths = [&args.prev, &args.next, &args.initial, &args.hints, &args.backfills];
    if paths.into_iter().flatten().filter(|path| path.as_path() == Path::new(STDIN)).count() > 1 {
        let finding = Finding::new(codes::SOURCE_STDIN_TWICE, "`-` is given twice");
        return Err(Failure::new(Exit::CannotRun, Report::about(None, vec![finding])));
    }
    let inputs = read(args)?;
    let hints = inputs.hints.as_ref().map_or_else(Hints::default, |(hints, _)| hints.clone());
    let diff = diff::diff(inputs.prev.as_ref(), &inputs.next, &hints).map_err(|diagnostics| {
        // Only hints can be invalid here.
        inputs
            .hints
            .as_ref()
            .map_or_else(no_reports, |(_, source)| input::invalid_document(source, &diagnostics))
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

/// Returns the SQL of both phases of a migration.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn sql(diff: &diff::Diff<'_>, inputs: &Inputs, args: &DiffArgs) -> Result<String, Failure> {
    use ablo_codegen::emit::sql::{self, Dialect};
    let (prev, next, backfills) = (inputs.prev.as_ref(), &inputs.next, &inputs.backfills);
    let about = |at| diff.steps().get(at).map(ToString::to_string);
    let files = match args.dialect.0 {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            use sql::postgres::{PostgresOptions, files, migrate};
            let options =
                PostgresOptions { schema: Some(args.schema.clone()), ..PostgresOptions::default() };
            let migration = migrate(diff, prev, next, backfills, &options).map_err(|error| {
                let finding = Finding::new(codes::ARGUMENT_INVALID, error.message);
                Failure::new(Exit::CannotRun, Report::about(None, vec![finding]))
            })?;
            files(&migration, &about)
        }
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => {
            use sql::sqlite::{SqliteOptions, files, migrate};
            files(&migrate(diff, prev, next, backfills, &SqliteOptions::default()), &about)
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

/// Reads all inputs and reports the errors of all of them.
fn read(args: &DiffArgs) -> Result<Inputs, Failure> {
    let mut errors = no_reports();
    let prev = args
        .prev
        .as_deref()
        .map(|path| collect(input::schema(path, &args.read.earlier()), &mut errors));
    let next = args
        .initial
        .as_deref()
        .or(args.next.as_deref())
        .map(|path| collect(input::schema(path, &args.read), &mut errors));
    let hints = args
        .hints
        .as_deref()
        .map(|path| collect(input::read_document(path, json::read_hints), &mut errors));
    // Backfills can be validated only against a valid next schema.
    let backfills = match (&args.backfills, next.as_ref().and_then(Option::as_ref)) {
        (Some(path), Some(next)) => {
            let read = |text: &str| json::read_backfills(text, next);
            collect(input::read_document(path, read), &mut errors)
        }
        _ => None,
    };
    match next.flatten() {
        Some(next) if errors.reports.is_empty() => Ok(Inputs {
            prev: prev.flatten(),
            next,
            hints: hints.flatten(),
            backfills: backfills.map(|(backfills, _)| backfills).unwrap_or_default(),
        }),
        _ => Err(errors),
    }
}

fn no_reports() -> Failure {
    Failure { exit: Exit::CannotRun, reports: Vec::new() }
}

/// Moves the reports of a failure to `errors`.
fn collect<T>(result: Result<T, Failure>, errors: &mut Failure) -> Option<T> {
    result.map_err(|failure| errors.reports.extend(failure.reports)).ok()
}
