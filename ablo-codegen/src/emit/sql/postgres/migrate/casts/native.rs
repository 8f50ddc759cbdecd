//! Conversions from and to the types that an author declares for columns.
//!
//! A value is read in the usual form of its field, converted as between usual types, and kept only
//! if the declared type stores it exactly.

use super::super::super::ddl::ColumnType;
use super::super::super::names::{Ident, Literal, sql, to_sql};
use super::super::super::table_defs::ColumnDef;
use super::{Expression, Helper, ValueClass};
use ablo_schema::schema::{ColumnType as NativeType, ScalarType};

/// Returns the class of the values, if it is not that of the field.
pub(super) fn class(native: &NativeType) -> Option<ValueClass> {
    let scalar = native.scalar()?;
    if let Some((least, most)) = scalar.bounds() {
        return Some(ValueClass::Whole(least.into(), most.into()));
    }
    match scalar {
        ScalarType::Uuid => Some(ValueClass::Uuid),
        ScalarType::Real => Some(ValueClass::Real),
        ScalarType::Numeric(digits) => Some(ValueClass::Decimal(digits)),
        _ => None,
    }
}

/// Returns whether every value of a column fits in the other one, or `None` if no declared type
/// decides that.
pub(super) fn widens(from: &ColumnDef<'_>, to: &ColumnDef<'_>) -> Option<bool> {
    from.native.or(to.native)?;
    let same_kind = std::mem::discriminant(&from.kind) == std::mem::discriminant(&to.kind);
    if !same_kind && to.native.is_none() {
        return None;
    }
    let read = |column: &ColumnDef<'_>| match column.native {
        Some(native) => Some(native.clone()),
        None => NativeType::read(&column.column_type.printed()),
    };
    let (was, is) = (read(from)?, read(to)?);
    Some(same_kind && was.widens_to(&is))
}

/// Returns the expression that reads a column, under its new name, in the usual form of its field.
pub(super) fn read(from: &ColumnDef<'_>, name: &str) -> String {
    let column = to_sql(&Ident::new(name));
    match from.native {
        None => column,
        Some(NativeType::Array(_)) => format!("to_jsonb({column})"),
        Some(NativeType::Enum { .. }) => format!("{column}::text"),
        Some(NativeType::Scalar(scalar)) => match scalar {
            ScalarType::Json => format!("{column}::jsonb"),
            // The cast adds the length of the network to a host.
            ScalarType::Inet => format!("abbrev({column})"),
            ScalarType::Bytea => format!("translate(encode({column}, 'base64'), E'\\n', '')"),
            ScalarType::Timestamp(_) => format!("({column} AT TIME ZONE 'UTC')"),
            ScalarType::Date if from.kind == crate::shape::ColumnKind::Date => {
                format!("({column}::timestamp AT TIME ZONE 'UTC')")
            }
            ScalarType::Uuid
            | ScalarType::Smallint
            | ScalarType::Integer
            | ScalarType::Bigint
            | ScalarType::Real
            | ScalarType::Double
            | ScalarType::Numeric(_)
            | ScalarType::TimestampTz(_) => column,
            _ => format!("{column}::text"),
        },
    }
}

/// Returns an expression that is NULL where the declared type does not store the value exactly, or
/// `None` if no value can be converted.
pub(super) fn fit(to: &NativeType, through: &mut Expression, is: ValueClass) -> Option<String> {
    let value = through.text.clone();
    let scalar = match to {
        NativeType::Scalar(scalar) => *scalar,
        // The check of the enum follows.
        NativeType::Enum { .. } => return Some(value),
        // A conversion of a column cannot read the elements of a document.
        NativeType::Array(_) => return None,
    };
    let fits = match (scalar, is) {
        (
            _,
            ValueClass::Uuid | ValueClass::Real | ValueClass::Whole(..) | ValueClass::Decimal(_),
        ) => {
            return Some(value);
        }
        (ScalarType::Bytea, _) => return None,
        (ScalarType::Varchar(Some(length)) | ScalarType::Char(length), _) => {
            format!("char_length({value}) <= {length}")
        }
        (ScalarType::Name, _) => format!("octet_length({value}) <= 63"),
        (
            ScalarType::TimestampTz(Some(_)) | ScalarType::Timestamp(_) | ScalarType::Date,
            ValueClass::Date,
        ) => {
            let stored = format!("(({value}) AT TIME ZONE 'UTC')::{}", local(scalar));
            format!("({stored}::timestamp AT TIME ZONE 'UTC') = {value}")
        }
        (
            ScalarType::Date
            | ScalarType::Time(_)
            | ScalarType::TimeTz(_)
            | ScalarType::Interval(_)
            | ScalarType::Inet
            | ScalarType::Cidr
            | ScalarType::Macaddr,
            _,
        ) => {
            let mut arguments = value;
            sql!(&mut arguments, ", ", Literal::new(to_sql(&ColumnType::Native(to))));
            return Some(through.call(Helper::Storable, "storable", &arguments));
        }
        _ => return Some(value),
    };
    let stored = match (scalar, is) {
        (ScalarType::Timestamp(_) | ScalarType::Date, ValueClass::Date) => {
            format!("({value}) AT TIME ZONE 'UTC'")
        }
        _ => value,
    };
    Some(format!("CASE WHEN {fits} THEN {stored} END"))
}

/// Returns the type in UTC with the same precision.
fn local(scalar: ScalarType) -> ScalarType {
    match scalar {
        ScalarType::TimestampTz(digits) => ScalarType::Timestamp(digits),
        other => other,
    }
}
