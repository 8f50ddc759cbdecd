//! A connection with its settings and prepared statements, and literals for simple queries.

use super::super::Row;
use super::super::connection::{ColumnNames, Record};
use super::cell;
use crate::error::StoreError;
use crate::store::layout::{LayoutSession, StoredLayout};
use crate::store::sql_template::{quoted, quoted_text};
use crate::value::Cell;
use ablo_codegen::emit::sql::postgres::Provision;
use postgres::types::ToSql;
use postgres::{Client, Config, Statement};
use std::collections::BTreeMap;
use std::time::Duration;

/// Number of cached prepared statements per connection.
const STATEMENT_CACHE_SIZE: usize = 512;
/// Timeout for connecting and for the acknowledgement of sent data.
const SERVER_TIMEOUT: Duration = Duration::from_secs(10);

/// The location of a database.
#[derive(Clone)]
pub(super) struct Address {
    /// A libpq connection string. It may contain a password and must not be logged.
    pub(super) url: String,
    /// The schema of the tables.
    pub(super) schema: String,
}

/// A connection.
pub(super) struct Session {
    pub(super) client: Client,
    statements: BTreeMap<String, Statement>,
}

impl Session {
    /// Opens a connection.
    pub(super) fn open(address: &Address) -> Result<Self, StoreError> {
        let opened = ablo_migrate::postgres::connect(&address.url, configure);
        let mut client = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        // Explicit settings, whatever the defaults of the role and the database.
        client.batch_execute(&format!(
            "SET search_path = {}, pg_temp; SET client_min_messages = warning; SET \
             standard_conforming_strings = on; SET TimeZone = 'UTC'",
            quoted(&address.schema)
        ))?;
        Ok(Self { client, statements: BTreeMap::new() })
    }

    /// Runs provisioning statements; the differences that they report as warnings are logged.
    pub(super) fn provision(&mut self, program: &Provision) -> Result<(), StoreError> {
        for sql in std::iter::once(&program.transaction).chain(&program.after_commit) {
            self.client.batch_execute(sql)?;
        }
        Ok(())
    }

    /// Runs statements without parameters.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(sql)?)
    }

    /// Runs a query.
    pub(super) fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        let statement = self.statement(sql)?;
        self.client.query(&statement, &as_params(values))?.iter().map(cell::row).collect()
    }

    /// Runs a query and returns the names of its columns, too.
    pub(super) fn records(
        &mut self,
        sql: &str,
        values: &[Cell],
    ) -> Result<Vec<Record>, StoreError> {
        let statement = self.statement(sql)?;
        let names: ColumnNames =
            statement.columns().iter().map(|column| Box::from(column.name())).collect();
        let rows = self.client.query(&statement, &as_params(values))?;
        rows.iter().map(|row| Ok(Record::new(names.clone(), cell::row(row)?))).collect()
    }

    /// Runs a statement and returns the number of affected rows.
    pub(super) fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        let statement = self.statement(sql)?;
        Ok(self.client.execute(&statement, &as_params(values))?)
    }

    /// Returns a prepared statement from the cache.
    fn statement(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= STATEMENT_CACHE_SIZE {
            self.clear_statements();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Clears the statement cache.
    pub(super) fn clear_statements(&mut self) {
        self.statements.clear();
    }

    /// Returns whether the connection is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.client.is_closed()
    }
}

impl LayoutSession for Session {
    fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        self.batch(sql)
    }

    fn stored(&mut self, sql: &str) -> Result<StoredLayout, StoreError> {
        let rows = self.query(sql, &[])?;
        let number = |at: usize| rows.first().and_then(|row| row.get(at)?.integer());
        let missing = || StoreError::Fault("the layout has no version".to_owned());
        let (version, min_reader) = number(0).zip(number(1)).ok_or_else(missing)?;
        Ok(StoredLayout { version, min_reader })
    }
}

fn as_params(values: &[Cell]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// Sets defaults for what the connection string leaves out.
fn configure(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("ablo server");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(SERVER_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(SERVER_TIMEOUT);
    }
    config.notice_callback(|notice| match notice.severity() {
        "WARNING" => tracing::warn!("{}", notice.message()),
        _ => tracing::debug!("{}", notice.message()),
    });
}

/// Quotes a string literal, for statements without parameters.
pub(super) fn literal(text: &str) -> Result<String, StoreError> {
    match text.contains('\0') {
        true => Err(StoreError::Fault("a string literal cannot contain U+0000".to_owned())),
        // The session sets `standard_conforming_strings`, so backslashes are literal.
        false => Ok(quoted_text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn literals_escape_quotes() {
        assert_eq!(literal("it's \\'; --").as_deref(), Ok("'it''s \\''; --'"));
        assert!(literal("a\0b").is_err());
    }
}
