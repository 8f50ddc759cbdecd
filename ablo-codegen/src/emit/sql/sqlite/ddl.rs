//! Definitions of SQLite tables, columns and indexes.
//!
//! Nodes have final names, rules and literals; `render.rs` writes them as SQL.

use super::names::{Ident, Literal};

/// The definition of a table.
#[derive(Debug)]
pub(crate) struct TableDef<'a> {
    /// The name.
    pub(crate) name: Ident<'a>,
    /// The columns, in order.
    pub(crate) columns: Vec<ColumnDef<'a>>,
    /// The columns of the primary key, if there are several.
    pub(crate) key: Vec<Ident<'a>>,
    /// The foreign keys of several columns.
    pub(crate) foreign_keys: Vec<ForeignKeyDef<'a>>,
    /// The columns of a unique constraint, if they are not the primary key.
    pub(crate) unique: Vec<Ident<'a>>,
    /// The indexes, without those of keys.
    pub(crate) indexes: Vec<IndexDef<'a>>,
}

/// A foreign key of several columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignKeyDef<'a> {
    /// The referencing columns.
    pub(crate) columns: Vec<Ident<'a>>,
    /// The referenced table.
    pub(crate) target: Ident<'a>,
    /// The referenced columns.
    pub(crate) target_columns: Vec<Ident<'a>>,
}

/// The definition of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnDef<'a> {
    /// The name.
    pub(crate) name: Ident<'a>,
    /// The storage class.
    pub(crate) storage: Storage,
    /// Whether it is `NOT NULL`.
    pub(crate) not_null: bool,
    /// The column's role in the primary key.
    pub(crate) key: Key,
    /// The default.
    pub(crate) preset: Option<Preset<'a>>,
    /// The rule of its check constraint.
    pub(crate) rule: Rule<'a>,
    /// The tables that it references, by `id`.
    pub(crate) references: Vec<Ident<'a>>,
}

/// The storage class of a column in a `STRICT` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Text.
    Text,
    /// A 64-bit integer.
    Integer,
    /// A double.
    Real,
}

/// The role of a column in the primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Not part of it, or part of a composite key.
    No,
    /// The primary key.
    Primary,
    /// The primary key, which numbers rows in ascending order.
    AutoIncrement,
}

/// The default of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Preset<'a> {
    /// The current time.
    Now,
    /// A constant.
    Constant(Constant<'a>),
}

/// A constant in the form in which a column stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Constant<'a> {
    /// Text.
    Text(Literal<'a>),
    /// A number literal.
    Number(Digits),
}

/// A number literal: digits, sign, decimal point and exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digits(String);

impl Digits {
    /// Creates a literal from the text of a number, or returns `None` if it is not one.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
        (is_number && text.parse::<f64>().is_ok()).then(|| Self(text.to_owned()))
    }

    /// Returns the text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The rule of a column's values, beyond their storage class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule<'a> {
    /// No rule.
    Any,
    /// One of these strings.
    OneOf(Vec<Literal<'a>>),
    /// 0 or 1.
    Flag,
    /// RFC 3339 in UTC with microseconds and `Z`, so that strings sort like times.
    Instant,
    /// The text of a JSON value.
    Json,
    /// The text of a JSON array.
    JsonArray,
    /// An integer in this range.
    Between(i128, i128),
    /// A number in the range of single precision.
    Single,
    /// The digits of an unsigned 64-bit integer.
    Uint64,
    /// Digits with a decimal point, with precision and scale.
    Decimal(Option<(u16, u16)>),
    /// A UUID in lower case.
    Uuid,
}

/// The definition of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexDef<'a> {
    /// The name, unique in the database.
    pub(crate) name: Ident<'a>,
    /// The columns.
    pub(crate) columns: Vec<Ident<'a>>,
    /// Whether it is unique.
    pub(crate) unique: bool,
    /// The rows that it covers.
    pub(crate) rows: Condition<'a>,
}

/// The rows that an index covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition<'a> {
    /// All rows.
    All,
    /// Rows with a value in this column.
    NotNull(Ident<'a>),
    /// Rows with this value in this column.
    Equal(Ident<'a>, Literal<'a>),
}
