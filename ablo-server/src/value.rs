//! Field values: parsed from JSON against the schema, held in one form for both databases, and
//! written back as JSON.

use ablo_codegen::shape::ColumnKind;
use ablo_schema::schema::Format;
use serde_json::value::RawValue;
use std::cmp::Ordering;

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
                out.push('"');
                out.push_str(&number.to_string());
                out.push('"');
            }
            (_, Cell::Integer(number)) => out.push_str(&number.to_string()),
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

/// Converts a date to the stored format.
fn date(text: &str) -> Result<String, String> {
    let expected =
        || "a date in ISO 8601 with a time zone, such as 2026-06-10T09:00:00.000Z".to_owned();
    // `jiff::Timestamp` ends before 9999-12-31T23:59:59, which many schemas use for "never".
    let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(|_| expected())?;
    let (time, offset) = pieces.time().zip(pieces.to_numeric_offset()).ok_or_else(expected)?;
    let offset = jiff::SignedDuration::from_secs(offset.seconds().into());
    let at = pieces.date().to_datetime(time).checked_sub(offset).map_err(|_| expected())?;
    // Year 0 and negative years do not sort as text and fit no column.
    if at.year() >= 1 { Ok(at.strftime(STORED).to_string()) } else { Err(expected()) }
}

/// The stored format of dates.
const STORED: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";
const STORED_DATE: usize = "2026-06-10T09:00:00.000000Z".len();

/// Formats a point in time in the stored date format.
#[must_use]
pub fn stored_date(at: jiff::Timestamp) -> String {
    at.strftime(STORED).to_string()
}

/// Formats a stored date for clients: with milliseconds unless it has more digits.
#[must_use]
pub fn shown_date(text: &str) -> String {
    match text.strip_suffix("000Z") {
        Some(short) if text.len() == STORED_DATE => format!("{short}Z"),
        _ => text.to_owned(),
    }
}

/// Normalises a decimal: no plus sign, no leading zeros, digits on both sides of a point.
fn decimal(text: &str, digits: Option<(u16, u16)>) -> Result<String, String> {
    let expected = || match digits {
        None => "a string of digits, a decimal number".to_owned(),
        Some((all, behind)) => {
            format!(
                "a string of digits, a decimal number of at most {all} digits, {behind} of them \
                 after the point"
            )
        }
    };
    let (sign, digits_part) = text.strip_prefix('-').map_or(("", text), |bare| ("-", bare));
    let (whole, fraction) = digits_part.split_once('.').unwrap_or((digits_part, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let trailing_point = digits_part.contains('.') && fraction.is_empty();
    if whole.is_empty()
        || trailing_point
        || !is_digits(whole)
        || !is_digits(fraction)
        || text.len() > 1000
    {
        return Err(expected());
    }
    let whole =
        Some(whole.trim_start_matches('0')).filter(|whole| !whole.is_empty()).unwrap_or("0");
    let mut fraction = fraction.to_owned();
    if let Some((all, behind)) = digits {
        let (before, behind) = (usize::from(all.saturating_sub(behind)), usize::from(behind));
        let fits = whole == "0" || whole.len() <= before;
        if !fits || fraction.trim_end_matches('0').len() > behind {
            return Err(expected());
        }
        // PostgreSQL pads to the scale of the column; SQLite gets the same text.
        fraction.truncate(behind);
        fraction.push_str(&"0".repeat(behind - fraction.len()));
    }
    let zero = whole == "0" && fraction.bytes().all(|digit| digit == b'0');
    let sign = if zero { "" } else { sign };
    Ok(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

/// Compares two normalised decimals by value.
#[must_use]
pub fn compare_decimals(one: &str, other: &str) -> Ordering {
    let parts = |text: &'_ str| {
        let (negative, bare) = text.strip_prefix('-').map_or((false, text), |bare| (true, bare));
        let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
        (negative, whole.to_owned(), fraction.trim_end_matches('0').to_owned())
    };
    let ((one_negative, one, one_rest), (other_negative, other, other_rest)) =
        (parts(one), parts(other));
    let by_size = one
        .len()
        .cmp(&other.len())
        .then_with(|| one.cmp(&other))
        .then_with(|| one_rest.cmp(&other_rest));
    match (one_negative, other_negative) {
        (false, false) => by_size,
        (true, true) => by_size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
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
    // Serialising a string cannot fail.
    out.push_str(&serde_json::to_string(text.as_ref()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &ValueKind, json: &str) -> Result<Cell, String> {
        kind.read(&RawValue::from_string(json.to_owned()).expect("the text is JSON"))
    }

    fn round_trip(kind: &ValueKind, json: &str) -> String {
        let mut out = String::new();
        kind.write(&read(kind, json).expect("the value fits"), &mut out);
        out
    }

    #[test]
    fn values_round_trip() {
        for (kind, json) in [
            (ValueKind::Text, r#""a\"b\n""#),
            (ValueKind::Number, "1e+21"),
            (ValueKind::Number, "-0.5"),
            (ValueKind::Float, "0.1"),
            (ValueKind::Boolean, "true"),
            (ValueKind::Json, r#"{"b":1,"a":[1.50,null]}"#),
            (ValueKind::Integer(-128, 127), "-128"),
            (ValueKind::Int64, r#""-9223372036854775808""#),
            (ValueKind::Uint64, r#""18446744073709551615""#),
            (ValueKind::Decimal(None), r#""-123456789012345678901234567890.10""#),
            (ValueKind::Date, r#""2026-06-10T09:00:00.000Z""#),
            (ValueKind::Date, r#""2026-06-10T09:00:00.123456Z""#),
            (ValueKind::Date, r#""9999-12-31T23:59:59.999Z""#),
            (ValueKind::Uuid, r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#),
        ] {
            assert_eq!(round_trip(&kind, json), json, "{kind:?}");
        }
        assert_eq!(
            round_trip(&ValueKind::Date, r#""2026-06-10T11:00:00+02:00""#),
            r#""2026-06-10T09:00:00.000Z""#
        );
        assert_eq!(round_trip(&ValueKind::Decimal(Some((5, 2))), r#""007.5""#), r#""7.50""#);
        assert_eq!(round_trip(&ValueKind::Decimal(None), r#""-0.0""#), r#""0.0""#);
        assert_eq!(
            round_trip(&ValueKind::Uuid, r#""67E5504410B1426F9247BB680E5FE0C8""#),
            r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#
        );
    }

    #[test]
    fn decimals_compare_numerically() {
        let ordered = [
            "-10",
            "-9.5",
            "-9.25",
            "-0.01",
            "0",
            "0.05",
            "0.5",
            "9",
            "10",
            "18446744073709551615",
        ];
        for (at, one) in ordered.iter().enumerate() {
            for (other_at, other) in ordered.iter().enumerate() {
                assert_eq!(compare_decimals(one, other), at.cmp(&other_at), "{one} and {other}");
            }
        }
        assert_eq!(compare_decimals("1.5", "1.500"), Ordering::Equal);
    }

    #[test]
    fn equality_ignores_database_representation() {
        let same = |kind: &ValueKind, one: Cell, other: Cell| {
            assert!(kind.same(&one, &other), "{one:?} and {other:?}")
        };
        same(&ValueKind::Boolean, Cell::Boolean(true), Cell::Integer(1));
        same(&ValueKind::Json, r#"{"b":1,"a":[1]}"#.into(), r#"{"a": [1], "b": 1}"#.into());
        same(&ValueKind::Json, Cell::Null, Cell::Null);
        assert!(!ValueKind::Text.same(&"a".into(), &Cell::Null));
    }

    #[test]
    fn values_of_another_kind_are_rejected() {
        for (kind, json) in [
            (ValueKind::Text, "1"),
            (ValueKind::Text, r#""a\u0000b""#),
            (ValueKind::Json, r#"{"a\u0000":1}"#),
            (ValueKind::Json, r#""\ud800""#),
            (ValueKind::Json, "1e999"),
            (ValueKind::Number, "1e999"),
            (ValueKind::Number, r#""1""#),
            (ValueKind::Float, "1e39"),
            (ValueKind::Boolean, "1"),
            (ValueKind::Integer(0, 255), "256"),
            (ValueKind::Integer(0, 255), "1.5"),
            (ValueKind::Int64, "1"),
            (ValueKind::Uint64, r#""-1""#),
            (ValueKind::Decimal(Some((3, 2))), r#""10.00""#),
            (ValueKind::Decimal(None), r#""1.""#),
            (ValueKind::Decimal(None), r#""+1""#),
            (ValueKind::Date, r#""2026-06-10""#),
            (ValueKind::Date, r#""2026-06-10T09:00:00""#),
            (ValueKind::Date, r#""9999-12-31T23:59:59-01:00""#),
            (ValueKind::Date, r#""-000001-01-01T00:00:00Z""#),
            (ValueKind::Uuid, r#""67e5""#),
            (ValueKind::Enum(vec!["a".into()]), r#""b""#),
        ] {
            assert!(read(&kind, json).is_err(), "{kind:?} accepted {json}");
        }
        assert!(
            read(&ValueKind::Json, r#"{"a":"\\u0000"}"#).is_ok(),
            "an escaped backslash is not a NUL"
        );
    }
}
