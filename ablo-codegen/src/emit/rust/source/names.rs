//! The Rust names of everything in a source.
//!
//! Models are named first, in schema order, then the schema, then enums. Type names avoid names
//! with a meaning for the reader and names that a macro generates.

use super::super::ident::{Ident, TypeNames, Variants};
use super::super::names::exact_type;
use super::super::writer::Word;
use super::shape::{self, Item, Lowered};
use ablo_schema::front::rust::casing::{CASINGS, Casing, lower_camel};
use ablo_schema::front::rust::{BASE, reserved_type_names};
use ablo_schema::schema::{Field, FieldKind, Model, ModelKey, RelationKind, Schema};
use std::collections::{BTreeMap, BTreeSet};

/// The names of macros and of types in their output.
const MACRO_NAMES: [&str; 6] =
    ["AbloEnum", "AbloModel", "Deserialize", "JsonSchema", "Serialize", "UnknownValue"];

/// The names of one source.
pub(super) struct Names {
    models: Vec<ModelNames>,
    by_key: BTreeMap<ModelKey, Ident>,
    schema: Ident,
    /// The imported types of fields, and macros.
    used: BTreeSet<&'static str>,
}

/// The names of one model.
pub(super) struct ModelNames {
    pub(super) ident: Ident,
    /// The names of the model's fields.
    pub(super) fields: Vec<FieldNames>,
}

/// The names of one field.
pub(super) struct FieldNames {
    pub(super) ident: Ident,
    pub(super) value: Value,
    /// Its enum, printed with the model.
    pub(super) enumeration: Option<Enumeration>,
    /// The types of its JSON shape, printed with the model.
    pub(super) shape: Vec<Item>,
}

/// The type of a field's value.
pub(super) enum Value {
    /// A type of the language or of the runtime.
    Plain(&'static str),
    /// An enum of this source.
    Enum(Ident),
    /// The id of a row of a model.
    Id(Ident),
    /// JSON with this type.
    Json(Word),
}

/// An enum.
pub(super) struct Enumeration {
    pub(super) ident: Ident,
    pub(super) casing: &'static str,
    /// The variants, with their values if these do not follow from the names.
    pub(super) variants: Vec<(Ident, Option<Box<str>>)>,
    pub(super) other: Ident,
}

impl Names {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut types = TypeNames::avoiding(reserved_type_names().chain(MACRO_NAMES));
        let idents: Vec<Ident> = schema
            .models()
            .iter()
            .map(|model| types.with_suffixes(model.type_name.as_str(), &["Patch", "Create"]))
            .collect();
        let by_key: BTreeMap<ModelKey, Ident> = schema
            .models()
            .iter()
            .map(|model| model.key.clone())
            .zip(idents.iter().cloned())
            .collect();
        let own = types.with_suffixes("App", &["Delta"]);
        let mut names = Self {
            models: Vec::new(),
            by_key,
            schema: own,
            used: BTreeSet::from(["define_schema"]),
        };
        for (model, ident) in schema.models().iter().zip(idents) {
            names.used.insert("AbloModel");
            let fields = model
                .fields
                .iter()
                .map(|field| names.field(model, &ident, field, &mut types))
                .collect();
            names.models.push(ModelNames { ident, fields });
        }
        names
    }

    pub(super) fn models(&self) -> &[ModelNames] {
        &self.models
    }

    pub(super) fn schema(&self) -> &Ident {
        &self.schema
    }

    /// Returns the type of a model.
    pub(super) fn model(&self, key: &ModelKey) -> Option<&Ident> {
        self.by_key.get(key)
    }

    /// Returns whether a field has this type.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    /// Returns the names to import from `ablo`.
    pub(super) fn imports(&self) -> impl Iterator<Item = &&'static str> {
        const FROM_ABLO: [&str; 9] = [
            "AbloEnum",
            "AbloModel",
            "Decimal",
            "Id",
            "Json",
            "Timestamp",
            "UnknownValue",
            "Uuid",
            "define_schema",
        ];
        self.used.iter().filter(|name| FROM_ABLO.contains(name))
    }

    fn field(
        &mut self,
        model: &Model,
        own: &Ident,
        field: &Field,
        types: &mut TypeNames,
    ) -> FieldNames {
        let (mut enumeration, mut shape) = (None, Vec::new());
        let value = match &field.kind {
            FieldKind::Enum(values) => {
                let ident = types.enumeration(own, field.name.as_str());
                self.used.extend(["AbloEnum", "UnknownValue"]);
                enumeration = Some(enumeration_of(ident.clone(), values));
                Value::Enum(ident)
            }
            FieldKind::Json => match self.shape(own, field, types) {
                Some(lowered) => {
                    shape = lowered.items;
                    Value::Json(lowered.ty)
                }
                None => {
                    self.used.insert("Value");
                    Value::Plain("Value")
                }
            },
            kind => match self.referenced(model, field) {
                Some(target) => {
                    self.used.insert("Id");
                    Value::Id(target)
                }
                None => {
                    let name = plain_type(kind, field);
                    self.used.insert(name);
                    Value::Plain(name)
                }
            },
        };
        FieldNames { ident: Ident::field(field.name.as_str()), value, enumeration, shape }
    }

    /// Returns the type that expresses the shape of a field, if there is one.
    fn shape(&mut self, own: &Ident, field: &Field, types: &mut TypeNames) -> Option<Lowered> {
        let shape = field.facets.shape.as_ref().filter(|_| !is_base(field))?;
        let lowered = shape::lower(shape, own, field.name.as_str(), types)?;
        self.used.insert("Json");
        self.used.extend(lowered.open.then_some("Value"));
        self.used.extend((!lowered.items.is_empty()).then_some("JsonSchema"));
        Some(lowered)
    }

    /// Returns the model whose id the field holds: the target of its first relation.
    fn referenced(&self, model: &Model, field: &Field) -> Option<Ident> {
        let is_id =
            field.kind == FieldKind::String && field.facets.format.is_none() && !is_base(field);
        let of = |kind, name| kind == RelationKind::BelongsTo && name == field.name.as_str();
        let mut relations =
            model.relations.iter().filter(|one| of(one.kind, one.foreign_key.as_str()));
        relations
            .next()
            .filter(|_| is_id)
            .and_then(|relation| self.by_key.get(&relation.target).cloned())
    }
}

/// Returns whether the field is a base field.
pub(super) fn is_base(field: &Field) -> bool {
    BASE.iter().any(|base| lower_camel(base) == field.name.as_str())
}

fn plain_type(kind: &FieldKind, field: &Field) -> &'static str {
    let exact = |without| match field.facets.format.map(exact_type) {
        Some(exact) => exact.strip_prefix("::ablo::").unwrap_or(exact),
        None => without,
    };
    match kind {
        FieldKind::String | FieldKind::Enum(_) => exact("String"),
        FieldKind::Number => exact("f64"),
        FieldKind::Boolean => "bool",
        FieldKind::Date => "Timestamp",
        FieldKind::Json => "Value",
    }
}

fn enumeration_of(ident: Ident, values: &[Box<str>]) -> Enumeration {
    let mut names = Variants::for_source();
    let idents: Vec<Ident> = values.iter().map(|value| names.value(value)).collect();
    let follows = |casing: &'static str, ident: &Ident, value: &str| {
        Casing(casing).value(ident.as_str()) == value
    };
    let count = |casing: &'static str| {
        idents.iter().zip(values).filter(|(ident, value)| follows(casing, ident, value)).count()
    };
    // The first of the casings that match most values; the default casing needs no attribute.
    let casing =
        CASINGS.iter().rev().max_by_key(|casing| count(casing)).copied().unwrap_or(CASINGS[0]);
    let variants = idents.iter().zip(values).map(|(ident, value)| {
        let explicit = (!follows(casing, ident, value)).then(|| value.clone());
        (ident.clone(), explicit)
    });
    let variants = variants.collect();
    Enumeration { ident, casing, variants, other: names.other() }
}
