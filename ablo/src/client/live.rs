//! The task behind claims and presence. It owns one WebSocket, reconnects after a disconnect and
//! restores claims and presence.
//!
//! It receives commands and publishes the state of each claim and the roster of peers through watch
//! channels, which hold only the newest state, so an idle observer costs no memory.

use super::error::{Error, ErrorKind, Result};
use super::http::Http;
use super::policy;
use super::roster::Roster;
use super::socket::Socket;
use crate::wire::{
    ClientFrame, IntentAbandon, IntentBegin, LostReason, Maybe, PresenceReport, PresenceStatus,
    ServerFrame, SyncCapability, SyncId, SyncRequest, Versions,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// The state of a claim.
#[derive(Clone, Debug)]
pub(super) enum ClaimState {
    /// The coordinator has not answered yet.
    Requested,
    /// The claim waits at this position in the claim queue, from 0.
    Queued(u64),
    /// The claim is held.
    Held,
    /// The claim was held or queued and has ended.
    Lost(LostReason),
    /// The coordinator refused the claim.
    Refused(Error),
}

/// A command to the task.
pub(super) enum Command {
    /// Requests a claim and reports its state.
    Begin(IntentBegin, watch::Sender<ClaimState>),
    /// Releases a claim or leaves its claim queue.
    End(String),
    /// Reports the activity of this participant.
    Report(PresenceReport),
}

/// A handle to the task. The task ends when all command senders are dropped.
#[derive(Debug)]
pub(super) struct Live {
    // Unbounded because `Drop` cannot wait. A claim sends at most two commands.
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) roster: watch::Receiver<Roster>,
}

impl Live {
    /// Starts the task.
    pub(super) fn start(http: Arc<Http>) -> Result<Self> {
        let (command_sender, commands) = mpsc::unbounded_channel();
        let (roster_sender, roster) = watch::channel(Roster::default());
        let task = Task {
            http,
            commands,
            claims: BTreeMap::new(),
            report: None,
            roster: roster_sender,
            opened_at: None,
            last_frame_at: Instant::now(),
        };
        spawn(task.run())?;
        Ok(Self { commands: command_sender, roster })
    }
}

/// Spawns a task on the current tokio runtime.
///
/// # Errors
/// `invalid_request` if there is no runtime.
pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let runtime = tokio::runtime::Handle::try_current()
        .map_err(|_| Error::local("invalid_request", "the client needs a tokio runtime"))?;
    drop(runtime.spawn(task));
    Ok(())
}

struct Task {
    http: Arc<Http>,
    commands: mpsc::UnboundedReceiver<Command>,
    claims: BTreeMap<String, OwnClaim>,
    report: Option<PresenceReport>,
    roster: watch::Sender<Roster>,
    /// When the connection was opened, if it is.
    opened_at: Option<Instant>,
    /// When the last frame arrived. Leases are counted from then.
    last_frame_at: Instant,
}

struct OwnClaim {
    begin: IntentBegin,
    state: watch::Sender<ClaimState>,
}

impl OwnClaim {
    fn is_held(&self) -> bool {
        matches!(*self.state.borrow(), ClaimState::Held)
    }

    fn ttl(&self) -> Duration {
        self.begin.estimated_ms.map_or(policy::CLAIM_TTL, |ttl| Duration::from_millis(ttl.0))
    }
}

/// All command senders are dropped, so the task ends.
struct Finished;

impl Task {
    async fn run(mut self) {
        let mut backoff = policy::BACKOFF;
        loop {
            let error = match self.serve_connection().await {
                Ok(Finished) => return,
                Err(error) => error,
            };
            let lasted = self.opened_at.take().map_or(Duration::ZERO, |at| at.elapsed());
            let finished = if error.retryable() {
                self.idle(Some(policy::reconnect_delay(&mut backoff, lasted))).await
            } else {
                // Fail all claims. The next command tries to connect again.
                for claim in std::mem::take(&mut self.claims).into_values() {
                    claim.state.send_replace(ClaimState::Refused(error.clone()));
                }
                self.idle(None).await
            };
            if finished.is_some() {
                return;
            }
        }
    }

    /// Processes commands without a connection for `wait`, or until the next command.
    async fn idle(&mut self, wait: Option<Duration>) -> Option<Finished> {
        let until = tokio::time::sleep(wait.unwrap_or(Duration::MAX));
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until, if wait.is_some() => break,
                command = self.commands.recv() => match command {
                    None => return Some(Finished),
                    Some(command) => {
                        self.apply(command);
                        if wait.is_none() { break }
                    }
                },
            }
        }
        let last_frame_at = self.last_frame_at;
        // Leases were not renewed while disconnected.
        self.claims.retain(|_, claim| {
            let lost = claim.is_held() && last_frame_at.elapsed() > claim.ttl();
            if lost {
                claim.state.send_replace(ClaimState::Lost(LostReason::Expired));
            }
            !lost
        });
        None
    }

    /// Applies a command and returns the frame that has to be sent for it.
    fn apply(&mut self, command: Command) -> Option<ClientFrame> {
        match command {
            Command::Begin(begin, state) => {
                let claim = OwnClaim { begin: begin.clone(), state };
                self.claims.insert(begin.intent_id.clone(), claim);
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

    /// Serves one connection until it is closed or all command senders are dropped.
    async fn serve_connection(&mut self) -> Result<Finished> {
        let mut socket = Socket::dial(&self.http).await?;
        self.opened_at = Some(Instant::now());
        self.roster.send_replace(Roster::default());
        for frame in self.initial_frames() {
            socket.send(&frame).await?;
        }
        let mut ping = tokio::time::interval(policy::PING_INTERVAL);
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => if let Some(frame) = self.apply(command) {
                        socket.send(&frame).await?;
                    },
                    None => {
                        socket.close().await;
                        return Ok(Finished);
                    }
                },
                frame = socket.next() => match frame {
                    Ok(frame) => self.receive(frame),
                    Err(error) if *error.kind() == ErrorKind::Unreadable => {}
                    Err(error) => return Err(error),
                },
                _ = ping.tick() => socket.send(&ClientFrame::Ping).await?,
            }
        }
    }

    /// Returns the first frames of every connection: the claims under their existing ids, presence,
    /// and the sync request.
    fn initial_frames(&self) -> Vec<ClientFrame> {
        let begins = self.claims.values().map(|claim| {
            let mut begin = claim.begin.clone();
            // A renewal must not enter the claim queue: a lost claim is reported as lost.
            if claim.is_held() {
                begin.queue = Some(false);
            }
            ClientFrame::IntentBegin(begin)
        });
        let mut frames: Vec<ClientFrame> = begins.collect();
        let report =
            self.report.clone().unwrap_or_else(|| PresenceReport::new(PresenceStatus::Online));
        frames.push(ClientFrame::PresenceUpdate(report));
        frames.push(sync_request(None, None));
        frames
    }

    fn receive(&mut self, frame: ServerFrame) {
        self.last_frame_at = Instant::now();
        match frame {
            ServerFrame::IntentAcquired(frame) => self.update(&frame.intent_id, ClaimState::Held),
            ServerFrame::IntentGranted(frame) => self.update(&frame.intent_id, ClaimState::Held),
            ServerFrame::IntentQueued(frame) => {
                self.update(&frame.intent_id, ClaimState::Queued(frame.position))
            }
            ServerFrame::IntentLost(frame) => {
                self.end(&frame.intent_id, ClaimState::Lost(frame.reason))
            }
            ServerFrame::IntentRejected(frame) => {
                let held = self.claims.get(&frame.intent_id).is_some_and(OwnClaim::is_held);
                let holder = super::error::Holder {
                    held_by: frame.held_by,
                    claim_id: frame.held_by_intent_id,
                    expires_at: frame.held_by_expires_at.and_then(iso_date),
                };
                let state = match held {
                    true => ClaimState::Lost(LostReason::Expired),
                    false => {
                        let by = holder.held_by.as_deref().unwrap_or("another participant");
                        let message = format!("the row is held by {by}");
                        ClaimState::Refused(Error::claimed("entity_claimed", message, holder))
                    }
                };
                self.end(&frame.intent_id, state);
            }
            ServerFrame::PresenceUpdate(peer) => {
                self.roster.send_modify(|roster| roster.update_peer(*peer))
            }
            ServerFrame::IntentQueue(queue) => {
                self.roster.send_modify(|roster| roster.update_queue(queue))
            }
            _ => {}
        }
    }

    fn update(&self, id: &str, state: ClaimState) {
        if let Some(claim) = self.claims.get(id) {
            claim.state.send_replace(state);
        }
    }

    fn end(&mut self, id: &str, state: ClaimState) {
        if let Some(claim) = self.claims.remove(id) {
            claim.state.send_replace(state);
        }
    }
}

/// Formats milliseconds since 1970 as an ISO 8601 date.
fn iso_date(millis: crate::wire::Millis) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(i64::try_from(millis.0).ok()?).ok()?;
    Some(crate::Timestamp::from(at).to_string())
}

/// Requests every change in order after a sync id, or from now on without one. The coordinator
/// notices by the epoch of the sync id that its log is another one.
pub(super) fn sync_request(after: Option<SyncId>, epoch: Option<&str>) -> ClientFrame {
    let mut capabilities = vec![SyncCapability::from("completeDeltas".to_owned())];
    if after.is_some() {
        capabilities.push(SyncCapability::from("resume".to_owned()));
    }
    let last = after.unwrap_or(SyncId(0));
    let mut request = SyncRequest::new(Versions::new(), last, capabilities);
    request.epoch = epoch.map_or(Maybe::Absent, |epoch| Maybe::Value(epoch.to_owned()));
    ClientFrame::SyncRequest(request)
}
