//! An application's database as a data source: its catalog, the triggers that capture writes, and
//! the adapter's own tables (docs/guide/data-sources.md).

pub(crate) mod catalog;
pub(crate) mod outbox;
pub(crate) mod responses;
pub(crate) mod triggers;
