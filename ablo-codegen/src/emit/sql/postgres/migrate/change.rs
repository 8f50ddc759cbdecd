//! The statements of a migration: what each is about, locks and may cost. `write.rs` says how they look.
//!
//! Nodes hold finished names and expressions. Where a statement can fail on rows, it says so with a code and the way out
//! (`refusal.rs`), and a transaction that fails changes nothing.

use super::super::ddl::{Column, ColumnType, Method, Predicate, Preset, Table};
use super::super::names::{Ident, Literal, to_sql};
use super::casts::{Expression, Helper};
use super::guard::Guard;
use crate::migrate::{Hazard, Lock, LockMode, Phase, Statement};

/// A statement before it is written. Tables are named as they are when it runs.
#[derive(Debug)]
pub(crate) enum SqlChange<'a> {
    /// What holds for the whole transaction.
    Setting(&'static str),
    /// A function of this session.
    Helper(Helper),
    /// The app's own schema.
    CreateSchema(Ident<'a>),
    CreateTable {
        table: &'a Table<'a>,
        columns: Vec<Column<'a>>,
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
    /// A column; rows that are there get the value, which is not always the default of later ones.
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
        to: ColumnType,
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
    /// Every row has a value, looked at now.
    SetNotNull {
        table: &'a Table<'a>,
        column: Ident<'a>,
        guard: Option<Guard>,
    },
    /// Rows of this condition get the value.
    Update {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<ColumnDefault<'a>>,
        rows: String,
        guards: Vec<Guard>,
        /// The tables whose rows the values name.
        referenced: Vec<&'a Table<'a>>,
    },
    /// The same for rows that came meanwhile, seen by whoever runs it.
    UpdateAfterCommit {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<ColumnDefault<'a>>,
        rows: String,
        referenced: Vec<&'a Table<'a>>,
    },
    /// A check, to which new rows are held at once.
    AddCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
        column: Ident<'a>,
        condition: String,
        existing_rows: ExistingRows,
    },
    DropConstraint {
        table: &'a Table<'a>,
        name: Ident<'a>,
        also: Option<&'a Table<'a>>,
    },
    ValidateCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
    },
    /// The helping check of a column that has become required goes.
    DropCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
    },
    CreateIndex {
        table: &'a Table<'a>,
        index: Index<'a>,
    },
    /// Rows that an index to come will not have side by side stop the migration.
    GuardDuplicates {
        table: &'a Table<'a>,
        columns: Vec<Ident<'a>>,
    },
    /// An index that a broken-off build left invalid goes.
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
        name: Ident<'a>,
    },
    /// The owner sees every row, until it is forced again.
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
    AddForeignKey {
        table: &'a Table<'a>,
        name: Ident<'a>,
        column: Ident<'a>,
        target: &'a Table<'a>,
        is_new: bool,
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

/// What an absent value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ColumnDefault<'a> {
    Now,
    Constant(Preset<'a>),
}

/// What a new check means for rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExistingRows {
    /// There are none: the table is new.
    None,
    /// They are looked at after the commit.
    CheckedLater,
    /// Those that break it stop the migration.
    CheckedNow(Guard),
}

/// An index.
#[derive(Clone, Debug)]
pub(crate) struct Index<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) unique: bool,
    pub(crate) method: Method,
    pub(crate) columns: Vec<Ident<'a>>,
}

impl SqlChange<'_> {
    /// When it runs.
    fn phase(&self) -> Phase {
        match self {
            SqlChange::ValidateCheck { .. }
            | SqlChange::UpdateAfterCommit { .. }
            | SqlChange::DropCheck { .. }
            | SqlChange::DropInvalidIndex { .. }
            | SqlChange::CreateIndexConcurrently { .. }
            | SqlChange::ValidateForeignKey { .. }
            | SqlChange::SetNotNull { guard: None, .. } => Phase::AfterCommit,
            _ => Phase::Transaction,
        }
    }

    /// Writes it down.
    pub(crate) fn statement(&self, cause: Option<usize>) -> Statement {
        let mut locks = self.locks();
        locks.sort();
        Statement { sql: to_sql(self), phase: self.phase(), cause, locks, hazards: self.hazards() }
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
            SqlChange::UpdateAfterCommit { table, referenced, .. } => {
                with_referenced(lock(table, AccessExclusive), referenced)
            }
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
            SqlChange::AddForeignKey { table, target, .. } => {
                both(table, target, ShareRowExclusive, ShareRowExclusive)
            }
            // The force of row security is lifted meanwhile, where this role is held to it.
            SqlChange::ValidateForeignKey { table, target, .. } if table.name != target.name => {
                both(table, target, AccessExclusive, AccessExclusive)
            }
            SqlChange::ValidateForeignKey { table, .. } => {
                both(table, table, AccessExclusive, RowShare)
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
            | SqlChange::DropCheck { table, .. }
            | SqlChange::DropInvalidIndex { table, .. }
            | SqlChange::DropIndex { table, .. }
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
            SqlChange::Retype { using, guards, .. }
                if !guards.is_empty() || using.helpers.contains(&Helper::Refuse) =>
            {
                vec![Hazard::Rewrite, Hazard::MayFail]
            }
            SqlChange::Retype { .. } => vec![Hazard::Rewrite],
            SqlChange::SetNotNull { guard: Some(_), .. }
            | SqlChange::AddCheck { existing_rows: ExistingRows::CheckedNow(_), .. } => {
                vec![Hazard::Scan, Hazard::MayFail]
            }
            SqlChange::GuardDuplicates { .. } => vec![Hazard::Scan, Hazard::MayFail],
            SqlChange::Update { .. } | SqlChange::UpdateAfterCommit { .. } => vec![Hazard::Update],
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

/// A lock, and those of the rows that a key is looked up among.
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
