//! Credentials, identities and turns (docs/protocol/http.md §4, §6).

use super::answer::{Answer, ok};
use super::request::{Body, Caller, OptionalBody};
use crate::engine::credentials::IssuedCredential;
use crate::engine::exchange::TokenRequest;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::live::Hubs;
use crate::service::Service;
use crate::value::shown_date;
use ablo_wire::{
    CapabilityCreate, CapabilityCreated, CapabilityDeleted, CapabilityRotate, CapabilityState,
    CapabilityStatus, ExchangeRequest, ExchangeResponse, Identity as Shown, Maybe, Object,
    ParticipantKind, RotatedFrom, Scope, TaskClose, TaskClosed, TaskOpen, TaskOpened,
};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use std::sync::Arc;

fn meta(who: &Identity) -> Object {
    serde_json::from_str(&who.user_meta).unwrap_or_default()
}

fn scope(who: &Identity) -> Scope {
    Scope::new(
        who.organization.clone(),
        who.groups.iter().cloned().collect::<Vec<_>>(),
        who.operations.to_names(),
        who.kind.clone(),
        who.participant.clone(),
    )
}

fn expiry(issued: &IssuedCredential) -> String {
    issued.expires_at.as_deref().map(shown_date).unwrap_or_default()
}

pub(super) async fn exchange(
    State(service): State<Arc<Service>>,
    State(hubs): State<Arc<Hubs>>,
    caller: Caller,
    Body(request): Body<ExchangeRequest>,
) -> Answer {
    hubs.limit_tokens(caller.who())?;
    let token_request = TokenRequest {
        kind: participant_kind(request.participant_kind)?,
        participant: request.participant_id.filter(|id| !id.is_empty()),
        groups: request.sync_groups,
        operations: request.operations,
        ttl: request.ttl_seconds.map(|ttl| ttl.0),
        label: request.label,
        user_meta: request.user_meta.unwrap_or_default(),
    };
    let (issued, who) = service.exchange(&caller.0, token_request).await?;
    ok(&ExchangeResponse::new(
        issued.id.clone(),
        issued.token.clone(),
        expiry(&issued),
        who.organization.clone(),
        scope(&who),
        meta(&who),
    ))
}

fn participant_kind(kind: ParticipantKind) -> Result<ParticipantKind, ApiError> {
    match kind {
        ParticipantKind::Other(other) => {
            let message =
                format!("unknown participant kind `{other}`: expected `user`, `agent` or `system`");
            Err(ApiError::new("invalid_participant_kind", message).param("participantKind"))
        }
        kind => Ok(kind),
    }
}

pub(super) async fn identity(caller: Caller) -> Answer {
    let who = caller.who();
    ok(&Shown::new(
        who.kind.clone(),
        who.participant.clone(),
        who.organization.clone(),
        who.groups.iter().cloned().collect::<Vec<_>>(),
        meta(who),
    ))
}

/// Checks a credential as the WebSocket does (docs/protocol/differences.md A13).
pub(super) async fn check(_: Caller) -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn create(
    State(service): State<Arc<Service>>,
    State(hubs): State<Arc<Hubs>>,
    caller: Caller,
    Body(request): Body<CapabilityCreate>,
) -> Answer {
    hubs.limit_tokens(caller.who())?;
    let token_request = TokenRequest {
        kind: participant_kind(request.participant_kind.unwrap_or(ParticipantKind::Agent))?,
        participant: request.participant_id.filter(|id| !id.is_empty()),
        groups: request.sync_groups.or(request.allowed_sync_groups),
        operations: request.operations.or(request.allowed_operations),
        ttl: request.ttl_seconds.map(|ttl| ttl.0),
        label: request.label,
        user_meta: request.user_meta.unwrap_or_default(),
    };
    let (issued, who) = service.exchange(&caller.0, token_request).await?;
    ok(&created(&issued, &who))
}

fn created(issued: &IssuedCredential, who: &Identity) -> CapabilityCreated {
    let mut body = CapabilityCreated::new(
        issued.token.clone(),
        expiry(issued),
        who.organization.clone(),
        scope(who),
    );
    body.capability_id = Some(issued.id.clone());
    body.id = Some(issued.id.clone());
    body.user_meta = Some(meta(who));
    body
}

pub(super) async fn retrieve(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let (state, now) = service.credential(&caller.0, id).await?;
    let who = &state.identity;
    let status = match (&state.revoked_at, &who.expires_at) {
        (Some(_), _) => CapabilityStatus::Revoked,
        (None, Some(expiry)) if *expiry <= now => CapabilityStatus::Expired,
        _ => CapabilityStatus::Active,
    };
    let mut body = CapabilityState::new(who.organization.clone(), who.kind.clone(), status);
    let groups: Vec<String> = who.groups.iter().cloned().collect();
    body.capability_id = Some(state.id.clone());
    body.id = Some(state.id);
    body.participant_id = Maybe::Value(who.participant.clone());
    body.label = Maybe::or_null(state.label);
    body.issued_at = Some(shown_date(&state.issued_at));
    body.expires_at = who.expires_at.as_deref().map(shown_date);
    body.revoked_at = Maybe::or_null(state.revoked_at.as_deref().map(shown_date));
    body.last_used_at = Maybe::or_null(state.last_used_at.as_deref().map(shown_date));
    body.operations = Some(who.operations.to_names());
    body.allowed_operations = body.operations.clone();
    body.sync_groups = Some(groups.clone());
    body.allowed_sync_groups = Some(groups);
    ok(&body)
}

pub(super) async fn revoke(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let revoked = service.revoke(&caller.0, id.clone()).await?;
    let mut body = CapabilityDeleted::new();
    body.capability_id = Some(id.clone());
    body.id = Some(id);
    body.deleted = Some(revoked > 0);
    ok(&body)
}

pub(super) async fn rotate(
    State(service): State<Arc<Service>>,
    State(hubs): State<Arc<Hubs>>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalBody(request): OptionalBody<CapabilityRotate>,
) -> Answer {
    hubs.limit_tokens(caller.who())?;
    let ttl = request.ttl_seconds.map(|ttl| ttl.0);
    let grace = request.grace_seconds.map_or(86_400, |grace| grace.0);
    let rotated = service.rotate(&caller.0, id, ttl, grace).await?;
    let mut body = created(&rotated.issued, &rotated.identity);
    let mut from = RotatedFrom::new(shown_date(&rotated.old_expiry));
    from.capability_id = Some(rotated.old.clone());
    from.id = Some(rotated.old);
    body.rotated_from = Some(from);
    ok(&body)
}

pub(super) async fn open_turn(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Body(request): Body<TaskOpen>,
) -> Answer {
    let opened = service.open_turn(caller.who(), request).await?;
    let mut body = TaskOpened::new();
    body.id = Some(opened.id.clone());
    body.task_id = Some(opened.id.clone());
    body.turn_id = Some(opened.id);
    body.prompt_hash = Some(opened.prompt_hash);
    body.opened_at = Some(shown_date(&opened.at));
    ok(&body)
}

pub(super) async fn close_turn(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    OptionalBody(costs): OptionalBody<TaskClose>,
) -> Answer {
    let (now_closed, ended) = service.close_turn(caller.who(), id.clone(), costs).await?;
    let mut body = TaskClosed::new();
    body.id = Some(id.clone());
    body.task_id = Some(id.clone());
    body.turn_id = Some(id);
    body.closed = Some(true);
    body.already_closed = Some(!now_closed);
    body.ended_at = Some(shown_date(&ended));
    ok(&body)
}
