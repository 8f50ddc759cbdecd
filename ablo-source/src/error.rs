//! Errors of a source: refusals, which the coordinator passes on, and failures, which stay private.

use ablo_wire::{SourceErrorCode as Code, SourceFailure};
use std::fmt;

/// The result of a source method.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of a source method.
#[derive(Debug)]
pub enum Error {
    /// A refusal with an HTTP status. The coordinator passes its code on to the writer.
    Refused(Box<SourceFailure>, u16),
    /// A failure. The coordinator learns that the source failed, but not the reason.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Creates a failure whose reason is only logged here.
    pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    /// Creates a refusal with the HTTP status of its code, or 400 for unknown codes.
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        let status = status(&code);
        let mut failure = SourceFailure::new(code);
        failure.message = Some(message.into());
        Self::Refused(Box::new(failure), status)
    }

    /// Creates a refusal with an HTTP status: 4xx if the request is at fault, 5xx if the source is.
    pub fn refused_with(code: Code, message: impl Into<String>, status: u16) -> Self {
        let mut failure = SourceFailure::new(code);
        failure.message = Some(message.into());
        Self::Refused(Box::new(failure), status)
    }

    /// Creates a refusal of a request for a model, such as one that is not configured.
    pub fn about(code: Code, model: &str) -> Self {
        let status = status(&code);
        let mut failure = SourceFailure::new(code);
        failure.model = Some(model.to_owned());
        Self::Refused(Box::new(failure), status)
    }
}

/// Returns the HTTP status of a code (docs/protocol/data-source.md §3).
fn status(code: &Code) -> u16 {
    match code {
        Code::MethodNotAllowed => 405,
        Code::ApiKeyMissing
        | Code::IdMissing
        | Code::TimestampMissing
        | Code::TimestampInvalid
        | Code::TimestampExpired
        | Code::SignatureMissing
        | Code::SignatureInvalid => 401,
        Code::Forbidden => 403,
        Code::LoadNotConfigured
        | Code::ListNotConfigured
        | Code::CommitNotConfigured
        | Code::EventsNotConfigured => 404,
        other => match other.as_str() {
            "source_message_replayed" => 401,
            "source_body_too_large" => 413,
            _ => 400,
        },
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        let status = status(&code);
        Self::Refused(Box::new(SourceFailure::new(code)), status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(failure, _) => match &failure.message {
                Some(message) => write!(f, "{}: {message}", failure.error.as_str()),
                None => f.write_str(failure.error.as_str()),
            },
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}
