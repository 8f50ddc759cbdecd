//! Writes a row together with its delta, and the deltas of rows that depend on it.

use super::Commit;
use crate::engine::groups::row_groups;
use crate::engine::log::{self, Entry};
use crate::engine::plan::{OperationKind, PlannedChange};
use crate::engine::table::{self, json};
use crate::engine::violation::id_exists;
use crate::engine::{Engine, memberships};
use crate::error::{ApiError, Result};
use crate::identity::{Identity, organization_group};
use crate::models::{ColumnDefault, ColumnRole, Model};
use crate::store::{Row, Tx};
use crate::value::{Cell, push_json_string, stored_date};
use ablo_schema::schema::AutoFillSource;
use std::collections::BTreeSet;

/// Writes one row together with its delta.
pub(in crate::engine) struct RowWriter<'w> {
    pub(in crate::engine) engine: &'w Engine,
    pub(in crate::engine) who: &'w Identity,
    pub(in crate::engine) commit: &'w Commit,
    pub(in crate::engine) change: &'w PlannedChange,
    pub(in crate::engine) model: &'w Model,
}

impl RowWriter<'_> {
    pub(super) fn create(&self, tx: &mut Tx<'_>) -> Result<u64> {
        let row = self.new_row(tx)?;
        self.insert(tx, &row, true)
    }

    /// Inserts a row. With `check_scope`, the writer has to be able to see it.
    pub(in crate::engine) fn insert(
        &self,
        tx: &mut Tx<'_>,
        row: &Row,
        check_scope: bool,
    ) -> Result<u64> {
        tx.execute(&self.engine.tables.get(self.model.id).insert, row)?;
        // Read back, because the database may normalise values, and because row isolation applies.
        let row = self.current(tx)?.ok_or_else(|| {
            let message = format!(
                "{}/{} would belong to another organisation",
                self.model.key, self.change.id
            );
            ApiError::new("organization_mismatch", message)
        })?;
        let groups = row_groups(self.engine, tx, &self.who.organization, self.model, &row)?;
        if check_scope {
            self.require_scope(&groups)?;
        }
        let sync_id = self.append(tx, "I", Some(json(self.model, &row)), None, &groups, None)?;
        Ok(self.update_memberships(tx, None, Some(&row))?.unwrap_or(sync_id))
    }

    /// Treats a create as a retry if the same participant wrote the same values
    /// (docs/protocol/differences.md A8).
    pub(super) fn create_again(&self, tx: &mut Tx<'_>, before: &Row) -> Result<u64> {
        let current = |at: usize| Some((&self.model.columns.get(at)?.kind, before.get(at)?));
        let matches = |(at, cell): &(usize, Cell)| {
            current(*at).is_some_and(|(kind, before)| kind.same(before, cell))
        };
        let same = self.change.cells.iter().all(matches);
        let organization = &self.who.organization;
        let last = log::last_change(tx, organization, &self.model.type_name, &self.change.id)?;
        match last {
            Some(last) if same && self.who.is(&last.actor_kind, &last.actor) => Ok(last.id),
            _ => Err(id_exists(self.model, &self.change.id).into()),
        }
    }

    pub(super) fn update(
        &self,
        tx: &mut Tx<'_>,
        old: &BTreeSet<String>,
        before: &Row,
    ) -> Result<u64> {
        let now = stored_date(tx.now());
        let mut columns = Vec::with_capacity(self.change.cells.len() + 1);
        let mut values: Vec<Cell> =
            vec![self.who.organization.as_str().into(), self.change.id.as_str().into()];
        for (at, cell) in &self.change.cells {
            columns.push(*at);
            let archived = matches!(self.change.kind, OperationKind::Archive(true));
            values.push(if archived { now.clone().into() } else { cell.clone() });
        }
        if let Some(at) = self.model.column_with_role(ColumnRole::UpdatedAt) {
            columns.push(at);
            values.push(now.into());
        }
        self.set(tx, old, before, (&columns, &values), true)
    }

    /// Updates columns of a row; `values` starts with the organisation and the id.
    pub(in crate::engine) fn set(
        &self,
        tx: &mut Tx<'_>,
        old: &BTreeSet<String>,
        before: &Row,
        (columns, values): (&[usize], &[Cell]),
        check_scope: bool,
    ) -> Result<u64> {
        if !columns.is_empty() {
            tx.execute(&self.engine.tables.get(self.model.id).update(self.model, columns), values)?;
        }
        let row = self.current(tx)?.ok_or_else(|| {
            let message =
                format!("{}/{} would move to another organisation", self.model.key, self.change.id);
            ApiError::new("organization_mismatch", message)
        })?;
        let groups = row_groups(self.engine, tx, &self.who.organization, self.model, &row)?;
        if check_scope {
            self.require_scope(&groups)?;
        }
        let action = if self.change.kind == OperationKind::Archive(true) { "A" } else { "U" };
        let previous = self.previous(before, &row);
        let before_groups = (groups != *old).then_some(old);
        let sync_id = self.append(
            tx,
            action,
            Some(json(self.model, &row)),
            Some(previous),
            &groups,
            before_groups,
        )?;
        let sync_id = self.update_memberships(tx, Some(before), Some(&row))?.unwrap_or(sync_id);
        if groups == *old {
            return Ok(sync_id);
        }
        let change = GroupChange {
            gained: groups.difference(old).cloned().collect(),
            lost: old.difference(&groups).cloned().collect(),
        };
        self.append_descendants(tx, sync_id, &change)
    }

    pub(in crate::engine) fn delete(
        &self,
        tx: &mut Tx<'_>,
        groups: &BTreeSet<String>,
        before: &Row,
    ) -> Result<u64> {
        let values = [self.who.organization.as_str().into(), self.change.id.as_str().into()];
        tx.execute(&self.engine.tables.get(self.model.id).delete, &values)?;
        let sync_id = self.append(tx, "D", None, None, groups, None)?;
        Ok(self.update_memberships(tx, Some(before), None)?.unwrap_or(sync_id))
    }

    /// Grants or revokes group membership if the row is a membership.
    fn update_memberships(
        &self,
        tx: &mut Tx<'_>,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<Option<u64>> {
        let (row, caused_by) = (self.change.id.as_str(), self.commit.caused_by.as_deref());
        let changed = memberships::ChangedRow { model: self.model, row, before, after, caused_by };
        memberships::apply_change(self.engine, tx, self.who, &changed)
    }

    pub(in crate::engine) fn current(&self, tx: &mut Tx<'_>) -> Result<Option<Row>> {
        let values = [self.who.organization.as_str().into(), self.change.id.as_str().into()];
        Ok(tx.query(&self.engine.tables.get(self.model.id).by_id, &values)?.into_iter().next())
    }

    /// Builds all columns of a new row from the given values, the writer's identity and defaults.
    fn new_row(&self, tx: &mut Tx<'_>) -> Result<Row> {
        let now = stored_date(tx.now());
        let mut row: Row = Vec::with_capacity(self.model.columns.len());
        for (at, column) in self.model.columns.iter().enumerate() {
            let sent = self
                .change
                .cells
                .iter()
                .find(|(given, _)| *given == at)
                .map(|(_, cell)| cell.clone());
            let filled = || {
                self.model.auto_fill.iter().find(|(filled, _)| *filled == at).map(|(_, from)| *from)
            };
            let cell = match (column.role, sent) {
                (ColumnRole::Id, _) => self.change.id.as_str().into(),
                (ColumnRole::Organization, _) => self.who.organization.as_str().into(),
                (ColumnRole::CreatedBy, _) => self.who.participant.as_str().into(),
                (ColumnRole::CreatedAt | ColumnRole::UpdatedAt, _) => now.as_str().into(),
                (ColumnRole::Declared, Some(cell)) => cell,
                (ColumnRole::Declared, None) => match (filled(), &column.default) {
                    (Some(AutoFillSource::OrganizationId), _) => {
                        self.who.organization.as_str().into()
                    }
                    (Some(AutoFillSource::UserId), _) => self.who.participant.as_str().into(),
                    (None, Some(ColumnDefault::Now)) => now.as_str().into(),
                    (None, Some(ColumnDefault::Value(cell))) => cell.clone(),
                    (None, None) if column.required => {
                        return Err(self.missing_required(&column.member).into());
                    }
                    (None, None) => Cell::Null,
                },
            };
            row.push(cell);
        }
        Ok(row)
    }

    fn missing_required(&self, member: &str) -> ApiError {
        let path = format!("{}.{member}", self.model.key);
        ApiError::new("model_required_field_missing", format!("{path} is required")).param(path)
    }

    /// Checks that the writer can see the row that it wrote.
    fn require_scope(&self, groups: &BTreeSet<String>) -> Result<(), ApiError> {
        if !self.who.groups.is_disjoint(groups) {
            return Ok(());
        }
        let own = organization_group(&self.who.organization);
        let scope = groups.iter().find(|group| **group != own).cloned().unwrap_or(own);
        let message = format!(
            "{}/{} is outside the credential's sync groups",
            self.model.key, self.change.id
        );
        Err(ApiError::new("capability_scope_denied", message).required(scope))
    }

    /// Returns the previous values of the changed members, as JSON.
    fn previous(&self, before: &Row, after: &Row) -> String {
        let mut out = String::from("{");
        for (at, column) in self.model.columns.iter().enumerate() {
            if let (Some(old), Some(new)) = (before.get(at), after.get(at))
                && old != new
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
            caused_by: self.commit.caused_by.as_deref(),
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
        while let Some((model, id, depth)) = pending.pop() {
            for (child, column) in &self.engine.models.get(model).children {
                let child = self.engine.models.get(*child);
                let sql = self.engine.tables.get(child.id).children(child, *column);
                for row in
                    tx.query(&sql, &[self.who.organization.as_str().into(), id.as_str().into()])?
                {
                    let own = table::id(&row).to_owned();
                    if depth < table::MAX_PARENT_DEPTH && visited.insert((child.id, own.clone())) {
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
        let previous = groups.difference(&change.gained).chain(&change.lost).cloned().collect();
        let entry = Entry {
            action: "U",
            model: &model.type_name,
            id: table::id(row),
            data: Some(json(model, row)),
            previous: Some("{}".to_owned()),
            groups: &groups,
            previous_groups: Some(&previous),
            transaction: None,
            caused_by: self.commit.caused_by.as_deref(),
        };
        Ok(log::append(tx, self.who, entry)?)
    }
}

/// The sync groups that a row gained and lost.
struct GroupChange {
    gained: BTreeSet<String>,
    lost: BTreeSet<String>,
}
