//! Converts the document to OpenAPI 3.0.3.
//!
//! 3.0 has its own dialect of JSON Schema. A keyword that it does not have is kept with the prefix
//! `x-`, so that nothing is lost. `default` responses become the ranges `4XX` and `5XX`, because
//! generators that read only 3.0 take `default` for a success.

use crate::emit::json::write;
use serde_json::{Map, Value, json};

type Members = Map<String, Value>;

/// Converts the text of a document.
pub(super) fn convert(document: &str) -> String {
    let mut members: Members = serde_json::from_str(document).unwrap_or_default();
    members.insert("openapi".to_owned(), "3.0.3".into());
    members.shift_remove("jsonSchemaDialect");
    if let Some(Value::Object(schemas)) =
        members.get_mut("components").map(|all| &mut all["schemas"])
    {
        schemas.values_mut().for_each(convert_schema);
    }
    members.iter_mut().filter(|(name, _)| *name != "info").for_each(|(_, part)| convert_part(part));
    write::document(document.len(), |out| {
        members.iter().for_each(|(name, member)| out.value(name, member));
    })
}

/// Converts the schemas and responses below a part of the document that is no schema.
fn convert_part(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(convert_part),
        Value::Object(members) => {
            if let Some(error) = members.shift_remove("default").filter(Value::is_object) {
                members.insert("4XX".to_owned(), error.clone());
                members.insert("5XX".to_owned(), error);
            }
            for (name, member) in members {
                match name.as_str() {
                    "schema" => convert_schema(member),
                    "schemas" => {}
                    _ => convert_part(member),
                }
            }
        }
        _ => {}
    }
}

/// The keywords of 3.0 that contain no schema and mean the same in 3.1.
const KEPT: [&str; 22] = [
    "title",
    "description",
    "format",
    "default",
    "enum",
    "required",
    "deprecated",
    "readOnly",
    "writeOnly",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "type",
    "nullable",
];

fn convert_schema(schema: &mut Value) {
    let members = match schema.take() {
        Value::Object(members) => members,
        Value::Bool(false) => Members::from_iter([("not".to_owned(), json!({}))]),
        _ => Members::new(),
    };
    *schema = Value::Object(converted(members));
}

fn converted(mut members: Members) -> Members {
    unite_null(&mut members);
    let mut out = Members::new();
    let is_tuple = members.contains_key("prefixItems");
    let has_patterns = members.contains_key("patternProperties");
    for (name, mut member) in members {
        match name.as_str() {
            "const" => drop(out.insert("enum".to_owned(), json!([member]))),
            "allOf" | "anyOf" | "oneOf" => {
                member.as_array_mut().into_iter().flatten().for_each(convert_schema);
                out.insert(name, member);
            }
            "properties" => {
                member.as_object_mut().into_iter().for_each(|all| {
                    all.values_mut().for_each(convert_schema);
                });
                out.insert(name, member);
            }
            "items" if is_tuple => {
                if member == false
                    && let Some(length) = out.get("x-prefixItems").and_then(Value::as_array)
                {
                    let length = length.len();
                    out.insert("maxItems".to_owned(), length.into());
                }
            }
            "items" | "not" => {
                convert_schema(&mut member);
                out.insert(name, member);
            }
            "additionalProperties" if has_patterns => {
                out.insert("x-additionalProperties".to_owned(), member);
            }
            "additionalProperties" => {
                if member.is_object() {
                    convert_schema(&mut member);
                }
                out.insert(name, member);
            }
            "exclusiveMinimum" | "exclusiveMaximum" if member.is_number() => {
                let bound = name.trim_start_matches("exclusive").to_ascii_lowercase();
                out.insert(bound, member);
                out.insert(name, true.into());
            }
            kept if KEPT.contains(&kept) || kept == "$ref" || kept.starts_with("x-") => {
                out.insert(name, member);
            }
            other => {
                out.insert(["x-", other.trim_start_matches('$')].concat(), member);
            }
        }
    }
    if out.get("type").is_some_and(|kind| kind == "array") && !out.contains_key("items") {
        out.insert("items".to_owned(), json!({}));
    }
    own_reference(out)
}

/// Moves a reference that has siblings, which 3.0 ignores, into `allOf`.
fn own_reference(mut members: Members) -> Members {
    if members.len() == 1 {
        return members;
    }
    if let Some(to) = members.shift_remove("$ref") {
        let all = members.entry("allOf").or_insert_with(|| json!([]));
        all.as_array_mut().into_iter().for_each(|all| all.insert(0, json!({ "$ref": to })));
    }
    members
}

/// Replaces the type null by `nullable`, and several types by alternatives.
fn unite_null(members: &mut Members) {
    if let Some(Value::Array(kinds)) = members.get("type") {
        let (null, kinds): (Vec<Value>, Vec<Value>) =
            kinds.iter().cloned().partition(|kind| kind == "null");
        match <[Value; 1]>::try_from(kinds) {
            Ok([only]) => drop(members.insert("type".to_owned(), only)),
            Err(kinds) => {
                members.shift_remove("type");
                let kinds: Vec<Value> =
                    kinds.into_iter().map(|kind| json!({ "type": kind })).collect();
                members.insert("anyOf".to_owned(), kinds.into());
            }
        }
        if !null.is_empty() {
            members.insert("nullable".to_owned(), true.into());
        }
    }
    for name in ["anyOf", "oneOf"] {
        let Some(Value::Array(forms)) = members.get_mut(name) else { continue };
        let before = forms.len();
        forms.retain(|form| *form != json!({ "type": "null" }));
        if forms.len() == before {
            continue;
        }
        if let [only] = &mut forms[..] {
            let only = only.take();
            members.shift_remove(name);
            match only {
                Value::Object(own)
                    if !own.contains_key("$ref")
                        && own.keys().all(|name| !members.contains_key(name)) =>
                {
                    members.extend(own);
                }
                only => drop(members.insert("allOf".to_owned(), json!([only]))),
            }
        }
        members.insert("nullable".to_owned(), true.into());
    }
    if members.get("type").is_some_and(|kind| kind == "null") {
        members.shift_remove("type");
        members.insert("nullable".to_owned(), true.into());
        members.insert("enum".to_owned(), json!([null]));
    }
}
