//! Runs a migration: its transaction, which also writes the ledger entry, then the after-commit
//! statements.
//!
//! The ledger records the progress, so if the process or the server dies, the next run continues.

use super::error::ServerError;
use super::{AFTER_COMMIT, DONE, Database, quoted};
use crate::codes::{AFTER_COMMIT_FAILED, BUSY, Code, STATEMENT_FAILED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Record, State, TABLE};
use crate::session::{Applied, Timeouts};
use ablo_codegen::migrate::Phase;
use ablo_wire::Backoff;
use std::time::Duration;

/// Delays between attempts, with jitter so that two sessions in a deadlock do not retry in step.
const RETRY: Backoff = Backoff::new(Duration::from_millis(400), Duration::from_millis(12_800));

/// SQLSTATEs worth a retry: lock not available, deadlock, serialisation failure.
const TRANSIENT: [&str; 3] = ["55P03", "40P01", "40001"];

const LEDGER: &str = "(\
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
    applied_at timestamptz NOT NULL DEFAULT now(), from_hash text, \
    to_hash text NOT NULL, record text NOT NULL, state text NOT NULL, position integer NOT NULL)";

impl Database {
    /// Runs the remaining after-commit statements of earlier migrations and returns their number.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::after_commit_failed`.
    pub fn finish(&mut self, timeouts: Timeouts) -> Result<usize> {
        let mut ran = 0;
        for entry in self.ledger()? {
            if let State::AfterCommit(position) = entry.state {
                ran += self.after_commit(entry.id, &entry.record, position, timeouts)?;
            }
        }
        Ok(ran)
    }

    /// Applies a migration and records it. The caller holds the lock.
    ///
    /// # Errors
    /// * `ablo::migrate::statement_failed`, the code that the migration itself raised, or
    ///   `ablo::migrate::busy`: nothing was changed.
    /// * `ablo::migrate::after_commit_failed`: the next run continues.
    pub fn apply(&mut self, record: &Record, timeouts: Timeouts) -> Result<Applied> {
        let id = self.transaction(record, timeouts)?;
        let after_commit = self.after_commit(id, record, 0, timeouts)?;
        Ok(Applied { transaction: record.of(Phase::Transaction).count(), after_commit })
    }

    fn transaction(&mut self, record: &Record, timeouts: Timeouts) -> Result<i64> {
        let total = record.of(Phase::Transaction).count();
        let (mut attempt, mut retry) = (1, RETRY);
        loop {
            let (at, error) = match self.try_transaction(record, timeouts) {
                Ok(id) => return Ok(id),
                Err(failure) => failure,
            };
            // Fails if the connection is lost; then the server has rolled back.
            let _ = self.client.batch_execute("ROLLBACK");
            // Discard warnings about changes that are rolled back.
            let _ = self.warnings();
            if !error.is_transient() {
                return Err(failed(STATEMENT_FAILED, "the transaction", at, total, &error));
            }
            if attempt >= timeouts.attempts {
                return Err(failed(BUSY, "the transaction", at, total, &error));
            }
            std::thread::sleep(retry.fail());
            attempt += 1;
        }
    }

    /// Returns the ledger entry's id, or the index of the failed statement with its error. The
    /// index after the last statement stands for writing the ledger.
    fn try_transaction(
        &mut self,
        record: &Record,
        timeouts: Timeouts,
    ) -> std::result::Result<i64, (usize, ServerError)> {
        let statements: Vec<_> = record.of(Phase::Transaction).collect();
        let own = |error: postgres::Error| (statements.len(), ServerError::from(error));
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", timeouts.table_lock.as_millis());
        self.client.batch_execute(&begin).map_err(own)?;
        let create_schema = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&self.schema));
        let exists = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        if !self
            .client
            .query_one(exists, &[&self.schema])
            .and_then(|row| row.try_get(0))
            .map_err(own)?
        {
            self.client.batch_execute(&create_schema).map_err(own)?;
        }
        for (at, statement) in statements.iter().enumerate() {
            self.client.batch_execute(&statement.sql).map_err(|error| (at, error.into()))?;
        }
        // A deferred constraint that fails at COMMIT would not name its statement.
        self.client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").map_err(own)?;
        let ledger = self.ledger_name();
        self.client
            .batch_execute(&format!("CREATE TABLE IF NOT EXISTS {ledger} {LEDGER}"))
            .map_err(own)?;
        let insert = format!(
            "INSERT INTO {ledger} (from_hash, to_hash, record, state, position) \
             VALUES ($1, $2, $3, $4, 0) RETURNING id"
        );
        let text = serde_json::to_string(record).map_err(|error| {
            (statements.len(), ServerError { state: None, message: error.to_string() })
        })?;
        let is_done = record.of(Phase::AfterCommit).next().is_none();
        let state = if is_done { DONE } else { AFTER_COMMIT };
        let row = self
            .client
            .query_one(&insert, &[&record.from, &record.to, &text, &state])
            .map_err(own)?;
        self.client.batch_execute("COMMIT").map_err(own)?;
        row.try_get(0).map_err(own)
    }

    fn after_commit(
        &mut self,
        id: i64,
        record: &Record,
        from: usize,
        timeouts: Timeouts,
    ) -> Result<usize> {
        let statements: Vec<_> = record.of(Phase::AfterCommit).collect();
        self.client
            .batch_execute(&format!("SET lock_timeout = {}", timeouts.table_lock.as_millis()))?;
        for (at, statement) in statements.iter().enumerate().skip(from) {
            let (mut attempt, mut retry) = (1, RETRY);
            while let Err(error) = self.client.batch_execute(&statement.sql) {
                let error = ServerError::from(error);
                if !error.is_transient() || attempt >= timeouts.attempts {
                    return Err(failed(
                        AFTER_COMMIT_FAILED,
                        "the after-commit phase",
                        at,
                        statements.len(),
                        &error,
                    ));
                }
                std::thread::sleep(retry.fail());
                attempt += 1;
            }
            let (state, position) =
                if at + 1 == statements.len() { (DONE, 0) } else { (AFTER_COMMIT, at + 1) };
            self.advance(id, state, position)?;
        }
        if from >= statements.len() {
            self.advance(id, DONE, 0)?;
        }
        self.client.batch_execute("RESET lock_timeout")?;
        Ok(statements.len().saturating_sub(from))
    }

    fn advance(&mut self, id: i64, state: &str, position: usize) -> Result<()> {
        let sql =
            format!("UPDATE {} SET state = $2, position = $3 WHERE id = $1", self.ledger_name());
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        self.client.execute(&sql, &[&id, &state, &position])?;
        Ok(())
    }
}

impl ServerError {
    fn is_transient(&self) -> bool {
        self.state.as_deref().is_some_and(|state| TRANSIENT.contains(&state))
    }

    /// Returns the code that the migration itself raised, which begins the message.
    fn raised_code(&self) -> Option<Code> {
        let word = self.message.split_whitespace().next()?;
        Code::find(word.trim_end_matches(':'))
    }
}

fn failed(code: Code, phase: &str, at: usize, total: usize, error: &ServerError) -> Error {
    let code = error.raised_code().filter(|_| code == STATEMENT_FAILED).unwrap_or(code);
    let what = if at < total {
        format!("statement {} of {total} of {phase}", at + 1)
    } else {
        format!("writing `{TABLE}` at the end of {phase}")
    };
    Finding::new(code, format!("{what} failed, {error}")).into()
}
