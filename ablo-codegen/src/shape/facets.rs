//! Facets in the form that several emitters need: defaults, JSON values and digit patterns.

use ablo_schema::schema::{Field, FieldKind, Format};
use ablo_schema::value::Value;

/// The default of a field: the value that a new row gets if the writer gives none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Preset<'s> {
    /// The current time.
    Now,
    /// A constant.
    Value(&'s Value),
}

impl<'s> Preset<'s> {
    /// Returns the default of a field.
    #[must_use]
    pub fn of(field: &'s Field) -> Option<Self> {
        match (&field.kind, field.facets.default.as_ref()?) {
            (FieldKind::Date, Value::String(text)) if **text == *"now" => Some(Preset::Now),
            (_, value) => Some(Preset::Value(value)),
        }
    }
}

/// Converts a value to a `serde_json` tree. Integers that a double holds exactly are written
/// without a decimal point.
#[must_use]
pub fn tree(value: &Value) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        Value::Number(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            (*number as i64).into()
        }
        Value::Number(number) => (*number).into(),
        Value::String(text) => (**text).into(),
        Value::Array(items) => items.iter().map(tree).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.to_string(), tree(value))).collect()
        }
    }
}

/// Returns the regular expression of a format whose values are digit strings without leading zeros,
/// or `None` for other formats.
///
/// ```
/// use ablo_codegen::shape::digits_pattern;
/// use ablo_schema::schema::Format;
/// assert_eq!(digits_pattern(Format::Uint64).as_deref(), Some("^(0|[1-9][0-9]{0,19})$"));
/// assert_eq!(digits_pattern(Format::Uuid), None);
/// ```
#[must_use]
pub fn digits_pattern(format: Format) -> Option<String> {
    match format {
        Format::Int64 => Some("^(0|-?[1-9][0-9]{0,18})$".to_owned()),
        Format::Uint64 => Some("^(0|[1-9][0-9]{0,19})$".to_owned()),
        Format::Decimal { digits: None } => Some(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$".to_owned()),
        Format::Decimal { digits: Some((precision, scale)) } => {
            let whole = match precision - scale {
                0 => "0".to_owned(),
                1 => "[0-9]".to_owned(),
                digits => format!("(0|[1-9][0-9]{{0,{}}})", digits - 1),
            };
            let fraction =
                if scale == 0 { String::new() } else { format!(r"(\.[0-9]{{1,{scale}}})?") };
            Some(format!("^-?{whole}{fraction}$"))
        }
        _ => None,
    }
}
