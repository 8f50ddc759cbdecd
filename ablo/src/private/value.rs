//! Field values between rows and the wire.
//!
//! A value that goes out is [`Shown`], one that is kept for later is [`Stored`]: a few forms each, none of them generic. rustc
//! checks a model's fields once and cheaply, and what is done with them is compiled once for all models.

use crate::descriptor::{FieldKind, Format};
use crate::open_enum::{self, OpenEnum};
use crate::{Change, Decimal, Id, Patch, Timestamp, Uuid};
use serde::de::Deserializer;
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// A field's value on its way out.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// Nothing is to be sent.
    Absent,
    Null,
    Text(&'a str),
    Number(f64),
    /// Digits, as a string.
    Integer(i128),
    Uuid(Uuid),
    Boolean(bool),
    Date(Timestamp),
    Json(&'a serde_json::Value),
    Raw(&'a RawValue),
}

impl PartialEq for Shown<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Shown::Absent, Shown::Absent) | (Shown::Null, Shown::Null) => true,
            (Shown::Text(one), Shown::Text(other)) => one == other,
            (Shown::Number(one), Shown::Number(other)) => one == other,
            (Shown::Integer(one), Shown::Integer(other)) => one == other,
            (Shown::Uuid(one), Shown::Uuid(other)) => one == other,
            (Shown::Boolean(one), Shown::Boolean(other)) => one == other,
            (Shown::Date(one), Shown::Date(other)) => one == other,
            (Shown::Json(one), Shown::Json(other)) => one == other,
            (Shown::Raw(one), Shown::Raw(other)) => one.get() == other.get(),
            _ => false,
        }
    }
}

/// Whole numbers up to here are exact doubles and print without a point, as every JavaScript client prints them.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shown::Absent | Shown::Null => serializer.serialize_unit(),
            Shown::Text(text) => serializer.serialize_str(text),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a whole number within the bounds of exact doubles"
            )]
            Shown::Number(number) if number.fract() == 0.0 && number.abs() <= MOST_EXACT => {
                serializer.serialize_i64(*number as i64)
            }
            Shown::Number(number) => serializer.serialize_f64(*number),
            Shown::Integer(integer) => serializer.collect_str(integer),
            Shown::Uuid(uuid) => serializer.collect_str(uuid),
            Shown::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Shown::Date(date) => date.serialize(serializer),
            Shown::Json(json) => json.serialize(serializer),
            Shown::Raw(raw) => raw.serialize(serializer),
        }
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Absent => f.write_str("absent"),
            Shown::Null => f.write_str("null"),
            Shown::Text(text) => fmt::Debug::fmt(text, f),
            Shown::Number(number) => fmt::Debug::fmt(number, f),
            Shown::Integer(integer) => fmt::Debug::fmt(integer, f),
            Shown::Uuid(uuid) => fmt::Display::fmt(uuid, f),
            Shown::Boolean(boolean) => fmt::Debug::fmt(boolean, f),
            Shown::Date(date) => fmt::Debug::fmt(date, f),
            Shown::Json(json) => fmt::Display::fmt(json, f),
            Shown::Raw(raw) => f.write_str(raw.get()),
        }
    }
}

/// A field's value, kept: read from a row, or set in a create or a patch.
#[derive(Clone, Debug, Default)]
pub enum Stored {
    /// Nothing came, nothing is to be sent.
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

impl Stored {
    pub fn show(&self) -> Shown<'_> {
        match self {
            Stored::Absent => Shown::Absent,
            Stored::Null => Shown::Null,
            Stored::Text(text) => Shown::Text(text),
            Stored::Number(number) => Shown::Number(*number),
            Stored::Integer(integer) => Shown::Integer(*integer),
            Stored::Uuid(uuid) => Shown::Uuid(*uuid),
            Stored::Boolean(boolean) => Shown::Boolean(*boolean),
            Stored::Date(date) => Shown::Date(*date),
            Stored::Json(json) => Shown::Json(json),
            Stored::Raw(raw) => Shown::Raw(raw),
        }
    }
}

/// The declared fields of a row that was read, in schema order.
///
/// Whoever makes it has seen to it that every value is of its field's kind and that required ones are there; what takes
/// a value out therefore cannot fail.
pub struct Slots(std::vec::IntoIter<Stored>);

impl Slots {
    pub(crate) fn new(values: Vec<Stored>) -> Self {
        Self(values.into_iter())
    }

    fn next(&mut self) -> Stored {
        self.0.next().unwrap_or_default()
    }
}

/// Takes the next field's value.
pub fn take<T: Value>(slots: &mut Slots) -> T {
    T::from_stored(slots.next())
}

/// What a declared field holds.
#[diagnostic::on_unimplemented(
    message = "a field of a model cannot hold `{Self}`",
    label = "no type of a field",
    note = "an enum derives `ablo::AbloEnum`; a type of your own goes into `ablo::Json<…>`"
)]
pub trait Value: Sized {
    /// Its type in the schema.
    const KIND: FieldKind;
    /// What its values are exactly.
    const FORMAT: Option<Format> = None;
    /// Whether a row may lack it.
    const OPTIONAL: bool = false;
    /// Whether JSON is kept as text.
    const RAW: bool = false;
    /// The JSON Schema of its JSON.
    const SHAPE: Option<fn() -> String> = None;

    fn show(&self) -> Shown<'_>;
    fn store(self) -> Stored;
    /// A stored value of another form cannot come here; it would give an empty value.
    fn from_stored(stored: Stored) -> Self;
}

macro_rules! values {
    ($($(#[$attr:meta])* $type:ty: $kind:ident $(/ $format:ident)?, $form:ident($taken:ident) => $take:expr, $value:ident => $shown:expr;)*) => {$(
        $(#[$attr])*
        impl Value for $type {
            const KIND: FieldKind = FieldKind::$kind;
            $(const FORMAT: Option<Format> = Some(Format::$format);)?

            fn show(&self) -> Shown<'_> {
                let $value = self;
                $shown
            }

            fn store(self) -> Stored {
                stored(self.show())
            }

            fn from_stored(stored: Stored) -> Self {
                match stored {
                    Stored::$form($taken) => $take,
                    _ => Self::default(),
                }
            }
        }
    )*};
}

fn stored(shown: Shown<'_>) -> Stored {
    match shown {
        Shown::Absent => Stored::Absent,
        Shown::Null => Stored::Null,
        Shown::Text(text) => Stored::Text(text.to_owned()),
        Shown::Number(number) => Stored::Number(number),
        Shown::Integer(integer) => Stored::Integer(integer),
        Shown::Uuid(uuid) => Stored::Uuid(uuid),
        Shown::Boolean(boolean) => Stored::Boolean(boolean),
        Shown::Date(date) => Stored::Date(date),
        Shown::Json(json) => Stored::Json(json.clone()),
        Shown::Raw(raw) => Stored::Raw(raw.to_owned()),
    }
}

#[rustfmt::skip]
values! {
    f64: Number, Number(number) => number, value => Shown::Number(*value);
    f32: Number/Float, Number(number) => single(number), value => Shown::Number(f64::from(*value));
    i8: Number/Int8, Number(number) => whole(number).unwrap_or_default(), value => Shown::Number(f64::from(*value));
    i16: Number/Int16, Number(number) => whole(number).unwrap_or_default(), value => Shown::Number(f64::from(*value));
    i32: Number/Int32, Number(number) => whole(number).unwrap_or_default(), value => Shown::Number(f64::from(*value));
    u8: Number/Uint8, Number(number) => whole(number).unwrap_or_default(), value => Shown::Number(f64::from(*value));
    u16: Number/Uint16, Number(number) => whole(number).unwrap_or_default(), value => Shown::Number(f64::from(*value));
    u32: Number/Uint32, Number(number) => whole(number).unwrap_or_default(), value => Shown::Number(f64::from(*value));
    i64: String/Int64, Integer(integer) => integer.try_into().unwrap_or_default(), value => Shown::Integer(i128::from(*value));
    u64: String/Uint64, Integer(integer) => integer.try_into().unwrap_or_default(), value => Shown::Integer(i128::from(*value));
    bool: Boolean, Boolean(boolean) => boolean, value => Shown::Boolean(*value);
    Timestamp: Date, Date(date) => date, value => Shown::Date(*value);
    jiff::Timestamp: Date, Date(date) => date.into(), value => Shown::Date((*value).into());
    #[cfg(feature = "chrono")] chrono::DateTime<chrono::Utc>: Date, Date(date) => date.into(), value => Shown::Date((*value).into());
    Uuid: String/Uuid, Uuid(uuid) => uuid, value => Shown::Uuid(*value);
}

#[cfg(feature = "time")]
impl Value for time::OffsetDateTime {
    const KIND: FieldKind = FieldKind::Date;

    fn show(&self) -> Shown<'_> {
        Shown::Date((*self).into())
    }

    fn store(self) -> Stored {
        Stored::Date(self.into())
    }

    fn from_stored(stored: Stored) -> Self {
        match stored {
            Stored::Date(date) => date.into(),
            _ => Self::UNIX_EPOCH,
        }
    }
}

/// The nearest single; it was one before it was written.
#[expect(clippy::cast_possible_truncation, reason = "JSON carries singles as doubles")]
pub(crate) fn single(number: f64) -> f32 {
    number as f32
}

/// A whole number that its reader found to be in range.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the reader has checked that it is whole and in range"
)]
pub(crate) fn whole<T: TryFrom<i64>>(number: f64) -> Option<T> {
    T::try_from(number as i64).ok()
}

impl Value for String {
    const KIND: FieldKind = FieldKind::String;

    fn show(&self) -> Shown<'_> {
        Shown::Text(self)
    }

    fn store(self) -> Stored {
        Stored::Text(self)
    }

    fn from_stored(stored: Stored) -> Self {
        match stored {
            Stored::Text(text) => text,
            _ => Self::new(),
        }
    }
}

impl Value for Decimal {
    const KIND: FieldKind = FieldKind::String;
    const FORMAT: Option<Format> = Some(Format::Decimal);

    fn show(&self) -> Shown<'_> {
        Shown::Text(self.as_str())
    }

    fn store(self) -> Stored {
        Stored::Text(self.into())
    }

    fn from_stored(stored: Stored) -> Self {
        match stored {
            Stored::Text(text) => text.parse().unwrap_or_default(),
            _ => Self::default(),
        }
    }
}

impl<M> Value for Id<M> {
    const KIND: FieldKind = FieldKind::String;

    fn show(&self) -> Shown<'_> {
        Shown::Text(self.as_str())
    }

    fn store(self) -> Stored {
        Stored::Text(self.into())
    }

    fn from_stored(stored: Stored) -> Self {
        Self::from(String::from_stored(stored))
    }
}

impl Value for serde_json::Value {
    const KIND: FieldKind = FieldKind::Json;

    fn show(&self) -> Shown<'_> {
        Shown::Json(self)
    }

    fn store(self) -> Stored {
        Stored::Json(self)
    }

    fn from_stored(stored: Stored) -> Self {
        match stored {
            Stored::Json(json) => json,
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

    fn show(&self) -> Shown<'_> {
        self.as_ref().map_or(Shown::Null, T::show)
    }

    fn store(self) -> Stored {
        self.map_or(Stored::Null, T::store)
    }

    fn from_stored(stored: Stored) -> Self {
        match stored {
            Stored::Absent | Stored::Null => None,
            stored => Some(T::from_stored(stored)),
        }
    }
}

/// What `Json` holds.
#[cfg(feature = "typed-json")]
#[diagnostic::on_unimplemented(
    message = "`Json` cannot hold `{Self}`",
    label = "lacks `Serialize`, `Deserialize` or `JsonSchema`",
    note = "derive `serde::Serialize`, `serde::Deserialize` and `schemars::JsonSchema` for it"
)]
pub trait Shaped: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema {}

#[cfg(feature = "typed-json")]
#[diagnostic::do_not_recommend]
impl<T: serde::Serialize + serde::de::DeserializeOwned + schemars::JsonSchema> Shaped for T {}

/// What a create or a patch says of a field.
pub trait Said {
    fn said(self) -> Stored;
}

impl<T: Value> Said for Change<T> {
    fn said(self) -> Stored {
        match self {
            Change::Keep => Stored::Absent,
            Change::Set(value) => value.store(),
        }
    }
}

impl<T: Value> Said for Patch<T> {
    fn said(self) -> Stored {
        match self {
            Patch::Keep => Stored::Absent,
            Patch::Clear => Stored::Null,
            Patch::Set(value) => value.store(),
        }
    }
}

impl<E: OpenEnum> Value for E {
    const KIND: FieldKind = FieldKind::Enum(E::VALUES);

    fn show(&self) -> Shown<'_> {
        Shown::Text(self.as_str())
    }

    fn store(self) -> Stored {
        Stored::Text(self.as_str().to_owned())
    }

    fn from_stored(stored: Stored) -> Self {
        match &stored {
            Stored::Text(text) => E::from(text),
            _ => E::from(""),
        }
    }
}

/// Reads any open enum by itself.
pub fn deserialize_enum<'de, E: OpenEnum, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<E, D::Error> {
    open_enum::deserialize(deserializer)
}
