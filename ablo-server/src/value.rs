//! Values of fields: read from JSON as strictly as the schema has them, held in the one form that both databases take,
//! and written as JSON again.

use ablo_codegen::shape::ColumnKind;
use ablo_schema::schema::Format;
use serde_json::value::RawValue;
use std::cmp::Ordering;

/// A value on its way to or from a database.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// Text; also dates (UTC, six digits of a second, `Z`), JSON, UUIDs and digits beyond 64 bits.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A double.
    Real(f64),
    /// True or false.
    Boolean(bool),
}

impl Cell {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Cell::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Takes the text out; empty for anything else.
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

/// What a field holds, with all that a value is checked by.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Text.
    Text,
    /// One of these texts.
    OneOf(Vec<Box<str>>),
    /// A finite double.
    Number,
    /// A single-precision number.
    Single,
    /// True or false.
    Boolean,
    /// A point in time.
    Date,
    /// Any JSON value.
    Json,
    /// A whole number of this range, a JSON number.
    Whole(i64, i64),
    /// 64 bits, signed: a string of digits in JSON.
    Int64,
    /// 64 bits: a string of digits in JSON.
    Uint64,
    /// An exact decimal: a string in JSON. Digits in all, and behind the point.
    Decimal(Option<(u16, u16)>),
    /// A UUID, lower case.
    Uuid,
}

impl Kind {
    /// The kind of a column.
    #[must_use]
    pub fn of(kind: ColumnKind<'_>) -> Self {
        match kind {
            ColumnKind::Text => Kind::Text,
            ColumnKind::Enum(allowed) => Kind::OneOf(allowed.to_vec()),
            ColumnKind::Number => Kind::Number,
            ColumnKind::Boolean => Kind::Boolean,
            ColumnKind::Date => Kind::Date,
            ColumnKind::Json => Kind::Json,
            ColumnKind::Exact(format) => match format {
                Format::Float => Kind::Single,
                Format::Int64 => Kind::Int64,
                Format::Uint64 => Kind::Uint64,
                Format::Decimal { digits } => Kind::Decimal(digits),
                Format::Uuid => Kind::Uuid,
                _ => {
                    let (least, most) =
                        format.bounds().unwrap_or((i64::MIN.into(), i64::MAX.into()));
                    let end = |end: i128| {
                        i64::try_from(end).unwrap_or(if end < 0 { i64::MIN } else { i64::MAX })
                    };
                    Kind::Whole(end(least), end(most))
                }
            },
        }
    }

    /// Reads a value that is not null.
    ///
    /// # Errors
    /// What was expected, to stand behind "expected".
    pub fn read(&self, json: &RawValue) -> Result<Cell, String> {
        let text = || {
            let text: String =
                serde_json::from_str(json.get()).map_err(|_| "a string".to_owned())?;
            if text.contains('\0') { Err("text without U+0000".to_owned()) } else { Ok(text) }
        };
        match self {
            Kind::Json => json_value(json),
            Kind::Boolean => serde_json::from_str(json.get())
                .map(Cell::Boolean)
                .map_err(|_| "true or false".to_owned()),
            Kind::Number => number(json).map(Cell::Real).ok_or_else(|| "a number".to_owned()),
            Kind::Single => {
                // Kept as the single nearest to it, so that every database compares the same value.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the field is of single precision"
                )]
                let single =
                    number(json).map(|value| value as f32).filter(|value| value.is_finite());
                single
                    .map(|value| Cell::Real(value.into()))
                    .ok_or_else(|| "a number of single precision".to_owned())
            }
            Kind::Whole(least, most) => {
                let expected = || format!("a whole number from {least} to {most}");
                let value =
                    number(json).filter(|value| value.fract() == 0.0).ok_or_else(expected)?;
                // Both ends are at most 53 bits wide, so that the cast is exact where it is kept.
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

    /// Reads a value from text alone, as a query string has it.
    ///
    /// # Errors
    /// As [`Kind::read`].
    pub fn read_plain(&self, text: &str) -> Result<Cell, String> {
        match self {
            Kind::Boolean | Kind::Number | Kind::Single | Kind::Whole(..) | Kind::Json => {
                let expected =
                    || format!("JSON, not `{}`", text.chars().take(40).collect::<String>());
                let raw = RawValue::from_string(text.trim().to_owned()).map_err(|_| expected())?;
                self.read(&raw)
            }
            _ if text.contains('\0') => Err("text without U+0000".to_owned()),
            _ => self.read_text(text.to_owned()),
        }
    }

    fn read_text(&self, text: String) -> Result<Cell, String> {
        match self {
            Kind::OneOf(allowed) if allowed.iter().any(|value| **value == text) => {
                Ok(Cell::Text(text))
            }
            Kind::OneOf(allowed) => Err(format!("one of {}", list(allowed))),
            Kind::Date => date(&text).map(Cell::Text),
            Kind::Int64 => text
                .parse()
                .map(Cell::Integer)
                .map_err(|_| "a string of digits, a whole number of 64 bits".to_owned()),
            Kind::Uint64 => match text.parse::<u64>() {
                Ok(value) => Ok(Cell::Text(value.to_string())),
                Err(_) => {
                    Err("a string of digits, a whole number of 64 bits without a sign".to_owned())
                }
            },
            Kind::Decimal(digits) => decimal(&text, *digits).map(Cell::Text),
            Kind::Uuid => match uuid::Uuid::try_parse(&text) {
                Ok(id) => Ok(Cell::Text(id.hyphenated().to_string())),
                Err(_) => Err("a UUID".to_owned()),
            },
            _ => Ok(Cell::Text(text)),
        }
    }

    /// Whether two values of this kind are the same, however a database spells them.
    #[must_use]
    pub fn same(&self, one: &Cell, other: &Cell) -> bool {
        let json = |cell: &Cell| {
            let mut out = String::new();
            self.write(cell, &mut out);
            serde_json::from_str::<serde_json::Value>(&out).ok()
        };
        one == other || json(one).is_some_and(|one| json(other) == Some(one))
    }

    /// Whether SQLite keeps it as a text of digits.
    #[must_use]
    pub fn is_digits(&self) -> bool {
        matches!(self, Kind::Uint64 | Kind::Decimal(_))
    }

    /// Writes a value of this kind as JSON.
    pub fn write(&self, cell: &Cell, out: &mut String) {
        match (self, cell) {
            (_, Cell::Null) => out.push_str("null"),
            (Kind::Json, Cell::Text(text)) => out.push_str(text),
            (Kind::Date, Cell::Text(text)) => string(shown_date(text), out),
            (_, Cell::Text(text)) => string(text, out),
            (Kind::Boolean, Cell::Integer(flag)) => {
                out.push_str(if *flag == 0 { "false" } else { "true" })
            }
            (_, Cell::Boolean(flag)) => out.push_str(if *flag { "true" } else { "false" }),
            (Kind::Int64, Cell::Integer(number)) => {
                out.push('"');
                out.push_str(&number.to_string());
                out.push('"');
            }
            (_, Cell::Integer(number)) => out.push_str(&number.to_string()),
            (Kind::Single, Cell::Real(number)) => {
                // What the column keeps is the single nearest to it, and that is shown with the digits it has.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the column is of single precision"
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

/// JSON as it came, once it is known that every database keeps it.
fn json_value(json: &RawValue) -> Result<Cell, String> {
    // A raw text is only known to be well formed: numbers beyond a double, lone surrogates and deep nesting show when it is read.
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

/// A date in the form in which databases hold it.
fn date(text: &str) -> Result<String, String> {
    let expected =
        || "a date in ISO 8601 with a time zone, such as 2026-06-10T09:00:00.000Z".to_owned();
    // Not as a timestamp, which ends before the last day of the year 9999: that stands for "never" in many a schema.
    let pieces = jiff::fmt::temporal::Pieces::parse(text).map_err(|_| expected())?;
    let (time, offset) = pieces.time().zip(pieces.to_numeric_offset()).ok_or_else(expected)?;
    let offset = jiff::SignedDuration::from_secs(offset.seconds().into());
    let at = pieces.date().to_datetime(time).checked_sub(offset).map_err(|_| expected())?;
    // No column takes other years, and their texts would order wrongly.
    if at.year() >= 1 { Ok(at.strftime(STORED).to_string()) } else { Err(expected()) }
}

/// The form in which databases hold dates.
const STORED: &str = "%Y-%m-%dT%H:%M:%S.%6fZ";
const STORED_DATE: usize = "2026-06-10T09:00:00.000000Z".len();

/// A point in time in the form in which databases hold it.
#[must_use]
pub fn stored_date(at: jiff::Timestamp) -> String {
    at.strftime(STORED).to_string()
}

/// A stored date as clients see it: with milliseconds where it has no more.
#[must_use]
pub fn shown_date(text: &str) -> String {
    match text.strip_suffix("000Z") {
        Some(short) if text.len() == STORED_DATE => format!("{short}Z"),
        _ => text.to_owned(),
    }
}

/// A decimal in its one spelling: no sign but `-`, no leading zeros, digits on both sides of a point.
fn decimal(text: &str, digits: Option<(u16, u16)>) -> Result<String, String> {
    let expected = || match digits {
        None => "a string of digits, a decimal number".to_owned(),
        Some((all, behind)) => {
            format!(
                "a string of digits, a decimal number of at most {all} digits, {behind} of them behind the point"
            )
        }
    };
    let (sign, bare) = text.strip_prefix('-').map_or(("", text), |bare| ("-", bare));
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let pointless = bare.contains('.') && fraction.is_empty();
    if whole.is_empty()
        || pointless
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
        // A column with a scale pads to it, and so do we: both databases then give the same text.
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

/// The order of two decimals in their one spelling.
#[must_use]
pub fn order_of_digits(one: &str, other: &str) -> Ordering {
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

fn list(allowed: &[Box<str>]) -> String {
    let mut shown: Vec<String> =
        allowed.iter().take(12).map(|value| format!("`{value}`")).collect();
    if allowed.len() > shown.len() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// Writes a JSON string.
pub(crate) fn string(text: impl AsRef<str>, out: &mut String) {
    // Writing a string into a string fails never.
    out.push_str(&serde_json::to_string(text.as_ref()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &Kind, json: &str) -> Result<Cell, String> {
        kind.read(&RawValue::from_string(json.to_owned()).expect("JSON"))
    }

    fn round(kind: &Kind, json: &str) -> String {
        let mut out = String::new();
        kind.write(&read(kind, json).expect("a value that fits"), &mut out);
        out
    }

    #[test]
    fn values_come_back_as_they_went_in() {
        for (kind, json) in [
            (Kind::Text, r#""a\"b\n""#),
            (Kind::Number, "1e+21"),
            (Kind::Number, "-0.5"),
            (Kind::Single, "0.1"),
            (Kind::Boolean, "true"),
            (Kind::Json, r#"{"b":1,"a":[1.50,null]}"#),
            (Kind::Whole(-128, 127), "-128"),
            (Kind::Int64, r#""-9223372036854775808""#),
            (Kind::Uint64, r#""18446744073709551615""#),
            (Kind::Decimal(None), r#""-123456789012345678901234567890.10""#),
            (Kind::Date, r#""2026-06-10T09:00:00.000Z""#),
            (Kind::Date, r#""2026-06-10T09:00:00.123456Z""#),
            (Kind::Date, r#""9999-12-31T23:59:59.999Z""#),
            (Kind::Uuid, r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#),
        ] {
            assert_eq!(round(&kind, json), json, "{kind:?}");
        }
        assert_eq!(
            round(&Kind::Date, r#""2026-06-10T11:00:00+02:00""#),
            r#""2026-06-10T09:00:00.000Z""#
        );
        assert_eq!(round(&Kind::Decimal(Some((5, 2))), r#""007.5""#), r#""7.50""#);
        assert_eq!(round(&Kind::Decimal(None), r#""-0.0""#), r#""0.0""#);
        assert_eq!(
            round(&Kind::Uuid, r#""67E5504410B1426F9247BB680E5FE0C8""#),
            r#""67e55044-10b1-426f-9247-bb680e5fe0c8""#
        );
    }

    #[test]
    fn digits_are_ordered_as_numbers() {
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
                assert_eq!(order_of_digits(one, other), at.cmp(&other_at), "{one} and {other}");
            }
        }
        assert_eq!(order_of_digits("1.5", "1.500"), Ordering::Equal);
    }

    #[test]
    fn values_are_the_same_however_a_database_spells_them() {
        let same = |kind: &Kind, one: Cell, other: Cell| {
            assert!(kind.same(&one, &other), "{one:?} and {other:?}")
        };
        same(&Kind::Boolean, Cell::Boolean(true), Cell::Integer(1));
        same(&Kind::Json, r#"{"b":1,"a":[1]}"#.into(), r#"{"a": [1], "b": 1}"#.into());
        same(&Kind::Json, Cell::Null, Cell::Null);
        assert!(!Kind::Text.same(&"a".into(), &Cell::Null));
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        for (kind, json) in [
            (Kind::Text, "1"),
            (Kind::Text, r#""a\u0000b""#),
            (Kind::Json, r#"{"a\u0000":1}"#),
            (Kind::Json, r#""\ud800""#),
            (Kind::Json, "1e999"),
            (Kind::Number, "1e999"),
            (Kind::Number, r#""1""#),
            (Kind::Single, "1e39"),
            (Kind::Boolean, "1"),
            (Kind::Whole(0, 255), "256"),
            (Kind::Whole(0, 255), "1.5"),
            (Kind::Int64, "1"),
            (Kind::Uint64, r#""-1""#),
            (Kind::Decimal(Some((3, 2))), r#""10.00""#),
            (Kind::Decimal(None), r#""1.""#),
            (Kind::Decimal(None), r#""+1""#),
            (Kind::Date, r#""2026-06-10""#),
            (Kind::Date, r#""2026-06-10T09:00:00""#),
            (Kind::Date, r#""9999-12-31T23:59:59-01:00""#),
            (Kind::Date, r#""-000001-01-01T00:00:00Z""#),
            (Kind::Uuid, r#""67e5""#),
            (Kind::OneOf(vec!["a".into()]), r#""b""#),
        ] {
            assert!(read(&kind, json).is_err(), "{kind:?} took {json}");
        }
        assert!(read(&Kind::Json, r#"{"a":"\\u0000"}"#).is_ok(), "an escaped backslash is no NUL");
    }
}
