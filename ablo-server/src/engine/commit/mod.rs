//! Applies commits: rows and deltas are written together or not at all (docs/protocol/commits.md
//! §4).

mod receipts;
mod row_writer;

pub(crate) use receipts::delete_old_receipts;
pub(super) use receipts::{confirmed_receipt, find_receipt, save_receipt};
pub(super) use row_writer::RowWriter;

use super::groups::row_groups;
use super::log;
use super::plan::{OperationKind, PlannedChange};
use super::table::json;
use super::violation::{self, id_exists};
use super::{Engine, claims, turns};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::Model;
use crate::store::{Row, Tx};
use ablo_wire::CommitReceipt;
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
            None => apply(engine, tx, who, commit, change).map_err(|error| {
                violation::describe(engine.models.get(change.model), &change.id, error)
            })?,
        };
        last = last.max(sync_id);
    }
    if last == 0 {
        // No operation changed a row: report the head of the sync log.
        last = log::head(tx, &who.organization)?;
    }
    let receipt = confirmed_receipt(commit, last);
    save_receipt(tx, who, commit, &receipt)?;
    Ok(receipt)
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
