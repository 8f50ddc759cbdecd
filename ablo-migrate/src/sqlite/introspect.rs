//! Reads the catalog of a SQLite file from pragmas, and from the DDL of each table for properties
//! that no pragma reports.

use super::ddl_parser::{ParsedTable, checks, first_name, parse_table};
use crate::catalog::{Catalog, Check, Column, ForeignKey, Index, OtherObject, Table};
use rusqlite::{Connection, Result, Row};
use std::collections::BTreeMap;

/// Reads the catalog, without SQLite's internal tables.
pub(super) fn read_catalog(connection: &Connection) -> Result<Catalog> {
    let sql = "SELECT l.name, l.type, s.sql \
        FROM pragma_table_list AS l JOIN sqlite_schema AS s ON s.name = l.name \
        WHERE l.schema = 'main' AND s.type IN ('table', 'view') \
        AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name";
    let rows = query_all(connection, sql, "", |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut catalog = Catalog::default();
    for (name, kind, ddl) in rows {
        let (name, kind, ddl): (String, String, Option<String>) = (name, kind, ddl);
        match kind.as_str() {
            "table" => {
                let table = table(connection, &name, &parse_table(&ddl.unwrap_or_default()))?;
                catalog.tables.insert(name, table);
            }
            // Part of a virtual table.
            "shadow" => {}
            "virtual" => {
                catalog.others.push(OtherObject { kind: "virtual table".to_owned(), name })
            }
            _ => catalog.others.push(OtherObject { kind, name }),
        }
    }
    Ok(catalog)
}

/// Runs a query, with `name` as its parameter if it has one, and reads every row.
fn query_all<T>(
    connection: &Connection,
    sql: &str,
    name: &str,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let parameters: &[&dyn rusqlite::ToSql] =
        if statement.parameter_count() == 0 { &[] } else { &[&name] };
    statement.query_map(parameters, read)?.collect()
}

fn table(connection: &Connection, name: &str, parsed: &ParsedTable) -> Result<Table> {
    let mut table = Table { foreign_keys: foreign_keys(connection, name)?, ..Table::default() };
    table.indexes = indexes(connection, name)?;
    let triggers =
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? ORDER BY name";
    table.triggers = query_all(connection, triggers, name, |row| row.get(0))?;
    let (columns, mut key): (Vec<_>, Vec<_>) =
        columns(connection, name)?.into_iter().map(|(c, at)| (c.clone(), (at, c.name))).unzip();
    key.retain(|(at, _)| *at > 0);
    key.sort();
    table.columns = columns;
    table.primary_key = key.into_iter().map(|(_, name)| name).collect();
    for definition in &parsed.definitions {
        let first = first_name(definition);
        let column =
            table.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&first));
        let owner: Vec<String> = column.iter().map(|column| column.name.clone()).collect();
        match column {
            Some(column) => column.definition.clone_from(definition),
            None => table.definitions.push(definition.clone()),
        }
        for (check, condition) in checks(definition) {
            let number = table.checks.len() + 1;
            let mut name = check.unwrap_or_else(|| format!("check {number}"));
            if table.checks.contains_key(&name) {
                name = format!("{name} {number}");
            }
            table.checks.insert(name, Check { condition, columns: owner.clone(), validated: true });
        }
    }
    if !parsed.options.is_empty() {
        table.definitions.push(parsed.options.clone());
    }
    Ok(table)
}

/// Reads the columns in order, each with its position in the primary key, from 1; 0 if it is not
/// part of the key.
fn columns(connection: &Connection, table: &str) -> Result<Vec<(Column, i64)>> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, hidden, pk \
        FROM pragma_table_xinfo(?) ORDER BY cid";
    query_all(connection, sql, table, |row| {
        let (name, type_name, not_null, default) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let generated = row.get::<_, i64>(4)? > 1;
        let column = Column { name, type_name, not_null, default, generated, ..Column::default() };
        Ok((column, row.get(5)?))
    })
}

fn foreign_keys(connection: &Connection, table: &str) -> Result<BTreeMap<String, ForeignKey>> {
    let sql = "SELECT id, \"from\", \"table\", \"to\", on_delete \
        FROM pragma_foreign_key_list(?) ORDER BY id, seq";
    let parts = query_all(connection, sql, table, |row| {
        let part: (i64, String, String, Option<String>, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(part)
    })?;
    let mut keys: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    for (id, from, target, to, on_delete) in parts {
        let key = keys.entry(id).or_insert_with(|| ForeignKey {
            columns: Vec::new(),
            target_schema: None,
            target,
            target_columns: Vec::new(),
            on_delete: if on_delete == "NO ACTION" { "a".to_owned() } else { on_delete },
            on_update: String::new(),
            deferred: false,
            validated: true,
        });
        key.columns.push(from);
        key.target_columns.extend(to);
    }
    let named = |key: ForeignKey| (format!("{} -> {}", key.columns.join(", "), key.target), key);
    Ok(keys.into_values().map(named).collect())
}

fn indexes(connection: &Connection, table: &str) -> Result<BTreeMap<String, Index>> {
    let sql = "SELECT l.name, l.\"unique\", l.partial, s.sql FROM pragma_index_list(?) AS l \
        LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name WHERE l.origin <> \
        'pk'";
    let listed = query_all(connection, sql, table, |row| {
        let index: (String, bool, bool, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(index)
    })?;
    let mut indexes = BTreeMap::new();
    for (name, unique, partial, ddl) in listed {
        let parts = "SELECT iif(coll = 'BINARY', name, NULL) \
            FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno";
        let columns: Vec<Option<String>> = query_all(connection, parts, &name, |row| row.get(0))?;
        let constraint = || {
            format!("UNIQUE ({})", columns.iter().flatten().cloned().collect::<Vec<_>>().join(", "))
        };
        let definition = ddl.unwrap_or_else(constraint);
        indexes.insert(
            name,
            Index {
                columns,
                method: "btree".to_owned(),
                unique,
                valid: true,
                partial,
                definition,
                ..Index::default()
            },
        );
    }
    Ok(indexes)
}
