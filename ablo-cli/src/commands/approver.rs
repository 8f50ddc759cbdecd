//! `ablo approver`: keys that sign approvals, and the list of those that a database trusts.

use super::migrate::open;
use crate::args::approver::ApproverCommand;
use crate::args::database::DatabaseArgs;
use crate::database::failure;
use crate::finding::Failure;
use crate::outcome::Outcome;
use ablo_migrate::{ApproverKey, IfMissing, Session, Timeouts};
use std::fmt::Write as _;

pub(crate) fn run(command: &ApproverCommand) -> Result<Outcome, Failure> {
    let failed = |error: ablo_migrate::Error| failure(&error);
    let timeouts = Timeouts::default();
    match command {
        ApproverCommand::Keygen(args) => {
            let key = ApproverKey::create(&args.out).map_err(failed)?;
            Ok(Outcome::text(format!("{}\n", key.public())))
        }
        ApproverCommand::Add(args) => {
            let key = ApproverKey::read(&args.key).map_err(failed)?;
            let mut database = open_writable(&args.database)?;
            let (public, name) = (&args.public_key, &args.name);
            ablo_migrate::add_approver(&mut *database, public, name, &key, timeouts)
                .map_err(failed)?;
            let remark = format!("{name} is an approver\n");
            Ok(Outcome { remark, ..Outcome::text(String::new()) })
        }
        ApproverCommand::List(args) => {
            let mut database = open(&args.database, IfMissing::Fail)?;
            let mut text = String::new();
            for one in ablo_migrate::approvers(&mut *database).map_err(failed)? {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}  added {}  {}", one.key, one.added, one.name);
            }
            Ok(Outcome::text(text))
        }
        ApproverCommand::Remove(args) => {
            let key = ApproverKey::read(&args.key).map_err(failed)?;
            let mut database = open_writable(&args.database)?;
            ablo_migrate::remove_approver(&mut *database, &args.public_key, &key, timeouts)
                .map_err(failed)?;
            let remark = "the key is no approver's any more\n".to_owned();
            Ok(Outcome { remark, ..Outcome::text(String::new()) })
        }
    }
}

/// Opens a database that exists, for writing.
fn open_writable(args: &DatabaseArgs) -> Result<Box<dyn Session>, Failure> {
    open(args, IfMissing::Fail)?;
    open(args, IfMissing::Create)
}
