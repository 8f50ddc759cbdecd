//! The ledger: which migrations were applied, and how far each one got.

use crate::accepted::Accepted;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use ablo_codegen::migrate::Phase;
use ablo_codegen::migrate::Statement;
use ablo_codegen::shape::Layout;
use serde::{Deserialize, Serialize};

/// The name of the ledger's table. It is in the same database schema as the tables of the models.
pub const TABLE: &str = "ablo_migrations";

/// The beginning of the entry that records the list of approvers. Releases that do not know
/// approvers cannot read it, and refuse to migrate.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) const APPROVERS_MARK: &str = "{\"approvers\":";

/// Returns the content of the entry that records a list of approvers by the hash of its last entry.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) fn approvers_mark(head: &str) -> String {
    format!("{APPROVERS_MARK}\"{head}\"}}")
}

/// Returns the hash in an entry that records a list of approvers.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) fn marked_head(record: &str) -> Option<String> {
    serde_json::from_str(record.strip_prefix(APPROVERS_MARK)?.strip_suffix('}')?).ok()
}

/// The progress of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The transaction is committed. The after-commit statement at this index runs next.
    AfterCommit(usize),
    /// Every statement ran.
    Done,
}

/// One applied migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's id. Ids are ascending.
    pub id: i64,
    /// When the transaction began, as the server prints it.
    pub applied_at: String,
    /// The content of the migration.
    pub record: Record,
    /// The progress.
    pub state: State,
    /// How an unfinished migration went on, oldest first.
    pub notes: Vec<Note>,
}

impl Entry {
    /// Returns the indexes of the after-commit statements that were skipped.
    #[cfg(feature = "postgres")]
    pub(crate) fn skipped(&self) -> Vec<usize> {
        let skips = self.notes.iter().filter(|note| note.action == Action::Skip);
        skips.filter_map(|note| note.statement).collect()
    }
}

/// A way on from an unfinished migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The rest of the statements ran.
    Resume,
    /// One statement was left out, and the rest ran.
    Skip,
    /// The schema before the migration was restored.
    Undo,
}

impl Action {
    /// Returns the word for what was done.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Resume => "resumed",
            Action::Skip => "skipped",
            Action::Undo => "undone",
        }
    }
}

/// A decision about an unfinished migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The decision.
    pub action: Action,
    /// The after-commit statement that it is about, as an index. The number of statements stands
    /// for the comparison with the catalog at the end.
    pub statement: Option<usize>,
    /// The reason.
    pub reason: String,
    /// When, as the server prints it, and by which role.
    pub at: String,
}

/// The recorded content of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The `contentHash` of the previous schema, if there was one.
    pub from: Option<String>,
    /// The `contentHash` of the next schema.
    pub to: String,
    /// The canonical text of the next schema.
    pub schema: String,
    /// Whether `fk` relations have foreign keys.
    pub foreign_keys: bool,
    /// The layout of the tables. Releases before it could change did not record it.
    #[serde(default, skip_serializing_if = "Layout::is_first")]
    pub layout: Layout,
    /// All statements, in order.
    pub statements: Vec<Statement>,
    /// The differences between the schema and the tables that were accepted, and are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Record {
    /// Returns the statements of one phase.
    pub(crate) fn of(&self, phase: Phase) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.phase == phase)
    }
}
