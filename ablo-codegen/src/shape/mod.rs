//! Shapes: a schema as the emitters see it, independent of any target language.
//!
//! Every rule that more than one emitter needs is decided here.

#[cfg(any(
    feature = "typescript",
    feature = "python",
    feature = "openapi",
    feature = "json-schema"
))]
mod case;
mod facets;
mod keys;
mod reference;
mod rows;
mod service;
mod table;
mod tables;

#[cfg(any(
    feature = "typescript",
    feature = "python",
    feature = "openapi",
    feature = "json-schema"
))]
pub(crate) use case::pascal_case;
pub use facets::{Preset, digits_pattern, tree};
pub use rows::{BASE_FIELDS, BaseField, BaseKind, BaseShape, FieldShape, RowShape};
pub use service::{
    IndexRows, LAYOUTS, LayoutStep, NEWEST_LAYOUT, SERVICE_TABLES, SOURCE_TABLES, ServiceColumn,
    ServiceIndex, ServiceKind, ServiceLayout, ServiceTable,
};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(crate) use service::{LAYOUT_TABLE, SYNC_DELTAS};
pub use table::{
    ColumnKind, ColumnShape, ForeignKeyShape, IndexPurpose, IndexShape, Isolation, Layout,
    ParentOwner, TableShape, UniqueShape,
};
pub use tables::{tables, tables_in};

use ablo_schema::Schema;

/// The shapes of one schema.
#[derive(Debug)]
pub struct Shapes<'s> {
    /// One row shape per model, in schema order.
    pub rows: Vec<RowShape<'s>>,
}

impl<'s> Shapes<'s> {
    /// Lowers a schema to shapes.
    #[must_use]
    pub fn new(schema: &'s Schema) -> Self {
        Self { rows: schema.models().iter().map(RowShape::new).collect() }
    }
}
