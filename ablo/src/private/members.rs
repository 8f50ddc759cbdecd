//! Rows, creates and patches as lists of members.
//!
//! Each shows its declared fields in schema order; names come from the model's descriptor. What is done with all members
//! is done here, once for every model.

use super::value::{Said, Shown, Stored, Value};
use crate::UnknownFields;
use crate::descriptor::{FieldDescriptor, FieldKind, ModelDescriptor};
use serde::ser::{Error, SerializeMap, Serializer};
use std::fmt;

/// The declared fields of a row.
pub trait Members {
    /// Shows them all, in schema order.
    fn members(&self, show: &mut dyn FnMut(&[Shown<'_>]));
}

/// Writes a row's declared fields.
pub(crate) fn write<S: SerializeMap>(
    map: &mut S,
    model: &'static ModelDescriptor,
    members: &dyn Members,
    unknown: &UnknownFields,
) -> Result<(), S::Error> {
    let mut written = Ok(());
    members.members(&mut |shown| {
        let mut fields = model.fields.iter().zip(shown).enumerate();
        written = fields.try_for_each(|(at, (field, value))| match value {
            Shown::Null if unknown.is_absent(at) => Ok(()),
            value => entry(map, model, field.name, value),
        });
    });
    written
}

fn entry<S: SerializeMap>(
    map: &mut S,
    model: &ModelDescriptor,
    name: &str,
    value: &Shown<'_>,
) -> Result<(), S::Error> {
    if let Shown::Number(number) = value
        && !number.is_finite()
    {
        return Err(S::Error::custom(format_args!(
            "`{}.{name}`: JSON has no number {number}",
            model.type_name
        )));
    }
    map.serialize_entry(name, value)
}

/// What a create or a patch says, field by field.
#[derive(Clone, Default)]
pub struct Changes(Vec<(usize, Stored)>);

impl Changes {
    /// Says something of the field at this position, in place of what was said before.
    #[must_use]
    pub fn say(mut self, at: usize, said: impl Said) -> Self {
        self.put(at, said.said());
        self
    }

    pub(crate) fn put(&mut self, at: usize, stored: Stored) {
        match self.0.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(found) if matches!(stored, Stored::Absent) => drop(self.0.remove(found)),
            Ok(found) => self.0[found].1 = stored,
            Err(_) if matches!(stored, Stored::Absent) => {}
            Err(place) => self.0.insert(place, (at, stored)),
        }
    }

    fn shown(
        &self,
        model: &'static ModelDescriptor,
    ) -> impl Iterator<Item = (&'static str, Shown<'_>)> {
        self.0.iter().filter_map(|(at, stored)| Some((model.fields.get(*at)?.name, stored.show())))
    }

    /// Writes a patch: a clear is `null`.
    pub fn serialize<S: Serializer>(
        &self,
        serializer: S,
        model: &'static ModelDescriptor,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.shown(model).try_for_each(|(name, value)| entry(&mut map, model, name, &value))?;
        map.end()
    }

    /// Writes a create: what has no value is left out.
    pub(crate) fn serialize_create<S: Serializer>(
        &self,
        serializer: S,
        model: &'static ModelDescriptor,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut shown = self.shown(model).filter(|(_, value)| *value != Shown::Null);
        shown.try_for_each(|(name, value)| entry(&mut map, model, name, &value))?;
        map.end()
    }

    /// Prints what is sent.
    pub fn debug(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        model: &'static ModelDescriptor,
        id: Option<&str>,
    ) -> fmt::Result {
        let mut out = f.debug_struct(name);
        if let Some(id) = id {
            out.field("id", &id);
        }
        for (name, value) in self.shown(model) {
            out.field(name, &value);
        }
        out.finish()
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        let shown = |(at, stored): &(usize, Stored), (other_at, other): &(usize, Stored)| {
            at == other_at && stored.show() == other.show()
        };
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| shown(one, other))
    }
}

/// A patch of some model: what it says, without the names of its setters.
pub trait Patched {
    /// Whose rows it changes.
    type Model;

    /// By move.
    fn into_changes(self) -> Changes;
    /// And back.
    fn from_changes(changes: Changes) -> Self;
}

/// The descriptor of a field that every row has.
#[must_use]
pub const fn base_field(
    name: &'static str,
    column: &'static str,
    kind: FieldKind,
) -> FieldDescriptor {
    FieldDescriptor { name, column, kind, ..FieldDescriptor::DEFAULT }
}

/// A field's descriptor, as far as its type says it.
#[must_use]
pub const fn field<T: Value>(name: &'static str, column: &'static str) -> FieldDescriptor {
    FieldDescriptor {
        name,
        column,
        kind: T::KIND,
        format: T::FORMAT,
        optional: T::OPTIONAL,
        raw: T::RAW,
        shape_of: T::SHAPE,
        ..FieldDescriptor::DEFAULT
    }
}
