//! Rules on shapes: the JSON Schema of a `json` field is valid and self-contained.
//!
//! Unknown keywords are accepted. Whether defaults and stored values match the shape is left to
//! validators.

use super::context::Context;
use super::names::shown;
use crate::diag::Code;
use crate::raw::RawKind;
use crate::value::Value;

/// Keywords that refer outside the shape or change their meaning where the shape is copied.
const REFERENCE_KEYWORDS: [&str; 7] =
    ["$ref", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor", "$schema", "$vocabulary"];

const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "null", "array", "object"];

pub(super) fn check_shapes(cx: &mut Context<'_, '_>) {
    for field in cx.raw.models.iter().flat_map(|model| &model.fields) {
        let (Some(shape), Some(kind)) = (&field.shape, field.kind) else { continue };
        if kind.value != RawKind::Json {
            let message = format!(
                "field `{}` has a shape but type `{}`",
                field.name.value,
                kind.value.as_str()
            );
            cx.diagnostics
                .push(Code::FacetShapeOnOtherType, shape.at, message)
                .help("make it `json`, or remove the shape");
            continue;
        }
        if !matches!(shape.value, Value::Object(_)) {
            let message = format!("the shape of `{}` is not an object", field.name.value);
            cx.diagnostics
                .push(Code::FacetShapeNotObject, shape.at, message)
                .help("write a JSON Schema: `{\"type\": \"object\", \"properties\": {}}`");
            continue;
        }
        let Err(fault) = schema(&shape.value) else { continue };
        let (code, help) = match fault {
            Fault::Refers(_) => (
                Code::FacetShapeRefers,
                "write the referenced schema inline: the shape is copied into other documents",
            ),
            Fault::Invalid(_) => (
                Code::FacetShapeInvalid,
                "see the definition of the keyword in JSON Schema 2020-12",
            ),
        };
        let message = match fault {
            Fault::Refers(keyword) => {
                format!(
                    "the shape of `{}` is not self-contained: it has `{keyword}`",
                    field.name.value
                )
            }
            Fault::Invalid(keyword) => {
                format!(
                    "the shape of `{}` is not a valid JSON Schema: invalid value of `{}`",
                    field.name.value,
                    shown(keyword)
                )
            }
        };
        cx.diagnostics.push(code, shape.at, message).help(help);
    }
}

/// The first invalid keyword.
enum Fault<'v> {
    Refers(&'static str),
    Invalid(&'v str),
}

// The recursion is bounded, because the depth of a document is.
fn schema(value: &Value) -> Result<(), Fault<'_>> {
    let Value::Object(members) = value else { return Ok(()) };
    for (name, member) in members {
        if let Some(keyword) = REFERENCE_KEYWORDS.iter().find(|keyword| **keyword == name.as_ref())
        {
            return Err(Fault::Refers(keyword));
        }
        if !is_sound(name, member) {
            return Err(Fault::Invalid(name));
        }
        match (name.as_ref(), member) {
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                Value::Object(members),
            ) => {
                members.iter().try_for_each(|(_, member)| schema(member))?;
            }
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(items)) => {
                items.iter().try_for_each(schema)?
            }
            (name, member) if is_applied(name) => schema(member)?,
            _ => {}
        }
    }
    Ok(())
}

/// Returns whether the value of a keyword is a schema.
fn is_applied(name: &str) -> bool {
    matches!(
        name,
        "items"
            | "contains"
            | "additionalProperties"
            | "propertyNames"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "contentSchema"
            | "not"
            | "if"
            | "then"
            | "else"
    )
}

fn is_sound(name: &str, value: &Value) -> bool {
    let is_schema = |value: &Value| matches!(value, Value::Object(_) | Value::Bool(_));
    let is_type = |value: &Value| matches!(value, Value::String(word) if TYPES.contains(&&**word));
    let is_count =
        |value: &Value| matches!(value, Value::Number(number) if super::hints::is_count(*number));
    match (name, value) {
        ("type", Value::Array(types)) => {
            !types.is_empty() && types.iter().all(is_type) && are_different(types)
        }
        ("type", value) => is_type(value),
        (
            "properties" | "patternProperties" | "dependentSchemas" | "$defs",
            Value::Object(members),
        ) => members.iter().all(|(_, member)| is_schema(member)),
        ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(items)) => {
            !items.is_empty() && items.iter().all(is_schema)
        }
        ("required", Value::Array(names)) => are_texts(names),
        ("dependentRequired", Value::Object(members)) => members
            .iter()
            .all(|(_, names)| matches!(names, Value::Array(names) if are_texts(names))),
        ("enum" | "examples", value) => matches!(value, Value::Array(_)),
        ("minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum", value) => {
            matches!(value, Value::Number(_))
        }
        ("multipleOf", value) => matches!(value, Value::Number(number) if *number > 0.0),
        (
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
            | "minContains" | "maxContains",
            value,
        ) => is_count(value),
        ("uniqueItems" | "deprecated" | "readOnly" | "writeOnly", value) => {
            matches!(value, Value::Bool(_))
        }
        (
            "format" | "pattern" | "title" | "description" | "contentEncoding" | "contentMediaType"
            | "$comment",
            value,
        ) => matches!(value, Value::String(_)),
        (
            "properties" | "patternProperties" | "dependentSchemas" | "$defs" | "allOf" | "anyOf"
            | "oneOf" | "prefixItems" | "required" | "dependentRequired",
            _,
        ) => false,
        (name, value) if is_applied(name) => is_schema(value),
        _ => true,
    }
}

fn are_texts(values: &[Value]) -> bool {
    values.iter().all(|value| matches!(value, Value::String(_))) && are_different(values)
}

fn are_different(values: &[Value]) -> bool {
    let mut texts: Vec<&str> = values
        .iter()
        .filter_map(|value| if let Value::String(text) = value { Some(&**text) } else { None })
        .collect();
    texts.sort_unstable();
    texts.windows(2).all(|pair| pair[0] != pair[1])
}
