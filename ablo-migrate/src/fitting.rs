//! Whether a column of another type than the schema's can store the values of a field.

use crate::catalog::Column;
use ablo_codegen::shape::ColumnKind;
use ablo_schema::schema::Format;

/// Types whose values are texts.
const TEXTS: [&str; 6] = ["text", "character varying", "character", "varchar", "citext", "name"];
/// Types of ids, which are texts in a schema.
const IDS: [&str; 4] = ["uuid", "smallint", "integer", "bigint"];
/// Types of inexact numbers, and of exact ones with any number of digits.
const WIDE: [&str; 3] = ["numeric", "double precision", "real"];
const INTEGERS: [&str; 3] = ["smallint", "integer", "bigint"];

/// Reports whether a column can store the values of a field of this kind.
pub(crate) fn fits(kind: ColumnKind<'_>, column: &Column) -> bool {
    let type_name = column.domain_of.as_ref().unwrap_or(&column.type_name).to_ascii_lowercase();
    // `timestamp(3) with time zone` has its digits in the middle.
    let base = type_name.split_once('(').map_or(&*type_name, |(base, _)| base);
    let base = base.rsplit_once('.').map_or(base, |(_, name)| name).trim().trim_matches('"');
    let is = |types: &[&str]| types.contains(&base);
    match kind {
        ColumnKind::Enum(values) if !column.enum_values.is_empty() => {
            values.iter().all(|value| column.enum_values.iter().any(|label| **label == **value))
        }
        ColumnKind::Text if !column.enum_values.is_empty() => true,
        ColumnKind::Text => is(&TEXTS) || is(&IDS),
        ColumnKind::Enum(_) => is(&TEXTS),
        ColumnKind::Number => is(&WIDE) || is(&INTEGERS),
        ColumnKind::Boolean => is(&["boolean", "integer"]),
        ColumnKind::Date => base.starts_with("timestamp") || is(&["date", "datetime", "text"]),
        ColumnKind::Json => is(&["json", "jsonb", "text"]),
        ColumnKind::Exact(Format::Uuid) => is(&["uuid"]) || is(&TEXTS),
        ColumnKind::Exact(Format::Float) => is(&WIDE),
        ColumnKind::Exact(Format::Decimal { .. }) => is(&["numeric"]) || is(&TEXTS),
        ColumnKind::Exact(format) => is(&["numeric"]) || holds(base, format),
    }
}

/// Reports whether an integer type has the whole range of a format.
fn holds(base: &str, format: Format) -> bool {
    let most = match base {
        "smallint" => i128::from(i16::MAX),
        "integer" => i128::from(i32::MAX),
        "bigint" => i128::from(i64::MAX),
        _ => return false,
    };
    // `int64` has no bounds of its own.
    let (least, greatest) = format.bounds().unwrap_or((i64::MIN.into(), i64::MAX.into()));
    greatest <= most && least >= -most - 1
}
