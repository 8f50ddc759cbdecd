//! SQLite: the session, the introspection, the ledger and the migration lock.
//!
//! The lock is the transaction of the migration: `BEGIN IMMEDIATE` begins it before the ledger and
//! the fingerprint are read.

mod apply;
mod approvers;
mod ddl_parser;
mod drift;
mod introspect;
mod pull;
mod rehearsal;

use crate::accepted::Accepted;
use crate::catalog::Catalog;
use crate::codes::{
    Code, FILE_IN_USE, FILE_UNREADABLE, INSUFFICIENT_RESOURCES, LEDGER, LOCK_TIMEOUT, LOCKED,
    NOT_A_DATABASE, OPTIONS, QUERY_FAILED, READ_ONLY, URL,
};
use crate::compare::Difference;
use crate::error::{Error, Finding, Result};
use crate::file_lock::{FileLock, FileLockError};
use crate::ledger::{APPROVERS_MARK, Entry, Record, State, TABLE};
use crate::plan::RowCount;
use crate::session::{Applied, IfMissing, Obstacles, RowLimit, Session, StoredApprovers, Timeouts};
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::emit::sql::quoted;
use ablo_codegen::emit::sql::sqlite::{
    EPILOGUE, PROLOGUE, SqliteOptions, migrate_from, provision_in,
};
use ablo_codegen::migrate::{Existing, Loss, Migration, Statement};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The name of SQLite's only schema.
const MAIN: &str = "main";

/// How long a read waits for a writer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A session with a SQLite file.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    /// Held during a migration.
    file_lock: Option<FileLock>,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Finding::new(code_of(&error), error.to_string()).into()
    }
}

fn code_of(error: &rusqlite::Error) -> Code {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LOCK_TIMEOUT,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => FILE_UNREADABLE,
        Some(ErrorCode::NotADatabase) => NOT_A_DATABASE,
        Some(ErrorCode::ReadOnly) => READ_ONLY,
        Some(ErrorCode::DiskFull | ErrorCode::OutOfMemory) => INSUFFICIENT_RESOURCES,
        _ => QUERY_FAILED,
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Returns the path of the file that an address names.
fn path(address: &str) -> Result<&str> {
    let Some(rest) = address.strip_prefix("sqlite:") else { return Ok(address) };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let wrong =
        |message: &str| Err(Finding::new(URL, message).help("as in `sqlite:app.db`").into());
    match path {
        "" => wrong("the address names no file"),
        ":memory:" => wrong("an in-memory database does not outlive this command"),
        _ if path.contains('?') => wrong("the address of a file cannot have parameters"),
        _ => Ok(path),
    }
}

/// Lowers a diff to statements.
///
/// # Errors
/// `ablo::migrate::options`.
pub(crate) fn lower(
    diff: &Diff<'_>,
    backfills: &Backfills,
    schema: &str,
    existing: Existing,
    foreign_keys: bool,
) -> Result<Migration> {
    if schema != MAIN {
        let message = format!("SQLite has no schema `{schema}`; its tables are in `{MAIN}`");
        return Err(Finding::new(OPTIONS, message).into());
    }
    let options = SqliteOptions { foreign_keys };
    Ok(migrate_from(existing, diff, diff.prev(), diff.next(), backfills, &options))
}

impl Database {
    /// Opens a file. Only `apply` writes to it, except that SQLite rolls back the journal of a
    /// killed writer.
    ///
    /// # Errors
    /// `ablo::database::url`, `ablo::database::file_unreadable`,
    /// `ablo::database::not_a_database`, or another code of `ablo::database`.
    pub fn connect(address: &str, if_missing: IfMissing) -> Result<Self> {
        let path = path(address)?;
        let failed =
            |error: rusqlite::Error| Finding::new(code_of(&error), format!("`{path}`: {error}"));
        let existing = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match if_missing {
            IfMissing::TreatAsEmpty if !Path::new(path).exists() => Connection::open_in_memory(),
            IfMissing::Create => {
                Connection::open_with_flags(path, existing | OpenFlags::SQLITE_OPEN_CREATE)
            }
            IfMissing::Fail | IfMissing::TreatAsEmpty => {
                Connection::open_with_flags(path, existing)
            }
        };
        let connection = connection.map_err(failed)?;
        connection.busy_timeout(READ_TIMEOUT).map_err(failed)?;
        if if_missing != IfMissing::Create {
            connection.execute_batch("PRAGMA query_only = ON").map_err(failed)?;
        }
        // SQLite checks the file header only when it reads.
        let read = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        read.map_err(failed)?;
        Ok(Self { connection, file_lock: None })
    }

    /// Begins the transaction of a migration.
    fn begin(&mut self, timeout: Duration) -> Result<()> {
        self.connection.execute_batch(&PROLOGUE.concat())?;
        self.connection.busy_timeout(timeout)?;
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| {
            let code = if is_busy(&error) { LOCKED } else { code_of(&error) };
            let locked = format!(
                "another connection held the write lock of the file for {} seconds",
                timeout.as_secs()
            );
            Finding::new(code, if code == LOCKED { locked } else { error.to_string() })
        })?;
        Ok(())
    }

    fn has_table(&self, name: &str) -> Result<bool> {
        let exists =
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)";
        Ok(self.connection.query_row(exists, [name], |row| row.get(0))?)
    }

    fn count(&self, what: &str, table: &str) -> Result<u64> {
        self.counted(&format!("SELECT count({what}) FROM {}", quoted(table)))
    }

    fn counted(&self, sql: &str) -> Result<u64> {
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Counts the rows that lose a value.
    fn lost(&self, loss: &Loss) -> Result<u64> {
        let sql = "SELECT count(*) FROM ";
        self.counted(&format!("{sql}{} WHERE {}", quoted(&loss.table), loss.rows))
    }
}

impl Session for Database {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn schema_name(&self) -> &str {
        MAIN
    }

    fn catalog(&mut self) -> Result<Catalog> {
        let reading = self.connection.savepoint()?;
        let mut catalog = introspect::read_catalog(&reading)?;
        catalog.tables.retain(|name, _| {
            name != TABLE
                && name != approvers::TABLE
                && !ablo_codegen::shape::SERVICE_TABLES.iter().any(|own| own.name == name)
        });
        Ok(catalog)
    }

    fn catalog_to_pull(&mut self) -> Result<Catalog> {
        pull::translated(self.catalog()?)
    }

    fn compare(
        &mut self,
        schema: &Schema,
        tables: Existing,
        found: &Catalog,
    ) -> Result<Vec<Difference>> {
        let model = Connection::open_in_memory()?;
        model.execute_batch(&provision_in(tables, schema).transaction)?;
        Ok(drift::differences(&introspect::read_catalog(&model)?, found))
    }

    fn obstacles(
        &mut self,
        _: &Diff<'_>,
        _: Existing,
        _: &Catalog,
        _: &[Accepted],
        statements: &mut Vec<Statement>,
    ) -> Result<Obstacles> {
        let findings = rehearsal::rehearse(&self.connection, statements)?;
        Ok(Obstacles { findings, ..Obstacles::default() })
    }

    fn row_count(&mut self, table: &str) -> Result<RowCount> {
        Ok(RowCount { count: self.count("*", table)?, exact: true })
    }

    fn count_values(&mut self, table: &str, column: &str) -> Result<Option<u64>> {
        self.count(&quoted(column), table).map(Some)
    }

    fn count_lost(&mut self, loss: &Loss) -> Result<Option<u64>> {
        self.lost(loss).map(Some)
    }

    fn ledger(&mut self) -> Result<Vec<Entry>> {
        if !self.has_table(TABLE)? {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT id, applied_at, record FROM {TABLE} \
             WHERE record NOT LIKE '{APPROVERS_MARK}%' ORDER BY id"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, applied_at): (i64, String) = (row.get(0)?, row.get(1)?);
            let record: Record =
                serde_json::from_str(&row.get::<_, String>(2)?).map_err(|error| {
                    Finding::new(LEDGER, format!("entry {id} of `{TABLE}`: {error}"))
                })?;
            let (state, notes) = (State::Done, Vec::new());
            entries.push(Entry { id, applied_at, record, state, notes });
        }
        Ok(entries)
    }

    fn lock(&mut self, timeout: Duration) -> Result<()> {
        // In memory, the path is empty.
        if let Some(path) = self.connection.path().filter(|path| !path.is_empty()) {
            let lock = FileLock::share(Path::new(path)).map_err(|error| match error {
                FileLockError::Held(_) => Finding::new(FILE_IN_USE, format!("`{path}`: {error}")),
                FileLockError::Failed(_) => Finding::new(FILE_UNREADABLE, error.to_string()),
            })?;
            self.file_lock = Some(lock);
        }
        let locked = self.begin(timeout);
        if locked.is_err() {
            self.file_lock = None;
        }
        locked
    }

    /// SQLite has no warnings.
    fn warnings(&mut self) -> Vec<Finding> {
        Vec::new()
    }

    fn unlock(&mut self) -> Result<()> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.execute_batch(&EPILOGUE.concat())?;
        self.connection.busy_timeout(READ_TIMEOUT)?;
        self.file_lock = None;
        Ok(())
    }

    /// Returns 0; a SQLite migration has no after-commit statements.
    fn finish(&mut self, _: Timeouts) -> Result<usize> {
        Ok(0)
    }

    fn approvers(&mut self) -> Result<StoredApprovers> {
        approvers::stored(self)
    }

    fn append_approver(&mut self, count: usize, entry: &str, mark: &str) -> Result<()> {
        approvers::append(&self.connection, count, entry, mark)
    }

    fn apply(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        for limit in limits {
            let column = limit.subject.column.as_deref().map(quoted);
            let what = column.as_ref().map_or("*".to_owned(), ToString::to_string);
            let found = match &limit.subject.loss {
                Some(loss) => self.lost(loss)?,
                None => self.count(&what, &limit.subject.table)?,
            };
            limit.check(found)?;
        }
        apply::apply(&self.connection, record, timeouts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_file() {
        for (address, file) in [
            ("sqlite:app.db", "app.db"),
            ("sqlite://app", "app"),
            ("sqlite:///srv/app.db", "/srv/app.db"),
            ("data/app.sqlite3", "data/app.sqlite3"),
        ] {
            assert_eq!(path(address), Ok(file));
        }
        for address in ["sqlite:", "sqlite::memory:", "sqlite:app.db?mode=rwc"] {
            assert_eq!(path(address).expect_err(address).0[0].code.name, "ablo::database::url");
        }
    }
}
