//! Drops of dependent objects, and of tables and columns without a successor.

use super::super::ddl::{Predicate, Table};
use super::super::names::Ident;
use super::change::SqlChange;
use super::retained::{ForeignKeyFate, KeyFate};
use super::rules::built;
use super::script::Script;
use super::tables::{Lowering, Pair};

impl<'a> Lowering<'a> {
    /// Drops the foreign keys, policies, checks and indexes that depend on something that changes.
    pub(super) fn drop_dependents(&self, script: &mut Script) {
        for (origin, (was, kept)) in self.from.tables.iter().zip(&self.retained).enumerate() {
            let table = &was.table;
            for (key, kept) in was.foreign_keys.iter().zip(&kept.foreign_keys) {
                if *kept == ForeignKeyFate::Dropped {
                    let also = self.from.tables.get(key.target).map(|target| &target.table);
                    let also = also.filter(|target| target.name != table.name);
                    let cause = self.previous_cause(origin, Some(key.column));
                    let name = key.name.clone();
                    script.push(cause, &SqlChange::DropConstraint { table, name, also });
                }
            }
        }
        for (origin, (was, kept)) in self.from.tables.iter().zip(&self.retained).enumerate() {
            let (table, cause) = (&was.table, self.previous_cause(origin, None));
            let stays = self.pairing.targets.get(origin).copied().flatten();
            // Dropping a table drops its policies, but a policy that refers to another table would
            // block dropping that one.
            let has_to_go = |predicate: &Predicate<'_>| {
                stays.is_some() || matches!(predicate, Predicate::Parent { .. })
            };
            if let (Some(predicate), false) =
                (was.predicate.as_ref().filter(|predicate| has_to_go(predicate)), kept.policy)
            {
                script.push(
                    cause,
                    &SqlChange::DropPolicy { table, parent: self.previous_parent(predicate) },
                );
                let now = stays.and_then(|at| self.to.tables.get(at));
                if now.is_some_and(|now| now.predicate.is_none()) {
                    script.push(cause, &SqlChange::DisableRls { table });
                }
            }
            if stays.is_none() {
                continue;
            }
            if kept.key == KeyFate::Replaced {
                let name = table.key.clone();
                script.push(cause, &SqlChange::DropConstraint { table, name, also: None });
            }
            for (check, _) in was.checks.iter().zip(&kept.checks).filter(|(_, kept)| kept.is_none())
            {
                let cause = self.previous_cause(origin, Some(check.column));
                let (name, also) = (check.name.clone(), None);
                script.push(cause, &SqlChange::DropConstraint { table, name, also });
            }
            for (index, _) in
                was.indexes.iter().zip(&kept.indexes).filter(|(_, kept)| kept.is_none())
            {
                let cause = self.previous_cause(origin, index.columns.last().copied());
                script.push(cause, &SqlChange::DropIndex { table, index: built(index) });
            }
        }
    }

    /// Returns the parent table of a policy's previous predicate.
    fn previous_parent(&self, predicate: &Predicate<'_>) -> Option<&'a Table<'a>> {
        let Predicate::Parent { parent, .. } = predicate else { return None };
        self.from
            .tables
            .get(self.from.position(parent.as_str())?)
            .map(|definition| &definition.table)
    }

    /// Drops the tables and columns without a successor.
    pub(super) fn drop_unmatched(&self, pairs: &[Pair<'_>], script: &mut Script) {
        for (origin, was) in self.from.tables.iter().enumerate() {
            if self.pairing.targets.get(origin).copied().flatten().is_none() {
                script.push(
                    self.previous_cause(origin, None),
                    &SqlChange::DropTable { table: &was.table },
                );
            }
        }
        for pair in pairs {
            let Some(columns) = self.pairing.columns.get(pair.at) else { continue };
            for (column, target) in pair.was.columns.iter().zip(&columns.targets) {
                if target.is_none() {
                    let cause = self.previous_cause(pair.origin, Some(column.name));
                    let column = Ident::new(column.name);
                    script.push(cause, &SqlChange::DropColumn { table: &pair.was.table, column });
                }
            }
        }
    }

    /// Returns the step that changes a previous table or one of its columns.
    fn previous_cause(&self, table: usize, column: Option<&str>) -> Option<usize> {
        let shape = self.from.shapes.get(table)?;
        let now = self
            .pairing
            .targets
            .get(table)
            .copied()
            .flatten()
            .and_then(|at| self.to.shapes.get(at));
        let key = now.unwrap_or(shape).model.key.as_str();
        let named = column.and_then(|name| shape.columns.iter().find(|column| column.name == name));
        let field = named.and_then(|column| column.field).map(|field| field.name.as_str());
        self.diff.cause(key, field).or_else(|| self.diff.cause(key, None))
    }
}
