//! What the two JSON targets share: a writer that can only write JSON, names of components, and JSON Schema of rows.
//!
//! [`write`] prints, [`template`] prints once, [`names`] names, [`rows`] turns row shapes into schemas. Nothing here knows of files, routes or
//! options; those belong to the targets.

pub(super) mod names;
pub(super) mod rows;
pub(super) mod template;
pub(super) mod write;
