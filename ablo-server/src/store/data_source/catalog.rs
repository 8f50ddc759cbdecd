//! The columns of live tables.

use crate::error::StoreError;
use crate::store::{Access, Connection, Dialect, SqlTemplate, Store, Tenant, Ticket, Tx, Work};
use crate::value::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Instant;

/// A column as the database reports it.
#[derive(Clone, Debug)]
pub(crate) struct PhysicalColumn {
    /// The type without its modifiers.
    pub(crate) actual: String,
    /// Whether the type is a database enum.
    pub(crate) is_enum: bool,
    /// Whether the column alone is the primary key.
    pub(crate) is_key: bool,
}

/// The columns of tables and views, by table and name.
pub(crate) type Tables = BTreeMap<String, BTreeMap<String, PhysicalColumn>>;

static POSTGRES: SqlTemplate = SqlTemplate::new(
    "SELECT c.relname::text AS table_name, a.attname::text AS column_name, format_type(a.atttypid, \
     NULL) AS actual, t.typtype = 'e' AS is_enum, coalesce(i.indnkeyatts = 1 AND i.indkey[0] = \
     a.attnum, false) AS is_key FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN \
     pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
     WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))::oid AND c.relkind IN \
     ('r', 'p', 'v', 'f') AND a.attnum > 0 AND NOT a.attisdropped",
);
static SQLITE: SqlTemplate = SqlTemplate::new(
    "SELECT m.name AS table_name, c.name AS column_name, lower(c.type) AS actual, 0 AS is_enum, \
     c.pk = 1 AND (SELECT count(*) FROM pragma_table_info(m.name) WHERE pk > 0) = 1 AS is_key FROM \
     sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type IN ('table', 'view')",
);

/// Reads the catalog, without an async runtime.
///
/// # Errors
/// Returns the error of the store.
pub(crate) fn read(store: &dyn Store) -> Result<Tables, StoreError> {
    let (done, outcome) = mpsc::channel();
    let ticket = Arc::new(Ticket::new(Instant::now() + store.limits().get().read_time));
    let work = Box::new(ReadCatalog { found: Tables::new(), done });
    store.submit(Access::Read, Tenant::Global, work, ticket);
    outcome
        .recv()
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".to_owned())))
}

struct ReadCatalog {
    found: Tables,
    done: mpsc::Sender<Result<Tables, StoreError>>,
}

impl Work for ReadCatalog {
    fn run(&mut self, connection: &mut dyn Connection) -> Result<(), StoreError> {
        let mut tx = Tx::new(connection);
        let statement = match tx.dialect() {
            Dialect::Postgres => &POSTGRES,
            Dialect::Sqlite => &SQLITE,
        };
        let columns = tx.all(statement, &[], |mut record| {
            let is_true = |cell| matches!(cell, Cell::Boolean(true) | Cell::Integer(1));
            let column = PhysicalColumn {
                // SQLite may report no type.
                actual: record.optional_text("actual")?.unwrap_or_default(),
                is_enum: is_true(record.take("is_enum")?),
                is_key: is_true(record.take("is_key")?),
            };
            Ok((record.text("table_name")?, record.text("column_name")?, column))
        })?;
        self.found.clear();
        for (table, name, column) in columns {
            self.found.entry(table).or_default().insert(name, column);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        // The caller is waiting on the receiver.
        let Self { found, done } = *self;
        let _ = done.send(outcome.map(|()| found));
    }
}
