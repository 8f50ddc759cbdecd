//! Migrations: what every dialect's lowering gives, free of any dialect.
//!
//! A lowering takes two schemas and what `ablo_schema::diff` says of them; a [`Migration`] comes out: statements in
//! order, each with the step that caused it, when it runs, what it locks and what it may cost.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The way from one schema to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Migration {
    /// In the order in which they run. Those of the transaction come first.
    pub statements: Vec<Statement>,
}

impl Migration {
    /// The statements of one phase, in order.
    pub fn of(&self, phase: Phase) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |statement| statement.phase == phase)
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// What is sent to the server, with its semicolon.
    pub sql: String,
    /// When it runs.
    pub phase: Phase,
    /// The step that asked for it, by its position in the diff; none for what every migration does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<usize>,
    /// The strongest lock it takes on each table that was there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Lock>,
    /// What it may cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hazards: Vec<Hazard>,
}

/// When a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// With all others of this phase in one transaction.
    Transaction,
    /// After the commit, by itself and outside any transaction. It may be run again.
    AfterCommit,
}

/// A lock on a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lock {
    /// The table, as it is named when the statement runs.
    pub table: String,
    /// How strong.
    pub mode: LockMode,
}

/// PostgreSQL's table locks, from the weakest to the strongest. The order is total and errs upwards: a mode conflicts with at least what
/// weaker ones conflict with, save that `Share` lets others take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LockMode {
    /// Reads.
    AccessShare,
    /// Reads that keep rows.
    RowShare,
    /// Writes.
    RowExclusive,
    /// Neither schema changes nor vacuum at the same time; rows may be read and written.
    ShareUpdateExclusive,
    /// No writes.
    Share,
    /// No writes, by one session.
    ShareRowExclusive,
    /// Only reads.
    Exclusive,
    /// Not even reads.
    AccessExclusive,
}

impl LockMode {
    /// The name as `pg_locks` prints it.
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

/// What a statement may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hazard {
    /// Reads every row while its lock is held.
    Scan,
    /// Writes every row again while its lock is held.
    Rewrite,
    /// Writes some rows.
    Update,
    /// Values are lost.
    Loss,
    /// Rows become visible to more people than before.
    Isolation,
    /// Fails where rows do not fit; nothing is changed then.
    MayFail,
}
