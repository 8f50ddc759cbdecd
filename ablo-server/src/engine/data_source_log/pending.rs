//! Commits that were sent to a data source and that its outbox has not completely reported.

use super::ANSWER_TIMEOUT;
use crate::error::{Result, StoreError};
use crate::models::Model;
use crate::store::{Row, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

static ALL: SqlTemplate = SqlTemplate::new(
    "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM \
     ablo_source_commits WHERE organization_id = {1}",
);

static IN_FLIGHT: SqlTemplate = SqlTemplate::new(
    "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM \
     ablo_source_commits WHERE organization_id = {1} AND (id = {2} OR (state = 'sent' AND sent_at \
     > {3:date}))",
);

/// A commit that the outbox has not completely reported.
#[derive(Clone, Debug)]
pub(super) struct PendingCommit {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) rows: BTreeSet<String>,
    pub(super) writer: Writer,
    pub(super) events_seen: i64,
    pub(super) sent_at: String,
    pub(super) body_hash: String,
}

/// The writer of a commit, as deltas record it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Writer {
    pub(super) participant: String,
    pub(super) kind: String,
    pub(super) on_behalf_of: Option<String>,
    pub(super) capability: String,
    pub(super) caused_by: Option<String>,
    pub(super) operations: i64,
}

/// Returns all commits that are not completely reported.
pub(super) fn pending_commits(tx: &mut dyn Tx, organization: &str) -> Result<Vec<PendingCommit>> {
    let found = tx.query(ALL.sql(tx.dialect()), &[organization.into()])?;
    read(found)
}

/// Returns a commit, and all commits that wait for a response.
pub(super) fn in_flight(
    tx: &mut dyn Tx,
    organization: &str,
    id: &str,
) -> Result<Vec<PendingCommit>> {
    let late = time_before(tx, ANSWER_TIMEOUT);
    let found =
        tx.query(IN_FLIGHT.sql(tx.dialect()), &[organization.into(), id.into(), late.into()])?;
    read(found)
}

fn read(found: Vec<Row>) -> Result<Vec<PendingCommit>> {
    let text =
        |row: &[Cell], at: usize| row.get(at).and_then(Cell::text).unwrap_or_default().to_owned();
    let read = |row: Vec<Cell>| {
        let fault =
            |error: serde_json::Error| StoreError::Fault(format!("invalid stored commit: {error}"));
        Ok(PendingCommit {
            id: text(&row, 0),
            state: text(&row, 1),
            rows: serde_json::from_str(&text(&row, 2)).map_err(fault)?,
            writer: serde_json::from_str(&text(&row, 3)).map_err(fault)?,
            events_seen: row.get(4).and_then(Cell::integer).unwrap_or_default(),
            sent_at: text(&row, 5),
            body_hash: text(&row, 6),
        })
    };
    found.into_iter().map(read).collect()
}

/// Returns the time before now in the stored date format.
pub(super) fn time_before(tx: &dyn Tx, span: SignedDuration) -> String {
    stored_date(tx.now().checked_sub(span).unwrap_or(jiff::Timestamp::MIN))
}

/// Returns the key of a row within its organisation.
pub(super) fn row_key(model: &Model, id: &str) -> String {
    format!("{}/{id}", model.key)
}
