//! The statements of a migration: what each says, locks and may cost.
//!
//! Nodes hold finished names and expressions. Where a statement can fail on rows, it says so with a code and the way out,
//! and a transaction that fails changes nothing.

use super::super::ddl::{Column, ColumnType, Method, Predicate, Preset, Table};
use super::super::names::{Ident, Literal, Quoted, Sql, sql, written};
use super::super::render::{write_columns, write_predicate};
use super::casts::{Expression, Helper};
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
        is_key: bool,
    },
    /// The same for rows that came meanwhile, seen by whoever runs it.
    UpdateLater {
        table: &'a Table<'a>,
        column: Ident<'a>,
        to: Option<Default<'a>>,
        rows: String,
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

impl Sql for Default<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Default::Now => sql!(out, "now()"),
            Default::Constant(preset) => preset.write(out),
        }
    }
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

/// Why rows can stop a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    RequiredFieldAdded,
    RequiredRecreated,
    TenancyColumnAdded,
    MadeRequired,
    ValueUnfit,
    BackfillWithoutTarget,
    DuplicateValues,
}

impl Refusal {
    /// The code that the server's message begins with.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Refusal::RequiredFieldAdded => "ablo::migrate::required_field_added",
            Refusal::RequiredRecreated => "ablo::migrate::required_recreated",
            Refusal::TenancyColumnAdded => "ablo::migrate::tenancy_column_added",
            Refusal::MadeRequired => "ablo::migrate::made_required",
            Refusal::ValueUnfit => "ablo::migrate::value_unfit",
            Refusal::BackfillWithoutTarget => "ablo::migrate::backfill_without_target",
            Refusal::DuplicateValues => "ablo::migrate::duplicate_values",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Refusal::RequiredFieldAdded => "is new and required, and the table has rows",
            Refusal::RequiredRecreated => "is made anew and required, and the table has rows",
            Refusal::TenancyColumnAdded => "says whose a row is, and the table has rows that are nobody's",
            Refusal::MadeRequired => "has become required, and some rows have no value",
            Refusal::ValueUnfit => "has values that its new type does not allow",
            Refusal::BackfillWithoutTarget => "is given the id of a row that is not there",
            Refusal::DuplicateValues => "has become unique, and some rows share a value",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Refusal::TenancyColumnAdded => "Give a backfill for `organizationId` of this model.",
            Refusal::BackfillWithoutTarget => {
                "Give the id of a row that exists as the backfill, or insert that row first."
            }
            Refusal::DuplicateValues => "Mend the rows, or leave the field without `unique`.",
            Refusal::ValueUnfit => "Give a backfill for this field, make it optional, or mend the rows.",
            _ => "Give a backfill for this field, a default, or make it optional.",
        }
    }

    /// The whole message about a column.
    pub(crate) fn about(self, table: &Table<'_>, column: &Ident<'_>) -> String {
        format!("{}: {}.{} {}", self.code(), table.name.as_str(), column.as_str(), self.message())
    }
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
            AccessExclusive, AccessShare, RowExclusive, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive,
        };
        match self {
            Change::Setting(_) | Change::Helper(_) | Change::CreateSchema(_) | Change::CreateTable { .. } => Vec::new(),
            Change::RenameTable { from, .. } => vec![Lock { table: from.as_str().to_owned(), mode: AccessExclusive }],
            Change::RenameIndex { table, .. } => vec![Lock { table: table.clone(), mode: ShareUpdateExclusive }],
            Change::Update { table, .. } => vec![lock(table, RowExclusive)],
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
            Change::DropConstraint { table, also, .. } => {
                std::iter::once(*table).chain(*also).map(|table| lock(table, AccessExclusive)).collect()
            }
            Change::AddForeignKey { table, target, .. } => both(table, target, ShareRowExclusive, ShareRowExclusive),
            // The force of row security is lifted meanwhile, where this role is held to it.
            Change::ValidateForeignKey { table, target, .. } if table.name != target.name => {
                both(table, target, AccessExclusive, AccessExclusive)
            }
            Change::ValidateForeignKey { table, .. } => both(table, table, AccessExclusive, RowShare),
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
            | Change::UpdateLater { table, .. }
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
            Change::AddColumn { column, fill: None, .. } if column.not_null => vec![Hazard::MayFail],
            Change::Retype { using, .. } if using.helpers.contains(&Helper::Refuse) => {
                vec![Hazard::Rewrite, Hazard::MayFail]
            }
            Change::Retype { .. } => vec![Hazard::Rewrite],
            Change::SetNotNull { refusal: Some(_), .. } | Change::AddCheck { old_rows: OldRows::Refused(_), .. } => {
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

fn both(table: &Table<'_>, other: &Table<'_>, mode: LockMode, other_mode: LockMode) -> Vec<Lock> {
    if table.name == other.name { vec![lock(table, mode)] } else { vec![lock(table, mode), lock(other, other_mode)] }
}

/// A statement that fails with a code of its own where the server's condition is met.
fn guarded(statement: &str, condition: &'static str, message: String, hint: &'static str, out: &mut String) {
    let mut body = String::from("\nBEGIN\n  ");
    body.push_str(statement);
    sql!(&mut body, "\nEXCEPTION WHEN ", condition, " THEN\n  RAISE EXCEPTION USING ERRCODE = '", condition);
    sql!(
        &mut body,
        "', MESSAGE = ",
        Literal::new(message),
        ",\n    DETAIL = SQLERRM, HINT = ",
        Literal::new(hint),
        ";\nEND "
    );
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
            Change::RenameColumn { table, from, to } => alter!(out, table, "RENAME COLUMN ", from, " TO ", to),
            Change::RenameConstraint { table, from, to } => alter!(out, table, "RENAME CONSTRAINT ", from, " TO ", to),
            Change::AddColumn { table, column, fill, refusal } => {
                add_column(table, column, fill.as_ref(), *refusal, out)
            }
            Change::DropColumn { table, column } => alter!(out, table, "DROP COLUMN ", column),
            Change::Retype { table, column, to, using } => {
                alter!(out, table, "ALTER COLUMN ", column, " TYPE ", to, " USING (", using, ")::", to);
            }
            Change::SetDefault { table, column, to: Default::Now } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET DEFAULT now()");
            }
            Change::SetDefault { table, column, to: Default::Constant(preset) } => {
                alter!(out, table, "ALTER COLUMN ", column, " SET DEFAULT ", preset);
            }
            Change::DropDefault { table, column } => alter!(out, table, "ALTER COLUMN ", column, " DROP DEFAULT"),
            Change::DropNotNull { table, column } => alter!(out, table, "ALTER COLUMN ", column, " DROP NOT NULL"),
            Change::SetNotNull { table, column, refusal } => {
                let mut plain = String::new();
                alter!(&mut plain, table, "ALTER COLUMN ", column, " SET NOT NULL");
                match refusal {
                    Some(why) => guarded(&plain, "not_null_violation", why.about(table, column), why.hint(), out),
                    None => out.push_str(&plain),
                }
            }
            Change::Update { table, column, to, rows, is_key } => {
                let mut plain = String::new();
                update(table, column, to.as_ref(), rows, &mut plain);
                if *is_key && to.is_some() {
                    let why = Refusal::BackfillWithoutTarget;
                    guarded(&plain, "foreign_key_violation", why.about(table, column), why.hint(), out);
                } else {
                    out.push_str(&plain);
                }
            }
            Change::UpdateLater { table, column, to, rows } => {
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
                    OldRows::Refused(why) => {
                        guarded(&plain, "check_violation", why.about(table, column), why.hint(), out);
                    }
                    OldRows::None | OldRows::Later => out.push_str(&plain),
                }
            }
            Change::DropConstraint { table, name, .. } => alter!(out, table, "DROP CONSTRAINT ", name),
            Change::ValidateCheck { table, name } => alter!(out, table, "VALIDATE CONSTRAINT ", name),
            Change::DropCheck { table, name } => alter!(out, table, "DROP CONSTRAINT IF EXISTS ", name),
            Change::CreateIndex { table, index } => create_index("", table, index, out),
            Change::CreateIndexLater { table, index } => create_index("CONCURRENTLY IF NOT EXISTS ", table, index, out),
            Change::RefuseDuplicates { table, columns } => refuse_duplicates(table, columns, out),
            Change::ClearIndex { table, name } => clear_index(table, name, out),
            Change::DropIndex { table, name } => sql!(out, "DROP INDEX ", table.schema, ".", name, ";"),
            Change::Unveil { table } => when("row_security_active(", table, ")", "NO FORCE", out),
            Change::Force { table } => {
                let forced = "NOT (SELECT relforcerowsecurity FROM pg_catalog.pg_class WHERE oid = ";
                when(forced, table, ")", "FORCE", out);
            }
            Change::Enclose { table } => {
                alter!(out, table, "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY");
            }
            Change::Open { table } => {
                alter!(out, table, "NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY");
            }
            Change::CreatePolicy { table, predicate } => create_policy(table, predicate, out),
            Change::DropPolicy { table, .. } => sql!(out, "DROP POLICY IF EXISTS tenant_isolation ON ", table, ";"),
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
                seen_by_all(&[table, target], &plain, Some(("foreign_key_violation", message)), out);
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

fn add_column(table: &Table<'_>, column: &Column<'_>, fill: Option<&Preset<'_>>, refusal: Refusal, out: &mut String) {
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
        guarded(&plain, "not_null_violation", refusal.about(table, &column.name), refusal.hint(), out);
    } else {
        out.push_str(&plain);
    }
}

fn create_index(how: &'static str, table: &Table<'_>, index: &Index<'_>, out: &mut String) {
    sql!(out, if index.unique { "CREATE UNIQUE INDEX " } else { "CREATE INDEX " }, how, index.name, " ON ", table);
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
fn when(before: &'static str, table: &Table<'_>, after: &'static str, force: &'static str, out: &mut String) {
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
    let message =
        format!("ablo::migrate::policy_skipped: {} shows no row to anyone, having no policy", table.name.as_str());
    sql!(&mut body, Literal::new(message), ", DETAIL = SQLERRM;\nEND ");
    sql!(out, "DO ", Quoted(body), ";");
}

/// Runs a statement as one who sees every row of these tables. Where a condition of the server's is given, that is reported and nothing is done.
fn seen_by_all(tables: &[&Table<'_>], statement: &str, reported: Option<(&'static str, String)>, out: &mut String) {
    let mut body = String::from(
        "\nDECLARE\n  veiled regclass;\n  veils regclass[] := ARRAY(SELECT DISTINCT each FROM pg_catalog.unnest(ARRAY[",
    );
    for (at, table) in tables.iter().enumerate() {
        sql!(&mut body, if at == 0 { "" } else { ", " }, table.regclass, "::regclass");
    }
    body.push_str("]) AS each WHERE pg_catalog.row_security_active(each));\nBEGIN\n");
    let force = |force: &'static str, body: &mut String| {
        sql!(body, "  FOREACH veiled IN ARRAY veils LOOP\n    EXECUTE pg_catalog.format('ALTER TABLE %s ", force);
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
    sql!(&mut body, " HAVING count(*) > 1) THEN\n    RAISE EXCEPTION USING ERRCODE = 'unique_violation', MESSAGE = ");
    sql!(&mut body, Literal::new(message), ", HINT = ", Literal::new(why.hint()), ";\n  END IF;");
    seen_by_all(&[table], &body, None, out);
}

fn update(table: &Table<'_>, column: &Ident<'_>, to: Option<&Default<'_>>, rows: &str, out: &mut String) {
    sql!(out, "UPDATE ", table, " SET ", column, " = ");
    match to {
        Some(value) => sql!(out, value),
        None => sql!(out, "NULL"),
    }
    sql!(out, " WHERE ");
    out.push_str(rows);
    out.push(';');
}
