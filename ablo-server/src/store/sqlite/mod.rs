//! The SQLite store: one file, or memory.
//!
//! One thread writes. It runs all waiting work in one transaction, each unit under its own
//! savepoint, so that many commits share one disk write and are confirmed after it. Other threads
//! read the last committed state; an in-memory store has only the writer's connection.

mod backup;
mod file;
mod threads;

pub use backup::{BackupError, backup};

use self::file::{OpenFile, checkpoint, lock};
use self::threads::{Watched, readers, write_all};
use super::connection::{ColumnNames, Connection, Record};
use super::layout::{self, LayoutSession, StoredLayout};
use super::queue::{Job, Queue, Share};
use super::sql_template::DECIMAL_COLLATION;
use super::{
    Access, Clock, Dialect, Notification, Row, SchemaEpoch, SharedLimits, Store, Tenant, Ticket,
    Work, spawn,
};
use crate::error::{ConstraintKind, ConstraintViolation, StoreError};
use crate::value::{Cell, compare_decimals};
use ablo_codegen::emit::sql::sqlite;
use ablo_migrate::FileLock;
use ablo_schema::Schema;
use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    Connection as Database, ErrorCode, OpenFlags, Statement, ToSql, ffi, params_from_iter,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::broadcast;

/// A batch of the writer takes from every organisation in turn.
const WRITER: Share = Share { running: usize::MAX, global: usize::MAX };
/// How long to wait for another program that has locked the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(4);
/// Number of cached prepared statements per connection.
const STATEMENT_CACHE_SIZE: usize = 512;
/// Number of notifications that a receiver may lag behind before it loses some.
const NOTIFICATION_BUFFER: usize = 4096;

/// The location of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbPath {
    /// A file, created if missing.
    File(PathBuf),
    /// Memory; the data is lost when the store is dropped.
    Memory,
}

/// The SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    writer: Arc<Queue>,
    /// Missing for an in-memory store, whose writer reads, too.
    reader: Option<Arc<Queue>>,
    limits: SharedLimits,
    epoch: Arc<SchemaEpoch>,
    /// The readers, then the writer.
    threads: Vec<JoinHandle<()>>,
    notifications: broadcast::Sender<Notification>,
    clock: Clock,
    _lock: Option<FileLock>,
}

impl Sqlite {
    /// Opens a database, brings the coordinator's own tables to the newest layout, and creates
    /// missing tables of models.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be opened or written, or is not a database,
    /// [`StoreError::InUse`] if another coordinator serves it, and [`StoreError::NewerLayout`] if
    /// its layout needs a newer coordinator.
    pub fn open(path: &DbPath, schema: &Schema) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        Self::provisioned(path, schema, lock)
    }

    /// Opens a database beside the coordinator that may serve it, to change credentials, which that
    /// coordinator notices within a second. It would not notice changes of rows.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`], except [`StoreError::InUse`].
    pub fn open_beside(path: &DbPath, schema: &Schema) -> Result<Self, StoreError> {
        Self::provisioned(path, schema, None)
    }

    fn provisioned(
        path: &DbPath,
        schema: &Schema,
        lock: Option<FileLock>,
    ) -> Result<Self, StoreError> {
        let mut connection = connect(path, false)?;
        layout::upgrade(&mut connection, &sqlite::layout())?;
        let tables = sqlite::provision(schema, &sqlite::SqliteOptions::default());
        Self::start(path, connection, Some(&tables), lock)
    }

    /// Opens a database whose tables of models exist, and brings the coordinator's own tables to
    /// the newest layout. Nothing else is created or changed.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub fn open_existing(path: &DbPath) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let mut connection = connect(path, false)?;
        layout::upgrade(&mut connection, &sqlite::layout())?;
        Self::start(path, connection, None, lock)
    }

    /// Checks that this coordinator can use a file, and changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub fn check_layout(path: &DbPath) -> Result<(), StoreError> {
        layout::check(&mut connect(path, false)?, &sqlite::layout())
    }

    /// Opens an application's database and creates the ledger and the outbox of a data source.
    ///
    /// # Errors
    ///
    /// As [`Sqlite::open`].
    pub fn open_data_source(path: &DbPath) -> Result<Self, StoreError> {
        // Other programs write to the file, too.
        Self::start(path, connect(path, false)?, Some(&sqlite::source()), None)
    }

    /// Creates missing tables and starts the threads.
    fn start(
        path: &DbPath,
        connection: Database,
        tables: Option<&sqlite::Provision>,
        lock: Option<FileLock>,
    ) -> Result<Self, StoreError> {
        if let Some(tables) = tables {
            provision(&connection, &tables.transaction)?;
        }
        let clock = Clock::starting_at(jiff::Timestamp::now());
        let (notifications, _) = broadcast::channel(NOTIFICATION_BUFFER);
        let (file, epoch) = (OpenFile::new(path)?, Arc::new(SchemaEpoch::default()));
        let (reader, mut threads) = match path {
            DbPath::Memory => (None, Vec::new()),
            DbPath::File(_) => {
                let (queue, threads) = readers(path, (&file, &epoch), clock)?;
                (Some(queue), threads)
            }
        };
        let (connection, writer) = (Watched::new(connection)?, Arc::new(Queue::new(WRITER)));
        let (queue, sender, is_only_one) =
            (Arc::clone(&writer), notifications.clone(), lock.is_some());
        let own_epoch = Arc::clone(&epoch);
        threads.push(spawn("ablo-writer", move || {
            write_all(&connection, &queue, &sender, (clock, &file, &own_epoch));
            if is_only_one {
                checkpoint(connection.database());
            }
        })?);
        let limits = SharedLimits::default();
        Ok(Self { writer, reader, limits, epoch, threads, notifications, clock, _lock: lock })
    }
}

impl Drop for Sqlite {
    /// Waits until all work is done and the file alone has all rows.
    fn drop(&mut self) {
        if let Some(reader) = &self.reader {
            reader.close();
        }
        let last = self.threads.len().saturating_sub(1);
        for (at, thread) in std::mem::take(&mut self.threads).into_iter().enumerate() {
            if at == last {
                // The readers have ended, so their snapshots do not prevent the checkpoint.
                self.writer.close();
            }
            // Work of a thread may own the last reference to the store.
            if thread.thread().id() != std::thread::current().id() {
                // A thread that panicked has logged it.
                let _ = thread.join();
            }
        }
    }
}

impl Store for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn submit(&self, access: Access, tenant: Tenant, work: Box<dyn Work>, ticket: Arc<Ticket>) {
        let limits = self.limits.get();
        let queue = match access {
            Access::Write => &self.writer,
            Access::Read => self.reader.as_ref().unwrap_or(&self.writer),
        };
        let job = Job::new(tenant, work, ticket);
        queue.push(job, (limits.waiting_work, limits.waiting_work_total));
    }

    fn limits(&self) -> &SharedLimits {
        &self.limits
    }

    fn schema_epoch(&self) -> Option<&SchemaEpoch> {
        Some(&self.epoch)
    }

    fn subscribe(&self) -> broadcast::Receiver<Notification> {
        self.notifications.subscribe()
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

fn connect(path: &DbPath, read_only: bool) -> Result<Database, StoreError> {
    let connection = match path {
        DbPath::Memory => Database::open_in_memory()?,
        DbPath::File(path) => {
            let access = match read_only {
                true => OpenFlags::SQLITE_OPEN_READ_ONLY,
                false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            };
            Database::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?
        }
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.create_collation(DECIMAL_COLLATION, compare_decimals)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE_SIZE);
    // Otherwise SQLite plans a cached statement again for each new value of its parameters.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // The savepoint of each unit of work keeps the pages that it changes in a temporary file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    if !read_only {
        // A confirmed commit is on disk, even if the machine crashes.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )?;
    }
    Ok(connection)
}

/// Runs provisioning statements and logs the differences that they report.
fn provision(connection: &Database, program: &str) -> Result<(), StoreError> {
    let mut batch = rusqlite::Batch::new(connection, program);
    while let Some(mut statement) = batch.next()? {
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let warning: String = row.get(0)?;
            tracing::warn!("{warning}");
        }
    }
    Ok(())
}

impl LayoutSession for Database {
    fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        provision(self, sql)
    }

    fn stored(&mut self, sql: &str) -> Result<StoredLayout, StoreError> {
        Ok(self.query_row(sql, [], |row| {
            Ok(StoredLayout { version: row.get(0)?, min_reader: row.get(1)? })
        })?)
    }
}

struct Transaction<'c> {
    connection: &'c Database,
    clock: Clock,
    file: &'c OpenFile,
    notifications: Vec<Notification>,
}

impl Connection for Transaction<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(read_rows(&mut statement, values)?)
    }

    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = read_rows(&mut statement, values)?;
        // Most look-ups of a commit find nothing.
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let names: ColumnNames = statement.column_names().map(Box::from).collect();
        Ok(rows.into_iter().map(|row| Record::new(names.clone(), row)).collect())
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(values))? as u64)
    }

    /// Without `RETURNING`, for which SQLite creates a temporary table.
    fn insert(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.execute(sql, values)?;
        Ok(u64::try_from(self.connection.last_insert_rowid()).unwrap_or_default())
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.file.check()?;
        self.query("SELECT 1", &[]).map(drop)
    }

    fn notify(&mut self, notification: Notification) -> Result<(), StoreError> {
        if !self.notifications.contains(&notification) {
            self.notifications.push(notification);
        }
        Ok(())
    }
}

fn read_rows(statement: &mut Statement<'_>, values: &[Cell]) -> rusqlite::Result<Vec<Row>> {
    let width = statement.column_count();
    let mut found = statement.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut cells = Row::with_capacity(width);
        for at in 0..width {
            cells.push(cell(row.get_ref(at)?));
        }
        rows.push(cells);
    }
    Ok(rows)
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            match std::str::from_utf8(text) {
                Ok(text) => Cell::Text(text.to_owned()),
                // Another program wrote it.
                Err(_) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            }
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Cell::Null => ValueRef::Null,
            Cell::Text(text) => ValueRef::Text(text.as_bytes()),
            Cell::Integer(number) => ValueRef::Integer(*number),
            Cell::Real(number) => ValueRef::Real(*number),
            Cell::Boolean(flag) => ValueRef::Integer(i64::from(*flag)),
        }))
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let rusqlite::Error::SqliteFailure(code, _) = error else { return StoreError::Fault(text) };
        match code.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked(text),
            ErrorCode::OperationInterrupted => StoreError::TimedOut,
            ErrorCode::DiskFull
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure => StoreError::Unavailable(text),
            ErrorCode::ConstraintViolation => {
                StoreError::Constraint(Box::new(violation(code.extended_code, text)))
            }
            _ => StoreError::Fault(text),
        }
    }
}

/// Reads the columns from a message such as `UNIQUE constraint failed: tasks.a, tasks.b`. Messages
/// about other constraints, and about indexes on expressions, name no columns.
fn violation(extended_code: i32, message: String) -> ConstraintViolation {
    let kind = match extended_code {
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => ConstraintKind::Unique,
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        _ => ConstraintKind::Other,
    };
    let mut violation = ConstraintViolation::new(kind, message);
    let prefixes = ["UNIQUE constraint failed: ", "NOT NULL constraint failed: "];
    let names = prefixes.iter().find_map(|prefix| violation.message.strip_prefix(prefix));
    let columns: Option<Vec<(&str, &str)>> =
        names.and_then(|names| names.split(", ").map(|name| name.split_once('.')).collect());
    if let Some(columns) = columns {
        let table = columns.first().map(|(table, _)| (*table).to_owned());
        let columns = columns.iter().map(|(_, column)| (*column).to_owned()).collect();
        (violation.table, violation.columns) = (table, columns);
    }
    violation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_from_messages() {
        let of = |message: &str| violation(ffi::SQLITE_CONSTRAINT_UNIQUE, message.to_owned());
        let found = of("UNIQUE constraint failed: tasks.team_id, tasks.name");
        assert_eq!(found.table.as_deref(), Some("tasks"));
        assert_eq!(found.columns, ["team_id", "name"]);
        let expression = of("UNIQUE constraint failed: index 'lower_name'");
        assert_eq!((expression.table, expression.columns.len()), (None, 0));
    }
}
