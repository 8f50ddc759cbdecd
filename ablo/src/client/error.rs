//! What goes wrong on the way to a coordinator: its refusals, the network's failures, and answers that cannot be read.
//!
//! An [`Error`] has a code of the protocol's registry; kind, what to do about it and whether trying again can help follow
//! from the code.

use crate::wire::{self, Category, ErrorClass, ErrorCode, ErrorEnvelope, Recovery, SyncId};
use crate::{Model, Row};
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// What gives an answer of a coordinator, or says why there is none.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not succeed.
///
/// ```
/// use ablo::Error;
/// fn why(error: &Error) -> String {
///     match error.kind() {
///         ablo::client::ErrorKind::Claimed(holder) => format!("{} is at it", holder.held_by.as_deref().unwrap_or("somebody")),
///         ablo::client::ErrorKind::Stale(stale) => format!("{} rows moved on", stale.conflicts.len()),
///         _ => format!("{error}: {}", error.help()),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Error(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    code: ErrorCode,
    message: String,
    kind: ErrorKind,
    request_id: Option<String>,
    status: Option<u16>,
    param: Option<String>,
    retry_after: Option<Duration>,
}

/// What an error is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Another participant holds the row.
    Claimed(Box<Holder>),
    /// The row has moved since it was read.
    Stale(Box<Stale>),
    /// A claim, or a place in a line, is gone.
    ClaimLost,
    /// The credential is missing, unknown or over.
    Authentication,
    /// The credential may not do this.
    Permission,
    /// What was asked for is not there.
    NotFound,
    /// Another conflict with what is stored.
    Conflict,
    /// The request is wrong.
    Invalid,
    /// Too many requests.
    RateLimited,
    /// The coordinator, or the way there, failed.
    Unavailable,
    /// The answer is none of the protocol, or of another schema.
    Unreadable,
    /// Anything else.
    Other,
}

/// Who holds a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The participant; an agent is `agent:<id>`.
    pub held_by: Option<String>,
    /// Its claim.
    #[serde(rename = "heldByIntentId")]
    pub claim_id: Option<String>,
    /// Until when without a sign of life, ISO 8601.
    #[serde(rename = "heldByExpiresAt")]
    pub expires_at: Option<String>,
}

/// What a write was based on, and what has changed since.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// The place in the log that the write was based on.
    pub read_at: Option<SyncId>,
    /// The rows that moved.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
}

/// A row that moved between a read and the write that was based on it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// The key of the model.
    pub model: String,
    /// The row.
    pub id: String,
    /// Where in the log it moved.
    pub observed_sync_id: SyncId,
    /// The fields that were written by both; empty is all of them.
    #[serde(default)]
    pub conflicting_fields: Vec<String>,
    /// The row as it is now; absent where it is gone.
    #[serde(default)]
    pub data: Option<serde_json::Value>,
}

impl Conflict {
    /// The row as it is now; `None` where it is gone, or of another model.
    ///
    /// # Errors
    /// `response_unreadable` where the row is not of this program's schema.
    pub fn row<M: Model>(&self) -> Result<Option<Row<M>>> {
        match &self.data {
            Some(data) if self.model == M::DESCRIPTOR.key => {
                Row::deserialize(data).map(Some).map_err(|error| Error::unreadable(&error))
            }
            _ => Ok(None),
        }
    }
}

impl Error {
    /// An error that is found on this side.
    pub(crate) fn here(code: &'static str, message: impl Into<String>) -> Self {
        Self::of(ErrorCode::from(code), message.into(), None, &serde_json::Value::Null)
    }

    pub(crate) fn unreadable(error: &dyn fmt::Display) -> Self {
        Self::here("response_unreadable", format!("the answer could not be read: {error}"))
    }

    /// The way to the coordinator failed.
    pub(crate) fn network(error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::here("network_error", message)
    }

    /// What the body of an answer outside 2xx says.
    pub(crate) fn answered(status: u16, body: &[u8], request_id: Option<String>) -> Self {
        let mut made = match serde_json::from_slice::<ErrorEnvelope>(body) {
            Ok(envelope) => {
                let details = serde_json::Value::Object(envelope.other);
                let code = envelope.code.unwrap_or_else(|| ErrorCode::from("internal_error"));
                let mut made = Self::of(code, envelope.message, Some(status), &details);
                made.0.request_id = envelope.request_id;
                made.0.param = envelope.param;
                made
            }
            // What stands between here and there (a proxy) has its own words.
            Err(_) => {
                let code = match status {
                    429 => "rate_limited",
                    502..=504 => "network_error",
                    _ => "internal_error",
                };
                Self::of(
                    ErrorCode::from(code),
                    format!("HTTP status {status}"),
                    Some(status),
                    &serde_json::Value::Null,
                )
            }
        };
        made.0.request_id = made.0.request_id.or(request_id);
        made
    }

    /// The holder that a frame named.
    pub(crate) fn claimed(holder: Holder) -> Self {
        let by = holder.held_by.as_deref().unwrap_or("another participant");
        let mut made = Self::here("entity_claimed", format!("the row is held by {by}"));
        made.0.kind = ErrorKind::Claimed(Box::new(holder));
        made
    }

    fn of(
        code: ErrorCode,
        message: String,
        status: Option<u16>,
        details: &serde_json::Value,
    ) -> Self {
        let kind = kind(&code, status, details);
        Self(Box::new(Parts {
            code,
            message,
            kind,
            request_id: None,
            status,
            param: None,
            retry_after: None,
        }))
    }

    pub(crate) fn after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same bytes may be sent again without anyone deciding anew.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::RateLimited) && self.retryable()
    }

    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The stable code, such as `stale_context`; `wire::CODES` lists those of the protocol.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.code.as_str()
    }

    /// The id under which the coordinator's log has the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The HTTP status of the answer, where there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The path of the offending input, such as `tasks.status`.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// Whether the same call can succeed later, as the registry says. A stale write succeeds only after another read, and a
    /// claimed row only when its holder is done: those are never repeated on their own.
    #[must_use]
    pub fn retryable(&self) -> bool {
        let passes = matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::RateLimited);
        self.0.code.info().map_or(passes, |info| info.retryable)
    }

    /// Whether what was asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match (&self.0.kind, self.0.code.recovery()) {
            (ErrorKind::Claimed(_), _) => {
                "claim the row and wait in its line, or write when its holder is done"
            }
            (ErrorKind::Stale(_), _) => {
                "read the row again and decide anew; the conflicts hold it as it is now"
            }
            (ErrorKind::ClaimLost, _) => {
                "claim the row again; what was read under the claim may have changed"
            }
            (ErrorKind::Unreadable, _) => {
                "generate the models from the schema that the coordinator serves"
            }
            (ErrorKind::RateLimited, _) => "send less, or try again later",
            (ErrorKind::Unavailable, _) => {
                "try again later; nothing is known to be wrong with the request"
            }
            (ErrorKind::NotFound, _) => {
                "look for the row again: it may be gone, or outside of what the credential sees"
            }
            (_, Recovery::AccessCredentialExpiry) => "exchange the key for another token",
            (_, Recovery::SessionExpiry) => "the login is over: sign in again",
            (_, Recovery::AuthBlocked) => "use another key; this one will not work again by itself",
            (_, Recovery::Permission) => "ask for a credential that covers this",
            (_, Recovery::Transient) => "try again later",
            (_, Recovery::None) => "change the request as the message says",
        }
    }
}

/// What a code is about; the registry lacks the codes of this side.
fn kind(code: &ErrorCode, status: Option<u16>, details: &serde_json::Value) -> ErrorKind {
    let read = |class: ErrorClass| match class {
        ErrorClass::Claimed => {
            ErrorKind::Claimed(Box::new(Holder::deserialize(details).unwrap_or_default()))
        }
        ErrorClass::StaleContext => {
            ErrorKind::Stale(Box::new(Stale::deserialize(details).unwrap_or_default()))
        }
        ErrorClass::Authentication => ErrorKind::Authentication,
        ErrorClass::Permission | ErrorClass::Capability => ErrorKind::Permission,
        ErrorClass::Idempotency => ErrorKind::Conflict,
        ErrorClass::Validation => ErrorKind::Invalid,
        ErrorClass::RateLimit => ErrorKind::RateLimited,
        ErrorClass::Server => ErrorKind::Unavailable,
        ErrorClass::Base => ErrorKind::Other,
    };
    match (code.as_str(), code.info().map(|info| info.category)) {
        ("claim_lost", _) => ErrorKind::ClaimLost,
        (_, Some(Category::NotFound)) => ErrorKind::NotFound,
        ("base_url_missing", _) => ErrorKind::Invalid,
        ("network_error", _) => ErrorKind::Unavailable,
        ("response_unreadable", _) => ErrorKind::Unreadable,
        _ => read(code.class(status)),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.0.message, self.0.code)?;
        match &self.0.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl From<wire::CommitFailure> for Error {
    fn from(failure: wire::CommitFailure) -> Self {
        let code = failure.code().cloned().unwrap_or_else(|| ErrorCode::from("commit_failed"));
        let message = failure.message().unwrap_or("the commit was rejected").to_owned();
        let details = match failure {
            wire::CommitFailure::Detail(error) => serde_json::Value::Object(error.other),
            wire::CommitFailure::Text(_) => serde_json::Value::Null,
        };
        Self::of(code, message, None, &details)
    }
}
