//! Receipts of commits, stored for a day so that a commit that is sent again gets its receipt.

use super::Commit;
use crate::engine::Engine;
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::models::Models;
use crate::store::tables::receipts::{self as table, StoredReceipt};
use crate::store::{Notification, Tx};
use crate::value::stored_date;
use ablo_wire::{CommitReceipt, CommitStatus, SyncId};
use jiff::SignedDuration;

/// Returns the stored receipt of a commit.
pub(in crate::engine) fn find_receipt(
    models: &Models,
    tx: &mut Tx<'_>,
    who: &Identity,
    commit: &Commit,
) -> Result<Option<CommitReceipt>> {
    let found = table::find(tx, who, &commit.client_tx_id)?;
    Ok(found.map(|stored| same_commit(models, &stored, commit)).transpose()?)
}

/// Returns a stored receipt, unless it belongs to another commit with the same key.
pub(super) fn same_commit(
    models: &Models,
    stored: &StoredReceipt,
    commit: &Commit,
) -> Result<CommitReceipt, ApiError> {
    if !commit.has_hash(models, &stored.body_hash) {
        let message = format!("the key `{}` was used for another commit", commit.client_tx_id);
        return Err(ApiError::new("idempotency_conflict", message).param("idempotencyKey"));
    }
    Ok(stored.receipt.clone())
}

/// Stores the receipt and notifies that the sync log has grown.
pub(in crate::engine) fn save_receipt(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    commit: &Commit,
    receipt: &CommitReceipt,
) -> Result<()> {
    let body_hash = commit.content_hash(&engine.models);
    let stored = StoredReceipt { body_hash, receipt: receipt.clone() };
    let now = stored_date(tx.now());
    table::insert(tx, who, &commit.client_tx_id, &stored, &now)?;
    Ok(tx.notify(Notification::LogGrown { organization: who.organization.clone() })?)
}

/// Builds the receipt of a commit whose last delta has this sync id.
pub(in crate::engine) fn confirmed_receipt(commit: &Commit, last: u64) -> CommitReceipt {
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

/// Deletes at most `limit` receipts of each layout that are older than a day
/// (docs/protocol/http.md §3). Returns the numbers.
pub(crate) fn delete_old_receipts(
    tx: &mut Tx<'_>,
    organization: &str,
    limit: u64,
) -> Result<[u64; 2]> {
    let old = tx.now().checked_sub(RECEIPT_RETENTION).unwrap_or(jiff::Timestamp::MIN);
    let old = stored_date(old);
    Ok([
        table::delete_before(tx, organization, &old, limit)?,
        table::delete_commits_before(tx, organization, &old, limit)?,
    ])
}

/// How long a receipt is kept.
const RECEIPT_RETENTION: SignedDuration = SignedDuration::from_hours(24);
