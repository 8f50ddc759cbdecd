//! `ablo migrate prove`: the law of migrations, looked at on a scratch server.

use super::migrate::{schema, with_diff};
use crate::args::Format;
use crate::database::{self, ProveArgs};
use crate::finding::{Exit, Report, Stop};
use crate::outcome::Outcome;
use ablo_migrate::prove::{Court, Verdict, prove};

pub(super) fn run(args: &ProveArgs) -> Result<Outcome, Stop> {
    let (prev, next) = (schema(&args.prev)?, schema(&args.next)?);
    let evidence = with_diff(
        Some(&prev),
        &next,
        args.hints.as_deref(),
        args.backfills.as_deref(),
        |diff, backfills| {
            // The environment names databases that hold something: only the flag says where others may be made.
            let court = args.database_url.as_deref().map_or_else(Court::scratch, Court::at);
            court
                .and_then(|mut court| {
                    prove(&mut court, diff, backfills, args.rows, args.foreign_keys)
                })
                .map_err(|error| database::stop(&error))
        },
    )?;
    let mut outcome = Outcome::text(match args.format {
        Format::Human => evidence.to_string(),
        Format::Json => evidence.to_json(),
        Format::Github => String::new(),
    });
    let said = evidence
        .refusals
        .iter()
        .chain(&evidence.warnings)
        .map(database::finding)
        .collect::<Vec<_>>();
    if !said.is_empty() {
        outcome.reports = vec![Report::about(None, said)];
    }
    outcome.exit = if evidence.verdict == Verdict::Proven { Exit::Clean } else { Exit::Errors };
    Ok(outcome)
}
