//! How values of a kind are read from and written to a column of a type of PostgreSQL.
//!
//! One table serves the columns that a schema declares and those of existing tables.

use super::ColumnMapping;
use crate::value::ValueKind;
use ablo_codegen::emit::sql::quoted;
use ablo_schema::schema::{ColumnType, ScalarType};

/// The largest magnitude up to which a double represents every integer exactly.
const MAX_EXACT_INTEGER: i64 = 1 << 53;

/// Selects how values are read from and written to a column of a type without its modifiers, and
/// narrows the kind to the values that the column stores exactly.
///
/// # Errors
/// Returns what the column would have to store if its type cannot.
pub(crate) fn of_column(
    kind: &mut ValueKind,
    actual: &str,
    is_enum: bool,
) -> Result<ColumnMapping, &'static str> {
    if let (ValueKind::Text | ValueKind::Enum(_), "uuid") = (&*kind, actual) {
        *kind = ValueKind::Uuid;
        return Ok(ColumnMapping::Exact);
    }
    match (&*kind, actual) {
        (ValueKind::Number, "smallint") => {
            *kind = ValueKind::Integer(i16::MIN.into(), i16::MAX.into())
        }
        (ValueKind::Number, "integer") => {
            *kind = ValueKind::Integer(i32::MIN.into(), i32::MAX.into())
        }
        (ValueKind::Number, "bigint") => {
            *kind = ValueKind::Integer(-MAX_EXACT_INTEGER, MAX_EXACT_INTEGER);
        }
        (ValueKind::Number, "real") => *kind = ValueKind::Float,
        _ => {}
    }
    let text = |actual: &str| ColumnMapping::AsText(actual.to_owned());
    let read_as = |read| ColumnMapping::Cast { read_as: read, actual: actual.to_owned() };
    Ok(match (&*kind, actual) {
        (
            ValueKind::Text | ValueKind::Enum(_),
            "text" | "character varying" | "character" | "name",
        ) => ColumnMapping::Exact,
        (ValueKind::Text | ValueKind::Enum(_), actual) if is_enum => text(actual),
        (ValueKind::Text, "bytea") => ColumnMapping::Base64,
        (ValueKind::Text, actual) if is_printed(actual) => text(actual),
        (ValueKind::Enum(_), actual) if is_citext(actual) => text(actual),
        (ValueKind::Text | ValueKind::Enum(_), _) => return Err("text"),
        (ValueKind::Uuid, "uuid")
        | (ValueKind::Boolean, "boolean")
        | (ValueKind::Json, "jsonb")
        | (ValueKind::Number, "double precision")
        | (ValueKind::Float, "real")
        | (ValueKind::Date, "timestamp with time zone")
        | (ValueKind::Integer(..) | ValueKind::Int64, "smallint" | "integer" | "bigint")
        | (ValueKind::Uint64 | ValueKind::Decimal(_), "numeric") => ColumnMapping::Exact,
        (ValueKind::Uuid, "text" | "character varying") | (ValueKind::Json, "json") => text(actual),
        (ValueKind::Json, actual) => match actual.strip_suffix("[]") {
            Some(element) if ColumnType::read(actual).is_some() => {
                ColumnMapping::List(element.to_owned())
            }
            _ => return Err("JSON"),
        },
        (ValueKind::Uuid, _) => return Err("a UUID"),
        (ValueKind::Date, "timestamp without time zone" | "date") => {
            ColumnMapping::LocalTimestamp(actual.to_owned())
        }
        (ValueKind::Date, _) => return Err("a timestamp"),
        (ValueKind::Boolean, _) => return Err("a boolean"),
        (ValueKind::Number, "numeric") => read_as("double precision"),
        (ValueKind::Number, _) => return Err("a number"),
        (ValueKind::Float, "double precision" | "numeric") => read_as("real"),
        (ValueKind::Float, _) => return Err("a single-precision number"),
        (ValueKind::Integer(..) | ValueKind::Int64, "numeric") => read_as("bigint"),
        (ValueKind::Integer(..) | ValueKind::Int64, _) => return Err("an integer"),
        (
            ValueKind::Uint64 | ValueKind::Decimal(_),
            "smallint" | "integer" | "bigint" | "double precision" | "real",
        ) => text(actual),
        (ValueKind::Uint64 | ValueKind::Decimal(_), _) => return Err("an exact decimal"),
    })
}

/// Selects the mapping of a column that a schema declares. The rules on column types admit only
/// those that the table has.
pub(super) fn of_declared(kind: &mut ValueKind, native: &ColumnType) -> ColumnMapping {
    let (actual, is_enum) = match native {
        ColumnType::Enum { schema, name } => {
            let schema = schema.as_deref().unwrap_or("public");
            (format!("{}.{}", quoted(schema), quoted(name)), true)
        }
        ColumnType::Scalar(ScalarType::Citext) => ("public.citext".to_owned(), false),
        ColumnType::Array(ScalarType::Citext) => ("public.citext[]".to_owned(), false),
        // A cast to `character` would keep one character.
        ColumnType::Scalar(ScalarType::Char(_)) => {
            return ColumnMapping::AsText("bpchar".to_owned());
        }
        built_in => (without_modifiers(&built_in.to_string()), false),
    };
    of_column(kind, &actual, is_enum).unwrap_or_default()
}

/// Returns whether values of a type are the texts that the server prints and reads.
fn is_printed(actual: &str) -> bool {
    use ScalarType as T;
    let scalar = ColumnType::read(actual).and_then(|read| read.scalar());
    is_citext(actual)
        || scalar.is_some_and(|scalar| {
            matches!(
                scalar,
                T::Smallint
                    | T::Integer
                    | T::Bigint
                    | T::Date
                    | T::Time(_)
                    | T::TimeTz(_)
                    | T::Interval(_)
                    | T::Inet
                    | T::Cidr
                    | T::Macaddr
            )
        })
}

/// Returns whether the type is `citext`, in whatever schema the extension is.
fn is_citext(actual: &str) -> bool {
    actual.rsplit('.').next() == Some("citext")
}

/// Removes the length, precision and scale from the spelling of a type.
fn without_modifiers(printed: &str) -> String {
    match printed.split_once('(') {
        Some((before, rest)) => {
            let after = rest.split_once(')').map_or("", |(_, after)| after);
            format!("{before}{after}")
        }
        None => printed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ablo_codegen::shape::ColumnKind;
    use ablo_schema::schema::FieldKind;

    #[test]
    fn every_declared_type_has_a_mapping() {
        let values = vec!["a".into()];
        let kinds = [
            (FieldKind::String, ColumnKind::Text),
            (FieldKind::Number, ColumnKind::Number),
            (FieldKind::Date, ColumnKind::Date),
            (FieldKind::Json, ColumnKind::Json),
            (FieldKind::Enum(values.clone()), ColumnKind::Enum(&values)),
        ];
        for spelling in ColumnType::EXAMPLES.into_iter().chain(["enum mood", "varchar(3)[]"]) {
            let native = ColumnType::read(spelling).expect("an example is a type");
            let mut stored = 0;
            for (field, kind) in &kinds {
                if !native.stores(field) {
                    continue;
                }
                stored += 1;
                let mut kind = ValueKind::of(*kind);
                let is_usual = |actual: &str| {
                    of_column(&mut kind.clone(), actual, false) == Ok(ColumnMapping::Exact)
                };
                let usual = is_usual(&without_modifiers(&native.to_string()));
                let mapping = of_declared(&mut kind, &native);
                assert!(usual || mapping != ColumnMapping::Exact, "{spelling} of {field:?}");
            }
            assert!(stored > 0, "{spelling}");
        }
    }
}
