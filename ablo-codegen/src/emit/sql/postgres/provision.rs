//! Provisioning: tables in, an idempotent program out.
//!
//! One walk over the catalogue decides every statement and their order; `render.rs` writes them. The program has a part
//! that runs in one transaction and, where foreign keys are asked for, a part that can only run after it.

use super::ddl::{ColumnType, Statement, Table};
use super::names::{Ident, Literal, Names, Sql, sql, to_sql};
use super::table_defs::{Rule, TableDef, table_defs};
use crate::shape::{Isolation, ParentOwner, TableShape};

const PRELUDE: &str = include_str!("prelude.sql");
const FACETS: &str = include_str!("facets.sql");
const FOREIGN_KEYS: &str = include_str!("foreign_keys.sql");

const HEADER: &str = "\
-- Written by ablo for PostgreSQL 14 and later: change the schema, not this file.
--
-- Running it again is safe: it adds what is missing, leaves everything else as it is, and says in a WARNING,
-- ablo::provision::<what>, where that is not what the schema asks for. With psql: psql -v ON_ERROR_STOP=1 -f provision.sql
";

const BEGIN: &str = "\
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;
";

const LOCK: &str = "
-- One run at a time in this database.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('ablo::provision', 0)); END $$;
";

const OUTSIDE: &str = "\
-- Its rows are seen through a table that this schema does not isolate. Where that table or its organisation's column
-- is missing, the policy cannot be made and no row is visible: run this again when it is there.
";

const AFTER_COMMIT: &str = "\
-- After the commit, in the same session. A driver sends these one by one: an index that is built while others write
-- cannot be built inside a transaction.
";

/// Where and what to provision.
#[derive(Debug)]
pub(crate) struct ResolvedOptions<'a> {
    /// The schema that holds the tables.
    pub(crate) schema: Ident<'a>,
    /// Whether that schema is the app's own, to be made if missing.
    pub(crate) own_schema: bool,
    /// Whether foreign keys are wanted.
    pub(crate) foreign_keys: bool,
}

/// The program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    /// Everything that happens in one transaction, `BEGIN` and `COMMIT` included: one text for a driver's batch call.
    pub transaction: String,
    /// What follows in the same session, each statement by itself. Each may be run again.
    pub after_commit: Vec<String>,
}

impl Provision {
    /// The whole program as one file, for psql.
    #[must_use]
    pub fn file(&self) -> String {
        self.file_under(HEADER)
    }

    /// The same below another header.
    pub(crate) fn file_under(&self, header: &str) -> String {
        let after: usize = self.after_commit.iter().map(|statement| statement.len() + 1).sum();
        let mut out = String::with_capacity(1024 + self.transaction.len() + after);
        for part in [header, "\nSET client_encoding = 'UTF8';\n\n", &self.transaction] {
            out.push_str(part);
        }
        if !self.after_commit.is_empty() {
            out.push('\n');
            out.push_str(AFTER_COMMIT);
        }
        for statement in &self.after_commit {
            out.push_str(statement);
            out.push('\n');
        }
        out.push_str("\nRESET client_encoding;\n");
        out
    }
}

/// Lowers tables to a program.
pub(crate) fn provision(shapes: &[TableShape<'_>], plan: &ResolvedOptions<'_>) -> Provision {
    let tables = table_defs(shapes, plan);
    let mut out = String::with_capacity(PRELUDE.len() + FOREIGN_KEYS.len() + shapes.len() * 2048);
    let facets = tables.iter().any(has_facets).then_some(FACETS);
    let helpers = [facets, plan.foreign_keys.then_some(FOREIGN_KEYS)];
    begin(&mut out, plan, helpers.into_iter().flatten());
    for (shape, table) in shapes.iter().zip(&tables) {
        // A key is an ASCII identifier, so that it cannot end the comment.
        for part in ["\n-- ", shape.model.key.as_str(), "\n"] {
            out.push_str(part);
        }
        if matches!(shape.isolation, Isolation::Parent { owner: ParentOwner::Assumed(_), .. }) {
            out.push_str(OUTSIDE);
        }
        let mut statements = columns(table);
        statements.extend(checks(table));
        statements.extend(indexes(table));
        let predicate = table.predicate.clone();
        statements.extend(
            predicate.map(|predicate| Statement::Isolate { table: &table.table, predicate }),
        );
        for statement in &statements {
            line(&mut out, statement);
        }
    }
    let after_commit = foreign_keys(&tables, &mut out);
    out.push_str("\nCOMMIT;\n");
    Provision { transaction: out, after_commit }
}

pub(crate) fn line(out: &mut String, statement: &Statement<'_>) {
    statement.write(out);
    out.push('\n');
}

/// The transaction's beginning, up to the first table.
pub(crate) fn begin(
    out: &mut String,
    plan: &ResolvedOptions<'_>,
    more_helpers: impl IntoIterator<Item = &'static str>,
) {
    out.push_str(BEGIN);
    out.push('\n');
    out.push_str(PRELUDE);
    for helpers in more_helpers {
        out.push('\n');
        out.push_str(helpers);
    }
    out.push_str(LOCK);
    if plan.own_schema {
        out.push('\n');
        line(out, &Statement::Schema(Literal::new(plan.schema.as_str())));
    }
}

/// A table of this name, and the name of its key.
pub(crate) fn table<'a>(
    table: &'a str,
    plan: &ResolvedOptions<'a>,
    indexes: &mut Names,
) -> Table<'a> {
    let (schema, name) = (plan.schema.clone(), Ident::new(table));
    let key = indexes.claim(&[table, "pkey"]);
    let key_is_default = key.as_str().strip_suffix("_pkey") == Some(table);
    let mut regclass = String::new();
    sql!(&mut regclass, schema, ".", name);
    Table { schema, name, key, key_is_default, regclass: Literal::new(regclass) }
}

/// The table with its columns, for a new one and for one that was there before.
fn columns<'a>(definition: &'a TableDef<'a>) -> Vec<Statement<'a>> {
    let TableDef { table, columns, .. } = definition;
    let declared = columns.iter().map(|column| column.declared()).collect();
    let mut statements = vec![Statement::CreateTable { table, columns: declared }];
    for wanted in ColumnType::GROUPED {
        let of_type = columns
            .iter()
            .filter(|column| column.column_type == wanted && !column.needs_own_statement());
        let names: Vec<_> = of_type.map(|column| column.name).collect();
        if !names.is_empty() {
            statements.push(Statement::Columns { table, column_type: wanted, names });
        }
    }
    statements.extend(columns.iter().filter(|column| column.needs_own_statement()).map(|column| {
        let preset = column.preset.clone();
        Statement::Column { table, name: column.name, column_type: column.column_type, preset }
    }));
    let required = columns.iter().filter(|column| column.not_null && !column.primary);
    statements
        .push(Statement::NotNull { table, names: required.map(|column| column.name).collect() });
    statements.push(Statement::PrimaryKey { table });
    statements
}

/// Whether a table needs the helpers of `facets.sql`.
fn has_facets(table: &TableDef<'_>) -> bool {
    table.indexes.iter().any(|index| index.unique)
        || table.checks.iter().any(|check| matches!(check.rule, Rule::Between(..)))
        || table.columns.iter().any(|column| column.needs_own_statement())
}

/// The checks and comments of a table's columns, column by column.
fn checks<'a>(definition: &'a TableDef<'a>) -> Vec<Statement<'a>> {
    let table = &definition.table;
    let mut checks = definition.checks.iter().peekable();
    let mut statements = Vec::new();
    for column in &definition.columns {
        while let Some(check) = checks.next_if(|check| check.column == column.name) {
            let (name, column) = (check.name.clone(), check.column);
            statements.push(match &check.rule {
                Rule::OneOf(allowed) => {
                    let values = allowed.iter().map(|value| Literal::new(&**value)).collect();
                    Statement::Enum { table, name, column, values }
                }
                Rule::Between(least, most) => Statement::Range {
                    table,
                    name,
                    column,
                    least: least.to_string(),
                    most: most.to_string(),
                },
            });
        }
        if let Some(text) = &column.comment {
            statements.push(Statement::ColumnComment {
                table,
                column: column.name,
                text: text.clone(),
            });
        }
    }
    statements
}

fn indexes<'a>(definition: &'a TableDef<'a>) -> impl Iterator<Item = Statement<'a>> {
    let table = &definition.table;
    definition.indexes.iter().filter(|index| !index.concurrent).filter_map(move |index| {
        let name = index.name.clone();
        Some(match (index.unique, index.columns.first()) {
            (true, _) => Statement::Unique { table, name, columns: index.columns.clone() },
            (false, column) => {
                Statement::Index { table, name, column: column?, method: index.method }
            }
        })
    })
}

/// Adds foreign keys to the transaction, and gives what follows the commit.
fn foreign_keys(tables: &[TableDef<'_>], out: &mut String) -> Vec<String> {
    let (mut builds, mut validations) = (Vec::new(), Vec::new());
    if tables.iter().any(|table| !table.foreign_keys.is_empty()) {
        out.push_str("\n-- Foreign keys, now that every table is there\n");
    }
    for TableDef { table, foreign_keys, indexes, .. } in tables {
        let mut later = indexes.iter().filter(|index| index.concurrent).peekable();
        for key in foreign_keys {
            let Some(TableDef { table: target, .. }) = tables.get(key.target) else { continue };
            let (name, column) = (key.name.clone(), key.column);
            line(out, &Statement::ForeignKey { table, name, column, target });
            validations.push(to_sql(&Statement::Validate { table, column, target }));
            if let Some(index) = later.next_if(|index| index.columns.first() == Some(&column)) {
                line(out, &Statement::PrepareConcurrentIndex { table, name: &index.name, column });
                builds.push(to_sql(&Statement::IndexConcurrently {
                    table,
                    name: &index.name,
                    column,
                }));
            }
        }
    }
    if builds.is_empty() && validations.is_empty() {
        return Vec::new();
    }
    let quiet = ["SET client_min_messages = warning;".to_owned()];
    let loud = ["RESET client_min_messages;".to_owned()];
    quiet.into_iter().chain(builds).chain(validations).chain(loud).collect()
}
