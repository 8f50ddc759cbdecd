//! One WebSocket connection: reads and answers frames, and sends deltas, claims and presence.
//!
//! A connection holds a position in the log and its own claims, but no send queue: unsent deltas
//! stay in the hub or the store. A peer that does not read is disconnected after a timeout.

use super::credentials::CredentialGuard;
use super::deliver::Item;
use super::end::{End, LOG_REPLACED, RESTARTING, SCHEMA_MOVED, TOO_LONG, TOO_OLD, end_of, failed};
use super::flow_control::{FlowControl, delta_frame};
use super::grants::Grants;
use super::held::RefusedCommits;
use super::hub::{Hub, READ_BATCH, RowClaims};
use super::hubs::{HubGuard, Hubs};
use super::pace::Pace;
use super::peer_view::{PeerView, Viewer};
use super::start::Start;
use super::subscriptions::Subscriptions;
use crate::engine::delivery::{self, Reader, Seen};
use crate::engine::exits::{self, Exit};
use crate::engine::log;
use crate::engine::sessions::Session;
use crate::error::Result;
use crate::identity::{Holder, Identity};
use crate::service::{Service, roster::Party, schema_watch::until_moved};
use ablo_wire::{ClientFrame, LostReason, PresenceReport, PresenceStatus, ServerFrame};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep_until, timeout};

/// The maximum time to send a frame.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// The maximum time to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The interval of pings.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// The time without any frame after which a peer is disconnected.
const PEER_TIMEOUT: Duration = Duration::from_secs(35);
/// The interval at which the stored session is renewed.
const SESSION_RENEWAL_INTERVAL: Duration = Duration::from_secs(15);
/// How long deltas wait for a bootstrap in progress (docs/protocol/differences.md A4).
const BOOTSTRAP_HOLD: Duration = Duration::from_millis(2500);
/// The delay after which the roster is sent a second time (docs/protocol/differences.md A10).
const ROSTER_RESEND_DELAY: Duration = Duration::from_millis(1500);
/// The number of malformed frames after which the connection is closed.
const MAX_MALFORMED_FRAMES: u32 = 100;

/// A connection's state.
pub(crate) struct Connection {
    pub(super) service: Arc<Service>,
    pub(super) hubs: Arc<Hubs>,
    pub(super) hub: Arc<Hub>,
    pub(super) who: Identity,
    /// The identity with all groups that the credential allows.
    pub(super) allowed: Identity,
    /// The groups that the connection was opened for; empty for all.
    requested_groups: Vec<String>,
    /// The groups that the credential allowed when the connection was opened. The request does not
    /// concern those that are granted later.
    groups_at_open: BTreeSet<String>,
    /// The groups whose deltas, claims and presence are sent.
    pub(super) subscriptions: Subscriptions,
    pub(super) session: String,
    pub(super) peer_view: PeerView,
    pub(super) flow: FlowControl,
    pub(super) grants: Grants,
    pub(super) report: PresenceReport,
    /// Whether the client reads events of peers in envelopes.
    pub(super) knows_envelopes: bool,
    pub(super) refused: RefusedCommits,
    pub(super) relays: Pace,
    frames: Pace,
    credential: CredentialGuard,
    socket: WebSocket,
    pub(super) synced: bool,
    pub(super) start: Start,
    /// Whether the client has a snapshot and has not acknowledged a delta yet.
    pub(super) has_snapshot: bool,
    last_received: Instant,
    malformed_frames: u32,
    /// When the next entry was found to be one of rows without entries.
    pub(super) reload_since: Option<Instant>,
}

/// Serves a connection until it ends.
pub(crate) async fn run(
    (service, hubs): (Arc<Service>, Arc<Hubs>),
    allowed: Identity,
    groups: Vec<String>,
    mut socket: WebSocket,
) {
    let guard = match hubs.join(&allowed.organization).await {
        Ok(guard) => guard,
        Err(failure) => {
            let refusal = failure.into_api_error();
            tracing::warn!(code = refusal.code(), "a connection was rejected");
            return close(&mut socket, 1013, "try again later").await;
        }
    };
    service.metrics.sockets.inc();
    let mut connection = Connection::new((service, hubs), &guard, allowed, groups, socket);
    let end = connection.serve().await;
    // A peer gets the reason before the database answers.
    let closed = async {
        if let Err(End::Close(code, reason)) = end {
            close(&mut connection.socket, code, reason).await;
        }
    };
    let left = leave(&connection.service, &connection.who.organization, &connection.session);
    tokio::join!(closed, left);
    connection.service.metrics.sockets.dec();
    drop(guard);
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // The peer may have disconnected already.
    let _ = timeout(WRITE_TIMEOUT, socket.send(Message::Close(Some(frame)))).await;
}

/// Removes the session of a closed connection. Its claims last until their leases end
/// (docs/protocol/differences.md B3).
async fn leave(service: &Service, organization: &str, session: &str) {
    if let Err(failure) = service.remove_session(organization, session).await {
        tracing::debug!(?failure, "failed to remove a session; it will expire");
    }
}

/// Returns an identity with the groups that a connection was opened for, and those granted since.
fn limited(allowed: &Identity, requested: &[String], at_open: &BTreeSet<String>) -> Identity {
    let mut who = allowed.clone();
    if !requested.is_empty() {
        who.narrow(requested);
        who.groups.extend(allowed.groups.difference(at_open).cloned());
    }
    who
}

/// Sleeps until a time; returns at once for `None`.
async fn wait_until(time: Option<Instant>) {
    sleep_until(time.unwrap_or_else(Instant::now).into()).await;
}

impl Connection {
    fn new(
        (service, hubs): (Arc<Service>, Arc<Hubs>),
        guard: &HubGuard,
        mut allowed: Identity,
        requested_groups: Vec<String>,
        socket: WebSocket,
    ) -> Self {
        let session = format!("ws_{}", uuid::Uuid::new_v4().simple());
        if allowed.holder == Holder::Unnamed {
            allowed.holder = Holder::Connection(session.clone());
        }
        let hub = Arc::clone(&guard.hub);
        let groups_at_open = allowed.groups.clone();
        let who = limited(&allowed, &requested_groups, &groups_at_open);
        let head = *hub.head.borrow();
        let mut flow = FlowControl::new(head);
        if who.kind.as_str() != "agent" {
            flow.hold_until = Some(Instant::now() + BOOTSTRAP_HOLD);
        }
        Self {
            peer_view: PeerView::default(),
            flow,
            grants: Grants::default(),
            report: PresenceReport::new(PresenceStatus::Online),
            knows_envelopes: false,
            session,
            subscriptions: Subscriptions::new(who.groups.clone()),
            synced: false,
            start: Start::Log,
            has_snapshot: false,
            last_received: Instant::now(),
            malformed_frames: 0,
            reload_since: None,
            refused: RefusedCommits::default(),
            relays: Pace::new(service.options.limits.relays_per_second),
            frames: Pace::new(service.options.limits.frames_per_second),
            credential: hubs.credential(&allowed),
            service,
            hubs,
            hub,
            who,
            allowed,
            requested_groups,
            groups_at_open,
            socket,
        }
    }

    async fn serve(&mut self) -> Result<(), End> {
        let mut head = self.hub.head.subscribe();
        let mut claims = self.hub.claims.subscribe();
        let mut peers = self.hub.peers.subscribe();
        let mut relays = self.hub.relays.subscribe();
        let mut ending = self.credential.subscribe();
        let mut replaced = self.hub.replaced.subscribe();
        let mut closing = self.service.closing();
        let mut moved = self.service.schema_moved();
        let mut ping = tokio::time::interval(PING_INTERVAL);
        let mut session_renewal = tokio::time::interval(SESSION_RENEWAL_INTERVAL);
        let roster_resend = tokio::time::sleep(ROSTER_RESEND_DELAY);
        let max_age = tokio::time::sleep(self.service.options.limits.socket_age);
        tokio::pin!(roster_resend, max_age);
        let mut roster_resent = false;
        self.put_session().await?;
        self.send_roster().await?;
        loop {
            // Before anything of another log is sent.
            if replaced.has_changed().unwrap_or(true) {
                return Err(LOG_REPLACED);
            }
            self.send_grants().await?;
            let grant_due = self.grants.due();
            let held_due = self.refused.due();
            let due = self.flow.due();
            // The first `sync_request` decides where deltas start. Sent earlier, they would make
            // the client skip those before them.
            let is_behind = *head.borrow_and_update() > self.flow.cursor;
            let is_behind = self.synced && (is_behind || !matches!(self.start, Start::Log));
            let renew_at = self.peer_view.renew_at();
            let subscription_end = self.subscriptions.next_expiry();
            if is_behind && due.is_none_or(|due| due <= Instant::now()) {
                self.send_deltas().await?;
                // Handle frames of the peer between two delta frames.
                if let Some(frame) = self.received_frame() {
                    self.receive(frame).await?;
                }
                continue;
            }
            tokio::select! {
                frame = self.socket.recv() => self.receive(frame).await?,
                changed = head.changed() => changed.map_err(|_| End::Gone)?,
                () = wait_until(due), if is_behind && due.is_some() => {}
                () = wait_until(grant_due), if grant_due.is_some() => {}
                () = wait_until(held_due), if held_due.is_some() => self.retry_held().await?,
                changed = claims.recv() => match changed {
                    Ok(row) => self.send_claims(&row).await?,
                    Err(RecvError::Lagged(_)) => self.send_roster().await?,
                    Err(RecvError::Closed) => return Err(End::Gone),
                },
                peer = peers.recv() => match peer {
                    Ok(peer) => self.send_presence(&peer).await?,
                    Err(RecvError::Lagged(_)) => self.send_roster().await?,
                    Err(RecvError::Closed) => return Err(End::Gone),
                },
                relay = relays.recv() => if let Ok(relay) = relay {
                    self.send_relay(&relay).await?;
                },
                changed = closing.changed() => if changed.is_err() || *closing.borrow() {
                    return Err(RESTARTING);
                },
                _ = replaced.changed() => return Err(LOG_REPLACED),
                () = until_moved(&mut moved) => return Err(SCHEMA_MOVED),
                _ = ending.changed() => self.check_credential()?,
                () = wait_until(renew_at), if renew_at.is_some() => self.renew_claims().await?,
                () = wait_until(subscription_end), if subscription_end.is_some() => {
                    self.end_subscriptions().await?;
                }
                () = &mut roster_resend, if !roster_resent => {
                    roster_resent = true;
                    self.send_roster().await?;
                }
                () = &mut max_age => return Err(TOO_OLD),
                _ = ping.tick() => self.ping().await?,
                _ = session_renewal.tick() => self.renew_session().await?,
            }
        }
    }

    /// Returns a frame that was already received, without waiting.
    fn received_frame(&mut self) -> Option<Option<Result<Message, axum::Error>>> {
        use futures_util::FutureExt as _;
        self.socket.recv().now_or_never()
    }

    async fn receive(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let message = match frame {
            Some(Ok(message)) => message,
            Some(Err(error)) if super::refusals::is_too_long(&error) => {
                self.service.metrics.limited("body_bytes");
                return Err(TOO_LONG);
            }
            Some(Err(_)) | None => return Err(End::Gone),
        };
        self.last_received = Instant::now();
        let wait = self.frames.next(self.last_received);
        if !wait.is_zero() {
            self.service.metrics.limited("frames_per_second");
            tokio::time::sleep(wait).await;
        }
        self.check_credential()?;
        match message {
            Message::Text(text) => self.read(&text).await,
            Message::Binary(_) => self.refuse(super::refusals::binary()).await,
            Message::Close(_) => {
                // The answer to the close frame is sent by the next read.
                let _ = timeout(CLOSE_TIMEOUT, self.socket.recv()).await;
                Err(End::Gone)
            }
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn read(&mut self, text: &str) -> Result<(), End> {
        let head = *self.hub.head.borrow();
        match ClientFrame::parse(text) {
            Ok(frame) => self.frame(frame).await,
            Err(error) => match super::refusals::answer(text, &error, head) {
                Some(answer) => self.answer(&answer).await,
                None => self.refuse(super::refusals::unreadable(text, &error)).await,
            },
        }
    }

    /// Refuses a frame that cannot be read. After too many, the connection is closed.
    async fn refuse(&mut self, refusal: ServerFrame) -> Result<(), End> {
        self.malformed_frames += 1;
        if self.malformed_frames > MAX_MALFORMED_FRAMES {
            return Err(End::Close(1003, "too many malformed frames"));
        }
        self.answer(&refusal).await
    }

    pub(super) async fn answer(&mut self, frame: &ServerFrame) -> Result<(), End> {
        match frame.to_text() {
            Ok(text) => self.send(text).await,
            Err(error) => {
                tracing::error!(%error, "failed to serialize a frame");
                Ok(())
            }
        }
    }

    pub(super) async fn send(&mut self, text: String) -> Result<(), End> {
        self.check_credential()?;
        match timeout(WRITE_TIMEOUT, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.last_received.elapsed() > PEER_TIMEOUT {
            return Err(End::Gone);
        }
        match timeout(WRITE_TIMEOUT, self.socket.send(Message::Ping(axum::body::Bytes::new())))
            .await
        {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Ends the connection if its credential has ended (docs/protocol/differences.md C9).
    fn check_credential(&self) -> Result<(), End> {
        self.credential.check(|| self.service.store.now())
    }

    /// Sends one frame of deltas.
    async fn send_deltas(&mut self) -> Result<(), End> {
        if self.advance_start().await? {
            return Ok(());
        }
        let (exit, mut items) = self.read_log(self.flow.cursor).await?;
        // Deltas after a change of the participant's groups are filtered by the new groups.
        if items.first().is_some_and(|item| delivery::changes_groups_of(&item.delta, &self.who)) {
            self.reload_credential().await?;
        }
        let next = items
            .iter()
            .skip(1)
            .position(|item| delivery::changes_groups_of(&item.delta, &self.who));
        if let Some(next) = next {
            items.truncate(next + 1);
        }
        let waits = self.stops_for_reload(&mut items)?;
        if items.is_empty() {
            if !waits {
                // The head is ahead of the readable log: wait until the head moves.
                self.flow.cursor = *self.hub.head.borrow();
            }
            return Ok(());
        }
        let reader = Reader { who: &self.who, allowed: &self.allowed };
        let models = &self.service.engine.models;
        let seen = |item: Arc<Item>| {
            let seen = delivery::seen(exit, models, &reader, &item.delta);
            (item, seen)
        };
        let seen: Vec<(Arc<Item>, Option<Seen>)> = items.into_iter().map(seen).collect();
        let texts = self.flow.take(&seen, Instant::now());
        if texts.is_empty() {
            return Ok(());
        }
        self.service.metrics.delivered.inc_by(texts.len() as u64);
        self.send(delta_frame(&texts)).await
    }

    /// Reloads the credential and applies its current groups.
    pub(super) async fn reload_credential(&mut self) -> Result<(), End> {
        let found = self.service.current(&self.who).await;
        let state = found.map_err(|failure| failed(&failure, "failed to look up a credential"))?;
        let holder = self.who.holder.clone();
        self.allowed = Identity { holder, ..state.identity };
        self.who = limited(&self.allowed, &self.requested_groups, &self.groups_at_open);
        self.subscriptions.narrow(self.who.groups.clone(), &self.allowed);
        self.update_groups().await?;
        self.send_roster().await
    }

    /// Returns deltas after a sync id, from the hub's ring or else from the store.
    async fn read_log(&mut self, after: u64) -> Result<(Exit, Vec<Arc<Item>>), End> {
        if let Some(items) = self.hub.ring_since(after) {
            return Ok((Exit::Delta, items));
        }
        let organization = self.who.organization.clone();
        let read = self
            .service
            .viewing(&self.who, move |_, tx| Ok(log::since(tx, &organization, after, READ_BATCH)?))
            .await;
        match read {
            Ok(found) => {
                let items = found.into_iter().map(|delta| Arc::new(Item::new(delta)));
                Ok((Exit::CatchUp, items.collect()))
            }
            Err(failure) => Err(failed(&failure, "failed to read the log")),
        }
    }

    /// Stores the session, which announces it to other connections.
    pub(super) async fn put_session(&mut self) -> Result<(), End> {
        let written = self.service.put_session(&self.who, &self.session, &self.report).await;
        written.map_err(|failure| failed(&failure, "failed to store a session"))
    }

    async fn renew_session(&mut self) -> Result<(), End> {
        let ids = vec![self.session.clone()];
        if let Err(failure) = self.service.renew_sessions(&self.who, ids).await {
            end_of(&failure)?;
            // The session outlives several renewal intervals.
            tracing::warn!(?failure, "failed to renew a session");
        }
        Ok(())
    }

    /// Sends the presence of all participants and the claims on all rows.
    pub(super) async fn send_roster(&mut self) -> Result<(), End> {
        for frame in self.viewer().roster() {
            self.answer(&frame).await?;
        }
        for row in self.hub.claimed_rows() {
            self.send_claims(&row).await?;
        }
        Ok(())
    }

    fn viewer(&self) -> Viewer<'_> {
        Viewer { hub: &self.hub, models: &self.service.engine.models, who: &self.who }
    }

    async fn send_presence(&mut self, peer: &Session) -> Result<(), End> {
        let party = Party::of_session(peer, &self.who);
        if party.is(&self.who) || !exits::sees(Exit::Presence, &self.who, &peer.groups) {
            return Ok(());
        }
        let frame = super::peer_view::presence(&self.viewer(), &party, peer);
        self.answer(&frame).await
    }

    async fn send_claims(&mut self, row: &RowClaims) -> Result<(), End> {
        let viewer = Viewer { hub: &self.hub, models: &self.service.engine.models, who: &self.who };
        let (frames, missing) = self.peer_view.update(&viewer, row);
        for frame in frames {
            self.answer_claim(frame, (&row.model, &row.row)).await?;
        }
        if missing.is_empty() {
            return Ok(());
        }
        // If the lookup fails, the next change or renewal decides.
        let lost = self.service.lost_claims(&self.who, missing).await.unwrap_or_default();
        self.lose(lost).await
    }

    /// Reports lost claims.
    pub(super) async fn lose(&mut self, lost: Vec<(String, LostReason)>) -> Result<(), End> {
        for (id, reason) in lost {
            self.grants.remove(&id);
            if let Some(frame) = self.peer_view.lose(&id, reason) {
                self.answer(&frame).await?;
            }
        }
        Ok(())
    }
}
