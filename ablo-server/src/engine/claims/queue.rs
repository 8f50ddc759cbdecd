//! The claim queue of a row: reading, reordering, expiry and promotion.

use super::claim::{Claim, ClaimQueue};
use super::{GRACE_PERIOD_MS, later, row_not_found};
use crate::engine::Engine;
use crate::engine::exits::{self, Exit};
use crate::error::{Result, StoreError};
use crate::identity::Identity;
use crate::models::Model;
use crate::store::tables::{claims as table, sessions};
use crate::store::{Notification, Tx};
use crate::value::stored_date;
use jiff::{SignedDuration, Timestamp};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Returns the holder, the waiters and the recently ended claims of a row.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn claim_queue(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<ClaimQueue, StoreError> {
    let mut queue = ClaimQueue::default();
    for claim in table::of_row(tx, organization, model, row)? {
        match claim.status.as_str() {
            "active" => queue.holder = Some(claim),
            "queued" => queue.waiters.push(claim),
            _ => queue.ended.push(claim),
        }
    }
    Ok(queue)
}

/// Reorders the waiters of a row: the listed ones first, then the others in their present order
/// (docs/protocol/claims.md §4).
///
/// # Errors
///
/// Returns `entity_not_found` if the participant cannot see the row, or an error if a statement
/// fails.
pub fn reorder(
    engine: &Engine,
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    row: &str,
    order: &[(String, String)],
) -> Result<()> {
    let groups = super::claim_groups(engine, tx, &who.organization, model, row)?;
    if !exits::sees(Exit::Claim, who, &groups) {
        return Err(row_not_found(model, row).into());
    }
    let organization = who.organization.as_str();
    let waiters = claim_queue(tx, organization, &model.key, row)?.waiters;
    let rank = |claim: &Claim| {
        let listed = order.iter().position(|(by, id)| {
            *id == claim.id && (*by == claim.claimant() || *by == claim.participant)
        });
        listed.unwrap_or(order.len())
    };
    let mut wanted: Vec<&Claim> = waiters.iter().collect();
    wanted.sort_by_key(|claim| rank(claim));
    table::set_order(tx, organization, &model.key, row, &wanted)?;
    Ok(notify(tx, organization, &model.key, row)?)
}

/// Ends expired claims of an organisation, promotes waiters, and deletes claims that ended a while
/// ago, at most `limit` of each. Returns the larger number.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn sweep(tx: &mut Tx<'_>, organization: &str, limit: u64) -> Result<u64, StoreError> {
    let now = stored_date(tx.now());
    let due = table::due(tx, organization, &now, limit)?;
    let rows: BTreeSet<(Cow<'_, str>, &str)> =
        due.iter().map(|claim| (claim.queue_name(), claim.row.as_str())).collect();
    for claim in &due {
        end(tx, organization, claim, "expired")?;
    }
    for (model, row) in rows {
        promote(tx, organization, &model, row)?;
        notify(tx, organization, &model, row)?;
    }
    let old = stored_date(earlier(tx.now(), GRACE_PERIOD_MS));
    let deleted = table::delete_ended(tx, organization, &old, limit)?;
    Ok(deleted.max(due.len() as u64))
}

/// Ends the expired claims on one row.
pub(super) fn expire_due(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    let queue = claim_queue(tx, organization, model, row)?;
    let due: Vec<&Claim> =
        queue.holder.iter().chain(&queue.waiters).filter(|claim| claim.expires_at <= now).collect();
    for claim in &due {
        end(tx, organization, claim, "expired")?;
    }
    if !due.is_empty() {
        promote(tx, organization, model, row)?;
        notify(tx, organization, model, row)?;
    }
    Ok(())
}

/// Promotes the first waiter of a row without a holder whose connection, if it has one, is open.
pub(super) fn promote(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<(), StoreError> {
    let queue = claim_queue(tx, organization, model, row)?;
    let now = stored_date(tx.now());
    if queue.holder.is_some() {
        return Ok(());
    }
    let mut next = None;
    // Waiters whose grace period is over are skipped; `sweep` ends them. One that left keeps its
    // position until then.
    for waiting in queue.waiters.iter().filter(|waiting| waiting.expires_at > now) {
        if is_present(tx, organization, waiting)? {
            next = Some(waiting);
            break;
        }
    }
    let Some(next) = next else { return Ok(()) };
    // The new holder has to respond within the grace period; then its lease starts.
    let until = stored_date(later(tx.now(), GRACE_PERIOD_MS));
    table::set_status(tx, organization, next, "active", &until)
}

/// Returns whether a waiter can be informed of its promotion.
fn is_present(tx: &mut Tx<'_>, organization: &str, waiting: &Claim) -> Result<bool, StoreError> {
    match &waiting.connection {
        Some(connection) => Ok(sessions::find(tx, organization, connection)?.is_some()),
        None => Ok(true),
    }
}

pub(super) fn end(
    tx: &mut Tx<'_>,
    organization: &str,
    claim: &Claim,
    how: &'static str,
) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    table::set_status(tx, organization, claim, how, &now)
}

pub(super) fn notify(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<(), StoreError> {
    tx.notify(Notification::ClaimsChanged {
        organization: organization.to_owned(),
        model: model.to_owned(),
        row: row.to_owned(),
    })
}

fn earlier(now: Timestamp, millis: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
