//! Operations that were applied, by the transaction id that their participant gave them.

use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::{ListTemplate, SqlTemplate, Tx};
use std::collections::BTreeMap;

/// Operations of coordinators before layout 3, and those older than the retention, are in the log.
static FIND: ListTemplate = ListTemplate::new(
    "SELECT transaction_id, content_hash, sync_id, NULL AS model_name, NULL AS model_id, NULL AS \
     action_type FROM ablo_operations WHERE organization_id = {1} AND participant_kind = {2} AND \
     participant_id = {3} AND transaction_id IN {4:list} UNION ALL SELECT transaction_id, NULL, \
     id, model_name, model_id, action_type FROM sync_deltas WHERE organization_id = {1} AND \
     actor_kind = {2} AND actor_id = {3} AND transaction_id IN {4:list}",
);

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_operations (organization_id, participant_kind, participant_id, \
     transaction_id, content_hash, sync_id, created_at) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, \
     {7:date})",
);

static DELETE_OLD: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_operations WHERE organization_id = {1} AND (participant_kind, \
     participant_id, transaction_id) IN (SELECT participant_kind, participant_id, transaction_id \
     FROM ablo_operations WHERE organization_id = {1} AND created_at < {2:date} ORDER BY \
     created_at LIMIT {3})",
);

/// An operation that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppliedOperation {
    /// The content.
    pub(crate) content: AppliedContent,
    /// The sync id of its last delta; 0 if it changed nothing.
    pub(crate) sync_id: u64,
}

/// The content of an operation, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AppliedContent {
    /// The hash of model, row, verb and values.
    Hash(String),
    /// Its delta: the type name of the model, the row, and the action.
    Logged { model: String, row: String, action: String },
}

/// Returns the operations of a participant that were applied, by transaction id.
pub(crate) fn find_all(
    tx: &mut Tx<'_>,
    who: &Identity,
    transactions: &[&str],
) -> Result<BTreeMap<String, AppliedOperation>, StoreError> {
    let (statement, transactions) = FIND.of(transactions);
    let values = [
        who.organization.as_str().into(),
        who.kind.as_str().into(),
        who.participant.as_str().into(),
        transactions,
    ];
    let mut found: BTreeMap<String, AppliedOperation> = BTreeMap::new();
    let rows = tx.all(statement, &values, |mut record| {
        let content = match record.optional_text("content_hash")? {
            Some(hash) => AppliedContent::Hash(hash),
            None => AppliedContent::Logged {
                model: record.text("model_name")?,
                row: record.text("model_id")?,
                action: record.text("action_type")?,
            },
        };
        let operation = AppliedOperation { content, sync_id: record.number("sync_id")? };
        Ok((record.text("transaction_id")?, operation))
    })?;
    for (transaction, operation) in rows {
        let is_hashed = |known: &AppliedOperation| matches!(known.content, AppliedContent::Hash(_));
        if !found.get(&transaction).is_some_and(is_hashed) {
            found.insert(transaction, operation);
        }
    }
    Ok(found)
}

/// Returns whether a participant has applied the operation with a transaction id.
pub(crate) fn is_applied(
    tx: &mut Tx<'_>,
    who: &Identity,
    transaction: &str,
) -> Result<bool, StoreError> {
    Ok(!find_all(tx, who, &[transaction])?.is_empty())
}

/// Stores an operation.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    who: &Identity,
    transaction: &str,
    (content_hash, sync_id): (&str, u64),
    at: &str,
) -> Result<(), StoreError> {
    let values = [
        who.organization.as_str().into(),
        who.kind.as_str().into(),
        who.participant.as_str().into(),
        transaction.into(),
        content_hash.into(),
        sync_id.into(),
        at.into(),
    ];
    tx.run_later(&INSERT, &values)
}

/// Deletes at most `limit` operations that are older than a time, the oldest first, and returns how
/// many.
pub(crate) fn delete_before(
    tx: &mut Tx<'_>,
    organization: &str,
    time: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_OLD, &[organization.into(), time.into(), limit.into()])
}
