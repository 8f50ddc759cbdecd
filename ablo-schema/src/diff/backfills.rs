//! Backfills: constants for the rows that are there when a field comes to need a value.
//!
//! Made by [`crate::front::json::read_backfills`], which checks each against its field.

use crate::value::Value;
use std::collections::BTreeMap;

/// A value for each of some fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backfills {
    pub(crate) by_model: BTreeMap<Box<str>, BTreeMap<Box<str>, Value>>,
}

impl Backfills {
    /// The value for a field, by the model's key and the field's name in the next schema.
    ///
    /// ```
    /// use ablo_schema::{front::json, value::Value};
    /// let next = json::read(r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"fields":{
    ///     "rank":{"type":"number","isOptional":false,"isIndexed":false}}}}}"#).schema.unwrap();
    /// let (backfills, _) = json::read_backfills(r#"[{"model":"tasks","field":"rank","value":1}]"#, &next);
    /// assert_eq!(backfills.unwrap().value("tasks", "rank"), Some(&Value::Number(1.0)));
    /// ```
    #[must_use]
    pub fn value(&self, model: &str, field: &str) -> Option<&Value> {
        self.by_model.get(model)?.get(field)
    }
}
