//! Casts: the effect of a type change on the values of a column.
//!
//! Classifies the change from one field to another. Types follow the table of the reference;
//! formats are an extension.

use crate::schema::{ColumnType, Field, FieldKind, Format, ScalarType};

/// The effect on existing values, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cast {
    /// Every value can be converted without loss.
    Safe,
    /// Some values cannot be converted.
    Risky,
    /// No value can be converted: the column is recreated.
    NotCastable,
}

impl Cast {
    /// Returns the spelling in a report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Cast::Safe => "safe",
            Cast::Risky => "risky",
            Cast::NotCastable => "notCastable",
        }
    }

    /// Classifies a change between two of the six types, ignoring formats.
    ///
    /// ```
    /// use ablo_schema::diff::Cast;
    /// use ablo_schema::schema::FieldKind;
    /// assert_eq!(Cast::of_kinds(&FieldKind::Date, &FieldKind::String), Cast::Safe);
    /// assert_eq!(Cast::of_kinds(&FieldKind::Boolean, &FieldKind::Date), Cast::NotCastable);
    /// ```
    #[must_use]
    pub fn of_kinds(from: &FieldKind, to: &FieldKind) -> Cast {
        use FieldKind::{Boolean, Date, Enum, Json, Number, String};
        match (from, to) {
            (String, String)
            | (Number, Number)
            | (Boolean, Boolean)
            | (Date, Date)
            | (Enum(_), Enum(_))
            | (Json, Json)
            | (_, String) => Cast::Safe,
            (String, _) | (Enum(_), _) | (Number | Boolean | Date, Enum(_)) | (Number, Boolean) => {
                Cast::Risky
            }
            (Boolean | Date | Json, Number)
            | (Date | Json, Boolean)
            | (Number | Boolean | Json, Date)
            | (Json, Enum(_))
            | (Number | Boolean | Date, Json) => Cast::NotCastable,
        }
    }

    /// Classifies a change of a field: its type and its format.
    #[must_use]
    pub fn of_fields(from: &Field, to: &Field) -> Cast {
        let kinds = Cast::of_kinds(&from.kind, &to.kind);
        kinds.max(of_formats((&from.kind, from.facets.format), (&to.kind, to.facets.format)))
    }

    /// Classifies a change of the type of a column.
    #[must_use]
    pub fn of_columns(from: &Field, to: &Field) -> Cast {
        let of = |field: &Field| match &field.facets.column_type {
            Some(declared) => declared.clone(),
            None => ColumnType::usual(&field.kind),
        };
        let (was, is) = (of(from), of(to));
        if was.widens_to(&is) {
            return Cast::Safe;
        }
        // The elements of a list and the bytes of a text cannot be read by a conversion.
        let opaque = |one: &ColumnType| {
            matches!(one, ColumnType::Array(_) | ColumnType::Scalar(ScalarType::Bytea))
        };
        if opaque(&is) { Cast::NotCastable } else { Cast::Risky }
    }
}

fn of_formats(
    (kind, from): (&FieldKind, Option<Format>),
    (_, to): (&FieldKind, Option<Format>),
) -> Cast {
    // No format: accepts every value of the type.
    let Some(to) = to else { return Cast::Safe };
    if from == Some(to) {
        return Cast::Safe;
    }
    match kind {
        FieldKind::Number => from_number(from, to),
        FieldKind::String => from_text(from, to),
        FieldKind::Enum(_) | FieldKind::Json => Cast::Risky,
        FieldKind::Boolean | FieldKind::Date => Cast::NotCastable,
    }
}

fn from_number(from: Option<Format>, to: Format) -> Cast {
    match to {
        Format::Uuid => Cast::NotCastable,
        Format::Float => {
            safe_if(from.and_then(Format::bounds).is_some_and(|(min, max)| fits_float(min, max)))
        }
        Format::Decimal { digits: None } => Cast::Safe,
        Format::Decimal { .. }
        | Format::Int8
        | Format::Int16
        | Format::Int32
        | Format::Uint8
        | Format::Uint16
        | Format::Uint32
        | Format::Int64
        | Format::Uint64 => fits_within(from, to),
    }
}

fn from_text(from: Option<Format>, to: Format) -> Cast {
    match (from, to) {
        (Some(Format::Uuid), _) | (Some(_), Format::Uuid) => Cast::NotCastable,
        (None, _) => Cast::Risky,
        (Some(_), _) => fits_within(from, to),
    }
}

/// Returns whether values of a decimal format can have more digits after the point than another one
/// has.
pub(super) fn loses_digits(from: Option<Format>, to: Option<Format>) -> bool {
    let (Some(Format::Decimal { digits: from }), Some(Format::Decimal { digits: to })) = (from, to)
    else {
        return false;
    };
    to.is_some_and(|(_, scale)| from.is_none_or(|(_, before)| scale < before))
}

/// Returns `Safe` if the range of `from` is within that of `to`.
fn fits_within(from: Option<Format>, to: Format) -> Cast {
    let inside = match (from.map(extent), extent(to)) {
        (Some(Some((min, max, scale))), Some((to_min, to_max, places))) => {
            to_min <= min && max <= to_max && scale <= places
        }
        (Some(_), None) => matches!(to, Format::Decimal { digits: None }),
        _ => false,
    };
    safe_if(inside)
}

/// Returns the minimum and maximum integer part and the scale, or `None` if unbounded.
fn extent(format: Format) -> Option<(i128, i128, u16)> {
    match format {
        Format::Decimal { digits: Some((precision, scale)) } => {
            let max = 10_i128
                .checked_pow(u32::from(precision.saturating_sub(scale)))
                .map_or(i128::MAX, |ten| ten - 1);
            Some((-max, max, scale))
        }
        other => other.bounds().map(|(min, max)| (min, max, 0)),
    }
}

fn fits_float(min: i128, max: i128) -> bool {
    const EXACT: i128 = 1 << 24;
    -EXACT <= min && max <= EXACT
}

fn safe_if(safe: bool) -> Cast {
    if safe { Cast::Safe } else { Cast::Risky }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats(kind: &FieldKind, from: Option<Format>, to: Option<Format>) -> Cast {
        of_formats((kind, from), (kind, to))
    }

    #[test]
    fn widening_formats_is_safe_and_narrowing_risky() {
        use Format::{Float, Int8, Int16, Int32, Int64, Uint8, Uint32, Uint64, Uuid};
        let (number, text) = (FieldKind::Number, FieldKind::String);
        for (kind, from, to, cast) in [
            (&number, Some(Int8), Some(Int32), Cast::Safe),
            (&number, Some(Uint8), Some(Int16), Cast::Safe),
            (&number, Some(Int32), Some(Int64), Cast::Safe),
            (&number, Some(Int32), Some(Uint64), Cast::Risky),
            (&number, Some(Int16), Some(Float), Cast::Safe),
            (&number, Some(Uint32), Some(Float), Cast::Risky),
            (&number, None, Some(Int32), Cast::Risky),
            (&number, Some(Float), None, Cast::Safe),
            (&number, Some(Int8), Some(Uuid), Cast::NotCastable),
            (&text, Some(Int64), Some(Int32), Cast::Risky),
            (&text, None, Some(Uuid), Cast::Risky),
            (&text, Some(Uuid), None, Cast::Safe),
            (&text, Some(Uuid), Some(Int64), Cast::NotCastable),
        ] {
            assert_eq!(formats(kind, from, to), cast, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn decimals_compare_precision_and_scale() {
        let decimal = |precision, scale| Some(Format::Decimal { digits: Some((precision, scale)) });
        let text = FieldKind::String;
        assert_eq!(formats(&text, decimal(5, 2), decimal(7, 3)), Cast::Safe);
        assert_eq!(formats(&text, decimal(5, 2), decimal(5, 3)), Cast::Risky);
        assert_eq!(formats(&text, decimal(18, 0), Some(Format::Int64)), Cast::Safe);
        assert_eq!(formats(&text, decimal(18, 1), Some(Format::Int64)), Cast::Risky);
        assert_eq!(formats(&text, Some(Format::Uint64), decimal(20, 0)), Cast::Safe);
        assert_eq!(formats(&text, Some(Format::Uint64), decimal(19, 0)), Cast::Risky);
        assert_eq!(
            formats(&text, decimal(400, 300), Some(Format::Decimal { digits: None })),
            Cast::Safe
        );
        assert_eq!(
            formats(&text, Some(Format::Decimal { digits: None }), decimal(400, 300)),
            Cast::Risky
        );
    }
}
