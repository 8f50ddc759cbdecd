//! Declared fields of a model.

use super::{ColumnName, ColumnType, FieldKind, FieldName, Format, RelativeOperation};
use crate::value::{Name, Value};

/// One declared field of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// The author's name, also the member name on the wire.
    pub name: FieldName,
    /// The physical column, resolved.
    pub column: ColumnName,
    /// The type.
    pub kind: FieldKind,
    /// Whether a row may lack a value.
    pub optional: bool,
    /// Whether the column is indexed.
    pub indexed: bool,
    /// Facets: members that Schema JSON v3 does not define.
    pub facets: Facets,
    /// The members that the author wrote, in their order, for the canonical text.
    pub(crate) members: Vec<FieldMember>,
}

impl Field {
    /// Iterates over the members that Schema JSON v3 does not define, as written: facets and
    /// unknown members.
    ///
    /// ```
    /// let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"fields":{
    ///     "rank":{"type":"number","isOptional":false,"isIndexed":false,"unit":"m"}}}}}"#;
    /// let schema = ablo_schema::front::json::read(text).schema.unwrap();
    /// let (name, value) = schema.models()[0].fields[0].extras().next().unwrap();
    /// assert_eq!((name, value.to_json().as_str()), ("unit", "\"m\""));
    /// ```
    pub fn extras(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.members.iter().filter_map(|member| match member {
            FieldMember::Extra(member) => Some((member.0.as_ref(), &member.1)),
            _ => None,
        })
    }

    /// Returns the type of the column as the author wrote it.
    #[must_use]
    pub fn column_type_text(&self) -> Option<&str> {
        match self.extras().find(|(name, _)| *name == "columnType") {
            Some((_, Value::String(text))) => Some(text),
            _ => None,
        }
    }

    /// Returns the field's number in the binary form: the declared one, else one derived from the
    /// oldest known name.
    ///
    /// The number does not change when fields are added, removed, reordered or (with `renamedFrom`)
    /// renamed. All fields of a model, including base fields, have distinct numbers.
    ///
    /// ```
    /// use ablo_schema::schema::derived_number;
    /// let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"fields":{
    ///     "title":{"type":"string","isOptional":false,"isIndexed":false},
    ///     "label":{"type":"string","isOptional":false,"isIndexed":false,"renamedFrom":"name"},
    ///     "rank":{"type":"number","isOptional":false,"isIndexed":false,"number":7}}}}}"#;
    /// let schema = ablo_schema::front::json::read(text).schema.unwrap();
    /// let fields = &schema.models()[0].fields;
    /// let numbers: Vec<u32> = fields.iter().map(|field| field.wire_number()).collect();
    /// assert_eq!(numbers, [derived_number("title"), derived_number("name"), 7]);
    /// ```
    #[must_use]
    pub fn wire_number(&self) -> u32 {
        let oldest = self.facets.renamed_from.as_ref().unwrap_or(&self.name);
        self.facets.number.unwrap_or_else(|| derived_number(oldest.as_str()))
    }
}

/// Derives the number of a field from its oldest known name: 32-bit FNV-1a with the highest bit
/// set.
///
/// Declared numbers are at most 65535, so they never collide with derived ones.
///
/// ```
/// use ablo_schema::schema::derived_number;
/// assert_eq!(derived_number(""), 0x811c_9dc5);
/// assert_eq!(derived_number("a"), 0xe40c_292c);
/// assert_eq!(derived_number("foobar"), 0xbf9c_f968);
/// assert_eq!(derived_number("title") >> 31, 1);
/// ```
#[must_use]
pub fn derived_number(name: &str) -> u32 {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash | 1 << 31
}

/// A member of a field object. Values that [`Field`] already has are not stored again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FieldMember {
    Type,
    IsOptional,
    IsIndexed,
    Column,
    EnumValues,
    /// Any other member, as written.
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

/// Facets: extra members of a field object.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Facets {
    /// The description, copied to every output.
    pub description: Option<Box<str>>,
    /// Set if the field is deprecated.
    pub deprecated: Option<Deprecated>,
    /// The exact format of the values.
    pub format: Option<Format>,
    /// The value of a row whose writer sent none.
    pub default: Option<Value>,
    /// Whether values are unique within an organisation.
    pub unique: bool,
    /// Whether only credentials with an operation of their own may read the values.
    pub secret: bool,
    /// The JSON Schema of a `json` field.
    pub shape: Option<Value>,
    /// The previous name of the field.
    pub renamed_from: Option<FieldName>,
    /// The declared number in the binary form.
    pub number: Option<u32>,
    /// The relative operations that the field accepts, in canonical order.
    pub relative: Vec<RelativeOperation>,
    /// The type of the column, if it is not the usual one of the field.
    pub column_type: Option<ColumnType>,
}

/// A deprecation, with an optional note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// The replacement.
    pub note: Option<Box<str>>,
}
