//! Writes rows.
//!
//! Base fields come first, then the declared ones in schema order, then unknown members. A declared
//! field without a value is `null`, or omitted if the row did not have it when it was read.
//! `organizationId` and `createdBy` are omitted if the server omitted them.

use super::Row;
use super::UnknownFields;
use crate::Model;
use crate::descriptor::ModelDescriptor;
use crate::members::{Members, entry};
use crate::value::ValueRef;
use serde::ser::{Serialize, SerializeMap, Serializer};

impl<M: Model> Serialize for Row<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("createdAt", &self.created_at)?;
        map.serialize_entry("updatedAt", &self.updated_at)?;
        if let Some(organization_id) = &self.organization_id {
            map.serialize_entry("organizationId", organization_id)?;
        }
        if let Some(created_by) = &self.created_by {
            map.serialize_entry("createdBy", created_by)?;
        }
        declared(&mut map, M::DESCRIPTOR, &self.data, &self.unknown)?;
        for (name, value) in self.unknown.raw() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes a row's declared fields.
fn declared<S: SerializeMap>(
    map: &mut S,
    model: &'static ModelDescriptor,
    members: &dyn Members,
    unknown: &UnknownFields,
) -> Result<(), S::Error> {
    let mut written = Ok(());
    members.members(&mut |shown| {
        let mut fields = model.fields.iter().zip(shown).enumerate();
        written = fields.try_for_each(|(at, (field, value))| match value {
            ValueRef::Null if unknown.is_absent(at) => Ok(()),
            value => entry(map, model, field.name, value),
        });
    });
    written
}
