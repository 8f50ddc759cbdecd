//! The task behind claims and presence: it owns one connection, opens it again when it is cut, and says again what was said.
//!
//! Commands come in; what became of each claim, and who is here, goes out through cells that hold the newest state alone, so
//! that nobody who does not look makes anything grow.

use super::error::{Error, ErrorKind, Result};
use super::http::{Http, pause};
use super::presence::Roster;
use super::socket::Socket;
use crate::wire::{
    ClientFrame, IntentAbandon, IntentBegin, LostReason, PresenceReport, PresenceStatus,
    ServerFrame, SyncCapability, SyncId, SyncRequest, Versions,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often the coordinator hears from us.
const PING: Duration = Duration::from_secs(10);
/// How long a claim lives without a sign of life, where nobody says.
pub(super) const TTL: Duration = Duration::from_secs(60);

/// Where a claim stands.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    /// There is no answer yet.
    Asked,
    /// It waits; 0 is next.
    Queued(u64),
    /// It is held.
    Held,
    /// It was held or waited, and is gone.
    Lost(LostReason),
    /// It was refused.
    Refused(Error),
}

/// What the task is asked for.
pub(super) enum Command {
    /// Asks for a claim, and tells where it stands.
    Begin(IntentBegin, watch::Sender<Standing>),
    /// Gives a claim up, or leaves its line.
    End(String),
    /// Says what this participant is doing.
    Report(PresenceReport),
}

/// The way to the task. It ends when every clone of the sender is gone.
#[derive(Debug)]
pub(super) struct Live {
    // Unbounded, since a handle that is dropped cannot wait; there are two commands a claim at most.
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) roster: watch::Receiver<Roster>,
}

impl Live {
    /// Starts the task.
    pub(super) fn start(http: Arc<Http>) -> Result<Self> {
        let (commands, heard) = mpsc::unbounded_channel();
        let (roster, seen) = watch::channel(Roster::default());
        let task = Task {
            http,
            commands: heard,
            claims: BTreeMap::new(),
            report: None,
            roster,
            heard: Instant::now(),
        };
        spawn(task.run())?;
        Ok(Self { commands, roster: seen })
    }
}

/// Spawns a task where there is a runtime to run it.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|_| Error::here("invalid_request", "a client runs inside a tokio runtime"))?;
    drop(runtime.spawn(task));
    Ok(())
}

struct Task {
    http: Arc<Http>,
    commands: mpsc::UnboundedReceiver<Command>,
    claims: BTreeMap<String, Own>,
    report: Option<PresenceReport>,
    roster: watch::Sender<Roster>,
    /// When the coordinator was last heard: leases run from then.
    heard: Instant,
}

struct Own {
    begin: IntentBegin,
    tell: watch::Sender<Standing>,
}

impl Own {
    fn is_held(&self) -> bool {
        matches!(*self.tell.borrow(), Standing::Held)
    }

    fn ttl(&self) -> Duration {
        self.begin.estimated_ms.map_or(TTL, |ttl| Duration::from_millis(ttl.0))
    }
}

/// The last sender of commands is gone.
struct Over;

impl Task {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let error = match self.connected().await {
                Ok(Over) => return,
                Err(error) => error,
            };
            let over = if error.is_passing() {
                // A connection that held for a while begins anew.
                failures = if began.elapsed() > PING { 1 } else { failures + 1 };
                self.idle(Some(pause(failures))).await
            } else {
                // Whoever waits is told, and the next who asks may have more luck.
                for own in std::mem::take(&mut self.claims).into_values() {
                    own.tell.send_replace(Standing::Refused(error.clone()));
                }
                self.idle(None).await
            };
            if over.is_some() {
                return;
            }
        }
    }

    /// Listens to commands for a while, or until there is one.
    async fn idle(&mut self, wait: Option<Duration>) -> Option<Over> {
        let until = tokio::time::sleep(wait.unwrap_or(Duration::MAX));
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until, if wait.is_some() => break,
                command = self.commands.recv() => match command {
                    None => return Some(Over),
                    Some(command) => {
                        self.note(command);
                        if wait.is_none() { break }
                    }
                },
            }
        }
        let heard = self.heard;
        // Nobody has kept them alive meanwhile.
        self.claims.retain(|_, own| {
            let lost = own.is_held() && heard.elapsed() > own.ttl();
            if lost {
                own.tell.send_replace(Standing::Lost(LostReason::Expired));
            }
            !lost
        });
        None
    }

    /// Takes a command in; what has to be said of it.
    fn note(&mut self, command: Command) -> Option<ClientFrame> {
        match command {
            Command::Begin(begin, tell) => {
                self.claims.insert(begin.intent_id.clone(), Own { begin: begin.clone(), tell });
                Some(ClientFrame::IntentBegin(begin))
            }
            Command::End(id) => {
                self.claims.remove(&id);
                Some(ClientFrame::IntentAbandon(IntentAbandon::new(id)))
            }
            Command::Report(report) => {
                self.report = Some(report.clone());
                Some(ClientFrame::PresenceUpdate(report))
            }
        }
    }

    /// Serves one connection until it is cut, or until nobody needs it.
    async fn connected(&mut self) -> Result<Over> {
        let mut socket = Socket::dial(&self.http).await?;
        self.roster.send_replace(Roster::default());
        for frame in self.announcement() {
            socket.send(&frame).await?;
        }
        let mut ping = tokio::time::interval(PING);
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => if let Some(frame) = self.note(command) {
                        socket.send(&frame).await?;
                    },
                    None => {
                        socket.close().await;
                        return Ok(Over);
                    }
                },
                frame = socket.next() => match frame {
                    Ok(frame) => self.hear(frame),
                    Err(error) if *error.kind() == ErrorKind::Unreadable => {}
                    Err(error) => return Err(error),
                },
                _ = ping.tick() => socket.send(&ClientFrame::Ping).await?,
            }
        }
    }

    /// What is said on every new connection: the claims by their old ids, then who is here.
    fn announcement(&self) -> Vec<ClientFrame> {
        let begins = self.claims.values().map(|own| {
            let mut begin = own.begin.clone();
            // A claim that was held is held, or lost: it does not go back into a line.
            if own.is_held() {
                begin.queue = Some(false);
            }
            ClientFrame::IntentBegin(begin)
        });
        let mut frames: Vec<ClientFrame> = begins.collect();
        let report =
            self.report.clone().unwrap_or_else(|| PresenceReport::new(PresenceStatus::Online));
        frames.push(ClientFrame::PresenceUpdate(report));
        frames.push(sync_request(None));
        frames
    }

    fn hear(&mut self, frame: ServerFrame) {
        self.heard = Instant::now();
        match frame {
            ServerFrame::IntentAcquired(frame) => self.tell(&frame.intent_id, Standing::Held),
            ServerFrame::IntentGranted(frame) => self.tell(&frame.intent_id, Standing::Held),
            ServerFrame::IntentQueued(frame) => {
                self.tell(&frame.intent_id, Standing::Queued(frame.position))
            }
            ServerFrame::IntentLost(frame) => {
                self.end(&frame.intent_id, Standing::Lost(frame.reason))
            }
            ServerFrame::IntentRejected(frame) => {
                let held = self.claims.get(&frame.intent_id).is_some_and(Own::is_held);
                let holder = super::error::Holder {
                    held_by: frame.held_by,
                    claim_id: frame.held_by_intent_id,
                    expires_at: frame.held_by_expires_at.and_then(date),
                };
                let standing = match held {
                    true => Standing::Lost(LostReason::Expired),
                    false => Standing::Refused(Error::claimed(holder)),
                };
                self.end(&frame.intent_id, standing);
            }
            ServerFrame::PresenceUpdate(peer) => {
                self.roster.send_modify(|roster| roster.hear(*peer))
            }
            ServerFrame::IntentQueue(line) => self.roster.send_modify(|roster| roster.line(line)),
            _ => {}
        }
    }

    fn tell(&self, id: &str, standing: Standing) {
        if let Some(own) = self.claims.get(id) {
            own.tell.send_replace(standing);
        }
    }

    fn end(&mut self, id: &str, standing: Standing) {
        if let Some(own) = self.claims.remove(id) {
            own.tell.send_replace(standing);
        }
    }
}

/// Milliseconds since 1970 as a date.
fn date(millis: crate::wire::Millis) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(millis.0).ok()?).ok()?;
    Some(crate::Timestamp::from(at).to_string())
}

/// Asks for every change, in order, behind a place in the log; without one, from now on.
pub(super) fn sync_request(after: Option<SyncId>) -> ClientFrame {
    let mut capabilities = vec![SyncCapability::from("completeDeltas".to_owned())];
    if after.is_some() {
        capabilities.push(SyncCapability::from("resume".to_owned()));
    }
    let request = SyncRequest::new(Versions::new(), after.unwrap_or(SyncId(0)), capabilities);
    ClientFrame::SyncRequest(request)
}
