//! SQLite: a file, what it holds, the ledger and the one transaction of a migration.
//!
//! The lock is the transaction itself: it begins with `BEGIN IMMEDIATE`, and the ledger and the fingerprint are read inside it.

mod apply;
mod catalogue;
mod drift;
mod written;

use crate::codes::{LEDGER, LOCKED, OPTIONS, REFUSED, UNREACHABLE, URL};
use crate::compare::Difference;
use crate::error::{Error, Finding, Result};
use crate::ledger::{Entry, Record, State, TABLE};
use crate::live::Live;
use crate::plan::RowCount;
use crate::session::{Absent, Applied, Dialect, Patience, Session};
use ablo_codegen::emit::sql::sqlite::{EPILOGUE, PROLOGUE, SqliteOptions, migrate, provision};
use ablo_codegen::migrate::Migration;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The only place for tables.
const MAIN: &str = "main";

/// How long a read waits for a writer.
const READ_PATIENCE: Duration = Duration::from_secs(5);

/// A session with a file.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let code = if is_busy(&error) { LOCKED } else { REFUSED };
        Finding::new(code, error.to_string()).into()
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// The file that an address names.
fn path(address: &str) -> Result<&str> {
    let Some(rest) = address.strip_prefix("sqlite:") else { return Ok(address) };
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let wrong =
        |message: &str| Err(Finding::new(URL, message).help("as in `sqlite:app.db`").into());
    match path {
        "" => wrong("the address names no file"),
        ":memory:" => wrong("a database in memory is gone when this command ends"),
        _ if path.contains('?') => wrong("the address of a file has no parameters"),
        _ => Ok(path),
    }
}

/// The statements that lead from one schema to the next.
///
/// # Errors
/// `ablo::migrate::options`.
pub(crate) fn lower(
    diff: &Diff<'_>,
    backfills: &Backfills,
    place: &str,
    foreign_keys: bool,
) -> Result<Migration> {
    if place != MAIN {
        let message = format!("SQLite has no schema `{place}`: its tables are in `{MAIN}`");
        return Err(Finding::new(OPTIONS, message).into());
    }
    Ok(migrate(diff, diff.prev(), diff.next(), backfills, &SqliteOptions { foreign_keys }))
}

impl Database {
    /// Opens a file. Nothing but an apply writes to it, save that what a killed writer left half done is undone.
    ///
    /// # Errors
    /// `ablo::database::url`, and `ablo::database::unreachable` where it is not there or no database.
    pub fn connect(address: &str, absent: Absent) -> Result<Self> {
        let path = path(address)?;
        let unreachable =
            |error: rusqlite::Error| Finding::new(UNREACHABLE, format!("`{path}`: {error}"));
        let existing = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match absent {
            Absent::Empty if !Path::new(path).exists() => Connection::open_in_memory(),
            Absent::Made => {
                Connection::open_with_flags(path, existing | OpenFlags::SQLITE_OPEN_CREATE)
            }
            Absent::Refused | Absent::Empty => Connection::open_with_flags(path, existing),
        };
        let connection = connection.map_err(unreachable)?;
        connection.busy_timeout(READ_PATIENCE).map_err(unreachable)?;
        if absent != Absent::Made {
            connection.execute_batch("PRAGMA query_only = ON").map_err(unreachable)?;
        }
        // Only a read shows whether the file is a database.
        let read = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
        read.map_err(unreachable)?;
        Ok(Self { connection })
    }

    fn count(&self, what: &str, table: &str) -> Result<u64> {
        let sql = format!("SELECT count({what}) FROM {}", quoted(table));
        let count: i64 = self.connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

impl Session for Database {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn place(&self) -> &str {
        MAIN
    }

    fn live(&mut self) -> Result<Live> {
        let reading = self.connection.savepoint()?;
        let mut live = catalogue::live(&reading)?;
        live.tables.retain(|name, _| {
            name != TABLE && !ablo_codegen::shape::SERVICE_TABLES.iter().any(|own| own.name == name)
        });
        Ok(live)
    }

    fn drift(&mut self, schema: &Schema, foreign_keys: bool) -> Result<Vec<Difference>> {
        let model = Connection::open_in_memory()?;
        model.execute_batch(&provision(schema, &SqliteOptions { foreign_keys }).transaction)?;
        Ok(drift::differences(&catalogue::live(&model)?, &self.live()?))
    }

    fn rows(&mut self, table: &str) -> Result<RowCount> {
        Ok(RowCount { count: self.count("*", table)?, exact: true })
    }

    fn filled(&mut self, table: &str, column: &str) -> Result<Option<u64>> {
        self.count(&quoted(column), table).map(Some)
    }

    fn ledger(&mut self) -> Result<Vec<Entry>> {
        let is_there =
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?)";
        if !self.connection.query_row(is_there, [TABLE], |row| row.get(0))? {
            return Ok(Vec::new());
        }
        let sql = format!("SELECT id, applied_at, record FROM {TABLE} ORDER BY id");
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let (id, applied_at): (i64, String) = (row.get(0)?, row.get(1)?);
            let record: Record =
                serde_json::from_str(&row.get::<_, String>(2)?).map_err(|error| {
                    Finding::new(LEDGER, format!("entry {id} of `{TABLE}`: {error}"))
                })?;
            entries.push(Entry { id, applied_at, record, state: State::Done });
        }
        Ok(entries)
    }

    fn lock(&mut self, patience: Duration) -> Result<()> {
        self.connection.execute_batch(&PROLOGUE.concat())?;
        self.connection.busy_timeout(patience)?;
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| {
            let code = if is_busy(&error) { LOCKED } else { REFUSED };
            let waited = format!(
                "another connection writes to the file, after {} seconds too",
                patience.as_secs()
            );
            Finding::new(code, if code == LOCKED { waited } else { error.to_string() })
        })?;
        Ok(())
    }

    /// SQLite refuses, and warns of nothing.
    fn warnings(&mut self) -> Vec<Finding> {
        Vec::new()
    }

    fn unlock(&mut self) -> Result<()> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.execute_batch(&EPILOGUE.concat())?;
        self.connection.busy_timeout(READ_PATIENCE)?;
        Ok(())
    }

    /// There is never anything: all of a migration is in its transaction.
    fn finish(&mut self, _: Patience) -> Result<usize> {
        Ok(0)
    }

    fn apply(&mut self, record: &Record, patience: Patience) -> Result<Applied> {
        apply::apply(&self.connection, record, patience)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
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
