//! Schemas of the protocol, which the wire crate derives from its types.
//!
//! They are not written by hand, so the document cannot drift from the code. The document includes
//! only those that its operations reach.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

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

    /// Returns `roots` and all schemas that they reach, sorted by name.
    pub(super) fn reached(&self, roots: &[&str]) -> Vec<(&str, &Value)> {
        let mut reached = BTreeSet::new();
        let mut pending: Vec<&str> = roots.to_vec();
        while let Some(name) = pending.pop() {
            if let Some((name, definition)) = self.0.get_key_value(name)
                && reached.insert(name.as_str())
            {
                references(definition, &mut pending);
            }
        }
        reached.into_iter().filter_map(|name| Some((name, self.0.get(name)?))).collect()
    }
}

fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(members) => {
            let to = members.get("$ref").and_then(Value::as_str);
            found.extend(to.and_then(|to| to.strip_prefix("#/components/schemas/")));
            members.values().for_each(|member| references(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
