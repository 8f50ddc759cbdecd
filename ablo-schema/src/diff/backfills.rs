//! Backfills: constants that existing rows get when a field becomes required.
//!
//! Created by [`crate::front::json::read_backfills`], which validates each value.

use crate::value::Value;
use std::collections::BTreeMap;

/// Values by model and field.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backfills {
    pub(crate) by_model: BTreeMap<Box<str>, BTreeMap<Box<str>, Value>>,
}

impl Backfills {
    /// Returns the value for a field, by the model's key and the field's name in the next schema.
    ///
    /// ```
    /// use ablo_schema::{front::json, value::Value};
    /// let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"fields":{
    ///     "rank":{"type":"number","isOptional":false,"isIndexed":false}}}}}"#;
    /// let next = json::read(text).schema.unwrap();
    /// let text = r#"[{"model":"tasks","field":"rank","value":1}]"#;
    /// let (backfills, _) = json::read_backfills(text, &next);
    /// assert_eq!(backfills.unwrap().value("tasks", "rank"), Some(&Value::Number(1.0)));
    /// ```
    #[must_use]
    pub fn value(&self, model: &str, field: &str) -> Option<&Value> {
        self.by_model.get(model)?.get(field)
    }

    /// Returns the backfills as the document that [`crate::front::json::read_backfills`] reads, or
    /// `null` if there are none.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let all = self.by_model.iter().flat_map(|(model, fields)| {
            fields.iter().map(move |(field, value)| {
                let member = |name: &str| Value::String(name.into());
                let (model, field) = (("model".into(), member(model)), member(field));
                Value::Object(vec![model, ("field".into(), field), ("value".into(), value.clone())])
            })
        });
        match all.collect::<Vec<_>>() {
            all if all.is_empty() => Value::Null,
            all => Value::Array(all),
        }
    }
}
