//! Responses: JSON bodies, the headers of every response and error envelopes
//! (docs/protocol/errors.md §1).

use crate::error::{ApiError, EngineError};
use crate::service::Service;
use ablo_wire::ERROR_CONTRACT_VERSION;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static AUTH_FAILURE: HeaderName = HeaderName::from_static("x-auth-failure");
static VERSION: HeaderName = HeaderName::from_static("ablo-version");

/// The maximum size of an error text of the framework.
const MAX_FRAMEWORK_TEXT: usize = 4096;

/// The result of a handler.
pub(super) type Answer = Result<Response, Failed>;

/// An error that becomes an error response.
#[derive(Debug)]
pub(super) struct Failed(pub(super) ApiError);

impl<E: Into<EngineError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into().into_api_error())
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        // `contract` writes the body, where the request id is known.
        response.extensions_mut().insert(self.0);
        response
    }
}

/// Returns a response with a JSON body.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Answer {
    let text = serde_json::to_vec(body).map_err(|error| {
        crate::error::StoreError::Fault(format!("failed to serialize a response: {error}"))
    })?;
    Ok((status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text)
        .into_response())
}

/// Returns a response with status 200 and a JSON body.
pub(super) fn ok<T: Serialize>(body: &T) -> Answer {
    json(StatusCode::OK, body)
}

/// Returns a response whose body is already JSON text.
pub(super) fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

/// The pattern of the matched route.
#[derive(Clone)]
struct Pattern(String);

/// Attaches the pattern of the matched route to the response, for the metrics.
pub(super) async fn attach_pattern(
    pattern: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(pattern) = pattern {
        response.extensions_mut().insert(Pattern(pattern.as_str().to_owned()));
    }
    response
}

/// Assigns request ids, adds the headers of every response and writes error bodies.
pub(super) async fn contract(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let id = format!("req_{}", uuid::Uuid::new_v4().simple());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let start = Instant::now();
    let mut response = next.run(request).await;
    let route = response
        .extensions_mut()
        .remove::<Pattern>()
        .map_or_else(|| "none".to_owned(), |pattern| pattern.0);
    service.metrics.answered(&route, method.as_str(), response.status().as_u16(), start.elapsed());
    if let Some(refusal) = refusal(&mut response).await {
        service.metrics.refused(refusal.code());
        if let Some(limit) = refusal.envelope().other.get("limit").and_then(Value::as_str) {
            service.metrics.limited(limit);
        }
        tracing::debug!(request = id, %method, path, code = refusal.code(), "request refused");
        response = error_response(refusal, &id, response.status());
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    headers.insert(VERSION.clone(), HeaderValue::from_static(ERROR_CONTRACT_VERSION));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Takes the refusal out of a response: that of a handler, or the text of the framework.
async fn refusal(response: &mut Response) -> Option<ApiError> {
    if let Some(refusal) = response.extensions_mut().remove::<ApiError>() {
        return Some(refusal);
    }
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let body = std::mem::take(response.body_mut());
    let text = to_bytes(body, MAX_FRAMEWORK_TEXT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let text = text.lines().next().filter(|line| !line.is_empty());
    let text = text.unwrap_or(status.canonical_reason().unwrap_or("the request failed"));
    let code = if status.is_server_error() { "internal_error" } else { "invalid_request" };
    Some(ApiError::new(code, text))
}

fn error_response(refusal: ApiError, id: &str, status: StatusCode) -> Response {
    let code = refusal.code().to_owned();
    let mut envelope = refusal.into_envelope();
    envelope.request_id = Some(id.to_owned());
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    let is_auth_failure = status == StatusCode::UNAUTHORIZED || code == "capability_invalid";
    if is_auth_failure && let Ok(code) = HeaderValue::from_str(&code) {
        headers.insert(AUTH_FAILURE.clone(), code);
    }
    response
}
