//! Provisioning: tables in, an idempotent program out.
//!
//! One walk over the tables decides every statement, name and order; `render.rs` writes them. The program has a part
//! that runs in one transaction and, where foreign keys are asked for, a part that can only run after it.

use super::ddl::{Column, ColumnType, Method, Predicate, Preset, Statement, Table};
use super::names::{Ident, Literal, Names, Sql, sql, written};
use crate::shape::{ColumnKind, ColumnShape, Isolation, ParentOwner, TableShape};
use ablo_schema::schema::Format;
use ablo_schema::value::Value;
use std::collections::{BTreeMap, BTreeSet};

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
pub(crate) struct Plan<'a> {
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
pub(crate) fn provision(shapes: &[TableShape<'_>], plan: &Plan<'_>) -> Provision {
    let mut indexes = Names::with(shapes.iter().map(TableShape::name));
    let tables: Vec<Table<'_>> = shapes.iter().map(|shape| table(shape.name(), plan, &mut indexes)).collect();
    let mut out = String::with_capacity(PRELUDE.len() + FOREIGN_KEYS.len() + shapes.len() * 2048);
    let facets = shapes.iter().any(has_facets).then_some(FACETS);
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
        let mut statements = columns(shape, table);
        statements.extend(checks(shape, table));
        statements.extend(indexes_of(shape, table, &mut indexes));
        statements.extend(isolation(shape, table));
        for statement in &statements {
            line(&mut out, statement);
        }
    }
    let after_commit =
        if plan.foreign_keys { foreign_keys(shapes, &tables, &mut indexes, &mut out) } else { Vec::new() };
    out.push_str("\nCOMMIT;\n");
    Provision { transaction: out, after_commit }
}

pub(crate) fn line(out: &mut String, statement: &Statement<'_>) {
    statement.write(out);
    out.push('\n');
}

/// The transaction's beginning, up to the first table.
pub(crate) fn begin(out: &mut String, plan: &Plan<'_>, more_helpers: impl IntoIterator<Item = &'static str>) {
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
pub(crate) fn table<'a>(table: &'a str, plan: &Plan<'a>, indexes: &mut Names) -> Table<'a> {
    let (schema, name) = (plan.schema.clone(), Ident::new(table));
    let key = indexes.claim(&[table, "pkey"]);
    let key_is_default = key.as_str().strip_suffix("_pkey") == Some(table);
    let mut regclass = String::new();
    sql!(&mut regclass, schema, ".", name);
    Table { schema, name, key, key_is_default, regclass: Literal::new(regclass) }
}

/// The table with its columns, for a new one and for one that was there before.
fn columns<'a>(shape: &TableShape<'a>, table: &'a Table<'a>) -> Vec<Statement<'a>> {
    let column = |column: &ColumnShape<'a>| Column {
        name: Ident::new(column.name),
        column_type: column_type(column),
        not_null: column.not_null,
        primary: column.primary,
        preset: preset(column),
    };
    let mut statements = vec![Statement::CreateTable { table, columns: shape.columns.iter().map(column).collect() }];
    for wanted in ColumnType::GROUPED {
        let of_type = shape.columns.iter().filter(|column| column_type(column) == wanted && !stands_alone(column));
        let names: Vec<_> = of_type.map(|column| column.name).collect();
        if !names.is_empty() {
            statements.push(Statement::Columns { table, column_type: wanted, names });
        }
    }
    statements.extend(shape.columns.iter().filter(|column| stands_alone(column)).map(|column| {
        let preset = preset(column);
        Statement::Column { table, name: column.name, column_type: column_type(column), preset }
    }));
    let required = shape.columns.iter().filter(|column| column.not_null && !column.primary);
    statements.push(Statement::NotNull { table, names: required.map(|column| column.name).collect() });
    statements.push(Statement::PrimaryKey { table });
    statements
}

fn column_type(column: &ColumnShape<'_>) -> ColumnType {
    match column.kind {
        ColumnKind::Text | ColumnKind::Enum(_) => ColumnType::Text,
        ColumnKind::Number => ColumnType::DoublePrecision,
        ColumnKind::Boolean => ColumnType::Boolean,
        ColumnKind::Date if column.default_now => ColumnType::TimestamptzNow,
        ColumnKind::Date => ColumnType::Timestamptz,
        ColumnKind::Json => ColumnType::Jsonb,
        ColumnKind::Exact(format) => match format {
            Format::Int8 | Format::Int16 | Format::Uint8 => ColumnType::Smallint,
            Format::Int32 | Format::Uint16 => ColumnType::Integer,
            Format::Int64 | Format::Uint32 => ColumnType::Bigint,
            Format::Uint64 => ColumnType::Numeric(Some((20, 0))),
            Format::Float => ColumnType::Real,
            Format::Decimal { digits } => ColumnType::Numeric(digits),
            Format::Uuid => ColumnType::Uuid,
        },
    }
}

/// Whether a column is compared by itself: what it is, or would be, is more than the name of a type.
fn stands_alone(column: &ColumnShape<'_>) -> bool {
    column.default.is_some() || matches!(column_type(column), ColumnType::Numeric(_))
}

/// The range of a format that its column's type is wider than.
fn range(kind: ColumnKind<'_>) -> Option<(i128, i128)> {
    match kind {
        ColumnKind::Exact(
            format @ (Format::Int8 | Format::Uint8 | Format::Uint16 | Format::Uint32 | Format::Uint64),
        ) => format.bounds(),
        _ => None,
    }
}

/// Whether a table needs the helpers of `facets.sql`.
fn has_facets(shape: &TableShape<'_>) -> bool {
    !shape.unique.is_empty() || shape.columns.iter().any(|column| stands_alone(column) || range(column.kind).is_some())
}

/// What an absent value is. A column of JSON reads it as JSON, any other reads text.
fn preset<'a>(column: &ColumnShape<'a>) -> Option<Preset<'a>> {
    Some(match (column.kind, column.default?) {
        (ColumnKind::Json, value) => Preset::Text(Literal::new(value.to_json())),
        (_, Value::Bool(flag)) => Preset::Boolean(*flag),
        (_, Value::String(text)) => Preset::Text(Literal::new(&**text)),
        (_, value) => Preset::Text(Literal::new(value.to_json())),
    })
}

/// The checks and comments of a table's columns.
fn checks<'a>(shape: &TableShape<'a>, table: &'a Table<'a>) -> Vec<Statement<'a>> {
    let mut names = Names::with([table.key.as_str()]);
    let mut statements = Vec::new();
    for column in &shape.columns {
        if let ColumnKind::Enum(allowed) = column.kind {
            let values = allowed.iter().map(|value| Literal::new(&**value)).collect();
            let name = names.claim(&[shape.name(), column.name, "check"]);
            statements.push(Statement::Enum { table, name, column: column.name, values });
        }
        if let Some((least, most)) = range(column.kind) {
            let name = names.claim(&[shape.name(), column.name, "check"]);
            let (least, most) = (least.to_string(), most.to_string());
            statements.push(Statement::Range { table, name, column: column.name, least, most });
        }
        if let Some(text) = column.comment() {
            statements.push(Statement::Comment { table, column: column.name, text: Literal::new(text) });
        }
    }
    statements
}

fn indexes_of<'a>(shape: &TableShape<'a>, table: &'a Table<'a>, indexes: &mut Names) -> Vec<Statement<'a>> {
    // A unique index on the column alone answers what another one would.
    let is_led = |name: &str| shape.unique.iter().any(|unique| unique.within.is_none() && unique.column == name);
    let wanted = shape.columns.iter().filter(|column| column.indexed && !column.primary && !is_led(column.name));
    let index = |column: &ColumnShape<'a>| {
        let method = if column.kind == ColumnKind::Json { Method::Gin } else { Method::Btree };
        let name = indexes.claim(&[shape.name(), column.name, "idx"]);
        Statement::Index { table, name, column: column.name, method }
    };
    let mut statements: Vec<_> = wanted.map(index).collect();
    statements.extend(shape.unique.iter().map(|unique| {
        let name = indexes.claim(&[shape.name(), unique.column, "key"]);
        Statement::Unique { table, name, columns: unique.within.into_iter().chain([unique.column]).collect() }
    }));
    statements
}

fn isolation<'a>(shape: &TableShape<'a>, table: &'a Table<'a>) -> Option<Statement<'a>> {
    let predicate = match shape.isolation {
        Isolation::Shared => return None,
        Isolation::Column(column) => Predicate::Column(Ident::new(column)),
        Isolation::Parent { local_key, table: parent, key, owner } => Predicate::Parent {
            local_key: Ident::new(local_key),
            parent: Ident::new(parent),
            key: Ident::new(key),
            owner: match owner {
                ParentOwner::Column(column) | ParentOwner::Assumed(column) => Some(Ident::new(column)),
                ParentOwner::Inherited => None,
            },
        },
    };
    Some(Statement::Isolate { table, predicate })
}

/// Adds foreign keys to the transaction, and gives what follows the commit.
fn foreign_keys<'a>(
    shapes: &[TableShape<'a>],
    tables: &[Table<'a>],
    indexes: &mut Names,
    out: &mut String,
) -> Vec<String> {
    let by_name: BTreeMap<&str, &Table<'_>> = shapes.iter().map(TableShape::name).zip(tables).collect();
    let (mut builds, mut validations) = (Vec::new(), Vec::new());
    if shapes.iter().any(|shape| !shape.foreign_keys.is_empty()) {
        out.push_str("\n-- Foreign keys, now that every table is there\n");
    }
    for (shape, table) in shapes.iter().zip(tables) {
        let mut names = Names::with([table.key.as_str()]);
        let mut led: BTreeSet<&str> = BTreeSet::new();
        for key in &shape.foreign_keys {
            let Some(target) = by_name.get(key.target).copied() else { continue };
            let (name, column) = (names.claim(&[shape.name(), key.column, "fkey"]), key.column);
            line(out, &Statement::ForeignKey { table, name, column, target });
            validations.push(written(&Statement::Validate { table, column, target }));
            let has_index = |known: &ColumnShape<'_>| known.name == column && (known.indexed || known.primary);
            if led.insert(column) && !shape.columns.iter().any(has_index) {
                let name = indexes.claim(&[shape.name(), column, "idx"]);
                line(out, &Statement::IndexLater { table, name: &name, column });
                builds.push(written(&Statement::IndexConcurrently { table, name: &name, column }));
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
