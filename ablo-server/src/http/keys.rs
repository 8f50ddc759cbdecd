//! Secret keys of the caller's organisation (docs/protocol/http.md §6).

use super::answer::{Answer, json, ok};
use super::request::{Body, Caller};
use crate::service::Service;
use crate::service::keys::SecretKey;
use ablo_wire::{KeyCreated, KeyList};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;

/// The body of a request that creates a key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateKey {
    label: String,
}

pub(super) async fn create(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Body(body): Body<CreateKey>,
) -> Answer {
    let key = service.create_key(&caller.0, body.label.clone()).await?;
    json(StatusCode::CREATED, &KeyCreated::new(key.id, body.label, key.token))
}

pub(super) async fn list(State(service): State<Arc<Service>>, caller: Caller) -> Answer {
    let keys = service.secret_keys(&caller.0).await?;
    ok(&KeyList::new(keys.iter().map(SecretKey::shown).collect::<Vec<_>>()))
}
