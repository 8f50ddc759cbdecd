//! Conversions of a column's values to another type.
//!
//! A conversion is an SQL expression over the column. Its results satisfy the check of the new
//! column. It is NULL for a value that does not fit, and the caller decides what happens to such a
//! row. Without a conversion, the column is recreated.

mod native;

use super::super::ddl::ColumnType;
use super::super::names::{Ident, Literal, Sql, sql, to_sql};
use super::super::table_defs::{ColumnDef, Rule};
use crate::shape::ColumnKind;
use ablo_schema::schema::Format;
use std::collections::BTreeSet;

/// A session-local SQL function for conversions that plain SQL cannot try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Helper {
    /// Converts text to a finite double.
    Number,
    /// Converts text to a decimal number.
    Numeric,
    /// Converts text to a single.
    Real,
    /// Converts text to a timestamp.
    Date,
    /// Converts text to JSON.
    Json,
    /// Converts text to a UUID.
    Uuid,
    /// Returns a text if a type can store it.
    Storable,
    /// Raises an error that names the row.
    Refuse,
}

impl Helper {
    /// Returns the SQL that defines the function.
    pub(crate) fn definition(self) -> &'static str {
        match self {
            Helper::Number => include_str!("number.sql"),
            Helper::Numeric => include_str!("numeric.sql"),
            Helper::Real => include_str!("real.sql"),
            Helper::Date => include_str!("date.sql"),
            Helper::Json => include_str!("json.sql"),
            Helper::Uuid => include_str!("uuid.sql"),
            Helper::Storable => include_str!("storable.sql"),
            Helper::Refuse => include_str!("refuse.sql"),
        }
    }
}

/// An expression over a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expression {
    /// The SQL text.
    pub(crate) text: String,
    /// The helpers it calls.
    pub(crate) helpers: BTreeSet<Helper>,
    /// Whether it has a result for every value.
    pub(crate) total: bool,
    /// Whether the server keeps the stored values as they are.
    pub(crate) keeps_bytes: bool,
}

impl Sql for &Expression {
    fn write(&self, out: &mut String) {
        out.push_str(&self.text);
    }
}

/// The type of a column's values, as far as conversions distinguish types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueClass {
    Text,
    Double,
    Boolean,
    Date,
    Json,
    Uuid,
    Real,
    /// Integers in a range.
    Whole(i128, i128),
    /// Decimal numbers with precision and scale.
    Decimal(Option<(u16, u16)>),
}

impl ValueClass {
    fn of(column: &ColumnDef<'_>) -> Self {
        if let Some(class) = column.native.and_then(native::class) {
            return class;
        }
        match column.kind {
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

    /// Returns whether every value can be represented in the other type.
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

    /// Returns whether the server stores every value in the same way in the other type.
    fn is_stored_as(self, other: ValueClass) -> bool {
        match (self, other) {
            (ValueClass::Decimal(Some(_)), ValueClass::Decimal(None)) => true,
            (
                ValueClass::Decimal(Some((precision, scale))),
                ValueClass::Decimal(Some((digits, places))),
            ) => scale == places && precision <= digits,
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

/// The conversion of a column's values.
#[derive(Clone, Debug)]
pub(crate) enum Conversion {
    /// The type does not change.
    Unchanged,
    /// Each value is replaced by the result of this expression.
    Through(Expression),
}

/// Returns the conversion from one column to another, which has its new name by then; `None` if the
/// values have no meaning in the new type.
pub(crate) fn conversion(from: &ColumnDef<'_>, to: &ColumnDef<'_>) -> Option<Conversion> {
    if same_type(from.column_type, to.column_type) {
        return Some(Conversion::Unchanged);
    }
    let (was, is) = (ValueClass::of(from), ValueClass::of(to));
    let widens = native::widens(from, to);
    let keeps_bytes = was.is_stored_as(is);
    let total = keeps_bytes || widens.unwrap_or_else(|| was.fits_in(is));
    let mut through = Expression { total, keeps_bytes, ..Expression::default() };
    let column = native::read(from, to.name);
    through.text = match (was, is) {
        _ if widens == Some(true) && was == is => to_sql(&Ident::new(to.name)),
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
        // Anything but the column itself would be a rewrite.
        _ if keeps_bytes => column,
        (held, ValueClass::Boolean) if held.is_number() => format!("{column} <> 0"),
        (held, other) if held.is_number() && other.is_number() && held.fits_in(other) => {
            format!("{column}::text")
        }
        (held, other) if held.is_number() && other.is_number() => {
            // The shortest text of a double is exact. A direct cast to numeric keeps only fifteen
            // digits.
            through.number(&format!("{column}::text::numeric"), other)
        }
        (one, other) if one == other => column,
        _ => return None,
    };
    if let (Some(to), false) = (to.native, through.total) {
        through.text = native::fit(to, &mut through, is)?;
    }
    // An enum is a text with a check. The range of a number is part of its class.
    if let ColumnKind::Enum(allowed) = to.kind {
        let fits = satisfies(&Rule::OneOf(allowed), &format!("({})", through.text));
        through.text = format!("CASE WHEN {fits} THEN {} END", through.text);
        through.total = false;
    }
    Some(Conversion::Through(through))
}

/// Returns the conversion of a decimal to fewer digits, which rounds; NULL if the result has too
/// many digits before the point.
pub(crate) fn rounded(from: &str, to: &ColumnDef<'_>) -> Option<Expression> {
    let ValueClass::Decimal(Some((precision, scale))) = ValueClass::of(to) else {
        return None;
    };
    let (column, whole) = (to_sql(&Ident::new(from)), i32::from(precision) - i32::from(scale));
    let rounded = format!("round({column}, {scale})");
    let text = format!("CASE WHEN abs({rounded}) < 1e{whole}::numeric THEN {rounded} END");
    Some(Expression { text, ..Expression::default() })
}

/// Returns whether two types are the same to the server, regardless of their defaults.
pub(crate) fn same_type(one: ColumnType<'_>, other: ColumnType<'_>) -> bool {
    fn bare(of: ColumnType<'_>) -> ColumnType<'_> {
        match of {
            ColumnType::TimestamptzNow => ColumnType::Timestamptz,
            ColumnType::NativeNow(native) => ColumnType::Native(native),
            other => other,
        }
    }
    bare(one) == bare(other)
}

impl Expression {
    fn call(&mut self, helper: Helper, name: &'static str, argument: &str) -> String {
        self.helpers.insert(helper);
        format!("pg_temp.ablo_{name}({argument})")
    }

    /// Converts an exact number to another type, or to NULL if the result would differ.
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
                    "CASE WHEN {exact} = trunc({exact}) AND {exact} BETWEEN {least} AND {most} \
                     THEN {exact} END"
                )
            }
            ValueClass::Decimal(Some((precision, scale))) => {
                let whole = i32::from(precision) - i32::from(scale);
                format!(
                    "CASE WHEN {exact} = round({exact}, {scale}) AND abs({exact}) < \
                     1e{whole}::numeric THEN {exact} END"
                )
            }
            _ => exact.to_owned(),
        }
    }
}

/// Formats a timestamp as on the wire. The format has no sign for a year before Christ.
fn date_text(column: &str) -> String {
    format!(
        "CASE WHEN isfinite({column}) AND {column} >= '0001-01-01 00:00:00Z' \
         THEN to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
         ELSE {column}::text END"
    )
}

fn boolean(column: &str) -> String {
    format!(
        "CASE WHEN lower(btrim({column})) IN ('true', 't', 'yes', 'y', 'on', '1') THEN true \
         WHEN lower(btrim({column})) IN ('false', 'f', 'no', 'n', 'off', '0') THEN false END"
    )
}

/// Returns the condition that a value satisfies a rule.
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

/// Returns whether every value that satisfies `one` also satisfies `other`.
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
