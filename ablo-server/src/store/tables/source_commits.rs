//! Data sources: commits that are sent to them, events of their outbox, and the cursor of it.

use crate::error::StoreError;
use crate::store::{Record, SqlTemplate, Tx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

macro_rules! select {
    ($rest:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM \
             ablo_source_commits WHERE organization_id = {1}",
            $rest
        ))
    };
}

static ALL: SqlTemplate = select!("");
static IN_FLIGHT: SqlTemplate =
    select!(" AND (id = {2} OR (state = 'sent' AND sent_at > {3:date}))");

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_source_commits (organization_id, id, client_tx_id, body_hash, state, rows, \
     writer, told, sent_at) VALUES ({1}, {2}, {3}, {4}, 'sent', {5:json}, {6:json}, 0, {7:date}) \
     ON CONFLICT (organization_id, id) DO UPDATE SET sent_at = {7:date}",
);

static SET_STATE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_source_commits SET state = {3}, told = {4} WHERE organization_id = {1} AND id = \
     {2}",
);

static DELETE: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_source_commits WHERE organization_id = {1} AND id = {2}");

static DELETE_OLD_COMMITS: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_source_commits WHERE organization_id = {1} AND id IN (SELECT id FROM \
     ablo_source_commits WHERE organization_id = {1} AND sent_at < {2:date} ORDER BY sent_at LIMIT \
     {3})",
);

static INSERT_EVENT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_source_events (organization_id, id, taken_at) VALUES ({1}, {2}, {3:date}) ON \
     CONFLICT (organization_id, id) DO NOTHING",
);

static DELETE_EVENT: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_source_events WHERE organization_id = {1} AND id = {2}");

static HAS_EVENT: SqlTemplate =
    SqlTemplate::new("SELECT 1 FROM ablo_source_events WHERE organization_id = {1} AND id = {2}");

static DELETE_OLD_EVENTS: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_source_events WHERE organization_id = {1} AND id IN (SELECT id FROM \
     ablo_source_events WHERE organization_id = {1} AND taken_at < {2:date} ORDER BY taken_at \
     LIMIT {3})",
);

static CURSOR: SqlTemplate = SqlTemplate::new(
    "SELECT cursor, {filled_at:date} FROM ablo_sources WHERE organization_id = {1}",
);

static SET_CURSOR: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_sources (organization_id, cursor, filled_at) VALUES ({1}, {2}, {3:date}) ON \
     CONFLICT (organization_id) DO UPDATE SET cursor = {2}, filled_at = coalesce({3:date}, \
     ablo_sources.filled_at)",
);

/// A commit that the outbox has not completely reported.
#[derive(Clone, Debug)]
pub(crate) struct PendingCommit {
    pub(crate) id: String,
    pub(crate) state: String,
    /// The keys of its rows.
    pub(crate) rows: BTreeSet<String>,
    pub(crate) writer: Writer,
    pub(crate) events_seen: u64,
    /// When it was sent, in the stored date format.
    pub(crate) sent_at: String,
    pub(crate) body_hash: String,
}

/// The writer of a commit, as deltas record it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Writer {
    pub(crate) participant: String,
    pub(crate) kind: String,
    pub(crate) on_behalf_of: Option<String>,
    pub(crate) capability: String,
    pub(crate) caused_by: Option<String>,
    pub(crate) operations: u64,
    /// The transaction ids of the operations that have one, with the hashes of their content.
    /// Coordinators before layout 3 did not store them.
    #[serde(default)]
    pub(crate) transactions: Vec<(String, String)>,
}

fn decode(mut record: Record) -> Result<PendingCommit, StoreError> {
    Ok(PendingCommit {
        id: record.text("id")?,
        state: record.text("state")?,
        rows: record.json("rows")?,
        writer: record.json("writer")?,
        events_seen: record.number("told")?,
        sent_at: record.text("sent_at")?,
        body_hash: record.text("body_hash")?,
    })
}

/// Returns all commits that are not completely reported.
pub(crate) fn all(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<PendingCommit>, StoreError> {
    tx.all(&ALL, &[organization.into()], decode)
}

/// Returns a commit, and all commits that were sent after a time and wait for a response.
pub(crate) fn in_flight(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    sent_after: &str,
) -> Result<Vec<PendingCommit>, StoreError> {
    tx.all(&IN_FLIGHT, &[organization.into(), id.into(), sent_after.into()], decode)
}

/// Stores that a commit is sent; a commit that is sent again only gets the new time.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    organization: &str,
    client_tx_id: &str,
    commit: &PendingCommit,
) -> Result<(), StoreError> {
    let values = [
        organization.into(),
        commit.id.as_str().into(),
        client_tx_id.into(),
        commit.body_hash.as_str().into(),
        serde_json::to_string(&commit.rows).unwrap_or_default().into(),
        serde_json::to_string(&commit.writer).unwrap_or_default().into(),
        commit.sent_at.as_str().into(),
    ];
    tx.run(&INSERT, &values).map(drop)
}

/// Sets the state of a commit and the number of its events that were seen.
pub(crate) fn set_state(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    state: &str,
    events_seen: u64,
) -> Result<(), StoreError> {
    tx.run(&SET_STATE, &[organization.into(), id.into(), state.into(), events_seen.into()])
        .map(drop)
}

/// Deletes a commit.
pub(crate) fn delete(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    tx.run(&DELETE, &[organization.into(), id.into()]).map(drop)
}

/// Deletes at most `limit` commits that were sent before a time, and returns how many.
pub(crate) fn delete_commits_before(
    tx: &mut Tx<'_>,
    organization: &str,
    time: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_OLD_COMMITS, &[organization.into(), time.into(), limit.into()])
}

/// Records the id of an event. Returns whether it was new.
pub(crate) fn insert_event(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
    at: &str,
) -> Result<bool, StoreError> {
    Ok(tx.run(&INSERT_EVENT, &[organization.into(), id.into(), at.into()])? > 0)
}

/// Deletes the id of an event that was refused, so that it can be sent again.
pub(crate) fn delete_event(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<(), StoreError> {
    tx.run(&DELETE_EVENT, &[organization.into(), id.into()]).map(drop)
}

/// Returns whether the id of an event is recorded.
pub(crate) fn has_event(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<bool, StoreError> {
    Ok(tx.first(&HAS_EVENT, &[organization.into(), id.into()], |_| Ok(()))?.is_some())
}

/// Deletes at most `limit` ids of events that were recorded before a time, and returns how many.
pub(crate) fn delete_events_before(
    tx: &mut Tx<'_>,
    organization: &str,
    time: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_OLD_EVENTS, &[organization.into(), time.into(), limit.into()])
}

/// Returns the cursor of the outbox, and whether the mirror has been filled.
pub(crate) fn cursor(
    tx: &mut Tx<'_>,
    organization: &str,
) -> Result<(Option<String>, bool), StoreError> {
    let found = tx.first(&CURSOR, &[organization.into()], |mut record| {
        Ok((record.optional_text("cursor")?, record.optional_text("filled_at")?.is_some()))
    })?;
    Ok(found.unwrap_or_default())
}

/// Stores the cursor of the outbox, and when the mirror was filled unless it is known.
pub(crate) fn save_cursor(
    tx: &mut Tx<'_>,
    organization: &str,
    cursor: Option<&str>,
    filled_at: Option<&str>,
) -> Result<(), StoreError> {
    tx.run(&SET_CURSOR, &[organization.into(), cursor.into(), filled_at.into()]).map(drop)
}
