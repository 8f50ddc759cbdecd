//! Several rows at one place in the log, and whether they are so still.

use super::Inner;
use super::changes::Subscribe;
use super::error::{Error, Result};
use super::read::ask;
use crate::wire::{self, Delta, RawRow, SyncId};
use crate::{Id, Model, Row};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;

/// A read of several rows at one place in the log. Await it.
#[derive(Clone, Debug)]
#[must_use = "nothing is read before it is awaited"]
pub struct Take {
    inner: Arc<Inner>,
    /// The ids wanted, by the key of their model.
    wanted: BTreeMap<&'static str, (&'static str, Vec<String>)>,
}

impl Take {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, wanted: BTreeMap::new() }
    }

    /// Rows of a model; a snapshot has rows of 16 models at most.
    pub fn rows<M: Model>(mut self, ids: impl IntoIterator<Item = impl Into<Id<M>>>) -> Self {
        let (_, wanted) =
            self.wanted.entry(M::DESCRIPTOR.key).or_insert((M::DESCRIPTOR.type_name, Vec::new()));
        wanted.extend(ids.into_iter().map(|id| String::from(id.into())));
        self
    }

    async fn run(self) -> Result<Snapshot> {
        let queries = self.wanted.iter().map(|(key, (_, ids))| {
            let mut query = wire::Query::new(*key);
            query.ids = Some(ids.clone());
            query
        });
        let (results, stamp) = ask(&self.inner, queries.collect()).await?;
        let stamp = stamp.ok_or_else(|| Error::unreadable(&"the answer has no `lastSyncId`"))?;
        let mut rows = BTreeMap::new();
        for ((_, (type_name, _)), found) in self.wanted.iter().zip(results) {
            for row in found {
                let Named { id } = row.decode().map_err(|error| Error::unreadable(&error))?;
                rows.insert((*type_name, id), row);
            }
        }
        let watched = self.wanted.into_values().collect();
        Ok(Snapshot { inner: self.inner, stamp, rows, watched })
    }
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

impl IntoFuture for Take {
    type Output = Result<Snapshot>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Several rows as they were at one place in the log.
#[derive(Debug)]
pub struct Snapshot {
    inner: Arc<Inner>,
    stamp: SyncId,
    rows: BTreeMap<(&'static str, String), RawRow>,
    /// Typenames, with the ids that were asked for.
    watched: Vec<(&'static str, Vec<String>)>,
}

impl Snapshot {
    /// Where in the log it was taken: the `read_at` of writes that are based on it.
    #[must_use]
    pub fn stamp(&self) -> SyncId {
        self.stamp
    }

    /// A row; `None` where it was not there, or was not asked for.
    ///
    /// # Errors
    /// `response_unreadable` where the row is not of this program's schema.
    pub fn get<M: Model>(&self, id: impl Into<Id<M>>) -> Result<Option<Row<M>>> {
        let key = (M::DESCRIPTOR.type_name, String::from(id.into()));
        let row = self.rows.get(&key).map(RawRow::decode).transpose();
        row.map_err(|error| Error::unreadable(&error))
    }

    /// Waits until any of the rows is changed, and gives the change. Changes since the snapshot count, also those that are over.
    ///
    /// # Errors
    /// Where the coordinator refuses.
    pub async fn changed(&self) -> Result<Delta> {
        let mut changes = Subscribe::<Delta>::new(Arc::clone(&self.inner)).from(self.stamp).await?;
        while let Some(delta) = changes.next().await {
            let delta = delta?;
            let watches = |(type_name, ids): &(&str, Vec<String>)| {
                delta.model_name == *type_name && ids.contains(&delta.model_id)
            };
            if self.watched.iter().any(watches) {
                return Ok(delta);
            }
        }
        Err(Error::here("network_error", "the stream of changes ended"))
    }
}
