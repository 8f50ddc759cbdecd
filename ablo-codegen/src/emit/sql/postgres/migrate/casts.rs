//! How a column's values become values of another type.
//!
//! Two column definitions come in, an expression over the column goes out. It is NULL where a value does not fit, so that
//! whoever uses it decides what becomes of such a row. No conversion: the column is made anew.

use super::super::ddl::ColumnType;
use super::super::names::{Ident, Literal, Sql, sql, to_sql};
use super::super::table_defs::{ColumnDef, Rule};
use crate::shape::ColumnKind;
use ablo_schema::schema::Format;
use std::collections::BTreeSet;

/// A function that lives as long as the session, for what plain SQL cannot try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Helper {
    /// Text to a finite double.
    Number,
    /// Text to a decimal number.
    Numeric,
    /// Text to a single.
    Real,
    /// Text to a point in time.
    Date,
    /// Text to JSON.
    Json,
    /// Text to a UUID.
    Uuid,
    /// Fails, naming the row.
    Refuse,
}

impl Helper {
    /// What defines it.
    pub(crate) fn definition(self) -> &'static str {
        match self {
            Helper::Number => include_str!("number.sql"),
            Helper::Numeric => include_str!("numeric.sql"),
            Helper::Real => include_str!("real.sql"),
            Helper::Date => include_str!("date.sql"),
            Helper::Json => include_str!("json.sql"),
            Helper::Uuid => include_str!("uuid.sql"),
            Helper::Refuse => include_str!("refuse.sql"),
        }
    }
}

/// An expression over the column, and what it calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expression {
    /// The expression.
    pub(crate) text: String,
    /// The helpers it calls.
    pub(crate) helpers: BTreeSet<Helper>,
    /// Whether every value fits.
    pub(crate) total: bool,
}

impl Sql for &Expression {
    fn write(&self, out: &mut String) {
        out.push_str(&self.text);
    }
}

/// How values of a column are kept, as far as conversion cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueClass {
    Text,
    Double,
    Boolean,
    Date,
    Json,
    Uuid,
    Real,
    /// Whole numbers of a range.
    Whole(i128, i128),
    /// Decimal numbers, with digits in all and behind the point.
    Decimal(Option<(u16, u16)>),
}

impl ValueClass {
    fn of(kind: ColumnKind<'_>) -> Self {
        match kind {
            ColumnKind::Text | ColumnKind::Enum(_) => ValueClass::Text,
            ColumnKind::Number => ValueClass::Double,
            ColumnKind::Boolean => ValueClass::Boolean,
            ColumnKind::Date => ValueClass::Date,
            ColumnKind::Json => ValueClass::Json,
            ColumnKind::Exact(format) => match (format, format.bounds()) {
                (Format::Uuid, _) => ValueClass::Uuid,
                (Format::Float, _) => ValueClass::Real,
                (Format::Decimal { digits }, _) => ValueClass::Decimal(digits),
                (_, Some((least, most))) => ValueClass::Whole(least, most),
                (_, None) => ValueClass::Decimal(None),
            },
        }
    }

    /// Whether every value has its like in the other type.
    fn fits_in(self, other: ValueClass) -> bool {
        const DOUBLE: i128 = 1 << 53;
        match (self, other) {
            (_, ValueClass::Text) | (ValueClass::Text, ValueClass::Json) => true,
            (held, ValueClass::Boolean) => held.is_number(),
            (ValueClass::Whole(least, most), ValueClass::Whole(low, high)) => {
                low <= least && most <= high
            }
            (ValueClass::Whole(least, most), ValueClass::Double) => {
                -DOUBLE <= least && most <= DOUBLE
            }
            (ValueClass::Whole(..) | ValueClass::Decimal(_), ValueClass::Decimal(None))
            | (ValueClass::Real, ValueClass::Double) => true,
            _ => false,
        }
    }

    fn is_number(self) -> bool {
        matches!(
            self,
            ValueClass::Double | ValueClass::Real | ValueClass::Whole(..) | ValueClass::Decimal(_)
        )
    }
}

/// What becomes of a column's values.
#[derive(Clone, Debug)]
pub(crate) enum Conversion {
    /// The type stays.
    Unchanged,
    /// Each value becomes that of this expression.
    Through(Expression),
}

/// The way from one column to the other, which has the name by then; none where a value says nothing in the new type.
pub(crate) fn conversion(from: &ColumnDef<'_>, to: &ColumnDef<'_>) -> Option<Conversion> {
    if same_type(from.column_type, to.column_type) {
        return Some(Conversion::Unchanged);
    }
    let column = to_sql(&Ident::new(to.name));
    let (was, is) = (ValueClass::of(from.kind), ValueClass::of(to.kind));
    let mut through = Expression { total: was.fits_in(is), ..Expression::default() };
    through.text = match (was, is) {
        (ValueClass::Date, ValueClass::Text) => date_text(&column),
        (_, ValueClass::Text) => format!("{column}::text"),
        (ValueClass::Text, ValueClass::Boolean) => boolean(&column),
        (ValueClass::Text, ValueClass::Date) => through.call(Helper::Date, "date", &column),
        (ValueClass::Text, ValueClass::Json) => through.call(Helper::Json, "json", &column),
        (ValueClass::Text, ValueClass::Uuid) => through.call(Helper::Uuid, "uuid", &column),
        (ValueClass::Text, ValueClass::Double) => through.call(Helper::Number, "number", &column),
        (ValueClass::Text, held) if held.is_number() => {
            let read = through.call(Helper::Numeric, "numeric", &column);
            through.number(&read, held)
        }
        (held, ValueClass::Boolean) if held.is_number() => format!("{column} <> 0"),
        (held, other) if held.is_number() && other.is_number() && held.fits_in(other) => {
            format!("{column}::text")
        }
        (held, other) if held.is_number() && other.is_number() => {
            // The shortest text of a double is exact; its own cast to a decimal keeps fifteen digits.
            through.number(&format!("{column}::text::numeric"), other)
        }
        _ => return None,
    };
    Some(Conversion::Through(through))
}

/// Whether two types are one to the server; a default is no part of it.
pub(crate) fn same_type(one: ColumnType, other: ColumnType) -> bool {
    let bare = |of| if of == ColumnType::TimestamptzNow { ColumnType::Timestamptz } else { of };
    bare(one) == bare(other)
}

impl Expression {
    fn call(&mut self, helper: Helper, name: &'static str, argument: &str) -> String {
        self.helpers.insert(helper);
        format!("pg_temp.ablo_{name}({argument})")
    }

    /// A decimal number as one of another type, where it is the same number.
    fn number(&mut self, exact: &str, to: ValueClass) -> String {
        match to {
            ValueClass::Double => {
                let read = self.call(Helper::Number, "number", &format!("({exact})::text"));
                format!("CASE WHEN {read}::text::numeric = {exact} THEN {read} END")
            }
            ValueClass::Real => {
                let read = self.call(Helper::Real, "real", &format!("({exact})::text"));
                format!("CASE WHEN {read}::text::numeric = {exact} THEN {read} END")
            }
            ValueClass::Whole(least, most) => {
                format!(
                    "CASE WHEN {exact} = trunc({exact}) AND {exact} BETWEEN {least} AND {most} THEN {exact} END"
                )
            }
            ValueClass::Decimal(Some((precision, scale))) => {
                let whole = i32::from(precision) - i32::from(scale);
                format!(
                    "CASE WHEN {exact} = round({exact}, {scale}) AND abs({exact}) < 1e{whole}::numeric THEN {exact} END"
                )
            }
            _ => exact.to_owned(),
        }
    }
}

/// A point in time as the wire writes it.
fn date_text(column: &str) -> String {
    format!(
        "CASE WHEN isfinite({column}) THEN to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
         ELSE {column}::text END"
    )
}

fn boolean(column: &str) -> String {
    format!(
        "CASE WHEN lower(btrim({column})) IN ('true', 't', 'yes', 'y', 'on', '1') THEN true \
         WHEN lower(btrim({column})) IN ('false', 'f', 'no', 'n', 'off', '0') THEN false END"
    )
}

/// The condition that a value keeps a check's rule.
pub(crate) fn satisfies(rule: &Rule<'_>, value: &str) -> String {
    let mut out = String::new();
    match rule {
        Rule::OneOf(allowed) => {
            out.push_str(value);
            out.push_str(" IN (");
            for (at, value) in allowed.iter().enumerate() {
                sql!(&mut out, if at == 0 { "" } else { ", " }, Literal::new(&**value));
            }
            out.push(')');
        }
        Rule::Between(least, most) => out = format!("{value} BETWEEN {least} AND {most}"),
    }
    out
}

/// Whether every value that keeps one rule keeps the other.
pub(crate) fn implies(one: Option<&Rule<'_>>, other: Option<&Rule<'_>>) -> bool {
    match (one, other) {
        (_, None) => true,
        (Some(Rule::OneOf(few)), Some(Rule::OneOf(many))) => {
            let many: BTreeSet<&str> = many.iter().map(|value| &**value).collect();
            few.iter().all(|value| many.contains(&**value))
        }
        (Some(Rule::Between(least, most)), Some(Rule::Between(low, high))) => {
            low <= least && most <= high
        }
        _ => false,
    }
}
