//! Code that the two JSON targets share. [`write`] prints JSON, [`template`] reuses printed text,
//! [`names`] names components, and [`rows`] writes JSON Schema of row shapes. Files, routes and
//! options belong to the targets.

pub(super) mod names;
pub(super) mod rows;
pub(super) mod template;
pub(super) mod write;
