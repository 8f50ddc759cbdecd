//! Rows, creates and patches as lists of members.
//!
//! Each shows its declared fields by position; names come from the model's descriptor. What is done with all members is
//! done here, once for every model.

use super::value::Shown;
use crate::descriptor::{FieldDescriptor, ModelDescriptor};
use serde::ser::{Error, SerializeMap, Serializer};
use std::fmt;

/// The declared fields of a row, a create or a patch, by position.
pub trait Members {
    fn member(&self, at: usize) -> Shown<'_>;
}

fn shown<'a>(
    model: &'static ModelDescriptor,
    members: &'a dyn Members,
) -> impl Iterator<Item = (&'static str, Shown<'a>)> {
    let all = model.fields.iter().enumerate().map(|(at, field)| (field.name, members.member(at)));
    all.filter(|(_, value)| *value != Shown::Absent)
}

/// Writes what is to be sent.
pub(crate) fn write<S: SerializeMap>(
    map: &mut S,
    model: &'static ModelDescriptor,
    members: &dyn Members,
) -> Result<(), S::Error> {
    shown(model, members).try_for_each(|(name, value)| entry(map, model, name, &value))
}

fn entry<S: SerializeMap>(map: &mut S, model: &ModelDescriptor, name: &str, value: &Shown<'_>) -> Result<(), S::Error> {
    if let Shown::Number(number) = value
        && !number.is_finite()
    {
        return Err(S::Error::custom(format_args!("`{}.{name}`: JSON has no number {number}", model.type_name)));
    }
    map.serialize_entry(name, value)
}

/// Writes a patch: a clear is `null`.
pub fn serialize_patch<S: Serializer>(
    serializer: S,
    model: &'static ModelDescriptor,
    members: &dyn Members,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    write(&mut map, model, members)?;
    map.end()
}

/// Writes a create: what has no value is left out.
pub fn serialize_create<S: Serializer>(
    serializer: S,
    model: &'static ModelDescriptor,
    members: &dyn Members,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (name, value) in shown(model, members).filter(|(_, value)| *value != Shown::Null) {
        entry(&mut map, model, name, &value)?;
    }
    map.end()
}

/// Whether two creates, or two patches, send the same.
pub fn same(model: &'static ModelDescriptor, one: &dyn Members, other: &dyn Members) -> bool {
    shown(model, one).eq(shown(model, other))
}

/// Prints a create or a patch by what it sends.
pub fn debug(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    model: &'static ModelDescriptor,
    id: Option<&str>,
    members: &dyn Members,
) -> fmt::Result {
    let mut out = f.debug_struct(name);
    if let Some(id) = id {
        out.field("id", &id);
    }
    for (name, value) in shown(model, members) {
        out.field(name, &value);
    }
    out.finish()
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
