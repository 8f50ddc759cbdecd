//! The OpenAPI document in both versions of OpenAPI, and what generators of clients need of it.

use crate::openapi_documents::{document, schema, text};
use ablo_tests::{fixtures, synthetic};
use serde_json::{Value, json};

const TASKS: &str = r#"{"v":3,"models":{"tasks":{"typename":"Task","fields":{
    "status":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["todo","done"],
        "description":"Its state."},
    "mood":{"type":"enum","isOptional":true,"isIndexed":false,"enumValues":["good"]},
    "body":{"type":"json","isOptional":false,"isIndexed":false},
    "count":{"type":"number","format":"uint32","isOptional":true,"isIndexed":false},
    "wide":{"type":"string","format":"uint64","isOptional":true,"isIndexed":false},
    "shape":{"type":"json","isOptional":true,"isIndexed":false,"shape":{"type":"object",
        "properties":{"pair":{"type":"array","prefixItems":[{"type":"number"},{"const":"x"}]},
        "list":{"type":"array"},"either":{"type":["string","number","null"]}},
        "patternProperties":{"^x":{}},"additionalProperties":false}}},"relations":{}}},
    "identityRoles":[]}"#;

fn version_30(source: &str) -> Value {
    let text = text(&schema(source), &json!({ "version": 3.0 }));
    serde_json::from_str(&text).expect("the document is JSON")
}

#[test]
fn enums_are_named_components_that_are_open_by_default() {
    let document = document(&schema(TASKS));
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["TaskStatus"]["type"], "string");
    assert_eq!(schemas["TaskStatus"]["examples"], json!(["todo", "done"]));
    let reference = json!("#/components/schemas/TaskStatus");
    for name in ["Task", "TaskCreate", "TaskPatch"] {
        assert_eq!(schemas[name]["properties"]["status"]["$ref"], reference, "{name}");
    }
    let closed = text(&schema(TASKS), &json!({ "enums": "closed" }));
    let closed: Value = serde_json::from_str(&closed).expect("the document is JSON");
    let expected = json!({ "type": "string", "enum": ["todo", "done"] });
    assert_eq!(closed["components"]["schemas"]["TaskStatus"], expected);
}

#[test]
fn enums_do_not_take_names_of_models_or_of_the_protocol() {
    let source = r#"{"v":3,"models":{"commits":{"typename":"Commit","fields":{
        "status":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["a"]},
        "line":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["a"]}},
        "relations":{}},"lines":{"typename":"CommitLine","fields":{},"relations":{}}},
        "identityRoles":[]}"#;
    let document = document(&schema(source));
    let fields = &document["components"]["schemas"]["Commit"]["properties"];
    assert_eq!(fields["status"]["$ref"], "#/components/schemas/CommitStatusEnum");
    assert_eq!(fields["line"]["$ref"], "#/components/schemas/CommitLineEnum");
}

#[test]
fn lists_type_their_rows_and_any_json_is_an_empty_schema() {
    let document = document(&schema(TASKS));
    let page = &document["paths"]["/v1/models/tasks"]["get"]["responses"]["200"];
    let parts = &page["content"]["application/json"]["schema"]["allOf"];
    let data = json!({ "type": "array", "items": { "$ref": "#/components/schemas/Task" } });
    let own = json!({ "type": "object", "required": ["data"], "properties": { "data": data } });
    assert_eq!(parts[1], own);
    let schemas = &document["components"]["schemas"];
    assert!(schemas["ListPage"]["properties"]["data"].is_null(), "no part narrows another");
    assert_eq!(schemas["Task"]["properties"]["body"], json!({}));
}

/// Formats that readers do not have in common make validators refuse a schema.
#[test]
fn formats_are_those_that_readers_know() {
    fn check(value: &Value, at: &str) {
        let known = ["date-time", "uuid", "int32", "int64", "float", "double"];
        match value {
            Value::Array(items) => items.iter().for_each(|item| check(item, at)),
            Value::Object(members) => {
                let is_schema = members.contains_key("type");
                let format = members.get("format").and_then(Value::as_str).filter(|_| is_schema);
                assert!(format.is_none_or(|format| known.contains(&format)), "{at}: {value}");
                members.iter().for_each(|(name, member)| check(member, name));
            }
            _ => {}
        }
    }
    for (name, source) in fixtures::good_schemas() {
        check(&document(&schema(&source))["components"], &name);
    }
    let fields = &document(&schema(TASKS))["components"]["schemas"]["Task"]["properties"];
    assert_eq!(fields["count"]["format"], "int64", "a program reads 32 unsigned bits");
    assert_eq!(fields["wide"]["pattern"], "^(0|[1-9][0-9]{0,19})$");
}

#[test]
fn a_model_of_the_synthetic_schema_takes_at_most_nine_kilobytes() {
    let size = |models| text(&schema(&synthetic::document(models)), &json!({})).len();
    let each = (size(60) - size(20)) / 40;
    assert!(each <= 9_117, "a model takes {each} bytes");
}

/// Returns the keywords of a document's schemas that OpenAPI 3.0 does not have.
fn keywords_of_31(schema: &Value, found: &mut Vec<String>) {
    let lists = ["allOf", "anyOf", "oneOf"];
    for (name, member) in schema.as_object().into_iter().flatten() {
        match name.as_str() {
            "const" | "examples" | "prefixItems" | "patternProperties" | "$defs" | "if" => {
                found.push(name.clone());
            }
            "type" if !member.is_string() => found.push(format!("type: {member}")),
            "type" if member == "null" => found.push("type: null".to_owned()),
            "properties" => {
                let members = member.as_object().into_iter().flatten();
                members.for_each(|(_, member)| keywords_of_31(member, found));
            }
            "items" | "not" | "additionalProperties" => keywords_of_31(member, found),
            list if lists.contains(&list) => {
                let parts = member.as_array().into_iter().flatten();
                parts.for_each(|part| keywords_of_31(part, found));
            }
            _ => {}
        }
    }
    if schema["$ref"].is_string() && schema.as_object().is_some_and(|members| members.len() > 1) {
        found.push("$ref with siblings".to_owned());
    }
    if schema["type"] == "array" && !schema["items"].is_object() {
        found.push("array without items".to_owned());
    }
}

#[test]
fn version_30_has_no_keyword_of_31() {
    for (name, source) in fixtures::good_schemas() {
        let document = version_30(&source);
        assert_eq!(document["openapi"], "3.0.3");
        let mut found = Vec::new();
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        schemas.values().for_each(|schema| keywords_of_31(schema, &mut found));
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}

#[test]
fn version_30_loses_nothing() {
    let document = version_30(TASKS);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["TaskStatus"]["x-examples"], json!(["todo", "done"]));
    let fields = &schemas["Task"]["properties"];
    let reference = |name: &str| json!([{ "$ref": format!("#/components/schemas/{name}") }]);
    let mood = json!({ "allOf": reference("TaskMood"), "nullable": true });
    assert_eq!(fields["mood"], mood);
    let status = json!({ "description": "Its state.", "allOf": reference("TaskStatus") });
    assert_eq!(fields["status"], status);
    let shape = &fields["shape"];
    assert_eq!(shape["nullable"], true);
    assert_eq!(shape["x-patternProperties"], json!({ "^x": {} }));
    assert_eq!(shape["x-additionalProperties"], false, "3.0 would refuse what a pattern admits");
    let pair = &shape["properties"]["pair"];
    assert_eq!(pair["x-prefixItems"], json!([{ "type": "number" }, { "const": "x" }]));
    assert_eq!(shape["properties"]["list"]["items"], json!({}));
    let either = json!([{ "type": "string" }, { "type": "number" }]);
    assert_eq!(shape["properties"]["either"], json!({ "anyOf": either, "nullable": true }));
    let responses = &document["paths"]["/v1/models/tasks"]["get"]["responses"];
    assert_eq!(responses["4XX"], json!({ "$ref": "#/components/responses/Error" }));
    assert_eq!(responses["5XX"], responses["4XX"]);
}

#[test]
fn an_unknown_version_names_the_other_option() {
    let options = json!({ "version": "7" });
    let error = ablo_codegen::Target::configure(
        &ablo_codegen::emit::openapi::OpenApi,
        options.as_object().expect("an object"),
    );
    let error = error.err().expect("the option is refused");
    assert!(error.message.contains("`api-version`"), "{error}");
}
