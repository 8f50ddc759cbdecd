//! Webhook endpoints of the caller's organisation (docs/protocol/data-source.md §9).

use super::answer::{Answer, json, ok};
use super::request::{Body, Caller};
use crate::app::{App, only_secret};
use crate::engine::webhooks;
use crate::error::ApiError;
use crate::webhooks::check;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of an address, and of the name of an event, at most.
const MAX_URL_BYTES: usize = 2048;
/// Kinds of events that one endpoint names, at most.
const KINDS: usize = 256;

/// What a new endpoint is given.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wanted {
    url: String,
    #[serde(default)]
    enabled_events: BTreeSet<String>,
}

/// What of an endpoint is changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changed {
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

fn valid(app: &App, url: &str, events: &BTreeSet<String>) -> Result<(), ApiError> {
    let refused =
        |message: String, param: &str| ApiError::new("invalid_body", message).param(param);
    if url.len() > MAX_URL_BYTES {
        return Err(refused(format!("`url` has more than {MAX_URL_BYTES} bytes"), "url"));
    }
    check(url, app.options.webhooks.private_hosts).map_err(|why| refused(why, "url"))?;
    if events.len() > KINDS
        || events.iter().any(|kind| kind.is_empty() || kind.len() > MAX_URL_BYTES)
    {
        return Err(refused(
            format!("`enabledEvents` are at most {KINDS} names of events"),
            "enabledEvents",
        ));
    }
    Ok(())
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(wanted): Body<Wanted>,
) -> Answer {
    let organization = only_secret(&caller.0)?.organization.clone();
    valid(&app, &wanted.url, &wanted.enabled_events)?;
    let (id, secret) =
        (format!("we_{}", uuid::Uuid::new_v4().simple()), ablo::source::webhook_secret(&random()?));
    let made = app
        .writing(&organization.clone(), move |_, tx| {
            webhooks::add(tx, &organization, (&id, &wanted.url, &secret), &wanted.enabled_events)
        })
        .await?;
    json(StatusCode::CREATED, &made.to_json(true))
}

fn random() -> Result<[u8; 32], ApiError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| ApiError::new("internal_error", "the system gives no random numbers"))?;
    Ok(bytes)
}

pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let organization = only_secret(&caller.0)?.organization.clone();
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
    let organization = only_secret(&caller.0)?.organization.clone();
    let found = app
        .reading(&organization.clone(), move |_, tx| webhooks::find(tx, &organization, &id))
        .await?;
    ok(&found.to_json(false))
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(changed): Body<Changed>,
) -> Answer {
    let organization = only_secret(&caller.0)?.organization.clone();
    if let Some(url) = &changed.url {
        valid(&app, url, &BTreeSet::new())?;
    }
    let made = app
        .writing(&organization.clone(), move |_, tx| {
            let mut endpoint = webhooks::find(tx, &organization, &id)?;
            if let Some(url) = &changed.url {
                endpoint.url.clone_from(url);
            }
            if let Some(events) = &changed.enabled_events {
                endpoint.events.clone_from(events);
            }
            endpoint.enabled =
                changed.status.map_or(endpoint.enabled, |status| status == Status::Enabled);
            webhooks::change(tx, &endpoint)
        })
        .await?;
    ok(&made.to_json(false))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let organization = only_secret(&caller.0)?.organization.clone();
    let gone = id.clone();
    app.writing(&organization.clone(), move |_, tx| webhooks::remove(tx, &organization, &gone))
        .await?;
    ok(&serde_json::json!({ "object": "webhook_endpoint", "id": id, "deleted": true }))
}

pub(super) async fn letters(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Answer {
    let organization = only_secret(&caller.0)?.organization.clone();
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
    let organization = only_secret(&caller.0)?.organization.clone();
    let many = app
        .writing(&organization.clone(), move |_, tx| webhooks::redrive(tx, &organization, &id))
        .await?;
    ok(&serde_json::json!({ "redriven": many }))
}
