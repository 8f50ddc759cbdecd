//! Indexes and constraints that have other names in this database, and are found by their meaning.

use super::{Database, quoted};
use crate::catalog::{Catalog, Table};
use crate::error::Result;
use crate::expression::tokens;
use crate::ledger::Record;
use ablo_codegen::migrate::{ConstraintDefinition, Effect, IndexDefinition, Phase};

impl Database {
    /// Returns the statements that give what a migration drops the names by which it drops it.
    pub(super) fn aliases(&mut self, record: &Record) -> Result<Vec<String>> {
        let effects = record.of(Phase::Transaction).flat_map(|statement| &statement.effects);
        let dropped: Vec<&Effect> = effects
            .filter(|effect| {
                matches!(
                    effect,
                    Effect::NoIndex { was: Some(_), .. }
                        | Effect::NoConstraint { was: Some(_), .. }
                )
            })
            .collect();
        if dropped.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.catalog()?;
        let place = quoted(&self.schema);
        Ok(dropped.into_iter().filter_map(|effect| renaming(&place, &found, effect)).collect())
    }
}

/// Returns the statement that renames what an effect removes, if it has another name.
fn renaming(place: &str, found: &Catalog, effect: &Effect) -> Option<String> {
    match effect {
        Effect::NoIndex { name, was: Some((table, definition)) } => {
            let indexes = &found.tables.get(table)?.indexes;
            let columns = columns(definition);
            let is = |index: &crate::catalog::Index| {
                index.is_on(&columns)
                    && index.method == definition.method
                    && index.unique == definition.unique
            };
            let mut same = indexes.iter().filter(|(_, index)| is(index)).map(|(known, _)| known);
            let known = same.next().filter(|_| !indexes.contains_key(name))?;
            let (known, name) = (quoted(known), quoted(name));
            Some(format!("ALTER INDEX {place}.{known} RENAME TO {name}"))
        }
        Effect::NoConstraint { table, name, was: Some(definition) } => {
            let of = found.tables.get(table)?;
            let has_name = of.checks.contains_key(name) || of.foreign_keys.contains_key(name);
            let known = constraint(of, definition).filter(|_| !has_name)?;
            let (table, known, name) = (quoted(table), quoted(known), quoted(name));
            Some(format!("ALTER TABLE {place}.{table} RENAME CONSTRAINT {known} TO {name}"))
        }
        _ => None,
    }
}

/// Returns the columns of an index as the catalog has them.
fn columns(definition: &IndexDefinition) -> Vec<String> {
    let mut columns = definition.columns.clone();
    if let Some(last) = columns.last_mut().filter(|_| definition.by_bytes) {
        last.push_str(" COLLATE \"C\"");
    }
    columns
}

/// Returns the name of the constraint that has a definition.
fn constraint<'t>(table: &'t Table, definition: &ConstraintDefinition) -> Option<&'t String> {
    match definition {
        ConstraintDefinition::Check { condition } => {
            let wanted = tokens(condition);
            let mut checks = table.checks.iter();
            checks.find(|(_, check)| tokens(&check.condition) == wanted).map(|(name, _)| name)
        }
        ConstraintDefinition::ForeignKey { columns, target, target_columns } => {
            let is = |key: &crate::catalog::ForeignKey| {
                key.target_schema.is_none()
                    && key.target == *target
                    && key.columns == *columns
                    && key.target_columns == *target_columns
            };
            table.foreign_keys.iter().find(|(_, key)| is(key)).map(|(name, _)| name)
        }
    }
}
