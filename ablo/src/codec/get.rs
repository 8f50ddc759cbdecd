//! Borrowed field values of decoded rows.

use super::cell::Slot;
use crate::value::{to_f32, to_integer};
use crate::{Decimal, Id, OpenEnum, Timestamp, Uuid};

/// A field type whose value can be borrowed from a decoded row.
///
/// Implemented for every field type of generated models.
pub trait Readable {
    /// The type of the value: texts are borrowed, JSON stays text.
    type Ref<'b>;

    #[doc(hidden)]
    fn read(slot: Slot<'_>) -> Option<Self::Ref<'_>>;
}

macro_rules! readable {
    ($($(#[$attr:meta])* $type:ty: $ref:ty, $slot:pat => $value:expr;)*) => {$(
        $(#[$attr])*
        impl Readable for $type {
            type Ref<'b> = $ref;

            #[inline]
            fn read(slot: Slot<'_>) -> Option<Self::Ref<'_>> {
                match slot {
                    $slot => $value,
                    _ => None,
                }
            }
        }
    )*};
}

// The decoder has checked ranges and digits.
#[rustfmt::skip]
readable! {
    String: &'b str, Slot::Text(text) => Some(text);
    f64: f64, Slot::Number(number) => Some(number);
    f32: f32, Slot::Number(number) => Some(to_f32(number));
    i8: i8, Slot::Number(number) => to_integer(number);
    i16: i16, Slot::Number(number) => to_integer(number);
    i32: i32, Slot::Number(number) => to_integer(number);
    u8: u8, Slot::Number(number) => to_integer(number);
    u16: u16, Slot::Number(number) => to_integer(number);
    u32: u32, Slot::Number(number) => to_integer(number);
    i64: i64, Slot::Text(digits) => digits.parse().ok();
    u64: u64, Slot::Text(digits) => digits.parse().ok();
    Decimal: &'b str, Slot::Text(digits) => Some(digits);
    Uuid: Uuid, Slot::Text(text) => text.parse().ok();
    bool: bool, Slot::Boolean(boolean) => Some(boolean);
    Timestamp: Timestamp, Slot::Date(at) => Some(at);
    jiff::Timestamp: jiff::Timestamp, Slot::Date(at) => Some(at.into());
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>: chrono::DateTime<chrono::Utc>,
        Slot::Date(at) => Some(at.into());
    #[cfg(feature = "time")]
    time::OffsetDateTime: time::OffsetDateTime, Slot::Date(at) => Some(at.into());
    serde_json::Value: &'b str, Slot::Json(text) => Some(text);
}

#[cfg(feature = "typed-json")]
impl<T> Readable for crate::Json<T> {
    type Ref<'b> = &'b str;

    #[inline]
    fn read(slot: Slot<'_>) -> Option<&str> {
        serde_json::Value::read(slot)
    }
}

impl<M: ?Sized> Readable for Id<M> {
    type Ref<'b> = &'b str;

    #[inline]
    fn read(slot: Slot<'_>) -> Option<&str> {
        String::read(slot)
    }
}

impl<E: OpenEnum> Readable for E {
    type Ref<'b> = E;

    #[inline]
    fn read(slot: Slot<'_>) -> Option<E> {
        String::read(slot).map(E::from)
    }
}

impl<T: Readable> Readable for Option<T> {
    type Ref<'b> = Option<T::Ref<'b>>;

    #[inline]
    fn read(slot: Slot<'_>) -> Option<Self::Ref<'_>> {
        match slot {
            Slot::Absent => None,
            Slot::Null => Some(None),
            slot => T::read(slot).map(Some),
        }
    }
}
