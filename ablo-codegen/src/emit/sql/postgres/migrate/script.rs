//! Collects the statements of a migration in execution order, with the helpers that they call.

use super::casts::Helper;
use super::change::SqlChange;
use crate::migrate::{Loss, Migration, Phase, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// The settings of the whole transaction.
const SETTINGS: [&str; 8] = [
    "SET LOCAL client_min_messages = warning;",
    "SET LOCAL standard_conforming_strings = on;",
    // The text of values, and their meaning, depend on these.
    "SET LOCAL TimeZone = 'UTC';",
    "SET LOCAL DateStyle = 'ISO, YMD';",
    "SET LOCAL IntervalStyle = 'iso_8601';",
    "SET LOCAL extra_float_digits = 1;",
    // ALTER TABLE fails while the table has pending deferred constraint checks.
    "SET CONSTRAINTS ALL IMMEDIATE;",
    "DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('ablo::provision', 0)); END $$;",
];

/// A migration under construction.
#[derive(Debug, Default)]
pub(crate) struct Script {
    transaction: Vec<Statement>,
    after_commit: Vec<Statement>,
    helpers: BTreeSet<Helper>,
}

impl Script {
    /// Appends a statement to its phase.
    pub(crate) fn push(&mut self, cause: Option<usize>, change: &SqlChange<'_>) {
        if let SqlChange::Retype { using, .. } = change {
            self.helpers.extend(&using.helpers);
        }
        let statement = change.statement(cause);
        match statement.phase {
            Phase::Transaction => self.transaction.push(statement),
            Phase::AfterCommit => self.after_commit.push(statement),
        }
    }

    /// Returns the migration, which is empty if there is nothing to do.
    pub(crate) fn finish(self, losses: BTreeMap<usize, Loss>) -> Migration {
        if self.transaction.is_empty() && self.after_commit.is_empty() {
            return Migration::default();
        }
        let settings = SETTINGS.into_iter().map(|text| SqlChange::Setting(text).statement(None));
        let helpers =
            self.helpers.into_iter().map(|helper| SqlChange::Helper(helper).statement(None));
        Migration {
            losses,
            statements: settings
                .chain(helpers)
                .chain(self.transaction)
                .chain(self.after_commit)
                .collect(),
        }
    }
}
