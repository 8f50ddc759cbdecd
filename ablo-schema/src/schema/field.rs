//! Fields: what a row holds beside its base fields.

use super::{ColumnName, FieldName, Format};
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

impl Field {
    /// The members of the field object that v3 itself does not know, as the author wrote them: facets, and what nobody
    /// reads.
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

    /// The field's number in the binary form: the author's, else one that its oldest known name gives.
    ///
    /// Adding, removing, reordering and (with `renamedFrom`) renaming fields leaves it as it is. No two fields of a
    /// model, base fields included, share one.
    ///
    /// ```
    /// use ablo_schema::schema::derived_number;
    /// let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"fields":{
    ///     "title":{"type":"string","isOptional":false,"isIndexed":false},
    ///     "label":{"type":"string","isOptional":false,"isIndexed":false,"renamedFrom":"name"},
    ///     "rank":{"type":"number","isOptional":false,"isIndexed":false,"number":7}}}}}"#;
    /// let schema = ablo_schema::front::json::read(text).schema.unwrap();
    /// let numbers: Vec<u32> = schema.models()[0].fields.iter().map(|field| field.wire_number()).collect();
    /// assert_eq!(numbers, [derived_number("title"), derived_number("name"), 7]);
    /// ```
    #[must_use]
    pub fn wire_number(&self) -> u32 {
        let oldest = self.facets.renamed_from.as_ref().unwrap_or(&self.name);
        self.facets.number.unwrap_or_else(|| derived_number(oldest.as_str()))
    }
}

/// The number of a field without one of its own: FNV-1a of its oldest known name in 32 bits, the highest set.
///
/// Authors choose from 1 to 65535, so that a chosen and a derived number never meet.
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
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Facets {
    /// Prose for people, carried to every output.
    pub description: Option<Box<str>>,
    /// Whether users should stop using it, and why.
    pub deprecated: Option<Deprecated>,
    /// What the type's values are exactly.
    pub format: Option<Format>,
    /// What a row has where its writer said nothing.
    pub default: Option<Value>,
    /// Whether no two rows of an organisation share a value.
    pub unique: bool,
    /// The JSON Schema of a `json` field.
    pub shape: Option<Value>,
    /// What the field was called before.
    pub renamed_from: Option<FieldName>,
    /// The field's number in the binary form, where the author chose one.
    pub number: Option<u32>,
}

/// A deprecation: bare, or with a word to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// What to use instead, if the author said so.
    pub note: Option<Box<str>>,
}
