//! Writes: operations that are applied together or not at all, under a key by which a repeated commit is known again.

use super::Inner;
use super::error::{Error, Result};
use super::http::Request;
use crate::__private::ModelPatch;
use crate::wire::{CommitReceipt, CommitRequest, Maybe, OnStale, Operation, RawRow, SyncId, Verb};
use crate::{Create, Id, Model};
use futures_util::future::BoxFuture;
use serde::Serialize;
use std::future::IntoFuture;
use std::sync::Arc;

/// What became of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The commit's own id: its idempotency key.
    pub id: String,
    /// Where it stands in the log: changes up to here include it.
    pub stamp: SyncId,
}

/// A row that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<M> {
    /// Its id.
    pub id: Id<M>,
    /// The commit.
    pub receipt: Receipt,
}

/// Several operations, applied together or not at all. Await it.
///
/// ```no_run
/// # mod generated { include!("../../tests/weather.in"); }
/// # use generated::WeatherReport;
/// # async fn write(ablo: &ablo::Client) -> ablo::client::Result<()> {
/// let receipt = ablo
///     .commit()
///     .create(WeatherReport::create("Oslo", "pending").id("report_oslo"))
///     .update("report_bergen", WeatherReport::patch().forecast("Rain"))
///     .delete::<WeatherReport>("report_old")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is written before it is awaited"]
pub struct Commit {
    inner: Arc<Inner>,
    operations: Vec<Operation>,
    /// An operation that could not be written as JSON.
    fault: Option<Error>,
    options: Options,
}

/// What is said of all operations of a commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub(super) key: Option<String>,
    pub(super) read_at: Option<SyncId>,
    pub(super) on_stale: Option<OnStale>,
    pub(super) claim: Option<String>,
    pub(super) caused_by: Option<String>,
}

impl Commit {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, operations: Vec::new(), fault: None, options: Options::default() }
    }

    pub(super) fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    fn push<M: Model>(mut self, verb: Verb, id: String, data: Option<&dyn Written>) -> Self {
        let mut operation = Operation::http(verb, M::DESCRIPTOR.key, Some(id));
        match data.map(Written::row).transpose() {
            Ok(data) => operation.data = Maybe::or_null(data),
            Err(error) => {
                self.fault = Some(Error::here("invalid_request", format!("no JSON: {error}")))
            }
        }
        self.operations.push(operation);
        self
    }

    /// Creates a row. Without an id it gets one here, so that a repeated commit creates no second row.
    pub fn create<M: Model>(self, create: Create<M>) -> Self {
        let id = create.id.as_ref().map_or_else(fresh_id, |id| id.as_str().to_owned());
        self.push::<M>(Verb::Create, id, Some(&create))
    }

    /// Changes a row: what the patch does not name stays.
    pub fn update<P: ModelPatch<Model: Model> + Serialize>(
        self,
        id: impl Into<Id<P::Model>>,
        patch: P,
    ) -> Self {
        self.push::<P::Model>(Verb::Update, id.into().as_str().to_owned(), Some(&patch))
    }

    pub(super) fn change<M: Model>(self, id: &Id<M>, patch: &M::Patch) -> Self {
        self.push::<M>(Verb::Update, id.as_str().to_owned(), Some(patch))
    }

    /// A commit that fails when it is awaited.
    pub(super) fn failed(mut self, fault: Error) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Deletes a row. One that is not there is no error.
    pub fn delete<M: Model>(self, id: impl Into<Id<M>>) -> Self {
        self.push::<M>(Verb::Delete, id.into().as_str().to_owned(), None)
    }

    /// Archives a row: lists leave it out.
    pub fn archive<M: Model>(self, id: impl Into<Id<M>>) -> Self {
        self.push::<M>(Verb::Archive, id.into().as_str().to_owned(), None)
    }

    /// Takes a row out of the archive.
    pub fn unarchive<M: Model>(self, id: impl Into<Id<M>>) -> Self {
        self.push::<M>(Verb::Unarchive, id.into().as_str().to_owned(), None)
    }

    /// What the writes are based on: they are refused with `stale_context` where others have written the same fields since.
    pub fn read_at(mut self, stamp: SyncId) -> Self {
        self.options.read_at = Some(stamp);
        self
    }

    /// What happens to writes that are stale; by default they are refused.
    pub fn on_stale(mut self, what: OnStale) -> Self {
        self.options.on_stale = Some(what);
        self
    }

    /// The key under which the commit is applied once; by default a new one.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(key.into());
        self
    }

    /// The open turn that causes the writes.
    pub fn caused_by(mut self, turn: impl Into<String>) -> Self {
        self.options.caused_by = Some(turn.into());
        self
    }

    async fn run(self) -> Result<Receipt> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let Options { key, read_at, on_stale, claim, caused_by } = self.options;
        let key = key.unwrap_or_else(fresh_id);
        let mut operations = self.operations;
        for operation in &mut operations {
            operation.read_at = Maybe::or_null(read_at);
            operation.on_stale = Maybe::or_null(on_stale.clone());
        }
        let mut body = CommitRequest::new(key.clone(), operations);
        body.idempotency_key = Some(key.clone());
        body.intent = claim;
        body.caused_by_task_id = caused_by;
        let request = Request::post(["v1", "commits"], &body)?.key(key.clone());
        let receipt: CommitReceipt = self.inner.http.send(&request).await?;
        match (receipt.success, receipt.error) {
            (true, _) => Ok(Receipt { id: key, stamp: receipt.last_sync_id.unwrap_or(SyncId(0)) }),
            (false, Some(failure)) => Err(failure.into()),
            (false, None) => Err(Error::here("commit_failed", "the commit was rejected")),
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

/// What an operation carries.
trait Written {
    fn row(&self) -> serde_json::Result<RawRow>;
}

impl<T: Serialize> Written for T {
    fn row(&self) -> serde_json::Result<RawRow> {
        RawRow::encode(self)
    }
}

/// A create of one row. Await it.
#[derive(Clone, Debug)]
#[must_use = "nothing is written before it is awaited"]
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

    /// As [`Commit::idempotency_key`].
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.commit = self.commit.idempotency_key(key);
        self
    }

    /// As [`Commit::caused_by`].
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

/// An id that nobody else makes.
pub(super) fn fresh_id() -> String {
    uuid::Uuid::new_v4().hyphenated().to_string()
}
