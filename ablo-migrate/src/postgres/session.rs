//! A session with a server as every dialect has one.

use super::Database;
use crate::codes::OPTIONS;
use crate::compare::{Difference, differences};
use crate::error::{Finding, Result};
use crate::ledger::{Entry, Record};
use crate::live::Live;
use crate::plan::RowCount;
use crate::session::{Applied, Dialect, Patience, Session};
use ablo_codegen::emit::sql::postgres::{PostgresOptions, expected, migrate};
use ablo_codegen::migrate::Migration;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use std::time::Duration;

fn options(schema: &str, foreign_keys: bool) -> PostgresOptions {
    PostgresOptions { schema: Some(schema.to_owned()), foreign_keys, ..PostgresOptions::default() }
}

pub(crate) fn lower(
    diff: &Diff<'_>,
    backfills: &Backfills,
    schema: &str,
    foreign_keys: bool,
) -> Result<Migration> {
    let lowered =
        migrate(diff, diff.prev(), diff.next(), backfills, &options(schema, foreign_keys));
    lowered.map_err(|error| Finding::new(OPTIONS, error.message).into())
}

impl Session for Database {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn place(&self) -> &str {
        self.schema()
    }

    fn live(&mut self) -> Result<Live> {
        Database::live(self)
    }

    fn drift(&mut self, schema: &Schema, foreign_keys: bool) -> Result<Vec<Difference>> {
        let expected = expected(schema, &options(self.schema(), foreign_keys))
            .map_err(|error| Finding::new(OPTIONS, error.message))?;
        Ok(differences(&expected, &Database::live(self)?))
    }

    fn rows(&mut self, table: &str) -> Result<RowCount> {
        Database::rows(self, table)
    }

    fn filled(&mut self, table: &str, column: &str) -> Result<Option<u64>> {
        Database::filled(self, table, column)
    }

    fn ledger(&mut self) -> Result<Vec<Entry>> {
        Database::ledger(self)
    }

    fn lock(&mut self, patience: Duration) -> Result<()> {
        Database::lock(self, patience)
    }

    fn warnings(&mut self) -> Vec<Finding> {
        Database::warnings(self)
    }

    fn unlock(&mut self) -> Result<()> {
        Database::unlock(self)
    }

    fn finish(&mut self, patience: Patience) -> Result<usize> {
        Database::finish(self, patience)
    }

    fn apply(&mut self, record: &Record, patience: Patience) -> Result<Applied> {
        Database::apply(self, record, patience)
    }
}
