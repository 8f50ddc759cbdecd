//! Claims over HTTP, by row and by id (docs/protocol/http.md §6–7).
//!
//! A lease lasts for the requested TTL and is renewed by writes of its holder. A waiter polls by
//! repeating its request with the same id.

use super::answer::{Answer, json, ok};
use super::request::{Body, Caller, OptionalBody, pairs};
use crate::engine::claims::{Claim, ClaimOutcome, ClaimRequest, held_error};
use crate::error::{ApiError, Result};
use crate::identity::{Identity, claimant_kind};
use crate::models::ModelId;
use crate::service::Service;
use crate::service::claims::{detail, lease};
use crate::value::shown_date;
use ablo_wire::{
    ClaimAnswer, ClaimBody, ClaimReleased, ClaimStatus, ClaimTarget, GrantedIntent, IntentBody,
    IntentList, IntentReleased, IntentStatus, IntentTag, ListTag, ModelClaim, ReorderBody, Ttl,
};
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Converts a claim to its wire form (docs/protocol/http.md §6).
pub(super) fn model_claim(claim: &Claim) -> ModelClaim {
    let mut body = ModelClaim::new(
        claim.id.clone(),
        claim.claimant(),
        claimant_kind(&claim.kind),
        claim.action.clone(),
        shown_date(&claim.expires_at),
    );
    body.object = Some(IntentTag);
    body.status = Some(IntentStatus::from(claim.status.clone()));
    body.held_by = Some(claim.claimant());
    body.description = claim.description.clone();
    body.field = claim.detail.field.clone();
    body.target = Some(target(claim));
    body
}

fn target(claim: &Claim) -> ClaimTarget {
    let mut target = ClaimTarget::new(claim.model.clone(), claim.row.clone());
    let read = |text: &String| serde_json::from_str(text).ok();
    target.r#type = Some(claim.model.clone());
    target.path = claim.detail.path.clone();
    target.range = claim.detail.range.as_ref().and_then(|range| serde_json::from_str(range).ok());
    target.field = claim.detail.field.clone();
    target.meta = claim.detail.meta.as_ref().and_then(read);
    target
}

fn requested_ttl(ttl: Option<&Ttl>) -> Result<u64, ApiError> {
    match ttl {
        None => Ok(lease(None)),
        Some(ttl) => match ttl.millis() {
            Some(millis) => Ok(lease(Some(millis.0))),
            None => Err(ApiError::new(
                "malformed_claim",
                "`ttl` must be a number of seconds or a string such as `30s`",
            )
            .param("ttl")),
        },
    }
}

async fn begin(service: &Service, who: &Identity, model: ModelId, request: ClaimRequest) -> Answer {
    let outcome = service.claim(who, model, request).await?;
    let mut answer = ClaimAnswer::new();
    match outcome {
        ClaimOutcome::Held(claim) => {
            let mut granted = GrantedIntent::new(claim.id.clone());
            granted.object = Some(IntentTag);
            granted.status = Some(IntentStatus::Active);
            granted.target = Some(target(&claim));
            granted.action = Some(claim.action.clone());
            granted.expires_at = Some(shown_date(&claim.expires_at));
            answer.status = Some(ClaimStatus::Active);
            answer.intent = Some(granted);
            answer.id = Some(claim.id.clone());
            answer.intent_id = Some(claim.id);
            json(StatusCode::CREATED, &answer)
        }
        ClaimOutcome::Queued(claim, position) => {
            answer.status = Some(ClaimStatus::Queued);
            answer.intent_id = Some(claim.id);
            answer.position = Some(position);
            json(StatusCode::ACCEPTED, &answer)
        }
        ClaimOutcome::Refused(holder) => Err(held_error("entity_claimed", &holder).into()),
    }
}

pub(super) async fn claim(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
    OptionalBody(body): OptionalBody<ClaimBody>,
) -> Answer {
    let model = service.model(&model)?;
    let new_id = || format!("int_{}", uuid::Uuid::new_v4().hyphenated());
    // A waiter repeats the id of the first answer.
    let id_of_waiter = body
        .other
        .get("intentId")
        .and_then(|id| id.as_str())
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    let request = ClaimRequest {
        id: id_of_waiter.unwrap_or_else(new_id),
        row: id,
        action: body.action.unwrap_or_else(|| "editing".to_owned()),
        description: body.description,
        detail: detail(None, None::<()>, None, body.meta),
        ttl: requested_ttl(body.ttl.as_ref())?,
        queue: body.queue.unwrap_or(true),
        connection: None,
    };
    begin(&service, caller.who(), model.id, request).await
}

pub(super) async fn open(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Body(body): Body<IntentBody>,
) -> Answer {
    if body.intent_id.is_empty() {
        return Err(ApiError::new("intent_id_required", "`intentId` must not be empty").into());
    }
    let model = service.model(&body.target.model)?;
    let request = ClaimRequest {
        id: body.intent_id,
        row: body.target.id,
        action: body.action,
        description: None,
        detail: detail(body.target.path, body.target.range, body.target.field, body.target.meta),
        ttl: requested_ttl(body.ttl.as_ref())?,
        queue: body.queue.unwrap_or(false),
        connection: None,
    };
    begin(&service, caller.who(), model.id, request).await
}

pub(super) async fn release(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
) -> Answer {
    let model = service.model(&model)?.id;
    let released = service.release(caller.who(), model, id).await?;
    let mut body = ClaimReleased::new(true);
    body.released = Some(released);
    ok(&body)
}

pub(super) async fn close(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let released = service.abandon(caller.who(), id.clone()).await?;
    let mut body = IntentReleased::new(id);
    body.object = IntentTag;
    body.released = Some(released);
    ok(&body)
}

pub(super) async fn reorder(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
    Body(body): Body<ReorderBody>,
) -> Answer {
    let model = service.model(&model)?.id;
    let order: Vec<(String, String)> =
        body.order.into_iter().map(|slot| (slot.held_by, slot.intent_id)).collect();
    service.reorder(caller.who(), model, id, order).await?;
    ok(&ClaimReleased::new(true))
}

pub(super) async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let (mut model, mut row, mut field) = (None, None, None);
    for (name, value) in pairs(query.as_deref()) {
        match name.as_str() {
            "model" | "resource" => model = Some(service.model(&value)?.key.clone()),
            "id" => row = Some(value),
            "field" => field = Some(value),
            _ => {}
        }
    }
    let visible = service.claims(caller.who()).await?;
    let wanted = |claim: &Claim| {
        model.as_ref().is_none_or(|model| *model == claim.model)
            && row.as_ref().is_none_or(|row| *row == claim.row)
            && (field.is_none() || claim.detail.field.is_none() || field == claim.detail.field)
    };
    let mut waiters = Vec::new();
    let mut holders = Vec::new();
    for claim in visible.into_iter().filter(wanted) {
        match claim.status.as_str() {
            // The caller's own claim does not block it (docs/protocol/differences.md B9).
            "active" if claim.may_be_of(caller.who()) => {}
            "active" => holders.push(model_claim(&claim)),
            _ => waiters.push(claim),
        }
    }
    let mut positions: BTreeMap<(String, String), u64> = BTreeMap::new();
    let queue = waiters.iter().map(|claim| {
        let position = positions.entry((claim.model.clone(), claim.row.clone())).or_default();
        let mut waiter = model_claim(claim);
        waiter.position = Some(*position);
        *position += 1;
        waiter
    });
    let mut body = IntentList::new();
    body.queue = queue.collect();
    body.data = Some(holders.iter().chain(&body.queue).cloned().collect());
    body.intents = holders;
    body.object = ListTag;
    ok(&body)
}
