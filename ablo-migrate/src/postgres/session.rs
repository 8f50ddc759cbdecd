//! Implements [`Session`] for PostgreSQL.

use super::Database;
use super::alignment::{align, keep_names};
use super::dependents::dependents;
use crate::accepted::Accepted;
use crate::catalog::Catalog;
use crate::codes::OPTIONS;
use crate::compare::{Difference, differences};
use crate::error::{Finding, Result};
use crate::ledger::{Entry, Record};
use crate::plan::RowCount;
use crate::session::{Applied, Decision, Obstacles, RowLimit, Session, StoredApprovers, Timeouts};
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::emit::sql::postgres::{PostgresOptions, expected, migrate_from, touched};
use ablo_codegen::migrate::{Existing, Loss, Migration, Statement};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use std::collections::BTreeSet;
use std::time::Duration;

pub(super) fn options(schema: &str, foreign_keys: bool) -> PostgresOptions {
    PostgresOptions { schema: Some(schema.to_owned()), foreign_keys, ..PostgresOptions::default() }
}

pub(crate) fn lower(
    diff: &Diff<'_>,
    backfills: &Backfills,
    schema: &str,
    existing: Existing,
    foreign_keys: bool,
) -> Result<Migration> {
    let options = options(schema, foreign_keys);
    let lowered = migrate_from(existing, diff, diff.prev(), diff.next(), backfills, &options);
    lowered.map_err(|error| Finding::new(OPTIONS, error.message).into())
}

impl Session for Database {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn schema_name(&self) -> &str {
        self.schema()
    }

    fn catalog(&mut self) -> Result<Catalog> {
        Database::catalog(self)
    }

    fn compare(
        &mut self,
        schema: &Schema,
        tables: Existing,
        found: &Catalog,
    ) -> Result<Vec<Difference>> {
        let options = options(self.schema(), tables.foreign_keys);
        let expected = expected(schema, tables, &options)
            .map_err(|error| Finding::new(OPTIONS, error.message))?;
        Ok(differences(&expected, found))
    }

    fn privileges(&mut self, tables: &BTreeSet<&str>) -> Result<Vec<Difference>> {
        Database::privileges(self, tables)
    }

    fn require_session(&mut self) -> Result<()> {
        Database::require_session(self)
    }

    fn obstacles(
        &mut self,
        diff: &Diff<'_>,
        existing: Existing,
        found: &Catalog,
        accepted: &[Accepted],
        statements: &mut Vec<Statement>,
    ) -> Result<Obstacles> {
        let Some(prev) = diff.prev() else { return Ok(Obstacles::default()) };
        let options = options(self.schema(), existing.foreign_keys);
        let expected = expected(prev, existing, &options)
            .map_err(|error| Finding::new(OPTIONS, error.message))?;
        let changes = touched(existing, diff, &options)
            .map_err(|error| Finding::new(OPTIONS, error.message))?;
        if accepted.is_empty() {
            align(Database::schema(self), &expected, found, statements);
        } else {
            keep_names(&expected, found, accepted, statements);
        }
        Ok(dependents(&changes, &expected, found, statements))
    }

    fn row_count(&mut self, table: &str) -> Result<RowCount> {
        Database::row_count(self, table)
    }

    fn count_values(&mut self, table: &str, column: &str) -> Result<Option<u64>> {
        Database::count_values(self, table, column)
    }

    fn count_lost(&mut self, loss: &Loss) -> Result<Option<u64>> {
        Database::count_lost(self, loss)
    }

    fn ledger(&mut self) -> Result<Vec<Entry>> {
        Database::ledger(self)
    }

    fn lock(&mut self, timeout: Duration) -> Result<()> {
        Database::lock(self, timeout)
    }

    fn warnings(&mut self) -> Vec<Finding> {
        Database::warnings(self)
    }

    fn unlock(&mut self) -> Result<()> {
        Database::unlock(self)
    }

    fn finish(&mut self, timeouts: Timeouts) -> Result<usize> {
        Database::finish(self, timeouts)
    }

    fn approvers(&mut self) -> Result<StoredApprovers> {
        self.stored_approvers()
    }

    fn append_approver(&mut self, count: usize, entry: &str, mark: &str) -> Result<()> {
        Database::append_approver(self, count, entry, mark)
    }

    fn apply(
        &mut self,
        record: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        Database::apply(self, record, limits, timeouts)
    }

    fn decide(&mut self, entry: &Entry, decision: &Decision<'_>, position: usize) -> Result<()> {
        Database::decide(self, entry, decision, position)
    }

    fn undo(
        &mut self,
        entry: &Entry,
        decision: &Decision<'_>,
        inverse: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        Database::undo(self, entry, decision, inverse, limits, timeouts)
    }
}
