//! Commits: operations that are applied as a whole or not at all, under an idempotency key.

use super::Inner;
use super::error::{Error, Result};
use super::fresh_id::fresh_id;
use super::http::Request;
use crate::members::ModelPatch;
use crate::wire::{CommitReceipt, CommitRequest, Maybe, OnStale, Operation, RawRow, SyncId, Verb};
use crate::{Adjustment, Create, Id, Model};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::future::IntoFuture;
use std::sync::Arc;

/// The receipt of an applied commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The id of the commit, which is its idempotency key.
    pub id: String,
    /// The sync id of the commit's last delta.
    pub stamp: SyncId,
    /// The transaction ids of its operations, in order.
    pub operations: Vec<String>,
}

/// The result of creating a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<M> {
    /// The id of the row.
    pub id: Id<M>,
    /// The receipt of the commit.
    pub receipt: Receipt,
}

/// A commit of several operations, applied as a whole or not at all. Await it to send it.
///
/// ```no_run
/// # mod generated { include!("../../tests/weather.in"); }
/// # use generated::{WeatherReport, WeatherReportCreate};
/// # async fn write(ablo: &ablo::Client) -> ablo::client::Result<()> {
/// let oslo = WeatherReportCreate { location: "Oslo".into(), status: "pending".into() };
/// let receipt = ablo
///     .commit()
///     .create(WeatherReport::create(oslo).id("report_oslo"))
///     .update("report_bergen", WeatherReport::patch().forecast("Rain"))
///     .delete::<WeatherReport>("report_old")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a commit is sent only when it is awaited"]
pub struct Commit {
    inner: Arc<Inner>,
    operations: Vec<Operation>,
    /// The error to return when the commit is awaited.
    error: Option<Error>,
    options: CommitOptions,
}

/// The options of a commit, which apply to all of its operations.
#[derive(Clone, Debug, Default)]
pub(super) struct CommitOptions {
    pub(super) key: Option<String>,
    pub(super) read_at: Option<SyncId>,
    pub(super) on_stale: Option<OnStale>,
    pub(super) claim: Option<String>,
    /// The transaction ids of the operations on which guarded writes are based.
    pub(super) after: Vec<String>,
    pub(super) caused_by: Option<String>,
}

impl Commit {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, operations: Vec::new(), error: None, options: CommitOptions::default() }
    }

    pub(super) fn with(mut self, options: CommitOptions) -> Self {
        self.options = options;
        self
    }

    fn push<M: Model>(mut self, verb: Verb, id: String, data: Option<&dyn OperationData>) -> Self {
        let mut operation = Operation::http(verb, M::DESCRIPTOR.key, Some(id));
        match data.map(OperationData::to_raw).transpose() {
            Ok(data) => operation.data = Maybe::or_null(data),
            Err(error) => self.error = Some(Error::not_serializable(&error)),
        }
        self.operations.push(operation);
        self
    }

    /// Creates a row. A missing id is generated here, so that a repeated commit does not create a
    /// second row.
    pub fn create<M: Model>(self, create: Create<M>) -> Self {
        let id = create.id.as_ref().map_or_else(fresh_id, |id| id.as_str().to_owned());
        self.push::<M>(Verb::Create, id, Some(&create))
    }

    /// Updates the fields of a row that the patch sets.
    pub fn update<P: ModelPatch<Model: Model> + Serialize>(
        self,
        id: impl Into<Id<P::Model>>,
        patch: P,
    ) -> Self {
        self.push::<P::Model>(Verb::Update, id.into().as_str().to_owned(), Some(&patch))
    }

    /// Changes fields of a row relative to their current values. Such changes commute, so they need
    /// no [`Commit::read_at`].
    pub fn adjust<M: Model>(mut self, id: impl Into<Id<M>>, change: Adjustment<M>) -> Self {
        let id = Some(id.into().as_str().to_owned());
        let mut operation = Operation::http(Verb::Adjust, M::DESCRIPTOR.key, id);
        match RawRow::encode(&change) {
            Ok(change) => operation.relative = Some(change),
            Err(error) => self.error = Some(Error::not_serializable(&error)),
        }
        self.operations.push(operation);
        self
    }

    pub(super) fn update_row<M: Model>(self, id: &Id<M>, patch: &M::Patch) -> Self {
        self.push::<M>(Verb::Update, id.as_str().to_owned(), Some(patch))
    }

    /// Makes the commit fail with this error when it is awaited.
    pub(super) fn failed(mut self, error: Error) -> Self {
        self.error = Some(error);
        self
    }

    /// Deletes a row. Deleting a row that does not exist succeeds.
    pub fn delete<M: Model>(self, id: impl Into<Id<M>>) -> Self {
        self.push::<M>(Verb::Delete, id.into().as_str().to_owned(), None)
    }

    /// Archives a row. Lists omit archived rows.
    pub fn archive<M: Model>(self, id: impl Into<Id<M>>) -> Self {
        self.push::<M>(Verb::Archive, id.into().as_str().to_owned(), None)
    }

    /// Restores an archived row.
    pub fn unarchive<M: Model>(self, id: impl Into<Id<M>>) -> Self {
        self.push::<M>(Verb::Unarchive, id.into().as_str().to_owned(), None)
    }

    /// Sets the sync id of the read that the writes are based on. They are refused with
    /// `stale_context` if the same fields were written since, by this participant too: other
    /// programs may have its key. [`Commit::after`] names the client's own writes.
    pub fn read_at(mut self, stamp: SyncId) -> Self {
        self.options.read_at = Some(stamp);
        self
    }

    /// Names an earlier commit of this client on which the writes are based, in addition to the
    /// read that [`Commit::read_at`] names: they are not stale because of it. Can be repeated, for
    /// at most 100 operations.
    pub fn after(mut self, earlier: &Receipt) -> Self {
        self.options.after.extend_from_slice(&earlier.operations);
        self
    }

    /// Selects what happens to stale writes. By default they are refused.
    pub fn on_stale(mut self, action: OnStale) -> Self {
        self.options.on_stale = Some(action);
        self
    }

    /// Sets the idempotency key. By default it is generated.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(key.into());
        self
    }

    /// Names the open turn that causes the writes.
    pub fn caused_by(mut self, turn: impl Into<String>) -> Self {
        self.options.caused_by = Some(turn.into());
        self
    }

    async fn run(self) -> Result<Receipt> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let CommitOptions { key, read_at, on_stale, claim, after, caused_by } = self.options;
        let key = key.unwrap_or_else(fresh_key);
        let mut operations = self.operations;
        let ids: Vec<String> = (0..operations.len()).map(|at| format!("{key}:{at}")).collect();
        for (operation, id) in operations.iter_mut().zip(&ids) {
            operation.transaction_id = Maybe::Value(id.clone());
            operation.read_at = Maybe::or_null(read_at);
            operation.on_stale = Maybe::or_null(on_stale.clone());
            operation.after = (!after.is_empty()).then(|| after.clone());
        }
        let mut body = CommitRequest::new(operations);
        body.client_tx_id = Some(key.clone());
        body.idempotency_key = Some(key.clone());
        body.intent = claim;
        body.caused_by_task_id = caused_by;
        let request = Request::post(["v1", "commits"], &body)?.idempotency_key(key.clone());
        let receipt: CommitReceipt = self.inner.http.send(&request).await?;
        match (receipt.success, receipt.error) {
            (true, _) => Ok(Receipt {
                id: key,
                stamp: receipt.last_sync_id.unwrap_or(SyncId(0)),
                operations: ids,
            }),
            (false, Some(failure)) => Err(failure.into()),
            (false, None) => Err(Error::local("commit_failed", "the commit was rejected")),
        }
    }
}

impl IntoFuture for Commit {
    type Output = Result<Receipt>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The data of an operation: a create or a patch.
trait OperationData {
    fn to_raw(&self) -> serde_json::Result<RawRow>;
}

impl<T: Serialize> OperationData for T {
    fn to_raw(&self) -> serde_json::Result<RawRow> {
        RawRow::encode(self)
    }
}

/// A commit that creates one row. Await it to send it.
#[derive(Clone, Debug)]
#[must_use = "a commit is sent only when it is awaited"]
pub struct CreateOne<M> {
    id: Id<M>,
    commit: Commit,
}

impl<M: Model> CreateOne<M> {
    pub(super) fn new(inner: Arc<Inner>, create: Create<M>) -> Self {
        let id = create.id.clone().unwrap_or_else(|| fresh_id().into());
        let commit = Commit::new(inner).create(create.id(id.clone()));
        Self { id, commit }
    }

    /// Sets the idempotency key, as [`Commit::idempotency_key`] does.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.commit = self.commit.idempotency_key(key);
        self
    }

    /// Names the open turn that causes the write, as [`Commit::caused_by`] does.
    pub fn caused_by(mut self, turn: impl Into<String>) -> Self {
        self.commit = self.commit.caused_by(turn);
        self
    }
}

impl<M: Model> IntoFuture for CreateOne<M> {
    type Output = Result<Created<M>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(Created { id: self.id, receipt: self.commit.run().await? }) })
    }
}

/// Returns a new idempotency key, which names its time (docs/protocol/commits.md §4.1).
fn fresh_key() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!("tx_{}_{}", since.map_or(0, |since| since.as_millis()), fresh_id())
}
