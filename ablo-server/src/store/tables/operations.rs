//! Operations that were applied, by the transaction id that their participant gave them.

use super::own_key::{OwnKey, tuples};
use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::sql_template::Lookup;
use crate::store::{Record, SqlTemplate, Tx};
use std::collections::{BTreeMap, BTreeSet};

/// Operations of coordinators before layout 3, and those older than the retention, are in the log.
static FIND: SqlTemplate = SqlTemplate::new(
    "SELECT content_hash, sync_id, NULL AS model_name, NULL AS model_id, NULL AS action_type FROM \
     ablo_operations WHERE organization_id = {1} AND participant_kind = {2} AND participant_id = \
     {3} AND transaction_id = {4} UNION ALL SELECT NULL, id, model_name, model_id, action_type \
     FROM sync_deltas WHERE organization_id = {1} AND actor_kind = {2} AND actor_id = {3} AND \
     transaction_id = {4}",
);

static FIND_ALL: SqlTemplate = SqlTemplate::of_lookups(&[
    Lookup {
        columns: "participant_kind, participant_id, transaction_id, content_hash, sync_id, NULL \
            AS model_name, NULL AS model_id, NULL AS action_type",
        table: "ablo_operations",
        condition: "organization_id = {1} AND participant_kind = tuples.value ->> 0 AND \
            participant_id = tuples.value ->> 1 AND transaction_id = tuples.value ->> 2",
    },
    Lookup {
        columns: "actor_kind, actor_id, transaction_id, NULL, sync_deltas.id, model_name, \
            model_id, action_type",
        table: "sync_deltas",
        condition: "organization_id = {1} AND actor_kind = tuples.value ->> 0 AND actor_id = \
            tuples.value ->> 1 AND transaction_id = tuples.value ->> 2",
    },
]);

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

/// Returns an operation of a participant, if it was applied.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    who: &Identity,
    transaction: &str,
) -> Result<Option<AppliedOperation>, StoreError> {
    let values = [
        who.organization.as_str().into(),
        who.kind.as_str().into(),
        who.participant.as_str().into(),
        transaction.into(),
    ];
    let found = tx.all(&FIND, &values, |mut record| applied(&mut record))?;
    Ok(found.into_iter().reduce(more_exact))
}

/// Returns the operations in an organisation that were applied, by the transaction ids of
/// participants.
pub(crate) fn find_all(
    tx: &mut Tx<'_>,
    organization: &str,
    transactions: &BTreeSet<OwnKey>,
) -> Result<BTreeMap<OwnKey, AppliedOperation>, StoreError> {
    let mut found: BTreeMap<OwnKey, AppliedOperation> = BTreeMap::new();
    let values = [organization.into(), tuples(transactions)];
    let rows = tx.all(&FIND_ALL, &values, |mut record| {
        Ok((OwnKey::read(&mut record, "transaction_id")?, applied(&mut record)?))
    })?;
    for (transaction, operation) in rows {
        let operation = match found.remove(&transaction) {
            Some(known) => more_exact(known, operation),
            None => operation,
        };
        found.insert(transaction, operation);
    }
    Ok(found)
}

/// Returns the one of two records of an operation whose content is known.
fn more_exact(first: AppliedOperation, second: AppliedOperation) -> AppliedOperation {
    match first.content {
        AppliedContent::Hash(_) => first,
        AppliedContent::Logged { .. } => second,
    }
}

fn applied(record: &mut Record) -> Result<AppliedOperation, StoreError> {
    let content = match record.optional_text("content_hash")? {
        Some(hash) => AppliedContent::Hash(hash),
        None => AppliedContent::Logged {
            model: record.text("model_name")?,
            row: record.text("model_id")?,
            action: record.text("action_type")?,
        },
    };
    Ok(AppliedOperation { content, sync_id: record.number("sync_id")? })
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
