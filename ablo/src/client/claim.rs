//! Claims: a row that is held while it is worked on, or a place in its line.
//!
//! A claim is asked for over the connection, where the coordinator tells at once when it is granted or lost, or over HTTP, where
//! a task asks again and again. Either way a handle that is dropped gives it up, and so does a future that is dropped while it waits.

use super::Inner;
use super::commit::{Commit, Options, fresh_id};
use super::error::{Error, ErrorKind, Result};
use super::http::{Http, Request};
use super::live::{Command, Standing, TTL, spawn};
use super::read::retrieve;
use crate::wire::{
    ClaimAnswer, ClaimReleased, ClaimTarget, IntentBegin, IntentBody, IntentList, IntentReleased,
    LostReason, Millis, ModelClaim, Object, OnStale, QueueSlot, ReorderBody, SyncId, Ttl,
};
use crate::{Id, Model, Row};
use futures_util::future::BoxFuture;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// How often one who waits over HTTP asks again: the coordinator forgets who is silent for ten seconds.
const ASK: Duration = Duration::from_millis(750);

/// A request for a row. Await it: it waits its turn, then reads the row.
///
/// Dropped while it waits, it leaves the line.
#[derive(Clone, Debug)]
#[must_use = "nothing is claimed before it is awaited"]
pub struct ClaimRow<M> {
    inner: Arc<Inner>,
    row: Id<M>,
    begin: IntentBegin,
    wait: bool,
    timeout: Option<Duration>,
    deepest: Option<u64>,
}

impl<M: Model> ClaimRow<M> {
    pub(super) fn new(inner: Arc<Inner>, row: Id<M>) -> Self {
        let begin = IntentBegin::new(
            format!("int_{}", fresh_id()),
            M::DESCRIPTOR.key,
            row.as_str(),
            "editing",
        );
        Self { inner, row, begin, wait: true, timeout: None, deepest: None }
    }

    /// What the work is, in a word; by default `editing`.
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.begin.action = action.into();
        self
    }

    /// What the work is, in a sentence.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        let meta = self.begin.meta.get_or_insert_with(Object::new);
        meta.insert("description".to_owned(), description.into().into());
        self
    }

    /// The field that is worked on, for others to see; the whole row is held.
    pub fn field<T>(mut self, field: crate::Field<M, T>) -> Self {
        self.begin.field = Some(field.name().to_owned());
        self
    }

    /// How long the claim lives when this program is gone: a minute by default, ten at most. While it runs, it renews.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.begin.estimated_ms =
            Some(Millis(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)));
        self
    }

    /// Whether to wait in line where the row is held; by default yes. Otherwise it fails with `entity_claimed`.
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// How long to wait at most; then it fails with `grant_timeout` and leaves the line.
    pub fn timeout(mut self, wait: Duration) -> Self {
        self.timeout = Some(wait);
        self
    }

    /// How many may be before this one in the line; with more it fails with `queue_too_deep` and leaves the line.
    pub fn max_queue_depth(mut self, waiting: u64) -> Self {
        self.deepest = Some(waiting);
        self
    }

    async fn run(mut self) -> Result<Claim<M>> {
        self.begin.queue = Some(self.wait);
        let mut lease = Lease::begin(&self.inner, self.begin)?;
        let granted = granted(&mut lease.standing, self.deepest);
        match self.timeout {
            None => granted.await?,
            Some(wait) => tokio::time::timeout(wait, granted).await.unwrap_or_else(|_| {
                Err(Error::here("grant_timeout", format!("{} was not free in {wait:?}", self.row)))
            })?,
        }
        let read = retrieve(&self.inner, &self.row).await?;
        Ok(Claim { inner: self.inner, row: read.data, stamp: read.stamp, lease })
    }
}

impl<M: Model> IntoFuture for ClaimRow<M> {
    type Output = Result<Claim<M>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Waits until a claim is held.
async fn granted(standing: &mut watch::Receiver<Standing>, deepest: Option<u64>) -> Result<()> {
    loop {
        match standing.borrow_and_update().clone() {
            Standing::Held => return Ok(()),
            Standing::Refused(error) => return Err(error),
            Standing::Lost(reason) => return Err(lost(&reason)),
            Standing::Queued(before) if deepest.is_some_and(|deepest| before > deepest) => {
                return Err(Error::here(
                    "queue_too_deep",
                    format!("{before} wait before this one"),
                ));
            }
            Standing::Queued(_) | Standing::Asked => {}
        }
        standing.changed().await.map_err(|_| lost(&LostReason::Expired))?;
    }
}

fn lost(reason: &LostReason) -> Error {
    Error::here(
        "claim_lost",
        format!("the claim, or its place in the line, is gone: {}", reason.as_str()),
    )
}

/// A row that is held, as it was read when it came to be held.
///
/// Writes through it are refused where anyone else wrote the same fields since. It renews itself while it lives, and gives the
/// row up when it is dropped.
#[derive(Debug)]
pub struct Claim<M> {
    inner: Arc<Inner>,
    row: Row<M>,
    stamp: SyncId,
    lease: Lease,
}

impl<M: Model> Claim<M> {
    /// The row, as it was read under the claim.
    #[must_use]
    pub fn row(&self) -> &Row<M> {
        &self.row
    }

    /// Where in the log the row was read.
    #[must_use]
    pub fn stamp(&self) -> SyncId {
        self.stamp
    }

    /// The claim's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.lease.id
    }

    /// Whether the row is held still, as far as is known here.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(*self.lease.standing.borrow(), Standing::Held)
    }

    /// Waits until the claim is lost, and says why. Dropping it loses nothing.
    pub async fn lost(&self) -> Error {
        let mut standing = self.lease.standing.clone();
        let gone = standing.wait_for(|standing| !matches!(standing, Standing::Held)).await;
        match gone.as_deref() {
            Ok(Standing::Refused(error)) => error.clone(),
            Ok(Standing::Lost(reason)) => lost(reason),
            _ => lost(&LostReason::Expired),
        }
    }

    /// Changes the row, under the claim.
    pub fn update(&self, patch: M::Patch) -> Commit {
        self.commit().change::<M>(&self.row.id, &patch)
    }

    /// Deletes the row, under the claim.
    pub fn delete(&self) -> Commit {
        self.commit().delete::<M>(&self.row.id)
    }

    /// Starts a commit of several operations under the claim. All of them are based on the place in the log at which its row was read.
    pub fn commit(&self) -> Commit {
        let guard = Options {
            read_at: Some(self.stamp),
            on_stale: Some(OnStale::Reject),
            claim: Some(self.lease.id.clone()),
            ..Options::default()
        };
        let commit = Commit::new(Arc::clone(&self.inner)).with(guard);
        match self.is_held() {
            true => commit,
            false => commit.failed(lost(&LostReason::Expired)),
        }
    }

    /// Reads the row again: what is written from now on is based on it.
    ///
    /// # Errors
    /// As of a read.
    pub async fn refresh(&mut self) -> Result<&Row<M>> {
        let read = retrieve(&self.inner, &self.row.id).await?;
        (self.row, self.stamp) = (read.data, read.stamp);
        Ok(&self.row)
    }

    /// Gives the row up, and waits until the coordinator has heard of it. A claim that is gone already is no error.
    ///
    /// # Errors
    /// Where the coordinator cannot be reached; the claim then ends with its time.
    pub async fn release(self) -> Result<()> {
        let Self { inner, lease, .. } = self;
        let request = Request::delete(["v1", "intents", lease.id.as_str()]);
        drop(lease);
        let _: IntentReleased = inner.http.send(&request).await?;
        Ok(())
    }
}

/// A claim that was asked for. Dropping it gives it up.
#[derive(Debug)]
struct Lease {
    id: String,
    standing: watch::Receiver<Standing>,
    live: Option<mpsc::UnboundedSender<Command>>,
}

impl Lease {
    fn begin(inner: &Inner, begin: IntentBegin) -> Result<Self> {
        let (tell, standing) = watch::channel(Standing::Asked);
        let id = begin.intent_id.clone();
        let live = match inner.live()? {
            Some(live) => {
                let commands = live.commands.clone();
                let gone = |_| Error::here("network_error", "the connection's task is gone");
                commands.send(Command::Begin(begin, tell)).map_err(gone)?;
                Some(commands)
            }
            None => {
                spawn(keep(Arc::clone(&inner.http), begin, tell))?;
                None
            }
        };
        Ok(Self { id, standing, live })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(live) = &self.live {
            // A task that is gone has no connection either, and the coordinator lets the claim end.
            let _ = live.send(Command::End(std::mem::take(&mut self.id)));
        }
    }
}

/// Keeps a claim over HTTP: asks until it is held, asks again to renew it, and gives it up when nobody looks any more.
async fn keep(http: Arc<Http>, begin: IntentBegin, tell: watch::Sender<Standing>) {
    let ttl = begin.estimated_ms.map_or(TTL, |ttl| Duration::from_millis(ttl.0));
    let mut target = ClaimTarget::new(begin.entity_type, begin.entity_id);
    (target.field, target.meta) = (begin.field, begin.meta);
    let mut body = IntentBody::new(begin.intent_id, target, begin.action);
    body.ttl = Some(Ttl::Text(format!("{}ms", ttl.as_millis())));
    body.queue = begin.queue;
    let mut renewed = Instant::now();
    while !tell.is_closed() {
        let asked = Instant::now();
        let held = matches!(*tell.borrow(), Standing::Held);
        let standing = match ask(&http, &body).await {
            Ok(answer) if answer.is_queued() => Standing::Queued(answer.position.unwrap_or(0)),
            Ok(_) => {
                renewed = asked;
                // A claim that was held is held, or lost: it does not go back into a line.
                body.queue = Some(false);
                Standing::Held
            }
            Err(error) if error.is_passing() && (!held || renewed.elapsed() < ttl) => {
                tell.borrow().clone()
            }
            Err(error)
                if held
                    && matches!(error.kind(), ErrorKind::Claimed(_) | ErrorKind::Unavailable) =>
            {
                Standing::Lost(LostReason::Expired)
            }
            Err(error) => Standing::Refused(error),
        };
        let (over, holds) = (
            matches!(standing, Standing::Lost(_) | Standing::Refused(_)),
            matches!(standing, Standing::Held),
        );
        tell.send_replace(standing);
        if over {
            return;
        }
        let wait = if holds { (ttl / 3).max(Duration::from_millis(50)) } else { ASK.min(ttl / 3) };
        tokio::select! {
            () = tell.closed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    // Where this fails, the claim ends with its time.
    let _ = http
        .send::<IntentReleased>(&Request::delete(["v1", "intents", body.intent_id.as_str()]))
        .await;
}

async fn ask(http: &Http, body: &IntentBody) -> Result<ClaimAnswer> {
    http.send(&Request::post(["v1", "intents"], body)?).await
}

/// Who holds a row and who waits for it, asked for and arranged.
#[derive(Clone, Debug)]
pub struct Line<M> {
    inner: Arc<Inner>,
    row: Id<M>,
}

impl<M: Model> Line<M> {
    pub(super) fn new(inner: Arc<Inner>, row: Id<M>) -> Self {
        Self { inner, row }
    }

    async fn list(&self) -> Result<IntentList> {
        let query =
            vec![("model", M::DESCRIPTOR.key.to_owned()), ("id", self.row.as_str().to_owned())];
        self.inner.http.send(&Request::get(["v1", "intents"]).query(query)).await
    }

    /// The claim that another participant holds on the row.
    ///
    /// # Errors
    /// Where the coordinator refuses, or cannot be reached.
    pub async fn state(&self) -> Result<Option<ModelClaim>> {
        Ok(self.list().await?.intents.into_iter().next())
    }

    /// Who waits, next first.
    ///
    /// # Errors
    /// Where the coordinator refuses, or cannot be reached.
    pub async fn queue(&self) -> Result<Vec<ModelClaim>> {
        Ok(self.list().await?.queue)
    }

    /// Gives up what this participant holds or waits for on the row, through whichever handle; false where there is nothing.
    ///
    /// # Errors
    /// Where the coordinator refuses, or cannot be reached.
    pub async fn release(&self) -> Result<bool> {
        let request =
            Request::delete(["v1", "models", M::DESCRIPTOR.key, self.row.as_str(), "claim"]);
        let answer: ClaimReleased = self.inner.http.send(&request).await?;
        Ok(answer.released.unwrap_or(answer.ok))
    }

    /// Puts those who wait into another order: these first, the others behind them as they were.
    ///
    /// # Errors
    /// `capability_scope_denied` for a credential that may not, and where the coordinator cannot be reached.
    pub async fn reorder<'c>(&self, first: impl IntoIterator<Item = &'c ModelClaim>) -> Result<()> {
        let slots: Vec<QueueSlot> = first
            .into_iter()
            .map(|claim| QueueSlot::new(claim.actor.clone(), claim.id.clone()))
            .collect();
        let path = ["v1", "models", M::DESCRIPTOR.key, self.row.as_str(), "claim", "reorder"];
        let _: ClaimReleased =
            self.inner.http.send(&Request::post(path, &ReorderBody::new(slots))?).await?;
        Ok(())
    }
}
