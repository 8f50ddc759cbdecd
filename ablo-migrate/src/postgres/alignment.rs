//! Objects that have another name than the schema gives them. Statements use the schema's names, so
//! a migration begins by restoring those that it needs.

use super::quoted;
use crate::accepted::Accepted;
use crate::catalog::{Catalog, Table};
use crate::compare::is_expected;
use ablo_codegen::emit::sql::postgres::{Expected, POLICY};
use ablo_codegen::migrate::{Effect, Lock, LockMode, Phase, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// Inserts renames before the first statement that locks a table.
pub(super) fn align(
    schema: &str,
    expected: &[Expected],
    catalog: &Catalog,
    statements: &mut Vec<Statement>,
) {
    let used: BTreeSet<&str> =
        statements.iter().flat_map(|statement| quoted_names(&statement.sql)).collect();
    let is_used = |name: &str| used.contains(quoted(name).as_str());
    let mut renames = Vec::new();
    for table in expected.iter().filter(|table| is_used(&table.name)) {
        let Some(found) = catalog.tables.get(&table.name) else { continue };
        let place = format!("{}.{}", quoted(schema), quoted(&table.name));
        for Renamed { kind, from, to } in renamed(table, found) {
            if !is_used(&to) {
                continue;
            }
            let (from, to) = (quoted(&from), quoted(&to));
            let (sql, mode) = match kind {
                Kind::Index => {
                    let sql = format!("ALTER INDEX {}.{from} RENAME TO {to};", quoted(schema));
                    (sql, LockMode::ShareUpdateExclusive)
                }
                Kind::Constraint => {
                    let sql = format!("ALTER TABLE {place} RENAME CONSTRAINT {from} TO {to};");
                    (sql, LockMode::AccessExclusive)
                }
                Kind::Policy => {
                    let sql = format!("ALTER POLICY {from} ON {place} RENAME TO {to};");
                    (sql, LockMode::AccessExclusive)
                }
            };
            renames.push(Statement {
                sql,
                phase: Phase::Transaction,
                cause: None,
                locks: vec![Lock { table: table.name.clone(), mode }],
                hazards: Vec::new(),
                effects: Vec::new(),
            });
        }
    }
    let at = statements.iter().position(|one| !one.locks.is_empty()).unwrap_or(statements.len());
    statements.splice(at..at, renames);
}

/// Returns every part of a text that can be a quoted name, with its quotes, wherever it begins: in
/// the statement itself, in the body of a block or in a string.
fn quoted_names(sql: &str) -> impl Iterator<Item = &str> {
    sql.match_indices('"').filter_map(|(start, _)| {
        let mut end = start + 1;
        loop {
            end += sql.get(end..)?.find('"')? + 1;
            // Two quotes within a name stand for one.
            if !sql.get(end..)?.starts_with('"') {
                return sql.get(start..end);
            }
            end += 1;
        }
    })
}

/// Lets the statements of a migration use the names that objects of adopted tables have, and
/// removes those on objects that do not exist. Objects keep their names when tables and columns do
/// not.
pub(super) fn keep_names(
    expected: &[Expected],
    catalog: &Catalog,
    accepted: &[Accepted],
    statements: &mut Vec<Statement>,
) {
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    let is_adopted = |table: &&Expected| accepted.iter().any(|one| one.table == table.name);
    for table in expected.iter().filter(is_adopted) {
        let Some(found) = catalog.tables.get(&table.name) else { continue };
        let other: BTreeMap<String, String> =
            renamed(table, found).into_iter().map(|one| (one.to, one.from)).collect();
        for name in names(table) {
            let own = other.get(name).cloned();
            let is_there = own.is_none() && has(table, found, name);
            known.insert(name.to_owned(), if is_there { Some(name.to_owned()) } else { own });
        }
    }
    statements.retain_mut(|statement| {
        let Some(name) = subject(statement) else { return true };
        let own = match known.get(&name) {
            None => return true,
            Some(Some(own)) if !statement.sql.contains(RENAME) => own,
            Some(_) => return false,
        };
        let quote = |name: &str| quoted(name).to_string();
        statement.sql = statement.sql.replace(&quote(&name), &quote(own));
        for effect in &mut statement.effects {
            if let Effect::NoIndex { name } | Effect::NoConstraint { name, .. } = effect {
                name.clone_from(own);
            }
        }
        true
    });
}

/// The words of a statement that gives an object another name.
const RENAME: &str = " RENAME ";

/// Returns the object that a statement drops or renames.
fn subject(statement: &Statement) -> Option<String> {
    let is_rename = statement.sql.contains(RENAME);
    match statement.effects.as_slice() {
        [Effect::NoIndex { name } | Effect::NoConstraint { name, .. }] => Some(name.clone()),
        [Effect::NoIndex { name } | Effect::NoConstraint { name, .. }, _] if is_rename => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// Returns the names of the indexes and constraints that the schema gives a table.
fn names(table: &Expected) -> impl Iterator<Item = &str> {
    let checks = table.checks.iter().map(|check| &check.name);
    let indexes = table.indexes.iter().map(|index| &index.name);
    let keys = table.foreign_keys.iter().map(|key| &key.name);
    let all = checks.chain(indexes).chain(keys).chain([&table.key_name]);
    all.map(String::as_str)
}

/// Reports whether a table has the object of this name as the schema has it.
fn has(table: &Expected, found: &Table, name: &str) -> bool {
    let kinds = ["check", "index", "foreign key"];
    kinds.iter().any(|kind| is_expected(table, found, kind, name))
        || found.key_name.as_deref() == Some(name)
}

enum Kind {
    Index,
    Constraint,
    Policy,
}

/// An object with another name than the schema gives it.
struct Renamed {
    kind: Kind,
    from: String,
    to: String,
}

/// Returns the objects of a table whose name is free, and which exist under another one.
fn renamed(table: &Expected, found: &Table) -> Vec<Renamed> {
    let mut out = Vec::new();
    let mut add = |kind, to: &str, from: Option<&String>| {
        out.extend(from.map(|from| Renamed { kind, from: from.clone(), to: to.to_owned() }));
    };
    for check in &table.checks {
        let one = Expected { checks: vec![check.clone()], ..table.clone() };
        let mut others = found.checks.keys().filter(|name| is_expected(&one, found, "check", name));
        let is_there = found.checks.contains_key(&check.name);
        add(Kind::Constraint, &check.name, others.next().filter(|_| !is_there));
    }
    for index in &table.indexes {
        let one = Expected { indexes: vec![index.clone()], ..table.clone() };
        let mut others =
            found.indexes.keys().filter(|name| is_expected(&one, found, "index", name));
        let is_there = found.indexes.contains_key(&index.name);
        add(Kind::Index, &index.name, others.next().filter(|_| !is_there));
    }
    for key in &table.foreign_keys {
        let one = Expected { foreign_keys: vec![key.clone()], ..table.clone() };
        let is_same = |name: &&String| is_expected(&one, found, "foreign key", name);
        let mut others = found.foreign_keys.keys().filter(is_same);
        let is_there = found.foreign_keys.contains_key(&key.name);
        add(Kind::Constraint, &key.name, others.next().filter(|_| !is_there));
    }
    let mut policies =
        found.policies.keys().filter(|name| is_expected(table, found, "policy", name));
    let is_there = found.policies.contains_key(POLICY);
    add(Kind::Policy, POLICY, policies.next().filter(|_| !is_there));
    let key = found
        .key_name
        .as_ref()
        .filter(|name| **name != table.key_name && is_expected(table, found, "primary key", name));
    add(Kind::Constraint, &table.key_name, key);
    out
}

#[cfg(test)]
mod tests {
    use super::quoted_names;

    #[test]
    fn names_are_found_wherever_they_begin() {
        let sql = r#"DO $$ x = 'say "hi'; ALTER TABLE "public"."a""b" DROP "c"; $$;"#;
        let found: Vec<&str> = quoted_names(sql).collect();
        for name in [r#""public""#, r#""a""b""#, r#""c""#] {
            assert!(found.contains(&name), "{name}: {found:?}");
        }
        assert_eq!(quoted_names(r#"no end: "a"#).count(), 0);
    }
}
