//! Claims on rows and their claim queues.
//!
//! A claim is requested over the WebSocket, where the coordinator reports grant and loss at once,
//! or over HTTP, where a task polls. Dropping the handle releases the claim, and dropping the
//! future leaves the claim queue.

use super::Inner;
use super::commit::{Commit, CommitOptions};
use super::error::{Error, ErrorKind, Result};
use super::fresh_id::fresh_id;
use super::http::{Http, Request};
use super::live::{ClaimState, Command, spawn};
use super::policy::{self, ClaimOutcome};
use super::read::retrieve;
use crate::wire::{
    ClaimAnswer, ClaimReleased, ClaimTarget, IntentBegin, IntentBody, IntentList, IntentReleased,
    LostReason, Millis, ModelClaim, Object, OnStale, QueueSlot, Range, ReorderBody, SyncId, Ttl,
};
use crate::{Adjustment, Id, Model, Row};
use futures_util::future::BoxFuture;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// A request for a claim. Await it to wait in the claim queue and then read the row.
///
/// Dropping the future leaves the claim queue.
#[derive(Clone, Debug)]
#[must_use = "a row is claimed only when this is awaited"]
pub struct ClaimRow<M> {
    inner: Arc<Inner>,
    row: Id<M>,
    begin: IntentBegin,
    description: Option<String>,
    wait: bool,
    timeout: Option<Duration>,
    max_queue_depth: Option<u64>,
}

impl<M: Model> ClaimRow<M> {
    pub(super) fn new(inner: Arc<Inner>, row: Id<M>) -> Self {
        let begin = IntentBegin::new(
            format!("int_{}", fresh_id()),
            M::DESCRIPTOR.key,
            row.as_str(),
            "editing",
        );
        Self {
            inner,
            row,
            begin,
            description: None,
            wait: true,
            timeout: None,
            max_queue_depth: None,
        }
    }

    /// Names the work in one word. The default is `editing`.
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.begin.action = action.into();
        self
    }

    /// Describes the work in a sentence.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Names the field that is edited, for other participants to see. The claim covers the whole
    /// row.
    pub fn field<T>(mut self, field: crate::Field<M, T>) -> Self {
        self.begin.field = Some(field.name().to_owned());
        self
    }

    /// Names a path inside the row, such as `sections/2`, for other participants to see.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.begin.path = Some(path.into());
        self
    }

    /// Names the lines and columns that are edited, for other participants to see.
    ///
    /// ```no_run
    /// # mod generated { include!("../../tests/weather.in"); }
    /// # use generated::WeatherReport;
    /// # async fn edit(ablo: &ablo::Client) -> ablo::client::Result<()> {
    /// use ablo::wire::Range;
    /// let reports = ablo.model::<WeatherReport>();
    /// let claim = reports
    ///     .claim("report_stockholm")
    ///     .field(WeatherReport::FORECAST)
    ///     .path("sections/2")
    ///     .range(Range::new(10_u64, 14_u64))
    ///     .await?;
    /// # claim.release().await }
    /// ```
    pub fn range(mut self, range: Range) -> Self {
        self.begin.range = Some(range);
        self
    }

    /// Sets the application's data about the work, for other participants to see. The member
    /// `description` is that of [`ClaimRow::description`], if it is set.
    pub fn meta(mut self, meta: Object) -> Self {
        self.begin.meta = Some(meta);
        self
    }

    /// Sets how long the claim outlives this program: one minute by default, at most ten. The claim
    /// is renewed while the program runs.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.begin.estimated_ms =
            Some(Millis(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1)));
        self
    }

    /// Sets whether to wait in the claim queue if the row is held (the default) or to fail with
    /// `entity_claimed`.
    pub fn wait(mut self, wait: bool) -> Self {
        self.wait = wait;
        self
    }

    /// Limits the time in the claim queue. After it, the request fails with `grant_timeout`.
    pub fn timeout(mut self, wait: Duration) -> Self {
        self.timeout = Some(wait);
        self
    }

    /// Limits the length of the claim queue: with this many waiters ahead, the request fails with
    /// `queue_too_deep`. 0 fails if the row is held.
    pub fn max_queue_depth(mut self, waiting: u64) -> Self {
        self.max_queue_depth = Some(waiting);
        self
    }

    async fn run(mut self) -> Result<Claim<M>> {
        self.begin.queue = Some(self.wait);
        if let Some(description) = self.description {
            let meta = self.begin.meta.get_or_insert_with(Object::new);
            meta.insert("description".to_owned(), description.into());
        }
        let mut lease = Lease::begin(&self.inner, self.begin)?;
        let granted = wait_until_held(&mut lease.state, self.max_queue_depth);
        match self.timeout {
            None => granted.await?,
            Some(wait) => tokio::time::timeout(wait, granted).await.unwrap_or_else(|_| {
                let message = format!("`{}` was not released within {wait:?}", self.row);
                Err(Error::local("grant_timeout", message))
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

/// Waits until a claim is held. Fails if the claim queue does not admit it.
async fn wait_until_held(
    state: &mut watch::Receiver<ClaimState>,
    max_queue_depth: Option<u64>,
) -> Result<()> {
    loop {
        match state.borrow_and_update().clone() {
            ClaimState::Held => return Ok(()),
            ClaimState::Refused(error) => return Err(error),
            ClaimState::Lost(reason) => return Err(claim_lost(&reason)),
            ClaimState::Queued(ahead) if !policy::admits(ahead, max_queue_depth) => {
                let message = format!("{ahead} waiters are ahead in the claim queue");
                return Err(Error::local("queue_too_deep", message));
            }
            ClaimState::Queued(_) | ClaimState::Requested => {}
        }
        state.changed().await.map_err(|_| claim_lost(&LostReason::Expired))?;
    }
}

fn claim_lost(reason: &LostReason) -> Error {
    let message =
        format!("the claim or its position in the claim queue was lost: {}", reason.as_str());
    Error::local("claim_lost", message)
}

/// A held claim, with the row as it was read when the claim was granted.
///
/// Writes through the claim are refused if another participant wrote the same fields since. The
/// claim is renewed automatically and released on drop.
#[derive(Debug)]
pub struct Claim<M> {
    inner: Arc<Inner>,
    row: Row<M>,
    stamp: SyncId,
    lease: Lease,
}

impl<M: Model> Claim<M> {
    /// Returns the row as it was read under the claim.
    #[must_use]
    pub fn row(&self) -> &Row<M> {
        &self.row
    }

    /// Returns the sync id at which the row was read.
    #[must_use]
    pub fn stamp(&self) -> SyncId {
        self.stamp
    }

    /// Returns the id of the claim.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.lease.id
    }

    /// Returns whether the claim is held, as far as this client knows.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(*self.lease.state.borrow(), ClaimState::Held)
    }

    /// Waits until the claim is lost and returns the reason. Cancel safe.
    pub async fn lost(&self) -> Error {
        let mut state = self.lease.state.clone();
        let ended = state.wait_for(|state| !matches!(state, ClaimState::Held)).await;
        match ended.as_deref() {
            Ok(ClaimState::Refused(error)) => error.clone(),
            Ok(ClaimState::Lost(reason)) => claim_lost(reason),
            _ => claim_lost(&LostReason::Expired),
        }
    }

    /// Updates the row under the claim.
    pub fn update(&self, patch: M::Patch) -> Commit {
        self.commit().update_row::<M>(&self.row.id, &patch)
    }

    /// Changes fields of the row relative to their current values, under the claim.
    pub fn adjust(&self, change: Adjustment<M>) -> Commit {
        self.commit().adjust(self.row.id.clone(), change)
    }

    /// Deletes the row under the claim.
    pub fn delete(&self) -> Commit {
        self.commit().delete::<M>(&self.row.id)
    }

    /// Starts a commit of several operations under the claim. The `readAt` of all of them is
    /// [`Claim::stamp`].
    pub fn commit(&self) -> Commit {
        let options = CommitOptions {
            read_at: Some(self.stamp),
            on_stale: Some(OnStale::Reject),
            claim: Some(self.lease.id.clone()),
            ..CommitOptions::default()
        };
        let commit = Commit::new(Arc::clone(&self.inner)).with(options);
        match self.is_held() {
            true => commit,
            false => commit.failed(claim_lost(&LostReason::Expired)),
        }
    }

    /// Reads the row again. Later writes are based on this read.
    ///
    /// # Errors
    /// Returns an error if the read fails.
    pub async fn refresh(&mut self) -> Result<&Row<M>> {
        let read = retrieve(&self.inner, &self.row.id).await?;
        (self.row, self.stamp) = (read.data, read.stamp);
        Ok(&self.row)
    }

    /// Releases the claim and waits for the coordinator to confirm. Releasing a lost claim
    /// succeeds.
    ///
    /// # Errors
    /// Returns an error if the coordinator cannot be reached. The claim then ends with its TTL.
    pub async fn release(self) -> Result<()> {
        let Self { inner, lease, .. } = self;
        let request = Request::delete(["v1", "intents", lease.id.as_str()]);
        drop(lease);
        let _: IntentReleased = inner.http.send(&request).await?;
        Ok(())
    }
}

/// A requested or held claim. Dropping it releases the claim.
#[derive(Debug)]
struct Lease {
    inner: Arc<Inner>,
    id: String,
    state: watch::Receiver<ClaimState>,
    /// `None` for a client without a WebSocket.
    commands: Option<mpsc::UnboundedSender<Command>>,
}

impl Lease {
    fn begin(inner: &Arc<Inner>, begin: IntentBegin) -> Result<Self> {
        let (sender, state) = watch::channel(ClaimState::Requested);
        let id = begin.intent_id.clone();
        let commands = match inner.live()? {
            Some(live) => {
                let commands = live.commands.clone();
                let stopped = |_| Error::local("network_error", "the connection task has stopped");
                commands.send(Command::Begin(begin, sender)).map_err(stopped)?;
                Some(commands)
            }
            None => {
                spawn(hold_over_http(Arc::clone(&inner.http), begin, sender))?;
                None
            }
        };
        inner.own_claims().insert(id.clone());
        Ok(Self { inner: Arc::clone(inner), id, state, commands })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.inner.own_claims().remove(&self.id);
        if let Some(commands) = &self.commands {
            // A stopped task has closed its connection, so the coordinator ends the claim.
            let _ = commands.send(Command::End(std::mem::take(&mut self.id)));
        }
    }
}

/// Holds a claim over HTTP: polls until it is granted, renews it, and releases it once all
/// receivers of `sender` are dropped.
async fn hold_over_http(http: Arc<Http>, begin: IntentBegin, sender: watch::Sender<ClaimState>) {
    let ttl = begin.estimated_ms.map_or(policy::CLAIM_TTL, |ttl| Duration::from_millis(ttl.0));
    let mut target = ClaimTarget::new(begin.entity_type, begin.entity_id);
    (target.field, target.path) = (begin.field, begin.path);
    (target.range, target.meta) = (begin.range, begin.meta);
    let mut body = IntentBody::new(begin.intent_id, target, begin.action);
    body.ttl = Some(Ttl::Text(format!("{}ms", ttl.as_millis())));
    body.queue = begin.queue;
    let mut renewed = Instant::now();
    while !sender.is_closed() {
        let requested = Instant::now();
        let held = matches!(*sender.borrow(), ClaimState::Held);
        let state = match request_claim(&http, &body).await {
            Ok(answer) if answer.is_queued() => ClaimState::Queued(answer.position.unwrap_or(0)),
            Ok(_) => {
                renewed = requested;
                // A renewal must not enter the claim queue: a lost claim is reported as lost.
                body.queue = Some(false);
                ClaimState::Held
            }
            Err(error) => {
                let is_claimed = matches!(error.kind(), ErrorKind::Claimed(_));
                let is_expired = renewed.elapsed() >= ttl;
                match policy::claim_after_error(held, is_expired, is_claimed, error.retryable()) {
                    ClaimOutcome::Kept => sender.borrow().clone(),
                    ClaimOutcome::Lost => ClaimState::Lost(LostReason::Expired),
                    ClaimOutcome::Refused => ClaimState::Refused(error),
                }
            }
        };
        let ended = matches!(state, ClaimState::Lost(_) | ClaimState::Refused(_));
        let held = matches!(state, ClaimState::Held);
        sender.send_replace(state);
        if ended {
            return;
        }
        tokio::select! {
            () = sender.closed() => {}
            () = tokio::time::sleep(policy::claim_interval(held, ttl)) => {}
        }
    }
    // If this fails, the claim ends with its TTL.
    let _ = http
        .send::<IntentReleased>(&Request::delete(["v1", "intents", body.intent_id.as_str()]))
        .await;
}

async fn request_claim(http: &Http, body: &IntentBody) -> Result<ClaimAnswer> {
    http.send(&Request::post(["v1", "intents"], body)?).await
}

/// The claim queue of a row: its holder and its waiters.
#[derive(Clone, Debug)]
pub struct ClaimQueue<M> {
    inner: Arc<Inner>,
    row: Id<M>,
}

impl<M: Model> ClaimQueue<M> {
    pub(super) fn new(inner: Arc<Inner>, row: Id<M>) -> Self {
        Self { inner, row }
    }

    async fn list(&self) -> Result<IntentList> {
        let query =
            vec![("model", M::DESCRIPTOR.key.to_owned()), ("id", self.row.as_str().to_owned())];
        self.inner.http.send(&Request::get(["v1", "intents"]).query(query)).await
    }

    /// Returns the claim that another client holds on the row, of any participant.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn state(&self) -> Result<Option<ModelClaim>> {
        Ok(self.list().await?.intents.into_iter().next())
    }

    /// Returns the waiters in the order of their positions.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn queue(&self) -> Result<Vec<ModelClaim>> {
        Ok(self.list().await?.queue)
    }

    /// Releases the claims that this client and its clones hold or wait for on the row, whichever
    /// handle requested them. Returns false if there is none.
    ///
    /// # Errors
    /// Returns an error if the request fails.
    pub async fn release(&self) -> Result<bool> {
        let request =
            Request::delete(["v1", "models", M::DESCRIPTOR.key, self.row.as_str(), "claim"]);
        let answer: ClaimReleased = self.inner.http.send(&request).await?;
        Ok(answer.released.unwrap_or(answer.ok))
    }

    /// Moves these waiters to the front, in this order. The other waiters keep theirs.
    ///
    /// # Errors
    /// `capability_scope_denied` if the credential may not reorder the claim queue, or an error if
    /// the request fails.
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
