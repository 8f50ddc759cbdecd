//! Hints: which models and fields are renamed, which are dropped, and which decimals are rounded.
//!
//! Created by [`crate::front::json::read_hints`]. Spans refer to the text of the hints.

use crate::diag::{SpanId, Spanned};
use crate::value::Value;

/// A name with its span.
pub(crate) type SpannedName = Spanned<Box<str>>;

/// The hints of a diff. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub(crate) models: Vec<ModelHint>,
    pub(crate) fields: Vec<FieldHint>,
    pub(crate) dropped_models: Vec<SpannedName>,
    pub(crate) dropped_fields: Vec<FieldName>,
    pub(crate) rounded: Vec<FieldName>,
}

impl Hints {
    /// Returns the hints as the document that [`crate::front::json::read_hints`] reads, or `null`
    /// if there are none.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let text = |name: &SpannedName| Value::String(name.value.clone());
        let list = |items: Vec<Value>| (!items.is_empty()).then_some(Value::Array(items));
        let models = self.models.iter().map(|hint| {
            Value::Object(vec![("from".into(), text(&hint.from)), ("to".into(), text(&hint.to))])
        });
        let fields = self.fields.iter().map(|hint| {
            let model = ("model".into(), text(&hint.model));
            let (from, to) = (("from".into(), text(&hint.from)), ("to".into(), text(&hint.to)));
            Value::Object(vec![model, from, to])
        });
        let field = |hint: &FieldName| {
            let model = ("model".into(), text(&hint.model));
            Value::Object(vec![model, ("field".into(), text(&hint.field))])
        };
        let (dropped_fields, rounded) =
            (self.dropped_fields.iter().map(field), self.rounded.iter().map(field));
        let drops = object([
            ("models", list(self.dropped_models.iter().map(text).collect())),
            ("fields", list(dropped_fields.collect())),
        ]);
        let drops = (drops != Value::Null).then_some(drops);
        let (models, fields) = (list(models.collect()), list(fields.collect()));
        let rounded = list(rounded.collect());
        object([("models", models), ("fields", fields), ("drops", drops), ("round", rounded)])
    }
}

/// Returns an object with the members that have a value, or `null` if none has.
fn object<const N: usize>(members: [(&'static str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(name, value)| Some((name.into(), value?)));
    match present.collect::<Vec<_>>() {
        members if members.is_empty() => Value::Null,
        members => Value::Object(members),
    }
}

/// `{from, to}`: a model's previous and next key.
#[derive(Clone, Debug)]
pub(crate) struct ModelHint {
    pub(crate) at: SpanId,
    pub(crate) from: SpannedName,
    pub(crate) to: SpannedName,
}

/// `{model, from, to}`: `model` is the key in the next schema.
#[derive(Clone, Debug)]
pub(crate) struct FieldHint {
    pub(crate) at: SpanId,
    pub(crate) model: SpannedName,
    pub(crate) from: SpannedName,
    pub(crate) to: SpannedName,
}

/// `{model, field}`: `model` is the key in the next schema.
#[derive(Clone, Debug)]
pub(crate) struct FieldName {
    pub(crate) model: SpannedName,
    pub(crate) field: SpannedName,
}
