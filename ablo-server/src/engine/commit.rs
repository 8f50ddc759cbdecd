//! Applies commits: rows and deltas are written together or not at all (docs/protocol/commits.md
//! §4).

use super::groups::row_groups;
use super::log::{self, Entry};
use super::plan::{OperationKind, PlannedChange};
use super::table::{self, json};
use super::{Engine, claims, memberships, turns};
use crate::error::{ApiError, Result};
use crate::identity::{Identity, organization_group};
use crate::models::{ColumnDefault, ColumnRole, Model};
use crate::store::{Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, push_json_string, stored_date};
use ablo_schema::schema::AutoFillSource;
use ablo_wire::{CommitReceipt, CommitStatus, SyncId};
use std::collections::BTreeSet;

/// A validated commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The idempotency key, chosen by the client.
    pub client_tx_id: String,
    /// The operations.
    pub changes: Vec<PlannedChange>,
    /// The hash of the request body, to detect another commit with the same key.
    pub body_hash: String,
    /// The turn that caused the commit.
    pub caused_by: Option<String>,
    /// The claim that has to be held for the commit, and that the commit renews.
    pub claim: Option<String>,
}

static RECEIPT: SqlTemplate = SqlTemplate::new(
    "SELECT body_hash, {receipt:json} FROM ablo_commits WHERE organization_id = {1} AND \
     client_tx_id = {2}",
);
static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_commits (organization_id, client_tx_id, body_hash, receipt, created_at) \
     VALUES ({1}, {2}, {3}, {4:json}, {5:date})",
);

static DELETE_OLD: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_commits WHERE organization_id = {1} AND client_tx_id IN (SELECT client_tx_id \
     FROM ablo_commits WHERE organization_id = {1} AND created_at < {2:date} ORDER BY created_at \
     LIMIT 256)",
);
/// Number of deltas between two deletions of old receipts.
const CLEANUP_INTERVAL: u64 = 64;

/// Applies a commit, or returns the stored receipt if it was applied before.
///
/// # Errors
///
/// Returns the first error of an operation or a statement; nothing is applied then.
pub fn commit(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
) -> Result<CommitReceipt> {
    if let Some(receipt) = find_receipt(tx, who, commit)? {
        return Ok(receipt);
    }
    if let Some(turn) = &commit.caused_by {
        turns::check(tx, who, turn)?;
    }
    if let Some(claim) = &commit.claim
        && !claims::renew(tx, who, claim)?
    {
        return Err(
            ApiError::new("claim_lost", format!("the claim `{claim}` is no longer held")).into()
        );
    }
    let mut last = 0;
    for change in &commit.changes {
        let known = match change.transaction.as_deref() {
            Some(transaction) => log::find_transaction(tx, &who.organization, transaction)?,
            None => None,
        };
        let sync_id = match known {
            Some(sync_id) => sync_id,
            None => apply(engine, tx, who, commit, change)?,
        };
        last = last.max(sync_id);
    }
    if last == 0 {
        // No operation changed a row: report the head of the sync log.
        last = log::head(tx, &who.organization)?;
    }
    let receipt = confirmed_receipt(commit, last);
    save_receipt(tx, who, commit, &receipt)?;
    if last % CLEANUP_INTERVAL < commit.changes.len() as u64 {
        delete_old_receipts(tx, &who.organization)?;
    }
    Ok(receipt)
}

/// Stores the receipt and notifies that the sync log has grown.
pub(super) fn save_receipt(
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
    receipt: &CommitReceipt,
) -> Result<()> {
    let text = serde_json::to_string(receipt).unwrap_or_default();
    let values = [
        who.organization.as_str().into(),
        commit.client_tx_id.as_str().into(),
        commit.body_hash.as_str().into(),
        text.into(),
        stored_date(tx.now()).into(),
    ];
    tx.execute(INSERT.sql(tx.dialect()), &values)?;
    Ok(tx.notify(Notification::LogGrown { organization: who.organization.clone() })?)
}

/// Deletes some receipts that are older than a day (docs/protocol/http.md §3).
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn delete_old_receipts(tx: &mut dyn Tx, organization: &str) -> Result<u64> {
    let old =
        tx.now().checked_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(jiff::Timestamp::MIN);
    Ok(tx.execute(DELETE_OLD.sql(tx.dialect()), &[organization.into(), stored_date(old).into()])?)
}

/// Returns the stored receipt of a commit.
pub(super) fn find_receipt(
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
) -> Result<Option<CommitReceipt>> {
    let values = [who.organization.as_str().into(), commit.client_tx_id.as_str().into()];
    let found = tx.query(RECEIPT.sql(tx.dialect()), &values)?;
    let Some(row) = found.first() else { return Ok(None) };
    let text = |at: usize| row.get(at).and_then(Cell::text).unwrap_or_default();
    if text(0) != commit.body_hash {
        let message = format!("the key `{}` was used for another commit", commit.client_tx_id);
        return Err(ApiError::new("idempotency_conflict", message).param("idempotencyKey").into());
    }
    let receipt = serde_json::from_str(text(1));
    receipt.map(Some).map_err(|error| {
        crate::error::StoreError::Fault(format!("invalid stored receipt: {error}")).into()
    })
}

/// Builds the receipt of a commit whose last delta has this sync id.
pub(super) fn confirmed_receipt(commit: &Commit, last: u64) -> CommitReceipt {
    let mut receipt = CommitReceipt::new(commit.client_tx_id.clone(), true);
    receipt.server_tx_id = Some(last.to_string());
    receipt.status = Some(CommitStatus::Confirmed);
    receipt.last_sync_id = Some(SyncId(last));
    receipt.ops = Some(commit.changes.len() as u64);
    let created_ids: Vec<&str> = commit
        .changes
        .iter()
        .filter(|change| change.generated_id)
        .map(|change| &*change.id)
        .collect();
    if !created_ids.is_empty() {
        receipt.other.insert("createdIds".to_owned(), created_ids.into());
    }
    receipt
}

/// Applies one operation and returns its sync id, or 0 if nothing changed.
fn apply(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
    change: &PlannedChange,
) -> Result<u64> {
    let model = engine.models.get(change.model);
    let writer = RowWriter { engine, who, commit, change, model };
    let before = match writer.current(tx)? {
        Some(row) => Some((row_groups(engine, tx, &who.organization, model, &row)?, row)),
        None => None,
    };
    // Checked before everything else: a row that the writer may not see has to look absent.
    if let Some((groups, _)) = &before
        && who.groups.is_disjoint(groups)
    {
        return Err(if change.kind == OperationKind::Create {
            id_exists(model, &change.id)
        } else {
            row_not_found(model, &change.id)
        }
        .into());
    }
    if !change.bypass_claims {
        claims::check(tx, who, model, &change.id)?;
    }
    check_stale(tx, who, model, change, before.as_ref().map(|(_, row)| row))?;
    match (change.kind, before) {
        (OperationKind::Create, None) => writer.create(tx),
        (OperationKind::Create, Some((_, before))) => writer.create_again(tx, &before),
        (OperationKind::Update | OperationKind::Archive(_), Some((groups, before))) => {
            writer.update(tx, &groups, &before)
        }
        (OperationKind::Delete, Some((groups, before))) => writer.delete(tx, &groups, &before),
        (OperationKind::Delete, None) => Ok(0),
        (OperationKind::Update | OperationKind::Archive(_), None) => {
            Err(row_not_found(model, &change.id).into())
        }
    }
}

fn row_not_found(model: &Model, id: &str) -> ApiError {
    ApiError::new("entity_not_found", format!("{}/{id} does not exist", model.key))
}

fn id_exists(model: &Model, id: &str) -> ApiError {
    let message = format!("a row with this id exists: {}/{id}", model.key);
    ApiError::new("unique_violation", message).param(format!("{}.id", model.key))
}

/// Rejects a write if others have changed the same members since `readAt` (docs/protocol/commits.md
/// §5).
fn check_stale(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    change: &PlannedChange,
    current: Option<&Row>,
) -> Result<()> {
    let Some(after) = change.stale_guard else { return Ok(()) };
    let written: BTreeSet<&str> =
        change.cells.iter().filter_map(|(at, _)| Some(&*model.columns.get(*at)?.member)).collect();
    let mut fields = BTreeSet::new();
    let mut observed = 0;
    for (sync_id, members) in log::changes_by_others(tx, who, &model.type_name, &change.id, after)?
    {
        let all = change.kind == OperationKind::Delete || change.kind == OperationKind::Create;
        let overlap: Vec<String> = match &members {
            Some(members) if !all => {
                members.iter().filter(|name| written.contains(name.as_str())).cloned().collect()
            }
            _ => Vec::new(),
        };
        if members.is_none() || all || !overlap.is_empty() {
            observed = sync_id;
            fields.extend(overlap);
        }
    }
    if observed == 0 {
        return Ok(());
    }
    let row = current.map_or(serde_json::Value::Null, |row| {
        serde_json::from_str(&json(model, row)).unwrap_or_default()
    });
    let conflict = serde_json::json!({
        "model": model.key,
        "id": change.id,
        "observedSyncId": observed,
        "conflictingFields": fields,
        "data": row,
    });
    let message =
        format!("{}/{} has changed since sync id {after}; read it again", model.key, change.id);
    let refusal = ApiError::new("stale_context", message).detail("readAt", after);
    Err(refusal.detail("conflicts", vec![conflict]).into())
}

/// Writes one row together with its delta.
pub(super) struct RowWriter<'w> {
    pub(super) engine: &'w Engine,
    pub(super) who: &'w Identity,
    pub(super) commit: &'w Commit,
    pub(super) change: &'w PlannedChange,
    pub(super) model: &'w Model,
}

impl RowWriter<'_> {
    fn create(&self, tx: &mut dyn Tx) -> Result<u64> {
        let row = self.new_row(tx)?;
        self.insert(tx, &row, true)
    }

    /// Inserts a row. With `check_scope`, the writer has to be able to see it.
    pub(super) fn insert(&self, tx: &mut dyn Tx, row: &Row, check_scope: bool) -> Result<u64> {
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
    fn create_again(&self, tx: &mut dyn Tx, before: &Row) -> Result<u64> {
        let current = |at: usize| Some((&self.model.columns.get(at)?.kind, before.get(at)?));
        let matches = |(at, cell): &(usize, Cell)| {
            current(*at).is_some_and(|(kind, before)| kind.same(before, cell))
        };
        let same = self.change.cells.iter().all(matches);
        let last = log::last_row_change(tx, self.who, &self.model.type_name, &self.change.id)?;
        match last {
            Some((sync_id, true)) if same => Ok(sync_id),
            _ => Err(id_exists(self.model, &self.change.id).into()),
        }
    }

    fn update(&self, tx: &mut dyn Tx, old: &BTreeSet<String>, before: &Row) -> Result<u64> {
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
    pub(super) fn set(
        &self,
        tx: &mut dyn Tx,
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

    pub(super) fn delete(
        &self,
        tx: &mut dyn Tx,
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
        tx: &mut dyn Tx,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<Option<u64>> {
        let (row, caused_by) = (self.change.id.as_str(), self.commit.caused_by.as_deref());
        let changed = memberships::ChangedRow { model: self.model, row, before, after, caused_by };
        memberships::apply_change(self.engine, tx, self.who, &changed)
    }

    pub(super) fn current(&self, tx: &mut dyn Tx) -> Result<Option<Row>> {
        let values = [self.who.organization.as_str().into(), self.change.id.as_str().into()];
        Ok(tx.query(&self.engine.tables.get(self.model.id).by_id, &values)?.into_iter().next())
    }

    /// Builds all columns of a new row from the given values, the writer's identity and defaults.
    fn new_row(&self, tx: &mut dyn Tx) -> Result<Row> {
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
        tx: &mut dyn Tx,
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
        tx: &mut dyn Tx,
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
        tx: &mut dyn Tx,
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
