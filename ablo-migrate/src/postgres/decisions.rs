//! Decisions about unfinished migrations, in the ledger.

use super::{AFTER_COMMIT, DONE, Database};
use crate::codes::LEDGER;
use crate::error::{Finding, Result};
use crate::ledger::{Entry, Note, Record};
use crate::session::{Applied, Decision, RowLimit, Timeouts};
use postgres::types::Type;

/// An entry of the ledger that is closed in the transaction of another one.
pub(super) struct Closing {
    pub(super) id: i64,
    pub(super) notes: String,
}

impl Database {
    /// Records a decision about an unfinished migration, which then continues at this after-commit
    /// statement. The caller holds the lock.
    ///
    /// # Errors
    /// A code of `ablo::database`.
    pub fn decide(
        &mut self,
        entry: &Entry,
        decision: &Decision<'_>,
        position: usize,
    ) -> Result<()> {
        let notes = self.with_note(entry, decision)?;
        self.close(&Closing { id: entry.id, notes }, AFTER_COMMIT, position)?;
        Ok(())
    }

    /// Applies the inverse of an unfinished migration, and records in its transaction that the
    /// migration was undone. The caller holds the lock.
    ///
    /// # Errors
    /// Those of [`Database::apply`].
    pub fn undo(
        &mut self,
        entry: &Entry,
        decision: &Decision<'_>,
        inverse: &Record,
        limits: &[RowLimit],
        timeouts: Timeouts,
    ) -> Result<Applied> {
        let notes = self.with_note(entry, decision)?;
        self.apply_closing(inverse, limits, timeouts, Some(&Closing { id: entry.id, notes }))
    }

    /// Returns the notes of an entry and a new one.
    fn with_note(&mut self, entry: &Entry, decision: &Decision<'_>) -> Result<String> {
        let sql = "SELECT format('%s by %s', now(), session_user)";
        let at: String = self.client.query_typed_one(sql, &[])?.try_get(0)?;
        let Decision { action, statement, reason } = *decision;
        let note = Note { action, statement, reason: reason.to_owned(), at };
        let notes: Vec<&Note> = entry.notes.iter().chain([&note]).collect();
        serde_json::to_string(&notes)
            .map_err(|error| Finding::new(LEDGER, error.to_string()).into())
    }

    /// Records that an undone migration has ended.
    pub(super) fn close_undone(
        &mut self,
        closing: &Closing,
    ) -> std::result::Result<(), postgres::Error> {
        self.close(closing, DONE, 0)
    }

    fn close(
        &mut self,
        closing: &Closing,
        state: &str,
        position: usize,
    ) -> std::result::Result<(), postgres::Error> {
        let ledger = self.ledger_name();
        // Ledgers of earlier releases do not have the column.
        let column = format!("ALTER TABLE {ledger} ADD COLUMN IF NOT EXISTS notes text");
        self.client.batch_execute(&column)?;
        let sql =
            format!("UPDATE {ledger} SET notes = $2, state = $3, position = $4 WHERE id = $1");
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        let Closing { id, notes } = closing;
        self.client.query_typed(
            &sql,
            &[(id, Type::INT8), (notes, Type::TEXT), (&state, Type::TEXT), (&position, Type::INT4)],
        )?;
        Ok(())
    }
}
