//! The hubs of a process. A hub is created for an organisation's first connection and removed some
//! time after its last one has closed.

use super::credentials::{CredentialGuard, OpenCredentials, watch_credentials};
use super::hub::{Dirty, HEAD_UNKNOWN, Hub, lock};
use super::seats::{Seat, Seats};
use crate::engine::Engine;
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::store::{Notification, Store};
use governor::Quota;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc};

/// The number of requests of a participant at once, in seconds of its rate.
const BURST_SECONDS: usize = 4;
/// How long a connection waits until its hub has read the store for the first time.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The number of requests after which the limiter drops idle participants.
const LIMITER_CLEANUP_REQUESTS: usize = 4096;
/// The interval at which a hub checks for expired claims.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// How long the sync id of a bootstrap is kept for the client's next connection.
const BOOTSTRAP_TTL: Duration = Duration::from_secs(60);

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
    credentials: Arc<OpenCredentials>,
    limits: Limits,
    limiter: Limiter,
    token_limiter: Limiter,
    seats: Arc<Seats>,
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
    notifications: mpsc::UnboundedSender<Notification>,
}

impl Hubs {
    /// Creates an empty set of hubs and starts listening for notifications on the current runtime.
    #[must_use]
    pub(crate) fn new(engine: Arc<Engine>, store: Arc<dyn Store>, limits: Limits) -> Self {
        let requests = number(limits.requests_per_second);
        let burst = number(limits.requests_per_second.saturating_mul(BURST_SECONDS));
        let tokens = number(limits.tokens_per_minute);
        let notifications = store.subscribe();
        let shared = Arc::new(Shared {
            engine,
            store,
            hubs: Mutex::default(),
            bootstraps: Mutex::default(),
            credentials: Arc::default(),
            limits,
            limiter: Limiter::keyed(Quota::per_second(requests).allow_burst(burst)),
            token_limiter: Limiter::keyed(Quota::per_minute(tokens)),
            seats: Arc::default(),
            connections: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        });
        tokio::spawn(dispatch(Arc::downgrade(&shared), notifications));
        let credentials = Arc::downgrade(&shared.credentials);
        tokio::spawn(watch_credentials(credentials, Arc::downgrade(&shared.store)));
        Self { shared }
    }

    /// Adds a connection to an organisation's hub until the returned guard is dropped.
    ///
    /// # Errors
    /// Returns `instance_at_capacity` if the process has as many as it may have, or if the store
    /// does not answer.
    pub(crate) async fn join(&self, organization: &str) -> Result<HubGuard> {
        let maximum = self.shared.limits.sockets;
        if self.shared.connections.load(Ordering::Relaxed) >= maximum {
            let refusal = ApiError::new("instance_at_capacity", "too many connections; try again");
            return Err(refusal.limit("sockets", maximum).into());
        }
        let (guard, notifications) = self.shared.entry(organization);
        if let Some(notifications) = notifications {
            let (shared, hub) = (Arc::downgrade(&self.shared), Arc::clone(&guard.hub));
            tokio::spawn(run_hub(shared, hub, notifications));
        }
        // Wait until the hub has read the store for the first time.
        let mut head = guard.hub.head.subscribe();
        let known = head.wait_for(|head| *head != HEAD_UNKNOWN);
        let waited = tokio::time::timeout(JOIN_TIMEOUT, known).await;
        waited.map_err(|_| StoreError::TimedOut)?.map_err(|_| StoreError::TimedOut)?;
        Ok(guard)
    }

    /// Counts a request of a participant, whichever of its tokens it sends.
    ///
    /// # Errors
    /// Returns `quota_exceeded` if the participant's rate limit is exceeded.
    pub(crate) fn limit(&self, who: &Identity) -> Result<(), ApiError> {
        // A participant that was idle has its full burst again, so it can be dropped.
        let requests = self.shared.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if requests.is_multiple_of(LIMITER_CLEANUP_REQUESTS) {
            self.shared.limiter.retain_recent();
            self.shared.token_limiter.retain_recent();
        }
        check_rate(
            &self.shared.limiter,
            who,
            "requests_per_second",
            self.limits().requests_per_second,
        )
    }

    /// Counts a token that a participant creates.
    ///
    /// # Errors
    /// Returns `quota_exceeded` if the participant's rate limit is exceeded.
    pub(crate) fn limit_tokens(&self, who: &Identity) -> Result<(), ApiError> {
        let limiter = &self.shared.token_limiter;
        check_rate(limiter, who, "tokens_per_minute", self.limits().tokens_per_minute)
    }

    /// Counts a socket of a participant until the returned seat is dropped.
    ///
    /// # Errors
    /// Returns `connection_limit_exceeded`.
    pub(crate) fn seat(&self, who: &Identity) -> Result<Seat, ApiError> {
        self.shared.seats.take(who, self.limits())
    }

    fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Stores the sync id of a client's bootstrap, for its next connection.
    pub(crate) fn bootstrapped(&self, capability: &str, sync_id: u64) {
        let mut bootstraps = lock(&self.shared.bootstraps);
        bootstraps.retain(|_, (_, at)| at.elapsed() < BOOTSTRAP_TTL);
        bootstraps.insert(capability.to_owned(), (sync_id, Instant::now()));
    }

    /// Returns the sync id of a client's recent bootstrap, and when it was served.
    pub(crate) fn last_bootstrap(&self, capability: &str) -> Option<(u64, Instant)> {
        lock(&self.shared.bootstraps).get(capability).copied()
    }

    /// Adds a connection of a credential until the returned guard is dropped.
    pub(super) fn credential(&self, who: &Identity) -> CredentialGuard {
        self.shared.credentials.add(who)
    }

    /// Returns the number of connections of this process.
    #[must_use]
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

/// Limits a rate per participant.
type Limiter = governor::DefaultKeyedRateLimiter<(String, String, String)>;

fn number(limit: usize) -> NonZeroU32 {
    NonZeroU32::new(u32::try_from(limit).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}

fn check_rate(
    limiter: &Limiter,
    who: &Identity,
    limit: &'static str,
    maximum: usize,
) -> Result<(), ApiError> {
    let key = (who.organization.clone(), who.kind.as_str().to_owned(), who.participant.clone());
    limiter.check_key(&key).map_err(|_| {
        let refusal = ApiError::new("quota_exceeded", "too many requests; try again in a moment");
        refusal.limit(limit, maximum)
    })
}

impl Shared {
    /// Returns an organisation's hub, and the receiver of its notifications if it is new.
    fn entry(
        self: &Arc<Self>,
        organization: &str,
    ) -> (HubGuard, Option<mpsc::UnboundedReceiver<Notification>>) {
        let mut hubs = lock(&self.hubs);
        let mut receiver = None;
        let entry = hubs.entry(organization.to_owned()).or_insert_with(|| {
            let (notifications, new_receiver) = mpsc::unbounded_channel();
            receiver = Some(new_receiver);
            Entry { hub: Arc::new(Hub::new(organization)), notifications }
        });
        entry.hub.connections.fetch_add(1, Ordering::Relaxed);
        self.connections.fetch_add(1, Ordering::Relaxed);
        (HubGuard { hub: Arc::clone(&entry.hub), shared: Arc::clone(self) }, receiver)
    }
}

/// Counts a connection of a hub while it exists.
pub(crate) struct HubGuard {
    pub(super) hub: Arc<Hub>,
    shared: Arc<Shared>,
}

impl Drop for HubGuard {
    fn drop(&mut self) {
        self.hub.connections.fetch_sub(1, Ordering::Relaxed);
        self.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Forwards every notification to its hub.
async fn dispatch(
    shared: std::sync::Weak<Shared>,
    mut notifications: broadcast::Receiver<Notification>,
) {
    loop {
        let notification = match notifications.recv().await {
            Ok(notification) => notification,
            Err(broadcast::error::RecvError::Lagged(_)) => Notification::Lagged,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(shared) = shared.upgrade() else { return };
        let hubs = lock(&shared.hubs);
        let organization = match &notification {
            Notification::LogGrown { organization }
            | Notification::ClaimsChanged { organization, .. }
            | Notification::PresenceChanged { organization, .. }
            | Notification::PeerMessage { organization, .. } => Some(organization),
            Notification::CredentialRevoked { capability } => {
                shared.credentials.check_soon(capability.clone());
                continue;
            }
            Notification::Lagged => None,
        };
        // Sending fails only to a hub that is being removed.
        match organization {
            Some(organization) => {
                if let Some(entry) = hubs.get(organization) {
                    let _ = entry.notifications.send(notification);
                }
            }
            None => {
                for entry in hubs.values() {
                    let _ = entry.notifications.send(notification.clone());
                }
            }
        }
    }
}

/// Keeps a hub up to date until it is idle.
async fn run_hub(
    shared: std::sync::Weak<Shared>,
    hub: Arc<Hub>,
    mut notifications: mpsc::UnboundedReceiver<Notification>,
) {
    let Some((store, engine)) =
        shared.upgrade().map(|shared| (Arc::clone(&shared.store), Arc::clone(&shared.engine)))
    else {
        return;
    };
    let mut dirty = BTreeSet::from([Dirty::All]);
    let mut tick = tokio::time::interval(EXPIRY_CHECK_INTERVAL);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        for part in std::mem::take(&mut dirty) {
            if let Err(error) = hub.refresh(&engine, &store, &part).await {
                tracing::warn!(
                    organization = hub.organization,
                    ?error,
                    "failed to refresh a hub; retrying"
                );
                dirty.insert(part);
            }
        }
        tokio::select! {
            notification = notifications.recv() => match notification {
                Some(notification) => hub.mark(notification, &mut dirty),
                None => return,
            },
            _ = tick.tick() => {
                if hub.has_expired_claim(&store.now()) {
                    dirty.insert(Dirty::ExpiredClaims);
                }
                let Some(shared) = shared.upgrade() else { return };
                let mut hubs = lock(&shared.hubs);
                if hub.is_idle() {
                    hubs.remove(&hub.organization);
                    return;
                }
            }
        }
        while let Ok(notification) = notifications.try_recv() {
            hub.mark(notification, &mut dirty);
        }
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use super::*;
    use crate::store::{DbPath, Sqlite};
    use ablo_wire::ParticipantKind;

    fn who(kind: ParticipantKind, capability: &str) -> Identity {
        Identity {
            organization: "acme".to_owned(),
            participant: "one".to_owned(),
            kind,
            on_behalf_of: None,
            capability: capability.to_owned(),
            operations: crate::identity::Operations::All,
            groups: BTreeSet::new(),
            user_meta: "{}".to_owned(),
            expires_at: None,
            holder: crate::identity::Holder::Unnamed,
        }
    }

    #[test]
    fn a_rate_limit_counts_all_tokens_of_a_participant() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let _entered = runtime.enter();
        let schema = ablo_schema::front::json::read(r#"{"v":3,"models":{},"identityRoles":[]}"#);
        let schema = schema.schema.expect("a schema");
        let store: Arc<dyn Store> =
            Arc::new(Sqlite::open(&DbPath::Memory, &schema).expect("a store"));
        let hubs =
            Hubs::new(Arc::new(Engine::new(&schema, store.dialect())), store, Limits::default());
        let tokens = ["first", "second"].map(|token| who(ParticipantKind::Agent, token));
        let refused = (0..2 * 8000).filter(|at| hubs.limit(&tokens[at % 2]).is_err()).count();
        assert!(refused > 0, "two tokens have no more requests than one");
        assert!(hubs.limit(&who(ParticipantKind::User, "third")).is_ok());
    }
}
