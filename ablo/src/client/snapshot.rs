//! Snapshots: several rows at one position of the sync log, and a wait for the first change of
//! them.

use super::Inner;
use super::changes::Subscribe;
use super::error::{Error, Result};
use super::read::run_queries;
use crate::wire::{self, Delta, RawRow, SyncId};
use crate::{Id, Model, Row};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;

/// A builder of a [`Snapshot`]. Await it to read.
#[derive(Clone, Debug)]
#[must_use = "rows are read only when this is awaited"]
pub struct SnapshotBuilder {
    inner: Arc<Inner>,
    /// Typename and requested ids, by model key.
    requested: BTreeMap<&'static str, (&'static str, Vec<String>)>,
}

impl SnapshotBuilder {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, requested: BTreeMap::new() }
    }

    /// Adds rows of a model. A snapshot has rows of at most 16 models.
    pub fn rows<M: Model>(mut self, ids: impl IntoIterator<Item = impl Into<Id<M>>>) -> Self {
        let model = M::DESCRIPTOR;
        let (_, requested) =
            self.requested.entry(model.key).or_insert((model.type_name, Vec::new()));
        requested.extend(ids.into_iter().map(|id| String::from(id.into())));
        self
    }

    async fn run(self) -> Result<Snapshot> {
        let queries = self.requested.iter().map(|(key, (_, ids))| {
            let mut query = wire::Query::new(*key);
            query.ids = Some(ids.clone());
            query
        });
        let (results, stamp) = run_queries(&self.inner, queries.collect()).await?;
        let stamp = stamp.ok_or_else(|| Error::unreadable(&"`lastSyncId` is missing"))?;
        let mut rows = BTreeMap::new();
        for ((_, (type_name, _)), result) in self.requested.iter().zip(results) {
            for row in result {
                let RowId { id } = row.decode().map_err(|error| Error::unreadable(&error))?;
                rows.insert((*type_name, id), row);
            }
        }
        let watched = self.requested.into_values().collect();
        Ok(Snapshot { inner: self.inner, stamp, rows, watched })
    }
}

#[derive(Deserialize)]
struct RowId {
    id: String,
}

impl IntoFuture for SnapshotBuilder {
    type Output = Result<Snapshot>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Several rows as they were at one position of the sync log.
#[derive(Debug)]
pub struct Snapshot {
    inner: Arc<Inner>,
    stamp: SyncId,
    rows: BTreeMap<(&'static str, String), RawRow>,
    /// Typenames with the requested ids.
    watched: Vec<(&'static str, Vec<String>)>,
}

impl Snapshot {
    /// Returns the sync id of the snapshot: the `read_at` of writes that are based on it.
    #[must_use]
    pub fn stamp(&self) -> SyncId {
        self.stamp
    }

    /// Returns a row, or `None` if it does not exist or was not requested.
    ///
    /// # Errors
    /// `response_unreadable` if the row does not match this program's schema.
    pub fn get<M: Model>(&self, id: impl Into<Id<M>>) -> Result<Option<Row<M>>> {
        let key = (M::DESCRIPTOR.type_name, String::from(id.into()));
        let row = self.rows.get(&key).map(RawRow::decode).transpose();
        row.map_err(|error| Error::unreadable(&error))
    }

    /// Waits for the first change of any of the rows since the snapshot and returns it.
    ///
    /// # Errors
    /// Returns an error if the stream of changes fails permanently.
    pub async fn changed(&self) -> Result<Delta> {
        let mut changes = Subscribe::<Delta>::new(Arc::clone(&self.inner)).from(self.stamp).await?;
        while let Some(delta) = changes.next().await {
            let delta = delta?;
            let is_watched = |(type_name, ids): &(&str, Vec<String>)| {
                delta.model_name == *type_name && ids.contains(&delta.model_id)
            };
            if self.watched.iter().any(is_watched) {
                return Ok(delta);
            }
        }
        Err(Error::local("network_error", "the stream of changes ended"))
    }
}
