//! Applies commits: rows and deltas are written together or not at all (docs/protocol/commits.md
//! §4).
//!
//! A set of commits of one organisation is loaded, decided and written. `decide` is a function
//! of the loaded `State`: it reads no database, so both stores decide alike.

pub(crate) mod captured;
mod decide;
#[cfg(feature = "faulty-commits")]
pub mod faults;
mod joint;
mod key_age;
mod load;
mod receipts;
mod size;
mod write;

pub(super) use decide::GroupChange;
pub(crate) use decide::{Decided, Decision, State, Step, decide};
pub use joint::commit_with_others;
pub(crate) use key_age::check_age;
pub(super) use load::load;
pub(crate) use receipts::delete_old_receipts;
pub(super) use receipts::{confirmed_receipt, find_receipt, save_receipt};
pub(crate) use size::check_size;
pub(super) use write::RowWriter;

use super::change::{OperationKind, PlannedChange};
use super::{Engine, violation};
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::models::Models;
use crate::store::Tx;
use crate::store::tables::{log_bounds, operations};
use crate::value::{Row, shown_date, stored_date};
use ablo_wire::CommitReceipt;
use std::collections::BTreeSet;

/// A validated commit.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The idempotency key, chosen by the client.
    pub client_tx_id: String,
    /// The operations.
    pub changes: Vec<PlannedChange>,
    /// The hash of the operations as the client sent them, which earlier coordinators stored.
    pub request_hash: String,
    /// The turn that caused the commit.
    pub caused_by: Option<String>,
    /// The claim under which the writes are made.
    pub claim: ClaimInUse,
}

/// The claim under which a commit writes. The stale guard does not count what its holder wrote
/// under it before (docs/protocol/commits.md §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClaimInUse {
    /// No claim.
    #[default]
    None,
    /// A claim that has to be held, and that the commit renews.
    Named(String),
    /// For each row, the claim that the writer's program has on it.
    OfHolder,
}

impl ClaimInUse {
    /// Returns the claim that has to be held.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        match self {
            ClaimInUse::Named(claim) => Some(claim),
            ClaimInUse::None | ClaimInUse::OfHolder => None,
        }
    }
}

impl Commit {
    /// Returns the hash of what the commit writes. Guards may differ between attempts.
    pub(in crate::engine) fn content_hash(&self, models: &Models) -> String {
        let mut hasher = blake3::Hasher::new();
        for change in &self.changes {
            hasher.update(change.content_hash(models.get(change.model)).as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Returns whether a stored hash is that of this commit.
    pub(in crate::engine) fn has_hash(&self, models: &Models, stored: &str) -> bool {
        stored == self.request_hash || stored == self.content_hash(models)
    }
}

/// A commit and the participant that sent it.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'s> {
    /// The participant.
    pub who: &'s Identity,
    /// The commit.
    pub commit: &'s Commit,
}

/// The outcomes of a set of commits, in their order.
pub type Outcomes = Vec<Result<CommitReceipt, ApiError>>;

/// Applies a commit, or returns the stored receipt if it was applied before.
///
/// # Errors
///
/// Returns the first error of an operation or a statement; nothing is applied then.
pub fn commit(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    commit: &Commit,
) -> Result<CommitReceipt> {
    let outcomes = commit_all(engine, tx, &who.organization, &[Submission { who, commit }])?;
    Ok(outcomes.into_iter().next().unwrap_or_else(|| Err(no_outcome()))?)
}

fn no_outcome() -> ApiError {
    ApiError::new("internal_error", "the commit has no outcome")
}

/// Applies a set of commits of one organisation in their order. A refused commit changes nothing
/// and does not affect the others.
///
/// # Errors
///
/// Returns an error if a statement fails, such as one that violates a constraint, or if the
/// database finds that a row would belong to another organisation. The transaction has to be rolled
/// back then; the commits can be tried one by one.
pub fn commit_all(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    submissions: &[Submission<'_>],
) -> Result<Outcomes> {
    let mut outcomes = Vec::with_capacity(submissions.len());
    let mut rest = submissions;
    while !rest.is_empty() {
        let (set, later) = rest.split_at(independent(rest));
        outcomes.extend(commit_set(engine, tx, organization, set)?);
        rest = later;
    }
    Ok(outcomes)
}

/// Returns the number of commits, at least one, that can be decided on one load: none repeats a key
/// or an operation of an earlier one, none asks for the history of a row that an earlier one
/// writes, and none computes from a row that the database may have changed because of an earlier
/// one.
fn independent(submissions: &[Submission<'_>]) -> usize {
    let (mut keys, mut transactions) = (BTreeSet::new(), BTreeSet::new());
    let mut written = BTreeSet::new();
    for (at, Submission { who, commit }) in submissions.iter().enumerate() {
        let asks = |change: &PlannedChange| {
            let is_written = written.contains(&(change.model, change.id.as_str()));
            let history = change.stale_guard.is_some() || change.kind == OperationKind::Create;
            history && is_written || !change.relative.is_empty() && !written.is_empty()
        };
        let repeats = |change: &PlannedChange| {
            change.transaction.as_deref().is_some_and(|id| transactions.contains(&own(who, id)))
        };
        if keys.contains(&own(who, &commit.client_tx_id))
            || commit.changes.iter().any(|change| asks(change) || repeats(change))
        {
            return at;
        }
        keys.insert(own(who, &commit.client_tx_id));
        for change in &commit.changes {
            written.insert((change.model, change.id.as_str()));
            transactions.extend(change.transaction.as_deref().map(|id| own(who, id)));
        }
    }
    submissions.len()
}

/// Returns a key that is unique among those of all participants.
fn own<'k>(who: &'k Identity, key: &'k str) -> (&'k str, &'k str, &'k str) {
    (who.kind.as_str(), &who.participant, key)
}

/// Sends what the load of the first of these commits asks, with other queries, in one message.
fn read_ahead(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    submissions: &[Submission<'_>],
    first: impl FnOnce(&mut Tx<'_>),
) -> Result<(), StoreError> {
    tx.read_ahead(|tx| {
        first(tx);
        let (set, _) = submissions.split_at(independent(submissions));
        // Nothing is found in this run, which may refuse a commit.
        let _ = load(engine, tx, organization, set);
    })
}

fn commit_set(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    submissions: &[Submission<'_>],
) -> Result<Outcomes> {
    captured::append_for(engine, tx, organization, submissions)?;
    read_ahead(engine, tx, organization, submissions, |_| {})?;
    let mut state = load(engine, tx, organization, submissions)?;
    #[cfg(feature = "faulty-commits")]
    faults::apply(organization, submissions, &mut state);
    let mut outcomes = Vec::with_capacity(submissions.len());
    for submission in submissions {
        outcomes.push(match decide(&engine.models, &mut state, *submission) {
            Ok(Decision::AlreadyApplied(receipt)) => Ok(*receipt),
            Ok(Decision::Apply(steps)) => {
                let (receipt, stored) = apply(engine, tx, *submission, steps)?;
                // The database may store other values than were decided.
                for (change, row) in stored {
                    state.rows.set(change.model, &change.id, row);
                }
                Ok(receipt)
            }
            Err(refusal) => Err(refusal),
        });
    }
    Ok(outcomes)
}

/// The rows that a commit wrote, as they are stored; `None` for those that it deleted.
type StoredRows<'s> = Vec<(&'s PlannedChange, Option<Row>)>;

/// Writes what was decided for one commit: rows, deltas, and the receipt.
fn apply<'s>(
    engine: &Engine,
    tx: &mut Tx<'_>,
    Submission { who, commit }: Submission<'s>,
    steps: Vec<Decided>,
) -> Result<(CommitReceipt, StoredRows<'s>)> {
    if let Some(claim) = commit.claim.named() {
        super::claims::renew(tx, who, claim)?;
    }
    let now = stored_date(tx.now());
    let mut sync_ids: Vec<u64> = Vec::with_capacity(steps.len());
    let mut newest = 0;
    let (mut new_operations, mut stored) = (Vec::new(), Vec::new());
    for (change, Decided { step, claim, new_operation }) in commit.changes.iter().zip(steps) {
        let model = engine.models.get(change.model);
        let caused_by = commit.caused_by.as_deref();
        let writer = RowWriter { engine, who, caused_by, claim: claim.as_deref(), change, model };
        let writes =
            matches!(step, Step::Insert { .. } | Step::Update { .. } | Step::Delete { .. });
        let unwritten = |sync_id| Ok((sync_id, None));
        let written = match step {
            Step::Nothing => unwritten(0),
            Step::Applied(sync_id) => unwritten(sync_id),
            Step::Repeats(at) => unwritten(sync_ids.get(at).copied().unwrap_or_default()),
            Step::Insert { row, groups } => writer.insert(tx, &row, groups),
            Step::Update { cells, before, groups } => writer.update(tx, &cells, &before, groups),
            Step::Delete { before, groups } => writer.delete(tx, &before, &groups),
        };
        let (sync_id, row) = written.map_err(|error| violation::describe(model, error))?;
        if let Some((transaction, hash)) = change.transaction.as_deref().zip(new_operation) {
            new_operations.push((transaction, hash, sync_id));
        }
        if writes {
            newest = newest.max(sync_id);
            stored.push((change, row));
        }
        sync_ids.push(sync_id);
    }
    for (transaction, hash, sync_id) in new_operations {
        operations::insert(tx, who, transaction, (&hash, sync_id), &now)?;
    }
    let mut last = sync_ids.into_iter().max().unwrap_or_default();
    if last == 0 {
        // No operation changed a row: report the head of the sync log.
        last = super::log::head(tx, &who.organization)?;
    }
    let mut receipt = confirmed_receipt(commit, last);
    // Entries of this transaction have its time.
    receipt.epoch = match last == newest {
        true => Some(shown_date(&now)),
        false => log_bounds::epoch(tx, &who.organization, last)?,
    };
    save_receipt(engine, tx, who, commit, &receipt)?;
    Ok((receipt, stored))
}
