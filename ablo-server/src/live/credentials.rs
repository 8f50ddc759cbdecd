//! The credentials of open connections: a task finds those that were revoked or have expired, and
//! each connection then closes itself.
//!
//! The database is asked at a short interval, because notifications can be lost and a command
//! revokes keys without the coordinator. A notification only makes the task ask at once.

use super::end::{EXPIRED, End, REVOKED};
use super::hub::lock;
use crate::engine::credentials::{self, Ending};
use crate::error::Result;
use crate::identity::Identity;
use crate::store::{Store, Tenant};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// The longest time between two questions to the database.
const CHECK_INTERVAL: Duration = Duration::from_millis(400);
/// The shortest time between two questions, however many notifications arrive.
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(20);
/// How far a question reaches behind the one before: a transaction that ends a credential commits
/// after it has read the clock.
const OVERLAP: SignedDuration = SignedDuration::from_secs(10);

/// The credentials of the open connections of a process.
#[derive(Debug, Default)]
pub(super) struct OpenCredentials {
    entries: Mutex<BTreeMap<String, Entry>>,
    changed: Mutex<Vec<String>>,
    wake: Notify,
}

#[derive(Debug)]
struct Entry {
    ending: watch::Sender<Option<Ending>>,
    connections: usize,
}

impl OpenCredentials {
    /// Adds a connection until the returned guard is dropped.
    pub(super) fn add(self: &Arc<Self>, who: &Identity) -> CredentialGuard {
        let mut entries = lock(&self.entries);
        let entry = entries
            .entry(who.capability.clone())
            .or_insert_with(|| Entry { ending: watch::channel(None).0, connections: 0 });
        entry.connections += 1;
        CredentialGuard {
            id: who.capability.clone(),
            expires_at: who.expires_at.as_deref().and_then(|end| end.parse().ok()),
            ending: entry.ending.subscribe(),
            open: Arc::clone(self),
        }
    }

    /// Makes the task ask about a credential at once.
    pub(super) fn check_soon(&self, capability: String) {
        if lock(&self.entries).contains_key(&capability) {
            lock(&self.changed).push(capability);
        }
        self.wake.notify_one();
    }

    fn end(&self, capability: &str, ending: Ending) {
        if let Some(entry) = lock(&self.entries).get(capability) {
            entry.ending.send_replace(Some(ending));
        }
    }

    /// Asks the database which credentials have ended since `last`, and returns the time.
    async fn check(&self, store: &Arc<dyn Store>, last: Option<Timestamp>) -> Result<Timestamp> {
        let changed = std::mem::take(&mut *lock(&self.changed));
        let question = move |tx: &mut crate::store::Tx<'_>| {
            let now = tx.now();
            let since = last.unwrap_or(now).checked_sub(OVERLAP).unwrap_or(Timestamp::MIN);
            let mut ended = credentials::ended_since(tx, since)?;
            for id in &changed {
                ended.extend(credentials::ending(tx, id)?.map(|ending| (id.clone(), ending)));
            }
            Ok((ended, now))
        };
        let (ended, now) = store.reading(Tenant::Global, question).await?;
        for (capability, ending) in ended {
            self.end(&capability, ending);
        }
        Ok(now)
    }
}

/// Looks for credentials that have ended until the coordinator is dropped.
pub(super) async fn watch_credentials(open: Weak<OpenCredentials>, store: Weak<dyn Store>) {
    let mut last = None;
    loop {
        let (Some(open), Some(store)) = (open.upgrade(), store.upgrade()) else { return };
        if lock(&open.entries).is_empty() {
            last = None;
        } else {
            match open.check(&store, last).await {
                Ok(now) => last = Some(now),
                Err(error) => tracing::warn!(%error, "failed to look for ended credentials"),
            }
        }
        drop(store);
        tokio::time::sleep(MIN_CHECK_INTERVAL).await;
        // A wake-up may come at any time, but the task has to end with the coordinator.
        let _ = tokio::time::timeout(CHECK_INTERVAL, open.wake.notified()).await;
    }
}

/// The credential of one connection.
#[derive(Debug)]
pub(super) struct CredentialGuard {
    id: String,
    expires_at: Option<Timestamp>,
    ending: watch::Receiver<Option<Ending>>,
    open: Arc<OpenCredentials>,
}

impl CredentialGuard {
    /// Returns a receiver that changes when the credential ends.
    pub(super) fn subscribe(&self) -> watch::Receiver<Option<Ending>> {
        self.ending.clone()
    }

    /// Checks that the credential has not ended, as far as this process knows.
    pub(super) fn check(&self, now: impl FnOnce() -> Timestamp) -> Result<(), End> {
        match *self.ending.borrow() {
            Some(Ending::Revoked) => Err(REVOKED),
            Some(Ending::Expired) => Err(EXPIRED),
            None if self.expires_at.is_some_and(|end| end <= now()) => Err(EXPIRED),
            None => Ok(()),
        }
    }
}

impl Drop for CredentialGuard {
    fn drop(&mut self) {
        let mut entries = lock(&self.open.entries);
        if let Some(entry) = entries.get_mut(&self.id) {
            entry.connections -= 1;
            if entry.connections == 0 {
                entries.remove(&self.id);
            }
        }
    }
}
