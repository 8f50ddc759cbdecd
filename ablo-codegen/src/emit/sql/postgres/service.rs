//! The service's own tables: their neutral description in, an idempotent program out.
//!
//! It decides statements as `provision.rs` does for models, with the same beginning and helpers and a few more in
//! `service.sql`. The program depends on where the tables lie and on nothing else, so it is the same for every schema.

use super::ddl::{Column, ColumnType, Condition, Predicate, Statement, Table};
use super::names::{Ident, Literal, Names};
use super::provision::{Provision, ResolvedOptions, begin, line, table};
use crate::shape::{
    IndexRows, SERVICE_TABLES, SOURCE_TABLES, ServiceColumn, ServiceIndex, ServiceKind,
    ServiceTable,
};

const HELPERS: &str = include_str!("service.sql");

/// What stands above the program.
pub(crate) const HEADER: &str = "\
-- Written by ablo for PostgreSQL 14 and later: what a service keeps for itself, whatever the models are.
--
-- Running it again is safe: it adds what is missing, leaves everything else as it is, and says in a WARNING,
-- ablo::provision::<what>, where that is not as it should be. With psql: psql -v ON_ERROR_STOP=1 -f service.sql
";

/// Lowers the service's tables to a program.
pub(crate) fn service(plan: &ResolvedOptions<'_>) -> Provision {
    program(plan, &SERVICE_TABLES)
}

/// Lowers those of a Data Source alone.
pub(crate) fn source(plan: &ResolvedOptions<'_>) -> Provision {
    program(plan, &SOURCE_TABLES)
}

fn program(plan: &ResolvedOptions<'_>, shapes: &'static [ServiceTable]) -> Provision {
    let mut indexes = Names::with(SERVICE_TABLES.iter().map(|shape| shape.name));
    let tables: Vec<Table<'_>> =
        shapes.iter().map(|shape| table(shape.name, plan, &mut indexes)).collect();
    let mut out = String::with_capacity(32 * 1024);
    begin(&mut out, plan, Some(HELPERS));
    for (shape, table) in shapes.iter().zip(&tables) {
        // Both are text of this program, without line breaks.
        for part in ["\n-- ", shape.name, ": ", shape.about, "\n"] {
            out.push_str(part);
        }
        let mut statements = columns(shape, table);
        statements.extend(checks(shape, table));
        statements
            .extend(shape.indexes.iter().map(|index| index_on(shape, index, table, &mut indexes)));
        statements.extend(isolation(shape, table));
        statements.extend(comments(shape, table));
        for statement in &statements {
            line(&mut out, statement);
        }
    }
    out.push_str("\nCOMMIT;\n");
    Provision { transaction: out, after_commit: Vec::new() }
}

fn column_type(column: &ServiceColumn) -> ColumnType {
    match column.kind {
        ServiceKind::Text | ServiceKind::OneOf(_) => ColumnType::Text,
        ServiceKind::TextArray => ColumnType::TextArray,
        ServiceKind::Integer => ColumnType::Bigint,
        ServiceKind::Identity => ColumnType::BigintIdentity,
        ServiceKind::Date => ColumnType::Timestamptz,
        ServiceKind::DateNow => ColumnType::TimestamptzNow,
        ServiceKind::Json => ColumnType::Jsonb,
        ServiceKind::Transaction => ColumnType::Xid8Current,
    }
}

/// The table with its columns and key, for a new one and for one that was there before.
fn columns<'a>(shape: &'a ServiceTable, table: &'a Table<'a>) -> Vec<Statement<'a>> {
    let column = |column: &'a ServiceColumn| Column {
        name: Ident::new(column.name),
        column_type: column_type(column),
        not_null: column.not_null,
        primary: shape.key == [column.name],
        preset: None,
    };
    let of_type = |wanted: ColumnType| {
        let found = shape.columns.iter().filter(move |column| column_type(column) == wanted);
        found.map(|column| column.name).collect::<Vec<_>>()
    };
    let mut statements =
        vec![Statement::CreateTable { table, columns: shape.columns.iter().map(column).collect() }];
    for column_type in ColumnType::GROUPED {
        let names = of_type(column_type);
        if !names.is_empty() {
            statements.push(Statement::Columns { table, column_type, names });
        }
    }
    let numbered = of_type(ColumnType::BigintIdentity).into_iter();
    statements.extend(numbered.map(|column| Statement::IdentityColumn { table, column }));
    let required = shape.columns.iter().filter(|column| column.not_null);
    statements
        .push(Statement::NotNull { table, names: required.map(|column| column.name).collect() });
    statements.push(Statement::Key { table, columns: idents(shape.key) });
    statements
}

fn idents(names: &'static [&'static str]) -> Vec<Ident<'static>> {
    names.iter().map(|name| Ident::new(*name)).collect()
}

fn checks<'a>(shape: &'a ServiceTable, table: &'a Table<'a>) -> Vec<Statement<'a>> {
    let mut names = Names::with([table.key.as_str()]);
    let check = |column: &'a ServiceColumn| match column.kind {
        ServiceKind::OneOf(allowed) => {
            let name = names.claim(&[shape.name, column.name, "check"]);
            let values = allowed.iter().map(|value| Literal::new(*value)).collect();
            Some(Statement::Enum { table, name, column: column.name, values })
        }
        _ => None,
    };
    shape.columns.iter().filter_map(check).collect()
}

fn index_on<'a>(
    shape: &ServiceTable,
    index: &ServiceIndex,
    table: &'a Table<'a>,
    names: &mut Names,
) -> Statement<'a> {
    let rows = match index.rows {
        IndexRows::All => Condition::All,
        IndexRows::NotNull(column) => Condition::NotNull(Ident::new(column)),
        IndexRows::Equal(column, value) => {
            Condition::Equal(Ident::new(column), Literal::new(value))
        }
    };
    let name = names.claim(&[shape.name, index.purpose, if index.unique { "key" } else { "idx" }]);
    Statement::IndexOn { table, name, unique: index.unique, columns: idents(index.columns), rows }
}

fn isolation<'a>(shape: &ServiceTable, table: &'a Table<'a>) -> Option<Statement<'a>> {
    let predicate = Predicate::Column(Ident::new(shape.organization?));
    Some(Statement::Isolate { table, predicate })
}

fn comments<'a>(shape: &'a ServiceTable, table: &'a Table<'a>) -> Vec<Statement<'a>> {
    let of_column = |column: &'a ServiceColumn| {
        let text = Literal::new(column.about?);
        Some(Statement::ColumnComment { table, column: column.name, text })
    };
    let about = Statement::TableComment { table, text: Literal::new(shape.about) };
    std::iter::once(about).chain(shape.columns.iter().filter_map(of_column)).collect()
}
