//! `ablo check`: everything that is wrong with a schema.

use crate::args::CheckArgs;
use crate::finding::{Exit, Report, Stop};
use crate::input::{self, Input};
use crate::outcome::{Outcome, counted};
use crate::settings;
use ablo_schema::Severity;

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Stop> {
    let mut input = input::read(&settings::schema_path(&args.input)?)?;
    let lacks = database(args, &input)?;
    let lacks_some = lacks.is_some();
    if let Some(report) = lacks {
        input.reports.push(report);
    }
    let warnings: usize = input.reports.iter().map(|report| report.count(Severity::Warning)).sum();
    let failed = input.has_errors || lacks_some || (args.deny_warnings && warnings > 0);
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

/// What the database lacks, where one is named.
#[cfg(feature = "database")]
fn database(args: &CheckArgs, input: &Input) -> Result<Option<Report>, Stop> {
    use crate::database::DatabaseArgs;
    let (Some(address), Some(schema)) = (&args.database_url, &input.schema) else {
        return Ok(None);
    };
    let asked = DatabaseArgs { database_url: Some(address.clone()), place: args.place.clone() };
    let findings = super::migrate::fits(schema, &asked)?;
    Ok((!findings.is_empty()).then(|| Report::about(None, findings)))
}

/// This build opens no database.
#[cfg(not(feature = "database"))]
fn database(_: &CheckArgs, _: &Input) -> Result<Option<Report>, Stop> {
    Ok(None)
}
