//! `ablo check`: everything that is wrong with a schema.

use crate::args::CheckArgs;
use crate::finding::{Exit, Stop};
use crate::outcome::{Outcome, counted};
use crate::{input, settings};
use ablo_schema::Severity;

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Stop> {
    let input = input::read(&settings::schema_path(&args.input)?)?;
    let warnings: usize = input.reports.iter().map(|report| report.count(Severity::Warning)).sum();
    let failed = input.has_errors || (args.deny_warnings && warnings > 0);
    let mut outcome = Outcome::text(String::new());
    if failed {
        outcome.exit = Exit::Errors;
    } else {
        let models = input.schema.map_or(0, |schema| schema.models().len());
        outcome.remark = format!("{} is valid: {}\n", input.name, counted(models, "model"));
    }
    outcome.reports = input.reports;
    Ok(outcome)
}
