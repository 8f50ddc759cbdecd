//! Renders the statements of a migration. Migrations write statements nowhere else.

use super::super::ddl::{Column, Predicate, Preset, Table};
use super::super::names::{Ident, Literal, Quoted, Sql, sql};
use super::super::render::{Columns, write_columns, write_predicate};
use super::all_rows::{guard_duplicates, guard_rows, validate_foreign_key};
use super::batches::update_in_batches;
use super::change::{ColumnDefault, ExistingRows, ForeignKey, Index, KeySwap, SqlChange};
use super::guard::Guard;

impl Sql for ColumnDefault<'_> {
    fn write(&self, out: &mut String) {
        match self {
            ColumnDefault::Now => sql!(out, "now()"),
            ColumnDefault::Constant(preset) => preset.write(out),
        }
    }
}

/// Wraps a statement so that it fails with the code, message and hint of a guard, each on the
/// condition of the server that it handles.
fn guarded(
    statement: &str,
    guards: &[(&'static str, Guard)],
    table: &Table<'_>,
    column: &Ident<'_>,
    out: &mut String,
) {
    if guards.is_empty() {
        return out.push_str(statement);
    }
    let mut body = String::from("\nBEGIN\n  ");
    body.push_str(statement);
    body.push_str("\nEXCEPTION");
    for (condition, guard) in guards {
        sql!(
            &mut body,
            " WHEN ",
            *condition,
            " THEN\n  RAISE EXCEPTION USING ERRCODE = '",
            guard.condition()
        );
        sql!(&mut body, "', MESSAGE = ", Literal::new(guard.about(table, column)));
        sql!(&mut body, ",\n    DETAIL = SQLERRM, HINT = ", Literal::new(guard.hint()), ";\n");
    }
    body.push_str("END ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Returns guards with their own conditions.
fn conditions(guards: &[Guard]) -> Vec<(&'static str, Guard)> {
    guards.iter().map(|guard| (guard.condition(), *guard)).collect()
}

/// Writes an `ALTER TABLE` statement.
macro_rules! alter {
    ($out:expr, $table:expr, $($part:expr),+) => {
        sql!($out, "ALTER TABLE ", $table, " ", $($part),+, ";")
    };
}

impl Sql for SqlChange<'_> {
    fn write(&self, out: &mut String) {
        match self {
            SqlChange::Setting(text) => sql!(out, *text),
            SqlChange::Helper(helper) => sql!(out, helper.definition().trim_end()),
            SqlChange::CreateSchema(name) => sql!(out, "CREATE SCHEMA IF NOT EXISTS ", name, ";"),
            SqlChange::CreateTable { table, columns, key } => {
                sql!(out, "CREATE TABLE ", table, " (");
                write_columns(table, columns, key, out);
                sql!(out, ");");
            }
            SqlChange::DropTable { table } => sql!(out, "DROP TABLE ", table, ";"),
            SqlChange::RenameTable { schema, from, to } => {
                sql!(out, "ALTER TABLE ", schema, ".", from, " RENAME TO ", to, ";");
            }
            SqlChange::RenameIndex { schema, from, to, .. } => {
                sql!(out, "ALTER INDEX ", schema, ".", from, " RENAME TO ", to, ";");
            }
            SqlChange::RenameColumn { table, from, to } => {
                alter!(out, table, "RENAME COLUMN ", from, " TO ", to)
            }
            SqlChange::RenameConstraint { table, from, to } => {
                alter!(out, table, "RENAME CONSTRAINT ", from, " TO ", to)
            }
            SqlChange::AddColumn { table, column, fill, guard } => {
                add_column(table, column, fill.as_ref(), *guard, out)
            }
            SqlChange::DropColumn { table, column } => alter!(out, table, "DROP COLUMN ", column),
            SqlChange::Retype { table, column, to, using, guards } => {
                let mut plain = String::new();
                alter!(
                    &mut plain,
                    table,
                    "ALTER COLUMN ",
                    column,
                    " TYPE ",
                    to,
                    " USING (",
                    using,
                    ")::",
                    to
                );
                guarded(&plain, &conditions(guards), table, column, out);
            }
            SqlChange::SetDefault { table, column, to: ColumnDefault::Now } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET DEFAULT now()");
            }
            SqlChange::SetDefault { table, column, to: ColumnDefault::Constant(preset) } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET DEFAULT ", preset);
            }
            SqlChange::DropDefault { table, column } => {
                alter!(out, table, "ALTER COLUMN ", column, " DROP DEFAULT")
            }
            SqlChange::DropNotNull { table, column } => {
                alter!(out, table, "ALTER COLUMN ", column, " DROP NOT NULL")
            }
            SqlChange::SetNotNull { table, column } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET NOT NULL")
            }
            SqlChange::Update { table, column, to, rows, guards, .. } => {
                let mut plain = String::new();
                update(table, column, to.as_ref(), rows, &mut plain);
                guarded(&plain, &conditions(guards), table, column, out);
            }
            SqlChange::UpdateInBatches { table, column, to, rows } => {
                update_in_batches(table, column, to.as_ref(), rows, out)
            }
            SqlChange::AddCheckAfterCommit { table, name, condition, instead_of } => {
                sql!(out, "ALTER TABLE ", table);
                for known in instead_of.iter().chain([name]) {
                    sql!(out, " DROP CONSTRAINT IF EXISTS ", known, ",");
                }
                sql!(out, " ADD CONSTRAINT ", name, " CHECK (");
                out.push_str(condition);
                sql!(out, ") NOT VALID;");
            }
            SqlChange::AddCheck { table, name, condition, existing_rows } => {
                sql!(out, "ALTER TABLE ", table, " ADD CONSTRAINT ", name, " CHECK (");
                out.push_str(condition);
                sql!(
                    out,
                    match existing_rows {
                        ExistingRows::CheckedLater => ") NOT VALID;",
                        ExistingRows::None => ");",
                    }
                );
            }
            SqlChange::DropConstraint { table, name, .. } => {
                alter!(out, table, "DROP CONSTRAINT ", name)
            }
            SqlChange::ValidateCheck { table, name, guard } => {
                let mut plain = String::new();
                alter!(&mut plain, table, "VALIDATE CONSTRAINT ", name);
                match guard {
                    Some((column, guard)) => {
                        guarded(&plain, &[("check_violation", *guard)], table, column, out)
                    }
                    None => out.push_str(&plain),
                }
            }
            SqlChange::DropCheck { table, name } => {
                alter!(out, table, "DROP CONSTRAINT IF EXISTS ", name)
            }
            SqlChange::CreateIndex { table, index } => create_index("", table, index, out),
            SqlChange::CreateIndexConcurrently { table, index } => {
                create_index("CONCURRENTLY IF NOT EXISTS ", table, index, out)
            }
            SqlChange::GuardRows { table, column, rows, guard } => {
                guard_rows(table, column, rows, *guard, out)
            }
            SqlChange::GuardDuplicates { table, columns } => guard_duplicates(table, columns, out),
            SqlChange::DropInvalidIndex { table, name } => drop_invalid_index(table, name, out),
            SqlChange::DropIndex { table, index } => {
                sql!(out, "DROP INDEX ", table.schema, ".", index.name, ";")
            }
            SqlChange::NoForceRls { table } => {
                alter_rls_if("row_security_active(", table, ")", "NO FORCE", out)
            }
            SqlChange::ForceRls { table } => {
                let forced =
                    "NOT (SELECT relforcerowsecurity FROM pg_catalog.pg_class WHERE oid = ";
                alter_rls_if(forced, table, ")", "FORCE", out);
            }
            SqlChange::EnableRls { table } => {
                alter!(out, table, "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
            }
            SqlChange::DisableRls { table } => {
                alter!(out, table, "NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY");
            }
            SqlChange::CreatePolicy { table, predicate } => create_policy(table, predicate, out),
            SqlChange::DropPolicy { table, .. } => {
                sql!(out, "DROP POLICY IF EXISTS tenant_isolation ON ", table, ";")
            }
            SqlChange::AddKey { table, columns } => {
                let mut plain = String::new();
                let list = Columns(columns);
                alter!(&mut plain, table, "ADD CONSTRAINT ", table.key, " PRIMARY KEY ", list);
                let id = Ident::new("id");
                guarded(&plain, &conditions(&[Guard::DuplicateValues]), table, &id, out);
            }
            SqlChange::SwapKey(swap) => swap_key(swap, out),
            SqlChange::AddForeignKey { key, is_new, .. } => {
                add_foreign_key(key, if *is_new { "" } else { " NOT VALID" }, out);
            }
            SqlChange::ValidateForeignKey { table, name, target } => {
                validate_foreign_key(table, name, target, out)
            }
            SqlChange::Comment { table, column, text } => {
                sql!(out, "COMMENT ON COLUMN ", table, ".", column, " IS ");
                match text {
                    Some(text) => sql!(out, text, ";"),
                    None => sql!(out, "NULL;"),
                }
            }
        }
    }
}

fn add_column(
    table: &Table<'_>,
    column: &Column<'_>,
    fill: Option<&Preset<'_>>,
    guard: Guard,
    out: &mut String,
) {
    let mut plain = String::new();
    sql!(&mut plain, "ALTER TABLE ", table, " ADD COLUMN ", column.name, " ", column.column_type);
    sql!(&mut plain, if column.not_null { " NOT NULL" } else { "" });
    match fill {
        Some(value) => sql!(&mut plain, " DEFAULT ", value),
        None => sql!(&mut plain, column.column_type.default()),
    }
    plain.push(';');
    let has_value = fill.is_some() || !column.column_type.default().is_empty();
    if column.not_null && !has_value {
        guarded(&plain, &conditions(&[guard]), table, &column.name, out);
    } else {
        out.push_str(&plain);
    }
}

fn create_index(how: &'static str, table: &Table<'_>, index: &Index<'_>, out: &mut String) {
    sql!(
        out,
        if index.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " },
        how,
        index.name,
        " ON ",
        table
    );
    sql!(out, " USING ", index.method.name(), " (");
    for (at, column) in index.columns.iter().enumerate() {
        sql!(out, if at == 0 { "" } else { ", " }, column);
    }
    sql!(out, if index.by_bytes { " COLLATE \"C\");" } else { ");" });
}

fn add_foreign_key(key: &ForeignKey<'_>, rows: &'static str, out: &mut String) {
    let ForeignKey { table, name, columns, target, target_columns } = key;
    let (columns, target_columns) = (Columns(columns), Columns(target_columns));
    alter!(
        out,
        table,
        "ADD CONSTRAINT ",
        name,
        " FOREIGN KEY ",
        columns,
        " REFERENCES ",
        target,
        " ",
        target_columns,
        "\n  ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED",
        rows
    );
}

/// Replaces a primary key, if the index for the new one is there. It is not once it became the key.
fn swap_key(swap: &KeySwap<'_>, out: &mut String) {
    let KeySwap { table, index, dropped, added } = swap;
    let mut name = String::new();
    sql!(&mut name, table.schema, ".", index);
    let mut body = String::from("\nBEGIN\n  IF pg_catalog.to_regclass(");
    sql!(&mut body, Literal::new(name), ") IS NOT NULL THEN\n");
    for (table, key) in dropped {
        sql!(&mut body, "    ALTER TABLE ", table, " DROP CONSTRAINT IF EXISTS ", key, ";\n");
    }
    // The key may have foreign keys already if the statement is repeated.
    for key in added {
        let (table, key) = (key.table, &key.name);
        sql!(&mut body, "    ALTER TABLE ", table, " DROP CONSTRAINT IF EXISTS ", key, ";\n");
    }
    sql!(&mut body, "    ALTER TABLE ", table, " DROP CONSTRAINT IF EXISTS ", table.key);
    sql!(
        &mut body,
        ",\n      ADD CONSTRAINT ",
        table.key,
        " PRIMARY KEY USING INDEX ",
        index,
        ";\n"
    );
    for key in added {
        sql!(&mut body, "    ");
        add_foreign_key(key, " NOT VALID", &mut body);
        sql!(&mut body, "\n");
    }
    sql!(&mut body, "  END IF;\nEND ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Drops an invalid index. An index that another session is building holds the table's lock, so
/// this fails at once.
fn drop_invalid_index(table: &Table<'_>, name: &Ident<'_>, out: &mut String) {
    let mut index = String::new();
    sql!(&mut index, table.schema, ".", name);
    let mut body = String::from(
        "\nBEGIN\n  IF EXISTS (SELECT FROM pg_catalog.pg_index WHERE NOT indisvalid AND indexrelid \
         = pg_catalog.to_regclass(",
    );
    sql!(
        &mut body,
        Literal::new(index.as_str()),
        ")) THEN\n    LOCK TABLE ",
        table,
        " IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;\n"
    );
    sql!(&mut body, "    DROP INDEX IF EXISTS ", table.schema, ".", name, ";\n  END IF;\nEND ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Forces row security, or stops forcing it, if the condition on the table holds.
fn alter_rls_if(
    before: &'static str,
    table: &Table<'_>,
    after: &'static str,
    force: &'static str,
    out: &mut String,
) {
    let mut body = String::from("\nBEGIN\n  IF ");
    sql!(&mut body, before, table.regclass, "::regclass", after, " THEN\n    ALTER TABLE ", table);
    sql!(&mut body, " ", force, " ROW LEVEL SECURITY;\n  END IF;\nEND ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Creates a policy. If a table or column that it refers to is missing, no row is visible and a
/// warning is raised.
fn create_policy(table: &Table<'_>, predicate: &Predicate<'_>, out: &mut String) {
    let mut condition = String::new();
    write_predicate(table, predicate, &mut condition);
    let mut plain = String::new();
    sql!(&mut plain, "CREATE POLICY tenant_isolation ON ", table, " USING (");
    plain.push_str(&condition);
    plain.push_str(") WITH CHECK (");
    plain.push_str(&condition);
    plain.push_str(");");
    if matches!(predicate, Predicate::Column(_)) {
        return out.push_str(&plain);
    }
    let mut body = String::from("\nBEGIN\n  ");
    body.push_str(&plain);
    body.push_str(
        "\nEXCEPTION WHEN undefined_table OR undefined_column OR undefined_function \
        THEN\n  RAISE WARNING USING MESSAGE = ",
    );
    let message = format!(
        "ablo::migrate::policy_skipped: {} has no policy, so no row is visible",
        table.name.as_str()
    );
    sql!(&mut body, Literal::new(message), ", DETAIL = SQLERRM;\nEND ");
    sql!(out, "DO ", Quoted(body), ";");
}

fn update(
    table: &Table<'_>,
    column: &Ident<'_>,
    to: Option<&ColumnDefault<'_>>,
    rows: &str,
    out: &mut String,
) {
    sql!(out, "UPDATE ", table, " SET ", column, " = ");
    match to {
        Some(value) => sql!(out, value),
        None => sql!(out, "NULL"),
    }
    sql!(out, " WHERE ");
    out.push_str(rows);
    out.push(';');
}
