//! `ablo migrate adopt`: records the schema of a database that other programs made.

use crate::args::database::{AdoptArgs, LockArgs};
use crate::database;
use crate::finding::{Failure, Report};
use crate::outcome::{Outcome, counted};
use crate::{input, settings};
use ablo_migrate::{IfMissing, Timeouts};
use std::fmt::Write as _;

pub(crate) fn run(args: &AdoptArgs) -> Result<Outcome, Failure> {
    let file = settings::schema_file(&args.input)?;
    let schema = input::schema(&file.path, &file.read)?;
    let failed = |error: ablo_migrate::Error| database::failure(&error);
    let address = database::address(args.database.database_url.as_deref())?;
    let open = |if_missing| database::connect(&address, &args.database.layout.schema, if_missing);
    let mut database = open(IfMissing::Fail)?;
    let adoption = if args.dry_run {
        ablo_migrate::adoption(&mut *database, &schema, args.again)
    } else {
        // Now that it exists, for writing.
        let mut database = open(IfMissing::Create)?;
        let LockArgs { lock_timeout, lock_attempts } = args.locks;
        let timeouts =
            Timeouts { table_lock: lock_timeout, attempts: lock_attempts, ..Timeouts::default() };
        ablo_migrate::adopt(&mut *database, &schema, args.again, timeouts)
    };
    let adoption = adoption.map_err(failed)?;
    let mut text = String::new();
    for difference in &adoption.unmanaged {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "unmanaged: {}", difference.finding().message);
    }
    let models = counted(schema.models().len(), "model");
    let unmanaged = counted(adoption.unmanaged.len(), "difference");
    let verb = if args.dry_run { "would record" } else { "recorded" };
    let remark = format!("{verb}: {models}, {unmanaged} left alone\n");
    let warnings: Vec<_> = adoption.warnings.iter().map(database::finding).collect();
    let reports =
        if warnings.is_empty() { Vec::new() } else { vec![Report::about(None, warnings)] };
    Ok(Outcome { remark, reports, ..Outcome::text(text) })
}
