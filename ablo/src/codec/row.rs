//! Converts decoded rows to owned rows.

use super::cell::Slot;
use super::error::{DecodeError, Reason};
use super::store::field;
use super::view::RowRef;
use crate::descriptor::FieldDescriptor;
use crate::field::BASE;
use crate::row::parse_exact;
use crate::value::{FieldValues, OwnedValue};
use crate::{Id, Model, Row, UnknownFields};
use serde_json::value::RawValue;

impl<M: Model> RowRef<'_, '_, M> {
    /// Converts to an owned row.
    ///
    /// # Errors
    /// Returns an error if a required field is missing, as in the row of a partial change.
    ///
    /// ```
    /// # mod generated { include!("../../tests/weather.in"); }
    /// use ablo::Deltas;
    /// use generated::WeatherReport;
    /// let text = r#"{"id":7,"actionType":"I","modelName":"WeatherReport","modelId":"r_1","data":{
    ///   "id":"r_1","createdAt":"2026-06-01T08:00:00.000Z","updatedAt":"2026-06-01T08:00:00.000Z",
    ///   "location":"Oslo","status":"ready"}}"#;
    /// let deltas = Deltas::read(&generated::SCHEMA, text)?;
    /// let delta = deltas.get(0).ok_or("no delta")?;
    /// let row = delta.row::<WeatherReport>().ok_or("not a report")?.to_row()?;
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
            _ => Err(Self::error(at, Reason::Missing)),
        };
        let Slot::Text(id) = base(0) else { return Err(Self::error(0, Reason::Missing)) };
        let fields = M::DESCRIPTOR.fields.iter().enumerate();
        let read = fields.map(|(at, field)| {
            let position = BASE.len() + at;
            owned_value(field, self.row.slot(position))
                .map_err(|reason| Self::error(position, reason))
        });
        let data = M::decode(&mut FieldValues::new(read.collect::<Result<_, _>>()?));
        let mut unknown = UnknownFields::default();
        for at in 0..M::DESCRIPTOR.fields.len() {
            if self.row.slot(BASE.len() + at) == Slot::Absent {
                unknown.mark_absent(at);
            }
        }
        for (name, value) in self.unknown() {
            let value = RawValue::from_string(value.to_owned());
            unknown.push(name.into(), value.map_err(|_| Self::error(usize::MAX, Reason::BadJson))?);
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

    fn error(at: usize, reason: Reason) -> DecodeError {
        let field = field(M::DESCRIPTOR, at).map(|field| field.name);
        DecodeError { at: 0, model: Some(M::DESCRIPTOR.type_name), field, reason }
    }
}

/// Converts a slot to the value that generated code reads.
fn owned_value(field: &FieldDescriptor, slot: Slot<'_>) -> Result<OwnedValue, Reason> {
    Ok(match slot {
        Slot::Absent if field.optional => OwnedValue::Null,
        Slot::Absent => return Err(Reason::Missing),
        Slot::Null => OwnedValue::Null,
        Slot::Text(text) => match field.format {
            None => OwnedValue::Text(text.to_owned()),
            Some(format) => parse_exact(format, text).map_err(|_| Reason::Format)?,
        },
        Slot::Number(number) => OwnedValue::Number(number),
        Slot::Boolean(boolean) => OwnedValue::Boolean(boolean),
        Slot::Date(date) => OwnedValue::Date(date),
        Slot::Json(text) if field.raw => {
            OwnedValue::Raw(RawValue::from_string(text.to_owned()).map_err(|_| Reason::BadJson)?)
        }
        Slot::Json(text) => {
            OwnedValue::Json(serde_json::from_str(text).map_err(|_| Reason::BadJson)?)
        }
    })
}
