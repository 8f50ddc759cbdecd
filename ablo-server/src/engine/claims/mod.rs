//! Claims: one holder, a program of a participant, has a row for a limited time; others wait first
//! in, first out (docs/protocol/claims.md).
//!
//! The table is the only state, so every process on a database sees the same holder and the same
//! claim queue. An expired claim ends when a request touches its row or when [`sweep`] runs; the
//! first waiter is then promoted.

mod claim;
mod queue;

pub use claim::{Claim, ClaimDetail, ClaimOutcome, ClaimQueue, ClaimRequest};
pub use queue::{claim_queue, reorder, sweep};

use super::Engine;
use super::groups::{Visibility, visibility};
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::models::Model;
use crate::store::Tx;
use crate::store::tables::{claims as table, log};
use crate::value::stored_date;
use ablo_wire::LostReason;
use jiff::{SignedDuration, Timestamp};
use queue::{end, expire_due, notify, promote};
use std::collections::BTreeMap;

/// Default lease, in milliseconds (docs/protocol/differences.md B1).
pub const DEFAULT_TTL_MS: u64 = 60_000;

/// Maximum lease, in milliseconds; longer ones are shortened.
pub const MAX_TTL_MS: u64 = 600_000;

/// Grace period of waiters and of newly promoted holders, in milliseconds.
pub const GRACE_PERIOD_MS: u64 = 10_000;

fn row_not_found(model: &Model, row: &str) -> ApiError {
    ApiError::new("entity_not_found", format!("{}/{row} does not exist", model.key))
}

/// Builds the error that names the holder of a row.
#[must_use]
pub fn held_error(code: &'static str, holder: &Claim) -> ApiError {
    let message = format!(
        "{}/{} is held by {} ({})",
        holder.model,
        holder.row,
        holder.claimant(),
        holder.action
    );
    let expires = crate::value::shown_date(&holder.expires_at);
    ApiError::new(code, message)
        .detail("heldBy", holder.claimant())
        .detail("heldByIntentId", holder.id.as_str())
        .detail("heldByExpiresAt", expires)
}

/// Requests a claim on a row. The row does not have to exist, but an existing one has to be visible
/// to the participant (docs/protocol/differences.md B12).
///
/// # Errors
///
/// Returns `entity_not_found`, `invalid_id` if the claim's id is in use by a participant of another
/// kind, or an error if a statement fails.
pub fn begin(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    request: &ClaimRequest,
) -> Result<ClaimOutcome> {
    if visibility(engine, tx, who, model, &request.row)? == Visibility::Hidden {
        return Err(row_not_found(model, &request.row).into());
    }
    expire_due(tx, &who.organization, model, &request.row)?;
    let queue = claim_queue(tx, &who.organization, &model.key, &request.row)?;
    let id = request.id.as_str();
    free_id(tx, who, id)?;
    if let Some(known) = table::find(tx, who, id)? {
        let mine = known.model == model.key && known.row == request.row;
        match known.status.as_str() {
            "active" | "queued" if mine => {
                return Ok(resume(tx, who, model, request, &known)?);
            }
            // The id of a claim that has ended, or of a claim on another row, is reused.
            _ => {
                table::delete(tx, &who.organization, &who.participant, id)?;
                if !mine {
                    promote(tx, &who.organization, &known.model, &known.row)?;
                    notify(tx, &who.organization, &known.model, &known.row)?;
                }
            }
        }
    }
    match &queue.holder {
        Some(holder) if !holder.is_held_by(who) => {
            if !request.queue {
                return Ok(ClaimOutcome::Refused(holder.clone()));
            }
            let claim =
                insert(tx, who, model, request, "queued", request.ttl.min(GRACE_PERIOD_MS))?;
            notify(tx, &who.organization, &model.key, &request.row)?;
            Ok(ClaimOutcome::Queued(claim, queue.waiters.len() as u64))
        }
        previous => {
            // The holder claims its own row again: the new claim replaces the previous one
            // (docs/protocol/differences.md B6).
            if let Some(previous) = previous {
                end(tx, &who.organization, previous, "canceled")?;
                table::set_replaced(tx, &who.organization, previous)?;
            }
            let claim = insert(tx, who, model, request, "active", request.ttl)?;
            notify(tx, &who.organization, &model.key, &request.row)?;
            Ok(ClaimOutcome::Held(claim))
        }
    }
}

/// Continues an open claim, perhaps of another program or connection of the participant.
fn resume(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    request: &ClaimRequest,
    known: &Claim,
) -> Result<ClaimOutcome, StoreError> {
    let id = request.id.as_str();
    table::set_holder(tx, who, id, request.connection.as_deref())?;
    // Promotion skips waiters whose connection is gone.
    promote(tx, &who.organization, &model.key, &request.row)?;
    let is_own = |claim: &Claim| claim.id == id && claim.belongs_to(who);
    let queue = claim_queue(tx, &who.organization, &model.key, &request.row)?;
    let position = queue.waiters.iter().position(is_own);
    let ttl = if position.is_some() { request.ttl.min(GRACE_PERIOD_MS) } else { request.ttl };
    extend(tx, who, id, ttl)?;
    let resumed = table::find(tx, who, id)?.unwrap_or_else(|| known.clone());
    if (&resumed.holder, &resumed.status) != (&known.holder, &known.status) {
        notify(tx, &who.organization, &model.key, &request.row)?;
    }
    Ok(match position {
        Some(at) => ClaimOutcome::Queued(resumed, at as u64),
        None => ClaimOutcome::Held(resumed),
    })
}

fn insert(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    request: &ClaimRequest,
    status: &'static str,
    ttl: u64,
) -> Result<Claim, StoreError> {
    let now = tx.now();
    let claim = Claim {
        id: request.id.clone(),
        participant: who.participant.clone(),
        kind: who.kind.as_str().to_owned(),
        model: model.key.clone(),
        row: request.row.clone(),
        action: request.action.clone(),
        description: request.description.clone(),
        detail: request.detail.clone(),
        status: status.to_owned(),
        declared_at: stored_date(now),
        expires_at: stored_date(later(now, ttl)),
        ttl: request.ttl,
        holder: who.holder.clone(),
        connection: request.connection.clone(),
        replaced: false,
    };
    table::insert(tx, &who.organization, &claim)?;
    Ok(claim)
}

/// Releases a claim or leaves the claim queue. Returns whether there was such a claim that the
/// program that acts may release.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn abandon(
    tx: &mut Tx<'_>,
    who: &Identity,
    models: &crate::models::Models,
    id: &str,
) -> Result<bool, StoreError> {
    let claim = table::find(tx, who, id)?;
    let Some(claim) = claim.filter(|claim| claim.is_open() && claim.can_be_released_by(who)) else {
        return Ok(false);
    };
    let has_written = match models.find(&claim.model) {
        Some(model) if claim.status == "active" => has_written(tx, who, model, &claim)?,
        _ => false,
    };
    end(tx, &who.organization, &claim, if has_written { "committed" } else { "canceled" })?;
    promote(tx, &who.organization, &claim.model, &claim.row)?;
    notify(tx, &who.organization, &claim.model, &claim.row)?;
    Ok(true)
}

/// Returns whether the holder has written the row while it held the claim.
fn has_written(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    claim: &Claim,
) -> Result<bool, StoreError> {
    log::has_written(tx, who, &model.type_name, &claim.row, &claim.declared_at)
}

/// Checks that no participant of another kind with the same name has an open claim with an id, and
/// deletes one that has ended.
fn free_id(tx: &mut Tx<'_>, who: &Identity, id: &str) -> Result<()> {
    match table::with_id(tx, who, id)?.filter(|claim| !claim.belongs_to(who)) {
        Some(other) if other.is_open() => {
            let message = "the id of the claim is in use by another participant";
            Err(ApiError::new("invalid_id", message).param("intentId").into())
        }
        Some(_) => Ok(table::delete(tx, &who.organization, &who.participant, id)?),
        None => Ok(()),
    }
}

/// Releases all claims of the program that acts on a row. Returns whether there were any.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn release(
    tx: &mut Tx<'_>,
    who: &Identity,
    models: &crate::models::Models,
    model: &Model,
    row: &str,
) -> Result<bool, StoreError> {
    let queue = claim_queue(tx, &who.organization, &model.key, row)?;
    let own: Vec<Claim> = queue
        .holder
        .into_iter()
        .chain(queue.waiters)
        .filter(|claim| claim.may_be_of(who))
        .collect();
    for claim in &own {
        abandon(tx, who, models, &claim.id)?;
    }
    Ok(!own.is_empty())
}

/// Returns why a program has lost a claim, or `None` if it still holds the row or waits for it.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn lost(tx: &mut Tx<'_>, who: &Identity, id: &str) -> Result<Option<LostReason>, StoreError> {
    Ok(match table::find(tx, who, id)? {
        Some(claim) if claim.is_open() && claim.is_held_by(who) => None,
        // Another program or connection continues it, or requested another claim on the row.
        Some(claim) if claim.is_open() || claim.replaced => Some(LostReason::Replaced),
        Some(claim) if matches!(claim.status.as_str(), "canceled" | "committed") => {
            Some(LostReason::Released)
        }
        _ => Some(LostReason::Expired),
    })
}

/// Renews a claim of a participant. Returns whether it was still open.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn renew(tx: &mut Tx<'_>, who: &Identity, id: &str) -> Result<bool, StoreError> {
    let Some(claim) = table::find(tx, who, id)? else { return Ok(false) };
    extend(tx, who, id, claim.ttl)
}

fn extend(tx: &mut Tx<'_>, who: &Identity, id: &str, by: u64) -> Result<bool, StoreError> {
    let until = stored_date(later(tx.now(), by));
    table::extend(tx, &who.organization, &who.participant, id, &until)
}

/// Returns the open claims that a participant may see, in order of arrival: its own, and those on
/// visible rows.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn visible(engine: &Engine, tx: &mut Tx<'_>, who: &Identity) -> Result<Vec<Claim>, StoreError> {
    let mut claims = open(tx, &who.organization)?;
    let mut visibilities = BTreeMap::new();
    for claim in claims.iter().filter(|claim| !who.sees_all() && !claim.belongs_to(who)) {
        let row = (claim.model.clone(), claim.row.clone());
        if let (false, Some(model)) =
            (visibilities.contains_key(&row), engine.models.find(&claim.model))
        {
            visibilities.insert(row, visibility(engine, tx, who, model, &claim.row)?);
        }
    }
    claims.retain(|claim| {
        let row = (claim.model.clone(), claim.row.clone());
        who.sees_all()
            || claim.belongs_to(who)
            || visibilities.get(&row) == Some(&Visibility::Visible)
    });
    Ok(claims)
}

/// Returns all open claims of an organisation in order of arrival.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn open(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Claim>, StoreError> {
    let now = stored_date(tx.now());
    table::open(tx, organization, &now)
}

fn later(now: Timestamp, millis: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
