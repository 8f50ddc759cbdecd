//! The schema and the layout of the tables that a migration starts from: recorded in the ledger,
//! else those of a baseline and of the catalog.

use crate::catalog::{Catalog, ForeignKey};
use crate::codes;
use crate::compare::Difference;
use crate::error::{Error, Finding, Result};
use crate::ledger::{Entry, Record};
use crate::plan::{SchemaOrigin, read_schema};
use crate::session::Session;
use ablo_codegen::migrate::Existing;
use ablo_codegen::shape::{ForeignKeyShape, Layout, tables, tables_in};
use ablo_schema::Schema;

/// The state of a database.
#[derive(Clone, Debug)]
pub struct Current {
    /// The current schema. `None` if the database has no tables.
    pub schema: Option<Schema>,
    /// Whether `fk` relations are foreign keys, as recorded in the ledger for the current layout.
    /// In the first layout, they were only on request.
    pub foreign_keys: Option<bool>,
    /// The last entry of the ledger.
    pub entry: Option<Entry>,
}

/// Returns the current schema of a database: that of the ledger's last entry; else `baseline`, if
/// the tables match it; else none, if there are no tables.
///
/// # Errors
/// `ablo::migrate::baseline_required`, `ablo::migrate::baseline_differs` with every difference,
/// `ablo::ledger::schema_invalid`, or any error of the session.
pub fn current(database: &mut dyn Session, baseline: Option<&Schema>) -> Result<Current> {
    if let Some(entry) = database.ledger()?.pop() {
        let schema = Some(read_schema(&entry.record.schema, SchemaOrigin::Ledger)?);
        let Record { layout, foreign_keys, .. } = entry.record;
        let foreign_keys = (!layout.is_first()).then_some(foreign_keys);
        return Ok(Current { schema, foreign_keys, entry: Some(entry) });
    }
    let Some(baseline) = baseline else {
        let found = database.catalog()?;
        if found.tables.is_empty() {
            return Ok(Current { schema: None, foreign_keys: None, entry: None });
        }
        let message =
            format!("`{}` has {} tables and no ledger", database.schema_name(), found.tables.len());
        return Err(Finding::new(codes::BASELINE_REQUIRED, message).into());
    };
    let existing = existing(database, Some(baseline))?;
    let misfits: Vec<_> = database
        .drift(baseline, existing)?
        .into_iter()
        .filter(|difference| difference.incompatible)
        .collect();
    if !misfits.is_empty() {
        let first = Finding::new(
            codes::BASELINE_DIFFERS,
            format!("the tables differ from the baseline in {} places", misfits.len()),
        );
        return Err(Error(
            std::iter::once(first).chain(misfits.iter().map(Difference::finding)).collect(),
        ));
    }
    Ok(Current { schema: Some(baseline.clone()), foreign_keys: None, entry: None })
}

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
