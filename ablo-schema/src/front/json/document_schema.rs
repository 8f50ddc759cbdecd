//! The JSON Schema of a Schema JSON document, for editors.

use super::members::{DOCUMENT, FREE_PREFIX, Kind, Known, LEVELS, Level};
use serde_json::{Map, Value, json};

/// Returns a JSON Schema (2020-12) of Schema JSON documents.
///
/// It describes the structure of a document: it refuses what [`super::read_authored`] refuses under
/// `ablo::json::`, and accepts every document that has no error.
///
/// ```
/// let schema = ablo_schema::front::json::document_schema();
/// assert_eq!(schema["$defs"]["field"]["properties"]["unique"]["type"], "boolean");
/// ```
#[must_use]
pub fn document_schema() -> Value {
    let mut root = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" });
    extend(&mut root, object(&DOCUMENT));
    root["title"] = "Schema JSON of ablo".into();
    let others = LEVELS.iter().filter(|level| level.name != DOCUMENT.name);
    let definitions: Map<String, Value> =
        others.map(|level| (level.name.to_owned(), object(level))).collect();
    root["$defs"] = definitions.into();
    root
}

/// Adds the members of an object to another one.
fn extend(object: &mut Value, further: Value) {
    if let (Value::Object(object), Value::Object(further)) = (object, further) {
        object.extend(further);
    }
}

fn object(level: &Level) -> Value {
    let mut schema = json!({ "title": level.name, "description": level.about });
    extend(&mut schema, closed(level));
    let conditions: Vec<Value> = level.members.iter().filter_map(condition).collect();
    if !conditions.is_empty() {
        schema["allOf"] = conditions.into();
    }
    schema
}

/// Returns the type of an object that has only the members of its level, and free ones.
fn closed(level: &Level) -> Value {
    let required = level.members.iter().filter(|known| known.required.is_some());
    let required: Vec<&str> = required.map(|known| known.name).collect();
    let members: Map<String, Value> =
        level.members.iter().map(|known| (known.name.to_owned(), property(known))).collect();
    json!({
        "type": "object",
        "required": required,
        "properties": members,
        "patternProperties": { format!("^{FREE_PREFIX}"): true },
        "additionalProperties": false,
    })
}

/// Requires a member with the word that it goes with, and refuses it without.
fn condition(known: &Known) -> Option<Value> {
    let (member, word) = known.goes_with?;
    Some(json!({
        "if": { "properties": { member: { "const": word } }, "required": [member] },
        "then": { "required": [known.name] },
        "else": { "properties": { known.name: false } },
    }))
}

fn property(known: &Known) -> Value {
    let mut schema = json!({ "description": known.about });
    extend(&mut schema, values(&known.kind));
    schema
}

fn values(kind: &Kind) -> Value {
    let reference = |level: &Level| json!({ "$ref": format!("#/$defs/{}", level.name) });
    match kind {
        Kind::Version => json!({ "const": 3 }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::BooleanOrText => json!({ "type": ["boolean", "string"] }),
        Kind::Whole { min, max: None } => json!({ "type": "integer", "minimum": min }),
        Kind::Whole { min, max: Some(max) } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::OneOf(words) => json!({ "enum": words() }),
        Kind::TextSuchAs(words) => json!({ "anyOf": [{ "enum": words() }, { "type": "string" }] }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::SomeOf(words) => {
            json!({ "type": "array", "items": { "enum": words() }, "uniqueItems": true })
        }
        Kind::Any => json!({}),
        Kind::JsonSchema => json!({ "type": "object" }),
        Kind::Of(level) => reference(level),
        Kind::ListOf(level) => json!({ "type": "array", "items": reference(level) }),
        Kind::MapOf(level) => {
            json!({ "type": "object", "additionalProperties": reference(level) })
        }
    }
}
