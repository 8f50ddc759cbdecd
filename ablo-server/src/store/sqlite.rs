//! The embedded store: one SQLite file, or memory.
//!
//! One thread writes. What waits when it is free goes into one transaction, each piece of work under a savepoint of its own, so that
//! many commits share one write to the disk and none of them hears of it before that. Other threads read, each on the last
//! committed state; a store in memory has only the one connection.

use super::sql_template::DIGITS;
use super::{Clock, Dialect, Notification, Row, Store, Tenant, Tx, Work, spawn};
use crate::error::{Rule, StoreError};
use crate::value::{Cell, order_of_digits};
use ablo_codegen::emit::sql::sqlite;
use ablo_schema::Schema;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql, ffi, params_from_iter};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::broadcast;

/// At most so many pieces of work share a transaction: the first of them waits for the last.
const BATCH: usize = 128;
/// Threads that read.
const READERS: usize = 4;
/// How long another program on the same file is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 512;
/// Notification that a slow listener may lag behind before it is told that it missed some.
const NEWS: usize = 4096;

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbPath {
    /// In a file, made when it is missing.
    File(PathBuf),
    /// In memory, gone with the program.
    Memory,
}

/// The embedded store.
#[derive(Debug)]
pub struct Sqlite {
    writer: mpsc::Sender<Box<dyn Work>>,
    reader: Option<mpsc::Sender<Box<dyn Work>>>,
    news: broadcast::Sender<Notification>,
    clock: Clock,
}

impl Sqlite {
    /// Opens a database and makes the tables that are missing.
    ///
    /// # Errors
    /// When the file cannot be opened or written, or is no database.
    pub fn open(place: &DbPath, schema: &Schema) -> Result<Self, StoreError> {
        Self::with(
            place,
            &[sqlite::service(), sqlite::provision(schema, &sqlite::SqliteOptions::default())],
        )
    }

    /// Opens a database whose tables are an application's, and makes the ledger and the outbox of a Data Source beside them.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn beside(place: &DbPath) -> Result<Self, StoreError> {
        Self::with(place, &[sqlite::source()])
    }

    fn with(place: &DbPath, programs: &[sqlite::Provision]) -> Result<Self, StoreError> {
        let connection = connect(place, false)?;
        for program in programs {
            provision(&connection, &program.transaction)?;
        }
        let clock = Clock::starting(jiff::Timestamp::now());
        let (news, _) = broadcast::channel(NEWS);
        let reader = match place {
            DbPath::Memory => None,
            DbPath::File(_) => Some(readers(place, clock)?),
        };
        let (writer, work) = mpsc::channel();
        let teller = news.clone();
        spawn("ablo-writer", move || write_all(&connection, &work, &teller, clock))?;
        Ok(Self { writer, reader, news, clock })
    }
}

impl Store for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn write(&self, _: Tenant, work: Box<dyn Work>) {
        send(&self.writer, work);
    }

    fn read(&self, _: Tenant, work: Box<dyn Work>) {
        send(self.reader.as_ref().unwrap_or(&self.writer), work);
    }

    fn news(&self) -> broadcast::Receiver<Notification> {
        self.news.subscribe()
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

fn send(to: &mpsc::Sender<Box<dyn Work>>, work: Box<dyn Work>) {
    if let Err(mpsc::SendError(work)) = to.send(work) {
        work.finish(Err(StoreError::Unavailable("the store is closed".to_owned())));
    }
}

fn connect(place: &DbPath, read_only: bool) -> Result<Connection, StoreError> {
    let connection = match place {
        DbPath::Memory => Connection::open_in_memory()?,
        DbPath::File(path) => {
            let access = match read_only {
                true => OpenFlags::SQLITE_OPEN_READ_ONLY,
                false => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            };
            Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?
        }
    };
    connection.busy_timeout(PATIENCE)?;
    connection.create_collation(DIGITS, order_of_digits)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    if !read_only {
        // What is confirmed is on the disk, whatever happens to the machine.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
        )?;
    }
    Ok(connection)
}

/// Runs a program of provisioning and logs what differs.
fn provision(connection: &Connection, program: &str) -> Result<(), StoreError> {
    let mut batch = rusqlite::Batch::new(connection, program);
    while let Some(mut statement) = batch.next()? {
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let said: String = row.get(0)?;
            tracing::warn!("{said}");
        }
    }
    Ok(())
}

/// Threads that take reading work in turn.
fn readers(place: &DbPath, clock: Clock) -> Result<mpsc::Sender<Box<dyn Work>>, StoreError> {
    let (reader, work) = mpsc::channel::<Box<dyn Work>>();
    let work = Arc::new(Mutex::new(work));
    for _ in 0..READERS {
        let (connection, work) = (connect(place, true)?, Arc::clone(&work));
        spawn("ablo-reader", move || {
            let next = || work.lock().unwrap_or_else(PoisonError::into_inner).recv();
            while let Ok(mut work) = next() {
                let outcome = read_one(&connection, &mut *work, clock);
                work.finish(outcome);
            }
        })?;
    }
    Ok(reader)
}

fn read_one(connection: &Connection, work: &mut dyn Work, clock: Clock) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN")?;
    let outcome = work.run(&mut Transaction { connection, clock, news: Vec::new() });
    connection.execute_batch("COMMIT").or_else(|_| connection.execute_batch("ROLLBACK"))?;
    outcome
}

fn write_all(
    connection: &Connection,
    work: &mpsc::Receiver<Box<dyn Work>>,
    teller: &broadcast::Sender<Notification>,
    clock: Clock,
) {
    while let Ok(first) = work.recv() {
        let more = std::iter::from_fn(|| work.try_recv().ok());
        let batch: Vec<_> = std::iter::once(first).chain(more).take(BATCH).collect();
        write_batch(connection, batch, teller, clock);
    }
}

/// Runs work in one transaction; each that fails is undone alone.
fn write_batch(
    connection: &Connection,
    mut batch: Vec<Box<dyn Work>>,
    teller: &broadcast::Sender<Notification>,
    clock: Clock,
) {
    let mut outcomes = Vec::with_capacity(batch.len());
    let committed = (|| {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for work in &mut batch {
            outcomes.push(write_one(connection, &mut **work, clock)?);
        }
        connection.execute_batch("COMMIT")
    })();
    if let Err(error) = committed {
        // Where the transaction is over already there is nothing to roll back.
        let _ = connection.execute_batch("ROLLBACK");
        let error = StoreError::from(error);
        return batch.into_iter().for_each(|work| work.finish(Err(error.clone())));
    }
    for (work, outcome) in batch.into_iter().zip(outcomes) {
        let outcome = outcome.map(|news| {
            for news in news {
                // Nobody may be listening.
                let _ = teller.send(news);
            }
        });
        work.finish(outcome);
    }
}

/// Runs one piece of work under a savepoint, and gives what it tells.
fn write_one(
    connection: &Connection,
    work: &mut dyn Work,
    clock: Clock,
) -> rusqlite::Result<Result<Vec<Notification>, StoreError>> {
    connection.prepare_cached("SAVEPOINT work")?.execute([])?;
    let mut transaction = Transaction { connection, clock, news: Vec::new() };
    let outcome = work.run(&mut transaction);
    let news = transaction.news;
    if outcome.is_err() {
        connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    }
    connection.prepare_cached("RELEASE work")?.execute([])?;
    Ok(outcome.map(|()| news))
}

struct Transaction<'c> {
    connection: &'c Connection,
    clock: Clock,
    news: Vec<Notification>,
}

impl Tx for Transaction<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let width = statement.column_count();
        let mut found = statement.query(params_from_iter(values))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push((0..width).map(|at| row.get_ref(at).map(cell)).collect::<Result<Row, _>>()?);
        }
        Ok(rows)
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(values))? as u64)
    }

    fn tell(&mut self, news: Notification) -> Result<(), StoreError> {
        if !self.news.contains(&news) {
            self.news.push(news);
        }
        Ok(())
    }
}

fn cell(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(number) => Cell::Integer(number),
        ValueRef::Real(number) => Cell::Real(number),
        ValueRef::Text(text) | ValueRef::Blob(text) => {
            Cell::Text(String::from_utf8_lossy(text).into_owned())
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
        match (code.code, code.extended_code) {
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Contended(text),
            (
                ErrorCode::DiskFull
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure,
                _,
            ) => StoreError::Unavailable(text),
            (_, ffi::SQLITE_CONSTRAINT_NOTNULL) => StoreError::Rule(Rule::NotNull, text),
            (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Rule(Rule::ForeignKey, text),
            (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                StoreError::Rule(Rule::Unique, text)
            }
            (_, ffi::SQLITE_CONSTRAINT_CHECK) => StoreError::Rule(Rule::Check, text),
            (ErrorCode::ConstraintViolation, _) => StoreError::Rule(Rule::Other, text),
            _ => StoreError::Fault(text),
        }
    }
}
