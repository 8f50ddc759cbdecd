//! Changes as they are confirmed: every one once, in order, over cut connections and at the reader's own pace.
//!
//! A stream has a connection of its own and no queue but the frame at hand. Whoever reads slowly slows that connection; a
//! connection that is cut, or given up by the coordinator, is opened again behind the last change that was taken.

use super::Inner;
use super::error::{Error, ErrorKind, Result};
use super::http::pause;
use super::live::sync_request;
use super::socket::Socket;
use crate::wire::{Action, Actor, Delta, ServerFrame, SyncId};
use crate::{Id, Model, Row};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, Stream, StreamExt as _};
use std::collections::VecDeque;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// How often a connection is asked whether it has heard of a position by now: a few seconds in all.
const LATE: u32 = 6;

/// One confirmed change of a row of the model `M`.
#[derive(Debug)]
pub struct Change<M> {
    /// Its place in the log.
    pub position: SyncId,
    /// The row.
    pub id: Id<M>,
    /// What happened to it.
    pub what: What<M>,
    /// Who did it.
    pub actor: Option<Actor>,
}

/// What happened to a row.
#[derive(Debug)]
#[non_exhaustive]
pub enum What<M> {
    /// It was created, or came into sight.
    Inserted(Row<M>),
    /// It was changed.
    Updated(Row<M>),
    /// It was archived.
    Archived(Row<M>),
    /// It was deleted, or went out of sight.
    Deleted,
}

impl<M> What<M> {
    /// The row after the change.
    #[must_use]
    pub fn row(&self) -> Option<&Row<M>> {
        match self {
            What::Inserted(row) | What::Updated(row) | What::Archived(row) => Some(row),
            What::Deleted => None,
        }
    }
}

impl<M: Model> Change<M> {
    /// A change of this model; `None` where it is another's.
    ///
    /// # Errors
    /// `response_unreadable` where the row is not of this program's schema; `invalid_request` where a membership changed what is
    /// seen, in more rows than are told of one by one: read the rows anew.
    pub fn read(delta: &Delta) -> Result<Option<Self>> {
        if delta.model_name != M::DESCRIPTOR.type_name && !is_reset(delta) {
            return Ok(None);
        }
        let row = || match delta.data.value() {
            Some(data) => data.decode::<Row<M>>().map_err(|error| Error::unreadable(&error)),
            None => Err(Error::unreadable(&format_args!("change {} has no row", delta.id.0))),
        };
        let what = match delta.action_type {
            Action::Insert | Action::Covering => What::Inserted(row()?),
            Action::Update | Action::Unarchive => What::Updated(row()?),
            Action::Archive => What::Archived(row()?),
            Action::Delete => What::Deleted,
            _ if is_reset(delta) => return Err(Error::here("invalid_request", RESET)),
            _ => return Ok(None),
        };
        let actor = delta.actor.value().cloned();
        Ok(Some(Self { position: delta.id, id: Id::new(delta.model_id.as_str()), what, actor }))
    }
}

const RESET: &str = "a membership changed which rows are seen, and of too many for each to be told: read the rows anew";

/// Whether everything has to be read anew: rows came into sight, or went out of it, that are not told of one by one.
fn is_reset(delta: &Delta) -> bool {
    let groups = |data: serde_json::Value| data.get("addedGroups").is_some();
    delta.action_type == Action::GroupAdded
        && delta.data.value().is_some_and(|data| data.decode().is_ok_and(groups))
}

/// What a stream of changes gives for each of them.
pub trait Item: Sized + Send + 'static {
    /// Reads a change; `None` where the stream leaves it out.
    ///
    /// # Errors
    /// `response_unreadable`.
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

/// A stream of changes, about to be opened. Await it: whatever is confirmed from then on comes.
#[derive(Debug)]
#[must_use = "nothing comes before it is awaited"]
pub struct Subscribe<T> {
    inner: Arc<Inner>,
    from: Option<SyncId>,
    item: PhantomData<fn() -> T>,
}

impl<T: Item> Subscribe<T> {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, from: None, item: PhantomData }
    }

    /// Begins behind a place in the log: where an earlier stream stood, or the stamp of a read. 0 is the log's beginning.
    pub fn from(mut self, position: SyncId) -> Self {
        self.from = Some(position);
        self
    }

    async fn run(self) -> Result<Changes<T>> {
        let mut feed = Feed {
            inner: self.inner,
            socket: None,
            after: self.from,
            at_hand: VecDeque::new(),
            failures: 0,
        };
        // Whoever has no place yet gets one now, so that nothing is missed between this and the first read.
        while feed.socket.is_none() {
            feed.step().await?;
        }
        let position = feed.after.unwrap_or(SyncId(0));
        let stream = stream::unfold(Some(feed), |feed| async move {
            let mut feed = feed?;
            match feed.next().await {
                Ok(delta) => Some((Ok(delta), Some(feed))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Changes { stream: stream.boxed(), position, item: PhantomData })
    }
}

impl<T: Item> IntoFuture for Subscribe<T> {
    type Output = Result<Changes<T>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Changes as they are confirmed. A failure that passes is waited for; one that does not is the stream's last item, save for a row
/// that cannot be read, after which it goes on.
pub struct Changes<T> {
    stream: BoxStream<'static, Result<Delta>>,
    position: SyncId,
    item: PhantomData<fn() -> T>,
}

impl<T> Changes<T> {
    /// The place of the last change that was taken: another stream that begins from here misses nothing and repeats nothing.
    #[must_use]
    pub fn position(&self) -> SyncId {
        self.position
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

/// A place in the log, and the connection that brings what is behind it.
struct Feed {
    inner: Arc<Inner>,
    socket: Option<Socket>,
    after: Option<SyncId>,
    at_hand: VecDeque<Delta>,
    failures: u32,
}

impl Feed {
    /// The next change.
    async fn next(&mut self) -> Result<Delta> {
        loop {
            if let Some(delta) = self.at_hand.pop_front() {
                return Ok(delta);
            }
            self.step().await?;
        }
    }

    /// Goes on by one frame, or to a connection; waits after a failure that may pass.
    async fn step(&mut self) -> Result<()> {
        let done = match self.socket.take() {
            Some(mut socket) => {
                let heard = self.hear(&mut socket).await;
                if heard.is_ok() {
                    self.socket = Some(socket);
                }
                heard
            }
            None => self.open().await,
        };
        match done {
            Ok(()) => {}
            Err(error) if error.is_passing() => {
                self.failures += 1;
                tokio::time::sleep(pause(self.failures)).await;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Opens a connection behind the last change. What comes before the answer is from a place that was not asked for.
    async fn open(&mut self) -> Result<()> {
        let mut socket = Socket::dial(&self.inner.http).await?;
        socket.send(&sync_request(self.after)).await?;
        let mut head = loop {
            if let ServerFrame::SyncResponse(answer) = next(&mut socket).await? {
                break answer.current_sync_id;
            }
        };
        let after = *self.after.get_or_insert(head.unwrap_or(SyncId(0)));
        // A connection may hear of a commit a moment after its author.
        for attempt in 1..=LATE {
            if head.is_none_or(|head| after <= head) {
                self.socket = Some(socket);
                return Ok(());
            }
            tokio::time::sleep(pause(attempt)).await;
            socket.send(&sync_request(Some(after))).await?;
            head = loop {
                match next(&mut socket).await? {
                    ServerFrame::SyncResponse(answer) => break answer.current_sync_id,
                    frame => self.take(frame),
                }
            };
        }
        let message = format!("the log ends before the position {}: read the rows anew", after.0);
        Err(Error::here("invalid_request", message))
    }

    async fn hear(&mut self, socket: &mut Socket) -> Result<()> {
        self.take(next(socket).await?);
        self.failures = 0;
        Ok(())
    }

    /// Keeps the changes of a frame that were not there yet.
    fn take(&mut self, frame: ServerFrame) {
        let deltas = match frame {
            ServerFrame::Delta(frame) => frame.into_deltas(),
            ServerFrame::SyncResponse(answer) => answer.deltas.unwrap_or_default(),
            _ => return,
        };
        for delta in deltas {
            if self.after.is_none_or(|after| after < delta.id) {
                self.after = Some(delta.id);
                self.at_hand.push_back(delta);
            }
        }
    }
}

/// The next frame that could be a change.
async fn next(socket: &mut Socket) -> Result<ServerFrame> {
    match socket.next().await {
        Err(error) if *error.kind() == ErrorKind::Unreadable => {
            Err(Error::unreadable(&"a frame of the coordinator is none of the protocol"))
        }
        frame => frame,
    }
}
