//! The types of JSON Schemas. Constraints that TypeScript cannot express (a minimum, a pattern) are
//! omitted.

use super::ast::{Property, Type};
use super::name::wire_name;
use serde_json::{Map, Value};

/// Returns the type of a JSON Schema: the intersection of its keywords.
pub(super) fn lower(schema: &Value) -> Type<'_> {
    let Some(keywords) = schema.as_object() else {
        return if schema == &Value::Bool(false) { Type::NEVER } else { Type::UNKNOWN };
    };
    let list = |name: &str| keywords.get(name).and_then(Value::as_array);
    let mut parts: Vec<Type<'_>> = Vec::new();
    parts.extend(keywords.get("$ref").and_then(Value::as_str).map(reference));
    parts.extend(
        ["anyOf", "oneOf"]
            .into_iter()
            .filter_map(list)
            .map(|any| Type::union(any.iter().map(lower))),
    );
    parts.extend(list("allOf").into_iter().flatten().map(lower));
    if let Some(value) = keywords.get("const") {
        parts.push(literal(value));
    } else if let Some(values) = list("enum") {
        parts.push(Type::union(values.iter().map(literal)));
    } else {
        parts.extend(typed(keywords));
    }
    parts.retain(|part| *part != Type::UNKNOWN);
    match parts.len() {
        0 => Type::UNKNOWN,
        1 => parts.swap_remove(0),
        _ => Type::Intersection(parts),
    }
}

/// Returns the type for `type` and the keywords that belong to it.
fn typed(keywords: &Map<String, Value>) -> Option<Type<'_>> {
    match keywords.get("type") {
        Some(Value::String(kind)) => Some(of_kind(kind, keywords)),
        Some(Value::Array(kinds)) => Some(Type::union(
            kinds.iter().filter_map(Value::as_str).map(|kind| of_kind(kind, keywords)),
        )),
        _ => keywords.contains_key("properties").then(|| object(keywords)),
    }
}

fn of_kind<'a>(kind: &str, keywords: &'a Map<String, Value>) -> Type<'a> {
    match kind {
        "string" => open_enum(keywords),
        "number" | "integer" => Type::NUMBER,
        "boolean" => Type::BOOLEAN,
        "null" => Type::NULL,
        "array" => array(keywords),
        "object" => object(keywords),
        _ => Type::UNKNOWN,
    }
}

/// Returns the type of a string. One with examples is an open enum.
fn open_enum(keywords: &Map<String, Value>) -> Type<'_> {
    let known = keywords.get("examples").and_then(Value::as_array).into_iter().flatten();
    Type::union(known.map(literal).chain([Type::STRING]))
}

fn array(keywords: &Map<String, Value>) -> Type<'_> {
    match keywords.get("prefixItems").and_then(Value::as_array) {
        Some(items) => Type::Tuple(items.iter().map(lower).collect()),
        None => Type::Array(Box::new(keywords.get("items").map_or(Type::UNKNOWN, lower))),
    }
}

fn object(keywords: &Map<String, Value>) -> Type<'_> {
    let required = keywords.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let members = keywords.get("properties").and_then(Value::as_object).into_iter().flatten();
    let members: Vec<Property<'_>> = members
        .map(|(name, schema)| Property {
            name: name.into(),
            doc: text(schema, "description").into(),
            optional: !is_required(name),
            value: lower(schema),
        })
        .collect();
    if members.is_empty() {
        return Type::Record(Box::new(
            keywords.get("additionalProperties").map_or(Type::UNKNOWN, lower),
        ));
    }
    Type::Object(members)
}

fn literal(value: &Value) -> Type<'_> {
    match value {
        Value::Null => Type::NULL,
        Value::String(text) => Type::Literal(text.into()),
        Value::Bool(_) | Value::Number(_) => Type::Scalar(value.clone()),
        Value::Array(_) | Value::Object(_) => Type::UNKNOWN,
    }
}

fn reference(to: &str) -> Type<'_> {
    Type::Name(wire_name(definition_name(to)))
}

pub(super) fn definition_name(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// Returns a member of a schema that is text.
pub(super) fn text<'a>(schema: &'a Value, name: &str) -> &'a str {
    schema.get(name).and_then(Value::as_str).unwrap_or_default()
}
