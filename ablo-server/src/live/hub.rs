//! One organisation's hub: fed by news, read by connections.

use super::deliver::Item;
use crate::engine::claims::{self, Claim, Line};
use crate::engine::sessions::{self, Session};
use crate::engine::{Engine, groups, log};
use crate::error::{Refusal, Result};
use crate::identity::organization_group;
use crate::store::{News, Store, Tenant, Tx};
use crate::value::stored_date;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, watch};

/// Changes that a hub keeps at hand; who is further behind reads from the store.
const RING: usize = 4096;
/// Changes that are read in one go.
pub(super) const STEP: usize = 512;
/// News that a connection may lag behind before it looks at everything again.
const CHANNEL: usize = 1024;
/// Requests of one credential a second, and at once.
const RATE: NonZeroU32 = NonZeroU32::new(2000).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(8000).unwrap();
/// How often a hub looks whether claims are over.
const TICK: Duration = Duration::from_millis(250);
/// How long a hub without connections is kept.
const IDLE: Duration = Duration::from_secs(30);
/// Connections of one organisation up to which each hears of every other.
pub(super) const CROWD: usize = 1000;

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
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hubs").field("connections", &self.connections).finish_non_exhaustive()
    }
}

struct Entry {
    hub: Arc<Hub>,
    news: mpsc::UnboundedSender<News>,
}

/// One organisation's hub.
#[derive(Debug)]
pub(crate) struct Hub {
    /// The organisation.
    pub(crate) organization: String,
    /// The end of the log, as far as it is at hand.
    pub(super) head: watch::Sender<u64>,
    /// Rows whose claims changed.
    pub(super) lines: broadcast::Sender<Arc<LineChange>>,
    /// Participants who came, went or said something.
    pub(super) peers: broadcast::Sender<Arc<Session>>,
    /// What applications say to each other.
    pub(super) relays: broadcast::Sender<Arc<Relay>>,
    known: Mutex<Known>,
    connections: AtomicUsize,
}

/// What a hub knows.
#[derive(Debug, Default)]
struct Known {
    ring: VecDeque<Arc<Item>>,
    /// Every change after this is in the ring.
    floor: u64,
    lines: BTreeMap<(String, String), Arc<LineChange>>,
    sessions: BTreeMap<String, Arc<Session>>,
    idle_since: Option<Instant>,
}

/// The claims on a row, and who sees the row.
#[derive(Debug)]
pub(super) struct LineChange {
    pub(super) model: String,
    pub(super) row: String,
    pub(super) line: Line,
    pub(super) groups: BTreeSet<String>,
    /// What was done after this may not be in it.
    pub(super) asked: Instant,
}

/// What an application says to its peers.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) session: String,
    pub(super) groups: BTreeSet<String>,
    pub(super) text: String,
}

impl Hubs {
    /// No hub yet. News are listened to from now on, within the runtime this is called in.
    #[must_use]
    pub(crate) fn new(engine: Arc<Engine>, store: Arc<dyn Store>) -> Self {
        let news = store.news();
        let shared = Arc::new(Shared {
            engine,
            store,
            hubs: Mutex::default(),
            bootstraps: Mutex::default(),
            revoked: broadcast::channel(CHANNEL).0,
            limiter: governor::RateLimiter::keyed(governor::Quota::per_second(RATE).allow_burst(BURST)),
            connections: AtomicUsize::new(0),
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
            return Err(Refusal::new("instance_at_capacity", "too many connections; try again").into());
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
    pub(crate) fn limit(&self, capability: &str) -> Result<(), Refusal> {
        match self.shared.limiter.check_key(&capability.to_owned()) {
            Ok(()) => Ok(()),
            Err(_) => Err(Refusal::new("quota_exceeded", "too many requests; try again in a moment")),
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

/// What the end of the log is before it was read.
const UNREAD: u64 = u64::MAX;

impl Shared {
    fn entry(self: &Arc<Self>, organization: &str) -> (Membership, Option<mpsc::UnboundedReceiver<News>>) {
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
async fn dispatch(shared: std::sync::Weak<Shared>, mut news: broadcast::Receiver<News>) {
    loop {
        let heard = match news.recv().await {
            Ok(heard) => heard,
            Err(broadcast::error::RecvError::Lagged(_)) => News::Gap,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let Some(shared) = shared.upgrade() else { return };
        let hubs = lock(&shared.hubs);
        let organization = match &heard {
            News::Log { organization }
            | News::Claims { organization, .. }
            | News::Presence { organization, .. }
            | News::Relay { organization, .. } => Some(organization),
            News::Revoked { capability } => {
                // Nobody may be connected.
                let _ = shared.revoked.send(capability.clone());
                continue;
            }
            News::Gap => None,
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
async fn tend(shared: std::sync::Weak<Shared>, hub: Arc<Hub>, mut news: mpsc::UnboundedReceiver<News>) {
    let Some((store, engine)) = shared.upgrade().map(|shared| (Arc::clone(&shared.store), Arc::clone(&shared.engine)))
    else {
        return;
    };
    let mut missed = BTreeSet::from([Look::All]);
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        for look in std::mem::take(&mut missed) {
            if let Err(error) = hub.look(&engine, &store, &look).await {
                tracing::warn!(organization = hub.organization, ?error, "a hub could not be brought up to date");
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

/// What a hub looks at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    All,
    Log,
    Line(String, String),
    Session(String),
    Over,
}

impl Hub {
    fn new(organization: &str) -> Self {
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
    fn note(&self, heard: News, missed: &mut BTreeSet<Look>) {
        let look = match heard {
            News::Log { .. } => Look::Log,
            News::Claims { model, row, .. } => Look::Line(model, row),
            News::Presence { session, .. } => Look::Session(session),
            News::Relay { session, groups, text, .. } => {
                // Nobody may be listening.
                let _ = self.relays.send(Arc::new(Relay { session, groups, text }));
                return;
            }
            News::Revoked { .. } => return,
            News::Gap => Look::All,
        };
        missed.insert(look);
    }

    fn is_idle(&self) -> bool {
        let mut known = lock(&self.known);
        if self.connections.load(Ordering::Relaxed) > 0 {
            known.idle_since = None;
            return false;
        }
        known.idle_since.get_or_insert_with(Instant::now).elapsed() >= IDLE
    }

    fn any_claim_is_over(&self, now: &jiff::Timestamp) -> bool {
        let now = stored_date(*now);
        let over = |claim: &Claim| claim.expires_at <= now;
        lock(&self.known).lines.values().any(|change| change.line.holder.iter().chain(&change.line.queue).any(over))
    }

    async fn look(&self, engine: &Arc<Engine>, store: &Arc<dyn Store>, look: &Look) -> Result<()> {
        let asked = Instant::now();
        let organization = self.organization.clone();
        let tenant = Tenant::Of(organization.clone());
        match look.clone() {
            Look::Log => self.read_log(store).await,
            Look::Over => store.writing(tenant, move |tx| Ok(claims::sweep(tx, &organization)?)).await,
            Look::Line(model, row) => {
                let engine = Arc::clone(engine);
                let change =
                    store.reading(tenant, move |tx| line(&engine, tx, &organization, &model, &row, asked)).await?;
                self.put_line(change);
                Ok(())
            }
            Look::Session(id) => {
                let own = id.clone();
                let found = store.reading(tenant, move |tx| sessions::find(tx, &organization, &own)).await?;
                self.put_session(&id, found);
                Ok(())
            }
            Look::All => {
                let engine = Arc::clone(engine);
                let (lines, sessions) = store
                    .reading(tenant, move |tx| {
                        let live = claims::live(tx, &organization)?;
                        let rows: BTreeSet<(String, String)> =
                            live.into_iter().map(|claim| (claim.model, claim.row)).collect();
                        let lines = rows.iter().map(|(model, row)| line(&engine, tx, &organization, model, row, asked));
                        Ok((lines.collect::<Result<Vec<_>>>()?, sessions::all(tx, &organization)?))
                    })
                    .await?;
                self.replace(lines, sessions, asked);
                self.read_log(store).await
            }
        }
    }

    /// Takes what was appended to the log into the ring, and tells.
    async fn read_log(&self, store: &Arc<dyn Store>) -> Result<()> {
        loop {
            let at = *self.head.borrow();
            let organization = self.organization.clone();
            let tenant = Tenant::Of(organization.clone());
            if at == UNREAD {
                let head = store.reading(tenant, move |tx| Ok(log::head(tx, &organization)?)).await?;
                lock(&self.known).floor = head;
                self.head.send_replace(head);
                return Ok(());
            }
            let found = store.reading(tenant, move |tx| Ok(log::since(tx, &organization, at, STEP)?)).await?;
            let Some(last) = found.last().map(|delta| delta.id) else { return Ok(()) };
            let more = found.len() == STEP;
            let mut known = lock(&self.known);
            known.ring.extend(found.into_iter().map(|delta| Arc::new(Item::new(delta))));
            let over = known.ring.len().saturating_sub(RING);
            let cut = known.ring.drain(..over).next_back();
            if let Some(last) = cut {
                known.floor = last.delta.id;
            }
            drop(known);
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

    fn put_line(&self, change: LineChange) {
        let change = Arc::new(change);
        let key = (change.model.clone(), change.row.clone());
        let mut known = lock(&self.known);
        match change.line.holder.is_none() && change.line.queue.is_empty() {
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
                Some(session) => Arc::new(Session { gone: true, ..(*session).clone() }),
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
    fn replace(&self, lines: Vec<LineChange>, sessions: Vec<Session>, asked: Instant) {
        let known = lock(&self.known);
        let now: BTreeSet<(String, String)> =
            lines.iter().map(|change| (change.model.clone(), change.row.clone())).collect();
        let gone: Vec<Arc<LineChange>> =
            known.lines.iter().filter(|(key, _)| !now.contains(*key)).map(|(_, change)| Arc::clone(change)).collect();
        let ids: BTreeSet<String> = sessions.iter().map(|session| session.id.clone()).collect();
        let left: Vec<String> = known.sessions.keys().filter(|id| !ids.contains(*id)).cloned().collect();
        drop(known);
        for change in gone {
            let (model, row, groups) = (change.model.clone(), change.row.clone(), change.groups.clone());
            self.put_line(LineChange { model, row, line: Line::default(), groups, asked });
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
        lock(&self.known).sessions.values().any(|session| session.kind == kind && session.participant == participant)
    }

    /// Rows with claims on them.
    pub(super) fn lines(&self) -> Vec<Arc<LineChange>> {
        lock(&self.known).lines.values().cloned().collect()
    }

    /// What a participant holds, as far as someone in these groups sees the rows.
    pub(crate) fn held_by(&self, kind: &str, participant: &str, groups: &BTreeSet<String>) -> Vec<Claim> {
        let known = lock(&self.known);
        let seen = known.lines.values().filter(|change| !change.groups.is_disjoint(groups));
        let holders = seen.filter_map(|change| change.line.holder.as_ref());
        holders.filter(|claim| claim.kind == kind && claim.participant == participant).cloned().collect()
    }
}

fn line(
    engine: &Engine,
    tx: &mut dyn Tx,
    organization: &str,
    model: &str,
    row: &str,
    asked: Instant,
) -> Result<LineChange> {
    let line = claims::line(tx, organization, model, row)?;
    let mut seen_by = BTreeSet::from([organization_group(organization)]);
    if let Some(model) = engine.models.find(model) {
        let found = tx.query(&engine.tables.get(model.id).by_id, &[organization.into(), row.into()])?;
        if let Some(found) = found.first() {
            seen_by = groups::of_row(engine, tx, organization, model, found)?;
        }
    }
    Ok(LineChange { model: model.to_owned(), row: row.to_owned(), line, groups: seen_by, asked })
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
