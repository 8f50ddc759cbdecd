//! What reading one field of a row gives.

use super::cell::Slot;
use crate::{Id, Json, OpenEnum, Timestamp};

/// The type of a field that can be read from a row in place.
///
/// Implemented for every type that a field of a generated model has.
pub trait Readable {
    /// What is read: text is borrowed, JSON stays text.
    type Ref<'b>;

    #[doc(hidden)]
    fn read(slot: Slot<'_>) -> Option<Self::Ref<'_>>;
}

macro_rules! readable {
    ($($type:ty: $ref:ty, $slot:pat => $value:expr;)*) => {$(
        impl Readable for $type {
            type Ref<'b> = $ref;

            #[inline]
            fn read(slot: Slot<'_>) -> Option<Self::Ref<'_>> {
                match slot {
                    $slot => Some($value),
                    _ => None,
                }
            }
        }
    )*};
}

readable! {
    String: &'b str, Slot::Text(text) => text;
    f64: f64, Slot::Number(number) => number;
    bool: bool, Slot::Boolean(boolean) => boolean;
    Timestamp: Timestamp, Slot::Date(at) => at;
    Json: &'b str, Slot::Json(text) => text;
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
