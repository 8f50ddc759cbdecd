//! Commits to rows of a data source: recorded before they are sent, and appended to the sync log
//! once, from the response or from the outbox, whichever comes first.
//!
//! A commit is `sent` before the source is called, and `appended` after its response. If no
//! response arrives, the first of its events takes it over. It is deleted when the outbox has
//! reported all its operations; until then, events with older states of its rows are skipped.

mod events;
mod pending;

pub(crate) use events::{
    BatchOutcome, apply_events, backfill, cursor, delete_old_commits, delete_old_events,
    has_events, save_cursor,
};

use super::Engine;
use super::change::OperationKind;
use super::commit::{ClaimInUse, Commit, commit, confirmed_receipt, find_receipt, save_receipt};
use super::log;
use super::mirror::{UpstreamChange, apply};
use crate::error::{ApiError, Result};
use crate::identity::{Identity, everything};
use crate::store::Tx;
use crate::store::tables::source_commits as table;
use crate::store::tables::{claims, log_bounds, operations};
use crate::value::stored_date;
use ablo_wire::{CommitReceipt, RawRow};
use jiff::SignedDuration;
use pending::{PendingCommit, Writer, in_flight, row_key};
use serde::Deserialize;
use std::collections::BTreeSet;

/// How long to wait for a response before the outbox takes over.
pub(crate) const ANSWER_TIMEOUT: SignedDuration = SignedDuration::from_secs(15);

/// The next action for a commit.
#[derive(Clone, Debug)]
pub(crate) enum BeginOutcome {
    /// Nothing: it was applied before.
    AlreadyApplied(Box<CommitReceipt>),
    /// Wait: another commit to one of its rows is in flight.
    RowBusy,
    /// Call the source, without the operations at these indices, which were applied before.
    Send(BTreeSet<usize>),
}

/// Returns the id under which the source sees a commit; client ids are unique only among those of
/// their participant.
pub(crate) fn source_tx_id(who: &Identity, client_tx_id: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [who.organization.as_str(), who.kind.as_str(), who.participant.as_str()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    hasher.update(client_tx_id.as_bytes());
    format!("tx_{}", &hasher.finalize().to_hex()[..40])
}

/// Validates a commit against the mirror and records that it is sent.
pub(crate) fn begin(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    commit_request: &Commit,
) -> Result<BeginOutcome> {
    if let Some(receipt) = find_receipt(&engine.models, tx, who, commit_request)? {
        return Ok(BeginOutcome::AlreadyApplied(Box::new(receipt)));
    }
    let id = source_tx_id(who, &commit_request.client_tx_id);
    let rows: BTreeSet<String> = commit_request
        .changes
        .iter()
        .map(|change| row_key(engine.models.get(change.model), &change.id))
        .collect();
    for other in in_flight(tx, &who.organization, &id)? {
        if other.id == id && !commit_request.has_hash(&engine.models, &other.body_hash) {
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
            && operations::find(tx, who, transaction)?.is_some()
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
    // The coordinator rejects what it can: scope, claims, stale writes, values, and what the tables
    // of the mirror reject.
    tx.dry_run(|tx| commit(engine, tx, who, commit_request))?;
    if let Some(claim) = commit_request.claim.named() {
        super::claims::renew(tx, who, claim)?;
    }
    let writer = Writer {
        participant: who.participant.clone(),
        kind: who.kind.as_str().to_owned(),
        on_behalf_of: who.on_behalf_of.clone(),
        capability: who.capability.clone(),
        caused_by: commit_request.caused_by.clone(),
        operations: (commit_request.changes.len() - applied.len()) as u64,
        transactions: transactions(engine, commit_request, &applied),
    };
    let pending = PendingCommit {
        id,
        state: "sent".to_owned(),
        rows,
        writer,
        events_seen: 0,
        sent_at: stored_date(tx.now()),
        body_hash: commit_request.content_hash(&engine.models),
    };
    table::insert(tx, &who.organization, &commit_request.client_tx_id, &pending)?;
    Ok(BeginOutcome::Send(applied))
}

/// Deletes a commit that the source has rejected.
pub(crate) fn discard(tx: &mut Tx<'_>, who: &Identity, client_tx_id: &str) -> Result<()> {
    let id = source_tx_id(who, client_tx_id);
    Ok(table::delete(tx, &who.organization, &id)?)
}

/// Applies the response of the source to the sync log, unless the outbox has done so.
pub(crate) fn finish(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    commit_request: &Commit,
    rows: &[RawRow],
    events: bool,
) -> Result<CommitReceipt> {
    if let Some(receipt) = find_receipt(&engine.models, tx, who, commit_request)? {
        return Ok(receipt);
    }
    let id = source_tx_id(who, &commit_request.client_tx_id);
    let now = stored_date(tx.now());
    let known = in_flight(tx, &who.organization, &id)?.into_iter().find(|open| open.id == id);
    let superseded = known.as_ref().is_none_or(|open| open.state != "sent");
    let mut last = log::head(tx, &who.organization)?;
    if !superseded {
        let mut answered: Vec<(String, &RawRow)> =
            rows.iter().map(|row| (raw_row_id(row), row)).collect();
        for change in &commit_request.changes {
            let model = engine.models.get(change.model);
            if let Some(transaction) = &change.transaction
                && operations::find(tx, who, transaction)?.is_some()
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
            let claim = claim_of(tx, who, commit_request, (&model.key, &change.id), &now)?;
            let upstream = UpstreamChange {
                id: &change.id,
                kind: change.kind,
                row: row.filter(|_| !deleted),
                transaction: change.transaction.as_deref(),
                caused_by: commit_request.caused_by.as_deref(),
                claim: claim.as_deref(),
            };
            let sync_id = apply(engine, tx, who, model, upstream)?;
            if let Some(transaction) = &change.transaction {
                let hash = change.content_hash(model);
                operations::insert(tx, who, transaction, (&hash, sync_id), &now)?;
            }
            last = last.max(sync_id);
        }
    }
    let mut receipt = confirmed_receipt(commit_request, last);
    receipt.epoch = log_bounds::epoch(tx, &who.organization, last)?;
    save_receipt(engine, tx, who, commit_request, &receipt)?;
    match known {
        Some(open) if !superseded && events => {
            table::set_state(tx, &who.organization, &id, "appended", open.events_seen)?;
        }
        Some(_) if !superseded => table::delete(tx, &who.organization, &id)?,
        _ => {}
    }
    Ok(receipt)
}

/// Returns the transaction ids of the operations that are sent, with the hashes of their content.
fn transactions(
    engine: &Engine,
    request: &Commit,
    applied: &BTreeSet<usize>,
) -> Vec<(String, String)> {
    let sent = request.changes.iter().enumerate().filter(|(at, _)| !applied.contains(at));
    sent.filter_map(|(_, change)| {
        let hash = change.content_hash(engine.models.get(change.model));
        Some((change.transaction.clone()?, hash))
    })
    .collect()
}

/// Returns the claim under which a commit writes a row.
fn claim_of(
    tx: &mut Tx<'_>,
    who: &Identity,
    request: &Commit,
    (model, row): (&str, &str),
    now: &str,
) -> Result<Option<String>> {
    Ok(match &request.claim {
        ClaimInUse::None => None,
        ClaimInUse::Named(claim) => Some(claim.clone()),
        ClaimInUse::OfHolder => claims::holders(tx, &who.organization, model, &[row], now)?
            .into_iter()
            .find(|claim| claim.is_held_by(who))
            .map(|claim| claim.id),
    })
}

fn raw_row_id(row: &RawRow) -> String {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    row.decode().map_or_else(|_| String::new(), |row: Id| row.id)
}

/// Returns the identity for changes whose writer is unknown.
pub(crate) fn source_identity(organization: &str) -> Identity {
    Identity {
        participant: "source".to_owned(),
        capability: "source".to_owned(),
        ..everything(organization)
    }
}
