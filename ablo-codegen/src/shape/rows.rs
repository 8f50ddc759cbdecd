//! Row shapes: the fields of a row, of a create and of a patch.
//!
//! A row has the base fields, followed by the declared fields. A base field that the author
//! redeclares stays a base field; the declaration only adds its description and whether it may be
//! absent. That way `organizationId` and `createdBy` are in the same position in every model. The
//! server fills base fields: a create carries only `id`, and a patch carries none.

use ablo_schema::schema::{Field, Model};

/// A field that every row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseField {
    /// `id`.
    Id,
    /// `createdAt`.
    CreatedAt,
    /// `updatedAt`.
    UpdatedAt,
    /// `organizationId`.
    OrganizationId,
    /// `createdBy`.
    CreatedBy,
}

/// The base fields in row order.
pub const BASE_FIELDS: [BaseField; 5] = [
    BaseField::Id,
    BaseField::CreatedAt,
    BaseField::UpdatedAt,
    BaseField::OrganizationId,
    BaseField::CreatedBy,
];

/// The type of a base field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseKind {
    /// The row's id.
    Id,
    /// A point in time.
    Date,
    /// Text.
    String,
}

impl BaseField {
    /// Returns the member name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            BaseField::Id => "id",
            BaseField::CreatedAt => "createdAt",
            BaseField::UpdatedAt => "updatedAt",
            BaseField::OrganizationId => "organizationId",
            BaseField::CreatedBy => "createdBy",
        }
    }

    /// Returns the type of its values.
    #[must_use]
    pub fn kind(self) -> BaseKind {
        match self {
            BaseField::Id => BaseKind::Id,
            BaseField::CreatedAt | BaseField::UpdatedAt => BaseKind::Date,
            BaseField::OrganizationId | BaseField::CreatedBy => BaseKind::String,
        }
    }

    fn always_present(self) -> bool {
        matches!(self, BaseField::Id | BaseField::CreatedAt | BaseField::UpdatedAt)
    }
}

/// A base field of one model.
#[derive(Clone, Copy, Debug)]
pub struct BaseShape<'s> {
    /// The base field.
    pub base: BaseField,
    /// Whether it may be absent from a row.
    pub optional: bool,
    /// The author's redeclaration, if any.
    pub declared: Option<&'s Field>,
}

/// A declared field that is not a base field.
#[derive(Clone, Copy, Debug)]
pub struct FieldShape<'s> {
    /// The validated field.
    pub field: &'s Field,
    /// Whether a create may omit it.
    pub create_optional: bool,
    /// Whether a patch may clear it.
    pub clearable: bool,
}

/// The row, create and patch of one model.
#[derive(Debug)]
pub struct RowShape<'s> {
    /// The model.
    pub model: &'s Model,
    /// The five base fields, always in this order.
    pub base: [BaseShape<'s>; 5],
    /// The declared fields in document order, without redeclared base fields. A create and a patch
    /// carry these.
    pub fields: Vec<FieldShape<'s>>,
}

impl<'s> RowShape<'s> {
    pub(crate) fn new(model: &'s Model) -> Self {
        let base = BASE_FIELDS.map(|base| {
            let declared = model.field(base.name());
            let optional = !base.always_present() && declared.is_none_or(|field| field.optional);
            BaseShape { base, optional, declared }
        });
        let fields = model
            .fields
            .iter()
            .filter(|field| !BASE_FIELDS.iter().any(|base| field.name == base.name()))
            .map(|field| FieldShape {
                field,
                create_optional: field.optional || field.facets.default.is_some(),
                clearable: field.optional,
            })
            .collect();
        Self { model, base, fields }
    }
}
