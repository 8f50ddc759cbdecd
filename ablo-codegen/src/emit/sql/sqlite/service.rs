//! The service's own tables: their neutral description in, definitions out.
//!
//! They are the same for every schema. A column that numbers rows is the primary key, as SQLite can number nothing else;
//! the key that was asked for is unique then.

use super::ddl::{ColumnDef, Condition, IndexDef, Key, Preset, Rule, Storage, TableDef};
use super::names::{Ident, Literal, Names};
use super::provision::{Provision, Title, provision};
use crate::shape::{
    IndexRows, SERVICE_TABLES, SOURCE_TABLES, ServiceColumn, ServiceIndex, ServiceKind,
    ServiceTable,
};

/// What stands above the program.
pub(crate) const HEADER: &str = "\
-- Written by ablo for SQLite 3.37 and later: what a service keeps for itself, whatever the models are.
--
-- Running it again is safe: it makes the tables and indexes that are missing and leaves everything else as it is. A table
-- that is there already keeps its columns: each that is missing or differs is printed as ablo::provision::<what>.
-- With sqlite3: sqlite3 -bail app.db < service.sql
";

/// The program that makes them.
pub(crate) fn service() -> Provision {
    program(&SERVICE_TABLES)
}

/// The program that makes those of a Data Source alone.
pub(crate) fn source() -> Provision {
    program(&SOURCE_TABLES)
}

fn program(shapes: &'static [ServiceTable]) -> Provision {
    let mut names = Names::with(SERVICE_TABLES.iter().map(|shape| shape.name));
    let tables: Vec<_> = shapes
        .iter()
        .map(|shape| (Title::Service(shape.name, shape.about), table(shape, &mut names)))
        .collect();
    provision(&tables)
}

fn table(shape: &'static ServiceTable, names: &mut Names) -> TableDef<'static> {
    let numbered = shape.columns.iter().find(|column| column.kind == ServiceKind::Identity);
    let apart = shape.key.len() > 1 || numbered.is_some_and(|column| shape.key != [column.name]);
    TableDef {
        name: Ident::new(shape.name),
        columns: shape.columns.iter().map(|known| column(shape, known)).collect(),
        unique: if apart { idents(shape.key) } else { Vec::new() },
        indexes: shape.indexes.iter().map(|known| index(shape, known, names)).collect(),
    }
}

fn idents(names: &'static [&'static str]) -> Vec<Ident<'static>> {
    names.iter().map(|name| Ident::new(*name)).collect()
}

fn column(shape: &ServiceTable, column: &ServiceColumn) -> ColumnDef<'static> {
    let literals =
        |values: &[&'static str]| values.iter().map(|value| Literal::new(*value)).collect();
    let (storage, rule) = match column.kind {
        ServiceKind::Text => (Storage::Text, Rule::Any),
        ServiceKind::OneOf(values) => (Storage::Text, Rule::OneOf(literals(values))),
        ServiceKind::TextArray => (Storage::Text, Rule::JsonArray),
        ServiceKind::Integer | ServiceKind::Identity | ServiceKind::Transaction => {
            (Storage::Integer, Rule::Any)
        }
        ServiceKind::Date | ServiceKind::DateNow => (Storage::Text, Rule::Instant),
        ServiceKind::Json => (Storage::Text, Rule::Json),
    };
    ColumnDef {
        name: Ident::new(column.name),
        storage,
        not_null: column.not_null,
        key: match column.kind {
            ServiceKind::Identity => Key::AutoIncrement,
            _ if shape.key == [column.name] => Key::Primary,
            _ => Key::No,
        },
        preset: (column.kind == ServiceKind::DateNow).then_some(Preset::Now),
        rule,
        references: Vec::new(),
    }
}

fn index(shape: &ServiceTable, index: &ServiceIndex, names: &mut Names) -> IndexDef<'static> {
    IndexDef {
        name: names.claim(&[shape.name, index.purpose, if index.unique { "key" } else { "idx" }]),
        columns: idents(index.columns),
        unique: index.unique,
        rows: match index.rows {
            IndexRows::All => Condition::All,
            IndexRows::NotNull(column) => Condition::NotNull(Ident::new(column)),
            IndexRows::Equal(column, value) => {
                Condition::Equal(Ident::new(column), Literal::new(value))
            }
        },
    }
}
