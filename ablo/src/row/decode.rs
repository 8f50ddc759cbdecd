//! Reading rows.
//!
//! A [`Reader`] walks the members of one row. It keeps the fields that every row has and what this build does not know to
//! itself, and hands generated code the position of each declared field, to be read in place: one pass, no tree between.

use super::{Row, UnknownFields};
use crate::__private::{Source, Stop};
use crate::descriptor::{FieldDescriptor, ModelDescriptor};
use crate::{Id, Json, Model, Timestamp};
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
                let mut reader = Reader::new(M::DESCRIPTOR, map);
                let data = M::decode(&mut reader);
                reader.finish(data)
            }
        }

        deserializer.deserialize_map(RowVisitor(PhantomData))
    }
}

/// The members of one row that is being read.
struct Reader<'de, A: MapAccess<'de>> {
    map: A,
    model: &'static ModelDescriptor,
    /// The declared field whose value is next.
    field: &'static FieldDescriptor,
    /// Why reading stopped.
    error: Option<A::Error>,
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

impl<'de, A: MapAccess<'de>> Reader<'de, A> {
    fn new(model: &'static ModelDescriptor, map: A) -> Self {
        Self {
            map,
            model,
            field: &FieldDescriptor::DEFAULT,
            error: None,
            expected: 0,
            seen: Seen::default(),
            base: Base::default(),
            unknown: UnknownFields::default(),
        }
    }

    /// Reads members up to the next declared field.
    fn advance(&mut self) -> Result<Option<usize>, A::Error> {
        loop {
            let seed = KeySeed { fields: self.model.fields, expected: self.expected };
            match self.map.next_key_seed(seed)? {
                None => return Ok(None),
                Some(Key::Declared(at, field)) => {
                    self.expected = at + 1;
                    self.field = field;
                    let first = self.seen.insert(at);
                    return if first { Ok(Some(at)) } else { Err(problem(self.model, field.name, &TWICE)) };
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

    fn stop(&mut self, error: A::Error) -> Stop {
        self.error = Some(error);
        Stop
    }

    fn wrong(&mut self, error: &A::Error) -> Stop {
        self.stop(problem(self.model, self.field.name, error))
    }

    fn value<T: Deserialize<'de>>(&mut self) -> Result<Option<T>, Stop> {
        let read = if self.field.optional { self.map.next_value() } else { self.map.next_value().map(Some) };
        read.map_err(|error| self.wrong(&error))
    }

    fn finish<M>(self, data: Result<M, Stop>) -> Result<Row<M>, A::Error> {
        let Self { model, base, unknown, error, .. } = self;
        let data = data.map_err(|Stop| error.unwrap_or_else(|| problem(model, "", &MISSING)))?;
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

impl<'de, A: MapAccess<'de>> Source for Reader<'de, A> {
    fn next_field(&mut self) -> Result<Option<usize>, Stop> {
        self.advance().map_err(|error| self.stop(error))
    }

    fn missing(&mut self) -> Stop {
        let lacks = |(at, field): &(usize, &FieldDescriptor)| !field.optional && self.seen.insert(*at);
        let field = self.model.fields.iter().enumerate().find(lacks).map_or("", |(_, field)| field.name);
        self.stop(problem(self.model, field, &MISSING))
    }

    fn text(&mut self) -> Result<Option<String>, Stop> {
        self.value()
    }

    fn borrowed_text(&mut self, take: &mut dyn FnMut(&str)) -> Result<(), Stop> {
        let seed = TextSeed { take, optional: self.field.optional };
        self.map.next_value_seed(seed).map_err(|error| self.wrong(&error))
    }

    fn number(&mut self) -> Result<Option<f64>, Stop> {
        self.value()
    }

    fn boolean(&mut self) -> Result<Option<bool>, Stop> {
        self.value()
    }

    fn date(&mut self) -> Result<Option<Timestamp>, Stop> {
        self.value()
    }

    fn json(&mut self) -> Result<Option<Json>, Stop> {
        self.value()
    }
}

/// Lends text to whoever asked, without a copy.
struct TextSeed<'a> {
    take: &'a mut dyn FnMut(&str),
    optional: bool,
}

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.optional { deserializer.deserialize_option(self) } else { deserializer.deserialize_str(self) }
    }
}

impl<'de> Visitor<'de> for TextSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        (self.take)(text);
        Ok(())
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
    Declared(usize, &'static FieldDescriptor),
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
        if let Some(field) = self.fields.get(self.expected).filter(|field| field.name == name) {
            return Ok(Key::Declared(self.expected, field));
        }
        Ok(match name {
            "id" => Key::Id,
            "createdAt" => Key::CreatedAt,
            "updatedAt" => Key::UpdatedAt,
            "organizationId" => Key::OrganizationId,
            "createdBy" => Key::CreatedBy,
            _ => match self.fields.iter().enumerate().find(|(_, field)| field.name == name) {
                Some((at, field)) => Key::Declared(at, field),
                None => Key::Unknown(name.into()),
            },
        })
    }
}
