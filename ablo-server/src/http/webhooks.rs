//! Webhook endpoints of the caller's organisation (docs/protocol/data-source.md §9).

use super::answer::{Answer, json, ok};
use super::request::{Body, Caller};
use crate::service::Service;
use crate::service::endpoints::EndpointChange;
use ablo_wire::{DeadLetterList, Redriven, WebhookDeleted, WebhookList};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The body of a request that creates an endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateEndpoint {
    url: String,
    #[serde(default)]
    enabled_events: BTreeSet<String>,
}

/// The body of a request that changes an endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UpdateEndpoint {
    url: Option<String>,
    enabled_events: Option<BTreeSet<String>>,
    status: Option<Status>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Enabled,
    Disabled,
}

pub(super) async fn create(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Body(body): Body<CreateEndpoint>,
) -> Answer {
    let endpoint = service.create_endpoint(&caller.0, body.url, body.enabled_events).await?;
    json(StatusCode::CREATED, &endpoint.shown(true))
}

pub(super) async fn list(State(service): State<Arc<Service>>, caller: Caller) -> Answer {
    let all = service.endpoints(&caller.0).await?;
    let data: Vec<_> = all.iter().map(|endpoint| endpoint.shown(false)).collect();
    ok(&WebhookList::new(data))
}

pub(super) async fn retrieve(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    ok(&service.endpoint(&caller.0, id).await?.shown(false))
}

pub(super) async fn update(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<UpdateEndpoint>,
) -> Answer {
    let change = EndpointChange {
        url: body.url,
        events: body.enabled_events,
        enabled: body.status.map(|status| status == Status::Enabled),
    };
    ok(&service.change_endpoint(&caller.0, id, change).await?.shown(false))
}

pub(super) async fn delete(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    service.delete_endpoint(&caller.0, id.clone()).await?;
    ok(&WebhookDeleted::new(id, true))
}

pub(super) async fn dead_letters(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let letters = service.dead_letters(&caller.0, id).await?;
    ok(&DeadLetterList::new(letters))
}

pub(super) async fn redrive(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let redriven = service.redrive(&caller.0, id).await?;
    ok(&Redriven::new(redriven))
}
