//! The dialect-independent interface of a database session.
//!
//! The folder of each dialect implements [`Session`].

use crate::accepted::Accepted;
use crate::catalog::Catalog;
use crate::codes::APPROVAL_ROWS;
use crate::compare::Difference;
use crate::error::{Finding, Result};
use crate::ledger::{Action, Entry, Record};
use crate::plan::RowCount;
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::{Existing, Loss, Statement};
use ablo_schema::Schema;
use ablo_schema::diff::Diff;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// The file extensions of SQLite databases.
const EXTENSIONS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// Returns the dialect of an address. Any address that names no file is for PostgreSQL.
///
/// ```
/// assert_eq!(ablo_migrate::dialect_of("sqlite:app.db").as_str(), "sqlite");
/// ```
#[must_use]
pub fn dialect_of(address: &str) -> Dialect {
    if is_file(address) { Dialect::Sqlite } else { Dialect::Postgres }
}

/// The behaviour of [`connect`](crate::connect) if the SQLite file does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Return an error.
    Fail,
    /// Treat the database as empty. The file is not created.
    TreatAsEmpty,
    /// Create the file.
    Create,
}

/// Timeouts of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// How long to wait for the migration lock.
    pub migration_lock: Duration,
    /// How long one attempt waits for locks on tables. Others wait behind it for that time.
    pub table_lock: Duration,
    /// How many attempts the transaction gets while a table is locked.
    pub attempts: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            migration_lock: Duration::from_secs(60),
            table_lock: Duration::from_secs(1),
            attempts: 10,
        }
    }
}

/// The numbers of statements that an apply ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Statements of the transaction.
    pub transaction: usize,
    /// Statements after the commit, including those of an earlier migration that was unfinished.
    pub after_commit: usize,
}

/// The stored list of approvers, and the facts about the database that its checks need.
#[derive(Clone, Debug)]
pub struct StoredApprovers {
    /// The entries of the list, oldest first.
    pub(crate) entries: Vec<String>,
    /// The hash of the last entry, as the ledger has it.
    pub(crate) head: Option<String>,
    /// The identity of the database, without that of the list.
    pub(crate) place: String,
    /// Whether this role can change the list. Always false for a file, which has no roles.
    pub(crate) is_writable: bool,
    /// The time of the database.
    pub(crate) now: Timestamp,
}

/// The table or column that a step affects, as named before the migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The table.
    pub(crate) table: String,
    /// The column, if the step affects a single one.
    pub(crate) column: Option<String>,
    /// The rows that lose their value in the column, if not all of them do.
    pub(crate) loss: Option<Loss>,
}

impl Subject {
    /// Returns the number of rows or values that are affected, or `None` if row security hides
    /// rows.
    pub(crate) fn count(&self, database: &mut dyn Session) -> Result<Option<u64>> {
        if let Some(loss) = &self.loss {
            return database.count_lost(loss);
        }
        match &self.column {
            Some(column) => database.count_values(&self.table, column),
            None => {
                let counted = database.row_count(&self.table)?;
                Ok(counted.exact.then_some(counted.count))
            }
        }
    }
}

/// The number of rows that an approved step may affect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLimit {
    /// The id of the approval.
    pub(crate) id: String,
    /// The table or column.
    pub(crate) subject: Subject,
    /// The number of rows, or of values that are not null.
    pub(crate) rows: u64,
}

impl RowLimit {
    /// Checks a count.
    pub(crate) fn check(&self, found: u64) -> Result<()> {
        if found <= self.rows {
            return Ok(());
        }
        let Self { id, rows, .. } = self;
        let message = format!("`{id}` affects {found} rows, its approval is for {rows}");
        Err(Finding::new(APPROVAL_ROWS, message).into())
    }
}

/// A decision about an unfinished migration, with the after-commit statement that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// The decision.
    pub action: Action,
    /// The statement.
    pub statement: Option<usize>,
    /// The reason.
    pub reason: &'a str,
}

/// Objects outside of the schema that a migration meets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obstacles {
    /// The objects that it would break, or that would stop it.
    pub findings: Vec<Finding>,
    /// The objects that are dropped with a column, which the approval of its loss names.
    pub dropped: Vec<Dropped>,
}

/// An object that is dropped with a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The step that drops the column.
    pub step: Option<usize>,
    /// The object.
    pub what: String,
}

/// A session with a database, on the tables of one of its schemas.
///
/// Every method returns a code of `ablo::database` if a query fails. The `# Errors` sections list
/// further codes.
pub trait Session {
    /// Returns the dialect.
    fn dialect(&self) -> Dialect;

    /// Returns the name of the schema that contains the tables; `main` in SQLite.
    fn schema_name(&self) -> &str;

    /// Reads the catalog, without ablo's own tables. Writes nothing.
    ///
    /// # Errors
    /// None besides those of every method.
    fn catalog(&mut self) -> Result<Catalog>;

    /// Reads the catalog for a pull, with the types under the names that PostgreSQL gives them.
    ///
    /// # Errors
    /// None besides those of every method.
    fn catalog_to_pull(&mut self) -> Result<Catalog> {
        self.catalog()
    }

    /// Returns every difference between a schema in a layout and the database. Writes nothing.
    ///
    /// # Errors
    /// `ablo::migrate::options`.
    fn drift(&mut self, schema: &Schema, tables: Existing) -> Result<Vec<Difference>> {
        let found = self.catalog()?;
        self.compare(schema, tables, &found)
    }

    /// Returns every difference between a schema in a layout and a catalog.
    ///
    /// # Errors
    /// `ablo::migrate::options`.
    fn compare(
        &mut self,
        schema: &Schema,
        tables: Existing,
        found: &Catalog,
    ) -> Result<Vec<Difference>>;

    /// Returns everything outside of the schema that a migration would break or lose, or that would
    /// stop it, and adds statements for objects that have other names. In an adopted database,
    /// which has accepted differences, objects keep their names. Writes nothing.
    ///
    /// # Errors
    /// `ablo::migrate::options`.
    fn obstacles(
        &mut self,
        diff: &Diff<'_>,
        existing: Existing,
        found: &Catalog,
        accepted: &[Accepted],
        statements: &mut Vec<Statement>,
    ) -> Result<Obstacles>;

    /// Returns the number of rows in a table.
    ///
    /// # Errors
    /// None besides those of every method.
    fn row_count(&mut self, table: &str) -> Result<RowCount>;

    /// Returns the number of rows with a non-null value in a column, or `None` if row security
    /// hides rows.
    ///
    /// # Errors
    /// None besides those of every method.
    fn count_values(&mut self, table: &str, column: &str) -> Result<Option<u64>>;

    /// Returns the number of rows that lose a value, or `None` if row security hides rows or the
    /// rows cannot be counted.
    ///
    /// # Errors
    /// None besides those of every method.
    fn count_lost(&mut self, loss: &Loss) -> Result<Option<u64>> {
        let _ = loss;
        Ok(None)
    }

    /// Returns every applied migration, oldest first.
    ///
    /// # Errors
    /// `ablo::ledger::unreadable`.
    fn ledger(&mut self) -> Result<Vec<Entry>>;

    /// Returns the tables of another owner than the ledger's, and the privileges of other roles. A
    /// file has neither.
    ///
    /// # Errors
    /// None besides those of every method.
    fn privileges(&mut self, tables: &BTreeSet<&str>) -> Result<Vec<Difference>> {
        let _ = tables;
        Ok(Vec::new())
    }

    /// Checks that the session keeps its state from one statement to the next, as a migration and a
    /// coordinator need.
    ///
    /// # Errors
    /// `ablo::database::pooler` if a connection pooler is between.
    fn require_session(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes the migration lock, until [`Session::unlock`] or the end of the session.
    ///
    /// # Errors
    /// `ablo::database::pooler`, or `ablo::database::locked` if another session holds the lock
    /// until the timeout.
    fn lock(&mut self, timeout: Duration) -> Result<()>;

    /// Returns and clears the warnings that the database sent.
    fn warnings(&mut self) -> Vec<Finding>;

    /// Releases the migration lock and rolls back uncommitted changes.
    ///
    /// # Errors
    /// None besides those of every method.
    fn unlock(&mut self) -> Result<()>;

    /// Runs the remaining after-commit statements of earlier migrations and returns their number.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::after_commit_failed`, `ablo::migrate::effect_missing`.
    fn finish(&mut self, timeouts: Timeouts) -> Result<usize>;

    /// Records a decision about an unfinished migration, which then continues at this after-commit
    /// statement. The caller holds the lock.
    ///
    /// # Errors
    /// None besides those of every method.
    fn decide(&mut self, entry: &Entry, decision: &Decision<'_>, position: usize) -> Result<()> {
        let _ = (entry, decision, position);
        Ok(())
    }

    /// Applies the inverse of an unfinished migration as [`Session::apply`] does, and records in
    /// its transaction that the migration was undone.
    ///
    /// # Errors
    /// Those of [`Session::apply`].
    fn undo(
        &mut self,
        entry: &Entry,
        decision: &Decision<'_>,
        inverse: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        let _ = (entry, decision);
        self.apply(inverse, limits, timeouts)
    }

    /// Returns what the database has stored about approvers.
    ///
    /// # Errors
    /// None besides those of every method.
    fn approvers(&mut self) -> Result<StoredApprovers>;

    /// Appends an entry to the list of approvers, which has `count` entries, and marks the ledger.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::approver::same_role`.
    fn append_approver(&mut self, count: usize, entry: &str, mark: &str) -> Result<()>;

    /// Applies a migration and records it, if each limit holds in its transaction. The caller holds
    /// the lock.
    ///
    /// # Errors
    /// `ablo::migrate::approval_rows`, `ablo::migrate::statement_failed` or the code that the
    /// migration itself raised, `ablo::migrate::busy`, or `ablo::migrate::after_commit_failed`.
    fn apply(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied>;
}

/// Runs work under the migration lock.
pub(crate) fn locked<T>(
    database: &mut dyn Session,
    timeouts: Timeouts,
    work: impl FnOnce(&mut dyn Session) -> Result<T>,
) -> Result<T> {
    database.lock(timeouts.migration_lock)?;
    let result = work(database);
    let unlocked = database.unlock();
    let done = result?;
    unlocked.map(|()| done)
}

/// Reports whether an address names a file: `sqlite:PATH`, `sqlite://PATH`, or a path with one of
/// the known extensions.
fn is_file(address: &str) -> bool {
    let extension = Path::new(address).extension().and_then(|extension| extension.to_str());
    address.starts_with("sqlite:")
        || (!address.contains("://")
            && extension.is_some_and(|extension| EXTENSIONS.contains(&extension)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_are_recognised() {
        for address in ["sqlite:app.db", "sqlite://app", "sqlite:///srv/app.db", "data/app.sqlite3"]
        {
            assert!(is_file(address), "{address}");
        }
        for address in ["postgres://host/app.db", "host=localhost dbname=app", "app"] {
            assert!(!is_file(address), "{address}");
        }
    }
}
