//! The columns of constraints and unique indexes, which the server reports only by name.

use super::session::Session;
use crate::error::{ConstraintViolation, StoreError};
use crate::value::Cell;
use std::collections::BTreeMap;

const SELECT: &str = "\
    SELECT t.relname::text, i.relname::text, to_json(ARRAY( \
      SELECT a.attname FROM pg_attribute a WHERE a.attrelid = x.indrelid \
      AND a.attnum = ANY ((x.indkey::int2[])[0:x.indnkeyatts - 1]) \
      ORDER BY array_position(x.indkey::int2[], a.attnum)))::text \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
    JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE x.indisunique AND n.nspname = current_schema() \
    UNION ALL \
    SELECT t.relname::text, c.conname::text, to_json(ARRAY( \
      SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.conrelid \
      AND a.attnum = ANY (c.conkey) ORDER BY array_position(c.conkey, a.attnum)))::text \
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid \
    JOIN pg_namespace n ON n.oid = t.relnamespace \
    WHERE c.contype IN ('c', 'f') AND n.nspname = current_schema()";

/// The columns by the names of the table and the constraint. Read before a transaction, because a
/// failed transaction accepts no queries.
#[derive(Debug)]
pub(super) struct Constraints(BTreeMap<(String, String), Vec<String>>);

impl Constraints {
    /// Reads the constraints of all tables.
    pub(super) fn load(session: &mut Session) -> Result<Self, StoreError> {
        let rows = session.query(SELECT, &[])?;
        let entry = |row: Vec<Cell>| {
            let mut texts = row.into_iter().map(Cell::into_text);
            let mut text = || texts.next().flatten();
            let (table, name, columns) = (text()?, text()?, text()?);
            Some(((table, name), serde_json::from_str(&columns).ok()?))
        };
        Ok(Self(rows.into_iter().filter_map(entry).collect()))
    }

    /// Adds the columns to a violation. Returns whether the constraint is known.
    pub(super) fn name_columns(&self, violation: &mut ConstraintViolation) -> bool {
        let (Some(table), Some(name)) = (&violation.table, &violation.constraint) else {
            return true;
        };
        match self.0.get(&(table.clone(), name.clone())) {
            Some(columns) => {
                violation.columns.clone_from(columns);
                true
            }
            None => false,
        }
    }
}
