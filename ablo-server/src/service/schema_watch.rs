//! Looks whether the database still has the coordinator's schema while there are no requests, so
//! that sockets are closed and `/health` recovers.

use super::Service;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// The time between two looks.
const POLL: Duration = Duration::from_millis(500);

/// Spawns a task that looks until the coordinator closes or is dropped.
pub(crate) fn start(service: &Arc<Service>) {
    if service.store.schema_epoch().is_some_and(|epoch| epoch.is_watched()) {
        tokio::spawn(run(Arc::downgrade(service), service.closing()));
    }
}

async fn run(service: Weak<Service>, mut closing: watch::Receiver<bool>) {
    loop {
        let Some(service) = service.upgrade() else { return };
        // Any transaction looks; `/health` reports what this one finds.
        if let Err(error) = service.ping().await {
            tracing::debug!(%error, "the database cannot be served");
        }
        drop(service);
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
    }
}

/// Waits until the tables belong to another schema.
pub(crate) async fn until_moved(moved: &mut watch::Receiver<bool>) {
    if moved.wait_for(|moved| *moved).await.is_err() {
        // The store is gone, which the caller notices.
        std::future::pending::<()>().await;
    }
}
