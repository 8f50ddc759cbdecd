//! The databases of this build, by dialect.

use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::postgres;
use crate::session::{IfMissing, Session, dialect_of};
#[cfg(feature = "sqlite")]
use crate::sqlite;
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::{Existing, Migration};
use ablo_schema::diff::{Backfills, Diff};

/// Lowers a diff to statements for the existing tables in `schema`.
///
/// # Errors
/// `ablo::migrate::options`, and `ablo::database::wrong_kind` if this build has no driver for the
/// dialect.
pub(crate) fn lower(
    dialect: Dialect,
    diff: &Diff<'_>,
    backfills: &Backfills,
    schema: &str,
    existing: Existing,
    foreign_keys: bool,
) -> Result<Migration> {
    match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::lower(diff, backfills, schema, existing, foreign_keys),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => sqlite::lower(diff, backfills, schema, existing, foreign_keys),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        other => Err(no_driver(other)),
    }
}

/// Opens a session on the tables of `schema`. `schema` is ignored for SQLite, and `if_missing` for
/// PostgreSQL.
///
/// # Errors
/// A code of `ablo::database`. The message never contains the address.
#[cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    allow(unused_variables, reason = "each is for one dialect")
)]
pub fn connect(address: &str, schema: &str, if_missing: IfMissing) -> Result<Box<dyn Session>> {
    Ok(match dialect_of(address) {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Box::new(postgres::Database::connect(address, schema)?),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => Box::new(sqlite::Database::connect(address, if_missing)?),
        #[cfg(not(all(feature = "postgres", feature = "sqlite")))]
        other => return Err(no_driver(other)),
    })
}

#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
fn no_driver(dialect: Dialect) -> crate::error::Error {
    let message = format!("this build has no driver for {}", dialect.as_str());
    crate::error::Finding::new(crate::codes::WRONG_KIND, message).into()
}
