//! Runs the statements after the commit, one by one, and compares the catalog with what they state
//! before the ledger says that the migration is done.

use super::apply::{busy, failed, numbered, without_effect};
use super::effects::{self, FoundIndex};
use super::error::ServerError;
use super::waiting::{self, Waits, millis, patience};
use super::{AFTER_COMMIT, DONE, Database, partitions, quoted};
use crate::codes::applying::{AFTER_COMMIT_FAILED, NAME_TAKEN};
use crate::error::{Error, Finding, Result};
use crate::ledger::Record;
use crate::session::Timeouts;
use ablo_codegen::migrate::{Effect, IndexDefinition, Phase, Statement, settled};

const PHASE: &str = "the after-commit phase";

/// Why a statement did not take effect.
enum Failure {
    Server(ServerError),
    Refused(Finding),
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        Self::Server(error.into())
    }
}

impl Database {
    /// Runs the statements from this one on, except those that were skipped, and returns their
    /// number.
    pub(super) fn after_commit(
        &mut self,
        id: i64,
        record: &Record,
        (from, skipped): (usize, &[usize]),
        timeouts: Timeouts,
    ) -> Result<usize> {
        let statements: Vec<_> = record.of(Phase::AfterCommit).collect();
        let mut ran = 0;
        for (at, statement) in statements.iter().enumerate().skip(from) {
            if !skipped.contains(&at) {
                let what = numbered(at, statements.len(), PHASE);
                self.run_after_commit(statement, &what, timeouts)?;
                ran += 1;
            }
            self.advance(id, AFTER_COMMIT, at + 1)?;
        }
        if !skipped.contains(&statements.len()) {
            self.check_effects(id, record, skipped)?;
        }
        self.advance(id, DONE, 0)?;
        Ok(ran)
    }

    /// Runs a statement until it succeeds, fails, or the attempts are used up.
    fn run_after_commit(
        &mut self,
        statement: &Statement,
        what: &str,
        timeouts: Timeouts,
    ) -> Result<()> {
        let mut waits = Waits::new(timeouts);
        loop {
            let error = match self.try_after_commit(statement, what, timeouts) {
                Ok(()) => return Ok(()),
                Err(Failure::Refused(finding)) => return Err(finding.into()),
                Err(Failure::Server(error)) => error,
            };
            if !waiting::is_transient(&error) {
                return Err(failed(AFTER_COMMIT_FAILED, what, &error));
            }
            if !waits.again() {
                let holder = waiting::holder(&mut self.client, &self.schema, &statement.locks);
                return Err(busy(AFTER_COMMIT_FAILED, what, &error, &holder));
            }
        }
    }

    fn try_after_commit(
        &mut self,
        statement: &Statement,
        what: &str,
        timeouts: Timeouts,
    ) -> std::result::Result<(), Failure> {
        let wait = millis(patience(statement, timeouts));
        self.client.batch_execute(&format!("SET lock_timeout = {wait}"))?;
        let is_built = match &*statement.effects {
            [Effect::Index { table, name, definition: Some(definition) }] => {
                self.is_built(table, name, definition)?
            }
            _ => false,
        };
        if !is_built {
            self.client.batch_execute(&statement.sql)?;
        }
        for effect in &statement.effects {
            if let Some(found) = effects::missing(&mut self.client, &self.schema, effect)? {
                return Err(Failure::Refused(without_effect(what, &found)));
            }
        }
        Ok(())
    }

    /// Reports whether an index is there or, on a partitioned table, was built. Drops what an
    /// interrupted build left of it.
    fn is_built(
        &mut self,
        table: &str,
        name: &str,
        definition: &IndexDefinition,
    ) -> std::result::Result<bool, Failure> {
        let (client, schema) = (&mut self.client, &self.schema);
        let is_partitioned = effects::relation(client, schema, table)?.as_deref() == Some("p");
        match effects::index(client, schema, table, name, Some(definition))? {
            FoundIndex::Valid => Ok(true),
            FoundIndex::Missing | FoundIndex::Invalid if is_partitioned => {
                partitions::build(client, (schema, table), name, definition)?;
                Ok(true)
            }
            FoundIndex::Missing => Ok(false),
            FoundIndex::Invalid => {
                let (schema, name) = (quoted(schema), quoted(name));
                client.batch_execute(&format!("DROP INDEX CONCURRENTLY {schema}.{name}"))?;
                Ok(false)
            }
            FoundIndex::Other(found) => {
                let message = format!("the name `{name}` is taken: {found}");
                Err(Failure::Refused(Finding::new(NAME_TAKEN, message)))
            }
        }
    }

    /// Compares the catalog with what all statements together state. The next run repeats the
    /// first statement after the commit whose effect is missing.
    fn check_effects(&mut self, id: i64, record: &Record, skipped: &[usize]) -> Result<()> {
        let first_after = record.of(Phase::Transaction).count();
        let ordered = record.of(Phase::Transaction).chain(record.of(Phase::AfterCommit));
        let (mut findings, mut again) = (Vec::new(), None);
        for (at, effect) in settled(ordered) {
            let is_skipped = at.checked_sub(first_after).is_some_and(|at| skipped.contains(&at));
            if is_skipped {
                continue;
            }
            if let Some(found) = effects::missing(&mut self.client, &self.schema, effect)? {
                findings.push(without_effect(&format!("statement {}", at + 1), &found));
                again = again.or(at.checked_sub(first_after));
            }
        }
        if findings.is_empty() {
            return Ok(());
        }
        if let Some(position) = again {
            self.advance(id, AFTER_COMMIT, position)?;
        }
        Err(Error(findings))
    }

    /// Records the progress of a migration.
    fn advance(&mut self, id: i64, state: &str, position: usize) -> Result<()> {
        let sql =
            format!("UPDATE {} SET state = $2, position = $3 WHERE id = $1", self.ledger_name());
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        self.client.execute(&sql, &[&id, &state, &position])?;
        Ok(())
    }
}
