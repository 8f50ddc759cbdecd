//! Claims: one holder, a program of a participant, has a row for a limited time; others wait first
//! in, first out (docs/protocol/claims.md).
//!
//! The table is the only state, so every process on a database sees the same holder and the same
//! claim queue. An expired claim ends when a request touches its row or when [`sweep`] runs; the
//! first waiter is then promoted.

mod claim;
mod limits;
mod queue;

pub use claim::{Claim, ClaimDetail, ClaimOutcome, ClaimQueue, ClaimRequest};
pub use limits::check_limits;
pub use queue::{claim_queue, reorder, sweep};

use super::Engine;
use super::access::check_permission;
use super::exits;
use super::groups::row_groups;
use crate::error::{ApiError, Result, StoreError};
use crate::identity::{Identity, organization_group};
use crate::models::{Model, Models};
use crate::store::Tx;
use crate::store::tables::{claims as table, log};
use crate::value::stored_date;
use ablo_wire::LostReason;
use jiff::{SignedDuration, Timestamp};
use queue::{end, expire_due, notify, promote};
use std::collections::{BTreeMap, BTreeSet};

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
    named(ApiError::new(code, message), holder)
}

/// Adds the holder of a row to an error.
fn named(error: ApiError, holder: &Claim) -> ApiError {
    let expires = crate::value::shown_date(&holder.expires_at);
    error
        .detail("heldBy", holder.claimant())
        .detail("heldByIntentId", holder.id.as_str())
        .detail("heldByExpiresAt", expires)
}

/// Builds the refusal of a write of a row with these groups, which another participant holds. The
/// holder is named to those who see the claim.
pub(crate) fn claimed(
    models: &Models,
    who: &Identity,
    holder: &Claim,
    groups: Option<&BTreeSet<String>>,
) -> ApiError {
    let organization = BTreeSet::from([organization_group(&who.organization)]);
    if holder.belongs_to(who) {
        let message = format!(
            "{}/{} is held by another program of this participant; to write under its claim, name \
             the claim as `intent`, or the program in the header `Ablo-Holder`",
            holder.model, holder.row
        );
        return named(ApiError::new("entity_claimed", message), holder);
    }
    if exits::sees_claims(models, who, &holder.model, groups.unwrap_or(&organization)) {
        return held_error("entity_claimed", holder);
    }
    let message = format!("{}/{} is held by another participant", holder.model, holder.row);
    ApiError::new("entity_claimed", message)
}

/// Requests a claim on a row (docs/protocol/differences.md B12). A participant that does not see
/// the row, or that there is none, needs the permission to create it; its claim delays no other.
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
    let unseen = !sees_row(engine, tx, who, model, &request.row)?;
    if unseen && check_permission(model, who, "create").is_err() {
        return Err(row_not_found(model, &request.row).into());
    }
    let name = match unseen {
        true => table::unseen_name(who.kind.as_str(), &who.participant, &model.key),
        false => model.key.clone(),
    };
    expire_due(tx, &who.organization, &name, &request.row)?;
    let queue = claim_queue(tx, &who.organization, &name, &request.row)?;
    let id = request.id.as_str();
    free_id(tx, who, id)?;
    if let Some(known) = table::find(tx, who, id)? {
        let is_row = known.model == model.key && known.row == request.row;
        // A claim on a row that has become visible in the meantime is requested as a new one.
        let mine = is_row && known.unseen == unseen;
        match known.status.as_str() {
            "active" | "queued" if mine => {
                return Ok(resume(tx, who, &name, request, &known)?);
            }
            // The id of a claim that has ended, or of a claim on another row, is reused.
            _ => {
                table::delete(tx, &who.organization, &who.participant, id)?;
                if !mine {
                    let name = known.queue_name();
                    promote(tx, &who.organization, &name, &known.row)?;
                    notify(tx, &who.organization, &name, &known.row)?;
                }
            }
        }
    }
    match &queue.holder {
        Some(holder) if !holder.is_held_by(who) => {
            if !request.queue {
                return Ok(ClaimOutcome::Refused(holder.clone()));
            }
            let claim = insert(
                tx,
                who,
                (model, unseen),
                request,
                "queued",
                request.ttl.min(GRACE_PERIOD_MS),
            )?;
            notify(tx, &who.organization, &name, &request.row)?;
            Ok(ClaimOutcome::Queued(claim, queue.waiters.len() as u64))
        }
        previous => {
            // The holder claims its own row again: the new claim replaces the previous one
            // (docs/protocol/differences.md B6).
            if let Some(previous) = previous {
                end(tx, &who.organization, previous, "canceled")?;
                table::set_replaced(tx, &who.organization, previous)?;
            }
            let claim = insert(tx, who, (model, unseen), request, "active", request.ttl)?;
            notify(tx, &who.organization, &name, &request.row)?;
            Ok(ClaimOutcome::Held(claim))
        }
    }
}

/// Continues an open claim, perhaps of another program or connection of the participant.
fn resume(
    tx: &mut Tx<'_>,
    who: &Identity,
    name: &str,
    request: &ClaimRequest,
    known: &Claim,
) -> Result<ClaimOutcome, StoreError> {
    let id = request.id.as_str();
    table::set_holder(tx, who, id, request.connection.as_deref())?;
    // Promotion skips waiters whose connection is gone.
    promote(tx, &who.organization, name, &request.row)?;
    let is_own = |claim: &Claim| claim.id == id && claim.belongs_to(who);
    let queue = claim_queue(tx, &who.organization, name, &request.row)?;
    let position = queue.waiters.iter().position(is_own);
    let ttl = if position.is_some() { request.ttl.min(GRACE_PERIOD_MS) } else { request.ttl };
    extend(tx, who, id, ttl)?;
    let resumed = table::find(tx, who, id)?.unwrap_or_else(|| known.clone());
    if (&resumed.holder, &resumed.status) != (&known.holder, &known.status) {
        notify(tx, &who.organization, name, &request.row)?;
    }
    Ok(match position {
        Some(at) => ClaimOutcome::Queued(resumed, at as u64),
        None => ClaimOutcome::Held(resumed),
    })
}

fn insert(
    tx: &mut Tx<'_>,
    who: &Identity,
    (model, unseen): (&Model, bool),
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
        unseen,
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
    let name = claim.queue_name();
    promote(tx, &who.organization, &name, &claim.row)?;
    notify(tx, &who.organization, &name, &claim.row)?;
    Ok(true)
}

/// Returns whether the holder has written the row since it requested the claim.
fn has_written(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    claim: &Claim,
) -> Result<bool, StoreError> {
    let under = (claim.id.as_str(), claim.declared_at.as_str());
    log::has_written(tx, who, &model.type_name, &claim.row, under)
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
    let unseen = table::unseen_name(who.kind.as_str(), &who.participant, &model.key);
    let mut own: Vec<Claim> = Vec::new();
    for name in [&model.key, &unseen] {
        let queue = claim_queue(tx, &who.organization, name, row)?;
        let open = queue.holder.into_iter().chain(queue.waiters);
        own.extend(open.filter(|claim| claim.may_be_of(who)));
    }
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
    let now = stored_date(tx.now());
    Ok(match table::find(tx, who, id)? {
        Some(claim) if claim.is_live(&now) && claim.is_held_by(who) => None,
        // Another program or connection continues it, or requested another claim on the row.
        Some(claim) if claim.is_live(&now) || claim.replaced => Some(LostReason::Replaced),
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
    let mut visible = BTreeMap::new();
    claims.retain(|claim| !claim.unseen || claim.belongs_to(who));
    for claim in claims.iter().filter(|claim| !claim.belongs_to(who)) {
        let row = (claim.model.clone(), claim.row.clone());
        if let (false, Some(model)) = (visible.contains_key(&row), engine.models.find(&row.0)) {
            let groups = claim_groups(engine, tx, &who.organization, model, &row.1)?;
            let sees = exits::sees_claims(&engine.models, who, &row.0, &groups);
            visible.insert(row, sees);
        }
    }
    claims.retain(|claim| {
        let row = (claim.model.clone(), claim.row.clone());
        claim.belongs_to(who) || visible.get(&row) == Some(&true)
    });
    Ok(claims)
}

/// Returns whether a participant sees a row, or, if there is none, would see any row. To others, a
/// hidden row and one that does not exist look alike.
fn sees_row(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    row: &str,
) -> Result<bool, StoreError> {
    let groups = claim_groups(engine, tx, &who.organization, model, row)?;
    Ok(exits::sees_claims(&engine.models, who, &model.key, &groups))
}

/// Returns the groups that see the claims on a row: those of the row, or only the organisation's if
/// the row does not exist.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub(crate) fn claim_groups(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    model: &Model,
    row: &str,
) -> Result<BTreeSet<String>, StoreError> {
    match engine.rows().find(tx, organization, model, row)? {
        Some(found) => row_groups(engine, tx, organization, model, &found),
        None => Ok(BTreeSet::from([organization_group(organization)])),
    }
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
