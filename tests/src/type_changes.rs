//! Two schemas between which fields change from every type and format to every other one.

use serde_json::{Map, Value, json};

/// Returns all types and formats of fields, with two variants of those that have parameters.
fn types() -> Vec<Value> {
    let plain = ["string", "number", "boolean", "date", "json"].map(|kind| json!({ "type": kind }));
    let enums = [json!(["a", "true", "12.5"]), json!(["12.5", "b"])]
        .map(|values| json!({ "type": "enum", "enumValues": values }));
    let format = |kind: &'static str| move |format| json!({ "type": kind, "format": format });
    let numbers = ["int8", "int16", "int32", "uint8", "uint16", "uint32", "float"];
    let texts = ["int64", "uint64", "decimal", "uuid"];
    let digits = [(5, 2), (20, 0)].map(|(precision, scale)| {
        json!({ "type": "string", "format": "decimal", "precision": precision, "scale": scale })
    });
    [plain.as_slice(), &enums, &digits]
        .concat()
        .into_iter()
        .chain(numbers.map(format("number")))
        .chain(texts.map(format("string")))
        .collect()
}

/// Returns the document before and the one after. The fields are all optional or all required.
#[must_use]
pub fn type_changes(optional: bool) -> (Value, Value) {
    let types = types();
    let document = |changed: bool| {
        let model = |from: &Value| {
            let field = |(at, to): (usize, &Value)| {
                let mut field = if changed { to } else { from }.clone();
                field["isOptional"] = optional.into();
                field["isIndexed"] = false.into();
                (format!("field{at}"), field)
            };
            let fields: Map<_, _> = types.iter().enumerate().map(field).collect();
            json!({ "fields": fields, "relations": {}, "tenancy": { "kind": "none" } })
        };
        let models: Map<_, _> = types
            .iter()
            .enumerate()
            .map(|(at, from)| (format!("model{at}"), model(from)))
            .collect();
        json!({ "v": 3, "models": models, "identityRoles": [] })
    };
    (document(false), document(true))
}
