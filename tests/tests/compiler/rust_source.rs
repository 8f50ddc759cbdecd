//! Prints schemas as Rust and reads them back: the schemas are equal except for the reported
//! differences.

use ablo_codegen::emit::rust::source::{Printed, print};
use ablo_schema::front::{json, rust::file};
use ablo_schema::schema::default_column;
use ablo_schema::{Hashes, Schema, canonical};
use ablo_tests::{arbitrary, fixtures};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::fmt::Write;

fn schema_of(text: &str) -> Schema {
    json::read(text).schema.expect("the schema is valid")
}

fn read_back(name: &str, text: &str) -> Schema {
    let read = file::read(text);
    let messages: Vec<&str> = read.diagnostics.iter().map(|it| it.message.as_str()).collect();
    read.schema.unwrap_or_else(|| panic!("{name}: {messages:#?}\n{text}"))
}

/// Returns the canonical text as a value, without members reported as differences and without
/// defaults.
fn comparable(schema: &Schema, printed: &Printed) -> Value {
    let mut value: Value =
        serde_json::from_str(&canonical::print(schema)).expect("canonical text is JSON");
    // Members in another order are present.
    for difference in
        printed.differences.iter().filter(|difference| !difference.message.contains("the order of"))
    {
        let (parent, member) =
            difference.pointer.rsplit_once('/').expect("the pointer is not empty");
        if let Some(Value::Object(members)) = value.pointer_mut(parent) {
            members.shift_remove(member);
        }
    }
    for (key, model) in value["models"].as_object_mut().expect("models") {
        let model = model.as_object_mut().expect("a model");
        let type_name = model["typename"].clone();
        for (name, field) in members(model, "fields") {
            let field = field.as_object_mut().expect("a field");
            let defaults = [
                ("column", json!(default_column(name))),
                ("unique", json!(false)),
                ("deprecated", json!(false)),
            ];
            remove(field, defaults);
        }
        for (_, relation) in members(model, "relations") {
            if let Some(options) = relation.get_mut("options").and_then(Value::as_object_mut) {
                options.retain(|_, set| set == &json!(true));
            }
            remove(relation.as_object_mut().expect("a relation"), [("options", json!({}))]);
        }
        if let Some(via) =
            model.get_mut("tenancy").and_then(|it| it.get_mut("via")).and_then(Value::as_object_mut)
        {
            remove(
                via,
                [("parentKey", json!("id")), ("parentOrgColumn", json!("organization_id"))],
            );
        }
        if model.get("scope").and_then(Value::as_str)
            == type_name.as_str().map(str::to_lowercase).as_deref()
        {
            model.insert("scope".to_owned(), json!(true));
        }
        if model.get("persist").is_some_and(|persist| persist["store"] == type_name) {
            model.insert("persist".to_owned(), json!({}));
        }
        let defaults = json!({
            "load": "instant", "tableName": key,
            "tenancy": { "kind": "column", "column": "organization_id" },
            "scope": false, "mutable": false, "lazyObservable": false, "entityRoles": [],
            "autoFill": [], "requiredFields": [],
        });
        remove(model, defaults.as_object().expect("an object").clone());
    }
    value
}

fn members<'m>(
    model: &'m mut Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (&'m String, &'m mut Value)> {
    model.get_mut(name).and_then(Value::as_object_mut).into_iter().flatten()
}

fn remove(
    members: &mut Map<String, Value>,
    defaults: impl IntoIterator<Item = (impl AsRef<str>, Value)>,
) {
    for (name, value) in defaults {
        if members.get(name.as_ref()) == Some(&value) {
            members.shift_remove(name.as_ref());
        }
    }
}

/// Returns the names of models, fields and relations in order.
fn order(value: &Value) -> Vec<String> {
    let names = |value: &Value| {
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>()
    };
    let models = value["models"].as_object().expect("models");
    models
        .iter()
        .flat_map(|(key, model)| {
            [vec![key.clone()], names(&model["fields"]), names(&model["relations"])].concat()
        })
        .collect()
}

/// Prints a schema, reads it back and prints it again: both texts are equal, and so are the schemas
/// apart from the reported differences.
fn check(name: &str, before: &Schema) -> Printed {
    let printed = print(before);
    let after = read_back(name, &printed.text);
    let again = print(&after);
    assert_eq!(again.text, printed.text, "{name}");
    assert_eq!(
        (again.differences.as_slice(), again.same_hash),
        ([].as_slice(), true),
        "{name}\n{}",
        printed.text
    );
    let (original, reread) = (comparable(before, &printed), comparable(&after, &printed));
    let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("the value serialises");
    let (left, right) = (pretty(&original), pretty(&reread));
    let first = left.lines().zip(right.lines()).find(|(left, right)| left != right);
    assert!(original == reread, "{name}: {first:?} {:#?}\n{}", printed.differences, printed.text);
    if !printed.differences.iter().any(|difference| difference.message.contains("the order of")) {
        assert_eq!(order(&original), order(&reread), "{name}");
    }
    assert_eq!(
        printed.same_hash,
        Hashes::of(before).content == Hashes::of(&after).content,
        "{name}"
    );
    printed
}

#[test]
fn every_fixture_reads_back_with_reported_differences() {
    let mut all = String::new();
    for (name, text) in fixtures::good_schemas() {
        for difference in check(&name, &schema_of(&text)).differences {
            writeln!(all, "{name}{}\n  {}", difference.pointer, difference.message)
                .expect("writing to a string succeeds");
        }
    }
    insta::assert_snapshot!("differences", all);
}

#[test]
fn rust_schemas_read_back_without_differences() {
    for source in fixtures::find("rust", "schema.json") {
        let name = fixtures::name_of(&source);
        let printed = check(&name, &schema_of(&fixtures::read(&source)));
        assert_eq!(
            (printed.differences.as_slice(), printed.same_hash),
            ([].as_slice(), true),
            "{name}"
        );
    }
}

fn with_shape(shape: &Value) -> Schema {
    let field = json!({"type": "json", "isOptional": true, "isIndexed": false, "shape": shape});
    let text = json!({"v": 3, "identityRoles": [],
        "models": {"tasks": {"relations": {}, "fields": {"data": field}}}});
    schema_of(&text.to_string())
}

#[test]
fn a_shape_becomes_a_type_or_is_reported() {
    let word = json!({"type": "string"});
    let supported = [
        word.clone(),
        json!({"type": "array", "items": {"type": "array", "items": true}}),
        json!({"type": "object", "additionalProperties": {"type": "integer", "format": "uint16",
            "minimum": 0, "maximum": 65535}}),
        json!({"type": "string", "enum": ["one", "in-between", "été", ""]}),
        json!({"type": "array", "items": {"type": "string", "enum": ["a", "b"],
            "description": "One of two."}}),
        json!({"required": ["userId", "deep"], "type": "object", "properties": {
            "userId": {"description": "Whose.", "type": "string"},
            "x": {"type": ["number", "null"], "format": "float"},
            "self": {"type": "boolean", "default": false},
            "from_name": {"type": ["array", "null"], "items": {"type": "object"}},
            "deep": {"type": "object", "properties": {"any": {"description": "Whatever."}},
                "required": ["any"], "additionalProperties": false},
        }}),
    ];
    for shape in supported {
        let printed = check("supported", &with_shape(&shape));
        assert_eq!(
            (printed.differences.as_slice(), printed.same_hash),
            ([].as_slice(), true),
            "{shape}\n{}",
            printed.text
        );
    }
    let property = |property: Value, required: &[&str]| {
        json!({"type": "object",
        "properties": {"a": property}, "required": required})
    };
    let unsupported = [
        json!({}),
        json!({"type": "number"}),
        json!({"type": "string", "maxLength": 3}),
        json!({"type": ["string", "null"]}),
        json!({"type": "integer", "format": "uint8", "minimum": 1, "maximum": 255}),
        json!({"type": "array", "items": word, "minItems": 1}),
        json!({"type": "object", "properties": {"odd-name": word}, "required": ["odd-name"]}),
        json!({"type": "object", "properties": {"aB": word, "a_b": word},
            "required": ["aB", "a_b"]}),
        json!({"type": "object", "properties": {"a": {"type": "object"}, "b": {"type": "number"}},
            "required": ["a", "b"]}),
        json!({"type": "object", "properties": {}}),
        property(json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), &["a"]),
        json!({"type": "object", "properties": {"Odd_Name": word}, "required": ["Odd_Name"]}),
        property(word.clone(), &[]),
        property(word.clone(), &["a", "b"]),
        property(json!({"type": "string", "default": "x"}), &[]),
        property(json!({"type": "string", "description": " spaced "}), &["a"]),
        json!({"oneOf": [word]}),
        json!({"type": "string", "enum": ["a", 1]}),
    ];
    for shape in unsupported {
        let printed = check("unsupported", &with_shape(&shape));
        let pointers: Vec<&str> =
            printed.differences.iter().map(|difference| difference.pointer.as_str()).collect();
        assert_eq!(pointers, ["/models/tasks/fields/data/shape"], "{shape}\n{}", printed.text);
        let after = read_back("unsupported", &printed.text);
        assert_eq!(after.models()[0].fields[0].facets.shape, None, "{shape}\n{}", printed.text);
    }
}

/// Compares the committed fixtures, which `derive_printed` compiles, with the current output.
#[test]
fn printed_fixtures_are_up_to_date() {
    for (folder, name) in
        [("schemas", "newsroom"), ("schemas", "obstacle-course"), ("rust", "every-member")]
    {
        let original = schema_of(&fixtures::read(
            &fixtures::root().join(folder).join(name).join("schema.json"),
        ));
        let path = fixtures::root().join("rust").join(format!("printed-{name}")).join("schema.rs");
        assert!(
            print(&original).text == fixtures::read(&path),
            "{} is out of date; print {name} again",
            path.display()
        );
    }
}

#[test]
fn a_printed_source_that_is_too_large_is_reported() {
    let prose = "x".repeat(file::MAX_BYTES);
    let text = json!({"v": 3, "identityRoles": [], "models": {"tasks": {"relations": {}, "fields": {
        "title": {"type": "string", "isOptional": false, "isIndexed": false,
            "description": prose}}}}});
    let differences = print(&schema_of(&text.to_string())).differences;
    let messages: Vec<&str> = differences.iter().map(|it| it.message.as_str()).collect();
    let expected = "the printed source cannot be read back: ";
    assert!(matches!(messages[..], [one] if one.starts_with(expected)), "{messages:?}");
}

proptest! {
    #![proptest_config(arbitrary::cases(256))]

    #[test]
    fn any_schema_reads_back(document in arbitrary::schema()) {
        check("generated", &schema_of(&document.to_string()));
    }
}
