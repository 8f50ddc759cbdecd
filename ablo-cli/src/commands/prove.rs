//! `ablo migrate prove`: checks the invariants of a migration on a scratch server.

use super::change::with_diff;
use crate::args::Format;
use crate::args::database::ProveArgs;
use crate::database;
use crate::finding::{Exit, Failure, Report};
use crate::input;
use crate::outcome::Outcome;
use ablo_migrate::prove::{ScratchEnv, Verdict, prove};

pub(super) fn run(args: &ProveArgs) -> Result<Outcome, Failure> {
    let prev = input::schema(&args.prev, &args.read.earlier())?;
    let next = input::schema(&args.next, &args.read)?;
    let evidence = with_diff(
        Some(&prev),
        &next,
        args.hints.as_deref(),
        args.backfills.as_deref(),
        |diff, backfills| {
            // Addresses in the environment name real databases, so only the flag is used.
            let url = args.database_url.as_deref();
            url.map_or_else(ScratchEnv::local, ScratchEnv::on_server)
                .and_then(|mut env| prove(&mut env, diff, backfills, args.rows, true))
                .map_err(|error| database::failure(&error))
        },
    )?;
    let mut outcome = Outcome::text(match args.format {
        Format::Human => evidence.to_string(),
        Format::Json => evidence.to_json(),
        Format::Github => String::new(),
    });
    let findings: Vec<_> =
        evidence.refusals.iter().chain(&evidence.warnings).map(database::finding).collect();
    if !findings.is_empty() {
        outcome.reports = vec![Report::about(None, findings)];
    }
    outcome.exit = if evidence.verdict == Verdict::Proven { Exit::Clean } else { Exit::Errors };
    Ok(outcome)
}
