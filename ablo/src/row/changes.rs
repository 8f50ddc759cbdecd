//! Reads patches and creates.
//!
//! A member that is absent keeps the field, `null` clears it, and a value sets it. A member that
//! the model does not declare is an error, because it would be lost.

use super::decode::{DUPLICATE, Key, KeySeed, MISSING, field_error};
use super::value::ValueSeed;
use crate::descriptor::{FieldDescriptor, ModelDescriptor};
use crate::members::Changes;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;

/// Reads a patch.
pub fn deserialize_patch<'de, D: Deserializer<'de>>(
    deserializer: D,
    model: &'static ModelDescriptor,
) -> Result<Changes, D::Error> {
    let read = deserializer.deserialize_map(ChangesVisitor { model, form: Form::Patch })?;
    Ok(read.changes)
}

/// Reads a create: the id, if there is one, and the values of all required fields.
pub(crate) fn deserialize_create<'de, D: Deserializer<'de>>(
    deserializer: D,
    model: &'static ModelDescriptor,
) -> Result<(Option<Box<str>>, Changes), D::Error> {
    let read = deserializer.deserialize_map(ChangesVisitor { model, form: Form::Create })?;
    Ok((read.id, read.changes))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Create,
    Patch,
}

struct ChangesVisitor {
    model: &'static ModelDescriptor,
    form: Form,
}

#[derive(Default)]
struct ReadChanges {
    id: Option<Box<str>>,
    changes: Changes,
}

impl<'de> Visitor<'de> for ChangesVisitor {
    type Value = ReadChanges;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.form == Form::Create { "create" } else { "patch" };
        write!(f, "a {form} of `{}`", self.model.type_name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ReadChanges, A::Error> {
        let model = self.model;
        let mut read = ReadChanges::default();
        let mut seen = vec![false; model.fields.len()];
        let mut expected = 0;
        while let Some(key) = map.next_key_seed(KeySeed { fields: model.fields, expected })? {
            let (at, field) = match key {
                Key::Declared(at, field) => (at, field),
                Key::Id if self.form == Form::Create => {
                    read.id = map.next_value()?;
                    continue;
                }
                Key::Unknown(name) => return Err(field_error(model, &name, &UNKNOWN)),
                base => return Err(field_error(model, base.base_name(), &NOT_WRITABLE)),
            };
            expected = at + 1;
            if std::mem::replace(&mut seen[at], true) {
                return Err(field_error(model, field.name, &DUPLICATE));
            }
            let value = map.next_value_seed(ValueSeed { field });
            read.changes.put(at, value.map_err(|error| field_error(model, field.name, &error))?);
        }
        let is_missing = |(field, seen): &(&FieldDescriptor, &bool)| {
            !**seen && !field.optional && field.default.is_none()
        };
        match model.fields.iter().zip(&seen).find(is_missing) {
            Some((field, _)) if self.form == Form::Create => {
                Err(field_error(model, field.name, &MISSING))
            }
            _ => Ok(read),
        }
    }
}

const UNKNOWN: &str = "unknown member";
const NOT_WRITABLE: &str = "the coordinator sets this member";
