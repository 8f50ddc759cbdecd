//! What goes wrong: refusals, which have a code and are the answer, and failures of the store, which become one.

use ablo_wire::{CommitError, CommitFailure, ErrorCode, ErrorEnvelope, RequiredCapability};
use serde_json::Value;
use std::fmt;

/// A refusal with its code: the body of an answer outside 2xx, or the error of a frame (docs/protocol/errors.md).
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<ErrorEnvelope>, Option<u16>);

impl ApiError {
    /// A refusal with a registered code.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorEnvelope::of(ErrorCode::from(code), message)), None)
    }

    /// The refusal with a status other than its code's.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self(self.0, Some(status))
    }

    /// The path of the offending input.
    #[must_use]
    pub fn param(mut self, path: impl Into<String>) -> Self {
        self.0.param = Some(path.into());
        self
    }

    /// A further member of the body.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.other.insert(name.to_owned(), value.into());
        self
    }

    /// The capability that would have been enough.
    #[must_use]
    pub fn required(mut self, scope: impl Into<String>) -> Self {
        self.0.required_capability = Some(RequiredCapability::new(scope));
        self
    }

    /// The body.
    #[must_use]
    pub fn envelope(&self) -> &ErrorEnvelope {
        &self.0
    }

    /// The body, by move.
    #[must_use]
    pub fn into_envelope(self) -> ErrorEnvelope {
        *self.0
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.code.as_ref().map_or("", ErrorCode::as_str)
    }

    /// The status of an HTTP answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.1.unwrap_or_else(|| self.0.status())
    }

    /// As a frame says it (docs/protocol/errors.md §4).
    #[must_use]
    pub fn into_failure(self) -> CommitFailure {
        let mut error = CommitError::new();
        error.code = self.0.code;
        error.message = Some(self.0.message);
        error.field = self.0.param;
        error.required_capability = self.0.required_capability;
        error.other = self.0.other;
        CommitFailure::Detail(Box::new(error))
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.0.message)
    }
}

impl std::error::Error for ApiError {}

/// What a database said instead of doing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A rule of the database refused the values.
    Rule(Rule, String),
    /// Another transaction was in the way: the same again may succeed.
    Contended(String),
    /// The database cannot be reached, or not in time.
    Unavailable(String),
    /// Anything else: a fault of ours.
    Fault(String),
}

/// A rule of a database, as PostgreSQL classes them (docs/protocol/commits.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// 23502
    NotNull,
    /// 23503
    ForeignKey,
    /// 23505
    Unique,
    /// 23514
    Check,
    /// Any other of class 23.
    Other,
    /// 42501: the row would belong to another organisation.
    Tenancy,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Rule(_, text)
            | StoreError::Contended(text)
            | StoreError::Unavailable(text)
            | StoreError::Fault(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StoreError {}

/// Why a piece of work did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineError {
    /// The request is refused.
    Refused(ApiError),
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::Refused(refusal) => refusal.fmt(f),
            EngineError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<ApiError> for EngineError {
    fn from(refusal: ApiError) -> Self {
        EngineError::Refused(refusal)
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        EngineError::Store(error)
    }
}

impl EngineError {
    /// As the other side is told it. What a store said about its own troubles stays here, in the log.
    #[must_use]
    pub fn into_refusal(self) -> ApiError {
        let error = match self {
            EngineError::Refused(refusal) => return refusal,
            EngineError::Store(error) => error,
        };
        match error {
            StoreError::Rule(rule, text) => {
                let code = match rule {
                    Rule::NotNull => "not_null_violation",
                    Rule::ForeignKey => "foreign_key_violation",
                    Rule::Unique => "unique_violation",
                    Rule::Check => "check_violation",
                    Rule::Other => "constraint_violation",
                    Rule::Tenancy => "organization_mismatch",
                };
                ApiError::new(code, text)
            }
            StoreError::Contended(text) => {
                tracing::warn!(error = text, "the store is contended");
                ApiError::new("instance_at_capacity", "too many writers at once; try again")
            }
            StoreError::Unavailable(text) => {
                tracing::error!(error = text, "the store is unavailable");
                ApiError::new("instance_at_capacity", "the database cannot be reached; try again")
            }
            StoreError::Fault(text) => {
                tracing::error!(error = text, "the store failed");
                ApiError::new("internal_error", "the coordinator failed; its log says more")
            }
        }
    }
}

/// What work on a store gives.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
