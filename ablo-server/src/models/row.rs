//! Rows: formatted for clients, and read by role.

use super::{Column, ColumnMapping, ColumnRole, Model};
use crate::value::{Row, push_json_string};

/// Formats a row for clients: a JSON object with all columns.
#[must_use]
pub fn json(model: &Model, row: &Row) -> String {
    let mut out = String::with_capacity(32 * row.len());
    members(model, row, &mut out);
    out.push('}');
    out
}

/// Writes the members of a row without the closing brace.
pub fn members(model: &Model, row: &Row, out: &mut String) {
    out.push('{');
    let is_present = |column: &Column| column.mapping != ColumnMapping::Missing;
    for (at, (column, cell)) in
        model.columns.iter().zip(row).filter(|(column, _)| is_present(column)).enumerate()
    {
        if at > 0 {
            out.push(',');
        }
        push_json_string(&column.member, out);
        out.push(':');
        column.kind.write(cell, out);
    }
}

/// Returns the id of a row.
#[must_use]
pub fn id(row: &Row) -> &str {
    row.first().and_then(crate::value::Cell::text).unwrap_or_default()
}

/// Returns the text in the column with a role.
#[must_use]
pub fn text_with_role<'r>(model: &Model, row: &'r Row, role: ColumnRole) -> Option<&'r str> {
    row.get(model.column_with_role(role)?)?.text()
}
