//! Validates JSON Schema documents against the meta-schema, and with documents that they must
//! accept or refuse.

use ablo_codegen::emit::json_schema::JsonSchema;
use ablo_codegen::{Files, Input, Target};
use ablo_schema::Hashes;
use ablo_tests::fixtures;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

fn files(text: &str, options: &Value) -> Files {
    let read = ablo_schema::front::json::read(text);
    let schema =
        read.schema.unwrap_or_else(|| panic!("the schema is valid: {:?}", read.diagnostics));
    let hashes = Hashes::of(&schema);
    let mut files = Files::default();
    let options = options.as_object().cloned().unwrap_or_default();
    JsonSchema
        .configure(&options)
        .expect("the options are known")
        .emit(&Input::new(&schema, &hashes), &mut files);
    files
}

fn parse(files: &Files, path: &str) -> Value {
    serde_json::from_str(files.get(path).expect("the file is written")).expect("the file is JSON")
}

/// Returns a validator of one definition that also checks formats.
fn definition(mut document: Value, name: &str) -> Validator {
    let members = document.as_object_mut().expect("the document is an object");
    assert!(members["$defs"][name].is_object(), "{name} is defined");
    members.retain(|member, _| member == "$schema" || member == "$defs");
    members.insert("$ref".to_owned(), json!(format!("#/$defs/{name}")));
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&document)
        .expect("the document is a 2020-12 schema")
}

const TASKS: &str = r#"{"v":3,"models":{"tasks":{"typename":"Task","fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "status":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["todo","done"]},
    "mood":{"type":"enum","isOptional":true,"isIndexed":false,"enumValues":["good"]},
    "points":{"type":"number","isOptional":true,"isIndexed":false},
    "urgent":{"type":"boolean","isOptional":true,"isIndexed":false},
    "dueAt":{"type":"date","isOptional":true,"isIndexed":false},
    "body":{"type":"json","isOptional":false,"isIndexed":false},
    "extra":{"type":"json","isOptional":true,"isIndexed":false}},"relations":{}}},
    "identityRoles":[]}"#;

fn row() -> Value {
    json!({
        "id": "t_1", "createdAt": "2026-06-01T08:00:00.000Z",
        "updatedAt": "2026-06-01T08:00:00.000Z",
        "title": "Write", "status": "todo", "body": {"blocks": []},
    })
}

fn create() -> Value {
    json!({"title": "Write", "status": "todo", "body": {"blocks": []}})
}

/// Returns the document with some members replaced, or removed where the new value is `<absent>`.
fn with(mut document: Value, changes: Value) -> Value {
    let members = document.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        if value == "<absent>" {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    document
}

fn check(name: &str, base: &Value, accepted: &[Value], refused: &[Value]) {
    check_in(TASKS, name, base, accepted, refused);
}

fn check_in(schema: &str, name: &str, base: &Value, accepted: &[Value], refused: &[Value]) {
    let validator = definition(parse(&files(schema, &json!({})), "json-schema/models.json"), name);
    for changes in accepted {
        let document = with(base.clone(), changes.clone());
        let errors: Vec<String> =
            validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name} refuses {document}: {errors:?}");
    }
    for changes in refused {
        let document = with(base.clone(), changes.clone());
        assert!(!validator.is_valid(&document), "{name} accepts {document}");
    }
}

#[test]
fn every_file_is_a_2020_12_schema() {
    for (name, text) in fixtures::good_schemas() {
        let files = files(&text, &json!({}));
        let document = parse(&files, "json-schema/models.json");
        assert_eq!(document["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::meta::validate(&document).unwrap_or_else(|error| panic!("{name}: {error}"));
        let models = document["properties"].as_object().map_or(0, Map::len);
        let schema = ablo_schema::front::json::read(&text).schema.expect("a valid schema");
        let definitions = |model: &ablo_schema::schema::Model| {
            let mut fields = model.fields.iter();
            3 + usize::from(fields.any(|field| !field.facets.relative.is_empty()))
        };
        assert_eq!(
            models,
            schema.models().iter().map(definitions).sum::<usize>(),
            "{name}: every definition has its own name"
        );
    }
    let wire = parse(&files(TASKS, &json!({})), "json-schema/wire.json");
    jsonschema::meta::validate(&wire).unwrap_or_else(|error| panic!("wire.json: {error}"));
}

#[test]
fn the_meta_schema_rejects_an_unknown_type() {
    assert!(jsonschema::meta::validate(&json!({"type": "objekt"})).is_err());
}

#[test]
fn a_row_allows_unknown_members_and_requires_non_null_fields() {
    let accepted = [
        json!({}),
        json!({"status": "paused"}),
        json!({"mood": "odd", "unheardOf": 1}),
        json!({"mood": null, "points": null, "urgent": null, "dueAt": null, "extra": null,
            "organizationId": null}),
        json!({"points": 1.5, "urgent": true, "dueAt": "2026-06-02T00:00:00Z", "extra": [1],
            "createdBy": "u_1"}),
        json!({"body": "text"}),
    ];
    let refused = [
        json!({"title": 1}),
        json!({"title": null}),
        json!({"title": "<absent>"}),
        json!({"status": null}),
        json!({"status": 3}),
        json!({"mood": 3}),
        json!({"points": "1"}),
        json!({"urgent": "yes"}),
        json!({"dueAt": "tomorrow"}),
        json!({"id": "<absent>"}),
        json!({"updatedAt": null}),
    ];
    check("Task", &row(), &accepted, &refused);
}

#[test]
fn a_create_requires_required_fields_but_no_base_fields() {
    let accepted =
        [json!({}), json!({"mood": null}), json!({"unheardOf": 1}), json!({"status": "paused"})];
    let refused = [
        json!({"title": "<absent>"}),
        json!({"title": null}),
        json!({"body": "<absent>"}),
        json!({"points": true}),
    ];
    check("TaskCreate", &create(), &accepted, &refused);
}

#[test]
fn a_patch_requires_nothing_and_clears_only_optional_fields() {
    let accepted = [
        json!({}),
        json!({"title": "New"}),
        json!({"mood": null, "points": null, "dueAt": null}),
        json!({"unheardOf": null}),
    ];
    let refused = [json!({"title": null}), json!({"status": null}), json!({"points": "many"})];
    check("TaskPatch", &json!({}), &accepted, &refused);
}

#[test]
fn formats_and_shapes_are_enforced_and_defaults_are_optional() {
    let schema = fixtures::read(&fixtures::root().join("schemas/field-facets/schema.json"));
    let gauge = json!({"decimal": "1", "token": "67e55044-10b1-426f-9247-bb680e5fe0c8"});
    let accepted = [
        json!({}),
        json!({"int8": -128, "uint8": 255, "int32": null, "float": 0.5}),
        json!({"int64": "-9223372036854775808", "uint64": "18446744073709551615"}),
        json!({"decimal": "-0.10", "price": "9999999999.99", "ratio": "0.99",
            "whole": "9".repeat(40)}),
    ];
    let refused = [
        json!({"decimal": "<absent>"}),
        json!({"int8": null}),
        json!({"int8": 128}),
        json!({"uint16": -1}),
        json!({"int16": 1.5}),
        json!({"int64": 1}),
        json!({"int64": "01"}),
        json!({"uint64": "-1"}),
        json!({"decimal": "1e3"}),
        json!({"price": "1.234"}),
        json!({"ratio": "1.0"}),
        json!({"token": "67e55044"}),
    ];
    check_in(&schema, "GaugeCreate", &gauge, &accepted, &refused);
    let shape = json!({"plain": {"x": null}, "anything": 1});
    let accepted = [
        json!({}),
        json!({"body": {"title": "a", "kind": 1}, "list": null}),
        json!({"list": [1, "a"]}),
    ];
    let refused = [
        json!({"body": {"title": "a"}}),
        json!({"body": {"title": "a", "kind": 1, "more": 1}}),
        json!({"body": null}),
        json!({"plain": []}),
        json!({"list": {}}),
    ];
    check_in(&schema, "ShapeCreate", &shape, &accepted, &refused);
    // A row requires fields that a create may omit, and a patch has no defaults.
    let document = parse(&files(&schema, &json!({})), "json-schema/models.json");
    let required = document["$defs"]["Default"]["required"].as_array().expect("a list");
    assert!(
        required.contains(&json!("text"))
            && document["$defs"]["DefaultCreate"].get("required").is_none()
    );
    assert!(document["$defs"]["DefaultPatch"]["properties"]["text"].get("default").is_none());
}

#[test]
fn wire_frames_are_validated() {
    let wire = parse(&files(TASKS, &json!({})), "json-schema/wire.json");
    let receipt = definition(wire.clone(), "CommitReceipt");
    let good = json!({"object": "commit_receipt", "clientTxId": "a", "serverTxId": "413",
        "success": true,
        "status": "confirmed", "lastSyncId": 413, "ops": 1});
    assert!(receipt.is_valid(&good));
    assert!(!receipt.is_valid(&with(good.clone(), json!({"success": "yes"}))));
    assert!(!receipt.is_valid(&with(good, json!({"clientTxId": "<absent>"}))));
    let error = definition(wire, "ErrorEnvelope");
    assert!(error.is_valid(
        &json!({"type": "AbloStaleContextError", "code": "stale_context", "message": "moved"})
    ));
    assert!(!error.is_valid(&json!({"error": {"message": "moved"}})));
}

#[test]
fn ids_begin_with_the_base_id() {
    let files = files(TASKS, &json!({"base-id": "https://example.com/schemas/"}));
    assert_eq!(
        parse(&files, "json-schema/models.json")["$id"],
        "https://example.com/schemas/models.json"
    );
    assert_eq!(
        parse(&files, "json-schema/wire.json")["$id"],
        "https://example.com/schemas/wire.json"
    );
    let error = JsonSchema
        .configure(json!({"base": 1}).as_object().expect("an object"))
        .err()
        .expect("the option is refused");
    assert!(error.message.contains("base"), "{error}");
}
