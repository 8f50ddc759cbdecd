//! Decides commits: a function of what was loaded, without I/O, a clock or randomness.

use super::size::check_size;
use super::{ClaimInUse, Commit, Submission};
use crate::engine::access::check_sees;
use crate::engine::change::{OperationKind, PlannedChange};
use crate::engine::claims::claimed;
use crate::engine::exits::{self, Exit, Scope};
use crate::engine::groups::groups_of;
use crate::engine::relative;
use crate::engine::turns;
use crate::engine::violation::id_exists;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::models::new_row::RowOrigin;
use crate::models::{ColumnRole, Model, ModelId, Models};
use crate::store::rows::RowSet;
use crate::store::tables::OwnKey;
use crate::store::tables::claims::Claim;
use crate::store::tables::log::{LastChange, RowChange};
use crate::store::tables::operations::{AppliedContent, AppliedOperation};
use crate::store::tables::receipts::StoredReceipt;
use crate::store::tables::turns::Turn;
use crate::value::{Cell, Row};
use ablo_wire::CommitReceipt;
use std::collections::{BTreeMap, BTreeSet};

/// A row of an organisation.
type RowKey = (ModelId, String);

/// The facts that a decision depends on. [`decide`] adds the effects of the commits that it
/// accepts, so that the next commit is decided after them.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The time of the writes, in the stored date format.
    pub(crate) now: String,
    /// The newest sync id, if a commit is guarded.
    pub(crate) head: Option<u64>,
    /// The sync id after which the log has every change, if a commit is guarded.
    pub(crate) deleted_to: u64,
    /// The receipts of commits that were applied before, by idempotency key.
    pub(crate) receipts: BTreeMap<OwnKey, StoredReceipt>,
    /// The operations that were applied before, by transaction id.
    pub(crate) operations: BTreeMap<OwnKey, AppliedOperation>,
    /// The rows that commits write, and their parents.
    pub(crate) rows: RowSet,
    /// The claims that hold these rows now.
    pub(crate) holders: BTreeMap<RowKey, Claim>,
    /// The claims that commits name, by id.
    pub(crate) claims: BTreeMap<OwnKey, Claim>,
    /// The turns that commits name.
    pub(crate) turns: BTreeMap<String, Turn>,
    /// The changes of guarded rows since the oldest guard.
    pub(crate) changes: BTreeMap<RowKey, Vec<RowChange>>,
    /// The last changes of existing rows that commits create.
    pub(crate) last_changes: BTreeMap<RowKey, LastChange>,
}

/// The decision on a commit that is not refused.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// It was applied before.
    AlreadyApplied(Box<CommitReceipt>),
    /// One step per operation.
    Apply(Vec<Decided>),
}

/// The decision on an operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    /// Its effect.
    pub(crate) step: Step,
    /// The claim under which the row is written.
    pub(crate) claim: Option<String>,
    /// The hash of its content, if its transaction id has to be stored.
    pub(crate) new_operation: Option<String>,
}

/// The effect of an operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Nothing: a deleted row does not exist.
    Nothing,
    /// Nothing: the operation was applied before, with this sync id.
    Applied(u64),
    /// Nothing: it repeats the operation of this commit at that index.
    Repeats(usize),
    /// Inserts a row.
    Insert {
        /// All columns.
        row: Row,
        /// Its sync groups.
        groups: BTreeSet<String>,
    },
    /// Updates a row.
    Update {
        /// The columns to set.
        cells: Vec<(usize, Cell)>,
        /// The row before.
        before: Row,
        /// Its sync groups before and after.
        groups: GroupChange,
    },
    /// Deletes a row.
    Delete {
        /// The row before.
        before: Row,
        /// Its sync groups.
        groups: BTreeSet<String>,
    },
}

/// The sync groups of a row before and after a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupChange {
    pub(crate) before: BTreeSet<String>,
    pub(crate) after: BTreeSet<String>,
}

/// Decides a commit and adds its effects to the state.
///
/// # Errors
///
/// Returns the first reason to refuse it; the state is unchanged then.
pub(crate) fn decide(
    models: &Models,
    state: &mut State,
    Submission { who, commit }: Submission<'_>,
) -> Result<Decision, ApiError> {
    if let Some(stored) = state.receipts.get(&OwnKey::new(who, &commit.client_tx_id)) {
        return super::receipts::same_commit(models, stored, commit)
            .map(|receipt| Decision::AlreadyApplied(Box::new(receipt)));
    }
    if let Some(turn) = &commit.caused_by {
        turns::check(who, turn, state.turns.get(turn))?;
    }
    if let Some(claim) = commit.claim.named()
        && !state.claims.get(&OwnKey::new(who, claim)).is_some_and(|it| it.is_live(&state.now))
    {
        let message = format!("the claim `{claim}` is no longer held");
        return Err(ApiError::new("claim_lost", message));
    }
    let (undo, written) = (Vec::new(), BTreeMap::new());
    let mut decider = Decider { models, state, who, commit, undo, written };
    let mut steps: Vec<Decided> = Vec::with_capacity(commit.changes.len());
    let mut transactions: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, change) in commit.changes.iter().enumerate() {
        match decider.decide(at, change, &mut transactions) {
            Ok(decided) => steps.push(decided),
            Err(refusal) => {
                decider.undo();
                return Err(refusal);
            }
        }
    }
    Ok(Decision::Apply(steps))
}

/// Decides the operations of one commit.
struct Decider<'d> {
    models: &'d Models,
    state: &'d mut State,
    who: &'d Identity,
    commit: &'d Commit,
    /// The rows before the commit, to restore them if it is refused.
    undo: Vec<(RowKey, Option<Row>)>,
    /// The operations that created rows.
    written: BTreeMap<RowKey, usize>,
}

impl<'d> Decider<'d> {
    /// Decides one operation after those before it, whose transaction ids are known.
    fn decide(
        &mut self,
        at: usize,
        change: &'d PlannedChange,
        transactions: &mut BTreeMap<&'d str, usize>,
    ) -> Result<Decided, ApiError> {
        let claim = self.claim(change).map(|claim| claim.id.clone());
        let Some(transaction) = change.transaction.as_deref() else {
            let step = self.step(at, change)?;
            return Ok(Decided { step, claim, new_operation: None });
        };
        let content_hash = change.content_hash(self.models.get(change.model));
        let known = self.state.operations.get(&OwnKey::new(self.who, transaction)).cloned();
        let first = transactions.get(transaction).copied();
        let is_same = match (&known, first) {
            (Some(known), _) => self.is_same(change, &content_hash, &known.content),
            (None, Some(first)) => {
                let earlier = self.commit.changes.get(first);
                let hash = |of: &PlannedChange| of.content_hash(self.models.get(of.model));
                earlier.is_some_and(|earlier| hash(earlier) == content_hash)
            }
            (None, None) => true,
        };
        if !is_same {
            let message = format!("the transaction id `{transaction}` was used for another write");
            return Err(ApiError::new("idempotency_conflict", message).param("transactionId"));
        }
        let step = match (&known, first) {
            (Some(known), _) => Step::Applied(known.sync_id),
            (None, Some(first)) => Step::Repeats(first),
            (None, None) => self.step(at, change)?,
        };
        let is_new = known.is_none() && first.is_none();
        transactions.entry(transaction).or_insert(at);
        Ok(Decided { step, claim, new_operation: is_new.then_some(content_hash) })
    }

    /// Returns whether an applied operation is the same as this one. Of an operation that only the
    /// log has, the values are not known.
    fn is_same(&self, change: &PlannedChange, hash: &str, applied: &AppliedContent) -> bool {
        match applied {
            AppliedContent::Hash(known) => known == hash,
            AppliedContent::Logged { model, row, action } => {
                let action_fits = match change.kind {
                    OperationKind::Delete => action == "D",
                    OperationKind::Create | OperationKind::Update | OperationKind::Archive(_) => {
                        action != "D"
                    }
                };
                let is_row = change.generated_id || *row == change.id;
                action_fits && is_row && *model == self.models.get(change.model).type_name
            }
        }
    }

    /// Returns the claim under which a row is written.
    fn claim(&self, change: &PlannedChange) -> Option<&Claim> {
        match &self.commit.claim {
            ClaimInUse::None => None,
            ClaimInUse::Named(claim) => self.state.claims.get(&OwnKey::new(self.who, claim)),
            ClaimInUse::OfHolder => {
                let holder = self.state.holders.get(&(change.model, change.id.clone()));
                holder.filter(|claim| claim.is_held_by(self.who))
            }
        }
    }

    /// Returns whether the commit may write the row that a claim holds: as its holder, or because
    /// it names the claim.
    fn may_write_under(&self, holder: &Claim) -> bool {
        let is_named = self.commit.claim.named() == Some(holder.id.as_str());
        holder.is_held_by(self.who) || is_named && holder.belongs_to(self.who)
    }

    fn step(&mut self, at: usize, change: &PlannedChange) -> Result<Step, ApiError> {
        let model = self.models.get(change.model);
        let key = (change.model, change.id.clone());
        let before = self.state.rows.get(change.model, &change.id).cloned();
        let before = before.map(|row| (self.groups(model, &row), row));
        // Checked before everything else: a row that the writer may not see has to look absent.
        let is_hidden = before
            .as_ref()
            .is_some_and(|(groups, _)| !exits::sees(Exit::Receipt, self.who, groups));
        match (change.kind, before.is_none() || is_hidden) {
            (OperationKind::Create, _) if is_hidden => return Err(id_exists(model)),
            (OperationKind::Update | OperationKind::Archive(_), true) => {
                return Err(row_not_found(model, &change.id));
            }
            (OperationKind::Delete, true) => return Ok(Step::Nothing),
            _ => {}
        }
        if !change.bypass_claims
            && let Some(holder) = self.state.holders.get(&key)
            && !self.may_write_under(holder)
        {
            let groups = before.as_ref().map(|(groups, _)| groups);
            return Err(claimed(self.models, self.who, holder, groups));
        }
        self.check_stale(model, change, before.as_ref().map(|(_, row)| row))?;
        match (change.kind, before) {
            (OperationKind::Create, None) => {
                self.written.insert(key, at);
                self.insert(model, change)
            }
            (OperationKind::Create, Some((_, before))) => self.create_again(model, change, &before),
            (OperationKind::Update | OperationKind::Archive(_), Some((groups, before))) => {
                self.update(model, change, groups, before)
            }
            (OperationKind::Delete, Some((groups, before))) => {
                self.set(change, None);
                Ok(Step::Delete { before, groups })
            }
            (_, None) => Ok(Step::Nothing),
        }
    }

    fn groups(&self, model: &Model, row: &Row) -> BTreeSet<String> {
        groups_of(self.models, &self.state.rows, &self.who.organization, model, row)
    }

    /// Sets a row in the state and remembers the one before.
    fn set(&mut self, change: &PlannedChange, row: Option<Row>) {
        let before = self.state.rows.get(change.model, &change.id).cloned();
        self.undo.push(((change.model, change.id.clone()), before));
        self.state.rows.set(change.model, &change.id, row);
    }

    /// Restores the rows before the commit.
    fn undo(&mut self) {
        while let Some(((model, id), row)) = self.undo.pop() {
            self.state.rows.set(model, &id, row);
        }
    }

    fn insert(&mut self, model: &Model, change: &PlannedChange) -> Result<Step, ApiError> {
        let row = self.new_row(model, change)?;
        check_size(model, change, self.models.row_bytes, None, &row)?;
        let groups = self.groups(model, &row);
        check_sees(self.who, (model, &change.id), &groups)?;
        self.set(change, Some(row.clone()));
        Ok(Step::Insert { row, groups })
    }

    /// Builds all columns of a new row from the given values, the writer's identity and defaults.
    fn new_row(&self, model: &Model, change: &PlannedChange) -> Result<Row, ApiError> {
        let origin = RowOrigin {
            id: &change.id,
            organization: &self.who.organization,
            participant: &self.who.participant,
            now: &self.state.now,
        };
        let cell = |(at, column): (usize, &crate::models::Column)| {
            let given = change.cells.iter().find(|(given, _)| *given == at);
            let given = given.filter(|_| column.role == ColumnRole::Declared);
            match given.map(|(_, cell)| cell.clone()).or_else(|| origin.cell(model.new_value(at))) {
                Some(cell) => Ok(cell),
                None if column.required => {
                    let path = format!("{}.{}", model.key, column.member);
                    let message = format!("{path} is required");
                    Err(ApiError::new("model_required_field_missing", message).param(path))
                }
                None => Ok(Cell::Null),
            }
        };
        model.columns.iter().enumerate().map(cell).collect()
    }

    /// Treats a create as a retry if the same participant wrote the same values
    /// (docs/protocol/differences.md A8).
    fn create_again(
        &self,
        model: &Model,
        change: &PlannedChange,
        before: &Row,
    ) -> Result<Step, ApiError> {
        let key = (change.model, change.id.clone());
        let matches = |(at, cell): &(usize, Cell)| {
            let column = model.columns.get(*at).zip(before.get(*at));
            column.is_some_and(|(column, before)| column.kind.same(before, cell))
        };
        let same = change.cells.iter().all(matches);
        let last = self.state.last_changes.get(&key);
        match (self.written.get(&key), last) {
            (Some(first), _) if same => Ok(Step::Repeats(*first)),
            (None, Some(last)) if same && self.who.is(&last.actor_kind, &last.actor) => {
                Ok(Step::Applied(last.id))
            }
            _ => Err(id_exists(model)),
        }
    }

    fn update(
        &mut self,
        model: &Model,
        change: &PlannedChange,
        groups: BTreeSet<String>,
        before: Row,
    ) -> Result<Step, ApiError> {
        let now = || Cell::from(self.state.now.as_str());
        let mut cells = Vec::with_capacity(change.cells.len() + 1);
        for (at, cell) in &change.cells {
            let archived = change.kind == OperationKind::Archive(true);
            cells.push((*at, if archived { now() } else { cell.clone() }));
        }
        cells.extend(relative::apply(model, &before, &change.relative)?);
        if let Some(at) = model.column_with_role(ColumnRole::UpdatedAt) {
            cells.push((at, now()));
        }
        let mut row = before.clone();
        for (at, cell) in &cells {
            if let Some(old) = row.get_mut(*at) {
                *old = cell.clone();
            }
        }
        check_size(model, change, self.models.row_bytes, Some(&before), &row)?;
        let after = self.groups(model, &row);
        check_sees(self.who, (model, &change.id), &after)?;
        self.set(change, Some(row));
        Ok(Step::Update { cells, before, groups: GroupChange { before: groups, after } })
    }

    /// Returns whether the writer made a change itself, under the claim that it still holds or by
    /// an operation that it names as a predecessor.
    fn knows(&self, change: &PlannedChange, other: &RowChange) -> bool {
        if !self.who.is(&other.actor_kind, &other.actor) {
            return false;
        }
        let named = other.transaction.as_ref().is_some_and(|id| change.after.contains(id));
        let under = |claim: &Claim| {
            other.claim.as_ref() == Some(&claim.id) && other.created_at >= claim.declared_at
        };
        named || self.claim(change).is_some_and(under)
    }

    /// Rejects a write if others have changed the same members since `readAt`
    /// (docs/protocol/commits.md §5).
    fn check_stale(
        &self,
        model: &Model,
        change: &PlannedChange,
        current: Option<&Row>,
    ) -> Result<(), ApiError> {
        let Some(after) = change.stale_guard else { return Ok(()) };
        if let Some(head) = self.state.head.filter(|head| after > *head) {
            let message = format!("`readAt` is {after}, but the newest sync id is {head}");
            return Err(ApiError::new("invalid_request", message).param("readAt"));
        }
        // Relative changes start from the current values, so no read of theirs can be stale.
        if !change.relative.is_empty() && change.cells.is_empty() {
            return Ok(());
        }
        let member = |(at, _): &(usize, Cell)| Some(&*model.columns.get(*at)?.member);
        let written: BTreeSet<&str> = change.cells.iter().filter_map(member).collect();
        let whole_row = matches!(change.kind, OperationKind::Delete | OperationKind::Create);
        let mut fields = BTreeSet::new();
        // What changed before the log begins is not known, so it may be anything.
        let is_unknown = after < self.state.deleted_to;
        let mut observed = if is_unknown { self.state.deleted_to } else { 0 };
        let changes = self.state.changes.get(&(change.model, change.id.clone()));
        let counts = |other: &&RowChange| {
            // A writer that has not seen the row created cannot have read an older state of it.
            let is_creation = other.is_create && !whole_row;
            // A row that is gone looks as if it had never existed to those who did not see it.
            let is_hidden =
                current.is_none() && !exits::sees(Exit::Receipt, self.who, &other.groups);
            other.id > after && !is_creation && !is_hidden && !self.knows(change, other)
        };
        for other in changes.into_iter().flatten().filter(counts) {
            let overlap: Vec<&String> = match &other.members {
                Some(members) if !whole_row => {
                    members.iter().filter(|name| written.contains(name.as_str())).collect()
                }
                _ => Vec::new(),
            };
            if other.members.is_none() || whole_row || !overlap.is_empty() {
                observed = other.id;
                fields.extend(overlap);
            }
        }
        if observed == 0 {
            return Ok(());
        }
        if is_unknown {
            fields.clear();
        }
        // A writer without the permission to read learns that the row changed, and how to go on.
        let scope = Scope::new(Exit::Conflict, self.who, model).ok();
        let shown = current.zip(scope).map(|(row, scope)| scope.row(row));
        let row: serde_json::Value =
            shown.and_then(|row| serde_json::from_str(&row).ok()).unwrap_or_default();
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
        Err(refusal.detail("conflicts", vec![conflict]))
    }
}

fn row_not_found(model: &Model, id: &str) -> ApiError {
    ApiError::new("entity_not_found", format!("{}/{id} does not exist", model.key))
}
