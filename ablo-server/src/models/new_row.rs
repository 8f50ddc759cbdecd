//! Values of new rows that no participant gave.

use super::{ColumnDefault, ColumnRole, Model};
use crate::value::Cell;
use ablo_schema::schema;

/// The value of a column in a new row, if its writer gave none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NewValue<'m> {
    /// The id of the row.
    Id,
    /// The organisation of the row.
    Organization,
    /// The participant that writes the row.
    Participant,
    /// The time of the write.
    Now,
    /// The constant of the schema.
    Default(&'m Cell),
    /// None.
    Absent,
}

impl Model {
    /// Returns the value of a column in a new row, if its writer gave none.
    pub(crate) fn new_value(&self, at: usize) -> NewValue<'_> {
        let Some(column) = self.columns.get(at) else { return NewValue::Absent };
        let auto_fill = self.auto_fill.iter().find(|(filled, _)| *filled == at);
        let auto_fill = auto_fill.map(|(_, source)| *source);
        match column.role {
            ColumnRole::Id => NewValue::Id,
            ColumnRole::Organization => NewValue::Organization,
            ColumnRole::CreatedBy => NewValue::Participant,
            ColumnRole::CreatedAt | ColumnRole::UpdatedAt => NewValue::Now,
            ColumnRole::Declared => {
                match schema::NewValue::of(auto_fill, column.default.as_ref()) {
                    schema::NewValue::Organization => NewValue::Organization,
                    schema::NewValue::Participant => NewValue::Participant,
                    schema::NewValue::Default(ColumnDefault::Now) => NewValue::Now,
                    schema::NewValue::Default(ColumnDefault::Value(cell)) => {
                        NewValue::Default(cell)
                    }
                    schema::NewValue::Absent => NewValue::Absent,
                }
            }
        }
    }
}

/// The facts that new rows take their values from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowOrigin<'o> {
    pub(crate) id: &'o str,
    pub(crate) organization: &'o str,
    pub(crate) participant: &'o str,
    /// The time of the write, in the stored date format.
    pub(crate) now: &'o str,
}

impl RowOrigin<'_> {
    /// Returns a value as a cell, or `None` if it is absent.
    pub(crate) fn cell(&self, value: NewValue<'_>) -> Option<Cell> {
        Some(match value {
            NewValue::Id => self.id.into(),
            NewValue::Organization => self.organization.into(),
            NewValue::Participant => self.participant.into(),
            NewValue::Now => self.now.into(),
            NewValue::Default(cell) => cell.clone(),
            NewValue::Absent => return None,
        })
    }
}
