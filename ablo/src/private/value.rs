//! Field values on their way to the wire.
//!
//! JSON has no NaN and no infinity, and `serde_json` would write `null` for them, which the other side reads as a clear:
//! numbers are checked here. Everything that generated code calls for each field is one call without a branch, since
//! branches are what a model costs when a user's crate is checked.

use crate::descriptor::FieldDescriptor;
use crate::open_enum::{self, OpenEnum};
use crate::{Change, Id, Json, Patch, Timestamp};
use serde::de::Deserializer;
use serde::ser::{Error, SerializeMap, Serializer};

/// What a field, a create's field or a patch's field holds.
pub trait Value {
    /// Writes it as a member, if there is anything to write.
    fn put<S: SerializeMap>(&self, name: &'static str, map: &mut S) -> Result<(), S::Error>;
}

macro_rules! plain {
    ($([$($param:ident)?] $type:ty;)*) => {$(
        impl $(<$param>)? Value for $type {
            fn put<S: SerializeMap>(&self, name: &'static str, map: &mut S) -> Result<(), S::Error> {
                map.serialize_entry(name, self)
            }
        }
    )*};
}

plain! { [] String; [] bool; [] Timestamp; [] Json; [M] Id<M>; }

impl Value for f64 {
    fn put<S: SerializeMap>(&self, name: &'static str, map: &mut S) -> Result<(), S::Error> {
        if self.is_finite() {
            map.serialize_entry(name, self)
        } else {
            Err(S::Error::custom(format_args!("`{name}`: JSON has no number {self}")))
        }
    }
}

impl<T: Value> Value for Option<T> {
    fn put<S: SerializeMap>(&self, name: &'static str, map: &mut S) -> Result<(), S::Error> {
        match self {
            None => map.serialize_entry(name, &()),
            Some(value) => value.put(name, map),
        }
    }
}

impl<T: Value> Value for Change<T> {
    fn put<S: SerializeMap>(&self, name: &'static str, map: &mut S) -> Result<(), S::Error> {
        self.sent().map_or(Ok(()), |value| value.put(name, map))
    }
}

impl<T: Value> Value for Patch<T> {
    fn put<S: SerializeMap>(&self, name: &'static str, map: &mut S) -> Result<(), S::Error> {
        match self {
            Patch::Keep => Ok(()),
            Patch::Clear => map.serialize_entry(name, &()),
            Patch::Set(value) => value.put(name, map),
        }
    }
}

/// The members of an object that is being written. Keeps the first error, and then writes no more.
pub struct Writer<S: SerializeMap> {
    map: S,
    result: Result<(), S::Error>,
}

impl<S: SerializeMap> Writer<S> {
    /// Starts an object.
    pub fn start<R>(serializer: R) -> Result<Self, S::Error>
    where
        R: Serializer<SerializeMap = S, Ok = S::Ok, Error = S::Error>,
    {
        Ok(Self { map: serializer.serialize_map(None)?, result: Ok(()) })
    }

    /// Writes a member.
    pub fn put<T: Value>(&mut self, name: &'static str, value: &T) {
        if self.result.is_ok() {
            self.result = value.put(name, &mut self.map);
        }
    }

    /// Writes a member if there is a value for it.
    pub fn put_some<T: Value>(&mut self, name: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// The map beneath, for members that are no fields.
    pub(crate) fn into_map(self) -> Result<S, S::Error> {
        self.result.map(|()| self.map)
    }

    /// Ends the object.
    pub fn end(self) -> Result<S::Ok, S::Error> {
        self.into_map()?.end()
    }
}

/// Reads any generated enum.
pub fn deserialize_enum<'de, E: OpenEnum, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    open_enum::deserialize(deserializer)
}

/// A required field's descriptor, where nothing else is said: macros cannot turn the lack of a token into a value.
pub const fn required<T>() -> FieldDescriptor {
    FieldDescriptor::DEFAULT
}

/// An optional field's.
pub const fn optional<T>() -> FieldDescriptor {
    FieldDescriptor { optional: true, ..FieldDescriptor::DEFAULT }
}

/// A required field's slot, for the same reason.
pub fn slot<T>(slot: Option<T>) -> Option<T> {
    slot
}
