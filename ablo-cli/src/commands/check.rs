//! `ablo check`: validates a schema, and compares it with a database.

use super::fix::counted_fixes;
use crate::args::CheckArgs;
use crate::finding::{Exit, Failure, Report};
use crate::input::{self, Input};
use crate::outcome::{Outcome, counted};
use crate::settings;
use ablo_schema::Severity;

pub(crate) fn run(args: &CheckArgs) -> Result<Outcome, Failure> {
    let schema = settings::schema_file(&args.input)?;
    let mut input = input::read(&schema.path, &schema.read)?;
    let mismatches = compare_database(args, &input)?;
    let has_mismatches = mismatches.is_some();
    if let Some(report) = mismatches {
        input.reports.push(report);
    }
    let warnings: usize = input.reports.iter().map(|report| report.count(Severity::Warning)).sum();
    let failed = input.has_errors || has_mismatches || (args.deny_warnings && warnings > 0);
    let mut outcome = Outcome::text(String::new());
    if failed {
        outcome.exit = Exit::Errors;
        let fixable: usize = input.reports.iter().map(Report::fixable).sum();
        if fixable > 0 {
            let fixes = counted_fixes(fixable);
            outcome.remark = format!("`ablo fix` applies {fixes} to {}\n", input.name);
        }
    } else {
        let models = input.schema.map_or(0, |schema| schema.models().len());
        outcome.remark = format!("{} is valid: {}\n", input.name, counted(models, "model"));
    }
    outcome.reports = input.reports;
    Ok(outcome)
}

/// Returns what the database lacks, if `--database-url` names one.
#[cfg(feature = "database")]
fn compare_database(args: &CheckArgs, input: &Input) -> Result<Option<Report>, Failure> {
    use crate::args::database::DatabaseArgs;
    let (Some(address), Some(schema)) = (&args.database_url, &input.schema) else {
        return Ok(None);
    };
    let database =
        DatabaseArgs { database_url: Some(address.clone()), layout: args.layout.clone() };
    let findings = super::migrate::incompatibilities(schema, &database)?;
    Ok((!findings.is_empty()).then(|| Report::about(None, findings)))
}

/// Returns `None`: this build has no database drivers.
#[cfg(not(feature = "database"))]
fn compare_database(_: &CheckArgs, _: &Input) -> Result<Option<Report>, Failure> {
    Ok(None)
}
