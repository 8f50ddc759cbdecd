//! Client errors: refusals of the coordinator, network failures and unreadable responses.
//!
//! The code of an [`Error`] comes from the protocol's registry and determines its kind, its help
//! text; with the status, it determines whether a retry can succeed.

pub use super::error_kind::{Conflict, ErrorKind, Holder, Stale};

use super::policy;
use crate::wire::{self, ErrorCode, Object, Recovery};
use crate::{Model, Row};
use serde::Deserialize;
use std::fmt;
use std::time::Duration;

/// The result of a client call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a client call.
///
/// ```
/// use ablo::Error;
/// use ablo::client::ErrorKind;
///
/// fn describe(error: &Error) -> String {
///     match error.kind() {
///         ErrorKind::Claimed(holder) => {
///             format!("held by {}", holder.held_by.as_deref().unwrap_or("another participant"))
///         }
///         ErrorKind::Stale(stale) => format!("{} rows have changed", stale.conflicts.len()),
///         _ => format!("{error}: {}", error.help()),
///     }
/// }
/// ```
///
/// Its `Debug` form is a report with code, message and help, since that is what
/// `fn main() -> Result<(), ablo::Error>` prints.
#[derive(Clone)]
pub struct Error(Box<Parts>);

#[derive(Clone)]
struct Parts {
    code: ErrorCode,
    message: String,
    kind: ErrorKind,
    request_id: Option<String>,
    status: Option<u16>,
    param: Option<String>,
    retry_after: Option<Duration>,
}

impl Conflict {
    /// Returns the current row, or `None` if it was deleted or belongs to another model.
    ///
    /// # Errors
    /// `response_unreadable` if the row does not match this program's schema.
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
    /// An error that this client detects.
    pub(crate) fn local(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorCode::from(code), message.into(), None, &serde_json::Value::Null)
    }

    pub(crate) fn unreadable(error: &dyn fmt::Display) -> Self {
        Self::local("response_unreadable", format!("the response could not be read: {error}"))
    }

    pub(crate) fn not_serializable(error: &serde_json::Error) -> Self {
        Self::local("invalid_request", format!("the request cannot be written as JSON: {error}"))
    }

    /// A connection failure. The message includes the whole chain of causes.
    pub(crate) fn network(error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::local("network_error", message)
    }

    /// A write whose answer was lost. `last` is the error of its last repetition.
    pub(crate) fn outcome_unknown(key: &str, last: &Self) -> Self {
        let message =
            format!("it is unknown whether the commit {key} was applied: {}", last.0.message);
        Self::local("commit_no_result", message)
    }

    /// Reads the error from the body of a response outside 2xx.
    pub(crate) fn from_response(status: u16, body: &[u8], request_id: Option<String>) -> Self {
        // Proxies respond with bodies of their own.
        let mut body: Object = serde_json::from_slice(body).unwrap_or_default();
        // Other services nest the envelope.
        if let Some(serde_json::Value::Object(inner)) = body.remove("error") {
            body.extend(inner);
        }
        let text = |name: &str| body.get(name)?.as_str().map(str::to_owned);
        let code = text("code").unwrap_or_else(|| policy::code_of_status(status).to_owned());
        let message = text("message").unwrap_or_else(|| format!("HTTP {status}"));
        let (id, param) = (request_id.or_else(|| text("request_id")), text("param"));
        let details = serde_json::Value::Object(body);
        let mut error = Self::new(ErrorCode::from(code), message, Some(status), &details);
        (error.0.request_id, error.0.param) = (id, param);
        error
    }

    /// The error of a row that someone else holds.
    pub(crate) fn claimed(code: &'static str, message: String, holder: Holder) -> Self {
        let mut error = Self::local(code, message);
        error.0.kind = ErrorKind::Claimed(Box::new(holder));
        error
    }

    fn new(
        code: ErrorCode,
        message: String,
        status: Option<u16>,
        details: &serde_json::Value,
    ) -> Self {
        let kind = policy::classify(&code, status, details);
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

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the stable code, such as `stale_context`. `wire::CODES` lists the codes of the
    /// protocol.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.code.as_str()
    }

    /// Returns the id of the request in the coordinator's log.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the HTTP status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the path of the invalid input, such as `tasks.status`.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.0.param.as_deref()
    }

    /// Returns whether repeating the same request can succeed soon. The client has already repeated
    /// it as [`Connect::attempts`](super::Connect::attempts) allows. A stale write and a write to a
    /// claimed row are not retryable: read the row again, or claim it.
    #[must_use]
    pub fn retryable(&self) -> bool {
        policy::should_retry(&self.0.code, self.0.status)
    }

    /// Returns whether the row or other resource does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Returns what to do about the error.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match (&self.0.kind, self.0.code.recovery()) {
            (ErrorKind::Claimed(_), _) => {
                "claim the row to wait for it, or write after its holder releases it"
            }
            (ErrorKind::Stale(_), _) => {
                "read the row again and repeat the write if it still applies; the conflicts hold \
                 the current rows"
            }
            (ErrorKind::ClaimLost, _) => {
                "claim the row again; it may have changed since it was read"
            }
            (ErrorKind::Unreadable, _) => {
                "generate the models from the schema that the coordinator serves"
            }
            (ErrorKind::RateLimited, _) => "send fewer requests, or try again later",
            (ErrorKind::Unavailable, _) => "try again later; the request itself may be valid",
            (ErrorKind::NotFound, _) => {
                "check the id; the row may be deleted or not visible to this credential"
            }
            (_, Recovery::AccessCredentialExpiry) => "exchange the key for a new token",
            (_, Recovery::SessionExpiry) => "the session has expired; sign in again",
            (_, Recovery::AuthBlocked) => "use another key; this one is blocked permanently",
            (_, Recovery::Permission) => "use a credential that permits this",
            (_, Recovery::Transient) => "try again later",
            (_, Recovery::None) => "correct the request as the message says",
        }
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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)?;
        if let Some(param) = &self.0.param {
            write!(f, "\nparam: {param}")?;
        }
        write!(f, "\nhelp: {}", self.help())?;
        match &self.0.request_id {
            Some(id) => write!(f, "\nrequest: {id}"),
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
        Self::new(code, message, None, &details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `fn main() -> Result<(), ablo::Error>` prints the `Debug` form.
    #[test]
    fn debug_shows_code_message_help_and_request() {
        let body =
            br#"{"type":"AbloStaleContextError","code":"stale_context","message":"the row changed",
            "readAt":7,"conflicts":[{"model":"tasks","id":"t1","observedSyncId":9,
            "data":{"id":"t1","token":"secret"}}]}"#;
        let error = Error::from_response(409, body, Some("req_1".to_owned()));
        assert_eq!(
            format!("{error:?}"),
            "stale_context: the row changed\n\
             help: read the row again and repeat the write if it still applies; \
             the conflicts hold the current rows\n\
             request: req_1"
        );
        let error = Error::from_response(
            400,
            br#"{"type":"AbloValidationError","code":"unknown_field",
                "message":"no field `titel` on model `tasks`",
                "param":"tasks.titel"}"#,
            None,
        );
        assert_eq!(
            format!("{error:?}"),
            "unknown_field: no field `titel` on model `tasks`\n\
             param: tasks.titel\n\
             help: correct the request as the message says"
        );
    }
}
