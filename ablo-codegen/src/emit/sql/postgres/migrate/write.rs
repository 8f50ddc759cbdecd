//! How the statements of a migration look: the only place of it that writes whole statements.

use super::super::ddl::{Column, Predicate, Preset, Table};
use super::super::names::{Ident, Literal, Quoted, Sql, sql};
use super::super::render::{write_columns, write_predicate};
use super::change::{Change, Default, Index, OldRows};
use super::refusal::Refusal;

impl Sql for Default<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Default::Now => sql!(out, "now()"),
            Default::Constant(preset) => preset.write(out),
        }
    }
}

/// A statement that fails with a code of its own where rows do not let it.
fn refusing(
    statement: &str,
    refusals: &[Refusal],
    table: &Table<'_>,
    column: &Ident<'_>,
    out: &mut String,
) {
    if refusals.is_empty() {
        return out.push_str(statement);
    }
    let mut body = String::from("\nBEGIN\n  ");
    body.push_str(statement);
    body.push_str("\nEXCEPTION");
    for why in refusals {
        sql!(
            &mut body,
            " WHEN ",
            why.condition(),
            " THEN\n  RAISE EXCEPTION USING ERRCODE = '",
            why.condition()
        );
        sql!(&mut body, "', MESSAGE = ", Literal::new(why.about(table, column)));
        sql!(&mut body, ",\n    DETAIL = SQLERRM, HINT = ", Literal::new(why.hint()), ";\n");
    }
    body.push_str("END ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// The beginning of what changes a table.
macro_rules! alter {
    ($out:expr, $table:expr, $($part:expr),+) => { sql!($out, "ALTER TABLE ", $table, " ", $($part),+, ";") };
}

impl Sql for Change<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Change::Setting(text) => sql!(out, *text),
            Change::Helper(helper) => sql!(out, helper.definition().trim_end()),
            Change::CreateSchema(name) => sql!(out, "CREATE SCHEMA IF NOT EXISTS ", name, ";"),
            Change::CreateTable { table, columns } => {
                sql!(out, "CREATE TABLE ", table, " (");
                write_columns(table, columns, out);
                sql!(out, ");");
            }
            Change::DropTable { table } => sql!(out, "DROP TABLE ", table, ";"),
            Change::RenameTable { schema, from, to } => {
                sql!(out, "ALTER TABLE ", schema, ".", from, " RENAME TO ", to, ";");
            }
            Change::RenameIndex { schema, from, to, .. } => {
                sql!(out, "ALTER INDEX ", schema, ".", from, " RENAME TO ", to, ";");
            }
            Change::RenameColumn { table, from, to } => {
                alter!(out, table, "RENAME COLUMN ", from, " TO ", to)
            }
            Change::RenameConstraint { table, from, to } => {
                alter!(out, table, "RENAME CONSTRAINT ", from, " TO ", to)
            }
            Change::AddColumn { table, column, fill, refusal } => {
                add_column(table, column, fill.as_ref(), *refusal, out)
            }
            Change::DropColumn { table, column } => alter!(out, table, "DROP COLUMN ", column),
            Change::Retype { table, column, to, using, refusals } => {
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
                refusing(&plain, refusals, table, column, out);
            }
            Change::SetDefault { table, column, to: Default::Now } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET DEFAULT now()");
            }
            Change::SetDefault { table, column, to: Default::Constant(preset) } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET DEFAULT ", preset);
            }
            Change::DropDefault { table, column } => {
                alter!(out, table, "ALTER COLUMN ", column, " DROP DEFAULT")
            }
            Change::DropNotNull { table, column } => {
                alter!(out, table, "ALTER COLUMN ", column, " DROP NOT NULL")
            }
            Change::SetNotNull { table, column, refusal } => {
                let mut plain = String::new();
                alter!(&mut plain, table, "ALTER COLUMN ", column, " SET NOT NULL");
                match refusal {
                    Some(why) => refusing(&plain, &[*why], table, column, out),
                    None => out.push_str(&plain),
                }
            }
            Change::Update { table, column, to, rows, refusals, .. } => {
                let mut plain = String::new();
                update(table, column, to.as_ref(), rows, &mut plain);
                refusing(&plain, refusals, table, column, out);
            }
            Change::UpdateLater { table, column, to, rows, .. } => {
                let mut plain = String::new();
                update(table, column, to.as_ref(), rows, &mut plain);
                seen_by_all(&[table], &plain, None, out);
            }
            Change::AddCheck { table, name, column, condition, old_rows } => {
                let mut plain = String::new();
                sql!(&mut plain, "ALTER TABLE ", table, " ADD CONSTRAINT ", name, " CHECK (");
                plain.push_str(condition);
                sql!(&mut plain, if *old_rows == OldRows::Later { ") NOT VALID;" } else { ");" });
                match old_rows {
                    OldRows::Refused(why) => refusing(&plain, &[*why], table, column, out),
                    OldRows::None | OldRows::Later => out.push_str(&plain),
                }
            }
            Change::DropConstraint { table, name, .. } => {
                alter!(out, table, "DROP CONSTRAINT ", name)
            }
            Change::ValidateCheck { table, name } => {
                alter!(out, table, "VALIDATE CONSTRAINT ", name)
            }
            Change::DropCheck { table, name } => {
                alter!(out, table, "DROP CONSTRAINT IF EXISTS ", name)
            }
            Change::CreateIndex { table, index } => create_index("", table, index, out),
            Change::CreateIndexLater { table, index } => {
                create_index("CONCURRENTLY IF NOT EXISTS ", table, index, out)
            }
            Change::RefuseDuplicates { table, columns } => refuse_duplicates(table, columns, out),
            Change::ClearIndex { table, name } => clear_index(table, name, out),
            Change::DropIndex { table, name } => {
                sql!(out, "DROP INDEX ", table.schema, ".", name, ";")
            }
            Change::Unveil { table } => when("row_security_active(", table, ")", "NO FORCE", out),
            Change::Force { table } => {
                let forced =
                    "NOT (SELECT relforcerowsecurity FROM pg_catalog.pg_class WHERE oid = ";
                when(forced, table, ")", "FORCE", out);
            }
            Change::Enclose { table } => {
                alter!(out, table, "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
            }
            Change::Open { table } => {
                alter!(out, table, "NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY");
            }
            Change::CreatePolicy { table, predicate } => create_policy(table, predicate, out),
            Change::DropPolicy { table, .. } => {
                sql!(out, "DROP POLICY IF EXISTS tenant_isolation ON ", table, ";")
            }
            Change::AddForeignKey { table, name, column, target, is_new } => {
                let rows = if *is_new { "" } else { " NOT VALID" };
                alter!(
                    out,
                    table,
                    "ADD CONSTRAINT ",
                    name,
                    " FOREIGN KEY (",
                    column,
                    ") REFERENCES ",
                    target,
                    " (\"id\")\n  ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED",
                    rows
                );
            }
            Change::ValidateForeignKey { table, name, target } => {
                let mut plain = String::new();
                alter!(&mut plain, table, "VALIDATE CONSTRAINT ", name);
                let message = format!(
                    "ablo::migrate::foreign_key_not_validated: {} has orphans; mend them and validate the key",
                    name.as_str()
                );
                seen_by_all(
                    &[table, target],
                    &plain,
                    Some(("foreign_key_violation", message)),
                    out,
                );
            }
            Change::Comment { table, column, text } => {
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
    refusal: Refusal,
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
        refusing(&plain, &[refusal], table, &column.name, out);
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
    sql!(out, ");");
}

/// Drops an index that is there and invalid. One that someone still builds holds the table's lock: then this fails.
fn clear_index(table: &Table<'_>, name: &Ident<'_>, out: &mut String) {
    let mut index = String::new();
    sql!(&mut index, table.schema, ".", name);
    let mut body = String::from(
        "\nBEGIN\n  IF EXISTS (SELECT FROM pg_catalog.pg_index WHERE NOT indisvalid AND indexrelid = pg_catalog.to_regclass(",
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

/// Changes the force of row security where the condition on the table holds.
fn when(
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

/// A policy. Where what it looks at is missing, no row is visible rather than every row, and that is reported.
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
    body.push_str("\nEXCEPTION WHEN undefined_table OR undefined_column OR undefined_function THEN\n  RAISE WARNING USING MESSAGE = ");
    let message = format!(
        "ablo::migrate::policy_skipped: {} shows no row to anyone, having no policy",
        table.name.as_str()
    );
    sql!(&mut body, Literal::new(message), ", DETAIL = SQLERRM;\nEND ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Runs a statement as one who sees every row of these tables. Where a condition of the server's is given, that is reported and nothing is done.
fn seen_by_all(
    tables: &[&Table<'_>],
    statement: &str,
    reported: Option<(&'static str, String)>,
    out: &mut String,
) {
    let mut body = String::from(
        "\nDECLARE\n  veiled regclass;\n  veils regclass[] := ARRAY(SELECT DISTINCT each FROM pg_catalog.unnest(ARRAY[",
    );
    for (at, table) in tables.iter().enumerate() {
        sql!(&mut body, if at == 0 { "" } else { ", " }, table.regclass, "::regclass");
    }
    body.push_str("]) AS each WHERE pg_catalog.row_security_active(each));\nBEGIN\n");
    let force = |force: &'static str, body: &mut String| {
        sql!(
            body,
            "  FOREACH veiled IN ARRAY veils LOOP\n    EXECUTE pg_catalog.format('ALTER TABLE %s ",
            force
        );
        sql!(body, " ROW LEVEL SECURITY', veiled);\n  END LOOP;\n");
    };
    force("NO FORCE", &mut body);
    body.push_str("  ");
    body.push_str(statement);
    body.push('\n');
    force("FORCE", &mut body);
    if let Some((condition, message)) = reported {
        sql!(&mut body, "EXCEPTION WHEN ", condition, " THEN\n  RAISE WARNING USING MESSAGE = ");
        sql!(&mut body, Literal::new(message), ", DETAIL = SQLERRM;\n");
    }
    body.push_str("END ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Looks for rows that share a value, as one who sees them all.
fn refuse_duplicates(table: &Table<'_>, columns: &[Ident<'_>], out: &mut String) {
    let list = |separator: &'static str, end: &'static str| {
        let mut list = String::new();
        for (at, column) in columns.iter().enumerate() {
            sql!(&mut list, if at == 0 { "" } else { separator }, column, end);
        }
        list
    };
    let why = Refusal::DuplicateValues;
    let message = columns.last().map(|column| why.about(table, column)).unwrap_or_default();
    let mut body = String::from("IF EXISTS (SELECT FROM ");
    sql!(&mut body, table, " WHERE ");
    body.push_str(&list(" AND ", " IS NOT NULL"));
    body.push_str(" GROUP BY ");
    body.push_str(&list(", ", ""));
    sql!(
        &mut body,
        " HAVING count(*) > 1) THEN\n    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = "
    );
    sql!(&mut body, Literal::new(message), ", HINT = ", Literal::new(why.hint()), ";\n  END IF;");
    seen_by_all(&[table], &body, None, out);
}

fn update(
    table: &Table<'_>,
    column: &Ident<'_>,
    to: Option<&Default<'_>>,
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
