//! Running a migration: its transaction with the entry of the ledger in it, then what follows the commit.
//!
//! Whatever ends this process or the server, the ledger says how far the migration is, and the next run goes on from there.

use super::{AFTER_COMMIT, DONE, Database, Refusal, quoted};
use crate::codes::{AFTER_COMMIT_FAILED, BUSY, Code, STATEMENT_FAILED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Record, State, TABLE};
use crate::session::{Applied, Patience};
use ablo_codegen::migrate::Phase;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Lock not available, deadlock, serialisation failure: another try may go through.
const PASSING: [&str; 3] = ["55P03", "40P01", "40001"];

const LEDGER: &str = "(\
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now(), from_hash text, \
    to_hash text NOT NULL, record text NOT NULL, state text NOT NULL, position integer NOT NULL)";

impl Database {
    /// Runs what earlier runs left undone after their commits, and says how many statements that were.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::after_commit_failed`.
    pub fn finish(&mut self, patience: Patience) -> Result<usize> {
        let mut ran = 0;
        for entry in self.ledger()? {
            if let State::AfterCommit(position) = entry.state {
                ran += self.after_commit(entry.id, &entry.record, position, patience)?;
            }
        }
        Ok(ran)
    }

    /// Applies a migration and records it. The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::statement_failed` or the reason that the migration itself gave, `ablo::migrate::busy`: nothing was changed.
    /// `ablo::migrate::after_commit_failed`: the next run goes on.
    pub fn apply(&mut self, record: &Record, patience: Patience) -> Result<Applied> {
        let id = self.transaction(record, patience)?;
        let after_commit = self.after_commit(id, record, 0, patience)?;
        Ok(Applied { transaction: record.of(Phase::Transaction).count(), after_commit })
    }

    fn transaction(&mut self, record: &Record, patience: Patience) -> Result<i64> {
        let total = record.of(Phase::Transaction).count();
        let mut attempt = 1;
        loop {
            let (at, refusal) = match self.try_transaction(record, patience) {
                Ok(id) => return Ok(id),
                Err(stopped) => stopped,
            };
            // When the connection is gone the server has rolled back by itself.
            let _ = self.client.batch_execute("ROLLBACK");
            // What was warned of is rolled back too.
            let _ = self.warnings();
            if !refusal.is_passing() {
                return Err(refused(STATEMENT_FAILED, "the transaction", at, total, &refusal));
            }
            if attempt >= patience.attempts {
                return Err(refused(BUSY, "the transaction", at, total, &refusal));
            }
            std::thread::sleep(pause(attempt));
            attempt += 1;
        }
    }

    /// The entry's number, or where it stopped and why. The position after the last statement is that of the ledger.
    fn try_transaction(
        &mut self,
        record: &Record,
        patience: Patience,
    ) -> std::result::Result<i64, (usize, Refusal)> {
        let statements: Vec<_> = record.of(Phase::Transaction).collect();
        let own = |error: postgres::Error| (statements.len(), Refusal::from(error));
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", patience.table.as_millis());
        self.client.batch_execute(&begin).map_err(own)?;
        let home = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&self.schema));
        let is_there = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        if !self
            .client
            .query_one(is_there, &[&self.schema])
            .and_then(|row| row.try_get(0))
            .map_err(own)?
        {
            self.client.batch_execute(&home).map_err(own)?;
        }
        for (at, statement) in statements.iter().enumerate() {
            self.client.batch_execute(&statement.sql).map_err(|error| (at, error.into()))?;
        }
        // Constraints that wait for the commit would fail there without saying of which statement they are.
        self.client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").map_err(own)?;
        let ledger = self.ledger_name();
        self.client
            .batch_execute(&format!("CREATE TABLE IF NOT EXISTS {ledger} {LEDGER}"))
            .map_err(own)?;
        let insert = format!(
            "INSERT INTO {ledger} (from_hash, to_hash, record, state, position) VALUES ($1, $2, $3, $4, 0) RETURNING id"
        );
        let text = serde_json::to_string(record).map_err(|error| {
            (statements.len(), Refusal { state: None, message: error.to_string() })
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
        patience: Patience,
    ) -> Result<usize> {
        let statements: Vec<_> = record.of(Phase::AfterCommit).collect();
        self.client.batch_execute(&format!("SET lock_timeout = {}", patience.table.as_millis()))?;
        for (at, statement) in statements.iter().enumerate().skip(from) {
            let mut attempt = 1;
            while let Err(error) = self.client.batch_execute(&statement.sql) {
                let refusal = Refusal::from(error);
                if !refusal.is_passing() || attempt >= patience.attempts {
                    return Err(refused(
                        AFTER_COMMIT_FAILED,
                        "what follows the commit",
                        at,
                        statements.len(),
                        &refusal,
                    ));
                }
                std::thread::sleep(pause(attempt));
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

impl Refusal {
    fn is_passing(&self) -> bool {
        self.state.as_deref().is_some_and(|state| PASSING.contains(&state))
    }

    /// The code that the migration itself gave as its reason, at the beginning of the message.
    fn reason(&self) -> Option<Code> {
        let word = self.message.split_whitespace().next()?;
        Code::find(word.trim_end_matches(':'))
    }
}

fn refused(code: Code, part: &str, at: usize, total: usize, refusal: &Refusal) -> Error {
    let code = refusal.reason().filter(|_| code == STATEMENT_FAILED).unwrap_or(code);
    let place = if at < total {
        format!("statement {} of {total} of {part}", at + 1)
    } else {
        format!("writing `{TABLE}` at the end of {part}")
    };
    Finding::new(code, format!("{place} failed, {refusal}")).into()
}

/// Longer each time, and not the same for two who wait for each other.
fn pause(attempt: u32) -> Duration {
    let nanos =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    let base = 100_u64 << attempt.min(6);
    Duration::from_millis(base + u64::from(nanos.wrapping_add(std::process::id()) / 1000) % base)
}
