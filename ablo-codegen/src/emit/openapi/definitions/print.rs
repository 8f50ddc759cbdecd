//! Prints `schemas.json` from the types of the wire crate.
//!
//! Bodies with rows are without the members that hold them, which the routes of each model add.
//! `Rows` is the list that the coordinator sends, without the forms that clients accept besides it.

use crate::emit::json::write;
use crate::write::printed::assert_printed;
use serde_json::{Value, json};

/// Returns all schemas, sorted by name, with references below `#/components/schemas`.
fn schemas() -> impl Iterator<Item = (&'static str, Value)> {
    ablo_wire::http_components().iter().map(|(name, definition)| {
        let is_body = BODIES_WITH_ROWS.contains(&name.as_str());
        let mut definition = definition.clone();
        if name == "Rows" {
            definition = json!({ "type": "array", "items": definition["oneOf"][0]["items"] });
        }
        plain_choices(&mut definition);
        // Clients of the protocol write all members; the coordinator reads absent ones as 0.
        if name == "TaskClose" {
            definition.as_object_mut().and_then(|members| members.shift_remove("required"));
        }
        (name.as_str(), if is_body { without_rows(definition) } else { definition })
    })
}

/// The bodies that hold rows of one model.
const BODIES_WITH_ROWS: [&str; 4] = ["CreateBody", "ListPage", "Read", "UpdateBody"];

/// Removes the descriptions of references in `oneOf`: generators do not import what they describe.
fn plain_choices(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    let forms = members.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for form in forms.filter_map(Value::as_object_mut).filter(|form| form.contains_key("$ref")) {
        form.retain(|name, _| name == "$ref");
    }
}

fn without_rows(mut body: Value) -> Value {
    let is_of_rows = |name: &str| matches!(name, "data" | "relative");
    if let Some(Value::Object(properties)) = body.get_mut("properties") {
        properties.retain(|name, _| !is_of_rows(name));
    }
    if let Some(Value::Array(required)) = body.get_mut("required") {
        required.retain(|name| !name.as_str().is_some_and(is_of_rows));
        if required.is_empty() {
            body.as_object_mut().map(|body| body.shift_remove("required"));
        }
    }
    body
}

#[test]
fn the_file_is_that_of_the_wire_types() {
    let text = write::document(0, |document| {
        document.object("components", |components| {
            components.object("schemas", |members| {
                schemas().for_each(|(name, schema)| members.value(name, &schema));
            });
        });
    });
    assert_printed("src/emit/openapi/schemas.json", &text);
    let names: Vec<&str> = super::names().collect();
    assert_eq!(names, schemas().map(|(name, _)| name).collect::<Vec<_>>());
}
