//! Reads of rows: the engine checks the permission for each model and restricts every row to the
//! reader's groups.

use super::Service;
use crate::engine::claims::{self, ClaimQueue};
use crate::engine::exits::{self, Visible};
use crate::engine::log;
use crate::engine::plan::find;
use crate::engine::read::{self, BootstrapQuery, ListQuery, Page};
use crate::error::{ApiError, EngineError, Result};
use crate::identity::Identity;
use crate::models::{Model, ModelId};
use crate::store::tables::log_bounds;
use ablo_wire::Query;
use std::collections::BTreeMap;

/// Rows, each as JSON, or the reason why their query failed.
pub(crate) type QueryRows = Result<Vec<Visible>, ApiError>;

impl Service {
    /// Finds the model that a request names.
    ///
    /// # Errors
    /// Returns `unknown_model`.
    pub(crate) fn model(&self, name: &str) -> Result<&Model, ApiError> {
        find(&self.engine.models, name)
    }

    /// Returns a page of rows of a model.
    ///
    /// # Errors
    /// Returns an error if the query is invalid or not permitted, or the store's error.
    pub(crate) async fn list(
        &self,
        who: &Identity,
        model: ModelId,
        query: ListQuery,
    ) -> Result<Page> {
        let who = who.clone();
        self.viewing(&who.clone(), move |engine, tx| {
            read::list(engine, tx, &who, engine.models.get(model), &query)
        })
        .await
    }

    /// Returns a row with its claim queue, and the head of the sync log.
    ///
    /// # Errors
    /// Returns an error if the read is not permitted, or the store's error.
    pub(crate) async fn retrieve(
        &self,
        who: &Identity,
        model: ModelId,
        id: String,
    ) -> Result<(Option<Visible>, u64, ClaimQueue)> {
        let who = who.clone();
        self.viewing(&who.clone(), move |engine, tx| {
            let model = engine.models.get(model);
            let (row, head) = read::retrieve(engine, tx, &who, model, &id)?;
            let groups = claims::claim_groups(engine, tx, &who.organization, model, &id)?;
            let queue = match exits::sees_claims(&engine.models, &who, &model.key, &groups) {
                true => claims::claim_queue(tx, &who.organization, &model.key, &id)?,
                false => ClaimQueue::default(),
            };
            Ok((row, head, queue))
        })
        .await
    }

    /// Returns the rows of queries on one snapshot, the head of the sync log and its epoch. One
    /// query that fails alone is the error of the request (docs/protocol/differences.md D18).
    ///
    /// # Errors
    /// Returns the error of a single query, or the store's error.
    pub(crate) async fn query(
        &self,
        who: &Identity,
        queries: Vec<Query>,
    ) -> Result<(Vec<QueryRows>, u64, Option<String>)> {
        let who = who.clone();
        self.viewing(&who.clone(), move |engine, tx| {
            let head = log::head(tx, &who.organization)?;
            let mut answers = Vec::with_capacity(queries.len());
            for query in &queries {
                answers.push(match read::query(engine, tx, &who, query) {
                    Ok(rows) => Ok(rows),
                    Err(EngineError::Refused(refusal)) if queries.len() > 1 => Err(refusal),
                    Err(failure) => return Err(failure),
                });
            }
            Ok((answers, head, log_bounds::epoch(tx, &who.organization, head)?))
        })
        .await
    }

    /// Returns the rows of a bootstrap by type name, the head of the sync log and its epoch.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn bootstrap(
        &self,
        who: Identity,
        query: BootstrapQuery,
    ) -> Result<(BTreeMap<String, Vec<Visible>>, u64, Option<String>)> {
        self.viewing(&who.clone(), move |engine, tx| {
            let (rows, head) = read::bootstrap(engine, tx, &who, &query)?;
            Ok((rows, head, log_bounds::epoch(tx, &who.organization, head)?))
        })
        .await
    }
}
