//! The kinds of values in Python.

use crate::shape::BaseKind;
use ablo_schema::schema::{Field, FieldKind, Format, RelativeOperation};

/// The kind of the values of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Str,
    Int,
    Float,
    Bool,
    Int64,
    Decimal,
    Datetime,
    Json,
}

impl Kind {
    pub(super) fn of(field: &Field) -> Self {
        match (&field.kind, field.facets.format) {
            (FieldKind::String, Some(Format::Int64 | Format::Uint64)) => Kind::Int64,
            (FieldKind::String, Some(Format::Decimal { .. })) => Kind::Decimal,
            (FieldKind::String | FieldKind::Enum(_), _) => Kind::Str,
            (FieldKind::Number, None | Some(Format::Float)) => Kind::Float,
            (FieldKind::Number, Some(_)) => Kind::Int,
            (FieldKind::Boolean, _) => Kind::Bool,
            (FieldKind::Date, _) => Kind::Datetime,
            (FieldKind::Json, _) => Kind::Json,
        }
    }

    pub(super) fn of_base(base: BaseKind) -> Self {
        match base {
            BaseKind::Id | BaseKind::String => Kind::Str,
            BaseKind::Date => Kind::Datetime,
        }
    }

    /// Returns the name that the runtime has for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Str => "str",
            Kind::Int => "int",
            Kind::Float => "float",
            Kind::Bool => "bool",
            Kind::Int64 => "int64",
            Kind::Decimal => "decimal",
            Kind::Datetime => "datetime",
            Kind::Json => "json",
        }
    }

    /// Returns the type of values that were read.
    pub(super) fn read(self) -> &'static str {
        match self {
            Kind::Int64 => "int",
            Kind::Decimal => "Decimal",
            Kind::Json => "values.JsonValue",
            other => other.name(),
        }
    }

    /// Returns the type of values to write.
    pub(super) fn written(self) -> &'static str {
        if self == Kind::Json { "values.JsonInput" } else { self.read() }
    }

    /// Returns the type of conditions, if lists can be filtered and sorted by such values.
    pub(super) fn condition(self) -> Option<&'static str> {
        Some(match self {
            Kind::Str => "values.StrMatch",
            Kind::Int | Kind::Int64 => "values.IntMatch",
            Kind::Float => "values.FloatMatch",
            Kind::Bool => "values.BoolMatch",
            Kind::Decimal => "values.DecimalMatch",
            Kind::Datetime => "values.DatetimeMatch",
            Kind::Json => return None,
        })
    }

    /// Returns the type of a relative change.
    pub(super) fn relative(self, operation: RelativeOperation) -> &'static str {
        match (operation, self) {
            (RelativeOperation::Increment, Kind::Int | Kind::Int64) => "values.IncrementInt",
            (RelativeOperation::Increment, Kind::Decimal) => "values.IncrementDecimal",
            (RelativeOperation::Increment, _) => "values.IncrementFloat",
            (RelativeOperation::Append, Kind::Str) => "values.AppendStr",
            (RelativeOperation::Append, _) => "values.AppendList",
            (RelativeOperation::Add, _) => "values.AddList",
            (RelativeOperation::Remove, _) => "values.RemoveList",
        }
    }
}
