//! One organisation's hub: fed by news, read by connections.

use super::deliver::Item;
use crate::engine::claims::{self, Claim, ClaimQueue};
use crate::engine::log::Delta;
use crate::engine::sessions::{self, Session};
use crate::engine::{Engine, groups, log};
use crate::error::Result;
use crate::identity::organization_group;
use crate::store::{Notification, Store, Tenant, Tx};
use crate::value::stored_date;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};

/// Changes that a hub keeps at hand; who is further behind reads from the store.
const RING: usize = 4096;
/// Bytes of rows in them.
const RING_BYTES: usize = 32 << 20;
/// Changes that are read in one go.
pub(super) const STEP: usize = 512;
/// Notification that a connection may lag behind before it looks at everything again.
pub(super) const CHANNEL: usize = 1024;
/// How long a hub without connections is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Connections of one organisation up to which each hears of every other.
pub(super) const CROWD: usize = 1000;

/// One organisation's hub.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The organisation.
    pub(crate) organization: String,
    /// The end of the log, as far as it is at hand.
    pub(super) head: watch::Sender<u64>,
    /// Rows whose claims changed.
    pub(super) lines: broadcast::Sender<Arc<ClaimQueueChange>>,
    /// Participants who came, went or said something.
    pub(super) peers: broadcast::Sender<Arc<Session>>,
    /// What applications say to each other.
    pub(super) relays: broadcast::Sender<Arc<Relay>>,
    known: Mutex<Known>,
    pub(super) connections: AtomicUsize,
}

/// What a hub knows.
#[derive(Debug, Default)]
struct Known {
    ring: VecDeque<Arc<Item>>,
    ring_bytes: usize,
    /// Every change after this is in the ring.
    floor: u64,
    lines: BTreeMap<(String, String), Arc<ClaimQueueChange>>,
    sessions: BTreeMap<String, Arc<Session>>,
    idle_since: Option<Instant>,
}

impl Known {
    /// Keeps changes at hand, and lets go of as many as that takes.
    fn take(&mut self, found: Vec<Delta>) {
        self.ring_bytes += found.iter().map(Delta::size).sum::<usize>();
        self.ring.extend(found.into_iter().map(|delta| Arc::new(Item::new(delta))));
        while self.ring.len() > RING || self.ring_bytes > RING_BYTES {
            let Some(last) = self.ring.pop_front() else { return };
            self.ring_bytes -= last.delta.size();
            self.floor = last.delta.id;
        }
    }
}

/// The claims on a row, and who sees the row.
#[derive(Debug)]
pub(super) struct ClaimQueueChange {
    pub(super) model: String,
    pub(super) row: String,
    pub(super) line: ClaimQueue,
    pub(super) groups: BTreeSet<String>,
}

/// What an application says to its peers.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) session: String,
    pub(super) groups: BTreeSet<String>,
    pub(super) text: String,
}

/// What the end of the log is before it was read.
pub(super) const UNREAD: u64 = u64::MAX;

/// What a hub looks at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    All,
    Log,
    ClaimQueue(String, String),
    Session(String),
    Over,
}

impl Hub {
    pub(super) fn new(organization: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            head: watch::channel(UNREAD).0,
            lines: broadcast::channel(CHANNEL).0,
            peers: broadcast::channel(CHANNEL).0,
            relays: broadcast::channel(CHANNEL).0,
            known: Mutex::default(),
            connections: AtomicUsize::new(0),
        }
    }

    /// What there is to look at after a piece of news.
    pub(super) fn note(&self, heard: Notification, missed: &mut BTreeSet<Look>) {
        let look = match heard {
            Notification::LogGrown { .. } => Look::Log,
            Notification::ClaimsChanged { model, row, .. } => Look::ClaimQueue(model, row),
            Notification::PresenceChanged { session, .. } => Look::Session(session),
            Notification::PeerMessage { session, groups, text, .. } => {
                // Nobody may be listening.
                let _ = self.relays.send(Arc::new(Relay { session, groups, text }));
                return;
            }
            Notification::CredentialRevoked { .. } => return,
            Notification::Lagged => Look::All,
        };
        missed.insert(look);
    }

    pub(super) fn is_idle(&self) -> bool {
        let mut known = lock(&self.known);
        if self.connections.load(Ordering::Relaxed) > 0 {
            known.idle_since = None;
            return false;
        }
        known.idle_since.get_or_insert_with(Instant::now).elapsed() >= IDLE
    }

    pub(super) fn any_claim_is_over(&self, now: &jiff::Timestamp) -> bool {
        let now = stored_date(*now);
        let over = |claim: &Claim| claim.expires_at <= now;
        lock(&self.known)
            .lines
            .values()
            .any(|change| change.line.holder.iter().chain(&change.line.waiters).any(over))
    }

    pub(super) async fn look(
        &self,
        engine: &Arc<Engine>,
        store: &Arc<dyn Store>,
        look: &Look,
    ) -> Result<()> {
        let organization = self.organization.clone();
        let tenant = Tenant::Organization(organization.clone());
        match look.clone() {
            Look::Log => self.read_log(store).await,
            Look::Over => {
                store.writing(tenant, move |tx| Ok(claims::sweep(tx, &organization)?)).await
            }
            Look::ClaimQueue(model, row) => {
                let engine = Arc::clone(engine);
                let change = store
                    .reading(tenant, move |tx| line(&engine, tx, &organization, &model, &row))
                    .await?;
                self.put_line(change);
                Ok(())
            }
            Look::Session(id) => {
                let own = id.clone();
                let found = store
                    .reading(tenant, move |tx| sessions::find(tx, &organization, &own))
                    .await?;
                self.put_session(&id, found);
                Ok(())
            }
            Look::All => {
                let engine = Arc::clone(engine);
                let (lines, sessions) = store
                    .reading(tenant, move |tx| {
                        let live = claims::open(tx, &organization)?;
                        let rows: BTreeSet<(String, String)> =
                            live.into_iter().map(|claim| (claim.model, claim.row)).collect();
                        let lines = rows
                            .iter()
                            .map(|(model, row)| line(&engine, tx, &organization, model, row));
                        Ok((lines.collect::<Result<Vec<_>>>()?, sessions::all(tx, &organization)?))
                    })
                    .await?;
                self.replace(lines, sessions);
                self.read_log(store).await
            }
        }
    }

    /// Takes what was appended to the log into the ring, and tells.
    async fn read_log(&self, store: &Arc<dyn Store>) -> Result<()> {
        loop {
            let at = *self.head.borrow();
            let organization = self.organization.clone();
            let tenant = Tenant::Organization(organization.clone());
            if at == UNREAD {
                let head =
                    store.reading(tenant, move |tx| Ok(log::head(tx, &organization)?)).await?;
                lock(&self.known).floor = head;
                self.head.send_replace(head);
                return Ok(());
            }
            let found = store
                .reading(tenant, move |tx| Ok(log::since(tx, &organization, at, STEP)?))
                .await?;
            let Some(last) = found.last().map(|delta| delta.id) else { return Ok(()) };
            let more = log::is_full(&found, STEP);
            lock(&self.known).take(found);
            self.head.send_replace(last);
            if !more {
                return Ok(());
            }
        }
    }

    /// Changes after a place, at most `STEP`, if they are at hand.
    pub(super) fn ring_since(&self, after: u64) -> Option<Vec<Arc<Item>>> {
        let known = lock(&self.known);
        if after < known.floor {
            return None;
        }
        let from = known.ring.partition_point(|item| item.delta.id <= after);
        Some(known.ring.iter().skip(from).take(STEP).cloned().collect())
    }

    fn put_line(&self, change: ClaimQueueChange) {
        let change = Arc::new(change);
        let key = (change.model.clone(), change.row.clone());
        let mut known = lock(&self.known);
        match change.line.holder.is_none() && change.line.waiters.is_empty() {
            true => drop(known.lines.remove(&key)),
            false => drop(known.lines.insert(key, Arc::clone(&change))),
        }
        drop(known);
        // Nobody may be listening.
        let _ = self.lines.send(change);
    }

    fn put_session(&self, id: &str, found: Option<Session>) {
        let mut known = lock(&self.known);
        let told = match found {
            Some(session) => {
                let session = Arc::new(session);
                known.sessions.insert(id.to_owned(), Arc::clone(&session));
                session
            }
            None => match known.sessions.remove(id) {
                Some(session) => Arc::new(Session { closed: true, ..(*session).clone() }),
                None => return,
            },
        };
        let crowded = known.sessions.len() > CROWD;
        drop(known);
        if !crowded {
            // Nobody may be listening.
            let _ = self.peers.send(told);
        }
    }

    /// Everything anew; what is told are the differences.
    fn replace(&self, lines: Vec<ClaimQueueChange>, sessions: Vec<Session>) {
        let known = lock(&self.known);
        let now: BTreeSet<(String, String)> =
            lines.iter().map(|change| (change.model.clone(), change.row.clone())).collect();
        let gone: Vec<Arc<ClaimQueueChange>> = known
            .lines
            .iter()
            .filter(|(key, _)| !now.contains(*key))
            .map(|(_, change)| Arc::clone(change))
            .collect();
        let ids: BTreeSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
        let left: Vec<String> =
            known.sessions.keys().filter(|id| !ids.contains(*id)).cloned().collect();
        drop(known);
        for change in gone {
            let (model, row, groups) =
                (change.model.clone(), change.row.clone(), change.groups.clone());
            self.put_line(ClaimQueueChange { model, row, line: ClaimQueue::default(), groups });
        }
        lines.into_iter().for_each(|change| self.put_line(change));
        left.iter().for_each(|id| self.put_session(id, None));
        for session in sessions {
            let id = session.id.clone();
            self.put_session(&id, Some(session));
        }
    }

    /// Who is here.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        lock(&self.known).sessions.values().cloned().collect()
    }

    /// Whether a participant has a connection.
    pub(super) fn is_here(&self, kind: &str, participant: &str) -> bool {
        lock(&self.known)
            .sessions
            .values()
            .any(|session| session.kind == kind && session.participant == participant)
    }

    /// Rows with claims on them.
    pub(super) fn lines(&self) -> Vec<Arc<ClaimQueueChange>> {
        lock(&self.known).lines.values().cloned().collect()
    }

    /// What a participant holds, as far as someone in these groups sees the rows.
    pub(crate) fn held_by(
        &self,
        kind: &str,
        participant: &str,
        groups: &BTreeSet<String>,
    ) -> Vec<Claim> {
        let known = lock(&self.known);
        let seen = known.lines.values().filter(|change| !change.groups.is_disjoint(groups));
        let holders = seen.filter_map(|change| change.line.holder.as_ref());
        holders
            .filter(|claim| claim.kind == kind && claim.participant == participant)
            .cloned()
            .collect()
    }
}

fn line(
    engine: &Engine,
    tx: &mut dyn Tx,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<ClaimQueueChange> {
    let line = claims::claim_queue(tx, organization, model, row)?;
    let mut seen_by = BTreeSet::from([organization_group(organization)]);
    if let Some(model) = engine.models.find(model) {
        let found =
            tx.query(&engine.tables.get(model.id).by_id, &[organization.into(), row.into()])?;
        if let Some(found) = found.first() {
            seen_by = groups::row_groups(engine, tx, organization, model, found)?;
        }
    }
    Ok(ClaimQueueChange { model: model.to_owned(), row: row.to_owned(), line, groups: seen_by })
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
