//! Errors: coded API errors, which are sent to the client, and store failures, which are converted
//! to one.

use ablo_wire::{CommitError, CommitFailure, ErrorCode, ErrorEnvelope, RequiredCapability};
use serde_json::Value;
use std::fmt;

/// An error with a code: the body of a response outside 2xx, or the error of a frame
/// (docs/protocol/errors.md).
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError(Box<ErrorEnvelope>, Option<u16>);

impl ApiError {
    /// Creates an error with a registered code.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorEnvelope::of(ErrorCode::from(code), message)), None)
    }

    /// Overrides the HTTP status that belongs to the code.
    #[must_use]
    pub fn with_status(self, status: u16) -> Self {
        Self(self.0, Some(status))
    }

    /// Sets `param`: the path of the offending input.
    #[must_use]
    pub fn param(mut self, path: impl Into<String>) -> Self {
        self.0.param = Some(path.into());
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.other.insert(name.to_owned(), value.into());
        self
    }

    /// Names the limit that was exceeded, a member of [`Limits`](crate::Limits).
    #[must_use]
    pub fn limit(self, name: &'static str, maximum: usize) -> Self {
        self.detail("limit", name).detail("maximum", maximum)
    }

    /// Sets the capability that the request would have needed.
    #[must_use]
    pub fn required(mut self, scope: impl Into<String>) -> Self {
        self.0.required_capability = Some(RequiredCapability::new(scope));
        self
    }

    /// Returns the body.
    #[must_use]
    pub fn envelope(&self) -> &ErrorEnvelope {
        &self.0
    }

    /// Returns the body by value.
    #[must_use]
    pub fn into_envelope(self) -> ErrorEnvelope {
        *self.0
    }

    /// Returns the code, or an empty string if there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.code.as_ref().map_or("", ErrorCode::as_str)
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.1.unwrap_or_else(|| self.0.status())
    }

    /// Converts the error into the form that frames carry (docs/protocol/errors.md §4).
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

/// An error of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A constraint rejected the values.
    Constraint(Box<ConstraintViolation>),
    /// The transaction conflicted with another one; a retry may succeed.
    Contended(String),
    /// The database is unreachable or did not answer in time.
    Unavailable(String),
    /// Another program holds a lock for too long; nothing was written.
    Locked(String),
    /// The work took too long and was stopped.
    TimedOut,
    /// As much work as the limits allow is waiting.
    Overloaded,
    /// Another coordinator serves the SQLite file. The text names it.
    InUse(String),
    /// The coordinator's own tables have a layout that needs a newer coordinator.
    NewerLayout(NewerLayout),
    /// The tables were migrated to a schema that this coordinator cannot serve.
    SchemaMoved(String),
    /// Any other error: a bug.
    Fault(String),
}

/// The layout of the coordinator's own tables, and the one that this coordinator knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewerLayout {
    /// The layout of the tables.
    pub version: i64,
    /// The earliest layout whose coordinators can use the tables.
    pub min_reader: i64,
    /// The newest layout that this coordinator knows.
    pub known: i64,
}

impl fmt::Display for NewerLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, min_reader, known } = self;
        write!(
            f,
            "the coordinator's tables have layout {version}, which needs a coordinator of layout \
             {min_reader} or later; this one has layout {known}"
        )
    }
}

/// A violated constraint, as far as the database reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstraintViolation {
    /// The kind of the constraint.
    pub kind: ConstraintKind,
    /// The name of the table.
    pub table: Option<String>,
    /// The name of the constraint or of the unique index.
    pub constraint: Option<String>,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The message of the database. It may contain SQL and must not be sent to a client.
    pub message: String,
}

/// The kind of a constraint, after PostgreSQL's SQLSTATEs (docs/protocol/commits.md §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// SQLSTATE 23502.
    NotNull,
    /// SQLSTATE 23503.
    ForeignKey,
    /// SQLSTATE 23505.
    Unique,
    /// SQLSTATE 23514.
    Check,
    /// Any other SQLSTATE of class 22 or 23.
    Other,
    /// SQLSTATE 42501: row security rejected a row of another organisation.
    Tenancy,
}

impl ConstraintKind {
    /// Returns the error code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            ConstraintKind::NotNull => "not_null_violation",
            ConstraintKind::ForeignKey => "foreign_key_violation",
            ConstraintKind::Unique => "unique_violation",
            ConstraintKind::Check => "check_violation",
            ConstraintKind::Other => "constraint_violation",
            ConstraintKind::Tenancy => "organization_mismatch",
        }
    }
}

impl ConstraintViolation {
    /// Creates a violation of which only the kind is known.
    pub(crate) fn new(kind: ConstraintKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, table: None, constraint: None, columns: Vec::new(), message }
    }

    /// Converts the violation to an error that names neither fields nor SQL.
    pub(crate) fn to_api_error(&self) -> ApiError {
        let message = match self.kind {
            ConstraintKind::NotNull => "a required value is missing",
            ConstraintKind::ForeignKey => {
                "a referenced row does not exist, or the row is still referenced"
            }
            ConstraintKind::Unique => "another row has the same unique value",
            ConstraintKind::Check => "a value is not allowed",
            ConstraintKind::Other => "a value does not fit its column",
            ConstraintKind::Tenancy => "the row would belong to another organisation",
        };
        ApiError::new(self.kind.code(), message)
    }
}

impl StoreError {
    /// The outcome of a commit is unknown. One that is sent again gets its receipt.
    pub(crate) fn unanswered_commit() -> Self {
        StoreError::Unavailable("the database did not answer a commit".to_owned())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Constraint(violation) => f.write_str(&violation.message),
            StoreError::NewerLayout(newer) => newer.fmt(f),
            StoreError::InUse(text) => f.write_str(text),
            StoreError::TimedOut => f.write_str("the database did not answer in time"),
            StoreError::Overloaded => f.write_str("too much work is waiting for the database"),
            StoreError::Contended(text)
            | StoreError::Locked(text)
            | StoreError::Unavailable(text)
            | StoreError::SchemaMoved(text)
            | StoreError::Fault(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StoreError {}

/// The error of an engine operation.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineError {
    /// The request is invalid or not permitted.
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
    /// Returns why the transaction of work with this error is rolled back.
    pub(crate) fn rollback_reason(&self) -> StoreError {
        match self {
            EngineError::Store(error) => error.clone(),
            EngineError::Refused(refusal) => StoreError::Fault(refusal.to_string()),
        }
    }

    /// Converts the error for the client. Details of store failures are only logged.
    #[must_use]
    pub fn into_api_error(self) -> ApiError {
        let error = match self {
            EngineError::Refused(refusal) => return refusal,
            EngineError::Store(error) => error,
        };
        match error {
            StoreError::Constraint(violation) => {
                tracing::debug!(error = violation.message, "a constraint failed");
                violation.to_api_error()
            }
            StoreError::Contended(text) => {
                tracing::warn!(error = text, "the store is contended");
                ApiError::new("instance_at_capacity", "too many writers at once; try again")
            }
            StoreError::Locked(text) => {
                tracing::warn!(error = text, "another program holds a lock");
                let message = "another program holds a lock on the row; nothing was written";
                ApiError::new("row_locked", message)
            }
            StoreError::TimedOut => {
                let message = "the database did not answer in time; narrow the query or try again";
                ApiError::new("database_timeout", message)
            }
            StoreError::Overloaded => {
                ApiError::new("instance_at_capacity", "too many requests at once; try again")
            }
            StoreError::Unavailable(text) | StoreError::InUse(text) => {
                tracing::error!(error = text, "the store is unavailable");
                ApiError::new("instance_at_capacity", "the database is unreachable; try again")
            }
            StoreError::SchemaMoved(reason) => {
                tracing::debug!(reason, "the database was migrated");
                let message = "the database was migrated to a schema that this coordinator \
                    cannot serve; try again at a newer one";
                ApiError::new("schema_moved", message)
            }
            StoreError::NewerLayout(newer) => {
                tracing::error!(error = %newer, "the store cannot be used");
                ApiError::new("internal_error", "internal error; see the log of the coordinator")
            }
            StoreError::Fault(text) => {
                tracing::error!(error = text, "the store failed");
                ApiError::new("internal_error", "internal error; see the log of the coordinator")
            }
        }
    }
}

/// The result of an engine operation.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
