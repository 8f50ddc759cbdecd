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
    seen: Seen,
    base: Base,
    unknown: UnknownFields,
}

/// Which declared fields have been read. Only a model of more than 128 fields needs more than one word.
#[derive(Default)]
struct Seen {
    first: u128,
    more: Vec<u128>,
}

impl Seen {
    fn word(&mut self, at: usize) -> (&mut u128, u128) {
        let (word, bit) = (at / 128, 1 << (at % 128));
        if word == 0 {
            return (&mut self.first, bit);
        }
        if self.more.len() < word {
            self.more.resize(word, 0);
        }
        (&mut self.more[word - 1], bit)
    }

    /// Whether this is the first time.
    fn insert(&mut self, at: usize) -> bool {
        let (word, bit) = self.word(at);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
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
        Self {
            map,
            model,
            expected: 0,
            seen: Seen::default(),
            base: Base::default(),
            unknown: UnknownFields::default(),
        }
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

    /// Reads the value of the declared field at this position. An optional field's `null` leaves its slot empty.
    pub fn value<T: Deserialize<'de>>(&mut self, at: usize, slot: &mut Option<T>) -> Result<(), A::Error> {
        let Some(field) = self.model.fields.get(at) else { return Ok(()) };
        if !self.seen.insert(at) {
            return Err(problem(self.model, field.name, &TWICE));
        }
        let read = if field.optional { self.map.next_value() } else { self.map.next_value().map(Some) };
        *slot = read.map_err(|error| problem(self.model, field.name, &error))?;
        Ok(())
    }

    /// The complaint about the first required field that was not there.
    pub fn missing(&mut self) -> A::Error {
        let lacks = |(at, field): &(usize, &FieldDescriptor)| !field.optional && self.seen.insert(*at);
        let field = self.model.fields.iter().enumerate().find(lacks).map_or("", |(_, field)| field.name);
        problem(self.model, field, &MISSING)
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

const TWICE: &str = "the member is there twice";
const MISSING: &str = "the member is missing";

fn problem<E: Error>(model: &ModelDescriptor, field: &str, what: &dyn fmt::Display) -> E {
    E::custom(format_args!("`{}.{field}`: {what}", model.type_name))
}

/// Reads the value of a field that every row has.
fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    model: &ModelDescriptor,
    field: &str,
    slot: &mut Option<T>,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(problem(model, field, &TWICE));
    }
    *slot = Some(map.next_value().map_err(|error| problem(model, field, &error))?);
    Ok(())
}

fn required<T, E: Error>(model: &ModelDescriptor, field: &str, slot: Option<T>) -> Result<T, E> {
    slot.ok_or_else(|| problem(model, field, &MISSING))
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
