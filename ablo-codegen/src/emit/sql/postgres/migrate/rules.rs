//! Rules on the rows of a table: checks, indexes, policies, foreign keys; and comments.

use super::super::ddl::{Method, Predicate, Table};
use super::super::names::{Ident, to_sql};
use super::super::render::idents;
use super::super::table_defs::{CheckDef, ForeignKeyDef, IndexDef, TableDef};
use super::casts::{Conversion, implies, satisfies};
use super::change::{ExistingRows, ForeignKey, Index, KeySwap, SqlChange};
use super::guard::Guard;
use super::retained::{ForeignKeyFate, KeyFate};
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
            let nth = is.columns.iter().position(|column| column.name == check.column);
            if let (Some(pair), Some(nth)) = (&pair, nth)
                && let Some(update) = self.unfit_rows(pair, nth).filter(|update| update.is_deferred)
            {
                self.check_after_update(pair, check, &update, script);
                continue;
            }
            let (name, column) = (check.name.clone(), Ident::new(check.column));
            let condition = satisfies(&check.rule, &to_sql(&column));
            let is_new = pair.is_none();
            let guard = pair.as_ref().and_then(|pair| self.unfit(pair, check));
            if let Some(guard) = guard {
                let (rows, column) = (format!("NOT ({condition})"), column.clone());
                script.push(cause, &SqlChange::GuardRows { table, column, rows, guard });
            }
            let existing_rows =
                if is_new { ExistingRows::None } else { ExistingRows::CheckedLater };
            let added = SqlChange::AddCheck { table, name: name.clone(), condition, existing_rows };
            script.push(cause, &added);
            if !is_new {
                let guard = guard.map(|guard| (column, guard));
                script.push(cause, &SqlChange::ValidateCheck { table, name, guard });
            }
        }
        let has_index =
            |at: usize| pair.as_ref().is_some_and(|pair| pair.retained.indexes.contains(&Some(at)));
        for (_, index) in is.indexes.iter().enumerate().filter(|(nth, _)| !has_index(*nth)) {
            let cause = self.cause(at, index.columns.last().copied());
            if pair.is_none() {
                script.push(cause, &SqlChange::CreateIndex { table, index: built(index) });
            } else {
                // The previous key had no duplicates either.
                let was_key = pair.as_ref().is_some_and(|pair| pair.was.key == index.columns);
                if index.unique && !was_key {
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

    /// Returns the guard of a new check, if rows of the existing table can violate it.
    fn unfit(&self, pair: &Pair<'_>, check: &CheckDef<'_>) -> Option<Guard> {
        let at = pair.is.columns.iter().position(|column| column.name == check.column)?;
        let origin = self.pairing.columns.get(pair.at)?.origins.get(at)?.as_ref()?;
        let (origin, Conversion::Unchanged) = origin else { return None };
        let had = pair.was.columns.get(*origin).and_then(|column| check_of(pair.was, column.name));
        let fits = implies(had.map(|check| &check.rule), Some(&check.rule));
        let is_required = pair.is.columns.get(at).is_some_and(|column| column.not_null);
        let is_unfit = !fits && is_required && self.fill_value(pair.at, at).is_none();
        is_unfit.then_some(Guard::ValueUnfit)
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

    /// Changes the primary key of a table. A key with more columns is built concurrently; any other
    /// one is added in the transaction, because nothing else ensures that it is unique.
    pub(super) fn replace_key(&self, at: usize, script: &mut Script) {
        let (Some(is), Some(pair)) = (self.to.tables.get(at), self.pair(at)) else { return };
        let (table, columns, cause) = (&is.table, idents(&is.key), self.cause(at, None));
        match pair.retained.key {
            KeyFate::Kept => {}
            KeyFate::Replaced => script.push(cause, &SqlChange::AddKey { table, columns }),
            KeyFate::Extended => {
                let name = Ident::new(format!("{}_next", table.key.as_str()));
                let (unique, method, by_bytes) = (true, Method::Btree, false);
                let index = Index { name: name.clone(), unique, method, columns, by_bytes };
                script.push(cause, &SqlChange::DropInvalidIndex { table, name: name.clone() });
                script.push(cause, &SqlChange::CreateIndexConcurrently { table, index });
                let swap = KeySwap {
                    table,
                    index: name,
                    dropped: self.swapped_keys(at),
                    added: self.added_keys(at),
                };
                let added: Vec<_> = swap.added.clone();
                script.push(cause, &SqlChange::SwapKey(swap));
                for ForeignKey { table, name, target, .. } in added {
                    script.push(cause, &SqlChange::ValidateForeignKey { table, name, target });
                }
            }
        }
    }

    /// Returns the foreign keys that are dropped when the key of this table is extended.
    fn swapped_keys(&self, target: usize) -> Vec<(&Table<'_>, Ident<'_>)> {
        let mut keys = Vec::new();
        for pair in (0..self.to.tables.len()).filter_map(|at| self.pair(at)) {
            for (key, fate) in pair.was.foreign_keys.iter().zip(&pair.retained.foreign_keys) {
                let now = self.pairing.targets.get(key.target).copied().flatten();
                if *fate == ForeignKeyFate::Swapped && now == Some(target) {
                    keys.push((&pair.is.table, key.name.clone()));
                }
            }
        }
        keys
    }

    /// Returns the foreign keys that are added when the key of this table is extended.
    fn added_keys(&self, target: usize) -> Vec<ForeignKey<'_>> {
        let keys = self.to.tables.iter().flat_map(|is| {
            is.foreign_keys.iter().filter(move |key| key.target == target).map(move |key| (is, key))
        });
        keys.filter_map(|(is, key)| self.foreign_key(is, key)).collect()
    }

    fn foreign_key<'k>(
        &'k self,
        is: &'k TableDef<'k>,
        key: &ForeignKeyDef<'k>,
    ) -> Option<ForeignKey<'k>> {
        Some(ForeignKey {
            table: &is.table,
            name: key.name.clone(),
            columns: idents(&key.columns()),
            target: &self.to.tables.get(key.target)?.table,
            target_columns: idents(&key.target_columns()),
        })
    }

    /// Returns the tables that the policy of a table reads, and that their policies read.
    fn isolating<'k>(&'k self, of: &'k TableDef<'k>) -> Vec<&'k str> {
        let mut found: Vec<&str> = Vec::new();
        let mut next = Some(of);
        while let Some(Predicate::Parent { parent, .. }) = next.and_then(|at| at.predicate.as_ref())
        {
            if found.contains(&parent.as_str()) {
                break;
            }
            found.push(parent.as_str());
            next = self.to.tables.iter().find(|at| at.table.name.as_str() == parent.as_str());
        }
        found
    }

    /// Adds missing foreign keys, except those on an extended key.
    pub(super) fn add_foreign_keys(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let pair = self.pair(at);
        let has_key = |at: usize| {
            let kept = ForeignKeyFate::Kept(at);
            pair.as_ref().is_some_and(|pair| pair.retained.foreign_keys.contains(&kept))
        };
        for (_, key) in is.foreign_keys.iter().enumerate().filter(|(nth, _)| !has_key(*nth)) {
            let is_extended =
                self.pair(key.target).is_some_and(|pair| pair.retained.key == KeyFate::Extended);
            let Some(added) = self.foreign_key(is, key).filter(|_| !is_extended) else { continue };
            let (cause, is_new) = (self.cause(at, Some(key.column)), pair.is_none());
            let (table, name, target) = (added.table, added.name.clone(), added.target);
            let checked = [Some(is), self.to.tables.get(key.target)].into_iter().flatten();
            let policies = checked.filter(|_| is_new).flat_map(|at| self.isolating(at)).collect();
            script.push(cause, &SqlChange::AddForeignKey { key: added, is_new, policies });
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

pub(super) fn built<'a>(index: &IndexDef<'a>) -> Index<'a> {
    Index {
        name: index.name.clone(),
        unique: index.unique,
        method: index.method,
        columns: idents(&index.columns),
        by_bytes: index.by_bytes,
    }
}
