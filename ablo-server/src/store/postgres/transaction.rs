//! A transaction of a session.

use super::super::ahead::is_read;
use super::super::connection::{Connection, Record};
use super::super::{Dialect, Notification, Read, Row};
use super::clock::ServerClock;
use super::constraints::Constraints;
use super::session::{Answer, Later, Session};
use crate::error::StoreError;
use crate::value::Cell;

/// The number of statements that wait for the next one.
const MAX_LATER: usize = 16;

/// An open transaction.
pub(super) struct Transaction<'s> {
    session: &'s mut Session,
    clock: &'s ServerClock,
    constraints: Option<&'s Constraints>,
    pub(super) notifications: Vec<Notification>,
    /// Results of queries that have not been asked for.
    answers: Vec<(Read, Answer)>,
    /// Statements that are sent with the next one.
    pub(super) later: Vec<Later>,
    /// The first error; afterwards the server accepts only a rollback.
    pub(super) failed: Option<StoreError>,
    /// Whether a violated constraint was created after the constraints were loaded.
    pub(super) unknown_constraint: bool,
}

impl<'s> Transaction<'s> {
    /// Wraps a session on which a transaction has begun.
    pub(super) fn new(
        session: &'s mut Session,
        clock: &'s ServerClock,
        constraints: Option<&'s Constraints>,
    ) -> Self {
        Self {
            session,
            clock,
            constraints,
            notifications: Vec::new(),
            answers: Vec::new(),
            later: Vec::new(),
            failed: None,
            unknown_constraint: false,
        }
    }

    /// Returns the result of a query if it has arrived. What may write makes the others outdated.
    fn answer(&mut self, sql: &str, values: &[Cell]) -> Option<Answer> {
        if !is_read(sql) {
            self.answers.clear();
        }
        let at = self.answers.iter().position(|(it, _)| it.sql == sql && it.values == values)?;
        Some(self.answers.swap_remove(at).1)
    }

    /// Runs the statements that wait for the next one.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.later.is_empty() {
            return Ok(());
        }
        let later = std::mem::take(&mut self.later);
        let outcome = self.session.finish(&later, "");
        self.record_failure(outcome)
    }

    fn record_failure<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.map_err(|mut error| {
            if let (StoreError::Constraint(violation), Some(constraints)) =
                (&mut error, self.constraints)
            {
                self.unknown_constraint |= !constraints.name_columns(violation);
            }
            self.failed.get_or_insert_with(|| error.clone());
            error
        })
    }
}

impl Connection for Transaction<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        if let Some(answer) = self.answer(sql, values) {
            return Ok(answer.rows);
        }
        self.catch_up()?;
        let outcome = self.session.query(sql, values);
        self.record_failure(outcome)
    }

    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError> {
        if let Some(answer) = self.answer(sql, values) {
            return Ok(answer.records());
        }
        self.catch_up()?;
        let outcome = self.session.records(sql, values);
        self.record_failure(outcome)
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.answers.clear();
        self.catch_up()?;
        let outcome = self.session.execute(sql, values);
        self.record_failure(outcome)
    }

    fn execute_later(&mut self, sql: &str, values: &[Cell]) -> Result<(), StoreError> {
        self.answers.clear();
        if self.later.len() >= MAX_LATER {
            self.catch_up()?;
        }
        self.later.push(Later { sql: sql.to_owned(), values: values.to_vec() });
        Ok(())
    }

    fn reads_ahead(&self) -> bool {
        self.answers.is_empty()
    }

    fn read_ahead(&mut self, reads: Vec<Read>) -> Result<(), StoreError> {
        self.catch_up()?;
        let outcome = self.session.read_all(&reads);
        self.answers = reads.into_iter().zip(self.record_failure(outcome)?).collect();
        Ok(())
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.query("SELECT 1", &[]).map(drop)
    }

    fn notify(&mut self, notification: Notification) -> Result<(), StoreError> {
        if !self.notifications.contains(&notification) {
            self.notifications.push(notification);
        }
        Ok(())
    }
}
