//! Positions in the sync log: whether the log continues from a client's, and which one a client
//! without a position can have.

use super::Service;
use crate::engine::log::Delta;
use crate::engine::resync::{self, Place};
use crate::error::Result;
use crate::identity::Identity;
use crate::store::tables::bootstraps;
use crate::store::tables::log_bounds::{self, Continuation};

/// Where a client that has no position starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnknownStart {
    /// The log has everything after the oldest snapshot that the client can have.
    After(u64),
    /// The snapshot is not known, or the log no longer continues from it.
    Unknown,
}

impl Service {
    /// Returns the epoch of the head, and whether the log continues from a position.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn continuation(
        &self,
        who: &Identity,
        head: u64,
        position: Option<(u64, Option<String>)>,
    ) -> Result<(Option<String>, Continuation)> {
        let organization = who.organization.clone();
        self.viewing(who, move |_, tx| {
            let epoch = log_bounds::epoch(tx, &organization, head)?;
            let continuation = match &position {
                Some((at, known)) => {
                    log_bounds::continues(tx, &organization, (*at, known.as_deref()))?
                }
                None => Continuation::Complete,
            };
            Ok((epoch, continuation))
        })
        .await
    }

    /// Returns where a client without a position starts. An agent has read no snapshot: it starts
    /// at `head`, which is recorded for its next connection.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn unknown_start(&self, who: &Identity, head: u64) -> Result<UnknownStart> {
        let reader = who.clone();
        let found = self
            .viewing(who, move |_, tx| {
                let oldest = bootstraps::oldest(tx, &reader)?;
                Ok((oldest, log_bounds::complete_after(tx, &reader.organization)?))
            })
            .await?;
        match found {
            (Some(at), complete_after) if at >= complete_after => Ok(UnknownStart::After(at)),
            (None, _) if who.kind.as_str() == "agent" => {
                self.served_snapshot(who, head).await?;
                Ok(UnknownStart::After(head))
            }
            _ => Ok(UnknownStart::Unknown),
        }
    }

    /// Records the snapshot that a client without a position has.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn served_snapshot(&self, who: &Identity, sync_id: u64) -> Result<()> {
        let reader = who.clone();
        self.acting(who, move |_, tx| Ok(bootstraps::insert(tx, &reader, sync_id)?)).await
    }

    /// Records that a client that had no position has acknowledged a sync id.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn acknowledged_snapshot(&self, who: &Identity, sync_id: u64) -> Result<()> {
        let reader = who.clone();
        self.acting(who, move |_, tx| Ok(bootstraps::acknowledge(tx, &reader, sync_id)?)).await
    }

    /// Returns the current rows as deltas, page by page.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn current_rows(
        &self,
        who: &Identity,
        from: (Place, u64),
        limit: usize,
    ) -> Result<(Vec<Delta>, Option<Place>)> {
        let reader = who.clone();
        self.viewing(who, move |engine, tx| resync::page(engine, tx, &reader, from.clone(), limit))
            .await
    }

    /// Returns one row that the reader sees.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn any_row(&self, who: &Identity) -> Result<Option<Delta>> {
        let reader = who.clone();
        self.viewing(who, move |engine, tx| resync::any_row(engine, tx, &reader)).await
    }
}
