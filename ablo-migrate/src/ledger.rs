//! The ledger: what was applied, and how far.

#[cfg(feature = "postgres")]
use ablo_codegen::migrate::Phase;
use ablo_codegen::migrate::Statement;
use serde::{Deserialize, Serialize};

/// The table that holds it, beside the tables of the models.
pub const TABLE: &str = "ablo_migrations";

/// How far a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its transaction is committed. The statement of this position among those after the commit is next.
    AfterCommit(usize),
    /// All of it was run.
    Done,
}

/// One migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, ascending.
    pub id: i64,
    /// When its transaction began, as the server prints it.
    pub applied_at: String,
    /// What is recorded of it.
    pub record: Record,
    /// How far it is.
    pub state: State,
}

/// What is recorded of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The `contentHash` of the schema before; none where there was none.
    pub from: Option<String>,
    /// The `contentHash` of the schema after.
    pub to: String,
    /// The schema after, as its canonical text.
    pub schema: String,
    /// Whether it was lowered with foreign keys.
    pub foreign_keys: bool,
    /// Everything that runs.
    pub statements: Vec<Statement>,
}

#[cfg(feature = "postgres")]
impl Record {
    /// The statements of one phase.
    pub(crate) fn of(&self, phase: Phase) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.phase == phase)
    }
}
