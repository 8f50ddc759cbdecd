//! Migrations independent of the SQL dialect.
//!
//! A dialect lowers two schemas and their `ablo_schema::diff` to a [`Migration`]: ordered
//! statements, each with the step that caused it, its phase, its locks and its hazards.

use crate::shape::Layout;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The tables that a migration starts from, as far as the schema does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// The layout.
    pub layout: Layout,
    /// Whether `fk` relations are foreign keys.
    pub foreign_keys: bool,
}

/// The statements that migrate a database from one schema to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// In execution order. The statements of the transaction come first.
    pub statements: Vec<Statement>,
}

impl Migration {
    /// Returns the statements of one phase, in order.
    pub fn of(&self, phase: Phase) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.phase == phase)
    }

    /// Returns whether the migration has no statements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

/// One SQL statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// The SQL text, with its semicolon.
    pub sql: String,
    /// The phase in which it runs.
    pub phase: Phase,
    /// The step that caused it, as an index into the diff. `None` for statements that every
    /// migration has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<usize>,
    /// The strongest lock on each table that existed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// The hazards of running it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<Hazard>,
}

/// The phase in which a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// In one transaction with all others of this phase.
    Transaction,
    /// After the commit, outside any transaction. The statement may be repeated.
    AfterCommit,
}

/// A lock on a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lock {
    /// The name of the table when the statement runs.
    pub table: String,
    /// The lock mode.
    pub mode: LockMode,
}

/// PostgreSQL's table lock modes, from the weakest to the strongest. The order is total and
/// conservative: a mode conflicts with at least the modes that weaker modes conflict with, except
/// that `Share` does not conflict with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockMode {
    /// Taken by reads.
    AccessShare,
    /// Taken by `SELECT … FOR UPDATE` and foreign-key checks.
    RowShare,
    /// Taken by writes.
    RowExclusive,
    /// Blocks schema changes and vacuum. Rows may be read and written.
    ShareUpdateExclusive,
    /// Blocks writes.
    Share,
    /// Blocks writes. One session at a time holds it.
    ShareRowExclusive,
    /// Allows only reads.
    Exclusive,
    /// Blocks reads and writes.
    AccessExclusive,
}

impl LockMode {
    /// Returns the name as `pg_locks` shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LockMode::AccessShare => "AccessShareLock",
            LockMode::RowShare => "RowShareLock",
            LockMode::RowExclusive => "RowExclusiveLock",
            LockMode::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            LockMode::Share => "ShareLock",
            LockMode::ShareRowExclusive => "ShareRowExclusiveLock",
            LockMode::Exclusive => "ExclusiveLock",
            LockMode::AccessExclusive => "AccessExclusiveLock",
        }
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A risk of running a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hazard {
    /// Reads every row while it holds its lock.
    Scan,
    /// Rewrites every row while it holds its lock.
    Rewrite,
    /// Updates some rows.
    Update,
    /// Loses values.
    Loss,
    /// Makes rows visible to more readers.
    Isolation,
    /// Fails if existing rows do not satisfy it. Nothing is changed then.
    MayFail,
}
