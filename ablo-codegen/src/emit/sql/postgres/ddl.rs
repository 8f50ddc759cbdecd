//! The statements of provisioning.
//!
//! Nodes have final names, types and literals; `render.rs` writes them as SQL. Most statements call
//! a helper of `prelude.sql`, which adds missing parts of one table and reports differences.

use super::names::{Ident, Literal, Printed};
use ablo_schema::schema::ColumnType as NativeType;

/// A provisioning statement.
#[derive(Debug)]
pub(crate) enum Statement<'a> {
    /// Creates the app's own schema.
    Schema(Literal<'a>),
    /// Creates a table with its columns and primary key if it does not exist.
    CreateTable { table: &'a Table<'a>, columns: Vec<Column<'a>>, key: Vec<Ident<'a>> },
    /// Adds missing columns of one type to an existing table.
    Columns { table: &'a Table<'a>, column_type: ColumnType<'a>, names: Vec<&'a str> },
    /// Adds a column with digits or a default to an existing table if it is missing.
    Column {
        table: &'a Table<'a>,
        name: &'a str,
        column_type: ColumnType<'a>,
        preset: Option<Preset<'a>>,
    },
    /// Makes columns `NOT NULL`.
    NotNull { table: &'a Table<'a>, names: Vec<&'a str> },
    /// Adds an identity column to an existing table if it is missing.
    IdentityColumn { table: &'a Table<'a>, column: &'a str },
    /// Adds the primary key if the table has none.
    Key { table: &'a Table<'a>, columns: Vec<Ident<'a>> },
    /// Adds a named check that a column has one of these values.
    Enum { table: &'a Table<'a>, name: Ident<'a>, column: &'a str, values: Vec<Literal<'a>> },
    /// Adds a named check that a column is in this range.
    Range { table: &'a Table<'a>, name: Ident<'a>, column: &'a str, least: String, most: String },
    /// Creates an index, whose last column may be ordered by its bytes.
    Index {
        table: &'a Table<'a>,
        name: Ident<'a>,
        columns: Vec<&'a str>,
        by_bytes: bool,
        method: Method,
    },
    /// Creates a unique index.
    Unique { table: &'a Table<'a>, name: Ident<'a>, columns: Vec<&'a str> },
    /// Creates an index on any columns and rows.
    IndexOn {
        table: &'a Table<'a>,
        name: Ident<'a>,
        unique: bool,
        columns: Vec<Ident<'a>>,
        rows: Condition<'a>,
    },
    /// Enables row security with this predicate.
    Isolate { table: &'a Table<'a>, predicate: Predicate<'a> },
    /// Sets the comment of a column.
    ColumnComment { table: &'a Table<'a>, column: &'a str, text: Literal<'a> },
    /// Sets the comment of a table.
    TableComment { table: &'a Table<'a>, text: Literal<'a> },
    /// Adds a foreign key without validating it.
    ForeignKey {
        table: &'a Table<'a>,
        name: Ident<'a>,
        columns: Vec<&'a str>,
        target: &'a Table<'a>,
        target_columns: Vec<&'a str>,
    },
    /// Drops an invalid index so that it can be built again after the commit.
    PrepareConcurrentIndex { table: &'a Table<'a>, name: &'a Ident<'a>, columns: Vec<&'a str> },
    /// Validates a foreign key, after the commit.
    Validate { table: &'a Table<'a>, columns: Vec<&'a str>, target: &'a Table<'a> },
    /// Builds an index concurrently, after the commit and outside any transaction.
    IndexConcurrently { table: &'a Table<'a>, name: &'a Ident<'a>, columns: Vec<&'a str> },
}

/// The names of a table.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    /// The schema.
    pub(crate) schema: Ident<'a>,
    /// The table's name.
    pub(crate) name: Ident<'a>,
    /// The primary key's name.
    pub(crate) key: Ident<'a>,
    /// Whether it is PostgreSQL's default name for the key.
    pub(crate) key_is_default: bool,
    /// The qualified name as a literal, as the helpers expect it.
    pub(crate) regclass: Printed,
}

/// The condition on rows that a tenant may read and write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Predicate<'a> {
    /// This column is the tenant.
    Column(Ident<'a>),
    /// The parent row belongs to the tenant.
    Parent {
        /// The column that refers to the parent row.
        local_key: Ident<'a>,
        /// The parent's table, in the same schema.
        parent: Ident<'a>,
        /// The parent's column that the local key refers to.
        key: Ident<'a>,
        /// The parent's tenant column. Without one, the parent's own policy decides.
        owner: Option<Ident<'a>>,
    },
}

/// The rows that an index covers.
#[derive(Debug)]
pub(crate) enum Condition<'a> {
    /// All rows.
    All,
    /// Rows with a value in this column.
    NotNull(Ident<'a>),
    /// Rows with this value in this column.
    Equal(Ident<'a>, Literal<'a>),
}

/// A column declaration.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    /// The name.
    pub(crate) name: Ident<'a>,
    /// The type, including a `now()` default.
    pub(crate) column_type: ColumnType<'a>,
    /// Whether it is `NOT NULL`.
    pub(crate) not_null: bool,
    /// The constant default.
    pub(crate) preset: Option<Preset<'a>>,
}

/// The constant default of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Preset<'a> {
    /// A boolean.
    Boolean(bool),
    /// A value in the text form of the column's type.
    Text(Literal<'a>),
}

/// The type of a column. Some variants include a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType<'a> {
    /// Text.
    Text,
    /// An IEEE 754 double. Never an integer type, which would cut fractions.
    DoublePrecision,
    /// A boolean.
    Boolean,
    /// A timestamp.
    Timestamptz,
    /// A timestamp that defaults to the transaction's time.
    TimestamptzNow,
    /// Any JSON value.
    Jsonb,
    /// An array of strings.
    TextArray,
    /// A 64-bit integer.
    Bigint,
    /// A 32-bit integer.
    Integer,
    /// A 16-bit integer.
    Smallint,
    /// An IEEE 754 single.
    Real,
    /// An exact decimal number with precision and scale.
    Numeric(Option<(u16, u16)>),
    /// A UUID.
    Uuid,
    /// A transaction id that defaults to the current transaction.
    Xid8Current,
    /// A 64-bit identity column. No role needs a privilege on its sequence.
    BigintIdentity,
    /// The type that the author declares.
    Native(&'a NativeType),
    /// The type that the author declares, with a default of the transaction's time.
    NativeNow(&'a NativeType),
}

impl ColumnType<'_> {
    /// The types whose columns one helper call adds together, in output order.
    pub(crate) const GROUPED: [ColumnType<'static>; 13] = [
        ColumnType::Text,
        ColumnType::DoublePrecision,
        ColumnType::Boolean,
        ColumnType::Timestamptz,
        ColumnType::TimestamptzNow,
        ColumnType::Jsonb,
        ColumnType::TextArray,
        ColumnType::Bigint,
        ColumnType::Integer,
        ColumnType::Smallint,
        ColumnType::Real,
        ColumnType::Uuid,
        ColumnType::Xid8Current,
    ];

    /// Returns the position in [`ColumnType::GROUPED`].
    pub(crate) fn group(self) -> Option<usize> {
        Some(match self {
            ColumnType::Text => 0,
            ColumnType::DoublePrecision => 1,
            ColumnType::Boolean => 2,
            ColumnType::Timestamptz => 3,
            ColumnType::TimestamptzNow => 4,
            ColumnType::Jsonb => 5,
            ColumnType::TextArray => 6,
            ColumnType::Bigint => 7,
            ColumnType::Integer => 8,
            ColumnType::Smallint => 9,
            ColumnType::Real => 10,
            ColumnType::Uuid => 11,
            ColumnType::Xid8Current => 12,
            ColumnType::Numeric(_)
            | ColumnType::BigintIdentity
            | ColumnType::Native(_)
            | ColumnType::NativeNow(_) => return None,
        })
    }
}

/// The access method of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// A B-tree.
    Btree,
    /// A GIN index over a JSON document.
    Gin,
}
