//! The definitions of the protocol, as the wire crate makes them from the types that clients and servers use.
//!
//! Nothing of them is written here by hand, so the document cannot drift from the code; it takes the part that its
//! operations reach.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The definitions of HTTP bodies, with references below `#/components/schemas/`.
pub(super) struct Definitions(&'static Map<String, Value>);

impl Definitions {
    pub(super) fn http() -> Self {
        Self(ablo_wire::http_components())
    }

    /// Every name that belongs to the protocol, reached or not: a new operation may never rename a model's schema.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The definitions that `roots` lead to, themselves included, in order of name.
    pub(super) fn reached(&self, roots: &[&str]) -> Vec<(&str, &Value)> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = roots.to_vec();
        while let Some(name) = open.pop() {
            if let Some((name, definition)) = self.0.get_key_value(name)
                && reached.insert(name.as_str())
            {
                references(definition, &mut open);
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
