//! Housekeeping: a background task that deletes what is too old to be needed.
//!
//! A pass visits the organisations in turn, with one bounded batch per transaction, so that a
//! backlog delays neither commits nor other organisations. Processes that share a database each run
//! it: the second one finds nothing left.

use super::Service;
use super::options::{Retention, before};
use crate::engine::{claims, commit, data_source_log, webhooks};
use crate::error::Result;
use crate::store::tables::{bootstraps, credentials, log_bounds, operations, sessions};
use crate::store::{Store, Tenant, Tx};
use crate::value::stored_date;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// The average time between two passes.
const INTERVAL: Duration = Duration::from_secs(60);
/// The maximum number of rows of each kind that one transaction deletes.
const MAX_BATCH: u64 = 1000;
/// How long the snapshot of a client that acknowledges nothing is remembered.
const SNAPSHOT_RETENTION: Duration = Duration::from_hours(24);

/// Spawns a task that runs passes until the coordinator closes or is dropped.
pub(crate) fn start(service: &Arc<Service>) {
    tokio::spawn(run(Arc::downgrade(service), service.closing()));
}

async fn run(service: Weak<Service>, mut closing: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(delay(uuid::Uuid::new_v4().as_u128())) => {}
            // Also ends with an error, when the coordinator is dropped.
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
        let Some((store, retention)) = service
            .upgrade()
            .map(|service| (Arc::clone(&service.store), service.options.retention()))
        else {
            return;
        };
        tokio::select! {
            outcome = pass(&store, retention) => if let Err(error) = outcome {
                tracing::warn!(%error, "housekeeping failed; it is repeated");
            },
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
    }
}

/// Returns the time until the next pass: the interval, up to a quarter more or less, so that
/// processes that start together do not stay together.
fn delay(random: u128) -> Duration {
    let share = Duration::from_millis(u64::try_from(random % 1000).unwrap_or(0));
    INTERVAL.mul_f64(0.75 + share.as_secs_f64() / 2.0)
}

/// Deletes everything that is too old, collects statistics, and returns the number of deleted rows.
///
/// Organisations take turns until nothing is left. A failure of one does not stop the others.
///
/// # Errors
/// Returns an error if the organisations or the credentials cannot be read.
pub async fn pass(store: &Arc<dyn Store>, retention: Retention) -> Result<u64> {
    let mut deleted = 0;
    loop {
        let expired = |tx: &mut Tx<'_>| Ok(credentials::delete_expired(tx, MAX_BATCH)?);
        let batch = store.writing(Tenant::Global, expired).await?;
        deleted += batch;
        if batch < MAX_BATCH {
            break;
        }
    }
    let mut waiting =
        store.reading(Tenant::Global, |tx| Ok(credentials::organizations(tx)?)).await?;
    while !waiting.is_empty() {
        let mut unfinished = Vec::new();
        for organization in waiting {
            let (tenant, owner) =
                (Tenant::Organization(organization.clone()), organization.clone());
            match store.writing(tenant, move |tx| delete_batch(tx, &owner, retention)).await {
                Ok(batch) => {
                    deleted += batch.rows;
                    unfinished.extend(batch.is_full.then_some(organization));
                }
                Err(error) => tracing::warn!(organization, %error, "housekeeping failed"),
            }
        }
        waiting = unfinished;
    }
    store.writing(Tenant::Global, |tx| Ok(tx.collect_statistics()?)).await?;
    Ok(deleted)
}

/// The rows that one transaction deleted.
struct Batch {
    rows: u64,
    /// Whether there may be more.
    is_full: bool,
}

/// Deletes one batch of each kind of an organisation's rows.
fn delete_batch(tx: &mut Tx<'_>, organization: &str, retention: Retention) -> Result<Batch> {
    let old_keys = stored_date(before(tx.now(), retention.keys));
    let old_snapshots = stored_date(before(tx.now(), SNAPSHOT_RETENTION));
    let [receipts, earlier_receipts] = commit::delete_old_receipts(tx, organization, MAX_BATCH)?;
    let entries = shorten_log(tx, organization, retention)?;
    let counts = [
        claims::sweep(tx, organization, MAX_BATCH)?,
        receipts,
        earlier_receipts,
        operations::delete_before(tx, organization, &old_keys, MAX_BATCH)?,
        sessions::delete_expired(tx, organization, MAX_BATCH)?,
        data_source_log::delete_old_commits(tx, organization, MAX_BATCH)?,
        data_source_log::delete_old_events(tx, organization, MAX_BATCH)?,
        bootstraps::delete_before(tx, organization, &old_snapshots, MAX_BATCH)?,
    ];
    let is_full = counts.contains(&MAX_BATCH) || entries.is_full;
    Ok(Batch { rows: counts.iter().sum::<u64>() + entries.rows, is_full })
}

/// Deletes a batch of old entries of the log. Webhooks that are behind hold it back until it is
/// twice as old as the retention.
fn shorten_log(tx: &mut Tx<'_>, organization: &str, retention: Retention) -> Result<Batch> {
    let time = |span: Duration| stored_date(before(tx.now(), span));
    let (old, oldest) = (time(retention.log), time(retention.log * 2));
    let traces_before = time(retention.keys);
    let up_to = webhooks::oldest_cursor(tx, organization)?;
    let kept = log_bounds::Retention {
        before: &old,
        up_to: up_to.unwrap_or(u64::MAX),
        at_latest: &oldest,
        traces_before: &traces_before,
    };
    let (rows, is_full) = log_bounds::shorten(tx, organization, &kept, MAX_BATCH)?;
    Ok(Batch { rows, is_full })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_spread_around_the_interval() {
        assert_eq!(delay(0), Duration::from_secs(45));
        assert_eq!(delay(500), Duration::from_secs(60));
        assert!(delay(999) < Duration::from_secs(75) && delay(1000) == delay(0));
    }
}
