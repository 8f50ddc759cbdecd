//! An oracle for type conversions: SQL conditions on the rows before (`b`) and after (`a`) a
//! migration, derived from the conversion rules and independent of the emitters.

use super::text;
use crate::postgres::quoted;
use ablo_codegen::shape::{ColumnKind, ColumnShape, Isolation, TableShape};
use ablo_schema::diff::{Backfills, Diff};
use ablo_schema::schema::Format;

/// The strings that convert to booleans.
const BOOLEANS: &str = "'true', 't', '1', 'yes', 'on', 'false', 'f', '0', 'no', 'off'";
/// Strings that certainly convert to a finite number.
const NUMBER: &str =
    "^[-+]?([0-9]{1,100}([.][0-9]{0,100})?|[.][0-9]{1,100})([eE][-+]?[0-9]{1,2})?$";

/// The expected relation between a column's values before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The value before, as SQL.
    pub before: String,
    /// The condition that has to hold, as SQL.
    pub condition: String,
}

/// Returns the expectation for a column. `None` if the column is new or its step may lose values.
#[must_use]
pub fn expectation(
    diff: &Diff<'_>,
    backfills: &Backfills,
    was: &TableShape<'_>,
    is: &TableShape<'_>,
    name: &str,
) -> Option<Expectation> {
    let column = is.columns.iter().find(|column| column.name == name)?;
    let old = column_before(diff, was, is, column)?;
    // What a declared type stores is the server's to say.
    if old.native.is_some() || column.native.is_some() {
        return None;
    }
    let key = is.model.key.as_str();
    let (b, a) = (format!("b.{}", quoted(old.name)), format!("a.{}", quoted(name)));
    let has_fill = column.default.is_some()
        || column.default_now
        || column.field.is_some_and(|field| backfills.value(key, field.name.as_str()).is_some());
    // A value that cannot be converted becomes the backfill or default, else null.
    let unfit = if has_fill { format!("{a} IS NOT NULL") } else { format!("{a} IS NULL") };
    let same = match (old.kind, column.kind) {
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Text) => format!("{a} = {b}"),
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Enum(values)) => {
            let list: Vec<_> = values.iter().map(|value| text(value)).collect();
            format!("CASE WHEN {b} IN ({}) THEN {a} = {b} ELSE {unfit} END", list.join(", "))
        }
        (ColumnKind::Number, ColumnKind::Text) => format!("{a}::double precision = {b}"),
        (ColumnKind::Boolean, ColumnKind::Text) => {
            format!("{a} = CASE WHEN {b} THEN 'true' ELSE 'false' END")
        }
        (ColumnKind::Date, ColumnKind::Text) => format!("{a}::timestamptz = {b}"),
        (ColumnKind::Json, ColumnKind::Text) => format!("{a}::jsonb = {b}"),
        (ColumnKind::Exact(_), ColumnKind::Text) => format!("{a} = {b}::text"),
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Json) => {
            format!(
                "CASE jsonb_typeof({a}) WHEN 'string' \
                 THEN {a} #>> '{{}}' = {b} OR {a}::text = {b} ELSE {a} = {b}::jsonb END"
            )
        }
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Boolean) => {
            format!(
                "CASE WHEN lower(btrim({b})) IN ({BOOLEANS}) \
                 THEN {a} = btrim({b})::boolean ELSE {unfit} END"
            )
        }
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Number) => format!(
            "CASE WHEN btrim({b}) ~ '{NUMBER}' THEN {a} = btrim({b})::double precision \
             WHEN {b} !~ '[0-9]' THEN {unfit} ELSE true END"
        ),
        // The server also accepts words such as `today` as dates.
        (ColumnKind::Text | ColumnKind::Enum(_), ColumnKind::Date) => format!(
            "CASE WHEN {b} ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T' THEN {a} = {b}::timestamptz \
             WHEN {b} !~ '[0-9a-zA-Z]' THEN {unfit} ELSE true END"
        ),
        (ColumnKind::Number, ColumnKind::Boolean) => format!("{a} = ({b} <> 0)"),
        (one, other) if one == other => format!("{a} = {b}"),
        (_, ColumnKind::Exact(Format::Decimal { digits: Some((_, scale)) }))
            if column.field.is_some_and(|field| diff.is_rounded(key, field.name.as_str())) =>
        {
            format!("{a} = round({b}, {scale})")
        }
        (one, other) if is_number(one) && is_number(other) => {
            let (was, is) = (format!("{b}::text::numeric"), format!("{a}::text::numeric"));
            match whole_range(other) {
                Some((least, most)) => format!(
                    "CASE WHEN {was} = trunc({was}) AND {was} BETWEEN {least} AND {most} \
                     THEN {is} = {was} ELSE {unfit} END"
                ),
                None => format!("{a} IS NULL OR {is} = {was} OR {has_fill}"),
            }
        }
        _ => return None,
    };
    // A null stays null, or becomes the backfill or default.
    let empty = if has_fill { "true".to_owned() } else { format!("{a} IS NULL") };
    let condition = format!("CASE WHEN {b} IS NULL THEN {empty} ELSE ({same}) IS TRUE END");
    Some(Expectation { before: b, condition })
}

fn is_number(kind: ColumnKind<'_>) -> bool {
    match kind {
        ColumnKind::Exact(format) => format != Format::Uuid,
        kind => kind == ColumnKind::Number,
    }
}

/// Returns the bounds of a kind that has integers only.
fn whole_range(kind: ColumnKind<'_>) -> Option<(i128, i128)> {
    match kind {
        ColumnKind::Exact(format) => format.bounds(),
        _ => None,
    }
}

/// Returns the column that had a column's values before the migration.
pub(super) fn column_before<'w, 's>(
    diff: &Diff<'_>,
    was: &'w TableShape<'s>,
    is: &TableShape<'_>,
    column: &ColumnShape<'_>,
) -> Option<&'w ColumnShape<'s>> {
    let at = is.columns.iter().position(|known| known.name == column.name)?;
    if let Some(origin) = is.previous_base(at, was) {
        return was.columns.get(origin);
    }
    let field =
        column.field.and_then(|field| diff.prev_field(is.model.key.as_str(), field.name.as_str()));
    let tenancy = |table: &TableShape<'_>| match table.isolation {
        Isolation::Column(column) => Some(column.to_owned()),
        Isolation::Shared | Isolation::Parent { .. } => None,
    };
    match field {
        Some(field) => {
            was.columns.iter().find(|old| old.field.is_some_and(|held| held.name == field.name))
        }
        None if tenancy(is).as_deref() == Some(column.name) => {
            let wanted = tenancy(was)?;
            was.columns.iter().find(|old| old.name == wanted)
        }
        None if column.field.is_none() => was.columns.iter().find(|old| old.name == column.name),
        None => None,
    }
}
