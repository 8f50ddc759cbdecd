//! The thread that listens: what any process told comes in over a connection of its own and goes out to all who listen here. It
//! also asks the server for the time.

use super::clock::ServerClock;
use super::session::{Address, Session};
use crate::error::StoreError;
use crate::store::{Notification, spawn};
use ablo_codegen::emit::sql::postgres::Provision;
use postgres::fallible_iterator::FallibleIterator as _;
use std::sync::{Arc, Weak, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Where news are told.
pub(super) const CHANNEL: &str = "ablo";
/// How often the server is asked for the time.
const CLOCK: Duration = Duration::from_secs(30);
/// How often to look whether the store is still there.
const LOOK: Duration = Duration::from_secs(1);
/// How long to leave a server alone that could not be reached, at first and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

struct Keeper {
    address: Address,
    clock: Arc<ServerClock>,
    news: broadcast::Sender<Notification>,
    store: Weak<()>,
}

/// Provisions the database, starts to listen, and returns when both are done.
pub(super) fn start(
    address: &Address,
    programs: Vec<Provision>,
    clock: &Arc<ServerClock>,
    news: &broadcast::Sender<Notification>,
    store: Weak<()>,
) -> Result<(), StoreError> {
    let listener =
        Keeper { address: address.clone(), clock: Arc::clone(clock), news: news.clone(), store };
    let (ready, started) = mpsc::sync_channel(1);
    spawn("ablo-listener", move || {
        let session = listener.provision(&programs).and_then(|()| listener.listening());
        let (session, answer) = match session {
            Ok(session) => (Some(session), Ok(())),
            Err(error) => (None, Err(error)),
        };
        // Who asked waits for this.
        let _ = ready.send(answer);
        if let Some(session) = session {
            listener.keep(session);
        }
    })?;
    started
        .recv()
        .unwrap_or_else(|_| Err(StoreError::Unavailable("the listening thread ended".to_owned())))
}

impl Keeper {
    /// Makes the tables that are missing, in a session that leaves nothing behind.
    fn provision(&self, programs: &[Provision]) -> Result<(), StoreError> {
        let mut session = Session::open(&self.address)?;
        programs.iter().try_for_each(|program| session.provision(program))
    }

    /// A session that hears of news.
    fn listening(&self) -> Result<Session, StoreError> {
        let mut session = Session::open(&self.address)?;
        session.batch(&format!("LISTEN {CHANNEL}"))?;
        self.ask_for_the_time(&mut session)?;
        Ok(session)
    }

    fn ask_for_the_time(&self, session: &mut Session) -> Result<(), StoreError> {
        let asked = self.clock.passed();
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        let said = session.query(sql, &[])?;
        if let Some(said) = said.first().and_then(|row| row.first()?.integer()) {
            self.clock.set(said, asked, self.clock.passed());
        }
        Ok(())
    }

    /// Listens as long as the store is there, over as many connections as it takes.
    fn keep(&self, mut session: Session) {
        let [first, longest] = RETRY;
        let mut wait = first;
        loop {
            let Err(error) = self.hear(&mut session) else { return };
            tracing::warn!(%error, "the listening connection is lost");
            session = loop {
                if self.store.strong_count() == 0 {
                    return;
                }
                std::thread::sleep(wait);
                match self.listening() {
                    Ok(session) => break session,
                    Err(_) => wait = (wait * 2).min(longest),
                }
            };
            wait = first;
            // Whatever was told meanwhile is lost; who keeps anything looks again.
            let _ = self.news.send(Notification::Gap);
        }
    }

    /// Passes news on until the store is gone or the connection is lost.
    fn hear(&self, session: &mut Session) -> Result<(), StoreError> {
        let mut asked = Instant::now();
        while self.store.strong_count() > 0 {
            let heard = session.client.notifications().timeout_iter(LOOK).next()?;
            if let Some(heard) = heard.filter(|heard| heard.channel() == CHANNEL) {
                let news = serde_json::from_str(heard.payload()).unwrap_or(Notification::Gap);
                // Nobody may be listening.
                let _ = self.news.send(news);
            } else if session.is_lost() {
                return Err(StoreError::Unavailable("the server closed it".to_owned()));
            }
            if asked.elapsed() >= CLOCK {
                self.ask_for_the_time(session)?;
                asked = Instant::now();
            }
        }
        Ok(())
    }
}
