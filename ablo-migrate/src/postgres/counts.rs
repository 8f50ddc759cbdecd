//! Counts rows and values, with the search path of the application, because a count evaluates the
//! expressions of its indexes.

use super::settings::set_application_path;
use super::{Database, quoted};
use crate::error::Result;
use crate::plan::RowCount;
use ablo_codegen::migrate::Loss;
use postgres::Transaction;
use postgres::error::SqlState;
use postgres::types::Type;

const ESTIMATE: &str = "
    SELECT greatest(0, reltuples::bigint, pg_stat_get_live_tuples(oid))
    FROM pg_catalog.pg_class WHERE oid = $1::text::regclass";

impl Database {
    /// Returns the number of rows in a table. It is estimated if row security hides rows from this
    /// role.
    ///
    /// # Errors
    /// A code of `ablo::database`.
    pub fn row_count(&mut self, table: &str) -> Result<RowCount> {
        let name = self.name_of(table);
        if let Some(count) = self.count(&format!("SELECT count(*) FROM {name}"))? {
            return Ok(RowCount { count, exact: true });
        }
        let count = self.client.query_typed_one(ESTIMATE, &[(&name, Type::TEXT)])?.try_get(0)?;
        Ok(RowCount { count: unsigned(count), exact: false })
    }

    /// Returns the number of rows with a non-null value in a column, or `None` if row security
    /// hides rows from this role.
    ///
    /// # Errors
    /// A code of `ablo::database`.
    pub fn count_values(&mut self, table: &str, column: &str) -> Result<Option<u64>> {
        self.count(&format!("SELECT count({}) FROM {}", quoted(column), self.name_of(table)))
    }

    /// Returns the number of rows that lose a value, or `None` if row security hides rows from this
    /// role, or it may not create the functions that convert values.
    ///
    /// # Errors
    /// A code of `ablo::database`.
    pub fn count_lost(&mut self, loss: &Loss) -> Result<Option<u64>> {
        let (schema, table) = (self.schema.clone(), self.name_of(&loss.table));
        let mut transaction = self.client.transaction()?;
        set_application_path(&mut transaction, &schema, true)?;
        match lost(&mut transaction, &table, loss) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.as_db_error().is_some() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Runs a query that counts, or returns `None` if this role may not see every row.
    fn count(&mut self, sql: &str) -> Result<Option<u64>> {
        let schema = self.schema.clone();
        let mut transaction = self.client.build_transaction().read_only(true).start()?;
        set_application_path(&mut transaction, &schema, true)?;
        // `off` makes the query fail instead of leaving out rows that a policy hides.
        transaction.batch_execute("SET LOCAL row_security = off")?;
        match transaction.query_typed_one(sql, &[]) {
            Ok(row) => Ok(Some(unsigned(row.try_get(0)?))),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn name_of(&self, table: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(table))
    }
}

/// Counts the rows that lose a value, in a transaction that is rolled back.
fn lost(
    transaction: &mut Transaction<'_>,
    table: &str,
    loss: &Loss,
) -> std::result::Result<u64, postgres::Error> {
    transaction.batch_execute("SET LOCAL row_security = off; SET LOCAL TimeZone = 'UTC'")?;
    for helper in &loss.helpers {
        transaction.batch_execute(helper)?;
    }
    let sql = format!("SELECT count(*) FROM {table} WHERE {}", loss.rows);
    transaction.query_typed_one(&sql, &[])?.try_get(0).map(unsigned)
}

/// Returns a count of the server, which is never negative.
pub(super) fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
