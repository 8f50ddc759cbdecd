//! Serving tables that another program made.

use crate::error::StoreError;
use crate::models::{ColumnMapping, ColumnRole, Models};
use crate::store::Store;
use crate::store::data_source::catalog;

/// Maps the base columns that tables lack. Clients require the dates of a row, but not its creator.
///
/// # Errors
/// Returns the store's error if the catalog cannot be read.
pub(crate) fn map_base_columns(models: &mut Models, store: &dyn Store) -> Result<(), StoreError> {
    let tables = catalog::read(store)?;
    for model in models.iter_mut() {
        let Some(table) = tables.get(&model.table) else { continue };
        let absent = model.columns.iter_mut().filter(|column| !table.contains_key(&column.name));
        for column in absent {
            match column.role {
                ColumnRole::CreatedAt | ColumnRole::UpdatedAt => {
                    column.mapping = ColumnMapping::Epoch;
                }
                ColumnRole::CreatedBy => column.mapping = ColumnMapping::Missing,
                ColumnRole::Id | ColumnRole::Organization | ColumnRole::Declared => {}
            }
        }
    }
    Ok(())
}
