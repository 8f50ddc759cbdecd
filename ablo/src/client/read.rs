//! Reads: one row, pages, queries; each says where in the log it was taken, for writes that are based on it.

use super::Inner;
use super::error::{Error, Result};
use super::filter::{Condition, Equal, OrderBy};
use super::http::Request;
use crate::wire::{
    self, ListPage, ModelClaim, Order, QueryRequest, QueryResponse, RawRow, Rows, SyncId,
};
use crate::{Id, Model, Row};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

/// How often a reader that waits for a row to be free looks again.
const LOOK: Duration = Duration::from_millis(500);

/// A row, where in the log it was read, and who claims it.
#[derive(Debug)]
pub struct Read<M> {
    /// The row.
    pub data: Row<M>,
    /// The end of the log when it was read: the `read_at` of writes that are based on it.
    pub stamp: SyncId,
    /// The claims on the row.
    pub claims: Vec<ModelClaim>,
}

/// What to do about a row that another participant holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfClaimed {
    /// Give it, with its claims.
    #[default]
    Return,
    /// Fail with `model_claimed`.
    Fail,
    /// Wait until it is free, for this long; then fail with `model_claimed_timeout`.
    Wait(Duration),
}

/// A read of one row. Await it.
#[derive(Debug)]
#[must_use = "nothing is read before it is awaited"]
pub struct Retrieve<M> {
    inner: Arc<Inner>,
    id: Id<M>,
    if_claimed: IfClaimed,
}

impl<M: Model> Retrieve<M> {
    pub(super) fn new(inner: Arc<Inner>, id: Id<M>) -> Self {
        Self { inner, id, if_claimed: IfClaimed::Return }
    }

    /// What to do about a row that another participant holds.
    pub fn if_claimed(mut self, what: IfClaimed) -> Self {
        self.if_claimed = what;
        self
    }

    async fn run(self) -> Result<Read<M>> {
        let until = match self.if_claimed {
            IfClaimed::Return => return retrieve(&self.inner, &self.id).await,
            IfClaimed::Fail => tokio::time::Instant::now(),
            IfClaimed::Wait(wait) => tokio::time::Instant::now() + wait,
        };
        loop {
            let read = retrieve(&self.inner, &self.id).await?;
            let foreign = read.claims.iter().find(|claim| claim.actor != self.inner.me);
            let Some(holder) = foreign else { return Ok(read) };
            if tokio::time::Instant::now() + LOOK >= until {
                let code = if self.if_claimed == IfClaimed::Fail {
                    "model_claimed"
                } else {
                    "model_claimed_timeout"
                };
                return Err(Error::here(code, format!("{} is held by {}", self.id, holder.actor)));
            }
            tokio::time::sleep(LOOK).await;
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

/// One row, now.
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
    /// Where the next page starts; none on the last one.
    pub next: Option<String>,
    /// The end of the log when they were read.
    pub stamp: Option<SyncId>,
}

/// A list of rows, in pages. Await it for one page, or take [`List::pages`] or [`List::rows`].
#[derive(Debug)]
#[must_use = "nothing is read before it is awaited"]
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

    /// Only rows of which this is so, beside what was said before.
    pub fn filter(mut self, equal: Equal<M>) -> Self {
        self.filters.push(equal);
        self
    }

    /// Ordered by this, then by id; by default by id.
    pub fn order_by(mut self, order: OrderBy<M>) -> Self {
        self.order = Some(order);
        self
    }

    /// At most this many rows a page: 20 by default, 100 at most.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Starts behind a page: its [`Page::next`].
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.after = Some(cursor.into());
        self
    }

    async fn page(&self, after: Option<&str>) -> Result<Page<M>> {
        let mut query = self.filters.iter().map(Equal::pair).collect::<Result<Vec<_>>>()?;
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

    /// Page after page, each when it is asked for.
    pub fn pages(self) -> impl Stream<Item = Result<Page<M>>> + Send {
        let first = Some(self.after.clone());
        stream::try_unfold((self, first), |(list, at)| async move {
            let Some(after) = at else { return Ok(None) };
            let page = list.page(after.as_deref()).await?;
            let next = page.next.clone().map(Some);
            Ok(Some((page, (list, next))))
        })
    }

    /// Row after row; pages are read as they are needed.
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

/// The rows that a query found.
#[derive(Debug)]
pub struct Found<M> {
    /// The rows.
    pub rows: Vec<Row<M>>,
    /// The end of the log when they were read.
    pub stamp: Option<SyncId>,
}

/// All rows of which conditions are so, at most 10 000. Await it.
#[derive(Debug)]
#[must_use = "nothing is read before it is awaited"]
pub struct Query<M> {
    inner: Arc<Inner>,
    query: wire::Query,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> Query<M> {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, query: wire::Query::new(M::DESCRIPTOR.key), model: std::marker::PhantomData }
    }

    /// Only rows of which this is so, beside what was said before.
    pub fn filter(mut self, condition: impl Into<Condition<M>>) -> Self {
        self.query.r#where.get_or_insert_default().push(condition.into().clause);
        self
    }

    /// Ordered by this, then by id; by default by id.
    pub fn order_by(mut self, order: OrderBy<M>) -> Self {
        self.query.order_by = Some(order.name.to_owned());
        self.query.order = Some(if order.descending { Order::Desc } else { Order::Asc });
        self
    }

    /// At most this many rows.
    pub fn limit(mut self, rows: u64) -> Self {
        self.query.limit = Some(rows);
        self
    }

    async fn run(self) -> Result<Found<M>> {
        let (mut results, stamp) = ask(&self.inner, vec![self.query]).await?;
        let rows = results.pop().unwrap_or_default().iter().map(row).collect::<Result<_>>()?;
        Ok(Found { rows, stamp })
    }
}

impl<M: Model> IntoFuture for Query<M> {
    type Output = Result<Found<M>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The rows of several queries, read at one place in the log.
pub(super) async fn ask(
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
        false => Err(Error::unreadable(&"an answer is missing")),
    }
}
