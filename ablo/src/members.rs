//! Generic access to the members of rows, creates and patches.
//!
//! Generated code lists its declared fields in schema order; names come from the model's
//! descriptor. The code here is compiled once for all models.

use crate::descriptor::{FieldDescriptor, FieldKind, ModelDescriptor};
use crate::value::{FieldValues, OwnedValue, ValueRef};
use serde::ser::{Error, SerializeMap, Serializer};
use std::fmt;

/// Construction of a model from decoded fields.
pub trait Codec: Members + Sized {
    /// Builds the model from the values of its declared fields.
    fn decode(values: &mut FieldValues) -> Self;
}

/// The declared fields of a row.
pub trait Members {
    /// Calls `visit` with all values in schema order.
    fn members(&self, visit: &mut dyn FnMut(&[ValueRef<'_>]));
}

/// Writes one member.
pub(crate) fn entry<S: SerializeMap>(
    map: &mut S,
    model: &ModelDescriptor,
    name: &str,
    value: &ValueRef<'_>,
) -> Result<(), S::Error> {
    if let ValueRef::Number(number) = value
        && !number.is_finite()
    {
        return Err(S::Error::custom(format_args!(
            "`{}.{name}`: JSON has no number {number}",
            model.type_name
        )));
    }
    map.serialize_entry(name, value)
}

/// The fields that a create or a patch sets, ordered by position.
#[derive(Clone, Default)]
pub struct Changes(Vec<(usize, OwnedValue)>);

impl Changes {
    /// Sets the field at a position, replacing an earlier value.
    #[must_use]
    pub fn set(mut self, at: usize, change: OwnedValue) -> Self {
        self.put(at, change);
        self
    }

    pub(crate) fn put(&mut self, at: usize, stored: OwnedValue) {
        match self.0.binary_search_by_key(&at, |(at, _)| *at) {
            Ok(found) if matches!(stored, OwnedValue::Absent) => drop(self.0.remove(found)),
            Ok(found) => self.0[found].1 = stored,
            Err(_) if matches!(stored, OwnedValue::Absent) => {}
            Err(index) => self.0.insert(index, (at, stored)),
        }
    }

    fn values(
        &self,
        model: &'static ModelDescriptor,
    ) -> impl Iterator<Item = (&'static str, ValueRef<'_>)> {
        self.0
            .iter()
            .filter_map(|(at, stored)| Some((model.fields.get(*at)?.name, stored.to_value_ref())))
    }

    /// Writes a patch. Cleared fields are `null`.
    pub fn serialize<S: Serializer>(
        &self,
        serializer: S,
        model: &'static ModelDescriptor,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.values(model).try_for_each(|(name, value)| entry(&mut map, model, name, &value))?;
        map.end()
    }

    /// Writes a create. Fields without a value are omitted.
    pub(crate) fn serialize_create<S: Serializer>(
        &self,
        serializer: S,
        model: &'static ModelDescriptor,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut values = self.values(model).filter(|(_, value)| *value != ValueRef::Null);
        values.try_for_each(|(name, value)| entry(&mut map, model, name, &value))?;
        map.end()
    }

    /// Formats the fields for `Debug`.
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
        for (name, value) in self.values(model) {
            out.field(name, &value);
        }
        out.finish()
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        let same = |(at, stored): &(usize, OwnedValue), (other_at, other): &(usize, OwnedValue)| {
            at == other_at && stored.to_value_ref() == other.to_value_ref()
        };
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| same(one, other))
    }
}

/// A patch of any model, converted to and from its changes.
pub trait ModelPatch {
    /// The model whose rows it changes.
    type Model;

    /// Returns the changes of this patch.
    fn into_changes(self) -> Changes;
    /// Creates a patch from changes.
    fn from_changes(changes: Changes) -> Self;
}

/// Returns the descriptor of a base field.
#[must_use]
pub const fn base_field(
    name: &'static str,
    column: &'static str,
    kind: FieldKind,
) -> FieldDescriptor {
    FieldDescriptor { name, column, kind, ..FieldDescriptor::DEFAULT }
}
