//! The statements of a migration: what each is about, locks and may cost. `write.rs` says how they look.
//!
//! Nodes hold finished names and expressions. Where a statement can fail on rows, it says so with a code and the way out
//! (`refusal.rs`), and a transaction that fails changes nothing.

use super::super::ddl::{Column, ColumnType, Method, Predicate, Preset, Table};
use super::super::names::{Ident, Literal, written};
use super::casts::{Expression, Helper};
use super::refusal::Refusal;
use crate::migrate::{Hazard, Lock, LockMode, Phase, Statement};

/// A statement before it is written. Tables are named as they are when it runs.
#[derive(Debug)]
pub(crate) enum Change<'a> {
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
        refusal: Refusal,
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
        refusals: Vec<Refusal>,
    },
    SetDefault {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Default<'a>,
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
        refusal: Option<Refusal>,
    },
    /// Rows of this condition get the value.
    Update {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<Default<'a>>,
        rows: String,
        refusals: Vec<Refusal>,
        /// The tables whose rows the values name.
        referred: Vec<&'a Table<'a>>,
    },
    /// The same for rows that came meanwhile, seen by whoever runs it.
    UpdateLater {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<Default<'a>>,
        rows: String,
        referred: Vec<&'a Table<'a>>,
    },
    /// A check, to which new rows are held at once.
    AddCheck {
        table: &'a Table<'a>,
        name: Ident<'a>,
        column: Ident<'a>,
        condition: String,
        old_rows: OldRows,
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
    RefuseDuplicates {
        table: &'a Table<'a>,
        columns: Vec<Ident<'a>>,
    },
    /// An index that a broken-off build left invalid goes.
    ClearIndex {
        table: &'a Table<'a>,
        name: Ident<'a>,
    },
    CreateIndexLater {
        table: &'a Table<'a>,
        index: Index<'a>,
    },
    DropIndex {
        table: &'a Table<'a>,
        name: Ident<'a>,
    },
    /// The owner sees every row, until it is forced again.
    Unveil {
        table: &'a Table<'a>,
    },
    Force {
        table: &'a Table<'a>,
    },
    Enclose {
        table: &'a Table<'a>,
    },
    Open {
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
pub(crate) enum Default<'a> {
    Now,
    Constant(Preset<'a>),
}

/// What a new check means for rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldRows {
    /// There are none: the table is new.
    None,
    /// They are looked at after the commit.
    Later,
    /// Those that break it stop the migration.
    Refused(Refusal),
}

/// An index.
#[derive(Clone, Debug)]
pub(crate) struct Index<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) unique: bool,
    pub(crate) method: Method,
    pub(crate) columns: Vec<Ident<'a>>,
}

impl Change<'_> {
    /// When it runs.
    fn phase(&self) -> Phase {
        match self {
            Change::ValidateCheck { .. }
            | Change::UpdateLater { .. }
            | Change::DropCheck { .. }
            | Change::ClearIndex { .. }
            | Change::CreateIndexLater { .. }
            | Change::ValidateForeignKey { .. }
            | Change::SetNotNull { refusal: None, .. } => Phase::AfterCommit,
            _ => Phase::Transaction,
        }
    }

    /// Writes it down.
    pub(crate) fn statement(&self, cause: Option<usize>) -> Statement {
        let mut locks = self.locks();
        locks.sort();
        Statement { sql: written(self), phase: self.phase(), cause, locks, hazards: self.hazards() }
    }

    fn locks(&self) -> Vec<Lock> {
        use LockMode::{
            AccessExclusive, AccessShare, RowExclusive, RowShare, Share, ShareRowExclusive,
            ShareUpdateExclusive,
        };
        match self {
            Change::Setting(_)
            | Change::Helper(_)
            | Change::CreateSchema(_)
            | Change::CreateTable { .. } => Vec::new(),
            Change::RenameTable { from, .. } => {
                vec![Lock { table: from.as_str().to_owned(), mode: AccessExclusive }]
            }
            Change::RenameIndex { table, .. } => {
                vec![Lock { table: table.clone(), mode: ShareUpdateExclusive }]
            }
            Change::Update { table, referred, .. } => {
                with_referred(lock(table, RowExclusive), referred)
            }
            Change::UpdateLater { table, referred, .. } => {
                with_referred(lock(table, AccessExclusive), referred)
            }
            Change::ValidateCheck { table, .. }
            | Change::CreateIndexLater { table, .. }
            | Change::Comment { table, .. } => vec![lock(table, ShareUpdateExclusive)],
            Change::CreateIndex { table, .. } => vec![lock(table, Share)],
            Change::CreatePolicy { table, predicate } => {
                let parent = match predicate {
                    Predicate::Column(_) => None,
                    Predicate::Parent { parent, .. } => Some(parent.as_str().to_owned()),
                };
                let parent = parent.map(|table| Lock { table, mode: AccessShare });
                std::iter::once(lock(table, AccessExclusive)).chain(parent).collect()
            }
            Change::DropPolicy { table, parent } => {
                let parent = parent.map(|parent| lock(parent, AccessShare));
                std::iter::once(lock(table, AccessExclusive)).chain(parent).collect()
            }
            Change::DropConstraint { table, also, .. } => std::iter::once(*table)
                .chain(*also)
                .map(|table| lock(table, AccessExclusive))
                .collect(),
            Change::AddForeignKey { table, target, .. } => {
                both(table, target, ShareRowExclusive, ShareRowExclusive)
            }
            // The force of row security is lifted meanwhile, where this role is held to it.
            Change::ValidateForeignKey { table, target, .. } if table.name != target.name => {
                both(table, target, AccessExclusive, AccessExclusive)
            }
            Change::ValidateForeignKey { table, .. } => {
                both(table, table, AccessExclusive, RowShare)
            }
            Change::DropTable { table }
            | Change::RenameColumn { table, .. }
            | Change::RenameConstraint { table, .. }
            | Change::AddColumn { table, .. }
            | Change::DropColumn { table, .. }
            | Change::Retype { table, .. }
            | Change::SetDefault { table, .. }
            | Change::DropDefault { table, .. }
            | Change::DropNotNull { table, .. }
            | Change::SetNotNull { table, .. }
            | Change::AddCheck { table, .. }
            | Change::DropCheck { table, .. }
            | Change::ClearIndex { table, .. }
            | Change::DropIndex { table, .. }
            | Change::RefuseDuplicates { table, .. }
            | Change::Unveil { table }
            | Change::Force { table }
            | Change::Enclose { table }
            | Change::Open { table } => vec![lock(table, AccessExclusive)],
        }
    }

    fn hazards(&self) -> Vec<Hazard> {
        match self {
            Change::DropTable { .. } | Change::DropColumn { .. } => vec![Hazard::Loss],
            Change::Open { .. } => vec![Hazard::Isolation],
            Change::AddColumn { column, fill: None, .. } if column.not_null => {
                vec![Hazard::MayFail]
            }
            Change::Retype { using, refusals, .. }
                if !refusals.is_empty() || using.helpers.contains(&Helper::Refuse) =>
            {
                vec![Hazard::Rewrite, Hazard::MayFail]
            }
            Change::Retype { .. } => vec![Hazard::Rewrite],
            Change::SetNotNull { refusal: Some(_), .. }
            | Change::AddCheck { old_rows: OldRows::Refused(_), .. } => {
                vec![Hazard::Scan, Hazard::MayFail]
            }
            Change::RefuseDuplicates { .. } => vec![Hazard::Scan, Hazard::MayFail],
            Change::Update { .. } | Change::UpdateLater { .. } => vec![Hazard::Update],
            Change::ValidateCheck { .. } => vec![Hazard::Scan],
            Change::CreateIndex { .. } => vec![Hazard::Scan],
            Change::CreateIndexLater { index, .. } if index.unique => vec![Hazard::MayFail],
            Change::ValidateForeignKey { .. } => vec![Hazard::Scan],
            _ => Vec::new(),
        }
    }
}

fn lock(table: &Table<'_>, mode: LockMode) -> Lock {
    Lock { table: table.name.as_str().to_owned(), mode }
}

/// A lock, and those of the rows that a key is looked up among.
fn with_referred(own: Lock, referred: &[&Table<'_>]) -> Vec<Lock> {
    let others = referred.iter().filter(|table| table.name.as_str() != own.table);
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
