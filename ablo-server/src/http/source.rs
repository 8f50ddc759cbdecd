//! Data sources: pushed events and status (docs/protocol/data-source.md §8,
//! docs/protocol/http.md).

use super::answer::{Answer, ok};
use super::request::{Caller, RawBody};
use crate::engine::access::require_secret_key;
use crate::error::ApiError;
use crate::service::Service;
use crate::service::source::{self, PushError};
use ablo_wire::{PushAnswer, PushBody, SourceStates};
use axum::extract::State;
use axum::http::HeaderMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Accepts events pushed by a data source, which is identified by the key that signed them.
pub(super) async fn push(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let unknown = || {
        ApiError::new(
            "source_api_key_unresolved",
            "the signature does not match any data source of this coordinator",
        )
    };
    let client = service.sources.signer_of(header, &body, now).ok_or_else(unknown)?;
    let refused = |code: &str, message: String| {
        ApiError::new("invalid_body", message).detail("error", code).with_status(400)
    };
    let body: PushBody = serde_json::from_slice(&body)
        .map_err(|error| refused("ingest_failed", format!("invalid push body: {error}")))?;
    if body.events.is_empty() {
        let message = "`events` must not be empty".to_owned();
        return Err(refused("events_required", message).into());
    }
    let count = body.events.len();
    let applied = source::apply_pushed(&service, &client, body.events).await;
    applied.map_err(|failure| match failure {
        PushError::Refused(reasons) => refused("ingest_failed", reasons),
        PushError::Failed(reason) => ApiError::new("source_network_error", reason),
    })?;
    ok(&PushAnswer::new(count as u64))
}

/// Returns the status of the data sources of the caller's organisation.
pub(super) async fn list(State(service): State<Arc<Service>>, caller: Caller) -> Answer {
    let who = require_secret_key(&caller.0)?;
    let own = service.sources.iter().filter(|client| client.organization == who.organization);
    let data: Vec<_> = own.map(|client| client.status()).collect();
    ok(&SourceStates::new(data))
}
