//! Updates of many rows in short transactions, of which each locks a few rows for a moment.
//!
//! A batch is at most 1000 rows of a range of pages, so it needs no index. An update that was
//! interrupted starts again: rows that were updated no longer satisfy its condition.

use super::super::ddl::Table;
use super::super::names::{Ident, Literal, Quoted, sql};
use super::all_rows::{DROP_LEFTOVER, SHOW_ROWS};
use super::change::ColumnDefault;

/// The variables of the block.
const DECLARATIONS: &str = "
DECLARE
  at bigint := 0;
  pages bigint;
  many bigint := 32;
  updated bigint;
  open boolean;
  lifted boolean;
";

/// The loops over the table and over its ranges of pages. A partition has its own pages, so the
/// largest one counts.
const BATCHES: &str = "
  FOR pass IN 1..20 LOOP
    at := 0;
    WITH RECURSIVE parts (part) AS (
      SELECT target UNION ALL
      SELECT inhrelid::regclass FROM pg_catalog.pg_inherits JOIN parts ON inhparent = part
    )
    SELECT max(pg_catalog.pg_relation_size(part)) / current_setting('block_size')::bigint
      INTO pages FROM parts;
    WHILE at < pages LOOP
";

const PACE: &str = "
        USING pg_catalog.format('(%s,0)', at)::tid, pg_catalog.format('(%s,0)', at + many)::tid;
      GET DIAGNOSTICS updated = ROW_COUNT;
      COMMIT;
      IF updated = 1000 THEN
        many := greatest(many / 2, 1);
      ELSE
        at := at + many;
        many := CASE WHEN updated < 250 THEN least(many * 2, 16384) ELSE many END;
      END IF;
    END LOOP;
";

/// Writes an update of the rows that satisfy a condition.
pub(super) fn update_in_batches(
    table: &Table<'_>,
    column: &Ident<'_>,
    to: Option<&ColumnDefault<'_>>,
    rows: &str,
    out: &mut String,
) {
    let mut update = String::new();
    sql!(&mut update, "UPDATE ", table, " SET ", column, " = ");
    match to {
        Some(value) => sql!(&mut update, value),
        None => sql!(&mut update, "NULL"),
    }
    sql!(&mut update, " WHERE ctid = ANY (ARRAY(SELECT ctid FROM ", table);
    sql!(&mut update, " WHERE ctid >= $1 AND ctid < $2 AND ");
    update.push_str(rows);
    sql!(&mut update, " LIMIT 1000)) AND ");
    update.push_str(rows);
    let mut body = String::from(DECLARATIONS);
    sql!(&mut body, "  target regclass := ", table.regclass, ";\nBEGIN\n");
    body.push_str("  lifted := pg_catalog.row_security_active(target);\n");
    body.push_str(DROP_LEFTOVER);
    body.push_str("  IF lifted THEN\n");
    body.push_str(SHOW_ROWS);
    body.push_str("    COMMIT;\n  END IF;\n");
    body.push_str(BATCHES);
    sql!(&mut body, "      EXECUTE ", Literal::new(update));
    body.push_str(PACE);
    let mut left = String::new();
    sql!(&mut left, "SELECT EXISTS (SELECT FROM ", table, " WHERE ");
    left.push_str(rows);
    left.push(')');
    // Rows that others moved to pages before the current one; one snapshot has all of them.
    sql!(&mut body, "    EXECUTE ", Literal::new(left), " INTO open;\n    COMMIT;\n");
    sql!(&mut body, "    EXIT WHEN NOT open;\n  END LOOP;\n");
    sql!(&mut body, "  IF lifted THEN\n    DROP POLICY ablo_migrates ON ", table, ";\n  END IF;\n");
    sql!(&mut body, "END ");
    sql!(out, "DO ", Quoted(body), ";");
}
