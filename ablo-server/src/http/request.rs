//! Request extractors: the caller's credential and decoded JSON bodies.

use super::HttpState;
use super::answer::Failed;
use crate::engine::access::no_credentials;
use crate::engine::credentials::Credential;
use crate::error::ApiError;
use crate::identity::{Holder, HolderName, Identity};
use crate::limits::Limits;
use crate::service::commits::decode_error;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header, request::Parts};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The credential of a request.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Credential);

impl Caller {
    pub(super) fn who(&self) -> &Identity {
        &self.0.identity
    }
}

impl FromRequestParts<HttpState> for Caller {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Failed> {
        let token = bearer(&parts.headers).ok_or_else(no_credentials)?;
        let mut credential = state.service.identify(token).await?;
        state.hubs.limit(&credential.identity)?;
        if let Some(name) = parts.headers.get(HOLDER) {
            let name = HolderName::new(name.to_str().unwrap_or_default())?;
            credential.identity.holder = Holder::Named(name);
        }
        Ok(Self(credential))
    }
}

/// The header in which a program names itself.
pub(super) const HOLDER: &str = "ablo-holder";

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

impl<T: DeserializeOwned> FromRequest<HttpState> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Failed> {
        let bytes = read(request, state).await?;
        Ok(Self(decode(&bytes)?))
    }
}

/// A JSON body that may be empty, which is read as `{}`.
#[derive(Debug)]
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<HttpState> for OptionalBody<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Failed> {
        let bytes = read(request, state).await?;
        let empty = bytes.iter().all(u8::is_ascii_whitespace);
        Ok(Self(decode(if empty { b"{}" } else { &bytes })?))
    }
}

/// A body, for handlers that decode it themselves.
#[derive(Debug)]
pub(super) struct RawBody(pub(super) Bytes);

impl FromRequest<HttpState> for RawBody {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &HttpState) -> Result<Self, Failed> {
        read(request, state).await.map(Self)
    }
}

/// Reads a body within the limits of time and memory.
async fn read(request: Request, state: &HttpState) -> Result<Bytes, Failed> {
    let limits = state.service.options.limits;
    let body = collect(request, &state.service.unfinished, &limits);
    let body = tokio::time::timeout(limits.body_time, body).await.unwrap_or_else(|_| {
        let refusal = ApiError::new("invalid_body", "the body did not arrive in time");
        Err(refusal.with_status(408).detail("limit", "body_time"))
    });
    body.map_err(Failed)
}

/// Collects the parts of a body. Those of all unfinished bodies together are limited.
async fn collect(
    request: Request,
    unfinished: &Semaphore,
    limits: &Limits,
) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("the body is larger than {} bytes", limits.body_bytes);
        ApiError::new("invalid_body", message)
            .with_status(413)
            .limit("body_bytes", limits.body_bytes)
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_large());
    }
    let (mut bytes, mut reserved) = (BytesMut::new(), None::<SemaphorePermit<'_>>);
    let mut parts = request.into_body().into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| {
            ApiError::new("invalid_body", format!("failed to read the body: {error}"))
        })?;
        if bytes.len() + part.len() > limits.body_bytes {
            return Err(too_large());
        }
        let more = unfinished.try_acquire_many(u32::try_from(part.len()).unwrap_or(u32::MAX));
        let more = more.map_err(|_| {
            let message = "too many requests at once; try again";
            ApiError::new("instance_at_capacity", message)
                .limit("unfinished_bytes", limits.unfinished_bytes)
        })?;
        match &mut reserved {
            Some(reserved) => reserved.merge(more),
            None => reserved = Some(more),
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

/// Decodes JSON. Malformed JSON and JSON of the wrong shape have different error codes.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Err(error) => {
                ApiError::new("invalid_json", format!("the body is not valid JSON: {error}"))
            }
            Ok(_) => decode_error(bytes, &error),
        }
    })
}

/// Returns the names and values of a query string, in order.
pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Returns the idempotency key of the header, or that of the body.
///
/// # Errors
/// Returns `invalid_request` if the header is not text.
pub(super) fn idempotency_key(
    headers: &HeaderMap,
    body: Option<String>,
) -> Result<Option<String>, ApiError> {
    let Some(header) = headers.get("idempotency-key") else { return Ok(body) };
    match (header.to_str(), body) {
        (Ok(""), body) => Ok(body),
        (Ok(key), _) => Ok(Some(key.to_owned())),
        // Clients send the key in both places, and headers do not carry every text.
        (Err(_), Some(key)) if !key.is_empty() => Ok(Some(key)),
        (Err(_), _) => {
            let message = "the header `Idempotency-Key` must contain visible ASCII characters";
            Err(ApiError::new("invalid_request", message).param("idempotencyKey"))
        }
    }
}
