//! Errors of the driver: what the server said, by its SQLSTATE, or that it said nothing.

use crate::error::{Rule, StoreError};
use std::error::Error;

impl From<postgres::Error> for StoreError {
    fn from(error: postgres::Error) -> Self {
        match error.as_db_error() {
            // Without the detail, which shows values of rows that the reader may not see.
            Some(said) => of_state(said.code().code(), said.message().to_owned()),
            None if is_lost(&error) => StoreError::Unavailable(error.to_string()),
            None => StoreError::Fault(words(&error)),
        }
    }
}

/// Whether it is the connection that failed, and not the request.
fn is_lost(error: &postgres::Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

fn words(error: &postgres::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// An error of the server (docs/protocol/commits.md §4; the states are in PostgreSQL's manual, appendix A).
fn of_state(state: &str, text: String) -> StoreError {
    match state {
        "23502" => StoreError::Rule(Rule::NotNull, text),
        "23503" => StoreError::Rule(Rule::ForeignKey, text),
        "23505" => StoreError::Rule(Rule::Unique, text),
        "23514" => StoreError::Rule(Rule::Check, text),
        "42501" => StoreError::Rule(Rule::Tenancy, text),
        "40001" | "40P01" | "55P03" => StoreError::Contended(text),
        // Statements that were prepared before a migration, or in a session that a pooler gave to others.
        "0A000" | "26000" => StoreError::Contended(text),
        // A value that its column does not take, and any other rule of a table.
        state if state.starts_with("22") || state.starts_with("23") => {
            StoreError::Rule(Rule::Other, text)
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
    fn states_have_their_kind() {
        let of = |state: &str| of_state(state, String::new());
        let rule = |rule| StoreError::Rule(rule, String::new());
        assert_eq!(of("23505"), rule(Rule::Unique));
        assert_eq!(of("23P01"), rule(Rule::Other));
        assert_eq!(of("42501"), rule(Rule::Tenancy));
        assert_eq!(of("40P01"), StoreError::Contended(String::new()));
        assert_eq!(of("57P01"), StoreError::Unavailable(String::new()));
        assert_eq!(of("42601"), StoreError::Fault("SQLSTATE 42601: ".to_owned()));
    }
}
