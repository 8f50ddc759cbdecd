//! Requests: who asks, and bodies that are read or refused with a code.

use super::answer::Failed;
use crate::app::{App, no_credentials};
use crate::engine::credentials::Credential;
use crate::error::ApiError;
use crate::identity::Identity;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Bytes of an idempotency key at most (docs/protocol/differences.md D2).
const MAX_KEY_BYTES: usize = 255;

/// The credential behind a request.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Credential);

impl Caller {
    pub(super) fn who(&self) -> &Identity {
        &self.0.identity
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failed> {
        let token = bearer(&parts.headers).ok_or_else(no_credentials)?;
        let state = app.identify(token).await?;
        app.hubs.limit(&state.id)?;
        Ok(Self(state))
    }
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A JSON body of this type.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failed> {
        let bytes = read(request, app).await?;
        Ok(Self(decode(&bytes)?))
    }
}

/// A JSON body that may be missing.
#[derive(Debug)]
pub(super) struct Optional<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Optional<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failed> {
        let bytes = read(request, app).await?;
        let empty = bytes.iter().all(u8::is_ascii_whitespace);
        Ok(Self(decode(if empty { b"{}" } else { &bytes })?))
    }
}

async fn read(request: Request, app: &Arc<App>) -> Result<Bytes, Failed> {
    Bytes::from_request(request, app).await.map_err(|rejection| {
        let message = format!("the body could not be read: {rejection}");
        Failed(ApiError::new("invalid_body", message).with_status(rejection.status().as_u16()))
    })
}

/// Why a commit cannot be read.
pub(crate) fn why_unreadable(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    operations(bytes).unwrap_or_else(|| ApiError::new("invalid_body", error.to_string()))
}

/// Reads JSON: text that is none is told from JSON of another form.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Err(error) => ApiError::new("invalid_json", format!("the body is no JSON: {error}")),
            Ok(_) => operations(bytes)
                .unwrap_or_else(|| ApiError::new("invalid_body", error.to_string())),
        }
    })
}

/// Why the operations of a commit cannot be read, where that is what is wrong (docs/protocol/errors.md §6).
fn operations(bytes: &[u8]) -> Option<ApiError> {
    let body: Value = serde_json::from_slice(bytes).ok()?;
    let body = body.as_object()?;
    if body.contains_key("operation") && body.contains_key("operations") {
        let message = "a commit has either `operation` or `operations`";
        return Some(ApiError::new("commit_operations_ambiguous", message));
    }
    let is_commit = body.contains_key("clientTxId") || body.contains_key("operations");
    let Some(operations) = body.get("operations").filter(|operations| !operations.is_null()) else {
        return is_commit.then(|| {
            ApiError::new("commit_operation_required", "a commit has a list of operations")
        });
    };
    operations.as_array()?.iter().enumerate().find_map(|(at, operation)| {
        let operation = operation.as_object()?;
        let has = |name: &str| operation.get(name).is_some_and(Value::is_string);
        let refusal = match (has("action") || has("type"), has("model")) {
            (false, _) => ApiError::new(
                "commit_operation_action_required",
                "an operation has an `action`, or a `type`",
            ),
            (true, false) => {
                ApiError::new("commit_operation_model_required", "an operation names its model")
            }
            (true, true) => return None,
        };
        Some(refusal.param(format!("operations[{at}]")))
    })
}

/// The key under which a write is applied once: the header's, else the body's, else one that is made up (docs/protocol/differences.md D2).
pub(super) fn idempotency_key(
    headers: &HeaderMap,
    body: Option<&String>,
) -> Result<String, ApiError> {
    let header =
        headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let key = header.or_else(|| body.cloned()).filter(|key| !key.is_empty());
    match key {
        None => Ok(uuid::Uuid::new_v4().hyphenated().to_string()),
        Some(key) if key.len() > MAX_KEY_BYTES => {
            let message = format!("an idempotency key has at most {MAX_KEY_BYTES} bytes");
            Err(ApiError::new("idempotency_key_too_long", message).param("idempotencyKey"))
        }
        Some(key) if key.contains('\0') => {
            Err(ApiError::new("invalid_request", "an idempotency key holds no U+0000")
                .param("idempotencyKey"))
        }
        Some(key) => Ok(key),
    }
}
