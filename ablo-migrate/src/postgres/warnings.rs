//! What a server says on the side: its warnings, each with its code where a migration gave one.

use crate::codes::{Code, WARNED};
use crate::error::Finding;
use postgres::error::DbError;
use std::sync::{Arc, Mutex, PoisonError};

/// Warnings that nobody has asked for yet, shared with the connection that hears them.
#[derive(Clone, Debug, Default)]
pub(super) struct Warnings(Arc<Mutex<Vec<Finding>>>);

impl Warnings {
    /// Keeps a notice that is a warning.
    pub(super) fn hear(&self, notice: &DbError) {
        if notice
            .parsed_severity()
            .map_or(notice.severity() == "WARNING", |severity| severity == WARNING)
        {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(finding(notice.message()));
        }
    }

    /// Gives what was heard since the last time.
    pub(super) fn take(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const WARNING: postgres::error::Severity = postgres::error::Severity::Warning;

/// A message begins with the code where a migration raised it.
fn finding(message: &str) -> Finding {
    let coded = message.split_once(": ").and_then(|(word, rest)| Some((Code::find(word)?, rest)));
    let (code, text) = coded.unwrap_or((WARNED, message));
    Finding::new(code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_gives_the_code_of_its_warning_and_others_have_one_too() {
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
