//! Webhook endpoints of the caller's organisation (docs/protocol/data-source.md §9).

use super::answer::{Answer, json, ok};
use super::request::{Body, Caller};
use crate::app::{App, require_secret_key};
use crate::engine::webhooks;
use crate::error::ApiError;
use crate::webhooks::check_url;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The maximum length of a URL and of an event name, in bytes.
const MAX_TEXT_BYTES: usize = 2048;
/// The maximum number of event names per endpoint.
const MAX_EVENT_NAMES: usize = 256;

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

fn validate(app: &App, url: &str, events: &BTreeSet<String>) -> Result<(), ApiError> {
    let refused =
        |message: String, param: &str| ApiError::new("invalid_body", message).param(param);
    if url.len() > MAX_TEXT_BYTES {
        return Err(refused(format!("`url` is longer than {MAX_TEXT_BYTES} bytes"), "url"));
    }
    let checked = check_url(url, app.options.webhooks.private_hosts);
    checked.map_err(|message| refused(message, "url"))?;
    if events.len() > MAX_EVENT_NAMES
        || events.iter().any(|name| name.is_empty() || name.len() > MAX_TEXT_BYTES)
    {
        let message = format!(
            "`enabledEvents` must have at most {MAX_EVENT_NAMES} names \
             of 1 to {MAX_TEXT_BYTES} bytes"
        );
        return Err(refused(message, "enabledEvents"));
    }
    Ok(())
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<CreateEndpoint>,
) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    validate(&app, &body.url, &body.enabled_events)?;
    let id = format!("we_{}", uuid::Uuid::new_v4().simple());
    let secret = ablo::source::webhook_secret(&random_bytes()?);
    let endpoint = app
        .writing(&organization.clone(), move |_, tx| {
            webhooks::add(tx, &organization, (&id, &body.url, &secret), &body.enabled_events)
        })
        .await?;
    json(StatusCode::CREATED, &endpoint.to_json(true))
}

fn random_bytes() -> Result<[u8; 32], ApiError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| ApiError::new("internal_error", "the system's random generator failed"))?;
    Ok(bytes)
}

pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    let all =
        app.reading(&organization.clone(), move |_, tx| webhooks::all(tx, &organization)).await?;
    let data: Vec<_> = all.iter().map(|endpoint| endpoint.to_json(false)).collect();
    ok(&serde_json::json!({ "object": "list", "data": data }))
}

pub(super) async fn retrieve(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    let found = app
        .reading(&organization.clone(), move |_, tx| webhooks::find(tx, &organization, &id))
        .await?;
    ok(&found.to_json(false))
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(body): Body<UpdateEndpoint>,
) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    if let Some(url) = &body.url {
        validate(&app, url, &BTreeSet::new())?;
    }
    let updated = app
        .writing(&organization.clone(), move |_, tx| {
            let mut endpoint = webhooks::find(tx, &organization, &id)?;
            if let Some(url) = &body.url {
                endpoint.url.clone_from(url);
            }
            if let Some(events) = &body.enabled_events {
                endpoint.events.clone_from(events);
            }
            endpoint.enabled =
                body.status.map_or(endpoint.enabled, |status| status == Status::Enabled);
            webhooks::change(tx, &endpoint)
        })
        .await?;
    ok(&updated.to_json(false))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    let removed = id.clone();
    app.writing(&organization.clone(), move |_, tx| webhooks::remove(tx, &organization, &removed))
        .await?;
    ok(&serde_json::json!({ "object": "webhook_endpoint", "id": id, "deleted": true }))
}

pub(super) async fn dead_letters(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    let letters = app
        .reading(&organization.clone(), move |_, tx| webhooks::dead_letters(tx, &organization, &id))
        .await?;
    ok(&serde_json::json!({ "object": "list", "data": letters }))
}

pub(super) async fn redrive(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let organization = require_secret_key(&caller.0)?.organization.clone();
    let redriven = app
        .writing(&organization.clone(), move |_, tx| webhooks::redrive(tx, &organization, &id))
        .await?;
    ok(&serde_json::json!({ "redriven": redriven }))
}
