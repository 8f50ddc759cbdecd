//! Field values between rows and the wire.
//!
//! Values are written as [`ValueRef`] and stored as [`OwnedValue`]. Neither is generic, so the code
//! that handles them is compiled once for all models.

use crate::descriptor::{FieldDescriptor, FieldKind, Format};
use crate::open_enum::{self, OpenEnum};
use crate::{Decimal, FieldUpdate, Id, Patch, Timestamp, Uuid};
use serde::de::Deserializer;
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// A borrowed field value, for writing.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// The field is not sent.
    Absent,
    Null,
    Text(&'a str),
    Number(f64),
    /// Digits, written as a string.
    Integer(i128),
    Uuid(Uuid),
    Boolean(bool),
    Date(Timestamp),
    Json(&'a serde_json::Value),
    Raw(&'a RawValue),
}

impl PartialEq for ValueRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (ValueRef::Absent, ValueRef::Absent) | (ValueRef::Null, ValueRef::Null) => true,
            (ValueRef::Text(one), ValueRef::Text(other)) => one == other,
            (ValueRef::Number(one), ValueRef::Number(other)) => one == other,
            (ValueRef::Integer(one), ValueRef::Integer(other)) => one == other,
            (ValueRef::Uuid(one), ValueRef::Uuid(other)) => one == other,
            (ValueRef::Boolean(one), ValueRef::Boolean(other)) => one == other,
            (ValueRef::Date(one), ValueRef::Date(other)) => one == other,
            (ValueRef::Json(one), ValueRef::Json(other)) => one == other,
            (ValueRef::Raw(one), ValueRef::Raw(other)) => one.get() == other.get(),
            _ => false,
        }
    }
}

/// The largest integer up to which doubles are exact. Integers up to it print without a decimal
/// point, as in JavaScript.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ValueRef::Absent | ValueRef::Null => serializer.serialize_unit(),
            ValueRef::Text(text) => serializer.serialize_str(text),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "an integer that a double holds exactly"
            )]
            ValueRef::Number(number)
                if number.fract() == 0.0 && number.abs() <= MAX_EXACT_INTEGER =>
            {
                serializer.serialize_i64(*number as i64)
            }
            ValueRef::Number(number) => serializer.serialize_f64(*number),
            ValueRef::Integer(integer) => serializer.collect_str(integer),
            ValueRef::Uuid(uuid) => serializer.collect_str(uuid),
            ValueRef::Boolean(boolean) => serializer.serialize_bool(*boolean),
            ValueRef::Date(date) => date.serialize(serializer),
            ValueRef::Json(json) => json.serialize(serializer),
            ValueRef::Raw(raw) => raw.serialize(serializer),
        }
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueRef::Absent => f.write_str("absent"),
            ValueRef::Null => f.write_str("null"),
            ValueRef::Text(text) => fmt::Debug::fmt(text, f),
            ValueRef::Number(number) => fmt::Debug::fmt(number, f),
            ValueRef::Integer(integer) => fmt::Debug::fmt(integer, f),
            ValueRef::Uuid(uuid) => fmt::Display::fmt(uuid, f),
            ValueRef::Boolean(boolean) => fmt::Debug::fmt(boolean, f),
            ValueRef::Date(date) => fmt::Debug::fmt(date, f),
            ValueRef::Json(json) => fmt::Display::fmt(json, f),
            ValueRef::Raw(raw) => f.write_str(raw.get()),
        }
    }
}

/// An owned field value: read from a row, or set in a create or a patch.
#[derive(Clone, Debug, Default)]
pub enum OwnedValue {
    /// The field was not sent, or is not to be sent.
    #[default]
    Absent,
    Null,
    Text(String),
    Number(f64),
    Integer(i128),
    Uuid(Uuid),
    Boolean(bool),
    Date(Timestamp),
    Json(serde_json::Value),
    Raw(Box<RawValue>),
}

impl OwnedValue {
    pub fn to_value_ref(&self) -> ValueRef<'_> {
        match self {
            OwnedValue::Absent => ValueRef::Absent,
            OwnedValue::Null => ValueRef::Null,
            OwnedValue::Text(text) => ValueRef::Text(text),
            OwnedValue::Number(number) => ValueRef::Number(*number),
            OwnedValue::Integer(integer) => ValueRef::Integer(*integer),
            OwnedValue::Uuid(uuid) => ValueRef::Uuid(*uuid),
            OwnedValue::Boolean(boolean) => ValueRef::Boolean(*boolean),
            OwnedValue::Date(date) => ValueRef::Date(*date),
            OwnedValue::Json(json) => ValueRef::Json(json),
            OwnedValue::Raw(raw) => ValueRef::Raw(raw),
        }
    }
}

/// The values of a row's declared fields, in schema order.
///
/// The decoder has checked that every value has its field's kind and that required ones are
/// present, so reading them cannot fail.
pub struct FieldValues(std::vec::IntoIter<OwnedValue>);

impl FieldValues {
    pub(crate) fn new(values: Vec<OwnedValue>) -> Self {
        Self(values.into_iter())
    }

    fn next(&mut self) -> OwnedValue {
        self.0.next().unwrap_or_default()
    }
}

/// A type that a declared field can have.
#[diagnostic::on_unimplemented(
    message = "a field of a model cannot hold `{Self}`",
    label = "not a field type",
    note = "derive `ablo::AbloEnum` for enums; wrap other types in `ablo::Json<…>`"
)]
pub trait Value: Sized {
    /// The field's type in the schema.
    const KIND: FieldKind;
    /// The format of the values.
    const FORMAT: Option<Format> = None;
    /// Whether the field is optional.
    const OPTIONAL: bool = false;
    /// Whether JSON values are kept as text.
    const RAW: bool = false;
    /// The JSON Schema of the values.
    const SHAPE: Option<fn() -> String> = None;

    fn to_value_ref(&self) -> ValueRef<'_>;
    fn into_value(self) -> OwnedValue;
    /// Converts from a stored value. The decoder guarantees its kind; other kinds give a default.
    fn from_value(stored: OwnedValue) -> Self;

    // Generated code calls only the following, each on the type that the user wrote, so that a type
    // that is no field type is one error.

    /// The parts of a field's descriptor that follow from its type.
    const FIELD: FieldDescriptor = FieldDescriptor {
        kind: Self::KIND,
        format: Self::FORMAT,
        optional: Self::OPTIONAL,
        raw: Self::RAW,
        shape_of: Self::SHAPE,
        ..FieldDescriptor::DEFAULT
    };
    /// The same for an optional field.
    const OPTIONAL_FIELD: FieldDescriptor = FieldDescriptor { optional: true, ..Self::FIELD };

    /// Returns the next field's value.
    fn next(values: &mut FieldValues) -> Self {
        Self::from_value(values.next())
    }

    /// Returns the next optional field's value.
    fn next_optional(values: &mut FieldValues) -> Option<Self> {
        Option::from_value(values.next())
    }

    fn optional_ref(value: &Option<Self>) -> ValueRef<'_> {
        value.to_value_ref()
    }

    /// Converts the change of a required field.
    fn update(change: FieldUpdate<Self>) -> OwnedValue {
        match change {
            FieldUpdate::Keep => OwnedValue::Absent,
            FieldUpdate::Set(value) => value.into_value(),
        }
    }

    /// Converts the change of an optional field.
    fn patch(change: Patch<Self>) -> OwnedValue {
        match change {
            Patch::Keep => OwnedValue::Absent,
            Patch::Clear => OwnedValue::Null,
            Patch::Set(value) => value.into_value(),
        }
    }
}

macro_rules! values {
    ($(
        $(#[$attr:meta])* $type:ty: $kind:ident $(/ $format:ident)?,
        $form:ident($inner:ident) => $convert:expr,
        $value:ident => $value_ref:expr;
    )*) => {$(
        $(#[$attr])*
        impl Value for $type {
            const KIND: FieldKind = FieldKind::$kind;
            $(const FORMAT: Option<Format> = Some(Format::$format);)?

            fn to_value_ref(&self) -> ValueRef<'_> {
                let $value = self;
                $value_ref
            }

            fn into_value(self) -> OwnedValue {
                to_owned_value(self.to_value_ref())
            }

            fn from_value(stored: OwnedValue) -> Self {
                match stored {
                    OwnedValue::$form($inner) => $convert,
                    _ => Self::default(),
                }
            }
        }
    )*};
}

fn to_owned_value(value: ValueRef<'_>) -> OwnedValue {
    match value {
        ValueRef::Absent => OwnedValue::Absent,
        ValueRef::Null => OwnedValue::Null,
        ValueRef::Text(text) => OwnedValue::Text(text.to_owned()),
        ValueRef::Number(number) => OwnedValue::Number(number),
        ValueRef::Integer(integer) => OwnedValue::Integer(integer),
        ValueRef::Uuid(uuid) => OwnedValue::Uuid(uuid),
        ValueRef::Boolean(boolean) => OwnedValue::Boolean(boolean),
        ValueRef::Date(date) => OwnedValue::Date(date),
        ValueRef::Json(json) => OwnedValue::Json(json.clone()),
        ValueRef::Raw(raw) => OwnedValue::Raw(raw.to_owned()),
    }
}

#[rustfmt::skip]
values! {
    f64: Number, Number(number) => number, value => ValueRef::Number(*value);
    f32: Number/Float, Number(number) => to_f32(number),
        value => ValueRef::Number(f64::from(*value));
    i8: Number/Int8, Number(number) => to_integer(number).unwrap_or_default(),
        value => ValueRef::Number(f64::from(*value));
    i16: Number/Int16, Number(number) => to_integer(number).unwrap_or_default(),
        value => ValueRef::Number(f64::from(*value));
    i32: Number/Int32, Number(number) => to_integer(number).unwrap_or_default(),
        value => ValueRef::Number(f64::from(*value));
    u8: Number/Uint8, Number(number) => to_integer(number).unwrap_or_default(),
        value => ValueRef::Number(f64::from(*value));
    u16: Number/Uint16, Number(number) => to_integer(number).unwrap_or_default(),
        value => ValueRef::Number(f64::from(*value));
    u32: Number/Uint32, Number(number) => to_integer(number).unwrap_or_default(),
        value => ValueRef::Number(f64::from(*value));
    i64: String/Int64, Integer(integer) => integer.try_into().unwrap_or_default(),
        value => ValueRef::Integer(i128::from(*value));
    u64: String/Uint64, Integer(integer) => integer.try_into().unwrap_or_default(),
        value => ValueRef::Integer(i128::from(*value));
    bool: Boolean, Boolean(boolean) => boolean, value => ValueRef::Boolean(*value);
    Timestamp: Date, Date(date) => date, value => ValueRef::Date(*value);
    jiff::Timestamp: Date, Date(date) => date.into(), value => ValueRef::Date((*value).into());
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>: Date, Date(date) => date.into(),
        value => ValueRef::Date((*value).into());
    Uuid: String/Uuid, Uuid(uuid) => uuid, value => ValueRef::Uuid(*value);
}

#[cfg(feature = "time")]
impl Value for time::OffsetDateTime {
    const KIND: FieldKind = FieldKind::Date;

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Date((*self).into())
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Date(self.into())
    }

    fn from_value(stored: OwnedValue) -> Self {
        match stored {
            OwnedValue::Date(date) => date.into(),
            _ => Self::UNIX_EPOCH,
        }
    }
}

/// Converts to the nearest `f32`, which is exact for values that were written as `f32`.
#[expect(clippy::cast_possible_truncation, reason = "`f32` values are written as doubles")]
pub(crate) fn to_f32(number: f64) -> f32 {
    number as f32
}

/// Converts a number that the decoder has checked to be an integer in range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the decoder has checked that it is an integer in range"
)]
pub(crate) fn to_integer<T: TryFrom<i64>>(number: f64) -> Option<T> {
    T::try_from(number as i64).ok()
}

impl Value for String {
    const KIND: FieldKind = FieldKind::String;

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Text(self)
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Text(self)
    }

    fn from_value(stored: OwnedValue) -> Self {
        match stored {
            OwnedValue::Text(text) => text,
            _ => Self::new(),
        }
    }
}

impl Value for Decimal {
    const KIND: FieldKind = FieldKind::String;
    const FORMAT: Option<Format> = Some(Format::Decimal);

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Text(self.as_str())
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Text(self.into())
    }

    fn from_value(stored: OwnedValue) -> Self {
        match stored {
            OwnedValue::Text(text) => text.parse().unwrap_or_default(),
            _ => Self::default(),
        }
    }
}

impl<M> Value for Id<M> {
    const KIND: FieldKind = FieldKind::String;

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Text(self.as_str())
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Text(self.into())
    }

    fn from_value(stored: OwnedValue) -> Self {
        Self::from(String::from_value(stored))
    }
}

impl Value for serde_json::Value {
    const KIND: FieldKind = FieldKind::Json;

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Json(self)
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Json(self)
    }

    fn from_value(stored: OwnedValue) -> Self {
        match stored {
            OwnedValue::Json(json) => json,
            _ => Self::Null,
        }
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: FieldKind = T::KIND;
    const FORMAT: Option<Format> = T::FORMAT;
    const OPTIONAL: bool = true;
    const RAW: bool = T::RAW;
    const SHAPE: Option<fn() -> String> = T::SHAPE;

    fn to_value_ref(&self) -> ValueRef<'_> {
        self.as_ref().map_or(ValueRef::Null, T::to_value_ref)
    }

    fn into_value(self) -> OwnedValue {
        self.map_or(OwnedValue::Null, T::into_value)
    }

    fn from_value(stored: OwnedValue) -> Self {
        match stored {
            OwnedValue::Absent | OwnedValue::Null => None,
            stored => Some(T::from_value(stored)),
        }
    }
}

/// A type that `Json` can hold.
#[cfg(feature = "typed-json")]
#[diagnostic::on_unimplemented(
    message = "`Json` cannot hold `{Self}`",
    label = "lacks `Serialize`, `Deserialize` or `JsonSchema`",
    note = "derive `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema` for it"
)]
pub trait JsonType: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema {}

#[cfg(feature = "typed-json")]
#[diagnostic::do_not_recommend]
impl<T: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema> JsonType for T {}

impl<E: OpenEnum> Value for E {
    const KIND: FieldKind = FieldKind::Enum(E::VALUES);

    fn to_value_ref(&self) -> ValueRef<'_> {
        ValueRef::Text(self.as_str())
    }

    fn into_value(self) -> OwnedValue {
        OwnedValue::Text(self.as_str().to_owned())
    }

    fn from_value(stored: OwnedValue) -> Self {
        match &stored {
            OwnedValue::Text(text) => E::from(text),
            _ => E::from(""),
        }
    }
}

/// Deserializes any open enum.
pub fn deserialize_enum<'de, E: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<E, D::Error> {
    open_enum::deserialize(deserializer)
}
