//! Errors: the envelope of every refused HTTP request, and the registry of codes (docs/protocol/errors.md). What a client does about
//! a code is not said here, only how the contract classes it.

use crate::RequiredCapability;
use crate::open::lenient;
use crate::record::{open_enum, record};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::codes::CODES;

/// The version of the error contract, sent in the `Ablo-Version` response header.
pub const ERROR_CONTRACT_VERSION: &str = "2026-06-02";

open_enum! {
    /// The class name in an error envelope (docs/protocol/errors.md §1).
    pub enum ErrorType {
        /// The credential is missing, unknown or over.
        Authentication = "AbloAuthenticationError",
        /// The credential may not do this.
        Permission = "AbloPermissionError",
        /// Too many requests or connections.
        RateLimit = "AbloRateLimitError",
        /// A conflict that is neither staleness nor a claim.
        Idempotency = "AbloIdempotencyError",
        /// The network is in the way.
        Connection = "AbloConnectionError",
        /// The request is wrong.
        Validation = "AbloValidationError",
        /// The coordinator failed.
        Server = "AbloServerError",
        /// The row has moved since it was read.
        StaleContext = "AbloStaleContextError",
        /// Another participant holds the row.
        Claimed = "AbloClaimedError",
        /// Anything else.
        Base = "AbloError",
    }
}

impl ErrorType {
    /// The status of an error of this type whose code has none (docs/protocol/errors.md §1).
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
    /// The body of every HTTP answer outside 2xx (docs/protocol/errors.md §1): flat, with structured details beside the rest.
    ///
    /// ```
    /// # use ablo_wire::{ErrorCode, ErrorEnvelope};
    /// let error = ErrorEnvelope::of(ErrorCode::from("stale_context"), "tasks/t_42 moved past sync id 118");
    /// assert_eq!(error.status(), 409);
    /// assert_eq!(
    ///     serde_json::to_string(&error)?,
    ///     r#"{"type":"AbloStaleContextError","code":"stale_context","message":"tasks/t_42 moved past sync id 118"}"#,
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
        /// For humans.
        message: String,
        /// Where the code is explained.
        #[serde(rename = "doc_url")]
        doc_url?: String,
        /// The value of the `x-request-id` response header.
        #[serde(rename = "request_id")]
        request_id?: String,
        /// What capability would have been enough. A value of another shape reads as absent.
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

    /// The HTTP status: the code's, else the default of the type (docs/protocol/errors.md §1).
    pub fn status(&self) -> u16 {
        let info = self.code.as_ref().and_then(ErrorCode::info);
        info.map_or_else(|| self.r#type.default_status(), |info| info.status)
    }
}

/// A code: one of [`CODES`], or of the dynamic family `policy:<reason>`, or one this version does not know.
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
    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its line in the registry.
    pub fn info(&self) -> Option<&'static CodeInfo> {
        code_info(self.as_str())
    }

    /// The reason of a `policy:<reason>` code (docs/protocol/errors.md §5).
    pub fn policy_reason(&self) -> Option<&str> {
        self.0.strip_prefix("policy:")
    }

    /// Whether sending the same bytes again can succeed; unknown codes are not.
    pub fn retryable(&self) -> bool {
        self.info().is_some_and(|info| info.retryable)
    }

    /// What a client may do about it; unknown codes have no recovery.
    pub fn recovery(&self) -> Recovery {
        self.info().map_or(Recovery::None, |info| info.recovery)
    }

    /// The class of an error with this code, by the HTTP status it came with or else the code's own (docs/protocol/errors.md §2).
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
        crate::schema::open_enum(&["A registered code, or `policy:<reason>`."], &known)
    }
}

/// A code's line in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code.
    pub code: &'static str,
    /// What it is about.
    pub category: Category,
    /// Its canonical HTTP status.
    pub status: u16,
    /// Whether sending the same bytes again can succeed.
    pub retryable: bool,
    /// What a client may do about it.
    pub recovery: Recovery,
    /// The class of an error with this code and its canonical status.
    pub class: ErrorClass,
    /// What it says, in a few words.
    pub meaning: &'static str,
}

/// Looks a code up in [`CODES`].
pub fn code_info(code: &str) -> Option<&'static CodeInfo> {
    CODES.binary_search_by(|info| info.code.cmp(code)).ok().and_then(|at| CODES.get(at))
}

macro_rules! closed {
    ($(#[$m:meta])* pub enum $name:ident { $($(#[$vm:meta])* $v:ident = $s:literal,)* }) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vm])* $v,)*
        }

        impl $name {
            /// The spelling in the contract.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$v => $s,)*
                }
            }
        }
    };
}

closed! {
    /// What a code is about.
    pub enum Category {
        /// Who is asking.
        Auth = "auth",
        /// What the capability allows.
        Capability = "capability",
        /// What the participant may do.
        Permission = "permission",
        /// Who holds the row.
        Claim = "claim",
        /// Two writes, or a write and what is stored.
        Conflict = "conflict",
        /// The request itself.
        Validation = "validation",
        /// Something that is not there.
        NotFound = "not_found",
        /// The organisation's own models.
        Tenant = "tenant",
        /// The declaration of models.
        Schema = "schema",
        /// Claims by id.
        Intent = "intent",
        /// The first load.
        Bootstrap = "bootstrap",
        /// The network.
        Transport = "transport",
        /// Limits.
        RateLimit = "rate_limit",
        /// The coordinator.
        Server = "server",
    }
}

closed! {
    /// What a client may do about a code (docs/protocol/errors.md §3).
    pub enum Recovery {
        /// Mint a new token and reconnect; never sign out.
        AccessCredentialExpiry = "access_credential_expiry",
        /// The login is over: sign out, drop local data.
        SessionExpiry = "session_expiry",
        /// Stop; the credential will not work again by itself.
        AuthBlocked = "auth_blocked",
        /// Stop; the participant may not do this.
        Permission = "permission",
        /// Try again.
        Transient = "transient",
        /// Nothing in particular.
        None = "none",
    }
}

closed! {
    /// The class an error gets in a client (docs/protocol/errors.md §2).
    pub enum ErrorClass {
        /// The capability does not allow it; a kind of permission error.
        Capability = "CapabilityError",
        /// Another participant holds the row.
        Claimed = "AbloClaimedError",
        /// The row has moved since it was read.
        StaleContext = "AbloStaleContextError",
        /// The credential is missing, unknown or over.
        Authentication = "AbloAuthenticationError",
        /// The credential may not do this.
        Permission = "AbloPermissionError",
        /// Any other conflict.
        Idempotency = "AbloIdempotencyError",
        /// The request is wrong.
        Validation = "AbloValidationError",
        /// Too many requests or connections.
        RateLimit = "AbloRateLimitError",
        /// The coordinator or the network failed.
        Server = "AbloServerError",
        /// Anything else.
        Base = "AbloError",
    }
}

impl ErrorClass {
    /// The class that a status alone gives.
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

    /// How the class is spelled in an envelope.
    pub fn error_type(self) -> ErrorType {
        match self {
            Self::Capability => ErrorType::Permission,
            class => ErrorType::from(class.as_str()),
        }
    }
}
