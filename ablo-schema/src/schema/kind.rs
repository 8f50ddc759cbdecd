//! The types of fields.

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
    /// One of these values. Enums are open: newer writers may send others. At least one value; all
    /// distinct.
    Enum(Vec<Box<str>>),
    /// Any JSON value.
    Json,
}

impl FieldKind {
    /// Returns the spelling in Schema JSON.
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
