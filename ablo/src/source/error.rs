//! What a source answers when it does not do what was asked.

use crate::wire::{SourceErrorCode as Code, SourceFailure};
use std::fmt;

/// What a source gives, or why it does not.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a source does not do what was asked.
#[derive(Debug)]
pub enum Error {
    /// It refuses, with a code that the coordinator hands on.
    Refused(Box<SourceFailure>, u16),
    /// It failed; the coordinator hears that it did, and the reason stays here.
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A failure that is nobody's business but this program's.
    pub fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    /// A refusal, with the status that the protocol gives its code; 400 where it gives none.
    pub fn refused(code: Code, message: impl Into<String>) -> Self {
        let status = status(&code);
        let mut failure = SourceFailure::new(code);
        failure.message = Some(message.into());
        Self::Refused(Box::new(failure), status)
    }

    /// A refusal with a status of its own, which says who is to do something else: 4xx the writer, 5xx nobody.
    pub fn refused_with(code: Code, message: impl Into<String>, status: u16) -> Self {
        let mut failure = SourceFailure::new(code);
        failure.message = Some(message.into());
        Self::Refused(Box::new(failure), status)
    }

    /// A refusal that is about a model: what of it is not configured.
    pub fn about(code: Code, model: &str) -> Self {
        let status = status(&code);
        let mut failure = SourceFailure::new(code);
        failure.model = Some(model.to_owned());
        Self::Refused(Box::new(failure), status)
    }
}

/// docs/protocol/data-source.md §3.
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
