//! Reads the input of a derive: one struct or one enum, without the items around it.
//!
//! All rules run on the single model. Targets of relations and values of enums are declared
//! elsewhere, so stubs that satisfy every rule replace them; the compiler and the readers of whole
//! schemas check the rest.

use super::enumeration::{RustEnum, read_enum};
use super::model::{RustModel, read_model};
use super::relation::RustTarget;
use super::resolve::{last, resolve_field, stub_field};
use super::shape::Shapes;
use super::{ReadContext, plain};
use crate::diag::{Code, Spanned};
use crate::raw::{CowStr, RawKind, RawModel, RawRelation, RawSchema};
use crate::schema::{FieldMember, RelationKind, Schema};
use crate::value::Value;
use proc_macro2::Span;
use std::collections::BTreeMap;
use syn::{Data, DeriveInput, Ident, Type};

/// A derived model.
#[derive(Debug)]
pub struct Derived {
    /// The model is the first of the schema; the others are stubs. `None` if there are errors.
    pub schema: Option<Schema>,
    /// Its fields in Rust, in order.
    pub fields: Vec<DerivedField>,
    /// The target of each relation, in schema order.
    pub targets: Vec<RustTarget>,
}

/// A field of a derived model.
#[derive(Debug)]
pub struct DerivedField {
    /// The name in Rust.
    pub ident: Ident,
    /// The type without `Option`.
    pub value: Type,
}

/// Reads the input of `#[derive(AbloModel)]`.
pub fn read(input: &DeriveInput, cx: &mut ReadContext) -> Derived {
    let Data::Struct(data) = &input.data else {
        cx.report(
            Code::RustNotAStruct,
            input.ident.span(),
            format!("`{}` is not a struct", input.ident),
        )
        .help("a model is a struct with named fields; derive `AbloEnum` for an enum");
        return Derived { schema: None, fields: Vec::new(), targets: Vec::new() };
    };
    let model = read_model(&input.ident, &input.generics, &input.attrs, &data.fields, cx);
    let fields = model
        .fields
        .iter()
        .map(|field| DerivedField { ident: field.ident.clone(), value: field.value.clone() })
        .collect();
    let (raw, targets) = with_stubs(model, cx);
    let schema = crate::check::check(raw, &mut cx.diagnostics);
    Derived { schema: schema.filter(|_| !cx.diagnostics.has_errors()), fields, targets }
}

/// Reads the input of `#[derive(AbloEnum)]`.
pub fn read_derived_enum(input: &DeriveInput, cx: &mut ReadContext) -> Option<RustEnum> {
    let Data::Enum(data) = &input.data else {
        cx.report(
            Code::RustNotAnEnum,
            input.ident.span(),
            format!("`{}` is not an enum", input.ident),
        )
        .help("derive `AbloModel` for a struct");
        return None;
    };
    Some(read_enum(&input.ident, &input.generics, &input.attrs, &data.variants, true, cx))
}

fn with_stubs(model: RustModel, cx: &mut ReadContext) -> (RawSchema<'static>, Vec<RustTarget>) {
    let RustModel { ident, fields, base, relations, mut raw } = model;
    let (enums, shapes) = (BTreeMap::new(), Shapes::default());
    for mut field in base.into_iter().chain(fields) {
        let is_enum = field.enumeration.take().is_some();
        // The shape of a type is known only at run time.
        field.shape = None;
        let mut read = resolve_field(field, &enums, &shapes, cx);
        if is_enum {
            // Only the enum's own derive knows its values, so any default is accepted as one.
            let value = match &read.default {
                Some(Spanned { value: Value::String(text), .. }) => text.to_string(),
                _ => "stub".to_owned(),
            };
            let at = read.at;
            read.enum_values = Some(Spanned::new(vec![Spanned::new(CowStr::Owned(value), at)], at));
            read.members.insert(3, FieldMember::EnumValues);
        }
        raw.fields.push(read);
    }
    let own_key = raw.key.value.as_ref().to_owned();
    let mut stubs: Vec<RawModel<'static>> = Vec::new();
    let mut targets = Vec::new();
    for relation in relations {
        let own = last(&relation.target.path) == plain(&ident);
        let stub = format!("ablo_stub_{}", last(&relation.target.path).to_lowercase());
        let key = if own { own_key.clone() } else { stub };
        let names = match relation.kind {
            RelationKind::BelongsTo => Vec::new(),
            _ => relation.foreign_key.iter().chain(&relation.order_by).cloned().collect(),
        };
        if !own {
            add_stub(&mut stubs, &key, relation.target.at, names);
        }
        let column = relation.foreign_key.as_ref().map(|name| {
            let found = raw
                .fields
                .iter()
                .find(|field| field.name.value == name.value)
                .filter(|_| relation.kind == RelationKind::BelongsTo);
            let column =
                found.and_then(|field| field.column.as_ref()).map(|column| column.value.clone());
            let column = column.unwrap_or_else(|| {
                CowStr::Owned(crate::schema::default_column(&name.value).into_owned())
            });
            Spanned::new(column, name.at)
        });
        raw.relations.push(RawRelation {
            name: relation.name,
            at: relation.at,
            kind: Some(Spanned::new(relation.kind, relation.at)),
            target: Some(Spanned::new(CowStr::Owned(key), relation.target.at)),
            foreign_key: relation.foreign_key,
            foreign_key_column: column,
            options: relation.options.raw(),
            order_by: relation.order_by,
        });
        targets.push(relation.target);
    }
    let mut models = vec![raw];
    models.extend(stubs);
    // One model of a schema: the others may be mutable.
    let mutable = Some(Spanned::new(false, cx.at(Span::call_site())));
    (RawSchema { models, identity_roles: Vec::new(), mutable }, targets)
}

/// Adds a stub of a model: a scope root, to satisfy the rules on scope roots, with the fields that
/// relations name.
fn add_stub(
    stubs: &mut Vec<RawModel<'static>>,
    key: &str,
    at: crate::diag::SpanId,
    names: Vec<Spanned<CowStr<'static>>>,
) {
    let found = stubs.iter().position(|stub| stub.key.value == key);
    let index = found.unwrap_or_else(|| {
        let mut stub = RawModel::new(Spanned::new(CowStr::Owned(key.to_owned()), at), at);
        stub.is_stub = true;
        stub.scope = Some(Spanned::new(crate::raw::RawScope::Flag(true), at));
        stubs.push(stub);
        stubs.len() - 1
    });
    let base = ["id", "createdAt", "updatedAt", "organizationId", "createdBy"];
    for name in names {
        let stub = &mut stubs[index];
        if !base.contains(&name.value.as_ref())
            && !stub.fields.iter().any(|field| field.name.value == name.value)
        {
            stub.fields.push(stub_field(&name, RawKind::String));
        }
    }
}
