//! Rows, and what creating and patching one takes.
//!
//! A row is its base fields and then its declared fields. A base field that the author redeclares stays a base field:
//! the declaration only adds to what is known of it (whether it may be absent, its description), so that clients find
//! `organizationId` and `createdBy` in one place in every model. Base fields are the server's to fill: neither a create
//! (but for `id`) nor a patch carries them.

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

/// The base fields in the order in which a row shows them.
pub const BASE_FIELDS: [BaseField; 5] = [
    BaseField::Id,
    BaseField::CreatedAt,
    BaseField::UpdatedAt,
    BaseField::OrganizationId,
    BaseField::CreatedBy,
];

/// What a base field holds.
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
    /// The member name on the wire.
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

    /// What it holds.
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

/// A base field as one model has it.
#[derive(Clone, Copy, Debug)]
pub struct BaseShape<'s> {
    /// Which one.
    pub base: BaseField,
    /// Whether a row may lack it.
    pub optional: bool,
    /// The author's redeclaration, if any.
    pub declared: Option<&'s Field>,
}

/// A declared field that is no base field.
#[derive(Clone, Copy, Debug)]
pub struct FieldShape<'s> {
    /// The checked field.
    pub field: &'s Field,
    /// Whether a create may leave it out.
    pub create_optional: bool,
    /// Whether a patch may clear it.
    pub clearable: bool,
}

/// One model's row, create and patch.
#[derive(Debug)]
pub struct RowShape<'s> {
    /// The model.
    pub model: &'s Model,
    /// The base fields, always these five in this order.
    pub base: [BaseShape<'s>; 5],
    /// The declared fields without redeclared base fields, in document order: what a create and a patch carry.
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
