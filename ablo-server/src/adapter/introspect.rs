//! Maps the columns of models to those of live tables, or reports every mismatch.

use super::{AdapterError, AdapterOptions, SchemaMismatch};
use crate::models::{Column, ColumnMapping, ColumnRole, Model, Models, Tenancy};
use crate::store::data_source::catalog::{self, PhysicalColumn};
use crate::store::{Dialect, Store};
use crate::value::ValueKind;
use std::collections::BTreeMap;

/// Maps models to the tables of a store.
///
/// # Errors
/// Returns every mismatch, or the store's error if the catalog cannot be read.
pub(super) fn map_models(
    models: &mut Models,
    store: &dyn Store,
    options: &AdapterOptions,
) -> Result<(), AdapterError> {
    let dialect = store.dialect();
    let tables = catalog::read(store)?;
    let mut faults = Vec::new();
    for model in models.iter_mut() {
        match tables.get(&model.table) {
            None => faults.push(format!("{}: table `{}` does not exist", model.key, model.table)),
            Some(table) => map_model(model, table, dialect, options, &mut faults),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(AdapterError::Schema(SchemaMismatch(faults))) }
}

fn map_model(
    model: &mut Model,
    table: &BTreeMap<String, PhysicalColumn>,
    dialect: Dialect,
    options: &AdapterOptions,
    faults: &mut Vec<String>,
) {
    let key = table.iter().find(|(_, column)| column.is_key).map(|(name, _)| name.clone());
    for column in &mut model.columns {
        if column.role == ColumnRole::Id && !table.contains_key(&column.name) {
            // Existing tables may name their key differently.
            match &key {
                Some(key) => column.name.clone_from(key),
                None => faults.push(format!(
                    "{}: table `{}` has neither an `id` column nor a single-column primary key",
                    model.key, model.table
                )),
            }
        }
        match table.get(&column.name) {
            Some(physical) if dialect == Dialect::Postgres => {
                if let Err(wanted) = map_column(column, physical) {
                    let (table, actual) = (&model.table, &physical.actual);
                    faults.push(format!(
                        "{}.{}: column `{table}.{}` has type {actual}, which cannot store {wanted}",
                        model.key, column.member, column.name
                    ));
                }
            }
            Some(_) => {}
            None if column.role == ColumnRole::Declared => {
                faults.push(format!(
                    "{}.{}: column `{}.{}` does not exist",
                    model.key, column.member, model.table, column.name
                ));
            }
            None => column.mapping = ColumnMapping::Missing,
        }
    }
    if let Tenancy::Column(at) = model.tenancy
        && model.columns.get(at).is_none_or(|column| column.mapping == ColumnMapping::Missing)
    {
        match options.organization {
            Some(_) => model.tenancy = Tenancy::Shared,
            None => faults.push(format!(
                "{}: table `{}` has no organisation column; \
                 set the organisation that all of its rows belong to",
                model.key, model.table
            )),
        }
    }
}

/// The largest magnitude up to which a double represents every integer exactly.
const MAX_EXACT_INTEGER: i64 = 1 << 53;

/// Selects how values are read from and written to a column.
///
/// # Errors
/// Returns what the column would have to store if its type cannot.
fn map_column(column: &mut Column, physical: &PhysicalColumn) -> Result<(), &'static str> {
    let actual = physical.actual.as_str();
    if let (ValueKind::Text | ValueKind::Enum(_), "uuid") = (&column.kind, actual) {
        column.kind = ValueKind::Uuid;
        return Ok(());
    }
    // A column narrower than the schema's type accepts only values that it stores exactly.
    match (&column.kind, actual) {
        (ValueKind::Number, "smallint") => {
            column.kind = ValueKind::Integer(i16::MIN.into(), i16::MAX.into())
        }
        (ValueKind::Number, "integer") => {
            column.kind = ValueKind::Integer(i32::MIN.into(), i32::MAX.into())
        }
        (ValueKind::Number, "bigint") => {
            column.kind = ValueKind::Integer(-MAX_EXACT_INTEGER, MAX_EXACT_INTEGER);
        }
        (ValueKind::Number, "real") => column.kind = ValueKind::Float,
        _ => {}
    }
    let text = |actual: &str| ColumnMapping::AsText(actual.to_owned());
    let read_as = |read| ColumnMapping::Cast { read_as: read, actual: actual.to_owned() };
    column.mapping = match (&column.kind, actual) {
        (
            ValueKind::Text | ValueKind::Enum(_),
            "text" | "character varying" | "character" | "name",
        ) => ColumnMapping::Exact,
        (ValueKind::Text | ValueKind::Enum(_), actual) if physical.is_enum => text(actual),
        (ValueKind::Text, "integer" | "bigint" | "smallint" | "citext") => text(actual),
        (ValueKind::Text | ValueKind::Enum(_), _) => return Err("text"),
        (ValueKind::Uuid, "uuid")
        | (ValueKind::Boolean, "boolean")
        | (ValueKind::Json, "jsonb")
        | (ValueKind::Number, "double precision")
        | (ValueKind::Float, "real")
        | (ValueKind::Date, "timestamp with time zone")
        | (ValueKind::Integer(..) | ValueKind::Int64, "smallint" | "integer" | "bigint")
        | (ValueKind::Uint64 | ValueKind::Decimal(_), "numeric") => ColumnMapping::Exact,
        (ValueKind::Uuid, "text" | "character varying") | (ValueKind::Json, "json") => text(actual),
        (ValueKind::Uuid, _) => return Err("a UUID"),
        (ValueKind::Json, _) => return Err("JSON"),
        (ValueKind::Date, "timestamp without time zone" | "date") => {
            ColumnMapping::LocalTimestamp(actual.to_owned())
        }
        (ValueKind::Date, _) => return Err("a timestamp"),
        (ValueKind::Boolean, _) => return Err("a boolean"),
        (ValueKind::Number, "numeric") => read_as("double precision"),
        (ValueKind::Number, _) => return Err("a number"),
        (ValueKind::Float, "double precision" | "numeric") => read_as("real"),
        (ValueKind::Float, _) => return Err("a single-precision number"),
        (ValueKind::Integer(..) | ValueKind::Int64, "numeric") => read_as("bigint"),
        (ValueKind::Integer(..) | ValueKind::Int64, _) => return Err("an integer"),
        (
            ValueKind::Uint64 | ValueKind::Decimal(_),
            "smallint" | "integer" | "bigint" | "double precision" | "real",
        ) => text(actual),
        (ValueKind::Uint64 | ValueKind::Decimal(_), _) => return Err("an exact decimal"),
    };
    Ok(())
}
