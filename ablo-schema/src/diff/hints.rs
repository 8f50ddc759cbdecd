//! Hints: which names of the next schema are those of the one before, and what is really dropped.
//!
//! Made by [`crate::front::json::read_hints`]. Places are those of the hints' own text.

use crate::diag::{SpanId, Spanned};

/// A name and where it stands.
pub(crate) type Said = Spanned<Box<str>>;

/// What a person says of names that changed: nothing, unless it was read from a text.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub(crate) models: Vec<ModelHint>,
    pub(crate) fields: Vec<FieldHint>,
    pub(crate) dropped_models: Vec<Said>,
    pub(crate) dropped_fields: Vec<DropHint>,
}

/// `{from, to}`: a model's old key and its new one.
#[derive(Clone, Debug)]
pub(crate) struct ModelHint {
    pub(crate) at: SpanId,
    pub(crate) from: Said,
    pub(crate) to: Said,
}

/// `{model, from, to}`: `model` is the key in the next schema.
#[derive(Clone, Debug)]
pub(crate) struct FieldHint {
    pub(crate) at: SpanId,
    pub(crate) model: Said,
    pub(crate) from: Said,
    pub(crate) to: Said,
}

/// `{model, field}`: `model` is the key in the next schema.
#[derive(Clone, Debug)]
pub(crate) struct DropHint {
    pub(crate) model: Said,
    pub(crate) field: Said,
}
