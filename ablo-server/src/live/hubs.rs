//! The hubs of a process: made when the first connection of an organisation comes, gone a while after its last one went.

use super::hub::{CHANNEL, Hub, Look, UNREAD, lock};
use crate::engine::Engine;
use crate::error::{ApiError, Result};
use crate::store::{Notification, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// Requests of one credential a second, and at once.
const RATE: NonZeroU32 = NonZeroU32::new(2000).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(8000).unwrap();
/// Requests after which credentials are looked through that were not used lately.
const FORGET: usize = 4096;
/// How often a hub looks whether claims are over.
const TICK: Duration = Duration::from_millis(250);

/// The hubs of a process.
#[derive(Debug)]
pub(crate) struct Hubs {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    hubs: Mutex<BTreeMap<String, Entry>>,
    bootstraps: Mutex<BTreeMap<String, (u64, Instant)>>,
    revoked: broadcast::Sender<String>,
    limiter: governor::DefaultKeyedRateLimiter<String>,
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hubs").field("connections", &self.connections).finish_non_exhaustive()
    }
}

struct Entry {
    hub: Arc<Hub>,
    news: mpsc::UnboundedSender<Notification>,
}

impl Hubs {
    /// No hub yet. Notification are listened to from now on, within the runtime this is called in.
    #[must_use]
    pub(crate) fn new(engine: Arc<Engine>, store: Arc<dyn Store>) -> Self {
        let news = store.subscribe();
        let shared = Arc::new(Shared {
            engine,
            store,
            hubs: Mutex::default(),
            bootstraps: Mutex::default(),
            revoked: broadcast::channel(CHANNEL).0,
            limiter: governor::RateLimiter::keyed(
                governor::Quota::per_second(RATE).allow_burst(BURST),
            ),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        tokio::spawn(dispatch(Arc::downgrade(&shared), news));
        Self { shared }
    }

    /// The hub of an organisation, with one connection more until what is given is dropped.
    ///
    /// # Errors
    /// What the database said when it was read the first time.
    pub(crate) async fn join(&self, organization: &str, most: usize) -> Result<Membership> {
        if self.shared.connections.load(Ordering::Relaxed) >= most {
            return Err(
                ApiError::new("instance_at_capacity", "too many connections; try again").into()
            );
        }
        let (membership, fresh) = self.shared.entry(organization);
        if let Some(news) = fresh {
            tokio::spawn(tend(Arc::downgrade(&self.shared), Arc::clone(&membership.hub), news));
        }
        // The first look is taken by whoever asks first; others wait for it.
        let mut head = membership.hub.head.subscribe();
        while *head.borrow_and_update() == UNREAD {
            if head.changed().await.is_err() {
                break;
            }
        }
        Ok(membership)
    }

    /// Takes one request of a credential into account.
    ///
    /// # Errors
    /// `quota_exceeded` where there were too many.
    pub(crate) fn limit(&self, capability: &str) -> Result<(), ApiError> {
        // Credentials that were not used for a while have all of their requests again, and are forgotten.
        if self.shared.requests.fetch_add(1, Ordering::Relaxed) % FORGET == FORGET - 1 {
            self.shared.limiter.retain_recent();
        }
        match self.shared.limiter.check_key(&capability.to_owned()) {
            Ok(()) => Ok(()),
            Err(_) => {
                Err(ApiError::new("quota_exceeded", "too many requests; try again in a moment"))
            }
        }
    }

    /// Remembers which state a client was given, for its next connection.
    pub(crate) fn bootstrapped(&self, capability: &str, stamp: u64) {
        let mut kept = lock(&self.shared.bootstraps);
        kept.retain(|_, (_, at)| at.elapsed() < Duration::from_secs(60));
        kept.insert(capability.to_owned(), (stamp, Instant::now()));
    }

    /// The state that a client was given a short while ago, and when.
    pub(crate) fn last_bootstrap(&self, capability: &str) -> Option<(u64, Instant)> {
        lock(&self.shared.bootstraps).get(capability).copied()
    }

    /// Credentials that are taken back from now on.
    pub(crate) fn revoked(&self) -> broadcast::Receiver<String> {
        self.shared.revoked.subscribe()
    }

    /// Connections of this process.
    #[must_use]
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn entry(
        self: &Arc<Self>,
        organization: &str,
    ) -> (Membership, Option<mpsc::UnboundedReceiver<Notification>>) {
        let mut hubs = lock(&self.hubs);
        let mut fresh = None;
        let entry = hubs.entry(organization.to_owned()).or_insert_with(|| {
            let (news, heard) = mpsc::unbounded_channel();
            fresh = Some(heard);
            Entry { hub: Arc::new(Hub::new(organization)), news }
        });
        entry.hub.connections.fetch_add(1, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        (Membership { hub: Arc::clone(&entry.hub), shared: Arc::clone(self) }, fresh)
    }
}

/// A connection's place in a hub.
pub(crate) struct Membership {
    pub(super) hub: Arc<Hub>,
    shared: Arc<Shared>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.hub.connections.fetch_sub(1, Ordering::Relaxed);
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes every piece of news to the hub it is for.
async fn dispatch(shared: std::sync::Weak<Shared>, mut news: broadcast::Receiver<Notification>) {
    loop {
        let heard = match news.recv().await {
            Ok(heard) => heard,
            Err(broadcast::error::RecvError::Lagged(_)) => Notification::Lagged,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(shared) = shared.upgrade() else { return };
        let hubs = lock(&shared.hubs);
        let organization = match &heard {
            Notification::LogGrown { organization }
            | Notification::ClaimsChanged { organization, .. }
            | Notification::PresenceChanged { organization, .. }
            | Notification::PeerMessage { organization, .. } => Some(organization),
            Notification::CredentialRevoked { capability } => {
                // Nobody may be connected.
                let _ = shared.revoked.send(capability.clone());
                continue;
            }
            Notification::Lagged => None,
        };
        // A hub that is just ending hears no more, and need not.
        match organization {
            Some(organization) => {
                if let Some(entry) = hubs.get(organization) {
                    let _ = entry.news.send(heard);
                }
            }
            None => hubs.values().for_each(|entry| drop(entry.news.send(heard.clone()))),
        }
    }
}

/// Keeps a hub up to date until nobody is connected any more.
async fn tend(
    shared: std::sync::Weak<Shared>,
    hub: Arc<Hub>,
    mut news: mpsc::UnboundedReceiver<Notification>,
) {
    let Some((store, engine)) =
        shared.upgrade().map(|shared| (Arc::clone(&shared.store), Arc::clone(&shared.engine)))
    else {
        return;
    };
    let mut missed = BTreeSet::from([Look::All]);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        for look in std::mem::take(&mut missed) {
            if let Err(error) = hub.look(&engine, &store, &look).await {
                tracing::warn!(
                    organization = hub.organization,
                    ?error,
                    "a hub could not be brought up to date"
                );
                // The same again at the next tick.
                missed.insert(look);
            }
        }
        tokio::select! {
            heard = news.recv() => match heard {
                Some(heard) => hub.note(heard, &mut missed),
                None => return,
            },
            _ = tick.tick() => {
                if hub.any_claim_is_over(&store.now()) {
                    missed.insert(Look::Over);
                }
                let Some(shared) = shared.upgrade() else { return };
                let mut hubs = lock(&shared.hubs);
                if hub.is_idle() {
                    hubs.remove(&hub.organization);
                    return;
                }
            }
        }
        while let Ok(heard) = news.try_recv() {
            hub.note(heard, &mut missed);
        }
    }
}
