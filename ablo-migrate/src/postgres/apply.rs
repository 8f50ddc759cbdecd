//! Runs a migration: its transaction, which also writes the ledger entry, then the after-commit
//! statements.
//!
//! The ledger records the progress, so if the process or the server dies, the next run continues.

use super::error::ServerError;
use super::{AFTER_COMMIT, DONE, Database, quoted};
use crate::codes::{AFTER_COMMIT_FAILED, BUSY, Code, STATEMENT_FAILED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Record, State, TABLE};
use crate::session::{Applied, RowLimit, Subject, Timeouts};
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

    /// Applies a migration and records it, if each limit holds in its transaction. The caller holds
    /// the lock.
    ///
    /// # Errors
    /// * `ablo::migrate::approval_rows`, `ablo::migrate::statement_failed`, the code that the
    ///   migration itself raised, or `ablo::migrate::busy`: nothing was changed.
    /// * `ablo::migrate::after_commit_failed`: the next run continues.
    pub fn apply(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        let id = self.transaction(record, limits, timeouts)?;
        let after_commit = self.after_commit(id, record, 0, timeouts)?;
        Ok(Applied { transaction: record.of(Phase::Transaction).count(), after_commit })
    }

    fn transaction(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<i64> {
        let (mut attempt, mut retry) = (1, RETRY);
        loop {
            let failure = match self.try_transaction(record, limits, timeouts) {
                Ok(id) => return Ok(id),
                Err(failure) => failure,
            };
            // Fails if the connection is lost; then the server has rolled back.
            let _ = self.client.batch_execute("ROLLBACK");
            // Discard warnings about changes that are rolled back.
            let _ = self.warnings();
            let (what, error) = match failure {
                Failure::Refused(error) => return Err(error),
                Failure::Server { what, error } => (what, error),
            };
            if !error.is_transient() {
                return Err(failed(STATEMENT_FAILED, &what, &error));
            }
            if attempt >= timeouts.attempts {
                return Err(failed(BUSY, &what, &error));
            }
            std::thread::sleep(retry.fail());
            attempt += 1;
        }
    }

    /// Returns the ledger entry's id.
    fn try_transaction(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> std::result::Result<i64, Failure> {
        const PHASE: &str = "the transaction";
        let statements: Vec<_> = record.of(Phase::Transaction).collect();
        let own = |error: postgres::Error| Failure::server(writing_ledger(PHASE), error);
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
        for limit in limits {
            let found = self.count_locked(&limit.subject).map_err(|error| {
                Failure::server(format!("counting rows of `{}`", limit.subject.table), error)
            })?;
            limit.check(found).map_err(Failure::Refused)?;
        }
        for (at, statement) in statements.iter().enumerate() {
            self.client
                .batch_execute(&statement.sql)
                .map_err(|error| Failure::server(numbered(at, statements.len(), PHASE), error))?;
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
            let error = ServerError { state: None, message: error.to_string() };
            Failure::Server { what: writing_ledger(PHASE), error }
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

    /// Locks a table until the transaction ends, and counts its rows or the values of a column,
    /// including those that row security hides.
    fn count_locked(&mut self, subject: &Subject) -> std::result::Result<u64, postgres::Error> {
        let table = format!("{}.{}", quoted(&self.schema), quoted(&subject.table));
        self.client.batch_execute(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))?;
        let forced = "SELECT relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass";
        let is_forced: bool = self.client.query_one(forced, &[&table])?.try_get(0)?;
        let set_force = |keyword: &str| format!("ALTER TABLE {table} {keyword} ROW LEVEL SECURITY");
        if is_forced {
            self.client.batch_execute(&set_force("NO FORCE"))?;
        }
        // `off` makes the query fail instead of leaving out rows that a policy hides.
        self.client.batch_execute("SET LOCAL row_security = off")?;
        let what =
            subject.column.as_deref().map_or("*".to_owned(), |name| quoted(name).to_string());
        let row = self.client.query_one(&format!("SELECT count({what}) FROM {table}"), &[])?;
        let count: i64 = row.try_get(0)?;
        self.client.batch_execute("SET LOCAL row_security = on")?;
        if is_forced {
            self.client.batch_execute(&set_force("FORCE"))?;
        }
        Ok(u64::try_from(count).unwrap_or(0))
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
                    let what = numbered(at, statements.len(), "the after-commit phase");
                    return Err(failed(AFTER_COMMIT_FAILED, &what, &error));
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

/// Why a transaction did not commit.
enum Failure {
    /// The server failed at what is described.
    Server { what: String, error: ServerError },
    /// A limit does not hold.
    Refused(Error),
}

impl Failure {
    fn server(what: String, error: postgres::Error) -> Self {
        Self::Server { what, error: error.into() }
    }
}

fn numbered(at: usize, total: usize, phase: &str) -> String {
    format!("statement {} of {total} of {phase}", at + 1)
}

fn writing_ledger(phase: &str) -> String {
    format!("writing `{TABLE}` at the end of {phase}")
}

fn failed(code: Code, what: &str, error: &ServerError) -> Error {
    let code = error.raised_code().filter(|_| code == STATEMENT_FAILED).unwrap_or(code);
    Finding::new(code, format!("{what} failed, {error}")).into()
}
