//! A connection of ours: its settings, its prepared statements, and literals for the few texts that are sent whole.

use super::super::Row;
use super::cell;
use crate::error::StoreError;
use crate::store::sql_template::quoted;
use crate::value::Cell;
use ablo_codegen::emit::sql::postgres::Provision;
use postgres::types::ToSql;
use postgres::{Client, Config, Statement};
use std::collections::BTreeMap;
use std::time::Duration;

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 512;
/// How long a server may take to answer a call, or to confirm what it was sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a database is.
#[derive(Clone)]
pub(super) struct Address {
    /// As libpq takes it; it may hold a password and is never shown.
    pub(super) url: String,
    /// The schema that holds the tables.
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
        let opened = ablo_migrate::postgres::connect(&address.url, prepare);
        let mut client = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        // Names mean the same, whatever the role or the database was set to.
        client.batch_execute(&format!(
            "SET search_path = {}, pg_temp; SET client_min_messages = warning; SET standard_conforming_strings = on; \
             SET TimeZone = 'UTC'",
            quoted(&address.schema)
        ))?;
        Ok(Self { client, statements: BTreeMap::new() })
    }

    /// Runs a program of provisioning: what differs is said in warnings, which are logged.
    pub(super) fn provision(&mut self, program: &Provision) -> Result<(), StoreError> {
        for sql in std::iter::once(&program.transaction).chain(&program.after_commit) {
            self.client.batch_execute(sql)?;
        }
        Ok(())
    }

    /// Runs statements without values.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), StoreError> {
        Ok(self.client.batch_execute(sql)?)
    }

    /// Runs a query.
    pub(super) fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql)?;
        self.client.query(&statement, &given(values))?.iter().map(cell::row).collect()
    }

    /// Runs a statement and gives the number of rows it changed.
    pub(super) fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql)?;
        Ok(self.client.execute(&statement, &given(values))?)
    }

    /// A statement, prepared once.
    fn prepared(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql)?;
        if self.statements.len() >= STATEMENTS {
            self.forget();
        }
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Lets go of all prepared statements.
    pub(super) fn forget(&mut self) {
        self.statements.clear();
    }

    /// Whether the connection is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.client.is_closed()
    }
}

fn given(values: &[Cell]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// What an address leaves open.
fn prepare(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("ablo server");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(PATIENCE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(PATIENCE);
    }
    config.notice_callback(|notice| match notice.severity() {
        "WARNING" => tracing::warn!("{}", notice.message()),
        _ => tracing::debug!("{}", notice.message()),
    });
}

/// A text as SQL has it, for statements that take no values.
pub(super) fn literal(text: &str) -> Result<String, StoreError> {
    match text.contains('\0') {
        true => Err(StoreError::Fault("a text with U+0000 cannot be sent".to_owned())),
        // Backslashes mean themselves: the session says so.
        false => Ok(format!("'{}'", text.replace('\'', "''"))),
    }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn literals_end_where_they_should() {
        assert_eq!(literal("it's \\'; --").as_deref(), Ok("'it''s \\''; --'"));
        assert!(literal("a\0b").is_err());
    }
}
