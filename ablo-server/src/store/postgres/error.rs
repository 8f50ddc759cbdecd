//! Conversion of driver errors: by SQLSTATE, or as connection failures.

use crate::error::{ConstraintKind, ConstraintViolation, StoreError};
use std::error::Error;
use tokio_postgres::error::DbError;

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(server_error) => located(server_error),
            None if is_lost(&error) => StoreError::Unavailable(error.to_string()),
            None => StoreError::Fault(with_cause(&error)),
        }
    }
}

/// Converts an error of the server and adds the table, the constraint and the column that it names.
/// The detail is left out, because it shows values of rows.
fn located(server_error: &DbError) -> StoreError {
    let text = server_error.message().to_owned();
    match from_sqlstate(server_error.code().code(), text) {
        StoreError::Constraint(mut violation) => {
            violation.table = server_error.table().map(str::to_owned);
            violation.constraint = server_error.constraint().map(str::to_owned);
            violation.columns = server_error.column().map(str::to_owned).into_iter().collect();
            StoreError::Constraint(violation)
        }
        error => error,
    }
}

/// Returns whether the connection failed, not the request.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

fn with_cause(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Converts an error of the server (docs/protocol/commits.md §4; PostgreSQL manual, appendix A).
fn from_sqlstate(state: &str, text: String) -> StoreError {
    let kind = match state {
        "23502" => ConstraintKind::NotNull,
        "23503" => ConstraintKind::ForeignKey,
        "23505" => ConstraintKind::Unique,
        "23514" => ConstraintKind::Check,
        "42501" => ConstraintKind::Tenancy,
        // A value that the column cannot hold, or another constraint.
        state if state.starts_with("22") || state.starts_with("23") => ConstraintKind::Other,
        "40001" | "40P01" => return StoreError::Contended(text),
        // `lock_timeout` has passed.
        "55P03" => return StoreError::Locked(text),
        // `statement_timeout` has passed.
        "57014" => return StoreError::TimedOut,
        // Statements prepared before a migration, or in a session that a pooler gave to another
        // client.
        "0A000" | "26000" => return StoreError::Contended(text),
        // A standby, until it is promoted, or a time limit on transactions.
        "25006" | "25P03" | "25P04" => return StoreError::Unavailable(text),
        state if ["08", "53", "57"].iter().any(|class| state.starts_with(class)) => {
            return StoreError::Unavailable(text);
        }
        state => return StoreError::Fault(format!("SQLSTATE {state}: {text}")),
    };
    StoreError::Constraint(Box::new(ConstraintViolation::new(kind, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_map_to_error_kinds() {
        let of = |state: &str| from_sqlstate(state, String::new());
        let violation = |kind| StoreError::Constraint(Box::new(ConstraintViolation::new(kind, "")));
        assert_eq!(of("23505"), violation(ConstraintKind::Unique));
        assert_eq!(of("23P01"), violation(ConstraintKind::Other));
        assert_eq!(of("42501"), violation(ConstraintKind::Tenancy));
        assert_eq!(of("40P01"), StoreError::Contended(String::new()));
        assert_eq!(of("57P01"), StoreError::Unavailable(String::new()));
        assert_eq!(of("25006"), StoreError::Unavailable(String::new()));
        assert_eq!(of("42601"), StoreError::Fault("SQLSTATE 42601: ".to_owned()));
    }
}
