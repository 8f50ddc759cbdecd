//! Receipts of commits, stored for a day so that a commit that is sent again gets its receipt.

use super::Commit;
use crate::engine::log::u64_to_cell;
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::store::{Notification, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::{CommitReceipt, CommitStatus, SyncId};

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
     LIMIT {3})",
);

/// Returns the stored receipt of a commit.
pub(in crate::engine) fn find_receipt(
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
    receipt
        .map(Some)
        .map_err(|error| StoreError::Fault(format!("invalid stored receipt: {error}")).into())
}

/// Stores the receipt and notifies that the sync log has grown.
pub(in crate::engine) fn save_receipt(
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

/// Deletes at most `limit` receipts that are older than a day (docs/protocol/http.md §3).
pub(crate) fn delete_old_receipts(tx: &mut dyn Tx, organization: &str, limit: u64) -> Result<u64> {
    let old =
        tx.now().checked_sub(jiff::SignedDuration::from_hours(24)).unwrap_or(jiff::Timestamp::MIN);
    let values = [organization.into(), stored_date(old).into(), u64_to_cell(limit)];
    Ok(tx.execute(DELETE_OLD.sql(tx.dialect()), &values)?)
}
