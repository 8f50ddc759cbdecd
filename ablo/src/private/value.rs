//! Field values on their way to the wire, one wrapper for each kind of field.
//!
//! All but one pass the value through. JSON has no NaN and no infinity, and `serde_json` would write `null` for them,
//! which the other side reads as a clear: numbers are checked.

use crate::open_enum::{self, OpenEnum};
use serde::de::Deserializer;
use serde::ser::{Error, Serialize, Serializer};

macro_rules! plain {
    ($($name:ident)*) => {$(
        pub struct $name<T>(pub T);

        impl<T: Serialize> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

plain! { String Boolean Date Enum Json }

/// A number, or none.
pub struct Number<T>(pub T);

/// What a number field can hold.
pub trait Double {
    fn double(&self) -> Option<f64>;
}

impl Double for f64 {
    fn double(&self) -> Option<f64> {
        Some(*self)
    }
}

impl<T: Double> Double for Option<T> {
    fn double(&self) -> Option<f64> {
        self.as_ref().and_then(T::double)
    }
}

impl<T: Double> Double for &T {
    fn double(&self) -> Option<f64> {
        T::double(self)
    }
}

impl<T: Double> Serialize for Number<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.double() {
            None => serializer.serialize_none(),
            Some(value) if value.is_finite() => serializer.serialize_f64(value),
            Some(value) => Err(S::Error::custom(format_args!("JSON has no number {value}"))),
        }
    }
}

/// Reads any generated enum.
pub fn deserialize_enum<'de, E: OpenEnum, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    open_enum::deserialize(deserializer)
}

/// Whether a field of this shape is optional: macros cannot turn the absence of a token into a value.
pub const fn required<T>() -> bool {
    false
}

/// Its counterpart.
pub const fn optional<T>() -> bool {
    true
}
