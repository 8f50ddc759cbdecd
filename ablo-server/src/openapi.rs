//! The OpenAPI document that the coordinator serves.

use crate::models::Models;
use ablo_codegen::Files;
use ablo_codegen::{Input, targets};
use ablo_schema::Schema;
use ablo_schema::hash::Hashes;
use ablo_schema::select::select;
use serde_json::Map;

/// Generates the document for the models that this coordinator stores.
#[must_use]
pub(crate) fn document(schema: &Schema, models: &Models) -> String {
    let Some(target) = targets().iter().find(|target| target.id() == "openapi") else {
        return String::new();
    };
    let Ok(emit) = target.configure(&Map::new()) else { return String::new() };
    let hashes = Hashes::of(schema);
    let kept: Vec<&str> = models.iter().map(|model| model.key.as_str()).collect();
    // Models with unselected dependencies are documented together with those.
    let subset = select(schema, &kept).unwrap_or_else(|_| schema.clone());
    let mut files = Files::default();
    emit.emit(&Input::new(&subset, &hashes), &mut files);
    files.get("openapi/openapi.json").unwrap_or_default().to_owned()
}
