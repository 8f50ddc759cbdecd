//! Objects outside of the schema that use what a migration changes. The server would refuse the
//! statement, or drop the object with the column.

use crate::accepted::Accepted;
use crate::catalog::{Catalog, Dependent, Table};
use crate::codes::DEPENDENT;
use crate::compare::is_expected;
use crate::error::Finding;
use ablo_codegen::emit::sql::postgres::{Change, Expected, Touched};

/// The kinds of objects that the server drops with their column.
const OF_COLUMNS: [&str; 4] = ["check", "foreign key", "index", "unique constraint"];

/// Returns a finding for every object that is in the way of a migration.
pub(super) fn dependents(
    changes: &[Touched],
    expected: &[Expected],
    catalog: &Catalog,
    accepted: &[Accepted],
) -> Vec<Finding> {
    let is_ours = |dependent: &Dependent, table: &str| {
        let home = dependent.table.as_deref().unwrap_or(table);
        let wanted = expected.iter().find(|table| table.name == home);
        wanted.zip(catalog.tables.get(home)).is_some_and(|(wanted, found)| {
            is_expected(wanted, found, &dependent.kind, &dependent.name)
        })
    };
    // An accepted object of the table that uses no other column is dropped with its column.
    let goes_along = |dependent: &Dependent, table: &str, change: &Change| {
        let Change::DropColumn(column) = change else { return false };
        let is_accepted =
            |one: &Accepted| one.table == table && one.part.as_ref() == Some(&dependent.name);
        dependent.table.is_none()
            && OF_COLUMNS.contains(&&*dependent.kind)
            && dependent.columns == [column.as_str()]
            && accepted.iter().any(is_accepted)
    };
    let mut findings = Vec::new();
    for Touched { table, change } in changes {
        let Some(found) = catalog.tables.get(table) else { continue };
        let in_the_way = found.dependents.iter().filter(|dependent| {
            concerns(dependent, change, found)
                && !is_ours(dependent, table)
                && !goes_along(dependent, table, change)
        });
        findings.extend(in_the_way.map(|dependent| {
            let message = format!("{}: {} uses it", what(table, change), named(dependent));
            Finding::new(DEPENDENT, message)
        }));
    }
    findings
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
