//! Schemas of the protocol, which the wire crate derives from its types.
//!
//! They are not written by hand, so the document cannot drift from the code. Bodies with rows are
//! without the members that hold them, which the routes of each model add. `Rows` is the list that
//! the coordinator sends, without the forms that clients accept besides it.

use serde_json::{Map, Value, json};

/// The schemas of HTTP bodies, with references below `#/components/schemas/`.
pub(super) struct Definitions(&'static Map<String, Value>);

impl Definitions {
    pub(super) fn http() -> Self {
        Self(ablo_wire::http_components())
    }

    /// Returns all names of the protocol, reached or not, so that a new operation never renames a
    /// model's schema.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns all schemas, sorted by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Value)> {
        self.0.iter().map(|(name, definition)| {
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
