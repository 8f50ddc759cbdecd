//! `ablo check`: everything that is wrong with a schema.

use crate::args::CheckArgs;
use crate::finding::{Exit, Report, Stop};
use crate::outcome::{Outcome, counted};
use crate::{settings, source};
use ablo_schema::{Severity, front};

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Stop> {
    let source = source::read(&settings::schema_path(&args.input)?)?;
    let read = front::json::read(&source.text);
    let name = source.name.clone();
    let report = Report::of_schema(source, &read.diagnostics);
    let failed = read.diagnostics.has_errors() || (args.deny_warnings && report.count(Severity::Warning) > 0);
    let mut outcome = Outcome::text(String::new());
    if failed {
        outcome.exit = Exit::Errors;
    } else {
        let models = read.schema.map_or(0, |schema| schema.models().len());
        outcome.remark = format!("{name} is valid: {}\n", counted(models, "model"));
    }
    outcome.reports.push(report);
    Ok(outcome)
}
