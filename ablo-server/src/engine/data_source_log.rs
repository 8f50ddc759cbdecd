//! Commits to rows of a data source: recorded before they are sent, and appended to the sync log
//! once, from the response or from the outbox, whichever comes first.
//!
//! A commit is `sent` before the source is called, and `appended` after its response. If no
//! response arrives, the first of its events takes it over. It is deleted when the outbox has
//! reported all its operations; until then, events with older states of its rows are skipped.

use super::Engine;
use super::commit::{Commit, commit, confirmed_receipt, find_receipt, save_receipt};
use super::log;
use super::mirror::{UpstreamChange, apply};
use super::plan::OperationKind;
use crate::error::{ApiError, Result};
use crate::identity::{Identity, Operations, organization_group};
use crate::models::Model;
use crate::store::{Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::{CommitReceipt, Maybe, ParticipantKind, RawRow, SourceEvent, SourceVerb};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long to wait for a response before the outbox takes over.
pub(crate) const ANSWER_TIMEOUT: SignedDuration = SignedDuration::from_secs(15);
/// How long events with older states of a row are skipped while the commit's own event is missing.
const EVENT_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);
/// How long the ids of applied events are kept.
const EVENT_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a commit is kept that the outbox never reports.
const COMMIT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_source_commits (organization_id, id, client_tx_id, body_hash, state, rows, \
     writer, told, sent_at) VALUES ({1}, {2}, {3}, {4}, 'sent', {5:json}, {6:json}, 0, {7:date}) \
     ON CONFLICT (organization_id, id) DO UPDATE SET sent_at = {7:date}",
);
static ALL: SqlTemplate = SqlTemplate::new(
    "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM \
     ablo_source_commits WHERE organization_id = {1}",
);
static IN_FLIGHT: SqlTemplate = SqlTemplate::new(
    "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM \
     ablo_source_commits WHERE organization_id = {1} AND (id = {2} OR (state = 'sent' AND sent_at \
     > {3:date}))",
);
static SET_STATE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_source_commits SET state = {3}, told = {4} WHERE organization_id = {1} AND id = \
     {2}",
);
static DELETE: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_source_commits WHERE organization_id = {1} AND id = {2}");
static DELETE_OLD_COMMITS: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_source_commits WHERE organization_id = {1} AND sent_at < {2:date}",
);
static INSERT_EVENT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_source_events (organization_id, id, taken_at) VALUES ({1}, {2}, {3:date}) ON \
     CONFLICT (organization_id, id) DO NOTHING",
);
static DELETE_OLD_EVENTS: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_source_events WHERE organization_id = {1} AND taken_at < {2:date}",
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
struct PendingCommit {
    id: String,
    state: String,
    rows: BTreeSet<String>,
    writer: Writer,
    events_seen: i64,
    sent_at: String,
    body_hash: String,
}

/// The writer of a commit, as deltas record it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Writer {
    participant: String,
    kind: String,
    on_behalf_of: Option<String>,
    capability: String,
    caused_by: Option<String>,
    operations: i64,
}

/// What to do with a commit.
#[derive(Clone, Debug)]
pub(crate) enum BeginOutcome {
    /// Nothing: it was applied before.
    AlreadyApplied(Box<CommitReceipt>),
    /// Wait: another commit to one of its rows is in flight.
    RowBusy,
    /// Call the source, without the operations at these indices, which were applied before.
    Send(BTreeSet<usize>),
}

/// Returns the key of a row within its organisation.
fn row_key(model: &Model, id: &str) -> String {
    format!("{}/{id}", model.key)
}

/// Returns the id under which the source sees a commit; client ids are unique only within an
/// organisation.
pub(crate) fn source_tx_id(organization: &str, client_tx_id: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(organization.len() as u64).to_le_bytes()).update(organization.as_bytes());
    hasher.update(client_tx_id.as_bytes());
    format!("tx_{}", &hasher.finalize().to_hex()[..40])
}

/// Returns all commits that are not completely reported.
fn pending_commits(tx: &mut dyn Tx, organization: &str) -> Result<Vec<PendingCommit>> {
    let found = tx.query(ALL.sql(tx.dialect()), &[organization.into()])?;
    read(found)
}

/// Returns a commit, and all commits that wait for a response.
fn in_flight(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Vec<PendingCommit>> {
    let late = time_before(tx, ANSWER_TIMEOUT);
    let found =
        tx.query(IN_FLIGHT.sql(tx.dialect()), &[organization.into(), id.into(), late.into()])?;
    read(found)
}

fn read(found: Vec<Row>) -> Result<Vec<PendingCommit>> {
    let text =
        |row: &[Cell], at: usize| row.get(at).and_then(Cell::text).unwrap_or_default().to_owned();
    let read = |row: Vec<Cell>| {
        let fault = |error: serde_json::Error| {
            crate::error::StoreError::Fault(format!("invalid stored commit: {error}"))
        };
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
fn time_before(tx: &dyn Tx, span: SignedDuration) -> String {
    stored_date(tx.now().checked_sub(span).unwrap_or(jiff::Timestamp::MIN))
}

/// Validates a commit against the mirror and records that it is sent.
pub(crate) fn begin(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit_request: &Commit,
) -> Result<BeginOutcome> {
    if let Some(receipt) = find_receipt(tx, who, commit_request)? {
        return Ok(BeginOutcome::AlreadyApplied(Box::new(receipt)));
    }
    let id = source_tx_id(&who.organization, &commit_request.client_tx_id);
    let rows: BTreeSet<String> = commit_request
        .changes
        .iter()
        .map(|change| row_key(engine.models.get(change.model), &change.id))
        .collect();
    for other in in_flight(tx, &who.organization, &id)? {
        if other.id == id && other.body_hash != commit_request.body_hash {
            let message =
                format!("the key `{}` was used for another commit", commit_request.client_tx_id);
            return Err(ApiError::new("idempotency_conflict", message)
                .param("idempotencyKey")
                .into());
        }
        // Responses may arrive out of order, so commits to the same row are sent one after the
        // other.
        if other.id != id && !other.rows.is_disjoint(&rows) {
            return Ok(BeginOutcome::RowBusy);
        }
    }
    let mut applied = BTreeSet::new();
    for (at, change) in commit_request.changes.iter().enumerate() {
        if let Some(transaction) = &change.transaction
            && log::find_transaction(tx, &who.organization, transaction)?.is_some()
        {
            applied.insert(at);
        }
    }
    if applied.len() == commit_request.changes.len() {
        return Ok(BeginOutcome::AlreadyApplied(Box::new(commit(
            engine,
            tx,
            who,
            commit_request,
        )?)));
    }
    // A dry run rejects what the coordinator can reject: scope, claims, stale writes, values.
    tx.execute("SAVEPOINT ablo_try", &[])?;
    commit(engine, tx, who, commit_request)?;
    tx.execute("ROLLBACK TO SAVEPOINT ablo_try", &[])?;
    tx.execute("RELEASE SAVEPOINT ablo_try", &[])?;
    if let Some(claim) = &commit_request.claim {
        super::claims::renew(tx, who, claim)?;
    }
    let writer = Writer {
        participant: who.participant.clone(),
        kind: who.kind.as_str().to_owned(),
        on_behalf_of: who.on_behalf_of.clone(),
        capability: who.capability.clone(),
        caused_by: commit_request.caused_by.clone(),
        operations: (commit_request.changes.len() - applied.len()).try_into().unwrap_or(i64::MAX),
    };
    let values = [
        who.organization.as_str().into(),
        id.into(),
        commit_request.client_tx_id.as_str().into(),
        commit_request.body_hash.as_str().into(),
        serde_json::to_string(&rows).unwrap_or_default().into(),
        serde_json::to_string(&writer).unwrap_or_default().into(),
        stored_date(tx.now()).into(),
    ];
    tx.execute(INSERT.sql(tx.dialect()), &values)?;
    Ok(BeginOutcome::Send(applied))
}

/// Deletes a commit that the source has rejected.
pub(crate) fn discard(tx: &mut dyn Tx, organization: &str, client_tx_id: &str) -> Result<()> {
    let id = source_tx_id(organization, client_tx_id);
    tx.execute(DELETE.sql(tx.dialect()), &[organization.into(), id.into()])?;
    Ok(())
}

/// Applies the response of the source to the sync log, unless the outbox has done so.
pub(crate) fn finish(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    commit_request: &Commit,
    rows: &[RawRow],
    events: bool,
) -> Result<CommitReceipt> {
    if let Some(receipt) = find_receipt(tx, who, commit_request)? {
        return Ok(receipt);
    }
    let id = source_tx_id(&who.organization, &commit_request.client_tx_id);
    let known = in_flight(tx, &who.organization, &id)?.into_iter().find(|open| open.id == id);
    let superseded = known.as_ref().is_none_or(|open| open.state != "sent");
    let mut last = log::head(tx, &who.organization)?;
    if !superseded {
        let mut answered: Vec<(String, &RawRow)> =
            rows.iter().map(|row| (raw_row_id(row), row)).collect();
        for change in &commit_request.changes {
            let model = engine.models.get(change.model);
            if let Some(transaction) = &change.transaction
                && log::find_transaction(tx, &who.organization, transaction)?.is_some()
            {
                continue;
            }
            let found = answered.iter().position(|(id, _)| *id == change.id);
            let row = found.map(|at| answered.remove(at).1);
            let deleted = change.kind == OperationKind::Delete;
            if row.is_none() && !deleted {
                tracing::error!(
                    model = model.key,
                    id = change.id,
                    "the data source did not return a written row"
                );
                continue;
            }
            let change = UpstreamChange {
                id: &change.id,
                kind: change.kind,
                row: row.filter(|_| !deleted),
                transaction: change.transaction.as_deref(),
                caused_by: commit_request.caused_by.as_deref(),
            };
            last = last.max(apply(engine, tx, who, model, change)?);
        }
    }
    let receipt = confirmed_receipt(commit_request, last);
    save_receipt(tx, who, commit_request, &receipt)?;
    let values = [who.organization.as_str().into(), id.into()];
    match known {
        Some(open) if !superseded && events => {
            let [organization, id] = values;
            tx.execute(
                SET_STATE.sql(tx.dialect()),
                &[organization, id, "appended".into(), open.events_seen.into()],
            )?;
        }
        Some(_) if !superseded => {
            tx.execute(DELETE.sql(tx.dialect()), &values)?;
        }
        _ => {}
    }
    Ok(receipt)
}

fn raw_row_id(row: &RawRow) -> String {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    row.decode().map_or_else(|_| String::new(), |row: Id| row.id)
}

/// Returns the cursor of the outbox, and whether the mirror has been filled.
pub(crate) fn cursor(tx: &mut dyn Tx, organization: &str) -> Result<(Option<String>, bool)> {
    let found = tx.query(CURSOR.sql(tx.dialect()), &[organization.into()])?;
    let row = found.into_iter().next().unwrap_or_default();
    let text = |at: usize| row.get(at).and_then(Cell::text).map(str::to_owned);
    Ok((text(0), text(1).is_some()))
}

/// Stores the cursor of the outbox.
pub(crate) fn save_cursor(
    tx: &mut dyn Tx,
    organization: &str,
    cursor: Option<&str>,
    filled: bool,
) -> Result<()> {
    let at = filled.then(|| stored_date(tx.now()));
    tx.execute(SET_CURSOR.sql(tx.dialect()), &[organization.into(), cursor.into(), at.into()])?;
    Ok(())
}

/// Returns the identity for changes whose writer is unknown.
pub(crate) fn source_identity(organization: &str) -> Identity {
    Identity {
        organization: organization.to_owned(),
        participant: "source".to_owned(),
        kind: ParticipantKind::System,
        on_behalf_of: None,
        capability: "source".to_owned(),
        operations: Operations::All,
        groups: BTreeSet::from([organization_group(organization)]),
        user_meta: "{}".to_owned(),
        expires_at: None,
    }
}

/// The result of a batch of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchOutcome {
    /// Number of events that are done.
    pub(crate) events: usize,
    /// Whether the sync log has grown.
    pub(crate) changed: bool,
}

/// Applies events in order and stops before an event whose commit still waits for its response.
pub(crate) fn apply_events(
    engine: &Engine,
    tx: &mut dyn Tx,
    organization: &str,
    events: &[SourceEvent],
) -> Result<BatchOutcome> {
    let mut outcome = BatchOutcome { events: 0, changed: false };
    let mut commits = pending_commits(tx, organization)?;
    let (answer_deadline, event_deadline) =
        (time_before(tx, ANSWER_TIMEOUT), time_before(tx, EVENT_TIMEOUT));
    let now = stored_date(tx.now());
    for event in events {
        let Some(model) = engine.models.find(&event.model) else {
            outcome.events += 1;
            continue;
        };
        let own = event
            .client_tx_id
            .as_ref()
            .and_then(|id| commits.iter().position(|open| open.id == *id));
        if own
            .is_some_and(|at| commits[at].state == "sent" && commits[at].sent_at > answer_deadline)
        {
            break;
        }
        outcome.events += 1;
        let taken = [organization.into(), event.id.as_str().into(), now.as_str().into()];
        if tx.execute(INSERT_EVENT.sql(tx.dialect()), &taken)? == 0 {
            continue;
        }
        if event.organization_id.as_deref().is_some_and(|of| of != organization) {
            tracing::warn!(event = event.id, "skipped an event of another organisation");
            continue;
        }
        let row = row_key(model, &event.entity_id);
        let has_newer_state = |(at, open): (usize, &PendingCommit)| {
            Some(at) != own
                && open.state == "appended"
                && open.sent_at > event_deadline
                && open.rows.contains(&row)
        };
        // The log already has the state after the whole commit; only its last event is applied.
        let is_intermediate = |open: &PendingCommit| {
            open.state == "appended" && open.events_seen + 1 < open.writer.operations
        };
        let is_old = commits.iter().enumerate().any(has_newer_state)
            || own.is_some_and(|at| is_intermediate(&commits[at]));
        let transaction = format!("source:{}", event.id);
        let who = match own {
            Some(at) => writer_identity(organization, &commits[at].writer),
            None => source_identity(organization),
        };
        let applied = log::find_transaction(tx, organization, &transaction)?.is_some();
        if !is_old && !applied {
            outcome.changed |= apply_event(engine, tx, &who, model, event, &transaction)? > 0;
        }
        if let Some(at) = own {
            let commit = &mut commits[at];
            commit.events_seen += 1;
            let values = [organization.into(), commit.id.as_str().into()];
            if commit.events_seen >= commit.writer.operations {
                tx.execute(DELETE.sql(tx.dialect()), &values)?;
                commits.remove(at);
            } else {
                let state =
                    if commit.state == "sent" { "taken over" } else { commit.state.as_str() }
                        .to_owned();
                commit.state.clone_from(&state);
                let [organization, id] = values;
                tx.execute(
                    SET_STATE.sql(tx.dialect()),
                    &[organization, id, state.into(), commit.events_seen.into()],
                )?;
            }
        }
    }
    for (old, span) in
        [(&DELETE_OLD_COMMITS, COMMIT_RETENTION), (&DELETE_OLD_EVENTS, EVENT_RETENTION)]
    {
        let long_ago = time_before(tx, span);
        tx.execute(old.sql(tx.dialect()), &[organization.into(), long_ago.into()])?;
    }
    if outcome.changed {
        tx.notify(Notification::LogGrown { organization: organization.to_owned() })?;
    }
    Ok(outcome)
}

fn writer_identity(organization: &str, writer: &Writer) -> Identity {
    Identity {
        participant: writer.participant.clone(),
        kind: ParticipantKind::from(writer.kind.clone()),
        on_behalf_of: writer.on_behalf_of.clone(),
        capability: writer.capability.clone(),
        ..source_identity(organization)
    }
}

/// Applies one outbox event. A row that does not fit the schema is logged and skipped.
fn apply_event(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    event: &SourceEvent,
    transaction: &str,
) -> Result<u64> {
    let kind = match &event.r#type {
        SourceVerb::Create => OperationKind::Create,
        SourceVerb::Delete => OperationKind::Delete,
        SourceVerb::Archive => OperationKind::Archive(true),
        SourceVerb::Unarchive => OperationKind::Archive(false),
        _ => OperationKind::Update,
    };
    let row = match &event.data {
        Maybe::Value(row) if kind != OperationKind::Delete => Some(row),
        _ if kind == OperationKind::Delete => None,
        _ => return Ok(0),
    };
    let change = UpstreamChange {
        id: &event.entity_id,
        kind,
        row,
        transaction: Some(transaction),
        caused_by: None,
    };
    match apply(engine, tx, who, model, change) {
        Err(crate::error::EngineError::Refused(refusal)) => {
            tracing::error!(event = event.id, %refusal, "a row of the data source does not fit the \
            schema");
            Ok(0)
        }
        done => done,
    }
}

/// Fills the mirror with rows of a list.
pub(crate) fn backfill(
    engine: &Engine,
    tx: &mut dyn Tx,
    organization: &str,
    key: &str,
    rows: &[RawRow],
) -> Result<()> {
    let (who, model) = (source_identity(organization), super::plan::find(&engine.models, key)?);
    let commits = pending_commits(tx, organization)?;
    for row in rows {
        let id = raw_row_id(row);
        if commits.iter().any(|open| open.rows.contains(&row_key(model, &id))) {
            continue;
        }
        let change = UpstreamChange {
            id: &id,
            kind: OperationKind::Update,
            row: Some(row),
            transaction: None,
            caused_by: None,
        };
        if let Err(crate::error::EngineError::Refused(refusal)) =
            apply(engine, tx, &who, model, change)
        {
            tracing::error!(model = key, id, %refusal, "a row of the data source does not fit the \
            schema");
        }
    }
    Ok(tx.notify(Notification::LogGrown { organization: organization.to_owned() })?)
}
