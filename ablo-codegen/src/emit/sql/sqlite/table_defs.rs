//! Table definitions: all tables, columns, checks, indexes and keys of a schema, with their final
//! names.
//!
//! Provisioning prints these definitions and migrations compare two lists of them, so both use the
//! same names.

use super::ddl::{
    ColumnDef, Condition, Constant, Digits, ForeignKeyDef, IndexDef, Key, Preset, Rule, Storage,
    TableDef,
};
use super::names::{Ident, Literal, Names};
use crate::migrate::Existing;
use crate::shape::{ColumnKind, ColumnShape, IndexPurpose, Layout, TableShape};
use ablo_schema::schema::Format;
use ablo_schema::value::Value;
use std::collections::BTreeSet;

/// Defines the objects of these tables and names them.
pub(crate) fn table_defs<'a>(shapes: &[TableShape<'a>], plan: Existing) -> Vec<TableDef<'a>> {
    // Tables and indexes share one namespace.
    let mut names = Names::with(shapes.iter().map(TableShape::name));
    let known: BTreeSet<&str> = shapes.iter().map(TableShape::name).collect();
    let table = |shape: &TableShape<'a>| {
        let mut columns: Vec<_> =
            shape.columns.iter().map(|known| column(known, &shape.key)).collect();
        let mut foreign_keys = Vec::new();
        let wanted = shape.foreign_keys.iter().filter(|_| plan.foreign_keys);
        for key in wanted.filter(|key| known.contains(key.target)) {
            let position = shape.columns.iter().position(|column| column.name == key.column);
            match (key.within, position.and_then(|at| columns.get_mut(at))) {
                (Some((own, theirs)), _) => foreign_keys.push(ForeignKeyDef {
                    columns: vec![Ident::new(own), Ident::new(key.column)],
                    target: Ident::new(key.target),
                    target_columns: vec![Ident::new(theirs), Ident::new("id")],
                }),
                (None, Some(column)) => column.references.push(Ident::new(key.target)),
                (None, None) => {}
            }
        }
        let key = if shape.key.len() > 1 { idents(&shape.key) } else { Vec::new() };
        let indexes = indexes(shape, plan, &mut names);
        let (name, unique) = (Ident::new(shape.name()), Vec::new());
        TableDef { name, columns, key, foreign_keys, unique, indexes }
    };
    shapes.iter().map(table).collect()
}

fn idents<'a>(names: &[&'a str]) -> Vec<Ident<'a>> {
    names.iter().map(|name| Ident::new(*name)).collect()
}

fn column<'a>(shape: &ColumnShape<'a>, key: &[&str]) -> ColumnDef<'a> {
    let (storage, rule) = stored(shape.kind);
    let preset = match shape.default {
        _ if shape.default_now => Some(Preset::Now),
        Some(value) => constant(shape.kind, value).map(Preset::Constant),
        None => None,
    };
    ColumnDef {
        name: Ident::new(shape.name),
        storage,
        not_null: shape.not_null,
        key: if key == [shape.name] { Key::Primary } else { Key::No },
        preset,
        rule,
        references: Vec::new(),
    }
}

/// Returns the storage class and the rule of a kind.
pub(crate) fn stored(kind: ColumnKind<'_>) -> (Storage, Rule<'_>) {
    match kind {
        ColumnKind::Text => (Storage::Text, Rule::Any),
        ColumnKind::Enum(values) => (Storage::Text, Rule::OneOf(literals(values))),
        ColumnKind::Number => (Storage::Real, Rule::Any),
        ColumnKind::Boolean => (Storage::Integer, Rule::Flag),
        ColumnKind::Date => (Storage::Text, Rule::Instant),
        ColumnKind::Json => (Storage::Text, Rule::Json),
        ColumnKind::Exact(format) => match (format, format.bounds()) {
            // The range of SQLite's integers.
            (Format::Int64, _) => (Storage::Integer, Rule::Any),
            (Format::Uint64, _) => (Storage::Text, Rule::Uint64),
            (Format::Decimal { digits }, _) => (Storage::Text, Rule::Decimal(digits)),
            (Format::Uuid, _) => (Storage::Text, Rule::Uuid),
            (_, Some((min, max))) => (Storage::Integer, Rule::Between(min, max)),
            (_, None) => (Storage::Real, Rule::Single),
        },
    }
}

fn literals(values: &[Box<str>]) -> Vec<Literal<'_>> {
    values.iter().map(|value| Literal::new(&**value)).collect()
}

/// Converts a value to the form in which a column of this kind stores it, or returns `None` if the
/// kind cannot have this value.
pub(crate) fn constant<'a>(kind: ColumnKind<'_>, value: &'a Value) -> Option<Constant<'a>> {
    let number = |text: &str| Digits::new(text).map(Constant::Number);
    match (kind, value) {
        (ColumnKind::Json, value) => Some(Constant::Text(Literal::new(value.to_json()))),
        (ColumnKind::Boolean, Value::Bool(flag)) => number(if *flag { "1" } else { "0" }),
        (ColumnKind::Date, Value::String(text)) => {
            instant(text).map(|text| Constant::Text(Literal::new(text)))
        }
        (kind, Value::String(text)) => match stored(kind).0 {
            Storage::Text => Some(Constant::Text(Literal::new(&**text))),
            Storage::Integer | Storage::Real => number(text),
        },
        (_, Value::Number(_)) => number(&value.to_json()),
        _ => None,
    }
}

/// Converts a date of a validated schema to the stored form: UTC with microseconds.
fn instant(text: &str) -> Option<String> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("", rest),
    };
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, clock) => {
            let (hours, minutes) = clock.split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let minutes = days(year, month, day) * 1440 + hour * 60 + minute - offset;
    let (year, month, day) = date(minutes.div_euclid(1440));
    let minutes = minutes.rem_euclid(1440);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{second:02}.{fraction:0<6}Z",
        minutes / 60,
        minutes % 60
    ))
}

/// Returns the days since 1 March of the year 0 in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (month * 153 + 2) / 5
        + day
        - 1
}

/// Converts a number of days back to year, month and day.
fn date(days: i64) -> (i64, i64, i64) {
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

fn indexes<'a>(shape: &TableShape<'a>, plan: Existing, names: &mut Names) -> Vec<IndexDef<'a>> {
    let has_relations = plan.foreign_keys || plan.layout != Layout::First;
    let mut index = |ending, columns: Vec<&'a str>, unique| {
        let name = names.claim(&[shape.name(), columns.last().unwrap_or(&""), ending]);
        IndexDef { name, columns: idents(&columns), unique, rows: Condition::All }
    };
    let wanted = shape.indexes.iter().filter(|index| match index.purpose {
        IndexPurpose::Declared => true,
        IndexPurpose::Relation => has_relations,
        // SQLite compares text by bytes, so the primary key has the order of lists.
        IndexPurpose::List => false,
    });
    let mut indexes: Vec<_> =
        wanted.map(|wanted| index("idx", wanted.columns.clone(), false)).collect();
    indexes.extend(shape.unique.iter().map(|unique| {
        let columns = unique.within.into_iter().chain([unique.column]).collect();
        index("key", columns, true)
    }));
    indexes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_in_utc_with_microseconds() {
        for (text, stored) in [
            ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000000Z"),
            ("2024-02-29T23:59:59.5-00:01", "2024-03-01T00:00:59.500000Z"),
            ("2000-01-01T00:00:00.123456+14:59", "1999-12-31T09:01:00.123456Z"),
            ("0001-01-01T00:00:00.000001-11:30", "0001-01-01T11:30:00.000001Z"),
            ("1900-02-28T23:00:00-02:00", "1900-03-01T01:00:00.000000Z"),
        ] {
            assert_eq!(instant(text).as_deref(), Some(stored));
        }
    }

    #[test]
    fn days_of_four_centuries_round_trip() {
        for day in days(1899, 12, 31)..days(2301, 1, 1) {
            let (year, month, date) = date(day);
            assert_eq!(days(year, month, date), day);
        }
    }
}
