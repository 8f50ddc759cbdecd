//! The Rust names of everything in a schema.
//!
//! Models are named first, in schema order, so that adding a field never renames a model.

use super::ident::{Ident, TypeNames, UserTokens, Variants};
use crate::shape::RowShape;
use crate::target::Input;
use ablo_schema::schema::{FieldKind, Format, ModelKey};
use std::collections::BTreeMap;

/// The names of all models.
pub(super) struct Names {
    models: Vec<ModelNames>,
    /// The enum of deltas, and its variant for each model.
    deltas: (Ident, Vec<Ident>),
}

/// The names of one model.
pub(super) struct ModelNames {
    pub(super) row: Ident,
    pub(super) patch: Ident,
    /// The struct of the required fields of a create.
    pub(super) create: Ident,
    /// The names of the shape's fields.
    pub(super) fields: Vec<FieldNames>,
    /// The target of each relation.
    pub(super) targets: Vec<UserTokens>,
}

/// The names of one field.
pub(super) struct FieldNames {
    pub(super) field: Ident,
    pub(super) token: Ident,
    /// The type of its value.
    pub(super) value: ValueType,
}

/// The Rust type of a field's value.
pub(super) enum ValueType {
    /// A type of the language or of the runtime.
    Plain(&'static str),
    /// An enum of this file.
    Enum(Ident),
    /// The id of a row of a model.
    Id(Ident),
    /// A type in the user's code.
    User(UserTokens),
}

impl Names {
    pub(super) fn new(input: &Input<'_>) -> Self {
        let rows = &input.shapes.rows;
        let mut types = TypeNames::new();
        let row_types: Vec<Ident> =
            rows.iter().map(|row| types.model(row.model.type_name.as_str())).collect();
        let by_key: BTreeMap<&ModelKey, &Ident> =
            rows.iter().map(|row| &row.model.key).zip(&row_types).collect();
        let models = rows
            .iter()
            .zip(&row_types)
            .map(|(row, name)| model_names(row, name, &by_key, &mut types))
            .collect();
        let mut variants = Variants::new();
        let deltas =
            (types.deltas(), row_types.iter().map(|name| variants.value(name.as_str())).collect());
        Self { models, deltas }
    }

    pub(super) fn deltas(&self) -> (&Ident, &[Ident]) {
        (&self.deltas.0, &self.deltas.1)
    }

    pub(super) fn models(&self) -> &[ModelNames] {
        &self.models
    }
}

/// Returns the type whose values are exactly those of a format.
pub(super) fn exact_type(format: Format) -> &'static str {
    match format {
        Format::Int8 => "i8",
        Format::Int16 => "i16",
        Format::Int32 => "i32",
        Format::Uint8 => "u8",
        Format::Uint16 => "u16",
        Format::Uint32 => "u32",
        Format::Float => "f32",
        Format::Int64 => "i64",
        Format::Uint64 => "u64",
        Format::Decimal { .. } => "::ablo::Decimal",
        Format::Uuid => "::ablo::Uuid",
    }
}

fn model_names(
    row: &RowShape<'_>,
    name: &Ident,
    by_key: &BTreeMap<&ModelKey, &Ident>,
    types: &mut TypeNames,
) -> ModelNames {
    let type_of =
        |key: &ModelKey| by_key.get(key).map_or_else(|| name.clone(), |&target| target.clone());
    let patch = types.derived(name, "Patch");
    let create = types.derived(name, "Create");
    let fields = row.fields.iter().map(|shape| FieldNames {
        field: Ident::field(shape.field.name.as_str()),
        token: Ident::constant(shape.field.name.as_str()),
        value: match &shape.field.kind {
            FieldKind::String => match row.referenced_model(shape.field) {
                Some(key) => ValueType::Id(type_of(key)),
                None => ValueType::Plain(
                    shape.field.facets.format.map_or("::std::string::String", exact_type),
                ),
            },
            FieldKind::Number => {
                ValueType::Plain(shape.field.facets.format.map_or("f64", exact_type))
            }
            FieldKind::Boolean => ValueType::Plain("bool"),
            FieldKind::Date => ValueType::Plain("::ablo::Timestamp"),
            FieldKind::Enum(_) => {
                ValueType::Enum(types.enumeration(name, shape.field.name.as_str()))
            }
            FieldKind::Json => ValueType::Plain("::ablo::JsonValue"),
        },
    });
    ModelNames {
        row: name.clone(),
        patch,
        create,
        fields: fields.collect(),
        targets: row
            .model
            .relations
            .iter()
            .map(|relation| UserTokens::from(&type_of(&relation.target)))
            .collect(),
    }
}
