//! The databases of this build, by dialect.

use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::postgres;
use crate::session::{Dialect, IfMissing, Session};
#[cfg(feature = "sqlite")]
use crate::sqlite;
use ablo_codegen::migrate::{Existing, Migration};
use ablo_schema::diff::{Backfills, Diff};

impl Dialect {
    /// Lowers a diff to statements for the existing tables in `schema`.
    ///
    /// # Errors
    /// `ablo::migrate::options`.
    pub fn lower(
        self,
        diff: &Diff<'_>,
        backfills: &Backfills,
        schema: &str,
        existing: Existing,
        foreign_keys: bool,
    ) -> Result<Migration> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::lower(diff, backfills, schema, existing, foreign_keys),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => sqlite::lower(diff, backfills, schema, existing, foreign_keys),
        }
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
    Ok(match Dialect::of(address)? {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Box::new(postgres::Database::connect(address, schema)?),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => Box::new(sqlite::Database::connect(address, if_missing)?),
    })
}
