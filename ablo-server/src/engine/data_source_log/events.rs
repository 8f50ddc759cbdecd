//! Applies outbox events and listed rows, and stores the cursor of the outbox.

use super::pending::{PendingCommit, Writer, pending_commits, row_key, time_before};
use super::{ANSWER_TIMEOUT, raw_row_id, source_identity};
use crate::engine::change::OperationKind;
use crate::engine::mirror::{UpstreamChange, apply};
use crate::engine::{Engine, log};
use crate::error::{EngineError, Result};
use crate::identity::Identity;
use crate::models::Model;
use crate::store::tables::{operations, source_commits as table};
use crate::store::{Notification, Tx};
use crate::value::stored_date;
use ablo_wire::{Maybe, ParticipantKind, RawRow, SourceEvent, Verb};
use jiff::SignedDuration;

/// How long events with older states of a row are skipped while the commit's own event is missing.
const EVENT_TIMEOUT: SignedDuration = SignedDuration::from_mins(10);

/// How long the ids of applied events are kept.
const EVENT_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a commit is kept that the outbox never reports.
const COMMIT_RETENTION: SignedDuration = SignedDuration::from_hours(24);

/// Returns the cursor of the outbox, and whether the mirror has been filled.
pub(crate) fn cursor(tx: &mut Tx<'_>, organization: &str) -> Result<(Option<String>, bool)> {
    Ok(table::cursor(tx, organization)?)
}

/// Stores the cursor of the outbox.
pub(crate) fn save_cursor(
    tx: &mut Tx<'_>,
    organization: &str,
    cursor: Option<&str>,
    filled: bool,
) -> Result<()> {
    let at = filled.then(|| stored_date(tx.now()));
    Ok(table::save_cursor(tx, organization, cursor, at.as_deref())?)
}

/// The result of a batch of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchOutcome {
    /// Number of events that are done.
    pub(crate) events: usize,
    /// Whether the sync log has grown.
    pub(crate) changed: bool,
    /// The events that were not applied, each with the reason.
    pub(crate) refused: Vec<String>,
}

/// Applies events in order and stops before an event whose commit still waits for its response.
pub(crate) fn apply_events(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    events: &[SourceEvent],
) -> Result<BatchOutcome> {
    let mut outcome = BatchOutcome::default();
    let mut commits = pending_commits(tx, organization)?;
    let (answer_deadline, event_deadline) =
        (time_before(tx, ANSWER_TIMEOUT), time_before(tx, EVENT_TIMEOUT));
    let now = stored_date(tx.now());
    for event in events {
        let Some(model) = engine.models.find(&event.model) else {
            outcome.events += 1;
            outcome.refused.push(refused(event, "the schema has no such model"));
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
        if !table::insert_event(tx, organization, &event.id, &now)? {
            continue;
        }
        if event.organization_id.as_deref().is_some_and(|of| of != organization) {
            table::delete_event(tx, organization, &event.id)?;
            outcome.refused.push(refused(event, "it belongs to another organisation"));
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
        let applied = log::has_transaction(tx, organization, &transaction)?;
        if !is_old && !applied {
            match apply_event(engine, tx, &who, model, event, &transaction) {
                Err(EngineError::Refused(refusal)) => {
                    table::delete_event(tx, organization, &event.id)?;
                    outcome.refused.push(refused(event, &refusal.to_string()));
                }
                applied => outcome.changed |= applied? > 0,
            }
        }
        if let Some(at) = own {
            let commit = &mut commits[at];
            if commit.state == "sent" {
                take_over(tx, &who, &commit.writer, &now)?;
            }
            commit.events_seen += 1;
            if commit.events_seen >= commit.writer.operations {
                table::delete(tx, organization, &commit.id)?;
                commits.remove(at);
            } else {
                if commit.state == "sent" {
                    "taken over".clone_into(&mut commit.state);
                }
                let (id, state) = (&commit.id, &commit.state);
                table::set_state(tx, organization, id, state, commit.events_seen)?;
            }
        }
    }
    if outcome.changed {
        tx.notify(Notification::LogGrown { organization: organization.to_owned() })?;
    }
    Ok(outcome)
}

/// Returns the reason why an event was not applied, for the log or for the sender.
fn refused(event: &SourceEvent, reason: &str) -> String {
    format!("event `{}` of {}/{}: {reason}", event.id, event.model, event.entity_id)
}

/// Returns whether all these events are recorded.
pub(crate) fn has_events(
    tx: &mut Tx<'_>,
    organization: &str,
    events: &[SourceEvent],
) -> Result<bool> {
    for event in events {
        if !table::has_event(tx, organization, &event.id)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Records the operations of a commit that the source has applied and whose answer was lost: a
/// repeated one is not sent again.
fn take_over(tx: &mut Tx<'_>, who: &Identity, writer: &Writer, now: &str) -> Result<()> {
    let sync_id = log::head(tx, &who.organization)?;
    for (transaction, hash) in &writer.transactions {
        if operations::find(tx, who, transaction)?.is_none() {
            operations::insert(tx, who, transaction, (hash, sync_id), now)?;
        }
    }
    Ok(())
}

/// Deletes at most `limit` commits whose events never arrived.
pub(crate) fn delete_old_commits(tx: &mut Tx<'_>, organization: &str, limit: u64) -> Result<u64> {
    let old = time_before(tx, COMMIT_RETENTION);
    Ok(table::delete_commits_before(tx, organization, &old, limit)?)
}

/// Deletes at most `limit` events that are too old to be repeated.
pub(crate) fn delete_old_events(tx: &mut Tx<'_>, organization: &str, limit: u64) -> Result<u64> {
    let old = time_before(tx, EVENT_RETENTION);
    Ok(table::delete_events_before(tx, organization, &old, limit)?)
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

/// Applies one event.
///
/// # Errors
///
/// Returns the refusal of a row that does not fit the schema.
fn apply_event(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    event: &SourceEvent,
    transaction: &str,
) -> Result<u64> {
    let kind = OperationKind::of(&Verb::from(&event.r#type)).unwrap_or(OperationKind::Update);
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
        claim: None,
    };
    apply(engine, tx, who, model, change)
}

/// Fills the mirror with rows of a list.
pub(crate) fn backfill(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    key: &str,
    rows: &[RawRow],
) -> Result<()> {
    let (who, model) =
        (source_identity(organization), crate::engine::plan::find(&engine.models, key)?);
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
            claim: None,
        };
        if let Err(EngineError::Refused(refusal)) = apply(engine, tx, &who, model, change) {
            tracing::error!(model = key, id, %refusal, "a row does not fit the schema");
        }
    }
    Ok(tx.notify(Notification::LogGrown { organization: organization.to_owned() })?)
}
