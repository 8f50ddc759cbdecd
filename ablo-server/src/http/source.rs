//! Data Sources: what their outboxes push, and how they are (docs/protocol/data-source.md §8, docs/protocol/http.md).

use super::answer::{Answer, ok};
use super::request::Caller;
use crate::app::{App, only_secret};
use crate::error::ApiError;
use ablo_wire::PushBody;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Events that an endpoint pushes, known by the key that has signed them.
pub(super) async fn push(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Answer {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let unknown = || {
        ApiError::new(
            "source_api_key_unresolved",
            "no data source of this coordinator has signed this",
        )
    };
    let origin = app.sources.signed(header, &body, now).ok_or_else(unknown)?;
    let refused = |code: &str, message: String| {
        ApiError::new("invalid_body", message).detail("error", code).with_status(400)
    };
    let body: PushBody = serde_json::from_slice(&body)
        .map_err(|error| refused("ingest_failed", format!("no events: {error}")))?;
    if body.events.is_empty() {
        return Err(refused("events_required", "a push has events".to_owned()).into());
    }
    let many = body.events.len();
    let pushed = crate::source::pushed(&app, &origin, body.events).await;
    pushed.map_err(|reason| ApiError::new("source_network_error", reason))?;
    ok(&serde_json::json!({ "received": many }))
}

/// How the data sources of the caller's organisation are.
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let who = only_secret(&caller.0)?;
    let own = app.sources.iter().filter(|origin| origin.organization == who.organization);
    ok(
        &serde_json::json!({ "object": "list", "data": own.map(|origin| origin.shown()).collect::<Vec<_>>() }),
    )
}
