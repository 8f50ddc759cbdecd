//! The bounds of the sync log: its oldest and newest entry, the epoch of an entry, and how the log
//! is shortened.

use super::log::{self, Delta, Entry};
use super::log_values;
use crate::error::StoreError;
use crate::identity::Identity;
use crate::store::{SqlTemplate, Tx};
use crate::value::shown_date;
use std::collections::BTreeSet;

static DELETED_TO: SqlTemplate =
    SqlTemplate::new("SELECT deleted_to FROM ablo_logs WHERE organization_id = {1}");
static BOUNDS: SqlTemplate = SqlTemplate::new(
    "SELECT coalesce((SELECT deleted_to FROM ablo_logs WHERE organization_id = {1}), 0) AS \
     deleted_to, coalesce((SELECT sync_id FROM ablo_reloads WHERE organization_id = {1}), 0) AS \
     reloaded_to",
);
static SET_RELOADED_TO: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_reloads (organization_id, sync_id) VALUES ({1}, {2}) ON CONFLICT \
     (organization_id) DO UPDATE SET sync_id = excluded.sync_id",
);
static SET_DELETED_TO: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_logs (organization_id, deleted_to) VALUES ({1}, {2}) ON CONFLICT \
     (organization_id) DO UPDATE SET deleted_to = excluded.deleted_to",
);
static TIME_OF: SqlTemplate = SqlTemplate::new(
    "SELECT {created_at:date} FROM sync_deltas WHERE organization_id = {1} AND id = {2}",
);
/// The newest entry always stays: it is the head.
static OLD: SqlTemplate = SqlTemplate::new(
    "SELECT id, {created_at:date} FROM sync_deltas WHERE organization_id = {1} AND id > {2} AND id \
     < {3} ORDER BY id LIMIT {4}",
);
static DELETE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM sync_deltas WHERE organization_id = {1} AND id > {2} AND id <= {3} AND \
     action_type <> 'D' AND previous_groups IS NULL",
);
static DELETE_TRACES: [SqlTemplate; 2] = [
    SqlTemplate::new(
        "DELETE FROM sync_deltas WHERE organization_id = {1} AND id IN (SELECT id FROM sync_deltas \
         WHERE organization_id = {1} AND action_type = 'D' AND id <= {2} AND created_at < {3:date} \
         ORDER BY id LIMIT {4})",
    ),
    SqlTemplate::new(
        "DELETE FROM sync_deltas WHERE organization_id = {1} AND id IN (SELECT id FROM sync_deltas \
         WHERE organization_id = {1} AND previous_groups IS NOT NULL AND id <= {2} AND created_at \
         < {3:date} ORDER BY id LIMIT {4})",
    ),
];
static TRACES: [SqlTemplate; 2] = [
    SqlTemplate::new(
        "SELECT id FROM sync_deltas WHERE organization_id = {1} AND action_type = 'D' AND id > {2} \
         AND id <= {3} ORDER BY id LIMIT {4}",
    ),
    SqlTemplate::new(
        "SELECT id FROM sync_deltas WHERE organization_id = {1} AND previous_groups IS NOT NULL \
         AND id > {2} AND id <= {3} ORDER BY id LIMIT {4}",
    ),
];

/// Returns the sync id after which the log has every entry.
pub(crate) fn deleted_to(tx: &mut Tx<'_>, organization: &str) -> Result<u64, StoreError> {
    let number = |mut record: crate::store::Record| record.number("deleted_to");
    Ok(tx.first(&DELETED_TO, &[organization.into()], number)?.unwrap_or_default())
}

/// Returns the sync id before which a client cannot follow the log: entries before it were deleted,
/// or rows were written without entries.
pub(crate) fn complete_after(tx: &mut Tx<'_>, organization: &str) -> Result<u64, StoreError> {
    let bounds = bounds(tx, organization)?;
    Ok(bounds.deleted_to.max(bounds.reloaded_to))
}

#[derive(Default)]
struct Bounds {
    /// The log has every entry after this sync id.
    deleted_to: u64,
    /// Rows were written without entries before this one.
    reloaded_to: u64,
}

fn bounds(tx: &mut Tx<'_>, organization: &str) -> Result<Bounds, StoreError> {
    let read = |mut record: crate::store::Record| {
        Ok(Bounds {
            deleted_to: record.number("deleted_to")?,
            reloaded_to: record.number("reloaded_to")?,
        })
    };
    Ok(tx.first(&BOUNDS, &[organization.into()], read)?.unwrap_or_default())
}

/// Appends an entry that makes every reader load the rows again, because rows were written without
/// entries in this transaction. Readers are not sent the entry.
pub(crate) fn append_reload(tx: &mut Tx<'_>, who: &Identity) -> Result<u64, StoreError> {
    let entry = Entry {
        action: log::RELOAD.0,
        model: log::RELOAD.1,
        id: "",
        data: None,
        previous: None,
        groups: &BTreeSet::new(),
        previous_groups: None,
        transaction: None,
        caused_by: None,
        claim: None,
    };
    let sync_id = log::append(tx, who, entry)?;
    tx.run(&SET_RELOADED_TO, &[who.organization.as_str().into(), sync_id.into()])?;
    Ok(sync_id)
}

/// Returns the epoch of a position: the time of the entry there, which another log does not have
/// at the same sync id. `None` without an entry.
pub(crate) fn epoch(
    tx: &mut Tx<'_>,
    organization: &str,
    sync_id: u64,
) -> Result<Option<String>, StoreError> {
    let values = [organization.into(), sync_id.into()];
    let time = tx.first(&TIME_OF, &values, |mut record| record.text("created_at"))?;
    Ok(time.map(|time| shown_date(&time)))
}

/// Whether the log continues from the position of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Continuation {
    /// It has everything after the position.
    Complete,
    /// It was shortened beyond the position, or rows were written after it without entries.
    Shortened,
    /// It is not the log that the client has followed.
    Replaced,
}

/// Returns whether the log continues from a position whose epoch, if the client knows it, is this.
pub(crate) fn continues(
    tx: &mut Tx<'_>,
    organization: &str,
    (position, known_epoch): (u64, Option<&str>),
) -> Result<Continuation, StoreError> {
    let Bounds { deleted_to, reloaded_to } = bounds(tx, organization)?;
    if position <= deleted_to && deleted_to > 0 || position < reloaded_to {
        return Ok(Continuation::Shortened);
    }
    Ok(match known_epoch {
        Some(known) if epoch(tx, organization, position)?.as_deref() != Some(known) => {
            Continuation::Replaced
        }
        _ => Continuation::Complete,
    })
}

/// The part of a log that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Retention<'r> {
    /// Entries before this time are deleted, in the stored date format.
    pub(crate) before: &'r str,
    /// Entries after this sync id stay, unless they are older than `at_latest`.
    pub(crate) up_to: u64,
    /// Entries before this time are deleted whatever still needs them.
    pub(crate) at_latest: &'r str,
    /// Traces of deleted rows before this time are deleted.
    pub(crate) traces_before: &'r str,
}

/// Deletes at most `limit` old entries, traces and values each. Returns the number, and whether
/// there may be more.
///
/// Entries of deleted rows, and of rows that left their groups, stay longer as traces: clients from
/// before the log begins have to forget such rows.
pub(crate) fn shorten(
    tx: &mut Tx<'_>,
    organization: &str,
    retention: &Retention<'_>,
    limit: u64,
) -> Result<(u64, bool), StoreError> {
    let (head, from) = (log::head(tx, organization)?, deleted_to(tx, organization)?);
    let values = [organization.into(), from.into(), head.into(), limit.into()];
    let found =
        tx.all(&OLD, &values, |mut record| Ok((record.number("id")?, record.text("created_at")?)))?;
    let is_old = |(id, time): &&(u64, String)| {
        let time = time.as_str();
        time < retention.before && (*id <= retention.up_to || time < retention.at_latest)
    };
    let old: Vec<u64> = found.iter().take_while(is_old).map(|(id, _)| *id).collect();
    let mut deleted = 0;
    if let Some(last) = old.last() {
        deleted = tx.run(&DELETE, &[organization.into(), from.into(), (*last).into()])?;
        tx.run(&SET_DELETED_TO, &[organization.into(), (*last).into()])?;
    }
    let to = old.last().copied().unwrap_or(from);
    let mut batches = vec![old.len() as u64];
    for statement in &DELETE_TRACES {
        let time = retention.traces_before.into();
        let traces = tx.run(statement, &[organization.into(), to.into(), time, limit.into()])?;
        batches.push(traces);
        deleted += traces;
    }
    let values = log_values::delete_to(tx, organization, to, limit)?;
    batches.push(values);
    Ok((deleted + values, batches.contains(&limit)))
}

/// Returns at most `limit` entries after a sync id, up to another one, of rows that were deleted or
/// changed their groups, as far as they are still stored.
pub(crate) fn traces(
    tx: &mut Tx<'_>,
    organization: &str,
    (after, to): (u64, u64),
    limit: usize,
) -> Result<Vec<Delta>, StoreError> {
    let mut ids = BTreeSet::new();
    for statement in &TRACES {
        let values = [organization.into(), after.into(), to.into(), (limit as u64).into()];
        ids.extend(tx.all(statement, &values, |mut record| record.number("id"))?);
    }
    let mut found = Vec::new();
    for id in ids.into_iter().take(limit) {
        found.extend(log::since(tx, organization, id.saturating_sub(1), 1)?);
    }
    Ok(found)
}
