//! The address of the database, and its findings as those of the command.

use crate::args::Format;
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::render;
use ablo_migrate::{IfMissing, Session};

/// The environment variables to read the address from if no flag has it, in order.
const VARIABLES: [&str; 2] = ["ABLO_DATABASE_URL", "DATABASE_URL"];

/// Variables of libpq, any of which names a server of PostgreSQL.
const LIBPQ: [&str; 4] = ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"];

/// Returns the address of the database, from the flag or else the environment. It is empty if only
/// the variables of libpq name a server.
pub(crate) fn address(flag: Option<&str>) -> Result<String, Failure> {
    let variable = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let given = flag.map(str::to_owned).filter(|address| !address.is_empty());
    let found = given.or_else(|| VARIABLES.iter().find_map(variable));
    let libpq = || LIBPQ.iter().find_map(variable).map(|_| String::new());
    found.or_else(libpq).ok_or_else(|| {
        let finding = Finding::new(codes::DATABASE_MISSING, "no database address is given");
        Failure::new(Exit::CannotRun, Report::about(None, vec![finding]))
    })
}

/// Opens a session on the tables of a schema. Prints what of the address has no effect.
pub(crate) fn connect(
    address: &str,
    schema: &str,
    if_missing: IfMissing,
) -> Result<Box<dyn Session>, Failure> {
    let connected = ablo_migrate::connect(address, schema, if_missing);
    let mut database = connected.map_err(|error| failure(&error))?;
    show_notes(&mut *database);
    Ok(database)
}

/// Prints what of the address of a new session has no effect.
pub(crate) fn show_notes(database: &mut dyn Session) {
    for note in database.warnings() {
        render::note(&format!("note: {}", note.message), Format::Human);
    }
}

/// Converts a finding of `ablo-migrate`.
pub(crate) fn finding(finding: &ablo_migrate::Finding) -> Finding {
    Finding::new(finding.code, finding.message.clone()).help(finding.help.clone())
}

/// Converts an error of `ablo-migrate`. Faults that need a decision exit with 1, others with 2.
pub(crate) fn failure(error: &ablo_migrate::Error) -> Failure {
    let needs_decision = |name: &str| {
        [
            "ablo::migrate::adopt_misfit",
            "ablo::migrate::already_recorded",
            "ablo::migrate::approval_",
            "ablo::migrate::baseline_",
            "ablo::migrate::schema_moved",
            "ablo::migrate::database_moved",
            "ablo::migrate::dependent",
            "ablo::migrate::drifted",
            "ablo::migrate::not_ours",
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
