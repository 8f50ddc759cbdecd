//! Reads that are known before their results are needed, sent in one message.

use super::connection::{Connection, Read, Record, Tx};
use super::{Dialect, Notification, Row};
use crate::error::StoreError;
use crate::value::Cell;

/// Returns whether a statement only reads, so that it may run early. It may also lock rows.
pub(super) fn is_read(sql: &str) -> bool {
    sql.starts_with("SELECT ")
}

impl Tx<'_> {
    /// Sends the queries that a job begins with in one message, if the database is on a network.
    /// The job runs with empty results, so it must only read. Queries that it asks afterwards get
    /// the results that have arrived, until something is written.
    ///
    /// # Errors
    ///
    /// Returns an error if a query fails.
    pub(crate) fn read_ahead(&mut self, job: impl FnOnce(&mut Tx<'_>)) -> Result<(), StoreError> {
        if !self.driver().reads_ahead() {
            return Ok(());
        }
        let (dialect, now) = (self.dialect(), self.now());
        let mut recorder = Recorder { dialect, now, reads: Vec::new() };
        job(&mut Tx::new(&mut recorder));
        let reads = recorder.reads;
        self.driver().read_ahead(reads)
    }
}

/// A database without rows that records what it is asked.
struct Recorder {
    dialect: Dialect,
    now: jiff::Timestamp,
    reads: Vec<Read>,
}

impl Connection for Recorder {
    fn dialect(&self) -> Dialect {
        self.dialect
    }

    fn now(&self) -> jiff::Timestamp {
        self.now
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        if !is_read(sql) {
            return Err(StoreError::Fault("a job that is read ahead has written".to_owned()));
        }
        self.reads.push(Read { sql: sql.to_owned(), values: values.to_vec() });
        Ok(Vec::new())
    }

    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError> {
        self.query(sql, values).map(|_| Vec::new())
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.query(sql, values).map(|_| 0)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn notify(&mut self, _: Notification) -> Result<(), StoreError> {
        Ok(())
    }
}
