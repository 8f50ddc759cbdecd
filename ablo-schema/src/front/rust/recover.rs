//! Error recovery: reads the fields of an invalid model, so that code that uses the model causes no
//! further errors.

use super::casing::key_of;
use super::derive::{Derived, DerivedField};
use super::field::RustField;
use super::model::read_model;
use super::resolve::stub_field;
use super::{ReadContext, plain};
use crate::diag::{Diagnostics, SpanId, Spanned};
use crate::raw::{CowStr, RawField, RawKind, RawModel, RawSchema};
use crate::value::Value;
use syn::{Attribute, Fields, Generics, Ident};

/// Reads a struct whose errors have been reported. The result has only the fields whose types can
/// be read.
///
/// Names on the wire and defaults are placeholders: an invalid program does not run.
pub fn recover(ident: &Ident, attributes: &[Attribute], fields: &Fields) -> Derived {
    let model =
        read_model(ident, &Generics::default(), attributes, fields, &mut ReadContext::default());
    let at = SpanId(0);
    // The default key, which `define_schema!` accepts for a listed model.
    let mut raw = RawModel::new(Spanned::new(CowStr::Owned(key_of(&plain(ident))), at), at);
    let mut fields = Vec::new();
    for field in &model.fields {
        if let Some(stub) = stub(field, raw.fields.len(), at) {
            raw.fields.push(stub);
            fields.push(DerivedField { ident: field.ident.clone(), value: field.value.clone() });
        }
    }
    let raw = RawSchema { models: vec![raw], identity_roles: Vec::new(), mutable: None };
    Derived {
        schema: crate::check::check(raw, &mut Diagnostics::default()),
        fields,
        targets: Vec::new(),
    }
}

fn stub(field: &RustField, nth: usize, at: SpanId) -> Option<RawField<'static>> {
    let kind = field.raw.kind?.value;
    let mut stub = stub_field(&Spanned::new(CowStr::Owned(format!("f{nth}")), at), kind);
    stub.optional = Some(Spanned::new(field.optional, at));
    if kind == RawKind::Enum {
        stub.enum_values = Some(Spanned::new(vec![Spanned::new(CowStr::Borrowed("stub"), at)], at));
    }
    let default = match kind {
        RawKind::Number => Value::Number(0.0),
        RawKind::Boolean => Value::Bool(false),
        RawKind::Date => Value::String("now".into()),
        RawKind::Json => Value::Array(Vec::new()),
        RawKind::String | RawKind::Enum => Value::String("stub".into()),
    };
    stub.default = field.has_default.then(|| Spanned::new(default, at));
    stub.members = super::field::members(&stub);
    Some(stub)
}
