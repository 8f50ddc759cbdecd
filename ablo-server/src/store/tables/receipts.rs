//! Receipts of commits, by the idempotency key of their client.

use crate::error::StoreError;
use crate::store::{ListTemplate, SqlTemplate, Tx};
use ablo_wire::CommitReceipt;
use std::collections::BTreeMap;

static FIND: ListTemplate = ListTemplate::new(
    "SELECT client_tx_id, body_hash, {receipt:json} FROM ablo_commits WHERE organization_id = {1} \
     AND client_tx_id IN {2:list}",
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

/// A stored receipt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredReceipt {
    /// The hash of the request body.
    pub(crate) body_hash: String,
    /// The receipt.
    pub(crate) receipt: CommitReceipt,
}

/// Returns the receipts of commits, by idempotency key.
pub(crate) fn find_all(
    tx: &mut Tx<'_>,
    organization: &str,
    keys: &[&str],
) -> Result<BTreeMap<String, StoredReceipt>, StoreError> {
    let (statement, keys) = FIND.of(keys);
    let found = tx.all(statement, &[organization.into(), keys], |mut record| {
        let receipt = StoredReceipt {
            body_hash: record.text("body_hash")?,
            receipt: record.json("receipt")?,
        };
        Ok((record.text("client_tx_id")?, receipt))
    })?;
    Ok(found.into_iter().collect())
}

/// Stores the receipt of a commit.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    organization: &str,
    client_tx_id: &str,
    receipt: &StoredReceipt,
    at: &str,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(&receipt.receipt)
        .map_err(|error| StoreError::Fault(format!("a receipt is not JSON: {error}")))?;
    let values = [
        organization.into(),
        client_tx_id.into(),
        receipt.body_hash.as_str().into(),
        text.into(),
        at.into(),
    ];
    tx.run(&INSERT, &values).map(drop)
}

/// Deletes at most `limit` receipts that are older than a time, the oldest first, and returns how
/// many.
pub(crate) fn delete_before(
    tx: &mut Tx<'_>,
    organization: &str,
    time: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_OLD, &[organization.into(), time.into(), limit.into()])
}
