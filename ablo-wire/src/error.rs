//! Errors: the envelope of every refused HTTP request, and the registry of codes with their
//! classification (docs/protocol/errors.md).

use crate::RequiredCapability;
use crate::open::lenient;
use crate::record::{open_enum, record};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::classification::{Category, CodeInfo, ErrorClass, Recovery};
pub use crate::codes::CODES;

/// The version of the error contract, sent in the `Ablo-Version` response header.
pub const ERROR_CONTRACT_VERSION: &str = "2026-06-02";

open_enum! {
    /// The class name in an error envelope (docs/protocol/errors.md §1).
    pub enum ErrorType {
        /// The credential is missing, unknown or expired.
        Authentication = "AbloAuthenticationError",
        /// The credential does not permit this.
        Permission = "AbloPermissionError",
        /// Too many requests or connections.
        RateLimit = "AbloRateLimitError",
        /// A conflict other than a stale write or a claim.
        Idempotency = "AbloIdempotencyError",
        /// The network failed.
        Connection = "AbloConnectionError",
        /// The request is invalid.
        Validation = "AbloValidationError",
        /// The coordinator failed.
        Server = "AbloServerError",
        /// The row has changed since it was read.
        StaleContext = "AbloStaleContextError",
        /// Another participant holds the row.
        Claimed = "AbloClaimedError",
        /// Any other error.
        Base = "AbloError",
    }
}

impl ErrorType {
    /// Returns the HTTP status of an error of this type whose code has none
    /// (docs/protocol/errors.md §1).
    pub fn default_status(&self) -> u16 {
        match self {
            Self::Authentication => 401,
            Self::Permission => 403,
            Self::Validation => 400,
            Self::RateLimit => 429,
            Self::Idempotency | Self::StaleContext | Self::Claimed => 409,
            Self::Connection => 503,
            Self::Server | Self::Base | Self::Other(_) => 500,
        }
    }
}

record! {
    /// The body of every HTTP response outside 2xx (docs/protocol/errors.md §1). It is flat:
    /// structured details are members beside the others.
    ///
    /// ```
    /// # use ablo_wire::{ErrorCode, ErrorEnvelope};
    /// let code = ErrorCode::from("stale_context");
    /// let error = ErrorEnvelope::of(code, "tasks/t_42 moved past sync id 118");
    /// assert_eq!(error.status(), 409);
    /// assert_eq!(
    ///     serde_json::to_string(&error)?,
    ///     concat!(
    ///         r#"{"type":"AbloStaleContextError","code":"stale_context","#,
    ///         r#""message":"tasks/t_42 moved past sync id 118"}"#,
    ///     ),
    /// );
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct ErrorEnvelope {
        /// The class name.
        r#type: ErrorType,
        /// A registered code, or `policy:<reason>`.
        code?: ErrorCode,
        /// The path of the offending input, such as `tasks.status`.
        param?: String,
        /// A human-readable message.
        message: String,
        /// A page that explains the code.
        #[serde(rename = "doc_url")]
        doc_url?: String,
        /// The value of the `x-request-id` response header.
        #[serde(rename = "request_id")]
        request_id?: String,
        /// The capability that would have been sufficient. A malformed value is read as absent.
        #[serde(deserialize_with = "lenient")]
        required_capability?: RequiredCapability,
    }
}

impl ErrorEnvelope {
    /// Creates the envelope of a code, which determines the class. There is no `doc_url`.
    pub fn of(code: ErrorCode, message: impl Into<String>) -> Self {
        let class = code.info().map_or(ErrorClass::Base, |info| info.class);
        let mut envelope = Self::new(class.error_type(), message);
        envelope.code = Some(code);
        envelope
    }

    /// Returns the HTTP status: that of the code, else the default of the type
    /// (docs/protocol/errors.md §1).
    pub fn status(&self) -> u16 {
        let info = self.code.as_ref().and_then(ErrorCode::info);
        info.map_or_else(|| self.r#type.default_status(), |info| info.status)
    }
}

/// An error code: one of [`CODES`], `policy:<reason>`, or a code unknown to this version.
///
/// ```
/// # use ablo_wire::{ErrorClass, ErrorCode};
/// let code = ErrorCode::from("entity_claimed");
/// assert!(code.retryable());
/// assert_eq!(code.class(None), ErrorClass::Claimed);
/// assert_eq!(ErrorCode::from("policy:office_hours").policy_reason(), Some("office_hours"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(Box<str>);

impl ErrorCode {
    /// Returns the code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the registry entry of the code.
    pub fn info(&self) -> Option<&'static CodeInfo> {
        code_info(self.as_str())
    }

    /// Returns the reason of a `policy:<reason>` code (docs/protocol/errors.md §5).
    pub fn policy_reason(&self) -> Option<&str> {
        self.0.strip_prefix("policy:")
    }

    /// Returns whether repeating the same request can succeed; false for unknown codes.
    pub fn retryable(&self) -> bool {
        self.info().is_some_and(|info| info.retryable)
    }

    /// Returns the recovery for clients; `None` for unknown codes.
    pub fn recovery(&self) -> Recovery {
        self.info().map_or(Recovery::None, |info| info.recovery)
    }

    /// Returns the class of an error with this code. `status` is the HTTP status of the response;
    /// without one, the registered status of the code is used (docs/protocol/errors.md §2).
    pub fn class(&self, status: Option<u16>) -> ErrorClass {
        match self.as_str() {
            "capability_scope_denied" | "capability_invalid" => ErrorClass::Capability,
            "intent_conflict" | "claim_conflict" | "entity_claimed" => ErrorClass::Claimed,
            "stale_context" => ErrorClass::StaleContext,
            _ => ErrorClass::of_status(status.or_else(|| self.info().map(|info| info.status))),
        }
    }
}

impl From<&str> for ErrorCode {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for ErrorCode {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for ErrorCode {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let known: Vec<&str> = CODES.iter().map(|info| info.code).collect();
        crate::definition::open_enum(&["A registered code, or `policy:<reason>`."], &known)
    }
}

/// Looks up a code in [`CODES`].
pub fn code_info(code: &str) -> Option<&'static CodeInfo> {
    CODES.binary_search_by(|info| info.code.cmp(code)).ok().and_then(|at| CODES.get(at))
}

impl ErrorClass {
    /// Returns the class for an HTTP status alone.
    pub const fn of_status(status: Option<u16>) -> Self {
        match status {
            Some(401) => Self::Authentication,
            Some(403) => Self::Permission,
            Some(409) => Self::Idempotency,
            Some(400 | 422) => Self::Validation,
            Some(429) => Self::RateLimit,
            Some(500..) => Self::Server,
            _ => Self::Base,
        }
    }

    /// Returns the `type` of the class in an envelope.
    pub fn error_type(self) -> ErrorType {
        match self {
            Self::Capability => ErrorType::Permission,
            class => ErrorType::from(class.as_str()),
        }
    }
}
