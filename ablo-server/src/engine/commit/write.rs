//! Writes a row together with its delta, and the deltas of rows that depend on it.

use super::decide::GroupChange;
use crate::engine::change::{OperationKind, PlannedChange};
use crate::engine::groups::{row_groups, same_groups};
use crate::engine::log::{self, Entry};
use crate::engine::{Engine, memberships};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::row::{id, json};
use crate::models::{ColumnRole, MAX_PARENT_DEPTH, Model};
use crate::store::Tx;
use crate::value::{Cell, Row, push_json_string};
use std::collections::BTreeSet;

/// The sync id of the last delta, and the row as it is stored unless it is deleted.
pub(in crate::engine) type Written = (u64, Option<Row>);

/// Writes one row together with its delta. Nothing is checked here.
pub(in crate::engine) struct RowWriter<'w> {
    pub(in crate::engine) engine: &'w Engine,
    pub(in crate::engine) who: &'w Identity,
    /// The turn that caused the change.
    pub(in crate::engine) caused_by: Option<&'w str>,
    /// The claim under which the row is written.
    pub(in crate::engine) claim: Option<&'w str>,
    pub(in crate::engine) change: &'w PlannedChange,
    pub(in crate::engine) model: &'w Model,
}

impl RowWriter<'_> {
    /// Inserts a row and returns the sync id of the last delta and the row as it is stored.
    pub(in crate::engine) fn insert(
        &self,
        tx: &mut Tx<'_>,
        row: &Row,
        groups: BTreeSet<String>,
    ) -> Result<Written> {
        let stored = self.engine.rows().insert(tx, &self.who.organization, self.model, row)?;
        let stored = stored.ok_or_else(|| self.elsewhere("would belong"))?;
        let groups = self.groups(tx, row, &stored, groups)?;
        Ok((self.inserted(tx, &stored, &groups)?, Some(stored)))
    }

    /// Appends the delta of a row that was inserted and returns the sync id of the last delta.
    pub(in crate::engine) fn inserted(
        &self,
        tx: &mut Tx<'_>,
        stored: &Row,
        groups: &BTreeSet<String>,
    ) -> Result<u64> {
        let data = Some(json(self.model, stored));
        let sync_id = self.append(tx, "I", data, None, groups, None)?;
        Ok(self.update_memberships(tx, None, Some(stored))?.unwrap_or(sync_id))
    }

    /// Updates columns of a row and returns the sync id of the last delta and the row as it is
    /// stored.
    pub(in crate::engine) fn update(
        &self,
        tx: &mut Tx<'_>,
        cells: &[(usize, Cell)],
        before: &Row,
        groups: GroupChange,
    ) -> Result<Written> {
        let (rows, organization) = (self.engine.rows(), &self.who.organization);
        let stored = rows.update(tx, organization, self.model, self.change.id.as_str(), cells)?;
        let stored = stored.ok_or_else(|| self.elsewhere("would move"))?;
        let mut decided = before.clone();
        for (at, cell) in cells {
            if let Some(old) = decided.get_mut(*at) {
                *old = cell.clone();
            }
        }
        let GroupChange { before: old, after } = groups;
        let after = self.groups(tx, &decided, &stored, after)?;
        let groups = GroupChange { before: old, after };
        Ok((self.updated(tx, before, &stored, groups)?, Some(stored)))
    }

    /// Appends the deltas of a row that was updated and returns the sync id of the last one.
    pub(in crate::engine) fn updated(
        &self,
        tx: &mut Tx<'_>,
        before: &Row,
        stored: &Row,
        change: GroupChange,
    ) -> Result<u64> {
        let action = match self.change.kind {
            OperationKind::Archive(true) => "A",
            OperationKind::Archive(false) => "V",
            _ => "U",
        };
        let previous = self.previous(before, stored);
        let moved = change.after != change.before;
        let before_groups = moved.then_some(&change.before);
        let data = Some(json(self.model, stored));
        let sync_id =
            self.append(tx, action, data, Some(previous), &change.after, before_groups)?;
        let sync_id = self.update_memberships(tx, Some(before), Some(stored))?.unwrap_or(sync_id);
        match moved {
            true => self.append_descendants(tx, sync_id, &change),
            false => Ok(sync_id),
        }
    }

    /// Deletes a row and returns the sync id of the last delta.
    pub(in crate::engine) fn delete(
        &self,
        tx: &mut Tx<'_>,
        before: &Row,
        groups: &BTreeSet<String>,
    ) -> Result<Written> {
        let (rows, organization) = (self.engine.rows(), &self.who.organization);
        // A row whose tenancy parent was deleted before it no longer belongs to the organisation.
        if !rows.delete(tx, organization, self.model, self.change.id.as_str())? {
            return Ok((0, None));
        }
        Ok((self.deleted(tx, before, groups)?, None))
    }

    /// Appends the delta of a row that was deleted and returns the sync id of the last delta.
    pub(in crate::engine) fn deleted(
        &self,
        tx: &mut Tx<'_>,
        before: &Row,
        groups: &BTreeSet<String>,
    ) -> Result<u64> {
        let sync_id = self.append(tx, "D", None, None, groups, None)?;
        Ok(self.update_memberships(tx, Some(before), None)?.unwrap_or(sync_id))
    }

    /// Returns the groups of a stored row: the decided ones, unless the database changed a column
    /// that decides them.
    fn groups(
        &self,
        tx: &mut Tx<'_>,
        decided: &Row,
        stored: &Row,
        groups: BTreeSet<String>,
    ) -> Result<BTreeSet<String>> {
        if same_groups(self.model, decided, stored) {
            return Ok(groups);
        }
        Ok(row_groups(self.engine, tx, &self.who.organization, self.model, stored)?)
    }

    fn elsewhere(&self, how: &str) -> ApiError {
        let (model, id) = (&self.model.key, &self.change.id);
        let message = format!("{model}/{id} {how} to another organisation");
        ApiError::new("organization_mismatch", message)
    }

    /// Grants or revokes group membership if the row is a membership.
    fn update_memberships(
        &self,
        tx: &mut Tx<'_>,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<Option<u64>> {
        let (row, caused_by) = (self.change.id.as_str(), self.caused_by);
        let changed = memberships::ChangedRow { model: self.model, row, before, after, caused_by };
        memberships::apply_change(self.engine, tx, self.who, &changed)
    }

    /// Returns the previous values of the changed members, as JSON.
    fn previous(&self, before: &Row, after: &Row) -> String {
        let mut out = String::from("{");
        for (at, column) in self.model.columns.iter().enumerate() {
            if let (Some(old), Some(new)) = (before.get(at), after.get(at))
                && !column.kind.same(old, new)
                && column.role != ColumnRole::UpdatedAt
            {
                if out.len() > 1 {
                    out.push(',');
                }
                push_json_string(&column.member, &mut out);
                out.push(':');
                column.kind.write(old, &mut out);
            }
        }
        out.push('}');
        out
    }

    fn append(
        &self,
        tx: &mut Tx<'_>,
        action: &'static str,
        data: Option<String>,
        previous: Option<String>,
        groups: &BTreeSet<String>,
        previous_groups: Option<&BTreeSet<String>>,
    ) -> Result<u64> {
        let entry = Entry {
            action,
            model: &self.model.type_name,
            id: &self.change.id,
            data,
            previous,
            groups,
            previous_groups,
            transaction: self.change.transaction.as_deref(),
            caused_by: self.caused_by,
            claim: self.claim,
        };
        Ok(log::append(tx, self.who, entry)?)
    }

    /// Appends deltas for all descendants of a row that has changed its sync groups.
    fn append_descendants(
        &self,
        tx: &mut Tx<'_>,
        sync_id: u64,
        change: &GroupChange,
    ) -> Result<u64> {
        let mut last = sync_id;
        let mut pending = vec![(self.model.id, self.change.id.clone(), 0)];
        let mut visited = BTreeSet::from([(self.model.id, self.change.id.clone())]);
        while let Some((model, parent, depth)) = pending.pop() {
            for (child, column) in &self.engine.models.get(model).children {
                let child = self.engine.models.get(*child);
                let organization = &self.who.organization;
                let rows = self.engine.rows();
                for row in rows.children(tx, organization, (child, *column), &parent)? {
                    let own = id(&row).to_owned();
                    if depth < MAX_PARENT_DEPTH && visited.insert((child.id, own.clone())) {
                        last = self.append_descendant(tx, child, &row, change)?;
                        pending.push((child.id, own, depth + 1));
                    }
                }
            }
        }
        Ok(last)
    }

    fn append_descendant(
        &self,
        tx: &mut Tx<'_>,
        model: &Model,
        row: &Row,
        change: &GroupChange,
    ) -> Result<u64> {
        let groups = row_groups(self.engine, tx, &self.who.organization, model, row)?;
        let gained: BTreeSet<&String> = change.after.difference(&change.before).collect();
        let lost = change.before.difference(&change.after);
        let kept = groups.iter().filter(|group| !gained.contains(group));
        let previous = kept.chain(lost).cloned().collect();
        let entry = Entry {
            action: "U",
            model: &model.type_name,
            id: id(row),
            data: Some(json(model, row)),
            previous: Some("{}".to_owned()),
            groups: &groups,
            previous_groups: Some(&previous),
            transaction: None,
            caused_by: self.caused_by,
            claim: None,
        };
        Ok(log::append(tx, self.who, entry)?)
    }
}
