//! Field values between rows and the wire.
//!
//! Generated code shows a field as one of a few forms and reads it from a [`Source`]: neither is generic, so rustc checks
//! a model's fields once and cheaply, whatever they are read from and written to.

use crate::open_enum::{self, OpenEnum};
use crate::{Change, Id, Json, Patch, Timestamp};
use serde::de::Deserializer;
use serde::ser::{Serialize, Serializer};
use std::fmt;

/// A field's value on its way out.
#[derive(PartialEq)]
pub enum Shown<'a> {
    /// Nothing is to be sent.
    Absent,
    Null,
    Text(&'a str),
    Number(f64),
    Boolean(bool),
    Date(Timestamp),
    Json(&'a Json),
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shown::Absent | Shown::Null => serializer.serialize_unit(),
            Shown::Text(text) => serializer.serialize_str(text),
            Shown::Number(number) => serializer.serialize_f64(*number),
            Shown::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Shown::Date(date) => date.serialize(serializer),
            Shown::Json(json) => json.serialize(serializer),
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
            Shown::Boolean(boolean) => fmt::Debug::fmt(boolean, f),
            Shown::Date(date) => fmt::Debug::fmt(date, f),
            Shown::Json(json) => fmt::Display::fmt(json, f),
        }
    }
}

/// What a row, a create or a patch holds in a field.
pub trait Show {
    fn show(&self) -> Shown<'_>;
}

/// The object under way said no; it knows why.
pub struct Stop;

/// The members of a row on their way in.
pub trait Source {
    /// The position of the next declared field, whose value is to be read next.
    fn next_field(&mut self) -> Result<Option<usize>, Stop>;
    /// The complaint about the first required field that was not there.
    fn missing(&mut self) -> Stop;
    /// Reads text; like its like, leaves out the `null` of an optional field.
    fn text(&mut self) -> Result<Option<String>, Stop>;
    /// Reads text that need not be kept.
    fn borrowed_text(&mut self, take: &mut dyn FnMut(&str)) -> Result<(), Stop>;
    fn number(&mut self) -> Result<Option<f64>, Stop>;
    fn boolean(&mut self) -> Result<Option<bool>, Stop>;
    fn date(&mut self) -> Result<Option<Timestamp>, Stop>;
    fn json(&mut self) -> Result<Option<Json>, Stop>;
}

/// What a declared field holds where it holds something.
pub trait Value: Show + Sized {
    /// Reads a value into its place; the `null` of an optional field leaves the place empty.
    fn read(source: &mut dyn Source, slot: &mut Option<Self>) -> Result<(), Stop>;
}

macro_rules! values {
    ($($type:ty: $method:ident, $value:ident => $shown:expr;)*) => {$(
        impl Show for $type {
            fn show(&self) -> Shown<'_> {
                let $value = self;
                $shown
            }
        }

        impl Value for $type {
            fn read(source: &mut dyn Source, slot: &mut Option<Self>) -> Result<(), Stop> {
                *slot = source.$method()?;
                Ok(())
            }
        }
    )*};
}

values! {
    String: text, value => Shown::Text(value);
    f64: number, value => Shown::Number(*value);
    bool: boolean, value => Shown::Boolean(*value);
    Timestamp: date, value => Shown::Date(*value);
    Json: json, value => Shown::Json(value);
}

impl<M> Show for Id<M> {
    fn show(&self) -> Shown<'_> {
        Shown::Text(self.as_str())
    }
}

impl<M> Value for Id<M> {
    fn read(source: &mut dyn Source, slot: &mut Option<Self>) -> Result<(), Stop> {
        *slot = source.text()?.map(Id::from);
        Ok(())
    }
}

impl<T: Show> Show for Option<T> {
    fn show(&self) -> Shown<'_> {
        self.as_ref().map_or(Shown::Null, T::show)
    }
}

impl<T: Show> Show for Change<T> {
    fn show(&self) -> Shown<'_> {
        self.sent().map_or(Shown::Absent, T::show)
    }
}

impl<T: Show> Show for Patch<T> {
    fn show(&self) -> Shown<'_> {
        match self {
            Patch::Keep => Shown::Absent,
            Patch::Clear => Shown::Null,
            Patch::Set(value) => value.show(),
        }
    }
}

/// Reads any generated enum as a field.
pub fn read_enum<E: OpenEnum>(source: &mut dyn Source, slot: &mut Option<E>) -> Result<(), Stop> {
    source.borrowed_text(&mut |text| *slot = Some(E::from(text)))
}

/// Reads any generated enum by itself.
pub fn deserialize_enum<'de, E: OpenEnum, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    open_enum::deserialize(deserializer)
}
