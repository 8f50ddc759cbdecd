//! Claims: who may claim, for how long, and what a request means, whichever transport it arrives
//! by.

use super::Service;
use crate::engine::access::{check_claim, check_reorder};
use crate::engine::claims::{
    self, Claim, ClaimDetail, ClaimOutcome, ClaimRequest, DEFAULT_TTL_MS, MAX_TTL_MS,
};
use crate::engine::plan::row_id;
use crate::error::Result;
use crate::identity::Identity;
use crate::models::ModelId;
use ablo_wire::{LostReason, Object};
use serde::Serialize;

/// Returns the length of a lease in milliseconds (docs/protocol/differences.md B1).
pub(crate) fn lease(requested: Option<u64>) -> u64 {
    requested.filter(|ttl| *ttl > 0).unwrap_or(DEFAULT_TTL_MS).min(MAX_TTL_MS)
}

/// Returns the part of a row that a claim is about, in its stored form.
pub(crate) fn detail(
    path: Option<String>,
    range: Option<impl Serialize>,
    field: Option<String>,
    meta: Option<Object>,
) -> ClaimDetail {
    ClaimDetail {
        path,
        range: range.and_then(|range| serde_json::to_string(&range).ok()),
        field,
        meta: meta.map(|meta| serde_json::Value::Object(meta).to_string()),
    }
}

impl Service {
    /// Requests a claim on a row of a model.
    ///
    /// # Errors
    /// Returns `capability_scope_denied`, `invalid_id`, `entity_not_found`, `limit_exceeded` or
    /// `queue_too_deep`, or the store's error.
    pub(crate) async fn claim(
        &self,
        who: &Identity,
        model: ModelId,
        request: ClaimRequest,
    ) -> Result<ClaimOutcome> {
        check_claim(self.engine.models.get(model), who)?;
        row_id(&request.row)?;
        let (who, limits) = (who.clone(), self.options.limits);
        self.acting(&who.clone(), move |engine, tx| {
            claims::check_limits(tx, &who, engine.models.get(model), &request, &limits)?;
            claims::begin(engine, tx, &who, engine.models.get(model), &request)
        })
        .await
    }

    /// Releases all claims of a program on a row. Returns whether there were any.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn release(
        &self,
        who: &Identity,
        model: ModelId,
        row: String,
    ) -> Result<bool> {
        let who = who.clone();
        self.acting(&who.clone(), move |engine, tx| {
            Ok(claims::release(tx, &who, &engine.models, engine.models.get(model), &row)?)
        })
        .await
    }

    /// Releases a claim of a participant, or leaves the claim queue. Returns whether there was one.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn abandon(&self, who: &Identity, id: String) -> Result<bool> {
        let who = who.clone();
        self.acting(&who.clone(), move |engine, tx| {
            Ok(claims::abandon(tx, &who, &engine.models, &id)?)
        })
        .await
    }

    /// Renews claims of a program and returns those that it has lost.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn renew_claims(
        &self,
        who: &Identity,
        ids: Vec<String>,
    ) -> Result<Vec<(String, LostReason)>> {
        let who = who.clone();
        self.acting(&who.clone(), move |_, tx| {
            let mut lost = Vec::new();
            for id in &ids {
                match claims::lost(tx, &who, id)? {
                    Some(reason) => lost.push((id.clone(), reason)),
                    None => drop(claims::renew(tx, &who, id)?),
                }
            }
            Ok(lost)
        })
        .await
    }

    /// Reorders the waiters of a row: the listed ones first, each by its claimant and its id.
    ///
    /// # Errors
    /// Returns `capability_scope_denied` or `entity_not_found`, or the store's error.
    pub(crate) async fn reorder(
        &self,
        who: &Identity,
        model: ModelId,
        row: String,
        order: Vec<(String, String)>,
    ) -> Result<()> {
        check_reorder(who)?;
        let who = who.clone();
        self.acting(&who.clone(), move |engine, tx| {
            claims::reorder(engine, tx, &who, engine.models.get(model), &row, &order)
        })
        .await
    }

    /// Returns the open claims that a participant may see.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn claims(&self, who: &Identity) -> Result<Vec<Claim>> {
        let who = who.clone();
        self.viewing(&who.clone(), move |engine, tx| Ok(claims::visible(engine, tx, &who)?)).await
    }

    /// Returns which of these claims a program has lost.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn lost_claims(
        &self,
        who: &Identity,
        ids: Vec<String>,
    ) -> Result<Vec<(String, LostReason)>> {
        let who = who.clone();
        self.viewing(&who.clone(), move |_, tx| {
            let mut lost = Vec::new();
            for id in ids.clone() {
                lost.extend(claims::lost(tx, &who, &id)?.map(|reason| (id, reason)));
            }
            Ok(lost)
        })
        .await
    }
}
