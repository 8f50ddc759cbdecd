//! The schema describes the written form: every golden validates and malformed frames do not.
#![cfg(feature = "schema")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // the whole file is a test

use ablo_wire::{HTTP_BODIES, frames_schema, http_components};
use serde_json::{Map, Value, json};

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Collects the references in a document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

fn assert_closed(definitions: &Map<String, Value>, prefix: &str) {
    for (name, definition) in definitions {
        let mut found = Vec::new();
        references(definition, &mut found);
        for reference in found {
            let target =
                reference.strip_prefix(prefix).unwrap_or_else(|| panic!("{name}: {reference}"));
            assert!(definitions.contains_key(target), "{name}: {reference}");
        }
    }
}

#[test]
fn the_schema_is_valid_and_closed() {
    let schema = frames_schema();
    jsonschema::meta::validate(schema).unwrap();
    assert_closed(schema["$defs"].as_object().unwrap(), "#/$defs/");
    let plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric());
    assert!(
        schema["$defs"].as_object().unwrap().keys().all(plain),
        "names must not contain generics"
    );
    let text = schema.to_string();
    for forbidden in ["x-keep-null", "```", "[`", "\"default\"", "Nullable_", "AnyValue"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn every_definition_is_described() {
    for (name, definition) in frames_schema()["$defs"].as_object().unwrap() {
        assert!(definition["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        for (member, schema) in definition["properties"].as_object().into_iter().flatten() {
            let tag = member == "type" && schema.get("not").is_some();
            assert!(
                schema["description"].as_str().is_some_and(|text| !text.is_empty()) || tag,
                "{name}.{member}"
            );
        }
    }
}

fn descriptions<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("description").and_then(Value::as_str));
            members.values().for_each(|member| descriptions(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| descriptions(item, found)),
        _ => {}
    }
}

#[test]
fn descriptions_are_for_users_of_the_api() {
    let mut found = Vec::new();
    descriptions(frames_schema(), &mut found);
    http_components().values().for_each(|component| descriptions(component, &mut found));
    assert!(found.len() > 500, "only {} descriptions", found.len());
    for about in found {
        for source in ["§", ".md", "```", "[`", "`D`", "Rust", " ()", "  "] {
            assert!(!about.contains(source), "{source} in: {about}");
        }
    }
}

#[test]
fn goldens_validate() {
    let schema = frames_schema();
    let of = |name: &str| {
        let mut one = json!({ "$schema": schema["$schema"], "$defs": schema["$defs"] });
        one["$ref"] = format!("#/$defs/{name}").into();
        jsonschema::draft202012::new(&one).unwrap()
    };
    let (either, client, server) =
        (jsonschema::draft202012::new(schema).unwrap(), of("ClientFrame"), of("ServerFrame"));
    for golden in crate::golden::frames().iter().filter(|golden| !golden.is_alternate()) {
        let side = if golden.name.starts_with("client-") { &client } else { &server };
        let frame = value(&golden.text);
        assert!(either.is_valid(&frame), "{}", golden.title());
        let errors: Vec<_> = side.iter_errors(&frame).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", golden.title());
    }
    for golden in crate::golden::bodies() {
        let body = value(&golden.text);
        let errors: Vec<_> =
            of(&golden.folder).iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", golden.title());
    }
    for golden in crate::golden::malformed() {
        let Ok(frame) = serde_json::from_str(&golden.text) else { continue };
        // JSON Schema cannot detect duplicate keys and mixed dialects; the reader does.
        if [
            "server-two-types",
            "server-two-payloads",
            "client-commit-two-verbs",
            "client-commit-two-payloads",
        ]
        .contains(&golden.name.as_str())
        {
            continue;
        }
        let side = if golden.name.starts_with("client-") { &client } else { &server };
        assert!(!side.is_valid(&frame), "{}", golden.title());
    }
}

#[test]
fn http_components_are_closed_and_complete() {
    let components = http_components();
    assert_closed(components, "#/components/schemas/");
    let schema = frames_schema();
    for body in HTTP_BODIES {
        let component =
            components[body.name].to_string().replace("#/components/schemas/", "#/$defs/");
        assert_eq!(value(&component), schema["$defs"][body.name], "{}", body.name);
    }
    assert!(!components.contains_key("ClientFrame"));
}

#[test]
fn absent_null_and_open_enums_are_distinct() {
    let schema = frames_schema();
    let properties = |name: &str| &schema["$defs"][name]["properties"];
    assert_eq!(properties("IntentBegin")["path"]["type"], "string");
    assert_eq!(properties("Delta")["transactionId"]["type"], json!(["string", "null"]));
    assert_eq!(properties("ListPage")["next_cursor"]["type"], json!(["string", "null"]));
    assert_eq!(properties("PresenceUpdate")["activity"]["$ref"], "#/$defs/Activity");
    let status = &schema["$defs"]["PresenceStatus"];
    assert_eq!(status["type"], "string");
    assert_eq!(status["examples"], json!(["online", "away", "offline"]));
    assert_eq!(schema["$defs"]["ErrorCode"]["examples"].as_array().map(Vec::len), Some(157));
}
