//! Field values: parsed from JSON against the schema, held in one form for both databases, and
//! written back as JSON.

mod date;
mod decimal;
mod equal;
mod relative;
#[cfg(test)]
mod tests;

pub use date::{shown_date, stored_date};
pub use decimal::compare_decimals;
pub(crate) use relative::RelativeChange;

use ablo_codegen::shape::ColumnKind;
use ablo_schema::schema::Format;
use date::date;
use decimal::decimal;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// A value that is read from or written to a database.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// NULL.
    Null,
    /// Text; also dates (UTC, six fractional digits, `Z`), JSON, UUIDs and numbers wider than 64
    /// bits.
    Text(String),
    /// A signed 64-bit integer.
    Integer(i64),
    /// A double-precision number.
    Real(f64),
    /// A boolean.
    Boolean(bool),
}

/// The values of a row, in the order of its columns.
pub type Row = Vec<Cell>;

impl Cell {
    /// Returns the text, or `None` for another type.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer, or `None` for another type.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the text by value, or `None` for another type.
    #[must_use]
    pub fn into_text(self) -> Option<String> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Cell::Integer(number)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// The type of a field with everything that its values are validated by.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Text.
    Text,
    /// One of these strings.
    Enum(Vec<Box<str>>),
    /// A finite double-precision number.
    Number,
    /// A single-precision number.
    Float,
    /// A boolean.
    Boolean,
    /// A point in time.
    Date,
    /// Any JSON value.
    Json,
    /// An integer in this inclusive range, a number in JSON.
    Integer(i64, i64),
    /// A signed 64-bit integer, a string of digits in JSON.
    Int64,
    /// An unsigned 64-bit integer, a string of digits in JSON.
    Uint64,
    /// An exact decimal, a string in JSON: the precision and the scale, if limited.
    Decimal(Option<(u16, u16)>),
    /// A UUID in lower case.
    Uuid,
}

impl ValueKind {
    /// Returns the kind of a column.
    #[must_use]
    pub fn of(kind: ColumnKind<'_>) -> Self {
        match kind {
            ColumnKind::Text => ValueKind::Text,
            ColumnKind::Enum(allowed) => ValueKind::Enum(allowed.to_vec()),
            ColumnKind::Number => ValueKind::Number,
            ColumnKind::Boolean => ValueKind::Boolean,
            ColumnKind::Date => ValueKind::Date,
            ColumnKind::Json => ValueKind::Json,
            ColumnKind::Exact(format) => match format {
                Format::Float => ValueKind::Float,
                Format::Int64 => ValueKind::Int64,
                Format::Uint64 => ValueKind::Uint64,
                Format::Decimal { digits } => ValueKind::Decimal(digits),
                Format::Uuid => ValueKind::Uuid,
                _ => {
                    let (least, most) =
                        format.bounds().unwrap_or((i64::MIN.into(), i64::MAX.into()));
                    let end = |end: i128| {
                        i64::try_from(end).unwrap_or(if end < 0 { i64::MIN } else { i64::MAX })
                    };
                    ValueKind::Integer(end(least), end(most))
                }
            },
        }
    }

    /// Parses a value other than null.
    ///
    /// # Errors
    ///
    /// Returns what was expected, to follow "is expected to be".
    pub fn read(&self, json: &RawValue) -> Result<Cell, String> {
        let text = || {
            let text: String =
                serde_json::from_str(json.get()).map_err(|_| "a string".to_owned())?;
            if text.contains('\0') { Err("a string without U+0000".to_owned()) } else { Ok(text) }
        };
        match self {
            ValueKind::Json => json_value(json),
            ValueKind::Boolean => serde_json::from_str(json.get())
                .map(Cell::Boolean)
                .map_err(|_| "true or false".to_owned()),
            ValueKind::Number => number(json).map(Cell::Real).ok_or_else(|| "a number".to_owned()),
            ValueKind::Float => {
                // Rounded to single precision, so that both databases compare the same value.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the field has single precision"
                )]
                let single =
                    number(json).map(|value| value as f32).filter(|value| value.is_finite());
                single
                    .map(|value| Cell::Real(value.into()))
                    .ok_or_else(|| "a single-precision number".to_owned())
            }
            ValueKind::Integer(least, most) => {
                let expected = || format!("an integer from {least} to {most}");
                let value =
                    number(json).filter(|value| value.fract() == 0.0).ok_or_else(expected)?;
                // Both bounds have at most 53 bits, so the cast is exact for every accepted value.
                let whole = value as i64;
                if (*least..=*most).contains(&whole) {
                    Ok(Cell::Integer(whole))
                } else {
                    Err(expected())
                }
            }
            _ => self.read_text(text()?),
        }
    }

    /// Parses a value from the plain text of a query string.
    ///
    /// # Errors
    ///
    /// As [`ValueKind::read`].
    pub fn read_text_form(&self, text: &str) -> Result<Cell, String> {
        match self {
            ValueKind::Boolean
            | ValueKind::Number
            | ValueKind::Float
            | ValueKind::Integer(..)
            | ValueKind::Json => {
                let expected =
                    || format!("JSON, not `{}`", text.chars().take(40).collect::<String>());
                let raw = RawValue::from_string(text.trim().to_owned()).map_err(|_| expected())?;
                self.read(&raw)
            }
            _ if text.contains('\0') => Err("a string without U+0000".to_owned()),
            _ => self.read_text(text.to_owned()),
        }
    }

    fn read_text(&self, text: String) -> Result<Cell, String> {
        match self {
            ValueKind::Enum(allowed) if allowed.iter().any(|value| **value == text) => {
                Ok(Cell::Text(text))
            }
            ValueKind::Enum(allowed) => Err(format!("one of {}", list_values(allowed))),
            ValueKind::Date => date(&text).map(Cell::Text),
            ValueKind::Int64 => text
                .parse()
                .map(Cell::Integer)
                .map_err(|_| "a string of digits, a 64-bit integer".to_owned()),
            ValueKind::Uint64 => match text.parse::<u64>() {
                Ok(value) => Ok(Cell::Text(value.to_string())),
                Err(_) => Err("a string of digits, an unsigned 64-bit integer".to_owned()),
            },
            ValueKind::Decimal(digits) => decimal(&text, *digits).map(Cell::Text),
            ValueKind::Uuid => match uuid::Uuid::try_parse(&text) {
                Ok(id) => Ok(Cell::Text(id.hyphenated().to_string())),
                Err(_) => Err("a UUID".to_owned()),
            },
            _ => Ok(Cell::Text(text)),
        }
    }

    /// Returns whether two values are equal, whatever their representation in the database.
    #[must_use]
    pub fn same(&self, one: &Cell, other: &Cell) -> bool {
        let json = |cell: &Cell| {
            let mut out = String::new();
            self.write(cell, &mut out);
            serde_json::from_str::<serde_json::Value>(&out).ok()
        };
        one == other || json(one).is_some_and(|one| json(other) == Some(one))
    }

    /// Returns whether SQLite stores this kind as numeric text.
    #[must_use]
    pub fn is_numeric_text(&self) -> bool {
        matches!(self, ValueKind::Uint64 | ValueKind::Decimal(_))
    }

    /// Writes a value of this kind as JSON.
    pub fn write(&self, cell: &Cell, out: &mut String) {
        match (self, cell) {
            (_, Cell::Null) => out.push_str("null"),
            (ValueKind::Json, Cell::Text(text)) => out.push_str(text),
            (ValueKind::Date, Cell::Text(text)) => push_json_string(shown_date(text), out),
            (_, Cell::Text(text)) => push_json_string(text, out),
            (ValueKind::Boolean, Cell::Integer(flag)) => {
                out.push_str(if *flag == 0 { "false" } else { "true" })
            }
            (_, Cell::Boolean(flag)) => out.push_str(if *flag { "true" } else { "false" }),
            (ValueKind::Int64, Cell::Integer(number)) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\"{number}\"");
            }
            (_, Cell::Integer(number)) => {
                let _ = write!(out, "{number}");
            }
            (ValueKind::Float, Cell::Real(number)) => {
                // Shown with the digits of single precision.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the column has single precision"
                )]
                out.push_str(ryu_js::Buffer::new().format(*number as f32));
            }
            (_, Cell::Real(number)) => out.push_str(ryu_js::Buffer::new().format(*number)),
        }
    }
}

fn number(json: &RawValue) -> Option<f64> {
    serde_json::from_str(json.get()).ok().filter(|value: &f64| value.is_finite())
}

/// Returns the JSON text unchanged after checking that both databases can store it.
fn json_value(json: &RawValue) -> Result<Cell, String> {
    // `RawValue` only guarantees syntax. Out-of-range numbers, lone surrogates and deep nesting
    // fail here.
    let value: serde_json::Value =
        serde_json::from_str(json.get()).map_err(|error| format!("JSON ({error})"))?;
    if holds_nul(&value) {
        return Err("JSON without U+0000".to_owned());
    }
    Ok(Cell::Text(json.get().to_owned()))
}

fn holds_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(holds_nul),
        serde_json::Value::Object(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        _ => false,
    }
}

fn list_values(allowed: &[Box<str>]) -> String {
    let mut shown: Vec<String> =
        allowed.iter().take(12).map(|value| format!("`{value}`")).collect();
    if allowed.len() > shown.len() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// Appends a JSON string.
pub(crate) fn push_json_string(text: impl AsRef<str>, out: &mut String) {
    let text = text.as_ref();
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        // Serialising a string cannot fail.
        return out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }
    out.reserve(text.len() + 2);
    out.push('"');
    out.push_str(text);
    out.push('"');
}
