//! `ablo backup`: a checked copy of the SQLite file of a coordinator.

use super::hosting::{failure, sqlite_path, store_failure};
use crate::args::{BackupArgs, Format};
use crate::finding::Failure;
use crate::outcome::Outcome;
use crate::{codes, database, render};
use ablo_migrate::{Dialect, IfMissing, dialect_of};
use ablo_server::{BackupError, backup};

pub(crate) fn run(args: &BackupArgs) -> Result<Outcome, Failure> {
    let address = database::address(args.database_url.as_deref())?;
    if dialect_of(&address) == Dialect::Postgres {
        let message = "`ablo backup` copies SQLite files; this is a PostgreSQL database";
        return Err(failure(codes::BACKUP_POSTGRES, message));
    }
    // Checks the address, and that the database exists.
    database::connect(&address, "public", IfMissing::Fail)?;
    let (file, copy) = (sqlite_path(&address), args.copy.display());
    backup(&file, &args.copy).map_err(|error| match &error {
        BackupError::Exists => failure(codes::BACKUP_EXISTS, format!("`{copy}`: {error}")),
        BackupError::Damaged(_) => {
            failure(codes::BACKUP_DAMAGED, format!("`{}`: {error}", file.display()))
        }
        BackupError::Store(error) => store_failure(error),
    })?;
    render::note(&format!("copied {} to {copy}", file.display()), Format::Human);
    Ok(Outcome::text(String::new()))
}
