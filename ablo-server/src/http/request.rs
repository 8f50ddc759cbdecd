//! Request extractors: the caller's credential and decoded JSON bodies.

use super::HttpState;
use super::answer::Failed;
use crate::engine::access::no_credentials;
use crate::engine::credentials::Credential;
use crate::error::ApiError;
use crate::identity::{Holder, HolderName, Identity};
use crate::service::commits::decode_error;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header, request::Parts};
use serde::de::DeserializeOwned;

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

async fn read(request: Request, state: &HttpState) -> Result<Bytes, Failed> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        let message = format!("failed to read the body: {rejection}");
        Failed(ApiError::new("invalid_body", message).with_status(rejection.status().as_u16()))
    })
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
