//! The statements that provisioning emits.
//!
//! Nodes hold finished names, types and literals; what they look like is decided in `render.rs`. A helper of
//! `prelude.sql` stands behind most: it adds what is missing on one table and reports what differs.

use super::names::{Ident, Literal};

/// One statement.
#[derive(Debug)]
pub(crate) enum Statement<'a> {
    /// A schema of the app's own.
    Schema(Literal<'a>),
    /// A table with its columns and primary key, where there is none of that name.
    CreateTable { table: &'a Table<'a>, columns: Vec<Column<'a>> },
    /// Columns of one type that a table which was there before may lack.
    Columns { table: &'a Table<'a>, column_type: ColumnType, names: Vec<&'a str> },
    /// A column whose type has digits or which has a default, where a table that was there before may lack it.
    Column {
        table: &'a Table<'a>,
        name: &'a str,
        column_type: ColumnType,
        preset: Option<Preset<'a>>,
    },
    /// Columns in which every row has a value.
    NotNull { table: &'a Table<'a>, names: Vec<&'a str> },
    /// A column that numbers its rows, which a table that was there before may lack.
    IdentityColumn { table: &'a Table<'a>, column: &'a str },
    /// The primary key, for a table that was there before.
    PrimaryKey { table: &'a Table<'a> },
    /// The primary key of any columns, where there is none.
    Key { table: &'a Table<'a>, columns: Vec<Ident<'a>> },
    /// A named check that a column holds one of these values.
    Enum { table: &'a Table<'a>, name: Ident<'a>, column: &'a str, values: Vec<Literal<'a>> },
    /// A named check that a column holds whole numbers of this range.
    Range { table: &'a Table<'a>, name: Ident<'a>, column: &'a str, least: String, most: String },
    /// An index on one column.
    Index { table: &'a Table<'a>, name: Ident<'a>, column: &'a str, method: Method },
    /// An index that keeps columns unique together.
    Unique { table: &'a Table<'a>, name: Ident<'a>, columns: Vec<&'a str> },
    /// An index on any columns and rows.
    IndexOn {
        table: &'a Table<'a>,
        name: Ident<'a>,
        unique: bool,
        columns: Vec<Ident<'a>>,
        rows: Condition<'a>,
    },
    /// Row security with this predicate.
    Isolate { table: &'a Table<'a>, predicate: Predicate<'a> },
    /// A column's comment.
    ColumnComment { table: &'a Table<'a>, column: &'a str, text: Literal<'a> },
    /// The table's comment.
    TableComment { table: &'a Table<'a>, text: Literal<'a> },
    /// A foreign key that is not validated yet.
    ForeignKey { table: &'a Table<'a>, name: Ident<'a>, column: &'a str, target: &'a Table<'a> },
    /// Makes room for an index that is built after the commit.
    PrepareConcurrentIndex { table: &'a Table<'a>, name: &'a Ident<'a>, column: &'a str },
    /// Validates a foreign key. After the commit.
    Validate { table: &'a Table<'a>, column: &'a str, target: &'a Table<'a> },
    /// An index built while others write. After the commit, outside any transaction.
    IndexConcurrently { table: &'a Table<'a>, name: &'a Ident<'a>, column: &'a str },
}

/// A table in its schema.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    /// The schema.
    pub(crate) schema: Ident<'a>,
    /// The table.
    pub(crate) name: Ident<'a>,
    /// The primary key's name.
    pub(crate) key: Ident<'a>,
    /// Whether PostgreSQL would choose that name by itself.
    pub(crate) key_is_default: bool,
    /// Both names as one literal, as helpers take them.
    pub(crate) regclass: Literal<'a>,
}

/// Which rows a tenant sees and writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Predicate<'a> {
    /// Those whose column names the tenant.
    Column(Ident<'a>),
    /// Those whose parent row is the tenant's.
    Parent {
        /// The column that names the parent row.
        local_key: Ident<'a>,
        /// The parent's table, in the same schema.
        parent: Ident<'a>,
        /// The parent's column that the local key holds.
        key: Ident<'a>,
        /// The parent's column that names the tenant. Without one, the parent's own policy decides what is seen.
        owner: Option<Ident<'a>>,
    },
}

/// Which rows an index is about.
#[derive(Debug)]
pub(crate) enum Condition<'a> {
    /// All.
    All,
    /// Those with a value in this column.
    NotNull(Ident<'a>),
    /// Those with this value in this column.
    Equal(Ident<'a>, Literal<'a>),
}

/// A column of a new table.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    /// Its name.
    pub(crate) name: Ident<'a>,
    /// Its type and default.
    pub(crate) column_type: ColumnType,
    /// Whether every row has a value.
    pub(crate) not_null: bool,
    /// Whether it is the primary key.
    pub(crate) primary: bool,
    /// What an absent value is.
    pub(crate) preset: Option<Preset<'a>>,
}

/// A constant that an absent value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Preset<'a> {
    /// True or false.
    Boolean(bool),
    /// A value as text that its column's type reads.
    Text(Literal<'a>),
}

/// A column's type, with its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// Text.
    Text,
    /// An IEEE 754 double, never an integer: fractions would be cut.
    DoublePrecision,
    /// True or false.
    Boolean,
    /// A point in time.
    Timestamptz,
    /// A point in time, the transaction's where none is given.
    TimestamptzNow,
    /// Any JSON value.
    Jsonb,
    /// Several texts.
    TextArray,
    /// A whole number of 64 bits.
    Bigint,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 16 bits.
    Smallint,
    /// An IEEE 754 number of single precision.
    Real,
    /// An exact decimal number, with digits in all and behind the point.
    Numeric(Option<(u16, u16)>),
    /// A UUID.
    Uuid,
    /// A transaction of the server, the one that writes where none is given.
    Xid8Current,
    /// A whole number of 64 bits, from the column's own sequence where none is given. No role needs a right on that sequence.
    BigintIdentity,
}

impl ColumnType {
    /// Every type that one helper adds, in the order in which columns are grouped.
    pub(crate) const GROUPED: [ColumnType; 13] = [
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
}

/// How an index is organised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Ordered values.
    Btree,
    /// Keys and values inside a document.
    Gin,
}
