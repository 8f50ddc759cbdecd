//! The listener thread: forwards notifications of all processes from a dedicated connection and
//! keeps the clock in step with the server.

use super::Tables;
use super::clock::ServerClock;
use super::session::{Address, Bound, Session};
use crate::error::StoreError;
use crate::store::{Notification, layout, spawn};
use ablo_wire::Backoff;
use std::sync::{Arc, Weak, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// The channel of LISTEN and NOTIFY.
pub(super) const CHANNEL: &str = "ablo";
/// How often the clock is synchronised.
const CLOCK_SYNC_INTERVAL: Duration = Duration::from_secs(30);
/// The time for this, after which the connection counts as lost.
const SYNC_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to check whether the store still exists.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Delay before reconnecting: initial and maximum.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));

struct Listener {
    address: Address,
    clock: Arc<ServerClock>,
    notifications: broadcast::Sender<Notification>,
    store: Weak<()>,
}

/// Provisions the database and starts to listen; returns when both are done.
pub(super) fn start(
    address: &Address,
    tables: Tables,
    clock: &Arc<ServerClock>,
    notifications: &broadcast::Sender<Notification>,
    store: Weak<()>,
) -> Result<(), StoreError> {
    let listener = Listener {
        address: address.clone(),
        clock: Arc::clone(clock),
        notifications: notifications.clone(),
        store,
    };
    let (ready, started) = mpsc::sync_channel(1);
    spawn("ablo-listener", move || {
        let session = listener.provision(&tables).and_then(|()| listener.connect());
        let (session, outcome) = match session {
            Ok(session) => (Some(session), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // `start` waits for this.
        let _ = ready.send(outcome);
        if let Some(session) = session {
            listener.run(session);
        }
    })?;
    started
        .recv()
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the listener thread ended".to_owned())))
}

impl Listener {
    /// Creates missing tables in a session of its own.
    fn provision(&self, tables: &Tables) -> Result<(), StoreError> {
        let mut session = Session::open(&self.address)?;
        if let Some(program) = &tables.layout {
            layout::upgrade(&mut session, program)?;
        }
        tables.tables.as_ref().map_or(Ok(()), |tables| session.provision(tables))
    }

    /// Opens a session that receives notifications.
    fn connect(&self) -> Result<Session, StoreError> {
        let mut session = Session::open(&self.address)?;
        session.batch(&format!("LISTEN {CHANNEL}"))?;
        self.sync_clock(&mut session)?;
        Ok(session)
    }

    fn sync_clock(&self, session: &mut Session) -> Result<(), StoreError> {
        let sent = self.clock.elapsed();
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        session.bound = Bound::Until(Instant::now() + SYNC_TIMEOUT);
        let answer = session.query(sql, &[])?;
        if let Some(server) = answer.first().and_then(|row| row.first()?.integer()) {
            self.clock.set(server, sent, self.clock.elapsed());
        }
        Ok(())
    }

    /// Forwards notifications while the store exists and reconnects when the connection is lost.
    fn run(&self, mut session: Session) {
        let mut backoff = RECONNECT;
        loop {
            let Err(error) = self.forward_notifications(&mut session) else { return };
            tracing::warn!(%error, "lost the listener connection");
            session = loop {
                if self.store.strong_count() == 0 {
                    return;
                }
                std::thread::sleep(backoff.fail());
                if let Ok(session) = self.connect() {
                    break session;
                }
            };
            backoff.reset();
            // Notifications sent in the meantime are lost.
            let _ = self.notifications.send(Notification::Lagged);
        }
    }

    /// Forwards notifications until the store is dropped or the connection is lost.
    fn forward_notifications(&self, session: &mut Session) -> Result<(), StoreError> {
        let mut synced = Instant::now();
        while self.store.strong_count() > 0 {
            let received = session.notification(POLL_INTERVAL);
            if let Some((_, text)) = received.filter(|(channel, _)| channel == CHANNEL) {
                let notification = serde_json::from_str(&text).unwrap_or(Notification::Lagged);
                // There may be no receiver.
                let _ = self.notifications.send(notification);
            } else if session.is_lost() {
                return Err(StoreError::Unavailable("the server closed the connection".to_owned()));
            }
            if synced.elapsed() >= CLOCK_SYNC_INTERVAL {
                self.sync_clock(session)?;
                synced = Instant::now();
            }
        }
        Ok(())
    }
}
