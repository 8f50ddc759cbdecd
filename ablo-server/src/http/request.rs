//! Request extractors: the caller's credential and decoded JSON bodies.

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

/// The maximum length of an idempotency key, in bytes (docs/protocol/differences.md D2).
const MAX_KEY_BYTES: usize = 255;

/// The credential of a request.
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

/// Returns the bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A JSON body of type `T`.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failed> {
        let bytes = read(request, app).await?;
        Ok(Self(decode(&bytes)?))
    }
}

/// A JSON body that may be empty, which is read as `{}`.
#[derive(Debug)]
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for OptionalBody<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Failed> {
        let bytes = read(request, app).await?;
        let empty = bytes.iter().all(u8::is_ascii_whitespace);
        Ok(Self(decode(if empty { b"{}" } else { &bytes })?))
    }
}

async fn read(request: Request, app: &Arc<App>) -> Result<Bytes, Failed> {
    Bytes::from_request(request, app).await.map_err(|rejection| {
        let message = format!("failed to read the body: {rejection}");
        Failed(ApiError::new("invalid_body", message).with_status(rejection.status().as_u16()))
    })
}

/// Returns the error for a commit that cannot be decoded.
pub(crate) fn commit_decode_error(bytes: &[u8], error: &serde_json::Error) -> ApiError {
    operations_error(bytes).unwrap_or_else(|| ApiError::new("invalid_body", error.to_string()))
}

/// Decodes JSON. Malformed JSON and JSON of the wrong shape have different error codes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Err(error) => {
                ApiError::new("invalid_json", format!("the body is not valid JSON: {error}"))
            }
            Ok(_) => commit_decode_error(bytes, &error),
        }
    })
}

/// Returns the specific error of a commit with malformed operations, if that is the cause
/// (docs/protocol/errors.md §6).
fn operations_error(bytes: &[u8]) -> Option<ApiError> {
    let body: Value = serde_json::from_slice(bytes).ok()?;
    let body = body.as_object()?;
    if body.contains_key("operation") && body.contains_key("operations") {
        let message = "a commit must not have both `operation` and `operations`";
        return Some(ApiError::new("commit_operations_ambiguous", message));
    }
    let is_commit = body.contains_key("clientTxId") || body.contains_key("operations");
    let Some(operations) = body.get("operations").filter(|operations| !operations.is_null()) else {
        return is_commit
            .then(|| ApiError::new("commit_operation_required", "`operations` is missing"));
    };
    operations.as_array()?.iter().enumerate().find_map(|(at, operation)| {
        let operation = operation.as_object()?;
        let has = |name: &str| operation.get(name).is_some_and(Value::is_string);
        let refusal = match (has("action") || has("type"), has("model")) {
            (false, _) => ApiError::new(
                "commit_operation_action_required",
                "an operation must have an `action` or a `type`",
            ),
            (true, false) => {
                ApiError::new("commit_operation_model_required", "an operation must have a `model`")
            }
            (true, true) => return None,
        };
        Some(refusal.param(format!("operations[{at}]")))
    })
}

/// Returns the idempotency key of a write: from the header, else from the body, else a new one
/// (docs/protocol/differences.md D2).
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
            let message = format!("the idempotency key is longer than {MAX_KEY_BYTES} bytes");
            Err(ApiError::new("idempotency_key_too_long", message).param("idempotencyKey"))
        }
        Some(key) if key.contains('\0') => {
            let message = "the idempotency key must not contain U+0000";
            Err(ApiError::new("invalid_request", message).param("idempotencyKey"))
        }
        Some(key) => Ok(key),
    }
}
