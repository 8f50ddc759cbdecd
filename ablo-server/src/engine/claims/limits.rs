//! How many claims a participant may have, and how many may wait for a row.

use crate::error::{ApiError, Result};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::models::Model;
use crate::store::Tx;
use crate::store::tables::claims as table;

use super::ClaimRequest;

/// Checks that a request for a new claim is within the limits.
///
/// # Errors
/// Returns `limit_exceeded` or `queue_too_deep`, or an error if a statement fails.
pub fn check_limits(
    tx: &mut Tx<'_>,
    who: &Identity,
    model: &Model,
    request: &ClaimRequest,
    limits: &Limits,
) -> Result<()> {
    if table::find(tx, who, &request.id)?.is_some_and(|known| known.is_open()) {
        return Ok(());
    }
    let own = [
        ("active", "claims_held", limits.claims_held),
        ("queued", "claims_queued", limits.claims_queued),
    ];
    for (status, limit, maximum) in own {
        if table::count_own(tx, who, status, maximum as u64)? >= maximum as u64 {
            let message = format!("the participant has {maximum} claims already; release some");
            return Err(ApiError::new("limit_exceeded", message).limit(limit, maximum).into());
        }
    }
    let maximum = limits.claim_queue;
    let row = (model.key.as_str(), request.row.as_str());
    if request.queue
        && table::count_waiters(tx, &who.organization, row, maximum as u64)? >= maximum as u64
    {
        let message = format!("{maximum} claims wait for the row already");
        return Err(ApiError::new("queue_too_deep", message).limit("claim_queue", maximum).into());
    }
    Ok(())
}
