//! Column types: the type of a column where it is not the usual one of its field.
//!
//! They are spelled as in PostgreSQL. One table says which fields a column of a type stores.

mod value;

pub(crate) use value::{is_day, is_uuid};

use super::FieldKind;
use std::fmt;

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// One value.
    Scalar(ScalarType),
    /// A list of values.
    Array(ScalarType),
    /// An enum type of the database, with the values of its field.
    Enum {
        /// The schema of the type, if it is not the one of the table.
        schema: Option<Box<str>>,
        /// The name of the type.
        name: Box<str>,
    },
}

/// The type of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarType {
    /// Text.
    Text,
    /// Text of at most this many characters.
    Varchar(Option<u32>),
    /// Text that is padded to this many characters.
    Char(u32),
    /// Text that is compared without regard to case.
    Citext,
    /// The name of an object of the database.
    Name,
    /// A UUID.
    Uuid,
    /// A 16-bit integer.
    Smallint,
    /// A 32-bit integer.
    Integer,
    /// A 64-bit integer.
    Bigint,
    /// An IEEE 754 single.
    Real,
    /// An IEEE 754 double.
    Double,
    /// A decimal number with precision and scale.
    Numeric(Option<(u16, u16)>),
    /// A boolean.
    Boolean,
    /// A day.
    Date,
    /// A time of day, with this many fractional digits of a second.
    Time(Option<u8>),
    /// A time of day with an offset.
    TimeTz(Option<u8>),
    /// A date and a time, in UTC.
    Timestamp(Option<u8>),
    /// A point in time.
    TimestampTz(Option<u8>),
    /// A span of time.
    Interval(Option<u8>),
    /// Bytes, in base64 on the wire.
    Bytea,
    /// An address of a host or a network.
    Inet,
    /// An address of a network.
    Cidr,
    /// An address of a network interface.
    Macaddr,
    /// A JSON text.
    Json,
    /// A JSON value.
    Jsonb,
}

/// The types whose names have no arguments, with all spellings, the canonical one first.
const PLAIN: [(ScalarType, &[&str]); 18] = [
    (ScalarType::Text, &["text"]),
    (ScalarType::Citext, &["citext"]),
    (ScalarType::Name, &["name"]),
    (ScalarType::Uuid, &["uuid"]),
    (ScalarType::Smallint, &["smallint", "int2"]),
    (ScalarType::Integer, &["integer", "int", "int4"]),
    (ScalarType::Bigint, &["bigint", "int8"]),
    (ScalarType::Real, &["real", "float4"]),
    (ScalarType::Double, &["double precision", "float8", "float"]),
    (ScalarType::Boolean, &["boolean", "bool"]),
    (ScalarType::Date, &["date"]),
    (ScalarType::Bytea, &["bytea"]),
    (ScalarType::Inet, &["inet"]),
    (ScalarType::Cidr, &["cidr"]),
    (ScalarType::Macaddr, &["macaddr"]),
    (ScalarType::Json, &["json"]),
    (ScalarType::Jsonb, &["jsonb"]),
    (ScalarType::Char(1), &["character(1)", "char", "character"]),
];

/// The maximum length of a `varchar` or `char` in PostgreSQL.
const MAX_CHARACTERS: u32 = 10_485_760;
/// The maximum number of digits of a `numeric`, as in PostgreSQL.
const MAX_DIGITS: u16 = 1000;

impl ScalarType {
    fn read(text: &str) -> Option<Self> {
        let (words, arguments) = split(text)?;
        let one = || match arguments[..] {
            [] => Some(None),
            [only] => Some(Some(only)),
            _ => None,
        };
        let precision = || match one()? {
            None => Some(None),
            Some(digits) => u8::try_from(digits).ok().filter(|digits| *digits <= 6).map(Some),
        };
        let length = |length: u32| (1..=MAX_CHARACTERS).contains(&length).then_some(length);
        Some(match words.as_str() {
            "varchar" | "character varying" => ScalarType::Varchar(match one()? {
                None => None,
                Some(limit) => Some(length(limit)?),
            }),
            "char" | "character" | "bpchar" if !arguments.is_empty() => {
                ScalarType::Char(length(one()??)?)
            }
            "time" | "time without time zone" => ScalarType::Time(precision()?),
            "timetz" | "time with time zone" => ScalarType::TimeTz(precision()?),
            "timestamp" | "timestamp without time zone" => ScalarType::Timestamp(precision()?),
            "timestamptz" | "timestamp with time zone" => ScalarType::TimestampTz(precision()?),
            "interval" => ScalarType::Interval(precision()?),
            "numeric" | "decimal" => ScalarType::Numeric(digits(&arguments)?),
            plain if arguments.is_empty() => {
                PLAIN.iter().find(|(_, names)| names.contains(&plain)).map(|(of, _)| *of)?
            }
            _ => return None,
        })
    }

    /// Returns the minimum and maximum of an integer type.
    #[must_use]
    pub fn bounds(self) -> Option<(i64, i64)> {
        match self {
            ScalarType::Smallint => Some((i16::MIN.into(), i16::MAX.into())),
            ScalarType::Integer => Some((i32::MIN.into(), i32::MAX.into())),
            ScalarType::Bigint => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }

    /// Returns whether the values are text that the server compares as text.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, ScalarType::Text | ScalarType::Varchar(_))
    }

    /// Returns the group of types whose values can be compared, if ids can have the type.
    fn key_family(self) -> Option<&'static str> {
        match self {
            ScalarType::Text | ScalarType::Varchar(_) => Some("text"),
            ScalarType::Uuid => Some("uuid"),
            ScalarType::Smallint | ScalarType::Integer | ScalarType::Bigint => Some("integer"),
            _ => None,
        }
    }

    /// Returns whether every value has the same meaning in the other type.
    fn widens_to(self, other: ScalarType) -> bool {
        use ScalarType::{
            Bigint, Char, Cidr, Citext, Date, Double, Inet, Integer, Interval, Json, Jsonb, Name,
            Numeric, Real, Smallint, Text, Time, TimeTz, Timestamp, TimestampTz, Uuid, Varchar,
        };
        let shorter = |length: u32, limit: Option<u32>| limit.is_none_or(|limit| length <= limit);
        let digits = |precision: Option<u8>| precision.unwrap_or(6);
        match (self, other) {
            (one, two) if one == two => true,
            (Varchar(_) | Char(_) | Citext | Name, Text | Citext | Varchar(None))
            | (Text, Citext | Varchar(None))
            | (Cidr, Inet)
            | (Jsonb, Json)
            | (Smallint | Integer | Real, Double)
            | (Smallint, Real)
            | (Date, Timestamp(_) | TimestampTz(_))
            | (Smallint | Integer | Bigint | Numeric(Some(_)), Numeric(None)) => true,
            (Varchar(Some(one)) | Char(one), Varchar(two)) => shorter(one, two),
            (Name, Varchar(limit)) => shorter(63, limit),
            (Uuid, Varchar(limit)) => shorter(36, limit),
            (Uuid | Smallint | Integer | Bigint, Text) => true,
            (Smallint, Integer | Bigint) | (Integer, Bigint) => true,
            (Smallint | Integer | Bigint, Numeric(Some((precision, scale)))) => {
                let wanted = match self {
                    Smallint => 5,
                    Integer => 10,
                    _ => 19,
                };
                precision.saturating_sub(scale) >= wanted
            }
            (Numeric(Some((p, s))), Numeric(Some((precision, scale)))) => {
                s <= scale && p.saturating_sub(s) <= precision.saturating_sub(scale)
            }
            (Timestamp(one) | TimestampTz(one), Timestamp(two) | TimestampTz(two))
            | (Time(one), Time(two))
            | (TimeTz(one), TimeTz(two))
            | (Interval(one), Interval(two)) => digits(one) <= digits(two),
            // The text that the server prints.
            (
                Date | Time(_) | TimeTz(_) | Interval(_) | Inet | Cidr | ScalarType::Macaddr,
                Text,
            ) => true,
            _ => false,
        }
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zoned = |f: &mut fmt::Formatter<'_>, name: &str, digits: Option<u8>, zone: &str| {
            f.write_str(name)?;
            digits.map_or(Ok(()), |digits| write!(f, "({digits})"))?;
            f.write_str(zone)
        };
        match self {
            ScalarType::Varchar(None) => f.write_str("character varying"),
            ScalarType::Varchar(Some(length)) => write!(f, "character varying({length})"),
            ScalarType::Char(length) => write!(f, "character({length})"),
            ScalarType::Numeric(None) => f.write_str("numeric"),
            ScalarType::Numeric(Some((precision, scale))) => {
                write!(f, "numeric({precision},{scale})")
            }
            ScalarType::Time(digits) => zoned(f, "time", *digits, " without time zone"),
            ScalarType::TimeTz(digits) => zoned(f, "time", *digits, " with time zone"),
            ScalarType::Timestamp(digits) => zoned(f, "timestamp", *digits, " without time zone"),
            ScalarType::TimestampTz(digits) => zoned(f, "timestamp", *digits, " with time zone"),
            ScalarType::Interval(digits) => zoned(f, "interval", *digits, ""),
            plain => {
                let found = PLAIN.iter().find(|(of, _)| of == plain);
                f.write_str(found.and_then(|(_, names)| names.first()).copied().unwrap_or_default())
            }
        }
    }
}

impl ColumnType {
    /// The types that the documentation and messages list.
    pub const EXAMPLES: [&str; 24] = [
        "varchar(20)",
        "char(3)",
        "citext",
        "name",
        "uuid",
        "smallint",
        "integer",
        "bigint",
        "real",
        "numeric",
        "numeric(10,2)",
        "date",
        "time",
        "timetz",
        "interval",
        "timestamp",
        "timestamp(3)",
        "timestamptz(3)",
        "bytea",
        "inet",
        "cidr",
        "macaddr",
        "json",
        "text[]",
    ];

    /// Reads a type in any of the spellings of PostgreSQL, or returns `None` if it is none that a
    /// field can have.
    ///
    /// ```
    /// use ablo_schema::schema::ColumnType;
    /// let read = |text| ColumnType::read(text).map(|read| read.to_string());
    /// assert_eq!(read("VARCHAR (20)").as_deref(), Some("character varying(20)"));
    /// assert_eq!(read("timestamp(3)").as_deref(), Some("timestamp(3) without time zone"));
    /// assert_eq!(read("int8[]").as_deref(), Some("bigint[]"));
    /// assert_eq!(read("enum crm.Mood").as_deref(), Some("enum crm.Mood"));
    /// assert_eq!(read("point"), None);
    /// ```
    #[must_use]
    pub fn read(text: &str) -> Option<ColumnType> {
        if let Some(name) = text.trim().strip_prefix("enum ") {
            let name = name.trim();
            let (schema, name) = match name.split_once('.') {
                Some((schema, name)) => (Some(schema), name),
                None => (None, name),
            };
            let valid = schema.into_iter().chain([name]).all(is_name);
            let schema = schema.map(Into::into);
            return valid.then(|| ColumnType::Enum { schema, name: name.into() });
        }
        match text.trim_end().strip_suffix("[]") {
            Some(element) => {
                let element = ScalarType::read(element)?;
                let listed = !matches!(
                    element,
                    ScalarType::Bytea | ScalarType::Json | ScalarType::Jsonb | ScalarType::Name
                );
                listed.then_some(ColumnType::Array(element))
            }
            None => ScalarType::read(text).map(ColumnType::Scalar),
        }
    }

    /// Returns the usual type of the fields of a type.
    #[must_use]
    pub fn usual(kind: &FieldKind) -> ColumnType {
        ColumnType::Scalar(match kind {
            FieldKind::String | FieldKind::Enum(_) => ScalarType::Text,
            FieldKind::Number => ScalarType::Double,
            FieldKind::Boolean => ScalarType::Boolean,
            FieldKind::Date => ScalarType::TimestampTz(None),
            FieldKind::Json => ScalarType::Jsonb,
        })
    }

    /// Returns whether a column of the type stores a field of this type without a format.
    #[must_use]
    pub fn stores(&self, kind: &FieldKind) -> bool {
        use ScalarType as T;
        match (kind, self) {
            (FieldKind::Enum(_), ColumnType::Enum { .. } | ColumnType::Scalar(T::Text))
            | (FieldKind::Json, ColumnType::Array(_) | ColumnType::Scalar(T::Json | T::Jsonb)) => {
                true
            }
            (
                FieldKind::String,
                ColumnType::Scalar(T::Text | T::Varchar(_) | T::Char(_) | T::Citext | T::Name),
            ) => true,
            (FieldKind::String, ColumnType::Scalar(scalar)) => matches!(
                scalar,
                T::Uuid
                    | T::Smallint
                    | T::Integer
                    | T::Bigint
                    | T::Date
                    | T::Time(_)
                    | T::TimeTz(_)
                    | T::Interval(_)
                    | T::Inet
                    | T::Cidr
                    | T::Macaddr
                    | T::Bytea
            ),
            (FieldKind::Number, ColumnType::Scalar(scalar)) => matches!(
                scalar,
                T::Double | T::Real | T::Smallint | T::Integer | T::Bigint | T::Numeric(_)
            ),
            (FieldKind::Date, ColumnType::Scalar(scalar)) => {
                matches!(scalar, T::Timestamp(_) | T::TimestampTz(_) | T::Date)
            }
            (FieldKind::Boolean, ColumnType::Scalar(scalar)) => *scalar == T::Boolean,
            _ => false,
        }
    }

    /// Returns the type of one value, if it is neither a list nor an enum.
    #[must_use]
    pub fn scalar(&self) -> Option<ScalarType> {
        match self {
            ColumnType::Scalar(scalar) => Some(*scalar),
            ColumnType::Array(_) | ColumnType::Enum { .. } => None,
        }
    }

    /// Returns whether a column of ids can have the type.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.scalar().is_some_and(|scalar| scalar.key_family().is_some())
    }

    /// Returns whether values of both types can be compared as ids.
    #[must_use]
    pub fn compares_with(&self, other: &ColumnType) -> bool {
        let family = |of: &ColumnType| of.scalar().and_then(ScalarType::key_family);
        family(self).is_some_and(|one| family(other) == Some(one))
    }

    /// Returns whether every value has the same meaning in the other type.
    #[must_use]
    pub fn widens_to(&self, other: &ColumnType) -> bool {
        match (self, other) {
            (ColumnType::Scalar(one), ColumnType::Scalar(two))
            | (ColumnType::Array(one), ColumnType::Array(two)) => one.widens_to(*two),
            (ColumnType::Enum { .. }, ColumnType::Scalar(to)) => {
                to.is_text() && {
                    // The values of an enum have up to 63 bytes.
                    ScalarType::Name.widens_to(*to)
                }
            }
            (one, two) => one == two,
        }
    }

    /// Checks the text of a value, as far as that is possible without the database.
    ///
    /// # Errors
    /// Returns what is expected, to follow "is expected to be".
    pub fn check(&self, text: &str) -> Result<(), String> {
        match self {
            ColumnType::Scalar(scalar) => value::check(*scalar, text),
            ColumnType::Array(_) | ColumnType::Enum { .. } => Ok(()),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnType::Scalar(scalar) => scalar.fmt(f),
            ColumnType::Array(element) => write!(f, "{element}[]"),
            ColumnType::Enum { schema: Some(schema), name } => write!(f, "enum {schema}.{name}"),
            ColumnType::Enum { schema: None, name } => write!(f, "enum {name}"),
        }
    }
}

/// Splits the spelling of a type into its words in lower case and its arguments.
fn split(text: &str) -> Option<(String, Vec<u32>)> {
    let lower = text.to_ascii_lowercase();
    let (start, arguments, end) = match lower.split_once('(') {
        None => (lower.as_str(), Vec::new(), ""),
        Some((start, rest)) => {
            let (inside, end) = rest.split_once(')')?;
            let read = inside.split(',').map(|argument| argument.trim().parse().ok());
            (start, read.collect::<Option<Vec<u32>>>()?, end)
        }
    };
    let words: Vec<&str> = start.split_whitespace().chain(end.split_whitespace()).collect();
    Some((words.join(" "), arguments))
}

fn digits(arguments: &[u32]) -> Option<Option<(u16, u16)>> {
    let number = |argument: u32| u16::try_from(argument).ok();
    let (precision, scale) = match *arguments {
        [] => return Some(None),
        [precision] => (number(precision)?, 0),
        [precision, scale] => (number(precision)?, number(scale)?),
        _ => return None,
    };
    ((1..=MAX_DIGITS).contains(&precision) && scale <= precision)
        .then_some(Some((precision, scale)))
}

fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests;
