//! What a schema's database has to hold: every table, column, check, index, key and policy with its final name.
//!
//! Shapes come in. Provisioning prints what comes out, and migrations compare two of them, so that both agree.

use super::ddl::{Column, ColumnType, Method, Predicate, Preset, Table};
use super::names::{Ident, Literal, Names};
use super::provision::{ResolvedOptions, table};
use crate::shape::{ColumnKind, ColumnShape, Isolation, ParentOwner, TableShape};
use ablo_schema::schema::Format;
use ablo_schema::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One table as it has to be.
#[derive(Debug)]
pub(crate) struct TableDef<'a> {
    /// Its name and that of its primary key.
    pub(crate) table: Table<'a>,
    /// Its columns, in order.
    pub(crate) columns: Vec<ColumnDef<'a>>,
    /// Its named checks, in order of their columns.
    pub(crate) checks: Vec<CheckDef<'a>>,
    /// Its indexes, without that of the primary key.
    pub(crate) indexes: Vec<IndexDef<'a>>,
    /// Which rows a tenant sees and writes, where that is limited.
    pub(crate) predicate: Option<Predicate<'a>>,
    /// Its foreign keys, where they are asked for.
    pub(crate) foreign_keys: Vec<ForeignKeyDef<'a>>,
}

/// One column.
#[derive(Debug)]
pub(crate) struct ColumnDef<'a> {
    /// Its physical name.
    pub(crate) name: &'a str,
    /// What it holds.
    pub(crate) kind: ColumnKind<'a>,
    /// Its type, with the time of writing as default where it has that.
    pub(crate) column_type: ColumnType,
    /// Whether every row has a value.
    pub(crate) not_null: bool,
    /// Whether it is the primary key.
    pub(crate) primary: bool,
    /// The constant that an absent value is.
    pub(crate) preset: Option<Preset<'a>>,
    /// What people should know of it.
    pub(crate) comment: Option<Literal<'a>>,
}

/// A check of one column.
#[derive(Debug)]
pub(crate) struct CheckDef<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) column: &'a str,
    pub(crate) rule: Rule<'a>,
}

/// What a check holds a value to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule<'a> {
    /// One of these texts.
    OneOf(&'a [Box<str>]),
    /// A whole number of this range.
    Between(i128, i128),
}

/// An index.
#[derive(Debug)]
pub(crate) struct IndexDef<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) columns: Vec<&'a str>,
    pub(crate) method: Method,
    pub(crate) unique: bool,
    /// Whether it is there for a foreign key, and built after the commit.
    pub(crate) concurrent: bool,
}

/// A foreign key, to the target's `id`.
#[derive(Debug)]
pub(crate) struct ForeignKeyDef<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) column: &'a str,
    /// The position of the target among the tables.
    pub(crate) target: usize,
}

/// Gives every object of these tables its name.
pub(crate) fn table_defs<'a>(
    shapes: &[TableShape<'a>],
    plan: &ResolvedOptions<'a>,
) -> Vec<TableDef<'a>> {
    let mut names = Names::with(shapes.iter().map(TableShape::name));
    let tables: Vec<Table<'a>> =
        shapes.iter().map(|shape| table(shape.name(), plan, &mut names)).collect();
    let mut definitions: Vec<TableDef<'a>> = Vec::with_capacity(tables.len());
    for (shape, table) in shapes.iter().zip(tables) {
        let indexes = indexes(shape, &mut names);
        let (columns, predicate) =
            (shape.columns.iter().map(ColumnDef::new).collect(), predicate(shape));
        let mut definition = TableDef {
            table,
            columns,
            checks: Vec::new(),
            indexes,
            predicate,
            foreign_keys: Vec::new(),
        };
        definition.checks = checks(shape, &definition.table);
        definitions.push(definition);
    }
    if plan.foreign_keys {
        foreign_keys(shapes, &mut definitions, &mut names);
    }
    definitions
}

impl<'a> ColumnDef<'a> {
    fn new(column: &ColumnShape<'a>) -> Self {
        Self {
            name: column.name,
            kind: column.kind,
            column_type: column_type(column),
            not_null: column.not_null,
            primary: column.primary,
            preset: preset(column),
            comment: column.comment().map(Literal::new),
        }
    }

    /// As `CREATE TABLE` says it.
    pub(crate) fn declared(&self) -> Column<'a> {
        Column {
            name: Ident::new(self.name),
            column_type: self.column_type,
            not_null: self.not_null,
            primary: self.primary,
            preset: self.preset.clone(),
        }
    }

    /// Whether it is compared by itself: what it is, or would be, is more than the name of a type.
    pub(crate) fn needs_own_statement(&self) -> bool {
        self.preset.is_some() || matches!(self.column_type, ColumnType::Numeric(_))
    }
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

/// The range of a format that its column's type is wider than.
fn range(kind: ColumnKind<'_>) -> Option<(i128, i128)> {
    match kind {
        ColumnKind::Exact(
            format @ (Format::Int8
            | Format::Uint8
            | Format::Uint16
            | Format::Uint32
            | Format::Uint64),
        ) => format.bounds(),
        _ => None,
    }
}

/// What an absent value is. A column of JSON reads it as JSON, any other reads text.
fn preset<'a>(column: &ColumnShape<'a>) -> Option<Preset<'a>> {
    Some(constant(column.kind, column.default?))
}

/// A value as a column of this kind is given it.
pub(crate) fn constant<'a>(kind: ColumnKind<'_>, value: &'a Value) -> Preset<'a> {
    match (kind, value) {
        (ColumnKind::Json, value) => Preset::Text(Literal::new(value.to_json())),
        (_, Value::Bool(flag)) => Preset::Boolean(*flag),
        (_, Value::String(text)) => Preset::Text(Literal::new(&**text)),
        (_, value) => Preset::Text(Literal::new(value.to_json())),
    }
}

fn checks<'a>(shape: &TableShape<'a>, table: &Table<'a>) -> Vec<CheckDef<'a>> {
    let mut names = Names::with([table.key.as_str()]);
    let rule = |column: &ColumnShape<'a>| match column.kind {
        ColumnKind::Enum(allowed) => Some(Rule::OneOf(allowed)),
        kind => range(kind).map(|(least, most)| Rule::Between(least, most)),
    };
    let ruled = shape.columns.iter().filter_map(|column| Some((column.name, rule(column)?)));
    ruled
        .map(|(column, rule)| CheckDef {
            name: names.claim(&[shape.name(), column, "check"]),
            column,
            rule,
        })
        .collect()
}

fn indexes<'a>(shape: &TableShape<'a>, names: &mut Names) -> Vec<IndexDef<'a>> {
    // A unique index on the column alone answers what another one would.
    let is_led = |name: &str| {
        shape.unique.iter().any(|unique| unique.within.is_none() && unique.column == name)
    };
    let wanted = shape
        .columns
        .iter()
        .filter(|column| column.indexed && !column.primary && !is_led(column.name));
    let index = |column: &ColumnShape<'a>| {
        let method = if column.kind == ColumnKind::Json { Method::Gin } else { Method::Btree };
        let name = names.claim(&[shape.name(), column.name, "idx"]);
        IndexDef { name, columns: vec![column.name], method, unique: false, concurrent: false }
    };
    let mut indexes: Vec<_> = wanted.map(index).collect();
    indexes.extend(shape.unique.iter().map(|unique| {
        let name = names.claim(&[shape.name(), unique.column, "key"]);
        let columns = unique.within.into_iter().chain([unique.column]).collect();
        IndexDef { name, columns, method: Method::Btree, unique: true, concurrent: false }
    }));
    indexes
}

fn predicate<'a>(shape: &TableShape<'a>) -> Option<Predicate<'a>> {
    Some(match shape.isolation {
        Isolation::Shared => return None,
        Isolation::Column(column) => Predicate::Column(Ident::new(column)),
        Isolation::Parent { local_key, table: parent, key, owner } => Predicate::Parent {
            local_key: Ident::new(local_key),
            parent: Ident::new(parent),
            key: Ident::new(key),
            owner: match owner {
                ParentOwner::Column(column) | ParentOwner::Assumed(column) => {
                    Some(Ident::new(column))
                }
                ParentOwner::Inherited => None,
            },
        },
    })
}

/// Foreign keys, now that every table is known, and an index for each column that has none.
fn foreign_keys<'a>(
    shapes: &[TableShape<'a>],
    definitions: &mut [TableDef<'a>],
    indexes: &mut Names,
) {
    let at: BTreeMap<&str, usize> = shapes.iter().map(TableShape::name).zip(0..).collect();
    for (shape, definition) in shapes.iter().zip(definitions) {
        let mut names = Names::with([definition.table.key.as_str()]);
        let mut led: BTreeSet<&str> = BTreeSet::new();
        for key in &shape.foreign_keys {
            let Some(target) = at.get(key.target).copied() else { continue };
            let (name, column) = (names.claim(&[shape.name(), key.column, "fkey"]), key.column);
            definition.foreign_keys.push(ForeignKeyDef { name, column, target });
            let has_index =
                |known: &ColumnShape<'_>| known.name == column && (known.indexed || known.primary);
            if led.insert(column) && !shape.columns.iter().any(has_index) {
                let name = indexes.claim(&[shape.name(), column, "idx"]);
                let columns = vec![column];
                definition.indexes.push(IndexDef {
                    name,
                    columns,
                    method: Method::Btree,
                    unique: false,
                    concurrent: true,
                });
            }
        }
    }
}
