//! The SQLite judge: a database in memory and the catalog that a program produces in it.

mod catalogue;
mod migrate;

pub use catalogue::{Catalogue, catalogue};
pub use migrate::{MigrationCase, run};

use ablo_codegen::emit::sql::sqlite::{Provision, SqliteOptions, provision};
use ablo_migrate::rows::{Cell, TableRows};
use ablo_schema::Schema;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Creates a database that enforces foreign keys.
///
/// # Panics
/// Panics if SQLite fails.
#[must_use]
pub fn database() -> Connection {
    let connection = Connection::open_in_memory().expect("memory");
    connection.execute_batch("PRAGMA foreign_keys = ON;").expect("a pragma");
    connection
}

/// Returns the DDL for a schema, with foreign keys.
#[must_use]
pub fn program(schema: &Schema) -> Provision {
    provision(schema, &SqliteOptions { foreign_keys: true })
}

/// Runs a program. Returns the warnings, which are its result rows.
///
/// # Panics
/// Panics if a statement fails.
pub fn apply(connection: &Connection, program: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut batch = rusqlite::Batch::new(connection, program);
    while let Some(mut statement) =
        batch.next().unwrap_or_else(|error| panic!("{error}\n{program}"))
    {
        let mut rows = statement.query([]).unwrap_or_else(|error| panic!("{error}"));
        while let Some(row) = rows.next().unwrap_or_else(|error| panic!("{error}\n{program}")) {
            warnings.push(row.get(0).expect("one text"));
        }
    }
    warnings
}

/// Inserts rows into all tables in one transaction.
///
/// # Panics
/// Panics if SQLite refuses a row.
pub fn insert(connection: &Connection, tables: &[TableRows]) {
    connection.execute_batch("BEGIN").expect("a transaction");
    for table in tables {
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let sql = format!(
            "INSERT INTO {} ({}) VALUES ({marks})",
            quoted(&table.table),
            columns.join(", ")
        );
        let mut statement =
            connection.prepare(&sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
        for row in &table.rows {
            statement
                .execute(params_from_iter(row.iter().map(value)))
                .unwrap_or_else(|error| panic!("{error}: {sql} {row:?}"));
        }
    }
    connection.execute_batch("COMMIT").unwrap_or_else(|error| panic!("{error}: {tables:#?}"));
}

/// Returns the statements that insert rows into all tables in one transaction.
#[must_use]
pub fn insert_statements(tables: &[TableRows]) -> String {
    let mut out = String::from("BEGIN;\n");
    for table in tables {
        let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
        for row in &table.rows {
            let values: Vec<String> = row.iter().map(|cell| literal(&value(cell))).collect();
            out.push_str(&format!(
                "INSERT INTO {} ({}) VALUES ({});\n",
                quoted(&table.table),
                columns.join(", "),
                values.join(", ")
            ));
        }
    }
    out.push_str("COMMIT;\n");
    out
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null | Value::Blob(_) => "NULL".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        // As bytes, because a text may have NUL and line ends.
        Value::Text(text) => {
            let digits: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("CAST(x'{digits}' AS TEXT)")
        }
    }
}

/// Quotes an identifier.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) | Cell::Digits(text) | Cell::Date(text) | Cell::Json(text) => {
            Value::Text(text.clone())
        }
        Cell::Number(number) => Value::Real(*number),
        Cell::Whole(whole) => Value::Integer(*whole),
        Cell::Boolean(flag) => Value::Integer((*flag).into()),
    }
}
