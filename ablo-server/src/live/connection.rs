//! One connection: frames in, frames out.
//!
//! It holds a place in the log, the claims its participant asked for here, and no queue: what it has not sent yet is in the hub or in
//! the store. While a peer does not read, nothing is done for it, and after a while it is gone.

use super::deliver::{Form, Item};
use super::flow_control::{Pace, frame};
use super::hub::{ClaimQueueChange, Hub, STEP};
use super::hubs::Membership;
use super::peer_view::PeerView;
use super::subscriptions::Subscriptions;
use crate::app::App;
use crate::engine::sessions::{self, Session};
use crate::engine::{claims, credentials, log};
use crate::error::Result;
use crate::http::claims::may_claim;
use crate::identity::Identity;
use ablo_wire::{ClientFrame, PresenceReport, PresenceStatus, ServerFrame};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{sleep_until, timeout};

/// How long a peer may take to read a frame.
const WRITE: Duration = Duration::from_secs(20);
/// How often a peer is asked for a sign of life.
const PING: Duration = Duration::from_secs(10);
/// How long a peer may be silent.
const SILENCE: Duration = Duration::from_secs(35);
/// How often an open connection is written down as such.
const KEEP: Duration = Duration::from_secs(15);
/// How long changes wait for a snapshot that is being loaded (docs/protocol/differences.md A4).
const SNAPSHOT: Duration = Duration::from_millis(2500);
/// How long changes wait after a snapshot was served.
const SETTLE: Duration = Duration::from_secs(1);
/// When the roster is sent a second time (docs/protocol/differences.md A10).
const AGAIN: Duration = Duration::from_millis(1500);
/// Frames that cannot be read, before the connection is closed.
const PATIENCE: u32 = 100;

/// Why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The peer went, or does not read.
    Gone,
    /// We close, with this code and reason.
    Close(u16, &'static str),
}

const TAKEN_BACK: End = End::Close(4001, "the credential was taken back");

/// A connection's state.
pub(crate) struct Connection {
    pub(super) app: Arc<App>,
    pub(super) hub: Arc<Hub>,
    pub(super) who: Identity,
    /// All groups that the credential allows.
    pub(super) allowed: Identity,
    /// The groups that it was opened for; none are all.
    asked: Vec<String>,
    /// The groups that it hears of.
    pub(super) subscriptions: Subscriptions,
    pub(super) session: String,
    pub(super) told: PeerView,
    pub(super) pace: Pace,
    pub(super) report: PresenceReport,
    socket: WebSocket,
    synced: bool,
    heard: Instant,
    unreadable: u32,
}

/// Serves a connection until it ends.
pub(crate) async fn run(
    app: Arc<App>,
    allowed: Identity,
    groups: Vec<String>,
    mut socket: WebSocket,
) {
    let joined = app.hubs.join(&allowed.organization, app.options.most_connections).await;
    let membership = match joined {
        Ok(membership) => membership,
        Err(failure) => {
            let refusal = failure.into_api_error();
            tracing::warn!(code = refusal.code(), "a connection was turned away");
            return close(&mut socket, 1013, "try again later").await;
        }
    };
    app.metrics.sockets.inc();
    let mut connection = Connection::new(app, &membership, allowed, groups, socket);
    let end = connection.serve().await;
    connection.leave().await;
    if let Err(End::Close(code, reason)) = end {
        close(&mut connection.socket, code, reason).await;
    }
    connection.app.metrics.sockets.dec();
    drop(membership);
}

async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    // The peer may be gone already.
    let _ = timeout(WRITE, socket.send(Message::Close(Some(frame)))).await;
}

impl Connection {
    fn new(
        app: Arc<App>,
        membership: &Membership,
        allowed: Identity,
        asked: Vec<String>,
        socket: WebSocket,
    ) -> Self {
        let hub = Arc::clone(&membership.hub);
        let mut who = allowed.clone();
        who.narrow(&asked);
        let head = *hub.head.borrow();
        let mut pace = Pace::new(head);
        if who.kind.as_str() != "agent" {
            pace.hold = Some(Instant::now() + SNAPSHOT);
        }
        Self {
            told: PeerView::default(),
            pace,
            report: PresenceReport::new(PresenceStatus::Online),
            session: format!("ws_{}", uuid::Uuid::new_v4().simple()),
            subscriptions: Subscriptions::new(who.groups.clone()),
            synced: false,
            heard: Instant::now(),
            unreadable: 0,
            app,
            hub,
            who,
            allowed,
            asked,
            socket,
        }
    }

    async fn serve(&mut self) -> Result<(), End> {
        let mut head = self.hub.head.subscribe();
        let mut lines = self.hub.lines.subscribe();
        let mut peers = self.hub.peers.subscribe();
        let mut relays = self.hub.relays.subscribe();
        let mut revoked = self.app.hubs.revoked();
        let mut closing = self.app.closing();
        let mut ping = tokio::time::interval(PING);
        let mut keep = tokio::time::interval(KEEP);
        let (again, ceiling) =
            (tokio::time::sleep(AGAIN), tokio::time::sleep(self.app.options.longest_socket));
        tokio::pin!(again, ceiling);
        let mut said_again = false;
        self.announce().await?;
        self.roster().await?;
        loop {
            let due = self.pace.due();
            let waiting = self.pace.cursor < *head.borrow_and_update();
            let (renew_at, subscribed) = (self.told.renew_at(), self.subscriptions.ends());
            if waiting && due.is_none_or(|due| due <= Instant::now()) {
                self.pump().await?;
                // Frames of the peer come in between.
                if let Some(frame) = self.ready() {
                    self.receive(frame).await?;
                }
                continue;
            }
            tokio::select! {
                frame = self.socket.recv() => self.receive(frame).await?,
                changed = head.changed() => changed.map_err(|_| End::Gone)?,
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if waiting && due.is_some() => {}
                change = lines.recv() => match change {
                    Ok(change) => self.line(&change).await?,
                    Err(RecvError::Lagged(_)) => self.roster().await?,
                    Err(RecvError::Closed) => return Err(End::Gone),
                },
                peer = peers.recv() => match peer {
                    Ok(peer) => self.peer(&peer).await?,
                    Err(RecvError::Lagged(_)) => self.roster().await?,
                    Err(RecvError::Closed) => return Err(End::Gone),
                },
                relay = relays.recv() => if let Ok(relay) = relay
                    && relay.session != self.session && !relay.groups.is_disjoint(&self.who.groups) {
                    self.send(relay.text.clone()).await?;
                },
                changed = closing.changed() => if changed.is_err() || *closing.borrow() {
                    return Err(End::Close(1012, "the coordinator restarts"));
                },
                ended = revoked.recv() => self.still_allowed(ended)?,
                () = sleep_until(renew_at.unwrap_or_else(Instant::now).into()), if renew_at.is_some() => self.renew().await?,
                () = sleep_until(subscribed.unwrap_or_else(Instant::now).into()), if subscribed.is_some() => {
                    self.end_subscriptions().await?;
                }
                () = &mut again, if !said_again => {
                    said_again = true;
                    self.roster().await?;
                }
                () = &mut ceiling => return Err(End::Close(1012, "come back with a token of today")),
                _ = ping.tick() => self.ping().await?,
                _ = keep.tick() => self.keep().await?,
            }
        }
    }

    /// A frame that is there already.
    fn ready(&mut self) -> Option<Option<Result<Message, axum::Error>>> {
        use futures_util::FutureExt as _;
        self.socket.recv().now_or_never()
    }

    async fn receive(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let message = match frame {
            Some(Ok(message)) => message,
            Some(Err(_)) | None => return Err(End::Gone),
        };
        self.heard = Instant::now();
        match message {
            Message::Text(text) => self.read(&text).await,
            Message::Binary(_) => self.unreadable(),
            Message::Close(_) => Err(End::Gone),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        }
    }

    async fn read(&mut self, text: &str) -> Result<(), End> {
        match ClientFrame::parse(text) {
            Ok(frame) => self.frame(frame).await,
            Err(error) => match super::peer_view::unreadable(text, &error) {
                Some(answer) => self.answer(&answer).await,
                None => self.unreadable(),
            },
        }
    }

    fn unreadable(&mut self) -> Result<(), End> {
        self.unreadable += 1;
        if self.unreadable > PATIENCE {
            Err(End::Close(1003, "too many frames that cannot be read"))
        } else {
            Ok(())
        }
    }

    pub(super) async fn answer(&mut self, frame: &ServerFrame) -> Result<(), End> {
        match frame.to_text() {
            Ok(text) => self.send(text).await,
            Err(error) => {
                tracing::error!(%error, "a frame that is no JSON");
                Ok(())
            }
        }
    }

    pub(super) async fn send(&mut self, text: String) -> Result<(), End> {
        match timeout(WRITE, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.heard.elapsed() > SILENCE {
            return Err(End::Gone);
        }
        match timeout(WRITE, self.socket.send(Message::Ping(axum::body::Bytes::new()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Closes the connection of a credential that was taken back (docs/protocol/differences.md A14).
    fn still_allowed(&mut self, ended: Result<String, RecvError>) -> Result<(), End> {
        match ended {
            Ok(ended) if ended == self.who.capability => Err(TAKEN_BACK),
            Err(RecvError::Closed) => Err(End::Gone),
            Ok(_) | Err(RecvError::Lagged(_)) => Ok(()),
        }
    }

    /// The first `sync_request` says how changes are wanted, and from where.
    pub(super) async fn synchronize(
        &mut self,
        last: Option<u64>,
        complete: bool,
    ) -> Result<(), End> {
        let head = *self.hub.head.borrow();
        if !self.synced {
            self.synced = true;
            self.pace.complete = complete;
            let snapshot = self.app.hubs.last_bootstrap(&self.who.capability);
            if complete || self.who.kind.as_str() == "agent" {
                self.pace.hold = None;
            } else if let Some((_, at)) = snapshot {
                self.pace.hold = Some(at + SETTLE);
            }
            let from = [last, snapshot.map(|(stamp, _)| stamp)];
            if let Some(from) = from.into_iter().flatten().min() {
                self.pace.cursor = self.pace.cursor.min(from);
            }
        }
        let mut answer = ablo_wire::SyncResponse::new();
        answer.deltas = Some(Vec::new());
        answer.current_sync_id = Some(ablo_wire::SyncId(head));
        self.answer(&ServerFrame::SyncResponse(Box::new(answer))).await
    }

    /// Sends what was changed, as far as one frame takes it.
    async fn pump(&mut self) -> Result<(), End> {
        let mut items = self.since(self.pace.cursor).await?;
        // What is behind a change of rights is seen with the new ones.
        if items.first().is_some_and(|item| item.regroups(&self.who)) {
            self.reconsider().await?;
        }
        if let Some(next) = items.iter().skip(1).position(|item| item.regroups(&self.who)) {
            items.truncate(next + 1);
        }
        if items.is_empty() {
            // The hub knows of more than can be read: it is looked for again when it grows.
            self.pace.cursor = *self.hub.head.borrow();
            return Ok(());
        }
        let groups = &self.who.groups;
        let formed: Vec<(Arc<Item>, Option<Form>)> = items
            .into_iter()
            .map(|item| {
                let form = item.form(&self.who, groups);
                (item, form)
            })
            .collect();
        let texts = self.pace.take(&formed, Instant::now());
        if texts.is_empty() {
            return Ok(());
        }
        self.app.metrics.delivered.inc_by(texts.len() as u64);
        self.send(frame(&texts)).await
    }

    /// Sees what its credential covers by now.
    async fn reconsider(&mut self) -> Result<(), End> {
        let (organization, id) = (self.who.organization.clone(), self.who.capability.clone());
        let own = organization.clone();
        let found =
            self.app.reading(&own, move |_, tx| credentials::find(tx, &organization, &id)).await;
        let state = found.map_err(|failure| {
            tracing::warn!(?failure, "a credential could not be looked up");
            End::Close(1013, "try again later")
        })?;
        if state.revoked_at.is_some() {
            return Err(TAKEN_BACK);
        }
        self.allowed = state.identity;
        self.who = self.allowed.clone();
        self.who.narrow(&self.asked);
        self.subscriptions.narrow(self.who.groups.clone(), &self.allowed);
        self.regroup().await?;
        self.roster().await
    }

    /// Changes after a place, from the hub or else from the store.
    async fn since(&mut self, after: u64) -> Result<Vec<Arc<Item>>, End> {
        if let Some(items) = self.hub.ring_since(after) {
            return Ok(items);
        }
        let organization = self.who.organization.clone();
        let own = organization.clone();
        let read = self
            .app
            .reading(&own, move |_, tx| Ok(log::since(tx, &organization, after, STEP)?))
            .await;
        match read {
            Ok(found) => Ok(found.into_iter().map(|delta| Arc::new(Item::new(delta))).collect()),
            Err(failure) => {
                tracing::warn!(?failure, "the log could not be read");
                Err(End::Close(1013, "try again later"))
            }
        }
    }

    /// Writes down that the connection is open.
    pub(super) async fn announce(&mut self) -> Result<(), End> {
        let (who, id, report) = (self.who.clone(), self.session.clone(), self.report.clone());
        let written = self
            .app
            .writing(&who.organization.clone(), move |_, tx| {
                credentials::mark_used(tx, &who.capability)?;
                sessions::upsert(tx, &who, &id, &report)
            })
            .await;
        written.map_err(|_| End::Close(1013, "try again later"))
    }

    async fn keep(&mut self) -> Result<(), End> {
        let (organization, ids) = (self.who.organization.clone(), vec![self.session.clone()]);
        let kept = self
            .app
            .writing(&organization.clone(), move |_, tx| sessions::renew(tx, &organization, &ids))
            .await;
        if let Err(failure) = kept {
            // The session lives through several of these.
            tracing::warn!(?failure, "a session could not be kept");
        }
        Ok(())
    }

    /// Writes down that the connection is closed. Its claims live on for what is left of their time (docs/protocol/differences.md B3).
    async fn leave(&mut self) {
        let (organization, id) = (self.who.organization.clone(), self.session.clone());
        let removed = self
            .app
            .writing(&organization.clone(), move |_, tx| sessions::remove(tx, &organization, &id))
            .await;
        if let Err(failure) = removed {
            tracing::debug!(?failure, "a session is left to expire");
        }
    }

    /// Everyone who is here, and every line for a row.
    pub(super) async fn roster(&mut self) -> Result<(), End> {
        for peer in self.hub.sessions().into_iter().take(super::hub::CROWD) {
            self.peer(&peer).await?;
        }
        for change in self.hub.lines() {
            self.line(&change).await?;
        }
        Ok(())
    }

    async fn peer(&mut self, peer: &Session) -> Result<(), End> {
        if self.who.is(&peer.kind, &peer.participant) || peer.groups.is_disjoint(&self.who.groups) {
            return Ok(());
        }
        let gone = peer.closed && !self.hub.is_here(&peer.kind, &peer.participant);
        let frame = super::peer_view::presence(&self.hub, &self.who, peer, gone);
        self.answer(&frame).await
    }

    async fn line(&mut self, change: &ClaimQueueChange) -> Result<(), End> {
        let (frames, doubtful) = self.told.line(&self.hub, &self.who, change);
        for frame in frames {
            self.answer(&frame).await?;
        }
        for id in doubtful {
            let (who, own) = (self.who.clone(), id.clone());
            let organization = who.organization.clone();
            let lives = self
                .app
                .reading(&organization, move |_, tx| Ok(claims::is_open(tx, &who, &own)?))
                .await;
            // What cannot be looked up now is looked up at the next change, or is lost when it is renewed.
            if let Ok(false) = lives
                && let Some(frame) = self.told.lose(&id)
            {
                self.answer(&frame).await?;
            }
        }
        Ok(())
    }

    /// Whether this participant may claim rows of a model here.
    pub(super) fn may_claim(&self, model: &str) -> bool {
        self.app.engine.models.find(model).is_some_and(|model| may_claim(model, &self.who).is_ok())
    }
}
