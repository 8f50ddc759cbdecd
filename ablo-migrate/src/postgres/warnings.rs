//! Collects the warnings that a server sends, with their code if a migration raised them.

use crate::codes::{Code, WARNED};
use crate::error::Finding;
use postgres::error::DbError;
use std::sync::{Arc, Mutex, PoisonError};

/// Unread warnings, shared with the connection that receives them.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Mutex<Vec<Finding>>>);

impl Warnings {
    /// Records a notice if it is a warning.
    pub(super) fn record(&self, notice: &DbError) {
        if notice
            .parsed_severity()
            .map_or(notice.severity() == "WARNING", |severity| severity == WARNING)
        {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(finding(notice.message()));
        }
    }

    /// Adds findings that are no notices.
    pub(super) fn add(&self, findings: impl Iterator<Item = Finding>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(findings);
    }

    /// Returns and clears the warnings.
    pub(super) fn take(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const WARNING: postgres::error::Severity = postgres::error::Severity::Warning;

/// Converts a warning. If a migration raised it, the message begins with a code.
fn finding(message: &str) -> Finding {
    let coded = message.split_once(": ").and_then(|(word, rest)| Some((Code::find(word)?, rest)));
    let (code, text) = coded.unwrap_or((WARNED, message));
    Finding::new(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_of_migrations_keep_their_code() {
        let found = finding("ablo::migrate::policy_skipped: public.files shows no row to anyone");
        assert_eq!(
            (found.code.name, found.message.as_str()),
            ("ablo::migrate::policy_skipped", "public.files shows no row to anyone")
        );
        let found = finding("there is no transaction in progress");
        assert_eq!(
            (found.code.name, found.message.as_str()),
            ("ablo::database::warned", "there is no transaction in progress")
        );
    }
}
