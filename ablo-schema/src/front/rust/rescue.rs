//! What a model with faults still is: its fields, so that whatever uses it adds no faults of its own.

use super::derive::{Derived, DerivedField};
use super::field::RustField;
use super::model::read_model;
use super::resolve::stub_field;
use super::words::key_of;
use super::{Reader, plain};
use crate::diag::{Diagnostics, SpanId, Spanned};
use crate::raw::{RawField, RawKind, RawModel, RawSchema, Text};
use crate::value::Value;
use syn::{Attribute, Fields, Generics, Ident};

/// Reads a struct whose faults have been told. Fields whose types can be read are there, and nothing else is.
///
/// Names on the wire and defaults are made up: a program with faults does not run.
pub fn rescue(ident: &Ident, attributes: &[Attribute], fields: &Fields) -> Derived {
    let model = read_model(ident, &Generics::default(), attributes, fields, &mut Reader::default());
    let at = SpanId(0);
    // The default key, which `define_schema!` accepts for a listed model.
    let mut raw = RawModel::new(Spanned::new(Text::Owned(key_of(&plain(ident))), at), at);
    let mut fields = Vec::new();
    for field in &model.fields {
        if let Some(stub) = stub(field, raw.fields.len(), at) {
            raw.fields.push(stub);
            fields.push(DerivedField { ident: field.ident.clone(), value: field.value.clone() });
        }
    }
    let raw = RawSchema { models: vec![raw], identity_roles: Vec::new() };
    Derived {
        schema: crate::check::check(raw, &mut Diagnostics::default()),
        fields,
        targets: Vec::new(),
    }
}

fn stub(field: &RustField, nth: usize, at: SpanId) -> Option<RawField<'static>> {
    let kind = field.raw.kind?.value;
    let mut stub = stub_field(&Spanned::new(Text::Owned(format!("f{nth}")), at), kind);
    stub.optional = Some(Spanned::new(field.optional, at));
    if kind == RawKind::Enum {
        stub.enum_values = Some(Spanned::new(vec![Spanned::new(Text::Borrowed("stub"), at)], at));
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
