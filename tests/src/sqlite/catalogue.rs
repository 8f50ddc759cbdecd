//! The catalog of a database as a comparable value.
//!
//! Checks exist only in the SQL text of a table, so it is split into definitions. SQLite may have
//! moved or reformatted them when a column was added.

use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// Tables by name.
pub type Catalogue = BTreeMap<String, Table>;

/// One table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The columns and constraints as written.
    pub definitions: BTreeSet<String>,
    /// The options after them, such as `STRICT`.
    pub options: String,
    /// Each column as SQLite reports it: type, NOT NULL, default, whether it is in the primary key.
    pub columns: BTreeMap<String, (String, bool, Option<String>, bool)>,
    /// The foreign keys: column, referenced table, referenced column.
    pub foreign_keys: BTreeSet<(String, String, String)>,
    /// The SQL of indexes by name; `None` for the implicit indexes of keys.
    pub indexes: BTreeMap<String, Option<String>>,
}

/// Reads the catalog.
///
/// # Panics
/// Panics if a statement fails.
#[must_use]
pub fn catalogue(connection: &Connection) -> Catalogue {
    let mut found = Catalogue::new();
    let tables = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' \
                  AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    for (name, sql) in pairs(connection, tables, []) {
        let (definitions, options) = split_definitions(&sql.expect("a table has SQL text"));
        let (columns, foreign_keys) = (columns(connection, &name), foreign_keys(connection, &name));
        let indexes = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?";
        let indexes = pairs(connection, indexes, [&name]).into_iter().collect();
        found.insert(name, Table { definitions, options, columns, foreign_keys, indexes });
    }
    found
}

fn pairs(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Vec<(String, Option<String>)> {
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map(params, |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn columns(
    connection: &Connection,
    table: &str,
) -> BTreeMap<String, (String, bool, Option<String>, bool)> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, pk > 0 FROM pragma_table_xinfo(?)";
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement
        .query_map([table], |row| {
            Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        })
        .expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn foreign_keys(connection: &Connection, table: &str) -> BTreeSet<(String, String, String)> {
    let sql = "SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?)";
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Splits `CREATE TABLE x (a, b) c` at its outer commas and collapses white space outside quotes.
fn split_definitions(sql: &str) -> (BTreeSet<String>, String) {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut depth, mut quote) = (0, None);
    for c in sql.chars() {
        match (quote, c) {
            (Some(end), c) => {
                part.push(c);
                quote = if c == end { None } else { quote };
                continue;
            }
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        match (depth, c) {
            (1, '(') if parts.is_empty() && part.starts_with("CREATE") => {
                parts.push(std::mem::take(&mut part))
            }
            (1, ',') | (0, ')') => parts.push(std::mem::take(&mut part)),
            (_, c) if c.is_whitespace() => {
                part.push_str(if part.is_empty() || part.ends_with(' ') { "" } else { " " })
            }
            (_, c) => part.push(c),
        }
    }
    (parts.into_iter().skip(1).map(|part| part.trim().to_owned()).collect(), part.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_a_table_at_its_outer_commas() {
        let (definitions, options) = split_definitions(
            "CREATE TABLE \"a(,\" (\n  \"x\" TEXT CHECK (x IN ('a,  b', ')')), \
             \"y\"   REAL) STRICT",
        );
        assert_eq!(
            definitions,
            ["\"x\" TEXT CHECK (x IN ('a,  b', ')'))", "\"y\" REAL"].map(str::to_owned).into()
        );
        assert_eq!(options, "STRICT");
    }
}
