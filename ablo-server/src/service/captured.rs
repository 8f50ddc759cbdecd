//! Follows the changes that other programs make to the tables of models, and appends them to the
//! sync log.
//!
//! Processes that share a database each run it: what one has taken, the others do not find.

use super::Service;
use crate::engine::Engine;
use crate::engine::commit::captured;
use crate::error::Result;
use crate::store::tables::captured as table;
use crate::store::tables::credentials;
use crate::store::{Dialect, Tenant, Tx};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// The time between two looks at an empty table of changes.
const POLL: Duration = Duration::from_millis(200);
/// The number of looks after which the triggers are looked up again.
const POLLS_PER_REFRESH: u32 = 25;
/// The maximum number of changes in one transaction, so that commits do not wait long.
const MAX_BATCH: u64 = 200;
/// The number of oldest changes whose organisations take turns.
const MAX_LOOK: u64 = 10_000;

/// Spawns a task that follows the changes until the coordinator closes or is dropped.
pub(crate) fn start(service: &Arc<Service>) {
    if service.store.dialect() == Dialect::Postgres {
        tokio::spawn(run(Arc::downgrade(service), service.closing()));
    }
}

async fn run(service: Weak<Service>, mut closing: watch::Receiver<bool>) {
    let (mut polls, mut is_installed) = (0_u32, false);
    loop {
        let Some(service) = service.upgrade() else { return };
        if polls % POLLS_PER_REFRESH == 0 {
            is_installed = refresh(&service).await.unwrap_or(is_installed);
        }
        polls = polls.wrapping_add(1);
        let appended = match is_installed {
            true => step(&service).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "changes of other programs are not in the log yet");
                0
            }),
            false => 0,
        };
        drop(service);
        let wait = if appended == 0 { POLL } else { Duration::ZERO };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // Also ends with an error, when the coordinator is dropped.
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
    }
}

/// Finds out which tables have the triggers. Returns whether any has.
async fn refresh(service: &Service) -> Result<bool> {
    let engine = Arc::clone(&service.engine);
    let job = move |tx: &mut Tx<'_>| Ok(captured::refresh(&engine.models, tx)?);
    service.store.reading(Tenant::Global, job).await
}

/// Appends one batch of each organisation that has changes. Returns the number of changes.
async fn step(service: &Service) -> Result<usize> {
    let owners =
        service.store.reading(Tenant::Global, |tx| Ok(table::organizations(tx, MAX_LOOK)?));
    let mut appended = 0;
    for owner in owners.await? {
        appended += match owner {
            Some(organization) => {
                let owner = organization.clone();
                let job = move |engine: &Engine, tx: &mut Tx<'_>| {
                    captured::append(engine, tx, &owner, MAX_BATCH)
                };
                service.writing(&organization, job).await?
            }
            None => append_unowned(service).await?,
        };
    }
    Ok(appended)
}

/// Appends changes without a known organisation to the log of each organisation that they concern.
async fn append_unowned(service: &Service) -> Result<usize> {
    let read =
        |tx: &mut Tx<'_>| Ok((table::unowned(tx, MAX_BATCH)?, credentials::organizations(tx)?));
    let (changes, organizations) = service.store.reading(Tenant::Global, read).await?;
    for organization in organizations {
        let (owner, changes) = (organization.clone(), changes.clone());
        let job = move |engine: &Engine, tx: &mut Tx<'_>| {
            captured::append_unowned(engine, tx, &owner, &changes)
        };
        service.writing(&organization, job).await?;
    }
    let numbers: Vec<u64> = changes.iter().map(|change| change.number).collect();
    let delete = move |tx: &mut Tx<'_>| Ok(table::delete(tx, &numbers)?);
    service.store.writing(Tenant::Global, delete).await?;
    Ok(changes.len())
}
