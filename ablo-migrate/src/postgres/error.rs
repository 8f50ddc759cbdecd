//! Errors of the driver and the server, and the code of each.

use crate::codes::{
    AUTHENTICATION_FAILED, CONNECTION_FAILED, CONNECTION_LOST, Code, INSUFFICIENT_PRIVILEGE,
    INSUFFICIENT_RESOURCES, LOCK_TIMEOUT, NOT_ACCEPTING, QUERY_FAILED, READ_ONLY,
    STATEMENT_TIMEOUT, TLS_FAILED, UNDEFINED_OBJECT, UNKNOWN_DATABASE, URL,
};
use crate::error::{Error, Finding};

/// An error of the server, or of the connection to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The SQLSTATE. `None` if the connection failed.
    pub(super) state: Option<String>,
    pub(super) message: String,
}

impl From<postgres::Error> for ServerError {
    fn from(error: postgres::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&postgres::Error> for ServerError {
    fn from(error: &postgres::Error) -> Self {
        let Some(db_error) = error.as_db_error() else {
            return Self { state: None, message: describe(error) };
        };
        let detail = db_error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        Self {
            state: Some(db_error.code().code().to_owned()),
            message: format!("{}{detail}", db_error.message()),
        }
    }
}

impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.state {
            Some(state) => write!(f, "SQLSTATE {state}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        let is_lost = error.is_closed()
            || std::error::Error::source(&error).is_some_and(|cause| cause.is::<std::io::Error>());
        let error = ServerError::from(error);
        let code = match &error.state {
            Some(state) => code_of(state),
            None if is_lost => CONNECTION_LOST,
            None => QUERY_FAILED,
        };
        Finding::new(code, error.to_string()).into()
    }
}

/// Converts an error of opening a connection.
pub(super) fn connecting(error: &postgres::Error) -> Error {
    let server_error = ServerError::from(error);
    let code = match (&server_error.state, error.to_string().as_str()) {
        (Some(state), _) => code_of(state),
        // The driver exposes the kind of an error only in its text.
        (None, "error performing TLS handshake") => TLS_FAILED,
        (None, "authentication error") => AUTHENTICATION_FAILED,
        (None, "invalid configuration") if server_error.message.contains("password") => {
            AUTHENTICATION_FAILED
        }
        (None, "invalid configuration") => URL,
        (None, _) => CONNECTION_FAILED,
    };
    Finding::new(code, server_error.to_string()).into()
}

/// Returns the code of a SQLSTATE (PostgreSQL manual, appendix A).
fn code_of(state: &str) -> Code {
    match state {
        "3D000" => UNKNOWN_DATABASE,
        "25006" => READ_ONLY,
        "3F000" | "42P01" | "42703" | "42704" => UNDEFINED_OBJECT,
        "40001" | "40P01" | "55P03" => LOCK_TIMEOUT,
        "42501" => INSUFFICIENT_PRIVILEGE,
        "53300" | "57P03" => NOT_ACCEPTING,
        "57014" => STATEMENT_TIMEOUT,
        "25P03" | "57P01" | "57P02" | "57P05" => CONNECTION_LOST,
        _ => match state.get(..2) {
            Some("08") => CONNECTION_LOST,
            Some("28") => AUTHENTICATION_FAILED,
            Some("53") => INSUFFICIENT_RESOURCES,
            _ => QUERY_FAILED,
        },
    }
}

/// Returns an error with its causes on one line.
pub(super) fn describe(error: &postgres::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
