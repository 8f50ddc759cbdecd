//! Conversion of driver errors: by SQLSTATE, or as connection failures.

use crate::error::{Constraint, StoreError};
use std::error::Error;

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        match error.as_db_error() {
            // The detail is left out, because it shows values of rows.
            Some(server_error) => {
                from_sqlstate(server_error.code().code(), server_error.message().to_owned())
            }
            None if is_lost(&error) => StoreError::Unavailable(error.to_string()),
            None => StoreError::Fault(with_cause(&error)),
        }
    }
}

/// Returns whether the connection failed, not the request.
fn is_lost(error: &postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

fn with_cause(error: &postgres::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Converts an error of the server (docs/protocol/commits.md §4; PostgreSQL manual, appendix A).
fn from_sqlstate(state: &str, text: String) -> StoreError {
    match state {
        "23502" => StoreError::Constraint(Constraint::NotNull, text),
        "23503" => StoreError::Constraint(Constraint::ForeignKey, text),
        "23505" => StoreError::Constraint(Constraint::Unique, text),
        "23514" => StoreError::Constraint(Constraint::Check, text),
        "42501" => StoreError::Constraint(Constraint::Tenancy, text),
        "40001" | "40P01" | "55P03" => StoreError::Contended(text),
        // Statements prepared before a migration, or in a session that a pooler gave to another
        // client.
        "0A000" | "26000" => StoreError::Contended(text),
        // A value that the column cannot hold, or another constraint.
        state if state.starts_with("22") || state.starts_with("23") => {
            StoreError::Constraint(Constraint::Other, text)
        }
        state if ["08", "53", "57"].iter().any(|class| state.starts_with(class)) => {
            StoreError::Unavailable(text)
        }
        state => StoreError::Fault(format!("SQLSTATE {state}: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_map_to_error_kinds() {
        let of = |state: &str| from_sqlstate(state, String::new());
        let rule = |rule| StoreError::Constraint(rule, String::new());
        assert_eq!(of("23505"), rule(Constraint::Unique));
        assert_eq!(of("23P01"), rule(Constraint::Other));
        assert_eq!(of("42501"), rule(Constraint::Tenancy));
        assert_eq!(of("40P01"), StoreError::Contended(String::new()));
        assert_eq!(of("57P01"), StoreError::Unavailable(String::new()));
        assert_eq!(of("42601"), StoreError::Fault("SQLSTATE 42601: ".to_owned()));
    }
}
