//! Hints: which models and fields are renamed and which are dropped.
//!
//! Created by [`crate::front::json::read_hints`]. Spans refer to the text of the hints.

use crate::diag::{SpanId, Spanned};

/// A name with its span.
pub(crate) type SpannedName = Spanned<Box<str>>;

/// The hints of a diff. Empty by default.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub(crate) models: Vec<ModelHint>,
    pub(crate) fields: Vec<FieldHint>,
    pub(crate) dropped_models: Vec<SpannedName>,
    pub(crate) dropped_fields: Vec<DropHint>,
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
pub(crate) struct DropHint {
    pub(crate) model: SpannedName,
    pub(crate) field: SpannedName,
}
