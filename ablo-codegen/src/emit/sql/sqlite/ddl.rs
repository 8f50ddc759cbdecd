//! Tables, columns and indexes as SQLite has them.
//!
//! Nodes hold finished names, rules and literals; what they look like is decided in `render.rs`.

use super::names::{Ident, Literal};

/// One table as it has to be.
#[derive(Debug)]
pub(crate) struct TableDef<'a> {
    /// Its name.
    pub(crate) name: Ident<'a>,
    /// Its columns, in order.
    pub(crate) columns: Vec<ColumnDef<'a>>,
    /// Columns that no two rows share, where the primary key is another.
    pub(crate) unique: Vec<Ident<'a>>,
    /// Its indexes, without those that keys bring along.
    pub(crate) indexes: Vec<IndexDef<'a>>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnDef<'a> {
    /// Its name.
    pub(crate) name: Ident<'a>,
    /// How values are stored.
    pub(crate) storage: Storage,
    /// Whether every row has a value.
    pub(crate) not_null: bool,
    /// Whether it is the primary key.
    pub(crate) key: Key,
    /// What an absent value is.
    pub(crate) preset: Option<Preset<'a>>,
    /// What its values are held to.
    pub(crate) rule: Rule<'a>,
    /// The tables whose `id` it holds.
    pub(crate) references: Vec<Ident<'a>>,
}

/// How values are stored, in a `STRICT` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// A double.
    Real,
}

/// What part a column has in the primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// None.
    No,
    /// It is the key.
    Primary,
    /// It is the key, and numbers rows in ascending order.
    AutoIncrement,
}

/// What an absent value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Preset<'a> {
    /// The time of writing.
    Now,
    /// A constant, as its column stores it.
    Constant(Constant<'a>),
}

/// A constant as a column stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Constant<'a> {
    /// Text.
    Text(Literal<'a>),
    /// A number, in digits that SQL reads.
    Number(Digits),
}

/// A number as SQL reads it: digits, a sign, a point, an exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digits(String);

impl Digits {
    /// Takes what is a number and nothing else.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
        (number && text.parse::<f64>().is_ok()).then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a column's values are held to, beyond how they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule<'a> {
    /// Nothing.
    Any,
    /// One of these texts.
    OneOf(Vec<Literal<'a>>),
    /// 0 or 1.
    Flag,
    /// RFC 3339 in UTC, with microseconds and `Z`: texts order as times do.
    Instant,
    /// The text of a JSON value.
    Json,
    /// The text of a JSON array.
    JsonArray,
    /// A whole number of this range.
    Between(i128, i128),
    /// A number that single precision reaches.
    Single,
    /// Digits of a whole number of 64 bits without a sign.
    Uint64,
    /// Digits with a point: this many in all and behind the point.
    Decimal(Option<(u16, u16)>),
    /// A UUID in lower case.
    Uuid,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexDef<'a> {
    /// Its name, unique in the database.
    pub(crate) name: Ident<'a>,
    /// Its columns.
    pub(crate) columns: Vec<Ident<'a>>,
    /// Whether no two rows agree in all of them.
    pub(crate) unique: bool,
    /// The rows it is about.
    pub(crate) rows: Condition<'a>,
}

/// Which rows an index is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// All.
    All,
    /// Those with a value in this column.
    NotNull(Ident<'a>),
    /// Those with this value in this column.
    Equal(Ident<'a>, Literal<'a>),
}
