//! Owned rows out of decoded ones.

use super::cell::Slot;
use super::error::{DecodeError, What};
use super::store::{BASE, field};
use super::view::RowRef;
use crate::__private::{Slots, Stored};
use crate::descriptor::FieldDescriptor;
use crate::row::exact;
use crate::{Id, Model, Row, UnknownFields};
use serde_json::value::RawValue;

impl<M: Model> RowRef<'_, '_, M> {
    /// The row as an owned value: what commits, caches and tests keep.
    ///
    /// # Errors
    /// Where a field that must have a value was not sent, as in the row of a partial change.
    ///
    /// ```
    /// # mod generated { include!("../../tests/weather.in"); }
    /// use ablo::Deltas;
    /// use generated::WeatherReport;
    /// let text = r#"{"id":7,"actionType":"I","modelName":"WeatherReport","modelId":"r_1","data":{"id":"r_1",
    ///   "createdAt":"2026-06-01T08:00:00.000Z","updatedAt":"2026-06-01T08:00:00.000Z","location":"Oslo","status":"ready"}}"#;
    /// let deltas = Deltas::read(&generated::SCHEMA, text)?;
    /// let row = deltas.get(0).and_then(|delta| delta.row::<WeatherReport>()).ok_or("a report")?.to_row()?;
    /// assert_eq!(row.location, "Oslo");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_row(self) -> Result<Row<M>, DecodeError> {
        let base = |at: usize| self.row.slot(at);
        let text = |at: usize| match base(at) {
            Slot::Text(text) => Some(text.to_owned()),
            _ => None,
        };
        let date = |at: usize| match base(at) {
            Slot::Date(date) => Ok(date),
            _ => Err(Self::error(at, What::Missing)),
        };
        let Slot::Text(id) = base(0) else { return Err(Self::error(0, What::Missing)) };
        let fields = M::DESCRIPTOR.fields.iter().enumerate();
        let read = fields.map(|(at, field)| {
            let place = BASE.len() + at;
            stored(field, self.row.slot(place)).map_err(|what| Self::error(place, what))
        });
        let data = M::decode(&mut Slots::new(read.collect::<Result<_, _>>()?));
        let mut unknown = UnknownFields::default();
        for at in 0..M::DESCRIPTOR.fields.len() {
            if self.row.slot(BASE.len() + at) == Slot::Absent {
                unknown.lacks(at);
            }
        }
        for (name, value) in self.unknown() {
            let value = RawValue::from_string(value.to_owned());
            unknown.push(name.into(), value.map_err(|_| Self::error(usize::MAX, What::BadJson))?);
        }
        Ok(Row {
            id: Id::from(id),
            created_at: date(1)?,
            updated_at: date(2)?,
            organization_id: text(3),
            created_by: text(4),
            data,
            unknown,
        })
    }

    fn error(at: usize, what: What) -> DecodeError {
        let field = field(M::DESCRIPTOR, at).map(|field| field.name);
        DecodeError { at: 0, model: Some(M::DESCRIPTOR.type_name), field, what }
    }
}

/// What generated code takes, out of a slot that was read as its field says.
fn stored(field: &FieldDescriptor, slot: Slot<'_>) -> Result<Stored, What> {
    Ok(match slot {
        Slot::Absent if field.optional => Stored::Null,
        Slot::Absent => return Err(What::Missing),
        Slot::Null => Stored::Null,
        Slot::Text(text) => match field.format {
            None => Stored::Text(text.to_owned()),
            Some(format) => exact(format, text).map_err(|_| What::Form)?,
        },
        Slot::Number(number) => Stored::Number(number),
        Slot::Boolean(boolean) => Stored::Boolean(boolean),
        Slot::Date(date) => Stored::Date(date),
        Slot::Json(text) if field.raw => {
            Stored::Raw(RawValue::from_string(text.to_owned()).map_err(|_| What::BadJson)?)
        }
        Slot::Json(text) => Stored::Json(serde_json::from_str(text).map_err(|_| What::BadJson)?),
    })
}
