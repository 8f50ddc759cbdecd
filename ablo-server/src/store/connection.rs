//! A transaction: the raw form that a database driver offers, the form that the engine uses, and
//! rows whose columns are read by name.

use super::{Dialect, Notification, Row, SqlTemplate};
use crate::error::{EngineError, Result, StoreError};
use crate::value::Cell;
use serde::de::DeserializeOwned;
use std::cell::OnceCell;
use std::sync::Arc;

/// A query that will be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub values: Vec<Cell>,
}

/// An open transaction of a database driver.
pub trait Connection {
    /// Returns the SQL dialect.
    fn dialect(&self) -> Dialect;

    /// Returns the time of a monotonic clock that all processes on this database share.
    fn now(&self) -> jiff::Timestamp;

    /// Runs a query.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement fails.
    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError>;

    /// Runs a query and returns the names of its columns, too.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement fails.
    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError>;

    /// Runs a statement and returns the number of affected rows.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement fails.
    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError>;

    /// Inserts a row into a table whose key `id` is a number that the database assigns, and returns
    /// it.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement fails.
    fn insert(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        let rows = self.query(&format!("{sql} RETURNING id"), values)?;
        let id = rows.first().and_then(|row| row.first()?.integer());
        id.and_then(|id| u64::try_from(id).ok())
            .ok_or_else(|| StoreError::Fault("a row was not inserted".to_owned()))
    }

    /// Runs a statement before the next one, or before the commit: nothing waits for its result.
    ///
    /// # Errors
    ///
    /// Returns an error if the statement fails at once. Otherwise the next one or the commit fails.
    fn execute_later(&mut self, sql: &str, values: &[Cell]) -> Result<(), StoreError> {
        self.execute(sql, values).map(drop)
    }

    /// Returns whether queries that are known early should be sent with [`read_ahead`].
    ///
    /// [`read_ahead`]: Connection::read_ahead
    fn reads_ahead(&self) -> bool {
        false
    }

    /// Sends queries in one message and keeps their results until they are asked for or something
    /// is written.
    ///
    /// # Errors
    ///
    /// Returns an error if a query fails.
    fn read_ahead(&mut self, _reads: Vec<Read>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Checks that the database answers and is the one that was opened.
    ///
    /// # Errors
    ///
    /// Returns an error otherwise.
    fn check(&mut self) -> Result<(), StoreError>;

    /// Queues a notification that every process on this database receives after the commit.
    ///
    /// # Errors
    ///
    /// Returns an error if the notification cannot be queued.
    fn notify(&mut self, notification: Notification) -> Result<(), StoreError>;
}

/// An open transaction. Modules of the store add the operations on their tables; no other module
/// writes SQL.
pub struct Tx<'t> {
    connection: &'t mut (dyn Connection + 't),
    now: OnceCell<jiff::Timestamp>,
}

impl<'t> Tx<'t> {
    /// Wraps a transaction of a driver.
    #[must_use]
    pub fn new(connection: &'t mut (dyn Connection + 't)) -> Self {
        Self { connection, now: OnceCell::new() }
    }

    pub(super) fn driver(&mut self) -> &mut (dyn Connection + 't) {
        &mut *self.connection
    }

    /// Returns the transaction of the driver, for tests that look at tables.
    pub fn connection(&mut self) -> &mut (dyn Connection + 't) {
        &mut *self.connection
    }

    /// Returns the time of the transaction, from a monotonic clock that all processes on this
    /// database share: when it was first asked for.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        *self.now.get_or_init(|| self.connection.now())
    }

    /// Queues a notification that every process on this database receives after the commit.
    ///
    /// # Errors
    ///
    /// Returns an error if the notification cannot be queued.
    pub fn notify(&mut self, notification: Notification) -> Result<(), StoreError> {
        self.connection.notify(notification)
    }

    /// Runs a job and undoes its writes. After an error the transaction has to be rolled back.
    ///
    /// # Errors
    ///
    /// Returns the error of the job, or one if a statement fails.
    pub fn dry_run<T>(
        &mut self,
        job: impl FnOnce(&mut Self) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.execute("SAVEPOINT ablo_try", &[])?;
        let done = job(self)?;
        self.execute("ROLLBACK TO SAVEPOINT ablo_try", &[])?;
        self.execute("RELEASE SAVEPOINT ablo_try", &[])?;
        Ok(done)
    }

    /// Checks that the database answers.
    pub(crate) fn ping(&mut self) -> Result<(), StoreError> {
        self.connection.check()
    }

    /// Collects statistics on tables whose size has changed, for the choice of indexes. PostgreSQL
    /// does it by itself.
    pub(crate) fn collect_statistics(&mut self) -> Result<(), StoreError> {
        if self.dialect() == Dialect::Sqlite {
            // The flags: analyze, also tables that this connection has not read, within a limit.
            self.query("PRAGMA optimize = 0x10012", &[])?;
        }
        Ok(())
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    pub(in crate::store) fn query(
        &mut self,
        sql: &str,
        values: &[Cell],
    ) -> Result<Vec<Row>, StoreError> {
        self.connection.query(sql, values)
    }

    pub(in crate::store) fn execute(
        &mut self,
        sql: &str,
        values: &[Cell],
    ) -> Result<u64, StoreError> {
        self.connection.execute(sql, values)
    }

    /// Runs a statement of the coordinator and returns the number of affected rows.
    pub(in crate::store) fn run(
        &mut self,
        statement: &SqlTemplate,
        values: &[Cell],
    ) -> Result<u64, StoreError> {
        self.connection.execute(statement.sql(self.connection.dialect()), values)
    }

    /// Inserts a row of the coordinator and returns the `id` that the database assigns.
    pub(in crate::store) fn insert(
        &mut self,
        statement: &SqlTemplate,
        values: &[Cell],
    ) -> Result<u64, StoreError> {
        self.connection.insert(statement.sql(self.connection.dialect()), values)
    }

    /// Runs a statement of the coordinator before the next one, or before the commit.
    pub(in crate::store) fn run_later(
        &mut self,
        statement: &SqlTemplate,
        values: &[Cell],
    ) -> Result<(), StoreError> {
        self.connection.execute_later(statement.sql(self.connection.dialect()), values)
    }

    /// Runs a query of the coordinator and decodes its rows.
    pub(in crate::store) fn all<T>(
        &mut self,
        statement: &SqlTemplate,
        values: &[Cell],
        decode: impl FnMut(Record) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let records = self.connection.records(statement.sql(self.connection.dialect()), values)?;
        records.into_iter().map(decode).collect()
    }

    /// Runs a query of the coordinator and decodes its first row.
    pub(in crate::store) fn first<T>(
        &mut self,
        statement: &SqlTemplate,
        values: &[Cell],
        decode: impl FnMut(Record) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let records = self.connection.records(statement.sql(self.connection.dialect()), values)?;
        records.into_iter().next().map(decode).transpose()
    }
}

/// The names of the columns of a result.
pub type ColumnNames = Arc<[Box<str>]>;

/// A row of a result whose columns are read by name.
#[derive(Debug)]
pub struct Record {
    names: ColumnNames,
    cells: Row,
}

impl Record {
    /// Joins the names and the values of a row.
    #[must_use]
    pub fn new(names: ColumnNames, cells: Row) -> Self {
        Self { names, cells }
    }

    /// Takes the value of a column out of the row.
    pub(in crate::store) fn take(&mut self, name: &str) -> Result<Cell, StoreError> {
        let at = self.names.iter().position(|known| **known == *name);
        at.and_then(|at| self.cells.get_mut(at))
            .map(|cell| std::mem::replace(cell, Cell::Null))
            .ok_or_else(|| StoreError::Fault(format!("the result has no column `{name}`")))
    }

    /// Takes a text that may be NULL.
    pub(in crate::store) fn optional_text(
        &mut self,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        match self.take(name)? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            other => Err(unexpected(name, "a text", &other)),
        }
    }

    /// Takes a text.
    pub(in crate::store) fn text(&mut self, name: &str) -> Result<String, StoreError> {
        self.optional_text(name)?.ok_or_else(|| unexpected(name, "a text", &Cell::Null))
    }

    /// Takes an unsigned number that may be NULL.
    pub(in crate::store) fn optional_number(
        &mut self,
        name: &str,
    ) -> Result<Option<u64>, StoreError> {
        match self.take(name)? {
            Cell::Null => Ok(None),
            cell => cell
                .integer()
                .and_then(|number| u64::try_from(number).ok())
                .map(Some)
                .ok_or_else(|| unexpected(name, "a number", &cell)),
        }
    }

    /// Takes an unsigned number.
    pub(in crate::store) fn number(&mut self, name: &str) -> Result<u64, StoreError> {
        self.optional_number(name)?.ok_or_else(|| unexpected(name, "a number", &Cell::Null))
    }

    /// Takes a JSON value that may be NULL.
    pub(in crate::store) fn optional_json<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| StoreError::Fault(format!("invalid stored `{name}`: {error}")))
    }

    /// Takes a JSON value.
    pub(in crate::store) fn json<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Result<T, StoreError> {
        self.optional_json(name)?.ok_or_else(|| unexpected(name, "JSON", &Cell::Null))
    }
}

fn unexpected(name: &str, expected: &str, cell: &Cell) -> StoreError {
    StoreError::Fault(format!("expected {expected} in the column `{name}`, got {cell:?}"))
}

impl From<u64> for Cell {
    /// Numbers beyond the signed range become the largest one: no stored number is greater.
    fn from(number: u64) -> Self {
        Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let names = ["id", "count", "note"].map(Box::from);
        Record::new(Arc::new(names), vec!["a".into(), Cell::Integer(3), Cell::Null])
    }

    #[test]
    fn columns_are_read_by_name_in_any_order() {
        let mut row = record();
        assert_eq!(row.number("count"), Ok(3));
        assert_eq!(row.text("id").as_deref(), Ok("a"));
        assert_eq!(row.optional_text("note"), Ok(None));
    }

    #[test]
    fn a_missing_or_mistyped_column_is_a_fault() {
        for fault in [
            record().text("name").map(drop),
            record().text("count").map(drop),
            record().text("note").map(drop),
            record().number("id").map(drop),
            record().json::<Vec<String>>("id").map(drop),
        ] {
            assert!(matches!(fault, Err(StoreError::Fault(_))), "{fault:?}");
        }
    }
}
