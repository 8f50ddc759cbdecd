//! Generates rows that a schema allows, for `prove` and for tests.
//!
//! The rows of each table of the tenant plane are independent of the dialect and contain hostile
//! strings. Every table has the same ids, so every foreign key has a target.

use ablo_codegen::shape::{BaseField, ColumnKind, ColumnShape, Isolation, TableShape, tables};
use ablo_schema::Schema;
use ablo_schema::schema::{ColumnType, Format, ScalarType};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// `NULL`.
    Null,
    /// A string, an enum value or a UUID.
    Text(String),
    /// A finite double.
    Number(f64),
    /// An integer of at most 64 bits.
    Whole(i64),
    /// A number that is stored as decimal digits: `uint64` and `decimal`.
    Digits(String),
    /// A boolean.
    Boolean(bool),
    /// A timestamp: RFC 3339 in UTC, with microseconds and `Z`.
    Date(String),
    /// A JSON value as text.
    Json(String),
}

/// The generated rows of one table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRows {
    /// The table's name in the database.
    pub table: String,
    /// The columns, in order.
    pub columns: Vec<String>,
    /// The rows, each with one value per column.
    pub rows: Vec<Vec<Cell>>,
}

const TEXTS: [&str; 14] = [
    "plain",
    "it's",
    "o\"k",
    "back\\slash",
    "12.5",
    "1e999",
    "true",
    " off ",
    "2024-02-29T23:59:59.5+01:00",
    "{\"a\":[1,null]}",
    "日本語 😀",
    "",
    "line\nbreak\tand \u{202e}bidi",
    "0x10",
];
const NUMBERS: [f64; 9] =
    [0.0, 1.5, -7.0, 1e21, 0.1, -1e-7, 127.0, 9_007_199_254_740_993.0, 1.797_693_134_862_315_7e308];
const DATES: [&str; 4] = [
    "2024-02-29T23:59:59.999999Z",
    "1969-12-31T00:00:00.000001Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.000000Z",
];
const DOCUMENTS: [&str; 7] =
    ["{\"a\": [1, null]}", "[]", "\"text\"", "false", "null", "1.5", "{\"it's\": \"o\\\"k\"}"];

/// Returns the id of the row at this index, which is the same in every table.
#[must_use]
pub fn id(row: usize) -> String {
    match row % 3 {
        1 => format!("it's \"row\" {row}"),
        _ => format!("row-{row}"),
    }
}

/// Returns up to `count` rows for each table. All tables get the same number; it is lower than
/// `count` if a required unique column has fewer distinct values.
#[must_use]
pub fn rows(schema: &Schema, count: usize) -> Vec<TableRows> {
    let tables = tables(schema);
    let required = |table: &TableShape<'_>| {
        let unique =
            table.columns.iter().filter(|column| column.not_null && is_unique(table, column));
        unique.map(|column| values(column.kind)).min().unwrap_or(usize::MAX)
    };
    let count = tables.iter().map(required).fold(count, usize::min);
    tables.iter().map(|table| of_table(table, count)).collect()
}

fn of_table(table: &TableShape<'_>, count: usize) -> TableRows {
    let row = |row| {
        table.columns.iter().enumerate().map(|(at, column)| cell(table, column, at, row)).collect()
    };
    TableRows {
        table: table.name().to_owned(),
        columns: table.columns.iter().map(|column| column.name.to_owned()).collect(),
        rows: (0..count).map(row).collect(),
    }
}

fn is_unique(table: &TableShape<'_>, column: &ColumnShape<'_>) -> bool {
    column.base == Some(BaseField::Id)
        || table.unique.iter().any(|unique| unique.column == column.name)
}

/// Returns the number of distinct values of a kind, capped at 100.
fn values(kind: ColumnKind<'_>) -> usize {
    match kind {
        ColumnKind::Enum(allowed) => allowed.len(),
        ColumnKind::Boolean => 2,
        ColumnKind::Exact(Format::Decimal { digits: Some((precision, _)) }) if precision < 3 => 10,
        _ => 100,
    }
}

fn cell(table: &TableShape<'_>, column: &ColumnShape<'_>, at: usize, row: usize) -> Cell {
    let organization = matches!(table.isolation, Isolation::Column(name) if name == column.name);
    let is_parent_key = match table.isolation {
        Isolation::Parent { local_key, .. } => local_key == column.name,
        _ => false,
    };
    let key = is_parent_key || table.foreign_keys.iter().any(|key| key.column == column.name);
    let unique = is_unique(table, column);
    if !column.not_null && (unique && row >= values(column.kind) || !unique && (row + at) % 4 == 3)
    {
        return Cell::Null;
    }
    if let Some(native) = column.native {
        let number = if column.base == Some(BaseField::Id) || key { row } else { row * 5 + at };
        return of_type(native, column.kind, if unique { row } else { number });
    }
    match column.kind {
        ColumnKind::Text if column.base == Some(BaseField::Id) || key => Cell::Text(id(row)),
        ColumnKind::Text if organization => Cell::Text(format!("org-{}", row % 2)),
        kind if unique => distinct(kind, row),
        kind => any(kind, row * 5 + at),
    }
}

/// Returns a value of a declared type, which differs from row to row as far as the type allows.
fn of_type(native: &ColumnType, kind: ColumnKind<'_>, at: usize) -> Cell {
    let scalar = match native {
        ColumnType::Scalar(scalar) => *scalar,
        ColumnType::Array(_) => return Cell::Text("{}".to_owned()),
        ColumnType::Enum { .. } => return distinct(kind, at),
    };
    let text = match scalar {
        _ if matches!(kind, ColumnKind::Enum(_)) => return distinct(kind, at),
        ScalarType::Uuid => format!("67e55044-10b1-426f-9247-{at:012x}"),
        ScalarType::Smallint | ScalarType::Integer | ScalarType::Bigint => {
            return match (kind, i64::try_from(at)) {
                (ColumnKind::Number, Ok(number)) => Cell::Whole(number),
                _ => Cell::Text(at.to_string()),
            };
        }
        ScalarType::Real | ScalarType::Double => return distinct(ColumnKind::Number, at),
        ScalarType::Numeric(digits) => return Cell::Digits(small(digits, at)),
        ScalarType::Date if kind == ColumnKind::Text => day(at),
        ScalarType::Date | ScalarType::Timestamp(_) | ScalarType::TimestampTz(_) => {
            return Cell::Date(format!("{}T00:00:00.000000Z", day(at)));
        }
        ScalarType::Time(_) => format!("08:{:02}:00", at % 60),
        ScalarType::TimeTz(_) => format!("08:{:02}:00+02", at % 60),
        ScalarType::Interval(_) => format!("P{at}D"),
        ScalarType::Inet => format!("10.0.{}.{}", at / 250 % 250, at % 250),
        ScalarType::Cidr => format!("10.{}.{}.0/24", at / 250 % 250, at % 250),
        ScalarType::Macaddr => format!("08:00:2b:01:{:02x}:{:02x}", at / 250 % 250, at % 250),
        ScalarType::Varchar(Some(length)) | ScalarType::Char(length) => {
            let digits = at.to_string();
            let length = usize::try_from(length).unwrap_or(1).min(digits.len());
            digits[digits.len() - length..].to_owned()
        }
        ScalarType::Json | ScalarType::Jsonb => return Cell::Json(at.to_string()),
        ScalarType::Boolean => return Cell::Boolean(at.is_multiple_of(2)),
        ScalarType::Bytea => format!("\\x{at:08x}"),
        ScalarType::Text | ScalarType::Varchar(None) | ScalarType::Citext | ScalarType::Name => {
            format!("text {at}")
        }
    };
    Cell::Text(text)
}

fn day(at: usize) -> String {
    format!("20{:02}-{:02}-01", at / 12 % 100, at % 12 + 1)
}

/// Returns a value that differs from row to row.
fn distinct(kind: ColumnKind<'_>, row: usize) -> Cell {
    let whole = i32::try_from(row).unwrap_or(i32::MAX);
    match kind {
        ColumnKind::Text => Cell::Text(format!("{} {row}", TEXTS[row % TEXTS.len()])),
        ColumnKind::Enum(allowed) => Cell::Text(allowed[row % allowed.len()].to_string()),
        ColumnKind::Number | ColumnKind::Exact(Format::Float) => {
            Cell::Number(f64::from(whole) + 0.5)
        }
        ColumnKind::Boolean => Cell::Boolean(row.is_multiple_of(2)),
        ColumnKind::Date => Cell::Date(format!("2024-01-01T00:00:00.{row:06}Z")),
        ColumnKind::Json => Cell::Json(row.to_string()),
        ColumnKind::Exact(Format::Uint64) => Cell::Digits(row.to_string()),
        ColumnKind::Exact(Format::Decimal { digits }) => Cell::Digits(small(digits, row)),
        ColumnKind::Exact(Format::Uuid) => {
            Cell::Text(format!("67e55044-10b1-426f-9247-{row:012x}"))
        }
        ColumnKind::Exact(_) => Cell::Whole(whole.into()),
    }
}

fn any(kind: ColumnKind<'_>, at: usize) -> Cell {
    match kind {
        ColumnKind::Text => Cell::Text(TEXTS[at % TEXTS.len()].to_owned()),
        ColumnKind::Enum(allowed) => Cell::Text(allowed[at % allowed.len()].to_string()),
        ColumnKind::Number => Cell::Number(NUMBERS[at % NUMBERS.len()]),
        ColumnKind::Boolean => Cell::Boolean(at.is_multiple_of(2)),
        ColumnKind::Date => Cell::Date(DATES[at % DATES.len()].to_owned()),
        ColumnKind::Json => Cell::Json(DOCUMENTS[at % DOCUMENTS.len()].to_owned()),
        ColumnKind::Exact(format) => exact(format, at),
    }
}

/// Returns a bound of a format or a value between its bounds.
fn exact(format: Format, at: usize) -> Cell {
    match format {
        Format::Float => Cell::Number([0.5, -1.0, 16_777_216.0][at % 3]),
        Format::Uuid => distinct(ColumnKind::Exact(format), at),
        Format::Decimal { digits } => Cell::Digits(small(digits, at)),
        Format::Uint64 => Cell::Digits(["0", "18446744073709551615", "42"][at % 3].to_owned()),
        _ => {
            let (least, most) = format.bounds().unwrap_or((0, 1));
            let ends = [least, most, 1].map(|end| i64::try_from(end).unwrap_or(1));
            Cell::Whole(ends[at % ends.len()])
        }
    }
}

/// Returns a small decimal with the given precision and scale.
fn small(digits: Option<(u16, u16)>, at: usize) -> String {
    match digits {
        None => {
            [format!("-{at}.50"), format!("12345678901234567890123456789.{at}"), at.to_string()]
                [at % 3]
                .clone()
        }
        Some((precision, scale)) if precision == scale => {
            format!("0.{}{}", "0".repeat(usize::from(scale) - 1), at % 10)
        }
        Some((_, 0)) => (at % 10).to_string(),
        Some((precision, scale)) if precision - scale < 2 => {
            format!("{}.{}", at % 10, "5".repeat(scale.into()))
        }
        Some((_, scale)) => format!("{}.{}", at % 100, "0".repeat(scale.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_declared_number_differ() {
        for scalar in [ScalarType::Real, ScalarType::Double, ScalarType::Integer] {
            let native = ColumnType::Scalar(scalar);
            let cells = [0, 1].map(|at| of_type(&native, ColumnKind::Number, at));
            assert_ne!(cells[0], cells[1], "{scalar:?}");
        }
    }
}
