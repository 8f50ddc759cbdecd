//! Objects outside of the schema that use what a migration changes. The server would refuse the
//! statement, or drop the object with the column.

use crate::catalog::{Catalog, Dependent, Table};
use crate::codes::DEPENDENT;
use crate::compare::is_expected;
use crate::error::Finding;
use crate::session::{Dropped, Obstacles};
use ablo_codegen::emit::sql::postgres::{Change, Expected, Touched};
use ablo_codegen::migrate::{Effect, Lock, LockMode, Statement};

/// Returns a finding for every object that is in the way of a migration, and the objects that are
/// dropped with a column.
pub(super) fn dependents(
    changes: &[Touched],
    expected: &[Expected],
    catalog: &Catalog,
    statements: &mut [Statement],
) -> Obstacles {
    let is_ours = |dependent: &Dependent, table: &str| {
        let home = dependent.table.as_deref().unwrap_or(table);
        let wanted = expected.iter().find(|table| table.name == home);
        wanted.zip(catalog.tables.get(home)).is_some_and(|(wanted, found)| {
            is_expected(wanted, found, &dependent.kind, &dependent.name)
        })
    };
    let mut obstacles = Obstacles::default();
    for Touched { table, change } in changes {
        let Some(found) = catalog.tables.get(table) else { continue };
        let in_the_way = found
            .dependents
            .iter()
            .filter(|dependent| concerns(dependent, change, found) && !is_ours(dependent, table));
        for dependent in in_the_way {
            match change {
                Change::DropColumn(column) if goes_along(dependent) => {
                    let drop = statement_of(statements, table, column);
                    let step = drop.and_then(|statement| {
                        lock_target(statement, found, dependent);
                        statement.cause
                    });
                    obstacles.dropped.push(Dropped { step, what: named(dependent) });
                }
                _ => {
                    let message = format!("{}: {} uses it", what(table, change), named(dependent));
                    obstacles.findings.push(Finding::new(DEPENDENT, message));
                }
            }
        }
    }
    obstacles
}

/// Reports whether the server drops an object of the table with a column that it uses, and the
/// object means nothing without the column.
fn goes_along(dependent: &Dependent) -> bool {
    const KINDS: [&str; 5] = ["index", "unique constraint", "check", "foreign key", "statistics"];
    dependent.table.is_none() && KINDS.contains(&&*dependent.kind)
}

/// Returns the statement that drops a column.
fn statement_of<'s>(
    statements: &'s mut [Statement],
    table: &str,
    column: &str,
) -> Option<&'s mut Statement> {
    let no_column = Effect::NoColumn { table: table.to_owned(), name: column.to_owned() };
    statements.iter_mut().find(|statement| statement.effects == [no_column.clone()])
}

/// Adds the lock on the table that a dropped foreign key refers to.
fn lock_target(statement: &mut Statement, found: &Table, dependent: &Dependent) {
    let key = found.foreign_keys.get(&dependent.name).filter(|_| dependent.kind == "foreign key");
    let Some(key) = key.filter(|key| key.target_schema.is_none()) else { return };
    let (table, mode) = (key.target.clone(), LockMode::AccessExclusive);
    if statement.locks.iter().all(|lock| lock.table != table) {
        statement.locks.push(Lock { table, mode });
        statement.locks.sort();
    }
}

/// Reports whether a change would fail on an object, or drop it.
fn concerns(dependent: &Dependent, change: &Change, table: &Table) -> bool {
    let kind = dependent.kind.as_str();
    let uses = |column: &String| dependent.columns.contains(column);
    match change {
        // What is part of the table is dropped with it.
        Change::DropTable => dependent.table.is_some() || kind.starts_with("function"),
        Change::DropColumn(column) => uses(column),
        Change::Retype(column) => match kind {
            "column of its rows" => true,
            // The server builds them again.
            "primary key" | "unique constraint" | "statistics" => false,
            "index" => {
                let index = table.indexes.get(&dependent.name);
                let is_simple = index.is_some_and(|index| {
                    !index.partial && index.is_plain() && !index.columns.contains(&None)
                });
                uses(column) && !is_simple
            }
            _ => uses(column),
        },
        Change::DropKey(columns) => kind == "foreign key" && columns.iter().all(uses),
    }
}

fn what(table: &str, change: &Change) -> String {
    match change {
        Change::DropTable => format!("`{table}` is dropped"),
        Change::DropColumn(column) => format!("`{table}.{column}` is dropped"),
        Change::Retype(column) => format!("`{table}.{column}` gets another type"),
        Change::DropKey(columns) => {
            format!("the key of `{table}` on {} is replaced", columns.join(", "))
        }
    }
}

fn named(Dependent { kind, name, table, .. }: &Dependent) -> String {
    match table.as_ref().filter(|table| !kind.ends_with("view") && *table != name) {
        Some(table) => format!("the {kind} `{name}` of `{table}`"),
        None => format!("the {kind} `{name}`"),
    }
}
