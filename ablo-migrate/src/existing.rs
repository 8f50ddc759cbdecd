//! The layout of the tables that a migration starts from: recorded in the ledger, else found in the
//! catalog.

use crate::catalog::{Catalog, ForeignKey};
use crate::error::Result;
use crate::session::Session;
use ablo_codegen::migrate::Existing;
use ablo_codegen::shape::{ForeignKeyShape, Layout, tables, tables_in};
use ablo_schema::Schema;

/// Returns the layout of the tables of a schema. Without a schema there are no tables.
pub(crate) fn existing(database: &mut dyn Session, schema: Option<&Schema>) -> Result<Existing> {
    if let Some(entry) = database.ledger()?.pop() {
        let (layout, foreign_keys) = (entry.record.layout, entry.record.foreign_keys);
        return Ok(Existing { layout, foreign_keys });
    }
    match schema {
        Some(schema) => Ok(found(&database.catalog()?, schema)),
        None => Ok(Existing { layout: Layout::CURRENT, foreign_keys: true }),
    }
}

/// Returns the layout that tables have in a catalog.
fn found(catalog: &Catalog, schema: &Schema) -> Existing {
    let has_first_key = tables(schema).iter().any(|table| {
        let key = catalog.tables.get(table.name()).map(|found| found.primary_key.as_slice());
        table.key.len() > 1 && key.is_some_and(|key| key == ["id"])
    });
    let layout = if has_first_key { Layout::First } else { Layout::CURRENT };
    let shapes = tables_in(schema, layout);
    let mut keys =
        shapes.iter().flat_map(|table| table.foreign_keys.iter().map(|key| (table.name(), key)));
    let foreign_keys = keys.any(|(table, key)| {
        let found = catalog.tables.get(table);
        found.is_some_and(|table| table.foreign_keys.values().any(|found| is_key(key, found)))
    });
    Existing { layout, foreign_keys }
}

fn is_key(key: &ForeignKeyShape<'_>, found: &ForeignKey) -> bool {
    let own = key.within.map(|(own, _)| own).into_iter().chain([key.column]);
    found.target == key.target && found.columns.iter().map(String::as_str).eq(own)
}
