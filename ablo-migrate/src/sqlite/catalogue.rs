//! What a file holds, as a plain value: from SQLite's pragmas, and from the text of each table where they say nothing.

use super::written::{Written, checks, first_name, taken_apart};
use crate::live::{Check, Column, ForeignKey, Index, Live, Other, Table};
use rusqlite::{Connection, Result, Row};
use std::collections::BTreeMap;

/// Reads everything but what SQLite keeps for itself.
pub(super) fn live(connection: &Connection) -> Result<Live> {
    let sql = "SELECT l.name, l.type, s.sql FROM pragma_table_list AS l JOIN sqlite_schema AS s ON s.name = l.name \
        WHERE l.schema = 'main' AND s.type IN ('table', 'view') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name";
    let listed = all(connection, sql, "", |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut live = Live::default();
    for (name, kind, text) in listed {
        let (name, kind, text): (String, String, Option<String>) = (name, kind, text);
        match kind.as_str() {
            "table" => {
                let table = table(connection, &name, &taken_apart(&text.unwrap_or_default()))?;
                live.tables.insert(name, table);
            }
            // The tables of a virtual table go with it.
            "shadow" => {}
            "virtual" => live.others.push(Other { kind: "virtual table".to_owned(), name }),
            _ => live.others.push(Other { kind, name }),
        }
    }
    Ok(live)
}

/// Every row of a query about one name.
fn all<T>(
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

fn table(connection: &Connection, name: &str, written: &Written) -> Result<Table> {
    let mut table = Table { foreign_keys: foreign_keys(connection, name)?, ..Table::default() };
    table.indexes = indexes(connection, name)?;
    let triggers =
        "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? ORDER BY name";
    table.triggers = all(connection, triggers, name, |row| row.get(0))?;
    let (columns, mut key): (Vec<_>, Vec<_>) =
        columns(connection, name)?.into_iter().map(|(c, at)| (c.clone(), (at, c.name))).unzip();
    key.retain(|(at, _)| *at > 0);
    key.sort();
    table.columns = columns;
    table.primary_key = key.into_iter().map(|(_, name)| name).collect();
    for definition in &written.definitions {
        let first = first_name(definition);
        let column =
            table.columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(&first));
        let owner: Vec<String> = column.iter().map(|column| column.name.clone()).collect();
        match column {
            Some(column) => column.written.clone_from(definition),
            None => table.written.push(definition.clone()),
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
    if !written.options.is_empty() {
        table.written.push(written.options.clone());
    }
    Ok(table)
}

/// The columns in their order, each with its place in the key from 1, 0 outside it.
fn columns(connection: &Connection, table: &str) -> Result<Vec<(Column, i64)>> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, hidden, pk FROM pragma_table_xinfo(?) ORDER BY cid";
    all(connection, sql, table, |row| {
        let (name, type_name, not_null, default) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let generated = row.get::<_, i64>(4)? > 1;
        let column = Column { name, type_name, not_null, default, generated, ..Column::default() };
        Ok((column, row.get(5)?))
    })
}

fn foreign_keys(connection: &Connection, table: &str) -> Result<BTreeMap<String, ForeignKey>> {
    let sql = "SELECT id, \"from\", \"table\", \"to\", on_delete FROM pragma_foreign_key_list(?) ORDER BY id, seq";
    let parts = all(connection, sql, table, |row| {
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
        LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name WHERE l.origin <> 'pk'";
    let listed = all(connection, sql, table, |row| {
        let index: (String, bool, bool, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(index)
    })?;
    let mut indexes = BTreeMap::new();
    for (name, unique, partial, text) in listed {
        let parts = "SELECT iif(coll = 'BINARY', name, NULL) FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno";
        let columns: Vec<Option<String>> = all(connection, parts, &name, |row| row.get(0))?;
        let of_a_constraint = || {
            format!("UNIQUE ({})", columns.iter().flatten().cloned().collect::<Vec<_>>().join(", "))
        };
        let definition = text.unwrap_or_else(of_a_constraint);
        indexes.insert(
            name,
            Index { columns, method: "btree".to_owned(), unique, valid: true, partial, definition },
        );
    }
    Ok(indexes)
}
