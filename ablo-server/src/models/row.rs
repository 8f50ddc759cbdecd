//! Rows: formatted for clients, and read by role.

use super::{Column, ColumnMapping, ColumnRole, Model};
use crate::value::{Cell, Row, push_json_string};

/// Formats a row for the log: a JSON object with all columns. Clients are sent what
/// `engine::exits` makes of it.
#[must_use]
pub fn json(model: &Model, row: &Row) -> String {
    let mut out = String::with_capacity(32 * row.len());
    members_except(model, row, &[], &mut out);
    out.push('}');
    out
}

/// Writes the members of a row, but those of `hidden` columns, without the closing brace.
pub(crate) fn members_except(model: &Model, row: &Row, hidden: &[usize], out: &mut String) {
    out.push('{');
    let is_shown = |(at, (column, _)): &(usize, (&Column, &Cell))| {
        column.mapping != ColumnMapping::Missing && !hidden.contains(at)
    };
    let shown = model.columns.iter().zip(row).enumerate().filter(is_shown);
    for (number, (_, (column, cell))) in shown.enumerate() {
        if number > 0 {
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
