//! Claims: one participant holds a row for a limited time, others wait first in, first out
//! (docs/protocol/claims.md).
//!
//! The table is the only state, so every process on a database sees the same holder and the same
//! claim queue. An expired claim ends when a request touches its row or when [`sweep`] runs; the
//! first waiter is then promoted.

mod claim;
mod queue;
mod sql;

pub use claim::{Claim, ClaimDetail, ClaimOutcome, ClaimQueue, ClaimRequest};
pub use queue::{claim_queue, reorder, sweep};

use super::Engine;
use super::groups::{Visibility, visibility};
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::models::Model;
use crate::store::Tx;
use crate::value::{Cell, stored_date};
use claim::claim;
use jiff::{SignedDuration, Timestamp};
use queue::{end, expire_due, notify, promote};
use std::collections::BTreeMap;

/// Default lease, in milliseconds (docs/protocol/differences.md B1).
pub const DEFAULT_TTL_MS: u64 = 60_000;

/// Maximum lease, in milliseconds; longer ones are shortened.
pub const MAX_TTL_MS: u64 = 600_000;

/// Grace period of waiters and of newly promoted holders, in milliseconds.
pub const GRACE_PERIOD_MS: u64 = 10_000;

/// Rejects a write to a row that another participant holds.
///
/// # Errors
///
/// Returns `entity_claimed` with the holder and the expiry.
pub fn check(tx: &mut dyn Tx, who: &Identity, model: &Model, row: &str) -> Result<()> {
    let now = stored_date(tx.now());
    let values =
        [who.organization.as_str().into(), model.key.as_str().into(), row.into(), now.into()];
    let holder = tx.query(sql::HOLDER.sql(tx.dialect()), &values)?.into_iter().next().map(claim);
    match holder {
        Some(holder) if !holder.belongs_to(who) => {
            Err(held_error("entity_claimed", &holder).into())
        }
        _ => Ok(()),
    }
}

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
/// Returns `entity_not_found`, or an error if a statement fails.
pub fn begin(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    request: &ClaimRequest,
) -> Result<ClaimOutcome> {
    if visibility(engine, tx, who, model, &request.row)? == Visibility::Hidden {
        return Err(row_not_found(model, &request.row).into());
    }
    expire_due(tx, &who.organization, model, &request.row)?;
    let queue = claim_queue(tx, &who.organization, &model.key, &request.row)?;
    let (id, participant) = (request.id.as_str(), who.participant.as_str());
    let key = [who.organization.as_str().into(), participant.into(), id.into()];
    let found = tx.query(sql::BY_ID.sql(tx.dialect()), &key)?;
    if let Some(known) = found.into_iter().next().map(claim) {
        let mine = known.model == model.key && known.row == request.row;
        match known.status.as_str() {
            "active" | "queued" if mine => {
                extend(
                    tx,
                    who,
                    id,
                    if known.status == "active" {
                        request.ttl
                    } else {
                        request.ttl.min(GRACE_PERIOD_MS)
                    },
                )?;
                let at = queue
                    .waiters
                    .iter()
                    .position(|waiting| waiting.id == id && waiting.belongs_to(who));
                let until =
                    tx.query(sql::BY_ID.sql(tx.dialect()), &key)?.into_iter().next().map(claim);
                let renewed = until.unwrap_or(known);
                return Ok(match at {
                    Some(at) => ClaimOutcome::Queued(renewed, at as u64),
                    None => ClaimOutcome::Held(renewed),
                });
            }
            // The id of a claim that has ended, or of a claim on another row, is reused.
            _ => {
                tx.execute(sql::REMOVE.sql(tx.dialect()), &key)?;
                if !mine {
                    promote(tx, &who.organization, &known.model, &known.row)?;
                    notify(tx, &who.organization, &known.model, &known.row)?;
                }
            }
        }
    }
    match &queue.holder {
        Some(holder) if !holder.belongs_to(who) => {
            if !request.queue {
                return Ok(ClaimOutcome::Refused(holder.clone()));
            }
            let claim =
                insert(tx, who, model, request, "queued", request.ttl.min(GRACE_PERIOD_MS))?;
            notify(tx, &who.organization, &model.key, &request.row)?;
            Ok(ClaimOutcome::Queued(claim, queue.waiters.len() as u64))
        }
        previous => {
            // The participant claims its own row again: the new claim replaces the previous one
            // (docs/protocol/differences.md B6).
            if let Some(previous) = previous {
                end(tx, &who.organization, previous, "canceled")?;
            }
            let claim = insert(tx, who, model, request, "active", request.ttl)?;
            notify(tx, &who.organization, &model.key, &request.row)?;
            Ok(ClaimOutcome::Held(claim))
        }
    }
}

fn insert(
    tx: &mut dyn Tx,
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
    };
    let text = |text: &Option<String>| Cell::from(text.as_deref());
    let values = [
        who.organization.as_str().into(),
        claim.id.as_str().into(),
        claim.participant.as_str().into(),
        claim.kind.as_str().into(),
        claim.model.as_str().into(),
        claim.row.as_str().into(),
        claim.action.as_str().into(),
        text(&claim.description),
        text(&claim.detail.path),
        text(&claim.detail.range),
        text(&claim.detail.field),
        text(&claim.detail.meta),
        status.into(),
        claim.declared_at.as_str().into(),
        claim.expires_at.as_str().into(),
        super::log::u64_to_cell(request.ttl),
    ];
    tx.execute(sql::INSERT.sql(tx.dialect()), &values)?;
    Ok(claim)
}

/// Releases a claim or leaves the claim queue. Returns whether there was such a claim.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn abandon(
    tx: &mut dyn Tx,
    who: &Identity,
    models: &crate::models::Models,
    id: &str,
) -> Result<bool, StoreError> {
    let values = [who.organization.as_str().into(), who.participant.as_str().into(), id.into()];
    let found = tx.query(sql::BY_ID.sql(tx.dialect()), &values)?.into_iter().next().map(claim);
    let Some(claim) = found.filter(|claim| claim.is_open() && claim.belongs_to(who)) else {
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
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    claim: &Claim,
) -> Result<bool, StoreError> {
    let values = [
        who.organization.as_str().into(),
        model.type_name.as_str().into(),
        claim.row.as_str().into(),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
        claim.declared_at.as_str().into(),
    ];
    let found = tx.query(sql::COUNT_WRITES.sql(tx.dialect()), &values)?;
    Ok(super::log::cell_to_u64(found.first().and_then(|row| row.first()))? > 0)
}

/// Releases all claims of a participant on a row. Returns whether there were any.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn release(
    tx: &mut dyn Tx,
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
        .filter(|claim| claim.belongs_to(who))
        .collect();
    for claim in &own {
        abandon(tx, who, models, &claim.id)?;
    }
    Ok(!own.is_empty())
}

/// Returns whether a participant's claim holds its row or waits for it.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn is_open(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<bool, StoreError> {
    let values = [who.organization.as_str().into(), who.participant.as_str().into(), id.into()];
    let found = tx.query(sql::BY_ID.sql(tx.dialect()), &values)?.into_iter().next().map(claim);
    Ok(found.is_some_and(|claim| claim.is_open() && claim.belongs_to(who)))
}

/// Renews a claim of a participant. Returns whether it was still open.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn renew(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<bool, StoreError> {
    let values = [who.organization.as_str().into(), who.participant.as_str().into(), id.into()];
    let found = tx.query(sql::TTL_OF.sql(tx.dialect()), &values)?;
    let Some(ttl) = found.first() else { return Ok(false) };
    extend(tx, who, id, super::log::cell_to_u64(ttl.first())?)
}

fn extend(tx: &mut dyn Tx, who: &Identity, id: &str, by: u64) -> Result<bool, StoreError> {
    let until = stored_date(later(tx.now(), by));
    let values = [
        who.organization.as_str().into(),
        who.participant.as_str().into(),
        id.into(),
        until.into(),
    ];
    Ok(tx.execute(sql::EXTEND.sql(tx.dialect()), &values)? > 0)
}

/// Returns the open claims that a participant may see, in order of arrival: its own, and those on
/// visible rows.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn visible(engine: &Engine, tx: &mut dyn Tx, who: &Identity) -> Result<Vec<Claim>, StoreError> {
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
pub fn open(tx: &mut dyn Tx, organization: &str) -> Result<Vec<Claim>, StoreError> {
    let now = stored_date(tx.now());
    Ok(tx
        .query(sql::OPEN.sql(tx.dialect()), &[organization.into(), now.into()])?
        .into_iter()
        .map(claim)
        .collect())
}

fn later(now: Timestamp, millis: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
