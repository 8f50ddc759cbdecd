//! Migrations independent of the SQL dialect.
//!
//! A dialect lowers two schemas and their `ablo_schema::diff` to a [`Migration`]: ordered
//! statements, each with the step that caused it, its phase, its locks and its hazards.

use crate::shape::Layout;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// The rows that lose a value, by step, where the step does not lose all values of a column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub losses: BTreeMap<usize, Loss>,
}

/// The rows that lose a value, under the names before the migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// The table.
    pub table: String,
    /// The condition on rows.
    pub rows: String,
    /// The statements that create the functions of the session that the condition calls.
    pub helpers: Vec<String>,
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
    /// The state that the database has afterwards, as far as its catalog shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
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

/// A fact that the catalog shows after a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[allow(missing_docs, reason = "members are the names of the table and of its part")]
pub enum Effect {
    /// The table exists.
    Table { name: String },
    /// No table has this name.
    NoTable { name: String },
    /// The column exists, with this type if it is stated.
    Column {
        table: String,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        type_name: Option<String>,
    },
    /// The table has no such column.
    NoColumn { table: String, name: String },
    /// Whether the column is `NOT NULL`.
    NotNull { table: String, name: String, holds: bool },
    /// Whether the column has a default.
    Default { table: String, name: String, holds: bool },
    /// The table has this index, and it is valid.
    Index {
        table: String,
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        definition: Option<IndexDefinition>,
    },
    /// No index has this name.
    NoIndex { name: String },
    /// The table has a constraint of this name, which holds for all rows if `validated`.
    Constraint { table: String, name: String, validated: bool },
    /// The table has no such constraint.
    NoConstraint { table: String, name: String },
    /// Whether row security is enabled and forced, or neither.
    RowSecurity { table: String, holds: bool },
    /// The table has a policy of this name.
    Policy { table: String, name: String },
    /// The table has no such policy.
    NoPolicy { table: String, name: String },
}

/// The definition of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexDefinition {
    /// The columns, in order.
    pub columns: Vec<String>,
    /// Whether it is unique.
    pub unique: bool,
    /// The access method.
    pub method: String,
    /// Whether the last column is ordered by its bytes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_bytes: bool,
}

/// A subject of effects: what it is, its table and its name.
type Subject<'e> = (u8, &'e str, &'e str);

impl Effect {
    /// Reports whether something exists no longer.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Effect::NoTable { .. }
                | Effect::NoColumn { .. }
                | Effect::NoIndex { .. }
                | Effect::NoConstraint { .. }
                | Effect::NoPolicy { .. }
        )
    }

    /// Returns the subjects, of which a later effect replaces an earlier one.
    fn subjects(&self) -> Vec<Subject<'_>> {
        match self {
            Effect::Table { name } | Effect::NoTable { name } => vec![(0, "", name)],
            Effect::Column { table, name, .. } => vec![(1, table, name)],
            Effect::NotNull { table, name, .. } => vec![(2, table, name)],
            Effect::Default { table, name, .. } => vec![(3, table, name)],
            Effect::NoColumn { table, name } => {
                (1..=3).map(|kind| (kind, &**table, &**name)).collect()
            }
            Effect::Index { name, .. } | Effect::NoIndex { name } => vec![(4, "", name)],
            Effect::Constraint { table, name, .. } | Effect::NoConstraint { table, name } => {
                vec![(5, table, name)]
            }
            Effect::RowSecurity { table, .. } => vec![(6, table, "")],
            Effect::Policy { table, name } | Effect::NoPolicy { table, name } => {
                vec![(7, table, name)]
            }
        }
    }
}

/// Returns what exists after all of these statements, each with the index of its statement.
pub fn settled<'s>(
    statements: impl IntoIterator<Item = &'s Statement>,
) -> Vec<(usize, &'s Effect)> {
    let mut last: BTreeMap<Subject<'s>, (usize, &'s Effect)> = BTreeMap::new();
    for (at, statement) in statements.into_iter().enumerate() {
        for effect in &statement.effects {
            for subject in effect.subjects() {
                last.remove(&subject);
                if !effect.is_absence() {
                    last.insert(subject, (at, effect));
                }
            }
        }
    }
    let mut settled: Vec<_> = last.into_values().collect();
    settled.sort_by_key(|(at, _)| *at);
    settled
}

/// A lock on a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lock {
    /// The name of the table when the statement runs.
    pub table: String,
    /// The lock mode.
    pub mode: LockMode,
}

/// A lock on a table, for as long as it is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLock {
    /// The last name of the table.
    pub table: String,
    /// The strongest mode.
    pub mode: LockMode,
    /// The number of the statement that takes it, from 1.
    pub from: usize,
    /// The number of the statement after which it is released.
    pub to: usize,
}

/// Returns the strongest lock on each table in the transaction, which is held until its end, and
/// the locks of each statement after it.
pub fn held(statements: &[Statement]) -> Vec<HeldLock> {
    let last = statements.iter().filter(|one| one.phase == Phase::Transaction).count();
    let mut strongest: BTreeMap<&str, HeldLock> = BTreeMap::new();
    let mut after = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        for Lock { table, mode } in &statement.locks {
            let (from, to) = (at + 1, last.max(at + 1));
            let held = HeldLock { table: table.clone(), mode: *mode, from, to };
            if statement.phase == Phase::AfterCommit {
                after.push(held);
            } else if strongest.get(&**table).is_none_or(|known| known.mode < *mode) {
                strongest.insert(table, held);
            }
        }
        if let [Effect::NoTable { name: from }, Effect::Table { name: to }] = &*statement.effects
            && let Some(held) = strongest.remove(&**from)
        {
            strongest.insert(to, HeldLock { table: to.clone(), ..held });
        }
    }
    strongest.into_values().chain(after).collect()
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
