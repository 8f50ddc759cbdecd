//! The OpenAPI document that the coordinator shows of itself.

use ablo_codegen::Files;
use ablo_codegen::target::{Input, targets};
use ablo_schema::Schema;
use ablo_schema::hash::Hashes;
use serde_json::{Map, Value};

/// The document, with this coordinator as its server.
#[must_use]
pub(crate) fn document(schema: &Schema) -> String {
    let Some(target) = targets().iter().find(|target| target.id() == "openapi") else { return String::new() };
    let options = Map::from_iter([("server".to_owned(), Value::String("/api".to_owned()))]);
    let Ok(emit) = target.configure(&options) else { return String::new() };
    let hashes = Hashes::of(schema);
    let mut files = Files::default();
    emit.emit(&Input::new(schema, &hashes), &mut files);
    files.get("openapi/openapi.json").unwrap_or_default().to_owned()
}
