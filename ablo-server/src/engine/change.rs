//! A validated operation of a commit.

use crate::models::ModelId;
use crate::value::Cell;

/// A validated operation.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedChange {
    /// The model.
    pub model: ModelId,
    /// The operation.
    pub kind: OperationKind,
    /// The row.
    pub id: String,
    /// Whether the coordinator generated the id.
    pub generated_id: bool,
    /// The values to set, by column index; each column at most once.
    pub cells: Vec<(usize, Cell)>,
    /// The transaction id, which identifies the operation across retries.
    pub transaction: Option<String>,
    /// The `readAt` watermark, if stale writes are to be rejected.
    pub stale_guard: Option<u64>,
    /// Whether claims of other participants are ignored.
    pub bypass_claims: bool,
}

/// The kind of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Inserts a row.
    Create,
    /// Updates a row.
    Update,
    /// Deletes a row.
    Delete,
    /// Archives a row (`true`) or unarchives it (`false`).
    Archive(bool),
}
