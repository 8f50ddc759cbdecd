//! The statements of a migration, with their locks and hazards. `write.rs` renders them.
//!
//! Nodes have final names and expressions. A statement that existing rows can make fail has a guard
//! (`guard.rs`) with an error code and a hint. A failed transaction changes nothing.

use super::super::ddl::{Column, ColumnType, Method, Predicate, Preset, Table};
use super::super::names::{Ident, Literal, to_sql};
use super::casts::{Expression, Helper};
use super::guard::Guard;
use crate::migrate::{Hazard, Lock, LockMode, Phase, Statement};

/// A statement of a migration. Tables have the names that they have when it runs.
#[derive(Debug)]
pub(crate) enum SqlChange<'a> {
    /// A setting of the whole transaction.
    Setting(&'static str),
    /// Creates a session-local function.
    Helper(Helper),
    /// Creates the app's own schema.
    CreateSchema(Ident<'a>),
    CreateTable {
        table: &'a Table<'a>,
        columns: Vec<Column<'a>>,
        key: Vec<Ident<'a>>,
    },
    DropTable {
        table: &'a Table<'a>,
    },
    RenameTable {
        schema: Ident<'a>,
        from: Ident<'a>,
        to: Ident<'a>,
    },
    RenameIndex {
        schema: Ident<'a>,
        table: String,
        from: Ident<'a>,
        to: Ident<'a>,
    },
    RenameColumn {
        table: &'a Table<'a>,
        from: Ident<'a>,
        to: Ident<'a>,
    },
    RenameConstraint {
        table: &'a Table<'a>,
        from: Ident<'a>,
        to: Ident<'a>,
    },
    /// Adds a column. Existing rows get `fill`, which may differ from the default for later rows.
    AddColumn {
        table: &'a Table<'a>,
        column: Column<'a>,
        fill: Option<Preset<'a>>,
        guard: Guard,
    },
    DropColumn {
        table: &'a Table<'a>,
        column: Ident<'a>,
    },
    Retype {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: ColumnType<'a>,
        using: Expression,
        guards: Vec<Guard>,
    },
    SetDefault {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: ColumnDefault<'a>,
    },
    DropDefault {
        table: &'a Table<'a>,
        column: Ident<'a>,
    },
    DropNotNull {
        table: &'a Table<'a>,
        column: Ident<'a>,
    },
    /// Sets `NOT NULL`, which reads no rows, because a check of them was validated before.
    SetNotNull {
        table: &'a Table<'a>,
        column: Ident<'a>,
    },
    /// Sets a value in the rows that satisfy the condition.
    Update {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<ColumnDefault<'a>>,
        rows: String,
        guards: Vec<Guard>,
        /// The tables that the values refer to.
        referenced: Vec<&'a Table<'a>>,
    },
    /// Sets a value in the rows that satisfy the condition, a few at a time, with all rows visible
    /// to this session.
    UpdateInBatches {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<ColumnDefault<'a>>,
        rows: String,
    },
    /// Adds a check. It applies to new rows immediately.
    AddCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
        condition: String,
        existing_rows: ExistingRows,
    },
    /// Adds a check in place of one that existed only during the migration. It is validated later.
    AddCheckAfterCommit {
        table: &'a Table<'a>,
        name: Ident<'a>,
        condition: String,
        instead_of: Option<Ident<'a>>,
    },
    DropConstraint {
        table: &'a Table<'a>,
        name: Ident<'a>,
        also: Option<&'a Table<'a>>,
    },
    /// Checks all rows while others write.
    ValidateCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
        /// The column that the check is about, if rows can violate it.
        guard: Option<(Ident<'a>, Guard)>,
    },
    /// Drops the temporary check of a column that is now `NOT NULL`.
    DropCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
    },
    CreateIndex {
        table: &'a Table<'a>,
        index: Index<'a>,
    },
    /// Fails if a small table has rows that a check would refuse later.
    GuardRows {
        table: &'a Table<'a>,
        column: Ident<'a>,
        rows: String,
        guard: Guard,
    },
    /// Fails if rows of a small table would violate a unique index that is built later.
    GuardDuplicates {
        table: &'a Table<'a>,
        columns: Vec<Ident<'a>>,
    },
    /// Drops an index that an interrupted build left invalid.
    DropInvalidIndex {
        table: &'a Table<'a>,
        name: Ident<'a>,
    },
    CreateIndexConcurrently {
        table: &'a Table<'a>,
        index: Index<'a>,
    },
    DropIndex {
        table: &'a Table<'a>,
        index: Index<'a>,
    },
    /// Lets the table's owner see every row, until row security is forced again.
    NoForceRls {
        table: &'a Table<'a>,
    },
    ForceRls {
        table: &'a Table<'a>,
    },
    EnableRls {
        table: &'a Table<'a>,
    },
    DisableRls {
        table: &'a Table<'a>,
    },
    CreatePolicy {
        table: &'a Table<'a>,
        predicate: Predicate<'a>,
    },
    DropPolicy {
        table: &'a Table<'a>,
        parent: Option<&'a Table<'a>>,
    },
    /// Adds a primary key, which checks every row.
    AddKey {
        table: &'a Table<'a>,
        columns: Vec<Ident<'a>>,
    },
    /// Replaces the primary key by a unique index that was built before, and the foreign keys that
    /// depend on it. Reads no rows.
    SwapKey(KeySwap<'a>),
    AddForeignKey {
        key: ForeignKey<'a>,
        is_new: bool,
        /// The tables that the policies of both tables read, if the key is checked at once.
        policies: Vec<&'a str>,
    },
    ValidateForeignKey {
        table: &'a Table<'a>,
        name: Ident<'a>,
        target: &'a Table<'a>,
    },
    Comment {
        table: &'a Table<'a>,
        column: Ident<'a>,
        text: Option<Literal<'a>>,
    },
}

/// A foreign key.
#[derive(Clone, Debug)]
pub(crate) struct ForeignKey<'a> {
    pub(crate) table: &'a Table<'a>,
    pub(crate) name: Ident<'a>,
    pub(crate) columns: Vec<Ident<'a>>,
    pub(crate) target: &'a Table<'a>,
    pub(crate) target_columns: Vec<Ident<'a>>,
}

/// A primary key and the foreign keys that refer to its table.
#[derive(Debug)]
pub(crate) struct KeySwap<'a> {
    pub(crate) table: &'a Table<'a>,
    /// The unique index that becomes the key's.
    pub(crate) index: Ident<'a>,
    /// The foreign keys on the previous key, by table and name.
    pub(crate) dropped: Vec<(&'a Table<'a>, Ident<'a>)>,
    /// The foreign keys on the new key.
    pub(crate) added: Vec<ForeignKey<'a>>,
}

impl<'a> KeySwap<'a> {
    /// Returns the table and those that refer to it, without duplicates.
    fn tables(&self) -> Vec<&'a Table<'a>> {
        let referring = self.dropped.iter().map(|(table, _)| *table);
        let mut tables = vec![self.table];
        for table in referring.chain(self.added.iter().map(|key| key.table)) {
            if tables.iter().all(|known| known.name != table.name) {
                tables.push(table);
            }
        }
        tables
    }
}

/// The default of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColumnDefault<'a> {
    Now,
    Constant(Preset<'a>),
}

/// The effect of a new check on existing rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExistingRows {
    /// There are no rows, because the table is new.
    None,
    /// They are validated after the commit.
    CheckedLater,
}

/// An index.
#[derive(Clone, Debug)]
pub(crate) struct Index<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) unique: bool,
    pub(crate) method: Method,
    pub(crate) columns: Vec<Ident<'a>>,
    /// Whether the last column is ordered by its bytes.
    pub(crate) by_bytes: bool,
}

impl SqlChange<'_> {
    /// Returns the phase in which it runs.
    fn phase(&self) -> Phase {
        match self {
            SqlChange::ValidateCheck { .. }
            | SqlChange::UpdateInBatches { .. }
            | SqlChange::AddCheckAfterCommit { .. }
            | SqlChange::DropCheck { .. }
            | SqlChange::DropInvalidIndex { .. }
            | SqlChange::CreateIndexConcurrently { .. }
            | SqlChange::SwapKey(_)
            | SqlChange::ValidateForeignKey { .. }
            | SqlChange::SetNotNull { .. } => Phase::AfterCommit,
            _ => Phase::Transaction,
        }
    }

    /// Renders the statement.
    pub(crate) fn statement(&self, cause: Option<usize>) -> Statement {
        let mut locks = self.locks();
        locks.sort();
        let (sql, hazards, effects) = (to_sql(self), self.hazards(), self.effects());
        Statement { sql, phase: self.phase(), cause, locks, hazards, effects }
    }

    fn locks(&self) -> Vec<Lock> {
        use LockMode::{
            AccessExclusive, AccessShare, RowExclusive, RowShare, Share, ShareRowExclusive,
            ShareUpdateExclusive,
        };
        match self {
            SqlChange::Setting(_)
            | SqlChange::Helper(_)
            | SqlChange::CreateSchema(_)
            | SqlChange::CreateTable { .. } => Vec::new(),
            SqlChange::RenameTable { from, .. } => {
                vec![Lock { table: from.as_str().to_owned(), mode: AccessExclusive }]
            }
            SqlChange::RenameIndex { table, .. } => {
                vec![Lock { table: table.clone(), mode: ShareUpdateExclusive }]
            }
            SqlChange::Update { table, referenced, .. } => {
                with_referenced(lock(table, RowExclusive), referenced)
            }
            // A role that row security applies to creates and drops a policy, each for a moment.
            SqlChange::UpdateInBatches { table, .. } => vec![lock(table, RowExclusive)],
            SqlChange::ValidateCheck { table, .. }
            | SqlChange::CreateIndexConcurrently { table, .. }
            | SqlChange::Comment { table, .. } => vec![lock(table, ShareUpdateExclusive)],
            SqlChange::CreateIndex { table, .. } => vec![lock(table, Share)],
            SqlChange::CreatePolicy { table, predicate } => {
                let parent = match predicate {
                    Predicate::Column(_) => None,
                    Predicate::Parent { parent, .. } => Some(parent.as_str().to_owned()),
                };
                let parent = parent.map(|table| Lock { table, mode: AccessShare });
                std::iter::once(lock(table, AccessExclusive)).chain(parent).collect()
            }
            SqlChange::DropPolicy { table, parent } => {
                let parent = parent.map(|parent| lock(parent, AccessShare));
                std::iter::once(lock(table, AccessExclusive)).chain(parent).collect()
            }
            SqlChange::DropConstraint { table, also, .. } => std::iter::once(*table)
                .chain(*also)
                .map(|table| lock(table, AccessExclusive))
                .collect(),
            SqlChange::AddForeignKey {
                key: ForeignKey { table, target, .. }, policies, ..
            } => {
                let mut locks = both(table, target, ShareRowExclusive, ShareRowExclusive);
                for name in policies {
                    if locks.iter().all(|lock| lock.table != *name) {
                        locks.push(Lock { table: (*name).to_owned(), mode: AccessShare });
                    }
                }
                locks
            }
            SqlChange::SwapKey(swap) => {
                swap.tables().into_iter().map(|table| lock(table, AccessExclusive)).collect()
            }
            // A role that row security applies to creates and drops policies, each for a moment.
            SqlChange::ValidateForeignKey { table, target, .. } => {
                both(table, target, ShareUpdateExclusive, RowShare)
            }
            SqlChange::DropTable { table }
            | SqlChange::RenameColumn { table, .. }
            | SqlChange::RenameConstraint { table, .. }
            | SqlChange::AddColumn { table, .. }
            | SqlChange::DropColumn { table, .. }
            | SqlChange::Retype { table, .. }
            | SqlChange::SetDefault { table, .. }
            | SqlChange::DropDefault { table, .. }
            | SqlChange::DropNotNull { table, .. }
            | SqlChange::SetNotNull { table, .. }
            | SqlChange::AddCheck { table, .. }
            | SqlChange::AddCheckAfterCommit { table, .. }
            | SqlChange::AddKey { table, .. }
            | SqlChange::DropCheck { table, .. }
            | SqlChange::DropInvalidIndex { table, .. }
            | SqlChange::DropIndex { table, .. }
            | SqlChange::GuardRows { table, .. }
            | SqlChange::GuardDuplicates { table, .. }
            | SqlChange::NoForceRls { table }
            | SqlChange::ForceRls { table }
            | SqlChange::EnableRls { table }
            | SqlChange::DisableRls { table } => vec![lock(table, AccessExclusive)],
        }
    }

    fn hazards(&self) -> Vec<Hazard> {
        match self {
            SqlChange::DropTable { .. } | SqlChange::DropColumn { .. } => vec![Hazard::Loss],
            SqlChange::DisableRls { .. } => vec![Hazard::Isolation],
            SqlChange::AddColumn { column, fill: None, .. } if column.not_null => {
                vec![Hazard::MayFail]
            }
            SqlChange::Retype { using, .. } if using.keeps_bytes => Vec::new(),
            SqlChange::Retype { using, guards, .. }
                if !guards.is_empty() || using.helpers.contains(&Helper::Refuse) =>
            {
                vec![Hazard::Rewrite, Hazard::MayFail]
            }
            SqlChange::Retype { .. } => vec![Hazard::Rewrite],
            SqlChange::GuardRows { .. } | SqlChange::GuardDuplicates { .. } => {
                vec![Hazard::MayFail]
            }
            SqlChange::AddKey { .. } | SqlChange::ValidateCheck { guard: Some(_), .. } => {
                vec![Hazard::Scan, Hazard::MayFail]
            }
            SqlChange::Update { .. } | SqlChange::UpdateInBatches { .. } => vec![Hazard::Update],
            SqlChange::ValidateCheck { .. } => vec![Hazard::Scan],
            SqlChange::CreateIndex { .. } => vec![Hazard::Scan],
            SqlChange::CreateIndexConcurrently { index, .. } if index.unique => {
                vec![Hazard::MayFail]
            }
            SqlChange::ValidateForeignKey { .. } => vec![Hazard::Scan],
            _ => Vec::new(),
        }
    }
}

fn lock(table: &Table<'_>, mode: LockMode) -> Lock {
    Lock { table: table.name.as_str().to_owned(), mode }
}

/// Adds the locks on the tables that foreign keys refer to.
fn with_referenced(own: Lock, referenced: &[&Table<'_>]) -> Vec<Lock> {
    let others = referenced.iter().filter(|table| table.name.as_str() != own.table);
    let others: Vec<Lock> = others.map(|table| lock(table, LockMode::RowShare)).collect();
    std::iter::once(own).chain(others).collect()
}

fn both(table: &Table<'_>, other: &Table<'_>, mode: LockMode, other_mode: LockMode) -> Vec<Lock> {
    if table.name == other.name {
        vec![lock(table, mode)]
    } else {
        vec![lock(table, mode), lock(other, other_mode)]
    }
}
