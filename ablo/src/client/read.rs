//! Reads of one row, pages and queries. Each has the sync id it was read at, for writes based on
//! it.

use super::Inner;
use super::error::{Error, Holder, Result};
use super::filter::{Condition, Equal, OrderBy};
use super::http::Request;
use super::policy;
use crate::wire::{
    self, IntentStatus, ListPage, ModelClaim, Order, QueryRequest, QueryResponse, RawRow, Rows,
    SyncId,
};
use crate::{Id, Model, Row};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use std::future::IntoFuture;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// A row with the sync id it was read at and its claims. It dereferences to the row.
#[derive(Debug)]
pub struct Read<M> {
    /// The row.
    pub data: Row<M>,
    /// The head of the sync log at the read: the `read_at` of writes that are based on it.
    pub stamp: SyncId,
    /// The claims on the row.
    pub claims: Vec<ModelClaim>,
}

impl<M> Deref for Read<M> {
    type Target = Row<M>;

    fn deref(&self) -> &Row<M> {
        &self.data
    }
}

/// How a read treats a row that another program holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfClaimed {
    /// Return the row with its claims.
    #[default]
    Return,
    /// Fail with `model_claimed`.
    Fail,
    /// Wait at most this long for the claim to end, then fail with `model_claimed_timeout`.
    Wait(Duration),
}

/// A read of one row. Await it to read.
#[derive(Debug)]
#[must_use = "a row is read only when this is awaited"]
pub struct Retrieve<M> {
    inner: Arc<Inner>,
    id: Id<M>,
    if_claimed: IfClaimed,
}

impl<M: Model> Retrieve<M> {
    pub(super) fn new(inner: Arc<Inner>, id: Id<M>) -> Self {
        Self { inner, id, if_claimed: IfClaimed::Return }
    }

    /// Selects how to treat a row that another participant holds.
    pub fn if_claimed(mut self, if_claimed: IfClaimed) -> Self {
        self.if_claimed = if_claimed;
        self
    }

    /// Returns whether a claim is held by another program, which can be one of this participant.
    fn is_foreign(&self, claim: &ModelClaim) -> bool {
        claim.status != Some(IntentStatus::Queued) && !self.inner.own_claims().contains(&claim.id)
    }

    async fn run(self) -> Result<Read<M>> {
        let deadline = match self.if_claimed {
            IfClaimed::Return => return retrieve(&self.inner, &self.id).await,
            IfClaimed::Fail => tokio::time::Instant::now(),
            IfClaimed::Wait(wait) => tokio::time::Instant::now() + wait,
        };
        loop {
            let read = retrieve(&self.inner, &self.id).await?;
            let Some(holder) = read.claims.iter().find(|claim| self.is_foreign(claim)) else {
                return Ok(read);
            };
            if tokio::time::Instant::now() + policy::CLAIMED_POLL_INTERVAL >= deadline {
                let code = if self.if_claimed == IfClaimed::Fail {
                    "model_claimed"
                } else {
                    "model_claimed_timeout"
                };
                let message = format!("{} is held by {}", self.id, holder.actor);
                let holder = Holder {
                    held_by: Some(holder.actor.clone()),
                    claim_id: Some(holder.id.clone()),
                    expires_at: Some(holder.expires_at.clone()),
                };
                return Err(Error::claimed(code, message, holder));
            }
            tokio::time::sleep(policy::CLAIMED_POLL_INTERVAL).await;
        }
    }
}

impl<M: Model> IntoFuture for Retrieve<M> {
    type Output = Result<Read<M>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Reads one row once.
pub(super) async fn retrieve<M: Model>(inner: &Inner, id: &Id<M>) -> Result<Read<M>> {
    let request = Request::get(["v1", "models", M::DESCRIPTOR.key, id.as_str()]);
    let answer: wire::Read = inner.http.send(&request).await?;
    Ok(Read { data: row(&answer.data)?, stamp: answer.stamp, claims: answer.claims })
}

fn row<M: Model>(raw: &RawRow) -> Result<Row<M>> {
    raw.decode().map_err(|error| Error::unreadable(&error))
}

/// One page of rows.
#[derive(Debug)]
pub struct Page<M> {
    /// The rows.
    pub rows: Vec<Row<M>>,
    /// The cursor of the next page, or `None` on the last page.
    pub next: Option<String>,
    /// The head of the sync log at the read.
    pub stamp: Option<SyncId>,
}

/// A paged list of rows. Await it for one page, or use [`List::pages`] or [`List::rows`].
#[derive(Debug)]
#[must_use = "rows are read only when this is awaited or streamed"]
pub struct List<M> {
    inner: Arc<Inner>,
    filters: Vec<Equal<M>>,
    order: Option<OrderBy<M>>,
    limit: Option<u64>,
    after: Option<String>,
}

impl<M: Model> List<M> {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, filters: Vec::new(), order: None, limit: None, after: None }
    }

    /// Adds a condition. Rows have to match all conditions.
    pub fn filter(mut self, equal: Equal<M>) -> Self {
        self.filters.push(equal);
        self
    }

    /// Orders rows by this field, then by id. The default order is by id.
    pub fn order_by(mut self, order: OrderBy<M>) -> Self {
        self.order = Some(order);
        self
    }

    /// Limits the rows of a page: 20 by default, at most 100.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Starts after a page, at its [`Page::next`] cursor.
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
        self
    }

    async fn page(&self, after: Option<&str>) -> Result<Page<M>> {
        let mut query = self.filters.iter().map(Equal::query_pair).collect::<Result<Vec<_>>>()?;
        if let Some(order) = &self.order {
            query.push(("order_by", order.name.to_owned()));
            query.push(("order", if order.descending { "desc" } else { "asc" }.to_owned()));
        }
        query.extend(self.limit.map(|limit| ("limit", limit.to_string())));
        query.extend(after.map(|after| ("starting_after", after.to_owned())));
        let request = Request::get(["v1", "models", M::DESCRIPTOR.key]).query(query);
        let page: ListPage = self.inner.http.send(&request).await?;
        let rows = page.data.iter().map(row).collect::<Result<_>>()?;
        Ok(Page { rows, next: page.next_cursor, stamp: page.stamp })
    }

    /// Returns a stream of pages. Each page is read when it is polled.
    pub fn pages(self) -> impl Stream<Item = Result<Page<M>>> + Send {
        let first = Some(self.after.clone());
        stream::try_unfold((self, first), |(list, cursor)| async move {
            let Some(after) = cursor else { return Ok(None) };
            let page = list.page(after.as_deref()).await?;
            let next = page.next.clone().map(Some);
            Ok(Some((page, (list, next))))
        })
    }

    /// Returns a stream of rows. Pages are read as needed.
    pub fn rows(self) -> impl Stream<Item = Result<Row<M>>> + Send {
        self.pages().map_ok(|page| stream::iter(page.rows).map(Ok)).try_flatten()
    }
}

impl<M: Model> IntoFuture for List<M> {
    type Output = Result<Page<M>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.page(self.after.as_deref()).await })
    }
}

/// The result of a query.
#[derive(Debug)]
pub struct QueryResult<M> {
    /// The rows.
    pub rows: Vec<Row<M>>,
    /// The head of the sync log at the read.
    pub stamp: Option<SyncId>,
}

/// A query for all rows that match conditions, at most 10 000. Await it to read.
#[derive(Debug)]
#[must_use = "rows are read only when this is awaited"]
pub struct Query<M> {
    inner: Arc<Inner>,
    query: wire::Query,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> Query<M> {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, query: wire::Query::new(M::DESCRIPTOR.key), model: std::marker::PhantomData }
    }

    /// Adds a condition. Rows have to match all conditions.
    pub fn filter(mut self, condition: impl Into<Condition<M>>) -> Self {
        self.query.r#where.get_or_insert_default().push(condition.into().clause);
        self
    }

    /// Orders rows by this field, then by id. The default order is by id.
    pub fn order_by(mut self, order: OrderBy<M>) -> Self {
        self.query.order_by = Some(order.name.to_owned());
        self.query.order = Some(if order.descending { Order::Desc } else { Order::Asc });
        self
    }

    /// Limits the number of rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.query.limit = Some(rows);
        self
    }

    async fn run(self) -> Result<QueryResult<M>> {
        let (mut results, stamp) = run_queries(&self.inner, vec![self.query]).await?;
        let rows = results.pop().unwrap_or_default().iter().map(row).collect::<Result<_>>()?;
        Ok(QueryResult { rows, stamp })
    }
}

impl<M: Model> IntoFuture for Query<M> {
    type Output = Result<QueryResult<M>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Runs several queries at one position of the sync log.
pub(super) async fn run_queries(
    inner: &Inner,
    queries: Vec<wire::Query>,
) -> Result<(Vec<Vec<RawRow>>, Option<SyncId>)> {
    let count = queries.len();
    let request = Request::post(["sync", "query"], &QueryRequest::new(queries))?;
    let answer: QueryResponse = inner.http.send(&request).await?;
    let results: Vec<Vec<RawRow>> = answer
        .results
        .into_iter()
        .map(Rows::into_vec)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::unreadable(&error))?;
    match results.len() == count {
        true => Ok((results, answer.last_sync_id)),
        false => Err(Error::unreadable(&"the number of results differs from that of the queries")),
    }
}
