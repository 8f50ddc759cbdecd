//! Rules on the rows of a table: checks, indexes, policies, foreign keys; and comments.

use super::super::names::{Ident, to_sql};
use super::super::table_defs::{CheckDef, IndexDef};
use super::casts::{Conversion, implies, satisfies};
use super::change::{ExistingRows, Index, SqlChange};
use super::guard::Guard;
use super::script::Script;
use super::tables::{Lowering, Pair, check_of};

impl Lowering<'_> {
    /// Adds missing checks and indexes.
    pub(super) fn add_checks_and_indexes(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (table, pair) = (&is.table, self.pair(at));
        let has_check =
            |at: usize| pair.as_ref().is_some_and(|pair| pair.retained.checks.contains(&Some(at)));
        for (_, check) in is.checks.iter().enumerate().filter(|(nth, _)| !has_check(*nth)) {
            let cause = self.cause(at, Some(check.column));
            let existing_rows =
                pair.as_ref().map_or(ExistingRows::None, |pair| self.existing_rows(pair, check));
            let (name, column) = (check.name.clone(), Ident::new(check.column));
            let condition = satisfies(&check.rule, &to_sql(&column));
            script.push(
                cause,
                &SqlChange::AddCheck {
                    table,
                    name: name.clone(),
                    column,
                    condition,
                    existing_rows,
                },
            );
            if existing_rows == ExistingRows::CheckedLater {
                script.push(cause, &SqlChange::ValidateCheck { table, name });
            }
        }
        let has_index =
            |at: usize| pair.as_ref().is_some_and(|pair| pair.retained.indexes.contains(&Some(at)));
        for (_, index) in is.indexes.iter().enumerate().filter(|(nth, _)| !has_index(*nth)) {
            let cause = self.cause(at, index.columns.last().copied());
            if pair.is_none() {
                script.push(cause, &SqlChange::CreateIndex { table, index: built(index) });
            } else {
                if index.unique {
                    let columns = index.columns.iter().map(|column| Ident::new(*column)).collect();
                    script.push(cause, &SqlChange::GuardDuplicates { table, columns });
                }
                script
                    .push(cause, &SqlChange::DropInvalidIndex { table, name: index.name.clone() });
                script.push(
                    cause,
                    &SqlChange::CreateIndexConcurrently { table, index: built(index) },
                );
            }
        }
    }

    /// Returns the effect of a new check on the rows of an existing table.
    fn existing_rows(&self, pair: &Pair<'_>, check: &CheckDef<'_>) -> ExistingRows {
        let at = pair.is.columns.iter().position(|column| column.name == check.column);
        let origin = at.and_then(|at| self.pairing.columns.get(pair.at)?.origins.get(at)?.as_ref());
        let (Some(at), Some((origin, Conversion::Unchanged))) = (at, origin) else {
            return ExistingRows::CheckedLater;
        };
        let had = pair.was.columns.get(*origin).and_then(|column| check_of(pair.was, column.name));
        let fits = implies(had.map(|check| &check.rule), Some(&check.rule));
        let is_required = pair.is.columns.get(at).is_some_and(|column| column.not_null);
        if fits || !is_required || self.fill_value(pair.at, at).is_some() {
            ExistingRows::CheckedLater
        } else {
            ExistingRows::CheckedNow(Guard::ValueUnfit)
        }
    }

    /// Enables row security and creates its policy.
    pub(super) fn isolate(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (Some(predicate), table) = (&is.predicate, &is.table) else { return };
        let (pair, cause) = (self.pair(at), self.cause(at, None));
        if pair.as_ref().is_none_or(|pair| pair.was.predicate.is_none()) {
            script.push(cause, &SqlChange::EnableRls { table });
        }
        if pair.is_none_or(|pair| !pair.retained.policy) {
            script.push(cause, &SqlChange::CreatePolicy { table, predicate: predicate.clone() });
        }
    }

    /// Adds missing foreign keys.
    pub(super) fn add_foreign_keys(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (table, pair) = (&is.table, self.pair(at));
        let has_key = |at: usize| {
            pair.as_ref().is_some_and(|pair| pair.retained.foreign_keys.contains(&Some(at)))
        };
        for (_, key) in is.foreign_keys.iter().enumerate().filter(|(nth, _)| !has_key(*nth)) {
            let Some(target) = self.to.tables.get(key.target).map(|target| &target.table) else {
                continue;
            };
            let (cause, is_new) = (self.cause(at, Some(key.column)), pair.is_none());
            let (name, column) = (key.name.clone(), Ident::new(key.column));
            script.push(
                cause,
                &SqlChange::AddForeignKey { table, name: name.clone(), column, target, is_new },
            );
            if !is_new {
                script.push(cause, &SqlChange::ValidateForeignKey { table, name, target });
            }
        }
    }

    /// Sets comments that differ.
    pub(super) fn set_comments(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (pair, columns) = (self.pair(at), self.pairing.columns.get(at));
        for (nth, to) in is.columns.iter().enumerate() {
            let origin = columns.and_then(|columns| columns.origins.get(nth)?.as_ref());
            let was =
                pair.as_ref().and_then(|pair| pair.was.columns.get(origin?.0)?.comment.as_ref());
            if was != to.comment.as_ref() {
                let (column, text) = (Ident::new(to.name), to.comment.clone());
                let cause = self.cause(at, Some(to.name));
                script.push(cause, &SqlChange::Comment { table: &is.table, column, text });
            }
        }
    }
}

fn built<'a>(index: &IndexDef<'a>) -> Index<'a> {
    let columns = index.columns.iter().map(|column| Ident::new(*column)).collect();
    Index { name: index.name.clone(), unique: index.unique, method: index.method, columns }
}
