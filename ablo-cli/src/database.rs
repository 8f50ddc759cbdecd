//! The address of the database, and its findings as those of the command.

use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};

/// The environment variables to read the address from if no flag has it, in order.
const VARIABLES: [&str; 2] = ["ABLO_DATABASE_URL", "DATABASE_URL"];

/// Returns the address of the database, from the flag or else the environment.
pub(crate) fn address(flag: Option<&str>) -> Result<String, Failure> {
    let given = flag.map(str::to_owned);
    let found = given.or_else(|| VARIABLES.iter().find_map(|name| std::env::var(name).ok()));
    found.filter(|address| !address.is_empty()).ok_or_else(|| {
        let finding = Finding::new(codes::DATABASE_MISSING, "no database address is given");
        Failure::new(Exit::CannotRun, Report::about(None, vec![finding]))
    })
}

/// Converts a finding of `ablo-migrate`.
pub(crate) fn finding(finding: &ablo_migrate::Finding) -> Finding {
    Finding::new(finding.code, finding.message.clone()).help(finding.help.clone())
}

/// Converts an error of `ablo-migrate`. Faults that need a decision exit with 1, others with 2.
pub(crate) fn failure(error: &ablo_migrate::Error) -> Failure {
    let needs_decision = |name: &str| {
        [
            "ablo::migrate::approval_",
            "ablo::migrate::baseline_",
            "ablo::migrate::schema_moved",
            "ablo::migrate::database_moved",
        ]
        .iter()
        .any(|start| name.starts_with(start))
            || name.starts_with("ablo::drift::")
    };
    let exit = if error.0.iter().all(|finding| needs_decision(finding.code.name)) {
        Exit::Errors
    } else {
        Exit::CannotRun
    };
    Failure::new(exit, Report::about(None, error.0.iter().map(finding).collect()))
}
