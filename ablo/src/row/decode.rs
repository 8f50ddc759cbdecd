//! Reads rows.
//!
//! A [`RowReader`] walks the members of a row once and reads each declared field into its slot,
//! driven by the field's descriptor. Generated code then takes the slots in order. The reading
//! itself is not generic over the model.

use super::value::ValueSeed;
use super::{Row, UnknownFields};
use crate::descriptor::{FieldDescriptor, ModelDescriptor};
use crate::value::{FieldValues, OwnedValue};
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
                RowReader::new(M::DESCRIPTOR, map).row()
            }
        }

        deserializer.deserialize_map(RowVisitor(PhantomData))
    }
}

/// The state of reading one row.
struct RowReader<'de, A: MapAccess<'de>> {
    map: A,
    model: &'static ModelDescriptor,
    /// One slot per declared field.
    slots: Vec<OwnedValue>,
    base: Base,
    unknown: UnknownFields,
    input: PhantomData<&'de ()>,
}

#[derive(Default)]
struct Base {
    id: Option<Box<str>>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    organization_id: Option<Option<String>>,
    created_by: Option<Option<String>>,
}

impl<'de, A: MapAccess<'de>> RowReader<'de, A> {
    fn new(model: &'static ModelDescriptor, map: A) -> Self {
        let slots = model.fields.iter().map(|_| OwnedValue::Absent).collect();
        Self {
            map,
            model,
            slots,
            base: Base::default(),
            unknown: UnknownFields::default(),
            input: PhantomData,
        }
    }

    fn read_all(&mut self) -> Result<(), A::Error> {
        // The position of the next declared field if the members are in schema order.
        let mut expected = 0;
        while let Some(key) =
            self.map.next_key_seed(KeySeed { fields: self.model.fields, expected })?
        {
            match key {
                Key::Declared(at, field) => {
                    expected = at + 1;
                    self.declared(at, field)?;
                }
                Key::Unknown(name) => {
                    let value = self.map.next_value()?;
                    self.unknown.push(name, value);
                }
                Key::Id => read(&mut self.map, self.model, "id", &mut self.base.id)?,
                Key::CreatedAt => {
                    read(&mut self.map, self.model, "createdAt", &mut self.base.created_at)?
                }
                Key::UpdatedAt => {
                    read(&mut self.map, self.model, "updatedAt", &mut self.base.updated_at)?
                }
                Key::OrganizationId => {
                    read(
                        &mut self.map,
                        self.model,
                        "organizationId",
                        &mut self.base.organization_id,
                    )?;
                }
                Key::CreatedBy => {
                    read(&mut self.map, self.model, "createdBy", &mut self.base.created_by)?
                }
            }
        }
        Ok(())
    }

    fn declared(&mut self, at: usize, field: &'static FieldDescriptor) -> Result<(), A::Error> {
        let slot = &mut self.slots[at];
        if !matches!(slot, OwnedValue::Absent) {
            return Err(field_error(self.model, field.name, &DUPLICATE));
        }
        let value = self.map.next_value_seed(ValueSeed { field });
        *slot = value.map_err(|error| field_error(self.model, field.name, &error))?;
        Ok(())
    }

    fn row<M: Model>(mut self) -> Result<Row<M>, A::Error> {
        self.read_all()?;
        let Self { model, base, mut unknown, slots, .. } = self;
        let is_missing = |(field, slot): &(&FieldDescriptor, &OwnedValue)| {
            !field.optional && matches!(slot, OwnedValue::Absent)
        };
        if let Some((field, _)) = model.fields.iter().zip(&slots).find(is_missing) {
            return Err(field_error(model, field.name, &MISSING));
        }
        for (at, _) in
            slots.iter().enumerate().filter(|(_, slot)| matches!(slot, OwnedValue::Absent))
        {
            unknown.mark_absent(at);
        }
        Ok(Row {
            id: Id::new(required::<_, A::Error>(model, "id", base.id)?),
            created_at: required(model, "createdAt", base.created_at)?,
            updated_at: required(model, "updatedAt", base.updated_at)?,
            organization_id: base.organization_id.flatten(),
            created_by: base.created_by.flatten(),
            data: M::decode(&mut FieldValues::new(slots)),
            unknown,
        })
    }
}

pub(super) const DUPLICATE: &str = "duplicate member";
pub(super) const MISSING: &str = "missing member";

pub(super) fn field_error<E: Error>(
    model: &ModelDescriptor,
    field: &str,
    reason: &dyn fmt::Display,
) -> E {
    E::custom(format_args!("`{}.{field}`: {reason}", model.type_name))
}

/// Reads the value of a base field.
fn read<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    model: &ModelDescriptor,
    field: &str,
    slot: &mut Option<T>,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(field_error(model, field, &DUPLICATE));
    }
    *slot = Some(map.next_value().map_err(|error| field_error(model, field, &error))?);
    Ok(())
}

fn required<T, E: Error>(model: &ModelDescriptor, field: &str, slot: Option<T>) -> Result<T, E> {
    slot.ok_or_else(|| field_error(model, field, &MISSING))
}

pub(super) enum Key {
    Declared(usize, &'static FieldDescriptor),
    Id,
    CreatedAt,
    UpdatedAt,
    OrganizationId,
    CreatedBy,
    Unknown(Box<str>),
}

impl Key {
    /// Returns the name of a base field, or an empty one.
    pub(super) fn base_name(&self) -> &'static str {
        match self {
            Key::Id => "id",
            Key::CreatedAt => "createdAt",
            Key::UpdatedAt => "updatedAt",
            Key::OrganizationId => "organizationId",
            Key::CreatedBy => "createdBy",
            Key::Declared(..) | Key::Unknown(_) => "",
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct KeySeed {
    pub(super) fields: &'static [FieldDescriptor],
    pub(super) expected: usize,
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
