//! Commits: checked changes in, rows and log entries out, all or nothing (docs/protocol/commits.md §4).

use super::groups::of_row;
use super::log::{self, Entry};
use super::plan::{OperationKind, PlannedChange};
use super::table::{self, json};
use super::{Engine, claims, memberships, turns};
use crate::error::{ApiError, Result};
use crate::identity::{Identity, organization_group};
use crate::models::{Model, Part, Preset};
use crate::store::{Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, stored_date, string};
use ablo_schema::schema::AutoFillSource;
use ablo_wire::{CommitReceipt, CommitStatus, SyncId};
use std::collections::BTreeSet;

/// A commit, ready to be applied.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Chosen by the client: the same commit sent again has the same.
    pub client_tx_id: String,
    /// What it does.
    pub changes: Vec<PlannedChange>,
    /// Of the operations as they were sent: another commit may not have the same id.
    pub body_hash: String,
    /// The turn that causes it.
    pub caused_by: Option<String>,
    /// The claim it is written under: it has to be held, and lives longer for it.
    pub claim: Option<String>,
}

static RECEIPT: SqlTemplate = SqlTemplate::new(
    "SELECT body_hash, {receipt:json} FROM ablo_commits WHERE organization_id = {1} AND client_tx_id = {2}",
);
static KEEP: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_commits (organization_id, client_tx_id, body_hash, receipt, created_at) \
     VALUES ({1}, {2}, {3}, {4:json}, {5:date})",
);

static FORGET: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_commits WHERE organization_id = {1} AND client_tx_id IN (SELECT client_tx_id FROM ablo_commits WHERE \
     organization_id = {1} AND created_at < {2:date} ORDER BY created_at LIMIT 256)",
);
/// Entries of the log after which old receipts are looked for.
const EVERY: u64 = 64;

/// Applies a commit, or gives the receipt of the first time.
///
/// # Errors
/// A coded refusal, after which nothing is applied, or what the database said.
pub fn commit(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
) -> Result<CommitReceipt> {
    if let Some(receipt) = receipt(tx, who, commit)? {
        return Ok(receipt);
    }
    if let Some(turn) = &commit.caused_by {
        turns::check(tx, who, turn)?;
    }
    if let Some(claim) = &commit.claim
        && !claims::renew(tx, who, claim)?
    {
        return Err(ApiError::new(
            "claim_lost",
            format!("the claim `{claim}` is not held any more"),
        )
        .into());
    }
    let mut last = 0;
    for change in &commit.changes {
        let place = match change.transaction.as_deref() {
            Some(transaction) => log::of_transaction(tx, &who.organization, transaction)?,
            None => None,
        };
        let place = match place {
            Some(place) => place,
            None => apply(engine, tx, who, commit, change)?,
        };
        last = last.max(place);
    }
    if last == 0 {
        // Nothing changed: the end of the log is a place that the client has seen or will.
        last = log::head(tx, &who.organization)?;
    }
    let receipt = confirmed(commit, last);
    keep(tx, who, commit, &receipt)?;
    if last % EVERY < commit.changes.len() as u64 {
        forget(tx, &who.organization)?;
    }
    Ok(receipt)
}

/// Keeps a receipt for whoever sends the same commit again, and tells that the log has grown.
pub(super) fn keep(
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
    tx.execute(KEEP.of(tx.dialect()), &values)?;
    Ok(tx.tell(Notification::Log { organization: who.organization.clone() })?)
}

/// Forgets some receipts that nobody asks for any more (docs/protocol/http.md §3: they are kept for a day).
///
/// # Errors
/// What the database said.
pub fn forget(tx: &mut dyn Tx, organization: &str) -> Result<u64> {
    let old =
        tx.now().checked_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(jiff::Timestamp::MIN);
    Ok(tx.execute(FORGET.of(tx.dialect()), &[organization.into(), stored_date(old).into()])?)
}

/// The receipt of the first time, if this is another.
pub(super) fn receipt(
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
) -> Result<Option<CommitReceipt>> {
    let values = [who.organization.as_str().into(), commit.client_tx_id.as_str().into()];
    let found = tx.query(RECEIPT.of(tx.dialect()), &values)?;
    let Some(row) = found.first() else { return Ok(None) };
    let text = |at: usize| row.get(at).and_then(Cell::text).unwrap_or_default();
    if text(0) != commit.body_hash {
        let message = format!("`{}` was used for another commit", commit.client_tx_id);
        return Err(ApiError::new("idempotency_conflict", message).param("idempotencyKey").into());
    }
    let receipt = serde_json::from_str(text(1));
    receipt.map(Some).map_err(|error| {
        crate::error::StoreError::Fault(format!("a stored receipt: {error}")).into()
    })
}

/// The receipt of a commit that ends at a place in the log.
pub(super) fn confirmed(commit: &Commit, last: u64) -> CommitReceipt {
    let mut receipt = CommitReceipt::new(commit.client_tx_id.clone(), true);
    receipt.server_tx_id = Some(last.to_string());
    receipt.status = Some(CommitStatus::Confirmed);
    receipt.last_sync_id = Some(SyncId(last));
    receipt.ops = Some(commit.changes.len() as u64);
    let made_up: Vec<&str> =
        commit.changes.iter().filter(|change| change.made_up).map(|change| &*change.id).collect();
    if !made_up.is_empty() {
        receipt.other.insert("createdIds".to_owned(), made_up.into());
    }
    receipt
}

/// Applies one change and gives its place in the log; 0 where it changes nothing.
fn apply(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit: &Commit,
    change: &PlannedChange,
) -> Result<u64> {
    let model = engine.models.get(change.model);
    let write = Write { engine, who, commit, change, model };
    let before = match write.current(tx)? {
        Some(row) => Some((of_row(engine, tx, &who.organization, model, &row)?, row)),
        None => None,
    };
    // Before anything is said about the row: to those who do not see it, it is not there.
    if let Some((groups, _)) = &before
        && who.groups.is_disjoint(groups)
    {
        return Err(if change.act == OperationKind::Create {
            taken(model, &change.id)
        } else {
            missing(model, &change.id)
        }
        .into());
    }
    if !change.bypass {
        claims::check(tx, who, model, &change.id)?;
    }
    fresh(tx, who, model, change, before.as_ref().map(|(_, row)| row))?;
    match (change.act, before) {
        (OperationKind::Create, None) => write.create(tx),
        (OperationKind::Create, Some((_, before))) => write.create_again(tx, &before),
        (OperationKind::Update | OperationKind::Archive(_), Some((groups, before))) => {
            write.update(tx, &groups, &before)
        }
        (OperationKind::Delete, Some((groups, before))) => write.delete(tx, &groups, &before),
        (OperationKind::Delete, None) => Ok(0),
        (OperationKind::Update | OperationKind::Archive(_), None) => {
            Err(missing(model, &change.id).into())
        }
    }
}

fn missing(model: &Model, id: &str) -> ApiError {
    ApiError::new("entity_not_found", format!("there is no {}/{id}", model.key))
}

fn taken(model: &Model, id: &str) -> ApiError {
    let message = format!("there is a {}/{id} already", model.key);
    ApiError::new("unique_violation", message).param(format!("{}.id", model.key))
}

/// Refuses a change that is based on a state which others have changed since, in the same members (docs/protocol/commits.md §5).
fn fresh(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    change: &PlannedChange,
    now: Option<&Row>,
) -> Result<()> {
    let Some(after) = change.guard else { return Ok(()) };
    let written: BTreeSet<&str> =
        change.cells.iter().filter_map(|(at, _)| Some(&*model.columns.get(*at)?.member)).collect();
    let mut fields = BTreeSet::new();
    let mut observed = 0;
    for (place, members) in log::foreign_changes(tx, who, &model.type_name, &change.id, after)? {
        let all = change.act == OperationKind::Delete || change.act == OperationKind::Create;
        let overlap: Vec<String> = match &members {
            Some(members) if !all => {
                members.iter().filter(|name| written.contains(name.as_str())).cloned().collect()
            }
            _ => Vec::new(),
        };
        if members.is_none() || all || !overlap.is_empty() {
            observed = place;
            fields.extend(overlap);
        }
    }
    if observed == 0 {
        return Ok(());
    }
    let row = now.map_or(serde_json::Value::Null, |row| {
        serde_json::from_str(&json(model, row)).unwrap_or_default()
    });
    let conflict = serde_json::json!({
        "model": model.key, "id": change.id, "observedSyncId": observed, "conflictingFields": fields, "data": row,
    });
    let message = format!(
        "{}/{} moved past sync id {after}: read it again and decide anew",
        model.key, change.id
    );
    let refusal = ApiError::new("stale_context", message).detail("readAt", after);
    Err(refusal.detail("conflicts", vec![conflict]).into())
}

/// One change on its way into its table.
pub(super) struct Write<'w> {
    pub(super) engine: &'w Engine,
    pub(super) who: &'w Identity,
    pub(super) commit: &'w Commit,
    pub(super) change: &'w PlannedChange,
    pub(super) model: &'w Model,
}

impl Write<'_> {
    fn create(&self, tx: &mut dyn Tx) -> Result<u64> {
        let row = self.new_row(tx)?;
        self.insert(tx, &row, true)
    }

    /// Adds a row, which has to be one of those that its writer sees unless somebody else has decided that it is there.
    pub(super) fn insert(&self, tx: &mut dyn Tx, row: &Row, within: bool) -> Result<u64> {
        tx.execute(&self.engine.tables.get(self.model.id).insert, row)?;
        // Read back: the database may say a value differently, and the row has to be one of the organisation's own.
        let row = self.current(tx)?.ok_or_else(|| {
            let message = format!(
                "{}/{} would belong to another organisation",
                self.model.key, self.change.id
            );
            ApiError::new("organization_mismatch", message)
        })?;
        let groups = of_row(self.engine, tx, &self.who.organization, self.model, &row)?;
        if within {
            self.within(&groups)?;
        }
        let place = self.append(tx, "I", Some(json(self.model, &row)), None, &groups, None)?;
        Ok(self.follow(tx, None, Some(&row))?.unwrap_or(place))
    }

    /// A create whose row is there: the same row by the same hand is the same create, sent again (docs/protocol/differences.md A8).
    fn create_again(&self, tx: &mut dyn Tx, before: &Row) -> Result<u64> {
        let held = |at: usize| Some((&self.model.columns.get(at)?.kind, before.get(at)?));
        let given = |(at, cell): &(usize, Cell)| {
            held(*at).is_some_and(|(kind, before)| kind.same(before, cell))
        };
        let same = self.change.cells.iter().all(given);
        let last = log::last_of_row(tx, self.who, &self.model.type_name, &self.change.id)?;
        match last {
            Some((place, true)) if same => Ok(place),
            _ => Err(taken(self.model, &self.change.id).into()),
        }
    }

    fn update(&self, tx: &mut dyn Tx, old: &BTreeSet<String>, before: &Row) -> Result<u64> {
        let now = stored_date(tx.now());
        let mut columns = Vec::with_capacity(self.change.cells.len() + 1);
        let mut values: Vec<Cell> =
            vec![self.who.organization.as_str().into(), self.change.id.as_str().into()];
        for (at, cell) in &self.change.cells {
            columns.push(*at);
            let archived = matches!(self.change.act, OperationKind::Archive(true));
            values.push(if archived { now.clone().into() } else { cell.clone() });
        }
        if let Some(at) = self.model.part(Part::UpdatedAt) {
            columns.push(at);
            values.push(now.into());
        }
        self.set(tx, old, before, (&columns, &values), true)
    }

    /// Changes columns of a row; the values begin with the organisation and the id.
    pub(super) fn set(
        &self,
        tx: &mut dyn Tx,
        old: &BTreeSet<String>,
        before: &Row,
        (columns, values): (&[usize], &[Cell]),
        within: bool,
    ) -> Result<u64> {
        if !columns.is_empty() {
            tx.execute(&self.engine.tables.get(self.model.id).update(self.model, columns), values)?;
        }
        let row = self.current(tx)?.ok_or_else(|| {
            let message =
                format!("{}/{} would move to another organisation", self.model.key, self.change.id);
            ApiError::new("organization_mismatch", message)
        })?;
        let groups = of_row(self.engine, tx, &self.who.organization, self.model, &row)?;
        if within {
            self.within(&groups)?;
        }
        let action = if self.change.act == OperationKind::Archive(true) { "A" } else { "U" };
        let previous = self.previous(before, &row);
        let before_groups = (groups != *old).then_some(old);
        let place = self.append(
            tx,
            action,
            Some(json(self.model, &row)),
            Some(previous),
            &groups,
            before_groups,
        )?;
        let place = self.follow(tx, Some(before), Some(&row))?.unwrap_or(place);
        if groups == *old {
            return Ok(place);
        }
        let moved = Moved {
            gained: groups.difference(old).cloned().collect(),
            lost: old.difference(&groups).cloned().collect(),
        };
        self.carry_along(tx, place, &moved)
    }

    pub(super) fn delete(
        &self,
        tx: &mut dyn Tx,
        groups: &BTreeSet<String>,
        before: &Row,
    ) -> Result<u64> {
        let values = [self.who.organization.as_str().into(), self.change.id.as_str().into()];
        tx.execute(&self.engine.tables.get(self.model.id).delete, &values)?;
        let place = self.append(tx, "D", None, None, groups, None)?;
        Ok(self.follow(tx, Some(before), None)?.unwrap_or(place))
    }

    /// What the row gave to whom, and gives now.
    fn follow(
        &self,
        tx: &mut dyn Tx,
        before: Option<&Row>,
        after: Option<&Row>,
    ) -> Result<Option<u64>> {
        let (row, caused_by) = (self.change.id.as_str(), self.commit.caused_by.as_deref());
        let changed = memberships::Changed { model: self.model, row, before, after, caused_by };
        memberships::follow(self.engine, tx, self.who, &changed)
    }

    pub(super) fn current(&self, tx: &mut dyn Tx) -> Result<Option<Row>> {
        let values = [self.who.organization.as_str().into(), self.change.id.as_str().into()];
        Ok(tx.query(&self.engine.tables.get(self.model.id).by_id, &values)?.into_iter().next())
    }

    /// All columns of a row that is made: what was given, what is the coordinator's to fill, what is preset.
    fn new_row(&self, tx: &mut dyn Tx) -> Result<Row> {
        let now = stored_date(tx.now());
        let mut row: Row = Vec::with_capacity(self.model.columns.len());
        for (at, column) in self.model.columns.iter().enumerate() {
            let given = self
                .change
                .cells
                .iter()
                .find(|(given, _)| *given == at)
                .map(|(_, cell)| cell.clone());
            let filled = || {
                self.model.auto_fill.iter().find(|(filled, _)| *filled == at).map(|(_, from)| *from)
            };
            let cell = match (column.part, given) {
                (Part::Id, _) => self.change.id.as_str().into(),
                (Part::Organization, _) => self.who.organization.as_str().into(),
                (Part::CreatedBy, _) => self.who.participant.as_str().into(),
                (Part::CreatedAt | Part::UpdatedAt, _) => now.as_str().into(),
                (Part::Declared, Some(cell)) => cell,
                (Part::Declared, None) => match (filled(), &column.preset) {
                    (Some(AutoFillSource::OrganizationId), _) => {
                        self.who.organization.as_str().into()
                    }
                    (Some(AutoFillSource::UserId), _) => self.who.participant.as_str().into(),
                    (None, Some(Preset::Now)) => now.as_str().into(),
                    (None, Some(Preset::Value(cell))) => cell.clone(),
                    (None, None) if column.required => {
                        return Err(self.lacks(&column.member).into());
                    }
                    (None, None) => Cell::Null,
                },
            };
            row.push(cell);
        }
        Ok(row)
    }

    fn lacks(&self, member: &str) -> ApiError {
        let path = format!("{}.{member}", self.model.key);
        ApiError::new(
            "model_required_field_missing",
            format!("{path} always has a value, and none was given"),
        )
        .param(path)
    }

    /// Whether the writer will see the row that it wrote.
    fn within(&self, groups: &BTreeSet<String>) -> Result<(), ApiError> {
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

    /// What the members that changed held before.
    fn previous(&self, before: &Row, after: &Row) -> String {
        let mut out = String::from("{");
        for (at, column) in self.model.columns.iter().enumerate() {
            if let (Some(old), Some(new)) = (before.get(at), after.get(at))
                && old != new
                && column.part != Part::UpdatedAt
            {
                if out.len() > 1 {
                    out.push(',');
                }
                string(&column.member, &mut out);
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

    /// Rows that live in this one moved with it: whoever sees them now, or did, hears of each.
    fn carry_along(&self, tx: &mut dyn Tx, place: u64, moved: &Moved) -> Result<u64> {
        let mut last = place;
        let mut open = vec![(self.model.id, self.change.id.clone(), 0)];
        let mut told = BTreeSet::from([(self.model.id, self.change.id.clone())]);
        while let Some((model, id, depth)) = open.pop() {
            for (child, column) in &self.engine.models.get(model).children {
                let child = self.engine.models.get(*child);
                let sql = self.engine.tables.get(child.id).children(child, *column);
                for row in
                    tx.query(&sql, &[self.who.organization.as_str().into(), id.as_str().into()])?
                {
                    let own = table::id(&row).to_owned();
                    if depth < table::DEPTH && told.insert((child.id, own.clone())) {
                        last = self.carry(tx, child, &row, moved)?;
                        open.push((child.id, own, depth + 1));
                    }
                }
            }
        }
        Ok(last)
    }

    fn carry(&self, tx: &mut dyn Tx, model: &Model, row: &Row, moved: &Moved) -> Result<u64> {
        let groups = of_row(self.engine, tx, &self.who.organization, model, row)?;
        let previous = groups.difference(&moved.gained).chain(&moved.lost).cloned().collect();
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

/// How a row's groups changed.
struct Moved {
    gained: BTreeSet<String>,
    lost: BTreeSet<String>,
}
