//! Streams of confirmed changes: each change once, in order, across reconnects.
//!
//! A stream has its own connection and buffers one frame, so a slow reader slows only that
//! connection. After a disconnect the stream resumes after the last change that was taken.

use super::Inner;
use super::error::{Error, ErrorKind, Result};
use super::live::sync_request;
use super::policy;
use super::socket::Socket;
use crate::wire::{
    Action, Actor, Backoff, BootstrapReason, Delta, ServerFrame, SyncId, SyncResponse,
};
use crate::{Id, Model, Row};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use std::collections::VecDeque;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// One confirmed change of a row of the model `M`.
#[derive(Debug)]
pub struct Change<M> {
    /// The sync id of the change.
    pub position: SyncId,
    /// The id of the row.
    pub id: Id<M>,
    /// The kind of change, with the row after it.
    pub kind: ChangeKind<M>,
    /// The participant that made the change.
    pub actor: Option<Actor>,
}

/// The kind of a [`Change`], with the row after the change.
#[derive(Debug)]
#[non_exhaustive]
pub enum ChangeKind<M> {
    /// The row was created or became visible to this client.
    Inserted(Row<M>),
    /// The row was updated.
    Updated(Row<M>),
    /// The row was archived.
    Archived(Row<M>),
    /// The row was deleted or is no longer visible to this client.
    Deleted,
}

impl<M> ChangeKind<M> {
    /// Returns the row after the change, or `None` if it was deleted.
    #[must_use]
    pub fn row(&self) -> Option<&Row<M>> {
        match self {
            ChangeKind::Inserted(row) | ChangeKind::Updated(row) | ChangeKind::Archived(row) => {
                Some(row)
            }
            ChangeKind::Deleted => None,
        }
    }
}

impl<M: Model> Change<M> {
    /// Reads a delta as a change of this model. Returns `None` for a delta of another model.
    ///
    /// # Errors
    /// `response_unreadable` if the row does not match this program's schema. `invalid_request` if
    /// a membership change affects more rows than the log lists one by one; read the rows again.
    pub fn read(delta: &Delta) -> Result<Option<Self>> {
        if delta.model_name != M::DESCRIPTOR.type_name && !is_reset(delta) {
            return Ok(None);
        }
        let row = || match delta.data.value() {
            Some(data) => data.decode::<Row<M>>().map_err(|error| Error::unreadable(&error)),
            None => Err(Error::unreadable(&format_args!("change {} has no row", delta.id.0))),
        };
        let kind = match delta.action_type {
            Action::Insert | Action::Covering => ChangeKind::Inserted(row()?),
            Action::Update | Action::Unarchive => ChangeKind::Updated(row()?),
            Action::Archive => ChangeKind::Archived(row()?),
            Action::Delete => ChangeKind::Deleted,
            _ if is_reset(delta) => return Err(Error::local("invalid_request", RESET)),
            _ => return Ok(None),
        };
        let actor = delta.actor.value().cloned();
        Ok(Some(Self { position: delta.id, id: Id::new(delta.model_id.as_str()), kind, actor }))
    }
}

const RESET: &str = "a membership change affects too many rows to list; read the rows again";

/// Returns whether a delta announces visibility changes that the log does not list row by row, so
/// that everything has to be read again.
fn is_reset(delta: &Delta) -> bool {
    let groups = |data: serde_json::Value| data.get("addedGroups").is_some();
    delta.action_type == Action::GroupAdded
        && delta.data.value().is_some_and(|data| data.decode().is_ok_and(groups))
}

/// The item type of a stream of changes: [`Delta`] for all models or [`Change`] for one.
pub trait Item: Sized + Send + 'static {
    /// Reads a delta. Returns `None` if the stream skips it.
    ///
    /// # Errors
    /// `response_unreadable` if the row does not match this program's schema.
    fn read(delta: Delta) -> Result<Option<Self>>;
}

impl Item for Delta {
    fn read(delta: Delta) -> Result<Option<Self>> {
        Ok(Some(delta))
    }
}

impl<M: Model> Item for Change<M> {
    fn read(delta: Delta) -> Result<Option<Self>> {
        Change::read(&delta)
    }
}

/// A request for a stream of changes. Await it to open the stream, which yields every change that
/// is confirmed from then on.
#[derive(Debug)]
#[must_use = "a stream is opened only when this is awaited"]
pub struct Subscribe<T> {
    inner: Arc<Inner>,
    from: Option<SyncId>,
    epoch: Option<String>,
    item: PhantomData<fn() -> T>,
}

impl<T: Item> Subscribe<T> {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, from: None, epoch: None, item: PhantomData }
    }

    /// Starts after a sync id: the [`Changes::position`] of an earlier stream or the stamp of a
    /// read. 0 is the beginning of the log.
    pub fn from(mut self, position: SyncId) -> Self {
        self.from = Some(position);
        self
    }

    /// Names the log in which the position is: the [`Changes::epoch`] of the earlier stream. The
    /// stream fails with `log_replaced` if the coordinator has another log there, such as that of a
    /// restored backup.
    pub fn epoch(mut self, epoch: impl Into<String>) -> Self {
        self.epoch = Some(epoch.into());
        self
    }

    async fn run(self) -> Result<Changes<T>> {
        let mut feed = Feed {
            inner: self.inner,
            socket: None,
            after: self.from,
            epoch: self.epoch,
            buffered: VecDeque::new(),
            backoff: policy::BACKOFF,
        };
        // Connect now, so that a stream without a start sees every change from this moment on.
        while feed.socket.is_none() {
            feed.step().await?;
        }
        let position = feed.after.unwrap_or(SyncId(0));
        let epoch = feed.epoch.clone();
        let stream = stream::unfold(Some(feed), |feed| async move {
            let mut feed = feed?;
            match feed.next().await {
                Ok(delta) => Some((Ok(delta), Some(feed))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Changes { stream: stream.boxed(), position, epoch, item: PhantomData })
    }
}

impl<T: Item> IntoFuture for Subscribe<T> {
    type Output = Result<Changes<T>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// A stream of confirmed changes.
///
/// Transient failures are retried. A permanent failure is the last item: after `log_replaced` (a
/// backup was restored, or the database is another one) and `log_position_expired` (the log was
/// shortened), read the rows again and open another stream. A row that cannot be read is an error
/// item, and the stream continues after it.
pub struct Changes<T> {
    stream: BoxStream<'static, Result<Delta>>,
    position: SyncId,
    epoch: Option<String>,
    item: PhantomData<fn() -> T>,
}

impl<T> Changes<T> {
    /// Returns the sync id of the last change that was taken. A stream that starts from here
    /// neither misses nor repeats a change.
    #[must_use]
    pub fn position(&self) -> SyncId {
        self.position
    }

    /// Returns the epoch of the position, for [`Subscribe::epoch`]. `None` in an empty log.
    #[must_use]
    pub fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }
}

impl<T: Item> Stream for Changes<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match ready!(self.stream.poll_next_unpin(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(delta)) => {
                    self.position = delta.id;
                    self.epoch.clone_from(&delta.created_at);
                    if let Some(item) = T::read(delta).transpose() {
                        return Poll::Ready(Some(item));
                    }
                }
            }
        }
    }
}

impl<T> std::fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes").field("position", &self.position).finish_non_exhaustive()
    }
}

/// A position in the sync log and the connection that delivers the deltas after it.
struct Feed {
    inner: Arc<Inner>,
    socket: Option<Socket>,
    after: Option<SyncId>,
    /// The epoch of `after`, if it is known.
    epoch: Option<String>,
    buffered: VecDeque<Delta>,
    backoff: Backoff,
}

impl Feed {
    /// Returns the next change.
    async fn next(&mut self) -> Result<Delta> {
        loop {
            if let Some(delta) = self.buffered.pop_front() {
                return Ok(delta);
            }
            self.step().await?;
        }
    }

    /// Reads one frame, or connects. Backs off after a transient failure.
    async fn step(&mut self) -> Result<()> {
        let (stepped, lasted) = match self.socket.take() {
            Some(mut socket) => {
                let received = next(&mut socket).await.map(|frame| self.buffer(frame));
                let lasted = socket.lasted();
                if received.is_ok() {
                    self.socket = Some(socket);
                }
                (received, lasted)
            }
            None => (self.open().await, Duration::ZERO),
        };
        match stepped {
            Ok(()) => {}
            Err(error) if error.retryable() => {
                tokio::time::sleep(policy::reconnect_delay(&mut self.backoff, lasted)).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Opens a connection that resumes after the last change. Deltas that arrive before the
    /// response belong to another position and are dropped.
    async fn open(&mut self) -> Result<()> {
        let mut socket = Socket::dial(&self.inner.http).await?;
        socket.send(&sync_request(self.after, self.epoch.as_deref())).await?;
        let mut head = loop {
            if let ServerFrame::SyncResponse(response) = next(&mut socket).await? {
                check(&response)?;
                if self.after.is_none() {
                    self.epoch.clone_from(&response.epoch);
                }
                break response.current_sync_id;
            }
        };
        let after = *self.after.get_or_insert(head.unwrap_or(SyncId(0)));
        // A connection may learn of a commit shortly after its author did.
        let mut backoff = policy::BACKOFF;
        while backoff.failures() < policy::MAX_HEAD_CHECKS {
            if head.is_none_or(|head| after <= head) {
                self.socket = Some(socket);
                return Ok(());
            }
            tokio::time::sleep(backoff.fail()).await;
            socket.send(&sync_request(Some(after), self.epoch.as_deref())).await?;
            head = loop {
                match next(&mut socket).await? {
                    ServerFrame::SyncResponse(response) => {
                        check(&response)?;
                        break response.current_sync_id;
                    }
                    frame => self.buffer(frame),
                }
            };
        }
        let message = format!("the log ends before sync id {}; read the rows again", after.0);
        Err(Error::local("log_replaced", message))
    }

    /// Buffers the deltas of a frame that are newer than the current position.
    fn buffer(&mut self, frame: ServerFrame) {
        let deltas = match frame {
            ServerFrame::Delta(frame) => frame.into_deltas(),
            ServerFrame::SyncResponse(response) => response.deltas.unwrap_or_default(),
            _ => return,
        };
        for delta in deltas {
            if self.after.is_none_or(|after| after < delta.id) {
                self.after = Some(delta.id);
                self.epoch.clone_from(&delta.created_at);
                self.buffered.push_back(delta);
            }
        }
    }
}

/// Checks that the log continues from the position of the stream.
fn check(response: &SyncResponse) -> Result<()> {
    if response.requires_bootstrap != Some(true) {
        return Ok(());
    }
    let reason = response.bootstrap_hint.as_ref().and_then(|hint| hint.reason.as_ref());
    let (code, message) = match reason {
        Some(BootstrapReason::LogReplaced) => (
            "log_replaced",
            "the coordinator has another log than the one of this position, such as that of a \
             restored backup; read the rows again",
        ),
        _ => (
            "log_position_expired",
            "the log no longer has the changes after this position; read the rows again",
        ),
    };
    Err(Error::local(code, message))
}

/// Returns the next frame. An unreadable frame is a permanent error, since it could be a change.
async fn next(socket: &mut Socket) -> Result<ServerFrame> {
    match socket.next().await {
        Err(error) if *error.kind() == ErrorKind::Unreadable => {
            Err(Error::unreadable(&"the coordinator sent a frame that is not part of the protocol"))
        }
        frame => frame,
    }
}
