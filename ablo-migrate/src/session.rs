//! What plans, applies and drift need of a database, whichever it is.
//!
//! An address comes in, a [`Session`] goes out. Each dialect has its folder, which alone talks to its databases.

use crate::codes::URL;
use crate::compare::Difference;
use crate::error::{Finding, Result};
use crate::ledger::{Entry, Record};
use crate::live::Live;
use crate::plan::RowCount;
use ablo_codegen::migrate::Migration;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use std::path::Path;
use std::time::Duration;

/// How the names of files end that are databases.
const ENDINGS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    #[cfg(feature = "postgres")]
    Postgres,
    /// SQLite.
    #[cfg(feature = "sqlite")]
    Sqlite,
}

impl Dialect {
    /// The name that plans carry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => "postgres",
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "sqlite",
        }
    }

    /// The dialect that an address is for; PostgreSQL where it is for no file.
    ///
    /// # Errors
    /// `ablo::database::url` where this build has no driver for it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// assert_eq!(ablo_migrate::Dialect::of("sqlite:app.db").unwrap().as_str(), "sqlite");
    /// ```
    pub fn of(address: &str) -> Result<Self> {
        match is_file(address) {
            #[cfg(feature = "sqlite")]
            true => Ok(Self::Sqlite),
            #[cfg(feature = "postgres")]
            false => Ok(Self::Postgres),
            #[allow(unreachable_patterns, reason = "a build has both drivers, or one")]
            _ => {
                Err(Finding::new(URL, "this build has no driver for what the address names").into())
            }
        }
    }

    /// The statements that lead from one schema to the next in the tables of `place`.
    ///
    /// # Errors
    /// `ablo::migrate::options`.
    pub fn lower(
        self,
        diff: &Diff<'_>,
        backfills: &Backfills,
        place: &str,
        foreign_keys: bool,
    ) -> Result<Migration> {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres => crate::postgres::lower(diff, backfills, place, foreign_keys),
            #[cfg(feature = "sqlite")]
            Self::Sqlite => crate::sqlite::lower(diff, backfills, place, foreign_keys),
        }
    }
}

/// What it means that a database is not there, where a session can make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It is an error.
    Refused,
    /// It is empty.
    Empty,
    /// It is made.
    Made,
}

/// How long a run waits for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For another migration to end.
    pub migration: Duration,
    /// For one lock on a table.
    pub table: Duration,
    /// How often the transaction is tried in all when a table stays locked.
    pub attempts: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self { migration: Duration::from_secs(60), table: Duration::from_secs(5), attempts: 5 }
    }
}

/// What came of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many statements of the transaction ran.
    pub transaction: usize,
    /// How many after the commit, also of a migration that another run had begun.
    pub after_commit: usize,
}

/// A session with a database, about the tables of one place in it.
///
/// Every method may fail with `ablo::database::refused`, in the words of the database.
pub trait Session {
    /// What kind of database it is.
    fn dialect(&self) -> Dialect;

    /// The schema that holds the tables; `main` in SQLite, which has no others.
    fn place(&self) -> &str;

    /// Reads the tables, without those that ablo keeps for itself. Nothing is written.
    ///
    /// # Errors
    /// Only those of every method.
    fn live(&mut self) -> Result<Live>;

    /// Every difference between a schema and the database. Nothing is written.
    ///
    /// # Errors
    /// `ablo::migrate::options`.
    fn drift(&mut self, schema: &Schema, foreign_keys: bool) -> Result<Vec<Difference>>;

    /// How many rows a table has.
    ///
    /// # Errors
    /// Only those of every method.
    fn rows(&mut self, table: &str) -> Result<RowCount>;

    /// How many rows have a value in a column; none where rows are hidden.
    ///
    /// # Errors
    /// Only those of every method.
    fn filled(&mut self, table: &str, column: &str) -> Result<Option<u64>>;

    /// Every migration that was applied, the oldest first.
    ///
    /// # Errors
    /// `ablo::ledger::unreadable`.
    fn ledger(&mut self) -> Result<Vec<Entry>>;

    /// From here on no other migration runs, until [`Session::unlock`] or the end of the session.
    ///
    /// # Errors
    /// `ablo::database::locked`.
    fn lock(&mut self, patience: Duration) -> Result<()>;

    /// What the database warned of since this was asked the last time.
    fn warnings(&mut self) -> Vec<Finding>;

    /// Lets others migrate again. What was not committed is undone.
    ///
    /// # Errors
    /// Only those of every method.
    fn unlock(&mut self) -> Result<()>;

    /// Runs what earlier runs left undone after their commits, and says how many statements that were. The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::after_commit_failed`.
    fn finish(&mut self, patience: Patience) -> Result<usize>;

    /// Applies a migration and records it. The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::statement_failed` or the reason that the migration itself gave, `ablo::migrate::busy`,
    /// `ablo::migrate::after_commit_failed`.
    fn apply(&mut self, record: &Record, patience: Patience) -> Result<Applied>;
}

/// Opens a session about the tables of `schema`, which SQLite has no use for.
///
/// # Errors
/// `ablo::database::url`, `ablo::database::unreachable` and `ablo::database::unsupported`; none repeats what may be a password.
#[cfg_attr(
    not(all(feature = "postgres", feature = "sqlite")),
    allow(unused_variables, reason = "each is for one dialect")
)]
pub fn connect(address: &str, schema: &str, absent: Absent) -> Result<Box<dyn Session>> {
    Ok(match Dialect::of(address)? {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => Box::new(crate::postgres::Database::connect(address, schema)?),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => Box::new(crate::sqlite::Database::connect(address, absent)?),
    })
}

/// Whether an address names a file: `sqlite:PATH`, `sqlite://PATH`, or a path that ends as such files do.
fn is_file(address: &str) -> bool {
    let ending = Path::new(address).extension().and_then(|ending| ending.to_str());
    address.starts_with("sqlite:")
        || (!address.contains("://") && ending.is_some_and(|ending| ENDINGS.contains(&ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_address() {
        for address in ["sqlite:app.db", "sqlite://app", "sqlite:///srv/app.db", "data/app.sqlite3"]
        {
            assert!(is_file(address), "{address}");
        }
        for address in ["postgres://host/app.db", "host=localhost dbname=app", "app"] {
            assert!(!is_file(address), "{address}");
        }
    }
}
