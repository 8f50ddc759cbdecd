//! Runs a migration: its transaction, which also writes the ledger entry, then the after-commit
//! statements.
//!
//! The ledger records the progress, so if the process or the server dies, the next run continues.

use super::counts::unsigned;
use super::decisions::Closing;
use super::effects::{self, FoundIndex};
use super::error::ServerError;
use super::waiting::{self, TableLocks, Waits, millis};
use super::{AFTER_COMMIT, DONE, Database, quoted};
use crate::codes::applying::{BUSY, EFFECT_MISSING, NAME_TAKEN};
use crate::codes::{Code, STATEMENT_FAILED};
use crate::error::{Error, Finding, Result};
use crate::ledger::{Record, State, TABLE};
use crate::session::{Applied, RowLimit, Subject, Timeouts};
use ablo_codegen::migrate::{Effect, Lock, Phase, Statement, settled};

const LEDGER: &str = "(\
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
    applied_at timestamptz NOT NULL DEFAULT now(), from_hash text, \
    to_hash text NOT NULL, record text NOT NULL, state text NOT NULL, position integer NOT NULL)";

impl Database {
    /// Runs the remaining after-commit statements of earlier migrations and returns their number.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// `ablo::migrate::after_commit_failed`, `ablo::migrate::effect_missing`.
    pub fn finish(&mut self, timeouts: Timeouts) -> Result<usize> {
        let mut ran = 0;
        for entry in self.ledger()? {
            if let State::AfterCommit(position) = entry.state {
                ran += self.migrating(|database| {
                    let from = (position, &*entry.skipped());
                    database.after_commit(entry.id, &entry.record, from, timeouts)
                })?;
            }
        }
        Ok(ran)
    }

    /// Applies a migration and records it, if each limit holds in its transaction. The caller holds
    /// the lock.
    ///
    /// # Errors
    /// * `ablo::migrate::approval_rows`, `ablo::migrate::statement_failed`,
    ///   `ablo::migrate::name_taken`, the code that the migration itself raised, or
    ///   `ablo::migrate::busy`: nothing was changed.
    /// * `ablo::migrate::after_commit_failed`: the next run continues.
    /// * `ablo::migrate::effect_missing`: either, as the message says.
    pub fn apply(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        self.apply_closing(record, limits, timeouts, None)
    }

    /// Applies a migration that closes the entry of another one.
    pub(super) fn apply_closing(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
        closing: Option<&Closing>,
    ) -> Result<Applied> {
        self.migrating(|database| {
            database.check_names(record)?;
            let run = Run { record, limits, timeouts, closing };
            let id = database.transaction(&run)?;
            let after_commit = database.after_commit(id, record, (0, &[]), timeouts)?;
            Ok(Applied { transaction: record.of(Phase::Transaction).count(), after_commit })
        })
    }

    /// Checks that no other object has the name of a table or an index that the migration creates.
    fn check_names(&mut self, record: &Record) -> Result<()> {
        let effects = || record.statements.iter().flat_map(|statement| &statement.effects);
        let is_freed = |wanted: &str| {
            effects().any(|effect| {
                matches!(effect, Effect::NoTable { name } | Effect::NoIndex { name, .. }
                    if name == wanted)
            })
        };
        let mut findings = Vec::new();
        for effect in effects() {
            let (client, schema) = (&mut self.client, &self.schema);
            let (name, found) = match effect {
                Effect::Table { name } if !is_freed(name) => {
                    let found = effects::relation(client, schema, name)?;
                    (name, found.map(|_| format!("`{schema}` has a relation of this name")))
                }
                Effect::Index { table, name, definition: Some(definition) }
                    if !is_freed(name) && !is_freed(table) =>
                {
                    match effects::index(client, schema, table, name, Some(definition))? {
                        FoundIndex::Other(found) => (name, Some(found)),
                        _ => continue,
                    }
                }
                _ => continue,
            };
            let message = |found| format!("the name `{name}` is taken: {found}");
            findings.extend(found.map(|found| Finding::new(NAME_TAKEN, message(found))));
        }
        if findings.is_empty() { Ok(()) } else { Err(Error(findings)) }
    }

    fn transaction(&mut self, run: &Run<'_>) -> Result<i64> {
        let mut waits = Waits::new(run.timeouts);
        loop {
            let failure = match self.try_transaction(run) {
                Ok(id) => return Ok(id),
                Err(failure) => failure,
            };
            // Fails if the connection is lost; then the server has rolled back.
            let _ = self.client.batch_execute("ROLLBACK");
            // Discard warnings about changes that are rolled back.
            let _ = self.warnings();
            let (what, error, locks) = match failure {
                Failure::Refused(error) => return Err(error),
                Failure::Server { what, error, locks } => (what, error, locks),
            };
            if !waiting::is_transient(&error) {
                return Err(failed(STATEMENT_FAILED, &what, &error));
            }
            if !waits.again() {
                let holder = waiting::holder(&mut self.client, &self.schema, &locks);
                return Err(busy(BUSY, &what, &error, &holder));
            }
        }
    }

    /// Returns the ledger entry's id.
    fn try_transaction(&mut self, run: &Run<'_>) -> std::result::Result<i64, Failure> {
        const PHASE: &str = "the transaction";
        let Run { record, limits, timeouts, closing } = *run;
        let own = |error: postgres::Error| Failure::server(writing_ledger(PHASE), error);
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", millis(timeouts.table_lock));
        self.client.batch_execute(&begin).map_err(own)?;
        if !effects::has_schema(&mut self.client, &self.schema).map_err(own)? {
            let create = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(&self.schema));
            self.client.batch_execute(&create).map_err(own)?;
        }
        for limit in limits {
            let found = self.count_locked(&limit.subject).map_err(|error| {
                Failure::server(format!("counting rows of `{}`", limit.subject.table), error)
            })?;
            limit.check(found).map_err(Failure::Refused)?;
        }
        self.run_statements(record, timeouts, PHASE)?;
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
        let text = serde_json::to_string(record).map_err(|error| Failure::Server {
            what: writing_ledger(PHASE),
            error: ServerError { state: None, message: error.to_string() },
            locks: Vec::new(),
        })?;
        let is_done = record.of(Phase::AfterCommit).next().is_none();
        let state = if is_done { DONE } else { AFTER_COMMIT };
        let row = self
            .client
            .query_one(&insert, &[&record.from, &record.to, &text, &state])
            .map_err(own)?;
        if let Some(closing) = closing {
            self.close_undone(closing).map_err(own)?;
        }
        self.client.batch_execute("COMMIT").map_err(own)?;
        row.try_get(0).map_err(own)
    }

    /// Runs the statements of the transaction and checks the effects of each, and all of them again
    /// at the end.
    fn run_statements(
        &mut self,
        record: &Record,
        timeouts: Timeouts,
        phase: &str,
    ) -> std::result::Result<(), Failure> {
        let statements: Vec<_> = record.of(Phase::Transaction).collect();
        let mut locks = TableLocks::new(timeouts.table_lock);
        for (at, statement) in statements.iter().enumerate() {
            let what = numbered(at, statements.len(), phase);
            let failed = |error: postgres::Error| Failure::Server {
                what: what.clone(),
                error: error.into(),
                locks: statement.locks.clone(),
            };
            if self.is_gone(statement).map_err(failed)? {
                continue;
            }
            locks.take(&mut self.client, &self.schema, statement).map_err(failed)?;
            self.client.batch_execute(&statement.sql).map_err(failed)?;
            for effect in &statement.effects {
                let found = effects::missing(&mut self.client, &self.schema, effect);
                if let Some(found) = found.map_err(failed)? {
                    return Err(Failure::Refused(without_effect(&what, &found).into()));
                }
            }
        }
        for (at, effect) in settled(statements.iter().copied()) {
            let what = numbered(at, statements.len(), phase);
            let found = effects::missing(&mut self.client, &self.schema, effect);
            let found = found.map_err(|error| Failure::server(what.clone(), error))?;
            if let Some(found) = found {
                return Err(Failure::Refused(without_effect(&what, &found).into()));
            }
        }
        Ok(())
    }

    /// Reports whether everything that a statement removes is gone already.
    fn is_gone(&mut self, statement: &Statement) -> std::result::Result<bool, postgres::Error> {
        if statement.effects.is_empty() || !statement.effects.iter().all(Effect::is_absence) {
            return Ok(false);
        }
        for effect in &statement.effects {
            if effects::missing(&mut self.client, &self.schema, effect)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
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
        let sql = match (&subject.loss, &subject.column) {
            (Some(loss), _) => {
                for helper in &loss.helpers {
                    self.client.batch_execute(helper)?;
                }
                format!("SELECT count(*) FROM {table} WHERE {}", loss.rows)
            }
            (None, Some(column)) => format!("SELECT count({}) FROM {table}", quoted(column)),
            (None, None) => format!("SELECT count(*) FROM {table}"),
        };
        let count: i64 = self.client.query_typed_one(&sql, &[])?.try_get(0)?;
        self.client.batch_execute("SET LOCAL row_security = on")?;
        if is_forced {
            self.client.batch_execute(&set_force("FORCE"))?;
        }
        Ok(unsigned(count))
    }
}

/// A migration that is applied.
#[derive(Clone, Copy)]
struct Run<'r> {
    record: &'r Record,
    limits: &'r [RowLimit],
    timeouts: Timeouts,
    closing: Option<&'r Closing>,
}

/// Why a transaction did not commit.
enum Failure {
    /// The server failed at what is described, which needed these locks.
    Server { what: String, error: ServerError, locks: Vec<Lock> },
    /// A limit does not hold, or an effect is missing.
    Refused(Error),
}

impl Failure {
    fn server(what: String, error: postgres::Error) -> Self {
        Self::Server { what, error: error.into(), locks: Vec::new() }
    }
}

pub(super) fn numbered(at: usize, total: usize, phase: &str) -> String {
    format!("statement {} of {total} of {phase}", at + 1)
}

fn writing_ledger(phase: &str) -> String {
    format!("writing `{TABLE}` at the end of {phase}")
}

/// Returns the error of a statement, under the code that the migration raised, if it did.
pub(super) fn failed(code: Code, what: &str, error: &ServerError) -> Error {
    let code = error.raised_code().unwrap_or(code);
    Finding::new(code, format!("{what} failed, {error}")).into()
}

/// Returns the error of a statement that waited for a lock in every attempt.
pub(super) fn busy(code: Code, what: &str, error: &ServerError, holder: &str) -> Error {
    Finding::new(code, format!("{what} failed, {error}; {holder}")).into()
}

/// Returns the finding on a statement that succeeded without its effect.
pub(super) fn without_effect(what: &str, found: &str) -> Finding {
    Finding::new(EFFECT_MISSING, format!("{what} ran, but {found}"))
}

impl ServerError {
    /// Returns the code that the migration itself raised, which begins the message.
    fn raised_code(&self) -> Option<Code> {
        let word = self.message.split_whitespace().next()?;
        Code::find(word.trim_end_matches(':'))
    }
}
