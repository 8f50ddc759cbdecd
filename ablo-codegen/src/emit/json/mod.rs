//! Code that the two JSON targets share. [`write`] prints JSON, [`template`] reuses printed text,
//! [`names`] names components, [`rows`] writes JSON Schema of row shapes and [`author`] the schemas
//! of authors. Files, routes and options belong to the targets.

mod author;
pub(super) mod names;
pub(super) mod rows;
pub(super) mod template;
pub(super) mod write;
