//! Runs a migration on an empty copy of a file's tables, and reports what it would break: the
//! views, triggers and foreign keys that were added by hand.

use super::apply::raised_code;
use super::quoted;
use crate::codes::{DEPENDENT, NOT_OURS};
use crate::error::Finding;
use ablo_codegen::emit::sql::sqlite::PROLOGUE;
use ablo_codegen::migrate::Statement;
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;

/// Returns a finding for every object that the statements would break or lose.
pub(super) fn rehearse(file: &Connection, statements: &[Statement]) -> Result<Vec<Finding>> {
    let copy = empty_copy(file)?;
    let before = broken(&copy)?;
    let mut findings = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        let Err(error) = copy.execute_batch(&statement.sql) else { continue };
        let lost = lost_parts(&copy, &statement.sql);
        if raised_code(&error.to_string()).is_some_and(|(code, _)| code == NOT_OURS)
            && !lost.is_empty()
        {
            findings.extend(lost);
            continue;
        }
        let message = format!("statement {} of the migration would fail: {error}", at + 1);
        findings.push(Finding::new(DEPENDENT, message));
        return Ok(findings);
    }
    let after = broken(&copy)?;
    let new = after.into_iter().filter(|(object, _)| !before.contains_key(object));
    findings.extend(new.map(|(object, reason)| {
        Finding::new(DEPENDENT, format!("{object} would be broken: {reason}"))
    }));
    Ok(findings)
}

/// Copies the definitions of a file, set up for a migration.
fn empty_copy(file: &Connection) -> Result<Connection> {
    let copy = Connection::open_in_memory()?;
    copy.execute_batch(&PROLOGUE.concat())?;
    let sql = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE \
        'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'trigger', type = 'view', type = 'index', \
        sql NOT LIKE 'CREATE VIRTUAL%', rowid";
    for definition in texts(file, sql, "")? {
        // One that cannot be copied, such as of a module that is not loaded, is not compared.
        let _ = copy.execute_batch(&definition);
    }
    Ok(copy)
}

/// Returns the findings of a guard that found parts which a rebuilt table would lose.
fn lost_parts(copy: &Connection, guard: &str) -> Vec<Finding> {
    let rows = guard.rfind(" FROM (SELECT name FROM pragma_table_xinfo(");
    let rows = rows.and_then(|start| guard.get(start..guard.rfind(" LIMIT 1;")?));
    let Some(rows) = rows else { return Vec::new() };
    let text = guard.split_once("ablo::migrate::not_ours: ").map_or("", |(_, text)| text);
    let text = text.split_once("' ||").map_or("", |(text, _)| text).replace("''", "'");
    let names = texts(copy, &format!("SELECT name{rows}"), "").unwrap_or_default();
    names.iter().map(|name| Finding::new(NOT_OURS, format!("{text}{name}"))).collect()
}

/// Returns the objects that cannot be used, each with the reason.
fn broken(copy: &Connection) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let named = "SELECT name FROM sqlite_schema WHERE type = ? ORDER BY name";
    for view in texts(copy, named, "view")? {
        if let Err(error) = copy.prepare(&format!("SELECT * FROM {}", quoted(&view))) {
            found.insert(format!("the view `{view}`"), reason(&error));
        }
    }
    for trigger in texts(copy, named, "trigger")? {
        if let Some(reason) = broken_trigger(copy, &trigger)? {
            found.insert(format!("the trigger `{trigger}`"), reason);
        }
    }
    for table in texts(copy, named, "table")? {
        let sql = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?)";
        for target in texts(copy, sql, &table)? {
            let exists = "SELECT name FROM sqlite_schema WHERE type = 'table' AND \
                name = ? COLLATE NOCASE";
            if texts(copy, exists, &target)?.is_empty() {
                let key = format!("a foreign key of `{table}`");
                found.insert(key, format!("no such table: {target}"));
            }
        }
        // Fails if the key refers to columns that are missing or not unique.
        let check = format!("PRAGMA foreign_key_check({})", quoted(&table));
        if let Err(error) = copy.execute_batch(&check) {
            found.entry(format!("a foreign key of `{table}`")).or_insert(reason(&error));
        }
    }
    Ok(found)
}

/// Compiles the statements that run a trigger, without the other triggers of its table.
fn broken_trigger(copy: &Connection, trigger: &str) -> Result<Option<String>> {
    copy.execute_batch("SAVEPOINT one_trigger")?;
    let table = "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name = ?";
    let table = texts(copy, table, trigger)?.pop().unwrap_or_default();
    let others = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?";
    for other in texts(copy, others, &table)?.iter().filter(|other| *other != trigger) {
        copy.execute_batch(&format!("DROP TRIGGER {}", quoted(other)))?;
    }
    let columns = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0";
    let columns = texts(copy, columns, &table)?;
    let set = |name: &String| format!("{0} = {0}", quoted(name));
    let sets: Vec<String> = columns.iter().map(set).collect();
    let name = quoted(&table);
    let statements = [
        format!("INSERT INTO {name} DEFAULT VALUES"),
        format!("UPDATE {name} SET {}", sets.join(", ")),
        format!("DELETE FROM {name}"),
    ];
    let failed = statements.iter().find_map(|sql| copy.prepare(sql).err());
    copy.execute_batch("ROLLBACK TO one_trigger; RELEASE one_trigger")?;
    Ok(failed.map(|error| reason(&error)))
}

fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Returns the texts of a query of one column, with one parameter if it has one.
fn texts(connection: &Connection, sql: &str, parameter: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let parameters: Vec<&str> =
        std::iter::repeat_n(parameter, statement.parameter_count()).collect();
    let rows = statement.query_map(rusqlite::params_from_iter(parameters), |row| row.get(0))?;
    rows.collect()
}
