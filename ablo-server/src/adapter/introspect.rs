//! Maps the columns of models to those of live tables, or reports every mismatch.

use super::{AdapterError, AdapterOptions, SchemaMismatch};
use crate::models::{ColumnMapping, ColumnRole, Model, Models, Tenancy, mapping};
use crate::store::data_source::catalog::{self, PhysicalColumn};
use crate::store::{Dialect, Store};
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
                let mapped =
                    mapping::of_column(&mut column.kind, &physical.actual, physical.is_enum);
                if let Err(wanted) = mapped.map(|mapping| column.mapping = mapping) {
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
