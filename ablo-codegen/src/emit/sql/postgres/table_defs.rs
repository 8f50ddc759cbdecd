//! Table definitions: all tables, columns, checks, indexes, keys and policies of a schema, with
//! their final names.
//!
//! Provisioning prints these definitions and migrations compare two lists of them, so both use the
//! same names.

use super::ddl::{Column, ColumnType, Method, Predicate, Preset, Table};
use super::names::{Ident, Literal, Names, Printed, sql};
use crate::shape::{
    ColumnKind, ColumnShape, IndexPurpose, IndexShape, Isolation, Layout, ParentOwner, TableShape,
};
use ablo_schema::schema::{ColumnType as NativeType, Format};
use ablo_schema::value::Value;
use std::collections::BTreeMap;

/// The options after validation.
#[derive(Debug)]
pub(crate) struct ResolvedOptions<'a> {
    /// The schema that has the tables.
    pub(crate) schema: Ident<'a>,
    /// Whether that schema belongs to the app and is created if missing.
    pub(crate) own_schema: bool,
    /// Whether foreign keys are created.
    pub(crate) foreign_keys: bool,
    /// The layout of the tables.
    pub(crate) layout: Layout,
}

/// The definition of a table.
#[derive(Debug)]
pub(crate) struct TableDef<'a> {
    /// The names of the table and of its primary key.
    pub(crate) table: Table<'a>,
    /// The columns, in order.
    pub(crate) columns: Vec<ColumnDef<'a>>,
    /// The columns of the primary key, in order.
    pub(crate) key: Vec<&'a str>,
    /// The named checks, in column order.
    pub(crate) checks: Vec<CheckDef<'a>>,
    /// The indexes, without that of the primary key.
    pub(crate) indexes: Vec<IndexDef<'a>>,
    /// The policy on the rows of a tenant, if the table is isolated.
    pub(crate) predicate: Option<Predicate<'a>>,
    /// The foreign keys, if enabled.
    pub(crate) foreign_keys: Vec<ForeignKeyDef<'a>>,
}

/// The definition of a column.
#[derive(Debug)]
pub(crate) struct ColumnDef<'a> {
    /// The name in the database.
    pub(crate) name: &'a str,
    /// The type of its values.
    pub(crate) kind: ColumnKind<'a>,
    /// The SQL type, including a `now()` default.
    pub(crate) column_type: ColumnType<'a>,
    /// The type that the author declares, if it is not the usual one.
    pub(crate) native: Option<&'a NativeType>,
    /// Whether it is `NOT NULL`.
    pub(crate) not_null: bool,
    /// The constant default.
    pub(crate) preset: Option<Preset<'a>>,
    /// The comment.
    pub(crate) comment: Option<Literal<'a>>,
}

/// A check constraint on one column.
#[derive(Debug)]
pub(crate) struct CheckDef<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) column: &'a str,
    pub(crate) rule: Rule<'a>,
}

/// The condition of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule<'a> {
    /// One of these strings.
    OneOf(&'a [Box<str>]),
    /// An integer in this range.
    Between(i128, i128),
}

/// An index.
#[derive(Debug)]
pub(crate) struct IndexDef<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) columns: Vec<&'a str>,
    /// Whether the last column is ordered by its bytes, as lists are, instead of by the collation
    /// of the database.
    pub(crate) by_bytes: bool,
    pub(crate) method: Method,
    pub(crate) unique: bool,
    /// Whether it serves a relation and is built concurrently, after the commit.
    pub(crate) concurrent: bool,
}

/// A foreign key, to the target's `id`.
#[derive(Debug)]
pub(crate) struct ForeignKeyDef<'a> {
    pub(crate) name: Ident<'a>,
    pub(crate) column: &'a str,
    /// The tenancy columns of this table and of the target, if they are part of the key.
    pub(crate) within: Option<(&'a str, &'a str)>,
    /// The position of the target among the tables.
    pub(crate) target: usize,
}

impl<'a> ForeignKeyDef<'a> {
    /// Returns the referencing columns.
    pub(crate) fn columns(&self) -> Vec<&'a str> {
        self.within.map(|(own, _)| own).into_iter().chain([self.column]).collect()
    }

    /// Returns the referenced columns.
    pub(crate) fn target_columns(&self) -> Vec<&'a str> {
        self.within.map(|(_, theirs)| theirs).into_iter().chain(["id"]).collect()
    }
}

/// The number of indexes of a table, which few exceed.
const USUAL_INDEXES: usize = 8;

/// Defines the objects of these tables and names them.
pub(crate) fn table_defs<'a>(
    shapes: &[TableShape<'a>],
    plan: &ResolvedOptions<'a>,
) -> Vec<TableDef<'a>> {
    let mut names = Names::with(shapes.iter().map(TableShape::name));
    names.reserve(shapes.len() * USUAL_INDEXES);
    let tables: Vec<Table<'a>> =
        shapes.iter().map(|shape| table(shape.name(), plan, &mut names)).collect();
    let mut definitions: Vec<TableDef<'a>> = Vec::with_capacity(tables.len());
    for (shape, table) in shapes.iter().zip(tables) {
        let indexes = indexes(shape, plan, &mut names);
        let (columns, predicate) =
            (shape.columns.iter().map(ColumnDef::new).collect(), predicate(shape));
        let mut definition = TableDef {
            table,
            columns,
            key: shape.key.clone(),
            checks: Vec::new(),
            indexes,
            predicate,
            foreign_keys: Vec::new(),
        };
        definition.checks = checks(shape, &definition.table);
        definitions.push(definition);
    }
    if plan.foreign_keys {
        foreign_keys(shapes, &mut definitions);
    }
    definitions
}

impl<'a> ColumnDef<'a> {
    fn new(column: &ColumnShape<'a>) -> Self {
        Self {
            name: column.name,
            kind: column.kind,
            column_type: column_type(column),
            native: column.native,
            not_null: column.not_null,
            preset: preset(column),
            comment: column.comment().map(Literal::new),
        }
    }

    /// Returns the column as declared in `CREATE TABLE`.
    pub(crate) fn declared(&self) -> Column<'a> {
        Column {
            name: Ident::new(self.name),
            column_type: self.column_type,
            not_null: self.not_null,
            preset: self.preset.clone(),
        }
    }

    /// Returns whether the column needs its own statement because its default or its digits have to
    /// be compared too.
    pub(crate) fn needs_own_statement(&self) -> bool {
        self.preset.is_some()
            || matches!(self.column_type, ColumnType::Numeric(_))
            || self.native.is_some()
    }
}

fn column_type<'a>(column: &ColumnShape<'a>) -> ColumnType<'a> {
    if let Some(native) = column.native {
        return match column.default_now {
            true => ColumnType::NativeNow(native),
            false => ColumnType::Native(native),
        };
    }
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

/// Returns the range of a format whose column type has a larger range.
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

/// Returns the constant default.
fn preset<'a>(column: &ColumnShape<'a>) -> Option<Preset<'a>> {
    Some(constant(column.kind, column.default?))
}

/// Converts a value to a constant for a column of this kind: JSON text for a JSON column.
pub(crate) fn constant<'a>(kind: ColumnKind<'_>, value: &'a Value) -> Preset<'a> {
    match (kind, value) {
        (ColumnKind::Json, value) => Preset::Text(Literal::new(value.to_json())),
        (_, Value::Bool(flag)) => Preset::Boolean(*flag),
        (_, Value::String(text)) => Preset::Text(Literal::new(&**text)),
        (_, value) => Preset::Text(Literal::new(value.to_json())),
    }
}

/// Names a table and its primary key.
pub(crate) fn table<'a>(
    table: &'a str,
    plan: &ResolvedOptions<'a>,
    indexes: &mut Names,
) -> Table<'a> {
    let (schema, name) = (plan.schema.clone(), Ident::new(table));
    let key = indexes.claim(&[table, "pkey"]);
    let key_is_default = key.as_str().strip_suffix("_pkey") == Some(table);
    let mut regclass = String::with_capacity(name.as_str().len() + schema.as_str().len() + 5);
    sql!(&mut regclass, schema, ".", name);
    let regclass = Printed::new(&Literal::new(regclass));
    Table { schema, name, key, key_is_default, regclass }
}

fn checks<'a>(shape: &TableShape<'a>, table: &Table<'a>) -> Vec<CheckDef<'a>> {
    let mut names = Names::with([table.key.as_str()]);
    let rule = |column: &ColumnShape<'a>| match column.kind {
        // An enum type of the database has these values.
        ColumnKind::Enum(_) if matches!(column.native, Some(NativeType::Enum { .. })) => None,
        ColumnKind::Enum(allowed) => Some(Rule::OneOf(allowed)),
        kind => range(kind).map(|(min, max)| Rule::Between(min, max)),
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

fn indexes<'a>(
    shape: &TableShape<'a>,
    plan: &ResolvedOptions<'a>,
    names: &mut Names,
) -> Vec<IndexDef<'a>> {
    let has_later = |index: &IndexShape<'_>| {
        index.purpose != IndexPurpose::Relation || plan.foreign_keys || plan.layout != Layout::First
    };
    let index = |index: &IndexShape<'a>| {
        let name = index.columns.last().copied().unwrap_or_default();
        let column = shape.columns.iter().find(|column| column.name == name);
        let is_json = column.is_some_and(|column| column.kind == ColumnKind::Json);
        IndexDef {
            name: names.claim(&[shape.name(), name, "idx"]),
            columns: index.columns.clone(),
            by_bytes: index.purpose == IndexPurpose::List,
            method: if is_json { Method::Gin } else { Method::Btree },
            unique: false,
            concurrent: index.purpose == IndexPurpose::Relation,
        }
    };
    let mut indexes: Vec<_> =
        shape.indexes.iter().filter(|index| has_later(index)).map(index).collect();
    indexes.extend(shape.unique.iter().map(|unique| {
        let name = names.claim(&[shape.name(), unique.column, "key"]);
        let columns = unique.within.into_iter().chain([unique.column]).collect();
        let method = Method::Btree;
        IndexDef { name, columns, by_bytes: false, method, unique: true, concurrent: false }
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

/// Adds foreign keys.
fn foreign_keys<'a>(shapes: &[TableShape<'a>], definitions: &mut [TableDef<'a>]) {
    let at: BTreeMap<&str, usize> = shapes.iter().map(TableShape::name).zip(0..).collect();
    for (shape, definition) in shapes.iter().zip(definitions) {
        let mut names = Names::with([definition.table.key.as_str()]);
        for key in &shape.foreign_keys {
            let Some(target) = at.get(key.target).copied() else { continue };
            let name = names.claim(&[shape.name(), key.column, "fkey"]);
            let (column, within) = (key.column, key.within);
            definition.foreign_keys.push(ForeignKeyDef { name, column, within, target });
        }
    }
}
