//! The state that each statement of a migration brings about.
//!
//! A statement that warns instead of failing states no more than what holds in either case.

use super::super::ddl::{ColumnType, Predicate, Table};
use super::super::expected::POLICY;
use super::super::names::Ident;
use super::change::{ExistingRows, Index, SqlChange};
use crate::migrate::{Effect, IndexDefinition};

impl SqlChange<'_> {
    /// Returns the state that the catalog shows after the statement.
    pub(super) fn effects(&self) -> Vec<Effect> {
        match self {
            SqlChange::CreateTable { table, .. } => vec![Effect::Table { name: of(table) }],
            SqlChange::DropTable { table } => vec![Effect::NoTable { name: of(table) }],
            SqlChange::RenameTable { from, to, .. } => {
                vec![Effect::NoTable { name: text(from) }, Effect::Table { name: text(to) }]
            }
            SqlChange::RenameIndex { table, from, to, .. } => {
                let (table, name) = (table.clone(), text(to));
                let index = Effect::Index { table, name, definition: None };
                vec![Effect::NoIndex { name: text(from) }, index]
            }
            SqlChange::RenameColumn { table, from, to } => {
                let column = Effect::Column { table: of(table), name: text(to), type_name: None };
                vec![Effect::NoColumn { table: of(table), name: text(from) }, column]
            }
            SqlChange::RenameConstraint { table, from, to } => {
                vec![no_constraint(table, from), constraint(table, to, false)]
            }
            SqlChange::AddColumn { table, column, fill, .. } => {
                let (name, of_type) = (&column.name, column.column_type);
                let has_default = fill.is_some() || !of_type.default().is_empty();
                vec![
                    typed(table, name, of_type),
                    not_null(table, name, column.not_null),
                    default(table, name, has_default),
                ]
            }
            SqlChange::DropColumn { table, column } => {
                vec![Effect::NoColumn { table: of(table), name: text(column) }]
            }
            SqlChange::Retype { table, column, to, .. } => vec![typed(table, column, *to)],
            SqlChange::SetDefault { table, column, .. } => vec![default(table, column, true)],
            SqlChange::DropDefault { table, column } => vec![default(table, column, false)],
            SqlChange::SetNotNull { table, column } => vec![not_null(table, column, true)],
            SqlChange::DropNotNull { table, column } => vec![not_null(table, column, false)],
            SqlChange::AddCheck { table, name, existing_rows, .. } => {
                let is_validated = *existing_rows != ExistingRows::CheckedLater;
                vec![constraint(table, name, is_validated)]
            }
            SqlChange::AddCheckAfterCommit { table, name, instead_of, .. } => {
                let dropped = instead_of.iter().map(|name| no_constraint(table, name));
                dropped.chain([constraint(table, name, false)]).collect()
            }
            SqlChange::ValidateCheck { table, name, .. } => vec![constraint(table, name, true)],
            SqlChange::DropConstraint { table, name, .. }
            | SqlChange::DropCheck { table, name } => {
                vec![no_constraint(table, name)]
            }
            SqlChange::CreateIndex { table, index }
            | SqlChange::CreateIndexConcurrently { table, index } => vec![built(table, index)],
            SqlChange::DropIndex { index, .. } => {
                vec![Effect::NoIndex { name: text(&index.name) }]
            }
            SqlChange::EnableRls { table } => vec![row_security(table, true)],
            SqlChange::DisableRls { table } => vec![row_security(table, false)],
            SqlChange::CreatePolicy { table, predicate: Predicate::Column(_) } => {
                vec![Effect::Policy { table: of(table), name: POLICY.to_owned() }]
            }
            SqlChange::DropPolicy { table, .. } => {
                vec![Effect::NoPolicy { table: of(table), name: POLICY.to_owned() }]
            }
            SqlChange::AddKey { table, .. } => vec![constraint(table, &table.key, true)],
            SqlChange::SwapKey(swap) => {
                let key = constraint(swap.table, &swap.table.key, true);
                let added = swap.added.iter().map(|key| constraint(key.table, &key.name, false));
                let no_index = Effect::NoIndex { name: text(&swap.index) };
                [no_index, key].into_iter().chain(added).collect()
            }
            SqlChange::AddForeignKey { key, .. } => vec![constraint(key.table, &key.name, false)],
            SqlChange::ValidateForeignKey { table, name, .. } => {
                vec![constraint(table, name, false)]
            }
            SqlChange::Setting(_)
            | SqlChange::Helper(_)
            | SqlChange::CreateSchema(_)
            | SqlChange::Update { .. }
            | SqlChange::UpdateInBatches { .. }
            | SqlChange::GuardRows { .. }
            | SqlChange::GuardDuplicates { .. }
            | SqlChange::DropInvalidIndex { .. }
            | SqlChange::NoForceRls { .. }
            | SqlChange::ForceRls { .. }
            | SqlChange::CreatePolicy { .. }
            | SqlChange::Comment { .. } => Vec::new(),
        }
    }
}

fn text(name: &Ident<'_>) -> String {
    name.as_str().to_owned()
}

fn of(table: &Table<'_>) -> String {
    text(&table.name)
}

fn typed(table: &Table<'_>, column: &Ident<'_>, of_type: ColumnType<'_>) -> Effect {
    let type_name = Some(of_type.printed());
    Effect::Column { table: of(table), name: text(column), type_name }
}

fn not_null(table: &Table<'_>, column: &Ident<'_>, holds: bool) -> Effect {
    Effect::NotNull { table: of(table), name: text(column), holds }
}

fn default(table: &Table<'_>, column: &Ident<'_>, holds: bool) -> Effect {
    Effect::Default { table: of(table), name: text(column), holds }
}

fn constraint(table: &Table<'_>, name: &Ident<'_>, validated: bool) -> Effect {
    Effect::Constraint { table: of(table), name: text(name), validated }
}

fn no_constraint(table: &Table<'_>, name: &Ident<'_>) -> Effect {
    Effect::NoConstraint { table: of(table), name: text(name) }
}

fn row_security(table: &Table<'_>, holds: bool) -> Effect {
    Effect::RowSecurity { table: of(table), holds }
}

fn built(table: &Table<'_>, index: &Index<'_>) -> Effect {
    let (table, name) = (of(table), text(&index.name));
    Effect::Index { table, name, definition: Some(definition(index)) }
}

fn definition(index: &Index<'_>) -> IndexDefinition {
    IndexDefinition {
        columns: index.columns.iter().map(text).collect(),
        unique: index.unique,
        method: index.method.name().to_owned(),
        by_bytes: index.by_bytes,
    }
}
