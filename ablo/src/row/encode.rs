//! Writing rows.
//!
//! The fields that every row has come first, then the declared ones in schema order, then what this build does not know.
//! A declared field without a value is `null`; `organizationId` and `createdBy` are left out where the server left them out.

use super::Row;
use crate::__private::Writer;
use crate::Model;
use serde::ser::{Serialize, SerializeMap, Serializer};

impl<M: Model> Serialize for Row<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = Writer::<S::SerializeMap>::start(serializer)?;
        members.put("id", &self.id);
        members.put("createdAt", &self.created_at);
        members.put("updatedAt", &self.updated_at);
        members.put_some("organizationId", &self.organization_id);
        members.put_some("createdBy", &self.created_by);
        self.data.encode(&mut members);
        let mut map = members.into_map()?;
        for (name, value) in self.unknown.raw() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
