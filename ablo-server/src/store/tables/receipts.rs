//! Receipts of commits, by participant and the idempotency key of their client.

use super::own_key::{OwnKey, tuples};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::sql_template::Lookup;
use crate::store::{Record, SqlTemplate, Tx};
use ablo_wire::CommitReceipt;
use std::collections::{BTreeMap, BTreeSet};

/// Coordinators before layout 3 stored receipts without their participant.
static FIND: SqlTemplate = SqlTemplate::new(
    "SELECT body_hash, {receipt:json} FROM ablo_receipts WHERE organization_id = {1} AND \
     participant_kind = {2} AND participant_id = {3} AND client_tx_id = {4} UNION ALL SELECT \
     body_hash, {receipt:json} FROM ablo_commits WHERE organization_id = {1} AND client_tx_id = \
     {4}",
);

static FIND_ALL: SqlTemplate = SqlTemplate::of_lookups(&[
    Lookup {
        columns: "participant_kind, participant_id, client_tx_id, body_hash, {receipt:json}",
        table: "ablo_receipts",
        condition: "organization_id = {1} AND participant_kind = tuples.value ->> 0 AND \
            participant_id = tuples.value ->> 1 AND client_tx_id = tuples.value ->> 2",
    },
    Lookup {
        columns: "tuples.value ->> 0 AS participant_kind, tuples.value ->> 1 AS participant_id, \
            client_tx_id, body_hash, {receipt:json}",
        table: "ablo_commits",
        condition: "organization_id = {1} AND client_tx_id = tuples.value ->> 2",
    },
]);

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_receipts (organization_id, participant_kind, participant_id, client_tx_id, \
     body_hash, receipt, created_at) VALUES ({1}, {2}, {3}, {4}, {5}, {6:json}, {7:date})",
);

static DELETE_OLD: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_receipts WHERE organization_id = {1} AND (participant_kind, participant_id, \
     client_tx_id) IN (SELECT participant_kind, participant_id, client_tx_id FROM ablo_receipts \
     WHERE organization_id = {1} AND created_at < {2:date} ORDER BY created_at LIMIT {3})",
);

static DELETE_OLD_COMMITS: SqlTemplate = SqlTemplate::new(
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

/// Returns the receipt of a participant's commit.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    who: &Identity,
    key: &str,
) -> Result<Option<StoredReceipt>, StoreError> {
    let values = [
        who.organization.as_str().into(),
        who.kind.as_str().into(),
        who.participant.as_str().into(),
        key.into(),
    ];
    tx.first(&FIND, &values, |mut record| stored(&mut record))
}

/// Returns the receipts of commits in an organisation, by the idempotency keys of participants.
pub(crate) fn find_all(
    tx: &mut Tx<'_>,
    organization: &str,
    keys: &BTreeSet<OwnKey>,
) -> Result<BTreeMap<OwnKey, StoredReceipt>, StoreError> {
    let found = tx.all(&FIND_ALL, &[organization.into(), tuples(keys)], |mut record| {
        Ok((OwnKey::read(&mut record, "client_tx_id")?, stored(&mut record)?))
    })?;
    let mut receipts = BTreeMap::new();
    for (key, receipt) in found {
        receipts.entry(key).or_insert(receipt);
    }
    Ok(receipts)
}

fn stored(record: &mut Record) -> Result<StoredReceipt, StoreError> {
    Ok(StoredReceipt { body_hash: record.text("body_hash")?, receipt: record.json("receipt")? })
}

/// Stores the receipt of a commit.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    who: &Identity,
    client_tx_id: &str,
    receipt: &StoredReceipt,
    at: &str,
) -> Result<(), StoreError> {
    let text = serde_json::to_string(&receipt.receipt)
        .map_err(|error| StoreError::Fault(format!("a receipt is not JSON: {error}")))?;
    let values = [
        who.organization.as_str().into(),
        who.kind.as_str().into(),
        who.participant.as_str().into(),
        client_tx_id.into(),
        receipt.body_hash.as_str().into(),
        text.into(),
        at.into(),
    ];
    tx.run_later(&INSERT, &values)
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

/// As [`delete_before`], for the receipts of coordinators before layout 3.
pub(crate) fn delete_commits_before(
    tx: &mut Tx<'_>,
    organization: &str,
    time: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_OLD_COMMITS, &[organization.into(), time.into(), limit.into()])
}
