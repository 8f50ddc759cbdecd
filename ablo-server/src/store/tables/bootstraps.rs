//! Snapshots that clients without a position may have (docs/protocol/websocket.md §8).

use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::{SqlTemplate, Tx};
use crate::value::stored_date;

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_bootstraps (organization_id, capability_id, sync_id, served_at) VALUES ({1}, \
     {2}, {3}, {4:date}) ON CONFLICT (organization_id, capability_id, sync_id) DO UPDATE SET \
     served_at = excluded.served_at",
);
static OLDEST: SqlTemplate = SqlTemplate::new(
    "SELECT min(sync_id) AS oldest FROM ablo_bootstraps WHERE organization_id = {1} AND \
     capability_id = {2}",
);
static ACKNOWLEDGE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_bootstraps WHERE organization_id = {1} AND capability_id = {2} AND sync_id = \
     (SELECT max(sync_id) FROM ablo_bootstraps WHERE organization_id = {1} AND capability_id = {2} \
     AND sync_id <= {3})",
);
static DELETE_OLD: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_bootstraps WHERE organization_id = {1} AND (capability_id, sync_id) IN \
     (SELECT capability_id, sync_id FROM ablo_bootstraps WHERE organization_id = {1} AND served_at \
     < {2:date} ORDER BY served_at LIMIT {3})",
);

/// Records that a snapshot was served.
pub(crate) fn insert(tx: &mut Tx<'_>, who: &Identity, sync_id: u64) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    let (organization, capability) = (who.organization.as_str(), who.capability.as_str());
    let values = [organization.into(), capability.into(), sync_id.into(), now.into()];
    tx.run(&INSERT, &values).map(drop)
}

/// Returns the sync id of the oldest snapshot of a credential that no client has acknowledged.
pub(crate) fn oldest(tx: &mut Tx<'_>, who: &Identity) -> Result<Option<u64>, StoreError> {
    let values = [who.organization.as_str().into(), who.capability.as_str().into()];
    let oldest = tx.first(&OLDEST, &values, |mut record| record.optional_number("oldest"))?;
    Ok(oldest.flatten())
}

/// Records that a client without a position has one now. Which snapshot it had is not known; the
/// newest that it can have had is no longer needed, so that the oldest one stays longest.
pub(crate) fn acknowledge(tx: &mut Tx<'_>, who: &Identity, sync_id: u64) -> Result<(), StoreError> {
    let (organization, capability) = (who.organization.as_str(), who.capability.as_str());
    tx.run(&ACKNOWLEDGE, &[organization.into(), capability.into(), sync_id.into()]).map(drop)
}

/// Deletes at most `limit` records that are older than a time, and returns how many.
pub(crate) fn delete_before(
    tx: &mut Tx<'_>,
    organization: &str,
    time: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_OLD, &[organization.into(), time.into(), limit.into()])
}
