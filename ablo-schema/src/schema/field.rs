//! Fields: what a row holds beside its base fields.

use super::{ColumnName, FieldName};
use crate::value::{Name, Value};

/// One declared field of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// The author's name, also the member name on the wire.
    pub name: FieldName,
    /// The physical column, resolved.
    pub column: ColumnName,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether a row may lack a value.
    pub optional: bool,
    /// Whether an index is asked for.
    pub indexed: bool,
    /// What v3's own members cannot say.
    pub facets: Facets,
    /// Which members the author wrote, in what order, for the canonical text.
    pub(crate) members: Vec<FieldMember>,
}

/// A member of a field object. What the field itself says is not kept a second time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldMember {
    Type,
    IsOptional,
    IsIndexed,
    Column,
    EnumValues,
    /// Any other, as it came.
    Extra(Box<(Name, Value)>),
}

impl FieldMember {
    pub(crate) fn name(&self) -> &str {
        match self {
            FieldMember::Type => "type",
            FieldMember::IsOptional => "isOptional",
            FieldMember::IsIndexed => "isIndexed",
            FieldMember::Column => "column",
            FieldMember::EnumValues => "enumValues",
            FieldMember::Extra(member) => &member.0,
        }
    }
}

/// The six types of Schema JSON v3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    String,
    /// An IEEE 754 double.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A point in time, ISO 8601 on the wire.
    Date,
    /// One of these values today; open, since a newer writer may know more. At least one, all different.
    Enum(Vec<Box<str>>),
    /// Any JSON value.
    Json,
}

impl FieldKind {
    /// The word in Schema JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            FieldKind::String => "string",
            FieldKind::Number => "number",
            FieldKind::Boolean => "boolean",
            FieldKind::Date => "date",
            FieldKind::Enum(_) => "enum",
            FieldKind::Json => "json",
        }
    }
}

/// Field facets that ride as extra members of a field object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facets {
    /// Prose for people, carried to every output.
    pub description: Option<Box<str>>,
    /// Whether users should stop using it, and why.
    pub deprecated: Option<Deprecated>,
}

/// A deprecation: bare, or with a word to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// What to use instead, if the author said so.
    pub note: Option<Box<str>>,
}
