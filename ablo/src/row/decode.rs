//! Reading rows.
//!
//! [`Members`] walks the members of one row. It keeps the fields that every row has and what this build does not know to
//! itself, and hands generated code the position of each declared field, to be read in place: one pass, no tree between.

use super::{Row, UnknownFields};
use crate::descriptor::{FieldDescriptor, ModelDescriptor};
use crate::{Id, Model, Timestamp};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

impl<'de, M: Model> Deserialize<'de> for Row<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor<M>(PhantomData<M>);

        impl<'de, M: Model> Visitor<'de> for RowVisitor<M> {
            type Value = Row<M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a row of `{}`", M::DESCRIPTOR.type_name)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Row<M>, A::Error> {
                let mut members = Members::new(M::DESCRIPTOR, map);
                let data = M::decode(&mut members)?;
                members.finish(data)
            }
        }

        deserializer.deserialize_map(RowVisitor(PhantomData))
    }
}

/// The members of one row that is being read.
pub struct Members<A> {
    map: A,
    model: &'static ModelDescriptor,
    /// Where the next declared field is if the writer kept schema order.
    expected: usize,
    base: Base,
    unknown: UnknownFields,
}

#[derive(Default)]
struct Base {
    id: Option<Box<str>>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    organization_id: Option<Option<String>>,
    created_by: Option<Option<String>>,
}

impl<'de, A: MapAccess<'de>> Members<A> {
    fn new(model: &'static ModelDescriptor, map: A) -> Self {
        Self { map, model, expected: 0, base: Base::default(), unknown: UnknownFields::default() }
    }

    /// The position of the next declared field, whose value is to be read next.
    pub fn next_field(&mut self) -> Result<Option<usize>, A::Error> {
        loop {
            let seed = KeySeed { fields: self.model.fields, expected: self.expected };
            match self.map.next_key_seed(seed)? {
                None => return Ok(None),
                Some(Key::Declared(at)) => {
                    self.expected = at + 1;
                    return Ok(Some(at));
                }
                Some(Key::Unknown(name)) => {
                    let value = self.map.next_value()?;
                    self.unknown.push(name, value);
                }
                Some(Key::Id) => read(&mut self.map, self.model, "id", &mut self.base.id)?,
                Some(Key::CreatedAt) => read(&mut self.map, self.model, "createdAt", &mut self.base.created_at)?,
                Some(Key::UpdatedAt) => read(&mut self.map, self.model, "updatedAt", &mut self.base.updated_at)?,
                Some(Key::OrganizationId) => {
                    read(&mut self.map, self.model, "organizationId", &mut self.base.organization_id)?;
                }
                Some(Key::CreatedBy) => read(&mut self.map, self.model, "createdBy", &mut self.base.created_by)?,
            }
        }
    }

    /// Reads the value of the declared field at this position.
    pub fn value<T: Deserialize<'de>>(&mut self, at: usize, slot: &mut Option<T>) -> Result<(), A::Error> {
        read(&mut self.map, self.model, field_name(self.model, at), slot)
    }

    /// The value of a required field, once all members have been read.
    pub fn required<T>(&self, at: usize, slot: Option<T>) -> Result<T, A::Error> {
        required(self.model, field_name(self.model, at), slot)
    }

    fn finish<M>(self, data: M) -> Result<Row<M>, A::Error> {
        let Self { model, base, unknown, .. } = self;
        Ok(Row {
            id: Id::new(required::<_, A::Error>(model, "id", base.id)?),
            created_at: required(model, "createdAt", base.created_at)?,
            updated_at: required(model, "updatedAt", base.updated_at)?,
            organization_id: base.organization_id.flatten(),
            created_by: base.created_by.flatten(),
            data,
            unknown,
        })
    }
}

fn field_name(model: &ModelDescriptor, at: usize) -> &'static str {
    model.fields.get(at).map_or("", |field| field.name)
}

fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    model: &ModelDescriptor,
    field: &str,
    slot: &mut Option<T>,
) -> Result<(), A::Error> {
    let problem = |what: &dyn fmt::Display| A::Error::custom(format_args!("`{}.{field}`: {what}", model.type_name));
    if slot.is_some() {
        return Err(problem(&"the member is there twice"));
    }
    *slot = Some(map.next_value().map_err(|error| problem(&error))?);
    Ok(())
}

fn required<T, E: Error>(model: &ModelDescriptor, field: &str, slot: Option<T>) -> Result<T, E> {
    slot.ok_or_else(|| E::custom(format_args!("`{}.{field}`: the member is missing", model.type_name)))
}

enum Key {
    Declared(usize),
    Id,
    CreatedAt,
    UpdatedAt,
    OrganizationId,
    CreatedBy,
    Unknown(Box<str>),
}

#[derive(Clone, Copy)]
struct KeySeed {
    fields: &'static [FieldDescriptor],
    expected: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        if self.fields.get(self.expected).is_some_and(|field| field.name == name) {
            return Ok(Key::Declared(self.expected));
        }
        Ok(match name {
            "id" => Key::Id,
            "createdAt" => Key::CreatedAt,
            "updatedAt" => Key::UpdatedAt,
            "organizationId" => Key::OrganizationId,
            "createdBy" => Key::CreatedBy,
            _ => match self.fields.iter().position(|field| field.name == name) {
                Some(at) => Key::Declared(at),
                None => Key::Unknown(name.into()),
            },
        })
    }
}
