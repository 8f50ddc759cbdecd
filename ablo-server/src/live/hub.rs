//! The hub of one organisation: updated after notifications, read by connections.

use super::deliver::Item;
use super::open_sessions::OpenSessions;
use crate::engine::claims::{self, Claim, ClaimQueue};
use crate::engine::log::Delta;
use crate::engine::sessions::{self, Session};
use crate::engine::{Engine, groups, log};
use crate::error::Result;
use crate::service::roster::Party;
use crate::store::tables::log_bounds::{self, Continuation};
use crate::store::{Notification, Store, Tenant, Tx};
use crate::value::{shown_date, stored_date};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};

/// The maximum number of deltas that a hub keeps in memory. Connections that are further behind
/// read from the store.
const MAX_RING_DELTAS: usize = 4096;
/// The maximum total size of these deltas, in bytes.
const MAX_RING_BYTES: usize = 32 << 20;
/// The number of deltas that one read returns.
pub(super) const READ_BATCH: usize = 512;
/// The capacity of broadcast channels. A connection that lags further behind is sent everything.
pub(super) const CHANNEL_CAPACITY: usize = 1024;
/// The number of claims that one transaction ends.
const MAX_SWEEP: u64 = 256;
/// How long a hub without connections is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum number of sessions of an organisation for which presence is broadcast.
const MAX_ROSTER_SESSIONS: usize = 1000;
/// How long no rows may be written without entries until connections end because of them.
const RELOAD_QUIET: Duration = Duration::from_secs(1);

/// The hub of one organisation.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) organization: String,
    /// The sync id of the newest delta that the hub has read.
    pub(super) head: watch::Sender<u64>,
    /// How often the log was found to be another one.
    pub(super) replaced: watch::Sender<u64>,
    /// Broadcasts rows whose claims changed.
    pub(super) claims: broadcast::Sender<Arc<RowClaims>>,
    /// Broadcasts sessions that were opened, changed or closed.
    pub(super) peers: broadcast::Sender<Arc<Session>>,
    /// Broadcasts frames that applications send to each other.
    pub(super) relays: broadcast::Sender<Arc<Relay>>,
    state: Mutex<HubState>,
    pub(super) connections: AtomicUsize,
}

/// The state of a hub.
#[derive(Debug, Default)]
struct HubState {
    ring: VecDeque<Arc<Item>>,
    ring_bytes: usize,
    /// The epoch of the head.
    epoch: Option<String>,
    /// Every delta after this sync id is in the ring.
    floor: u64,
    /// When the last entry of rows that were written without entries was read.
    reload_read_at: Option<Instant>,
    claims: BTreeMap<(String, String), Arc<RowClaims>>,
    sessions: OpenSessions,
    idle_since: Option<Instant>,
}

impl HubState {
    /// Returns the claimed rows that deltas delete or put into other groups.
    fn moved_claims(&self, engine: &Engine, deltas: &[Delta]) -> BTreeSet<(String, String)> {
        if self.claims.is_empty() {
            return BTreeSet::new();
        }
        let moved = deltas.iter().filter_map(|delta| {
            let model = engine.models.find(&delta.model)?;
            let key = (model.key.clone(), delta.row.clone());
            let claimed = self.claims.get(&key)?;
            (delta.action == "D" || delta.groups != claimed.groups).then_some(key)
        });
        moved.collect()
    }

    /// Appends deltas to the ring and drops the oldest ones beyond its limits.
    fn append(&mut self, deltas: Vec<Delta>) {
        if deltas.iter().any(Delta::is_reload) {
            self.reload_read_at = Some(Instant::now());
        }
        self.epoch = deltas.last().map(|last| shown_date(&last.created_at)).or(self.epoch.take());
        self.ring_bytes += deltas.iter().map(Delta::size).sum::<usize>();
        self.ring.extend(deltas.into_iter().map(|delta| Arc::new(Item::new(delta))));
        while self.ring.len() > MAX_RING_DELTAS || self.ring_bytes > MAX_RING_BYTES {
            let Some(oldest) = self.ring.pop_front() else { return };
            self.ring_bytes -= oldest.delta.size();
            self.floor = oldest.delta.id;
        }
    }
}

/// The claims on a row, and the groups that see the row.
#[derive(Debug)]
pub(super) struct RowClaims {
    pub(super) model: String,
    pub(super) row: String,
    pub(super) claims: ClaimQueue,
    pub(super) groups: BTreeSet<String>,
}

/// A frame that an application sends to its peers.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) session: String,
    pub(super) groups: BTreeSet<String>,
    /// The event in its envelope, if its sender is known.
    pub(super) envelope: Option<String>,
    /// The event as a frame of its own, for clients that do not know envelopes.
    pub(super) text: String,
}

/// The head before the log was first read.
pub(super) const HEAD_UNKNOWN: u64 = u64::MAX;

/// A part of a hub's state that has to be read again from the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dirty {
    All,
    Log,
    /// The claims on a row: model key and row id.
    Claims(String, String),
    /// A session, by its id.
    Session(String),
    /// Expired claims, which have to be ended first.
    ExpiredClaims,
}

impl Hub {
    pub(super) fn new(organization: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            head: watch::channel(HEAD_UNKNOWN).0,
            replaced: watch::channel(0).0,
            claims: broadcast::channel(CHANNEL_CAPACITY).0,
            peers: broadcast::channel(CHANNEL_CAPACITY).0,
            relays: broadcast::channel(CHANNEL_CAPACITY).0,
            state: Mutex::default(),
            connections: AtomicUsize::new(0),
        }
    }

    /// Marks as dirty what a notification affects. Relayed frames are broadcast at once.
    pub(super) fn mark(&self, notification: Notification, dirty: &mut BTreeSet<Dirty>) {
        let affected = match notification {
            Notification::LogGrown { .. } => Dirty::Log,
            Notification::ClaimsChanged { model, row, .. } => Dirty::Claims(model, row),
            Notification::PresenceChanged { session, .. } => Dirty::Session(session),
            Notification::PeerMessage { session, groups, text, from, .. } => {
                let envelope = from.and_then(|from| super::relay::envelope(&text, from));
                // Fails only without receivers.
                let _ = self.relays.send(Arc::new(Relay { session, groups, envelope, text }));
                return;
            }
            Notification::CredentialRevoked { .. } => return,
            Notification::Lagged => Dirty::All,
        };
        dirty.insert(affected);
    }

    pub(super) fn is_idle(&self) -> bool {
        let mut state = lock(&self.state);
        if self.connections.load(Ordering::Relaxed) > 0 {
            state.idle_since = None;
            return false;
        }
        state.idle_since.get_or_insert_with(Instant::now).elapsed() >= IDLE_TIMEOUT
    }

    pub(super) fn has_expired_claim(&self, now: &jiff::Timestamp) -> bool {
        let now = stored_date(*now);
        let is_expired = |claim: &Claim| claim.expires_at <= now;
        lock(&self.state)
            .claims
            .values()
            .any(|row| row.claims.holder.iter().chain(&row.claims.waiters).any(is_expired))
    }

    /// Reads a dirty part of the state from the store and broadcasts what changed.
    pub(super) async fn refresh(
        &self,
        engine: &Arc<Engine>,
        store: &Arc<dyn Store>,
        dirty: &Dirty,
    ) -> Result<()> {
        let organization = self.organization.clone();
        let tenant = Tenant::Organization(organization.clone());
        match dirty.clone() {
            Dirty::Log => self.read_log(engine, store).await,
            Dirty::ExpiredClaims => {
                let sweep = move |tx: &mut Tx<'_>| {
                    claims::sweep(tx, &organization, MAX_SWEEP)?;
                    Ok(())
                };
                store.writing(tenant, sweep).await
            }
            Dirty::Claims(model, row) => self.read_claims(engine, store, model, row).await,
            Dirty::Session(id) => {
                let (own, engine) = (id.clone(), Arc::clone(engine));
                let found = store
                    .reading(tenant, move |tx| {
                        let found = sessions::find(tx, &organization, &own)?;
                        Ok(groups::locate_activities(&engine, tx, &organization, found)?)
                    })
                    .await?
                    .pop();
                self.put_session(&id, found);
                Ok(())
            }
            Dirty::All => {
                self.check_log(store).await?;
                let reader = Arc::clone(engine);
                let (rows, sessions) = store
                    .reading(tenant, move |tx| {
                        let live = claims::open(tx, &organization)?;
                        let keys: BTreeSet<(String, String)> = live
                            .iter()
                            .map(|claim| (claim.queue_name().into_owned(), claim.row.clone()))
                            .collect();
                        let rows = keys.iter().map(|(model, row)| {
                            read_claims(&reader, tx, &organization, model, row)
                        });
                        let rows = rows.collect::<Result<Vec<_>>>()?;
                        let open = sessions::all(tx, &organization)?;
                        Ok((rows, groups::locate_activities(&reader, tx, &organization, open)?))
                    })
                    .await?;
                self.replace(rows, sessions);
                self.read_log(engine, store).await
            }
        }
    }

    /// Reads the claims on a row.
    async fn read_claims(
        &self,
        engine: &Arc<Engine>,
        store: &Arc<dyn Store>,
        model: String,
        row: String,
    ) -> Result<()> {
        let (engine, organization) = (Arc::clone(engine), self.organization.clone());
        let tenant = Tenant::Organization(organization.clone());
        let row = store
            .reading(tenant, move |tx| read_claims(&engine, tx, &organization, &model, &row))
            .await?;
        self.put_claims(row);
        Ok(())
    }

    /// Ends all connections if the log is no longer the one that was read, as after a backup was
    /// restored: their clients find that out when they connect again.
    async fn check_log(&self, store: &Arc<dyn Store>) -> Result<()> {
        let (head, epoch) = (*self.head.borrow(), lock(&self.state).epoch.clone());
        if head == HEAD_UNKNOWN {
            return Ok(());
        }
        let organization = self.organization.clone();
        let tenant = Tenant::Organization(organization.clone());
        let continuation = store
            .reading(tenant, move |tx| {
                Ok(log_bounds::continues(tx, &organization, (head, epoch.as_deref()))?)
            })
            .await?;
        if continuation == Continuation::Replaced {
            tracing::warn!(self.organization, "the sync log was replaced; closing its sockets");
            let mut state = lock(&self.state);
            state.ring.clear();
            (state.ring_bytes, state.floor) = (0, HEAD_UNKNOWN);
            drop(state);
            self.replaced.send_modify(|times| *times += 1);
            self.head.send_replace(HEAD_UNKNOWN);
        }
        Ok(())
    }

    /// Reads new deltas into the ring and moves the head. Claims on rows that are in other groups
    /// now are read again.
    async fn read_log(&self, engine: &Arc<Engine>, store: &Arc<dyn Store>) -> Result<()> {
        loop {
            let last_read = *self.head.borrow();
            let organization = self.organization.clone();
            let tenant = Tenant::Organization(organization.clone());
            if last_read == HEAD_UNKNOWN {
                let (head, epoch) = store
                    .reading(tenant, move |tx| {
                        let head = log::head(tx, &organization)?;
                        Ok((head, log_bounds::epoch(tx, &organization, head)?))
                    })
                    .await?;
                let mut state = lock(&self.state);
                (state.floor, state.epoch) = (head, epoch);
                drop(state);
                self.head.send_replace(head);
                return Ok(());
            }
            let found = store
                .reading(tenant, move |tx| {
                    Ok(log::since(tx, &organization, last_read, READ_BATCH)?)
                })
                .await?;
            let Some(last) = found.last().map(|delta| delta.id) else { return Ok(()) };
            let more = log::is_full(&found, READ_BATCH);
            let moved = lock(&self.state).moved_claims(engine, &found);
            // Before the head moves: if this fails, the deltas are read again.
            for (model, row) in moved {
                self.read_claims(engine, store, model, row).await?;
            }
            lock(&self.state).append(found);
            self.head.send_replace(last);
            if !more {
                return Ok(());
            }
        }
    }

    /// Returns when connections end that have reached an entry of rows without entries: together,
    /// after the last of them.
    pub(super) fn reload_at(&self) -> Instant {
        lock(&self.state).reload_read_at.unwrap_or_else(Instant::now) + RELOAD_QUIET
    }

    /// Returns up to `READ_BATCH` deltas after a sync id, or `None` if the ring starts later.
    pub(super) fn ring_since(&self, after: u64) -> Option<Vec<Arc<Item>>> {
        let state = lock(&self.state);
        if after < state.floor {
            return None;
        }
        let from = state.ring.partition_point(|item| item.delta.id <= after);
        Some(state.ring.iter().skip(from).take(READ_BATCH).cloned().collect())
    }

    /// Returns the sync id of the newest delta in memory of a row.
    pub(super) fn newest_of(&self, type_name: &str, row: &str) -> Option<u64> {
        let state = lock(&self.state);
        let of_row = |item: &&Arc<Item>| item.delta.model == type_name && item.delta.row == row;
        state.ring.iter().rev().find(of_row).map(|item| item.delta.id)
    }

    fn put_claims(&self, row: RowClaims) {
        let row = Arc::new(row);
        let key = (row.model.clone(), row.row.clone());
        let mut state = lock(&self.state);
        match row.claims.holder.is_none() && row.claims.waiters.is_empty() {
            true => drop(state.claims.remove(&key)),
            false => drop(state.claims.insert(key, Arc::clone(&row))),
        }
        drop(state);
        // Fails only without receivers.
        let _ = self.claims.send(row);
    }

    fn put_session(&self, id: &str, found: Option<Session>) {
        let mut state = lock(&self.state);
        let changed = match found {
            Some(session) => {
                let session = Arc::new(session);
                state.sessions.insert(&session);
                session
            }
            None => match state.sessions.remove(id) {
                Some(session) => Arc::new(Session { closed: true, ..(*session).clone() }),
                None => return,
            },
        };
        let too_many = state.sessions.len() > MAX_ROSTER_SESSIONS;
        drop(state);
        if !too_many {
            // Fails only without receivers.
            let _ = self.peers.send(changed);
        }
    }

    /// Replaces all claims and sessions and broadcasts the differences.
    fn replace(&self, rows: Vec<RowClaims>, sessions: Vec<Session>) {
        let state = lock(&self.state);
        let claimed: BTreeSet<(String, String)> =
            rows.iter().map(|row| (row.model.clone(), row.row.clone())).collect();
        let released: Vec<Arc<RowClaims>> = state
            .claims
            .iter()
            .filter(|(key, _)| !claimed.contains(*key))
            .map(|(_, row)| Arc::clone(row))
            .collect();
        let ids: BTreeSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
        let closed: Vec<String> =
            state.sessions.all().keys().filter(|id| !ids.contains(*id)).cloned().collect();
        drop(state);
        for released in released {
            let (model, row) = (released.model.clone(), released.row.clone());
            let groups = released.groups.clone();
            self.put_claims(RowClaims { model, row, claims: ClaimQueue::default(), groups });
        }
        rows.into_iter().for_each(|row| self.put_claims(row));
        closed.iter().for_each(|id| self.put_session(id, None));
        for session in sessions {
            let id = session.id.clone();
            self.put_session(&id, Some(session));
        }
    }

    /// Returns the open sessions, up to the number for which presence is sent.
    pub(super) fn sessions(&self) -> Vec<Arc<Session>> {
        lock(&self.state).sessions.all().values().take(MAX_ROSTER_SESSIONS).cloned().collect()
    }

    /// Returns the open sessions of a peer.
    pub(super) fn sessions_of(&self, party: &Party) -> Vec<Arc<Session>> {
        lock(&self.state).sessions.of(party)
    }

    /// Returns the rows that have claims.
    pub(super) fn claimed_rows(&self) -> Vec<Arc<RowClaims>> {
        lock(&self.state).claims.values().cloned().collect()
    }

    /// Returns the rows whose holder's claim is one of these.
    pub(super) fn held(&self, is_wanted: impl Fn(&Claim) -> bool) -> Vec<Arc<RowClaims>> {
        let state = lock(&self.state);
        let is_held = |row: &&Arc<RowClaims>| row.claims.holder.as_ref().is_some_and(&is_wanted);
        state.claims.values().filter(is_held).cloned().collect()
    }
}

fn read_claims(
    engine: &Engine,
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<RowClaims> {
    let queue = claims::claim_queue(tx, organization, model, row)?;
    let groups = match engine.models.find(model) {
        Some(model) => claims::claim_groups(engine, tx, organization, model, row)?,
        None => BTreeSet::new(),
    };
    Ok(RowClaims { model: model.to_owned(), row: row.to_owned(), claims: queue, groups })
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
