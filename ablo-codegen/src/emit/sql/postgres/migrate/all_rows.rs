//! Statements that have to see every row of a table, also those that its policies hide from this
//! role.
//!
//! In the transaction, row security is not forced for as long as a statement runs, which keeps
//! others out. After the commit, a policy shows the rows to this session alone.

use super::super::ddl::Table;
use super::super::names::{Ident, Literal, Quoted, sql};
use super::guard::Guard;

/// The size in bytes up to which a table is read while it is locked. It is read in some
/// milliseconds. Rows of a larger table are checked after the commit.
const SMALL: u32 = 8 << 20;

/// Creates a policy that shows all rows of `target` to this session, which its process and the time
/// of its start identify. To stop forcing row security would show them to every session of this
/// role.
pub(super) const SHOW_ROWS: &str = "    EXECUTE pg_catalog.format('CREATE POLICY ablo_migrates ON \
%s TO CURRENT_USER USING \
(pg_catalog.pg_backend_pid() = %s AND (SELECT EXTRACT(epoch FROM own.backend_start) FROM \
pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS own) = %s)', target, \
pg_catalog.pg_backend_pid(), (SELECT EXTRACT(epoch FROM own.backend_start) FROM \
pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS own));
";

/// Drops a policy of `target` that an interrupted run left. It does not show rows to this session.
pub(super) const DROP_LEFTOVER: &str = "  IF EXISTS (SELECT FROM pg_catalog.pg_policy WHERE \
polrelid = target AND polname = 'ablo_migrates') THEN
    EXECUTE pg_catalog.format('DROP POLICY ablo_migrates ON %s', target);
  END IF;
";

/// Lets restrictive policies hide no rows of a table either, while the next statement runs.
const FORCE: [&str; 2] = ["NO FORCE", "FORCE"];

/// Fails if a small table has rows that satisfy a condition.
pub(super) fn guard_rows(
    table: &Table<'_>,
    column: &Ident<'_>,
    rows: &str,
    guard: Guard,
    out: &mut String,
) {
    let mut found = String::new();
    sql!(&mut found, "SELECT FROM ", table, " WHERE ");
    found.push_str(rows);
    guard_small(table, &found, &guard.about(table, column), guard, out);
}

/// Fails if rows of a small table have the same values in these columns.
pub(super) fn guard_duplicates(table: &Table<'_>, columns: &[Ident<'_>], out: &mut String) {
    let list = |separator: &'static str, end: &'static str| {
        let mut list = String::new();
        for (at, column) in columns.iter().enumerate() {
            sql!(&mut list, if at == 0 { "" } else { separator }, column, end);
        }
        list
    };
    let guard = Guard::DuplicateValues;
    let message = columns.last().map(|column| guard.about(table, column)).unwrap_or_default();
    let mut found = String::new();
    sql!(&mut found, "SELECT FROM ", table, " WHERE ");
    found.push_str(&list(" AND ", " IS NOT NULL"));
    found.push_str(" GROUP BY ");
    found.push_str(&list(", ", ""));
    found.push_str(" HAVING count(*) > 1");
    guard_small(table, &found, &message, guard, out);
}

/// Fails if a query of a small table finds rows.
fn guard_small(table: &Table<'_>, query: &str, message: &str, guard: Guard, out: &mut String) {
    let mut body = String::from("\nDECLARE\n");
    sql!(&mut body, "  target regclass := ", table.regclass, ";\n");
    body.push_str("  veiled boolean := pg_catalog.row_security_active(target);\nBEGIN\n");
    // A partitioned table has the size of its parts.
    body.push_str(
        "  IF (SELECT sum(pg_catalog.pg_relation_size(part)) FROM (SELECT target UNION SELECT \
         relid FROM pg_catalog.pg_partition_tree(target)) AS parts (part)) > ",
    );
    body.push_str(&SMALL.to_string());
    body.push_str(" THEN\n    RETURN;\n  END IF;\n");
    let force = |force: &'static str, body: &mut String| {
        sql!(body, "  IF veiled THEN\n    ALTER TABLE ", table, " ", force);
        sql!(body, " ROW LEVEL SECURITY;\n  END IF;\n");
    };
    force("NO FORCE", &mut body);
    body.push_str("  IF EXISTS (");
    body.push_str(query);
    sql!(&mut body, ") THEN\n    RAISE EXCEPTION USING ERRCODE = '", guard.condition());
    sql!(&mut body, "', MESSAGE = ", Literal::new(message), ", HINT = ");
    sql!(&mut body, Literal::new(guard.hint()), ";\n  END IF;\n");
    force("FORCE", &mut body);
    body.push_str("END ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Validates a foreign key after the commit. Orphaned rows are a warning.
pub(super) fn validate_foreign_key(
    table: &Table<'_>,
    name: &Ident<'_>,
    target: &Table<'_>,
    out: &mut String,
) {
    let message = format!(
        "ablo::migrate::foreign_key_not_validated: {} has orphaned rows; fix them and validate the \
         key",
        name.as_str()
    );
    let mut body = String::from("\nDECLARE\n  target regclass;\n  tables regclass[] := ARRAY[");
    sql!(&mut body, table.regclass, "::regclass");
    if target.name != table.name {
        sql!(&mut body, ", ", target.regclass, "::regclass");
    }
    body.push_str("];\n  veils regclass[];\n  hidden regclass[];\nBEGIN\n");
    let each = |of: &'static str, what: &str, body: &mut String| {
        sql!(body, "  FOREACH target IN ARRAY ", of, " LOOP\n");
        body.push_str(what);
        body.push_str("  END LOOP;\n");
    };
    each("tables", DROP_LEFTOVER, &mut body);
    body.push_str(
        "  veils := ARRAY(SELECT one FROM pg_catalog.unnest(tables) AS one WHERE \
         pg_catalog.row_security_active(one));
  hidden := ARRAY(SELECT one FROM pg_catalog.unnest(veils) AS one WHERE EXISTS (SELECT FROM \
         pg_catalog.pg_policy WHERE polrelid = one AND NOT polpermissive));\n",
    );
    each("veils", SHOW_ROWS, &mut body);
    body.push_str("  COMMIT;\n");
    let [lift, restore] = FORCE.map(|force| {
        format!(
            "    EXECUTE pg_catalog.format('ALTER TABLE %s {force} ROW LEVEL SECURITY', target);\n"
        )
    });
    each("hidden", &lift, &mut body);
    sql!(&mut body, "  BEGIN\n    ALTER TABLE ", table, " VALIDATE CONSTRAINT ", name, ";\n");
    sql!(&mut body, "  EXCEPTION WHEN foreign_key_violation THEN\n    RAISE WARNING USING MESSAGE");
    sql!(&mut body, " = ", Literal::new(message), ", DETAIL = SQLERRM;\n  END;\n");
    each("hidden", &restore, &mut body);
    body.push_str("  COMMIT;\n");
    each("veils", DROP_LEFTOVER, &mut body);
    body.push_str("END ");
    sql!(out, "DO ", Quoted(body), ";");
}
