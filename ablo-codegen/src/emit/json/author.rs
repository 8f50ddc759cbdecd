//! The shape of a JSON field: the author's own schema, in a form that all readers accept.

use super::write::Object;
use ablo_schema::schema::Field;
use serde_json::{Value, json};

/// Writes the author's own schema, which validation has found to be self-contained.
pub(super) fn shaped(schema: &mut Object<'_>, shape: &Value, field: &Field, nullable: bool) {
    let members = shape.as_object().into_iter().flatten();
    let facets = &field.facets;
    let has_more =
        facets.description.is_some() || facets.deprecated.is_some() || facets.default.is_some();
    if members.clone().next().is_none() {
        return;
    }
    match (nullable, has_more) {
        (true, _) => schema.inline_array("anyOf", |either| {
            either.value(shape);
            either.inline(|null| null.string("type", "null"));
        }),
        (false, true) => schema.inline_array("allOf", |all| all.value(shape)),
        (false, false) => members.for_each(|(name, member)| schema.value(name, member)),
    }
}

/// Replaces `true` and `false` in lists of schemas, and adds the `items` of arrays, without which
/// some readers refuse a schema. Without `extensions`, also removes keywords and formats that JSON
/// Schema does not have.
pub(super) fn plain_schema(schema: Value, extensions: bool) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    let as_object = |schema: Value| match schema {
        Value::Bool(true) => json!({}),
        Value::Bool(false) => json!({ "not": {} }),
        other => plain_schema(other, extensions),
    };
    if !extensions {
        members.retain(|name, member| match name.as_str() {
            "format" => member.as_str().is_some_and(|format| FORMATS.contains(&format)),
            name => !name.starts_with("x-"),
        });
    }
    if members.get("type").is_some_and(|kind| kind == "array") && !members.contains_key("items") {
        members.insert("items".to_owned(), json!({}));
    }
    for (name, member) in &mut members {
        let old = member.take();
        *member = match (name.as_str(), old) {
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(items)) => {
                items.into_iter().map(as_object).collect()
            }
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                Value::Object(members),
            ) => members.into_iter().map(|(name, member)| (name, as_object(member))).collect(),
            (
                "not" | "if" | "then" | "else" | "contains" | "items" | "propertyNames"
                | "contentSchema",
                schema,
            ) => as_object(schema),
            ("additionalProperties" | "unevaluatedItems" | "unevaluatedProperties", schema) => {
                plain_schema(schema, extensions)
            }
            (_, other) => other,
        };
    }
    Value::Object(members)
}

/// The formats that validators of JSON Schema know.
const FORMATS: [&str; 19] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
    "json-pointer",
    "relative-json-pointer",
    "regex",
    "int32",
    "int64",
    "float",
    "double",
];
