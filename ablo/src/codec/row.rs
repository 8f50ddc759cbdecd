//! Owned rows out of decoded ones.

use super::cell::{Cell, Slot};
use super::error::{DecodeError, What};
use super::store::{BASE, field};
use super::view::RowRef;
use crate::__private::{Source, Stop};
use crate::{Id, Json, Model, Row, Timestamp, UnknownFields};

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
        let mut cells = Cells { row: self, at: BASE.len() - 1, wrong: None };
        let data = match M::decode(&mut cells) {
            Ok(data) => data,
            Err(Stop) => {
                let (at, what) = cells.wrong.unwrap_or((0, What::Missing));
                return Err(Self::error(at, what));
            }
        };
        let mut unknown = UnknownFields::default();
        for (name, value) in self.unknown() {
            let value = serde_json::value::RawValue::from_string(value.to_owned());
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

/// The declared cells of a row, one after the other.
struct Cells<'b, 'a, M> {
    row: RowRef<'b, 'a, M>,
    /// The place of the cell whose value is read.
    at: usize,
    /// Why reading stopped.
    wrong: Option<(usize, What)>,
}

impl<'b, M: Model> Cells<'b, '_, M> {
    fn read<T>(&mut self, pick: impl FnOnce(Slot<'b>) -> Option<T>) -> Result<Option<T>, Stop> {
        match self.row.row.slot(self.at) {
            Slot::Null => Ok(None),
            slot => pick(slot).map(Some).ok_or_else(|| self.stop(What::Form)),
        }
    }

    fn stop(&mut self, what: What) -> Stop {
        self.wrong = Some((self.at, what));
        Stop
    }
}

impl<M: Model> Source for Cells<'_, '_, M> {
    fn next_field(&mut self) -> Result<Option<usize>, Stop> {
        let rest = self.row.row.cells.iter().enumerate().skip(self.at + 1);
        let next = rest.into_iter().find(|(_, cell)| !cell.is_absent());
        self.at = next.map_or(self.row.row.cells.len(), |(at, _)| at);
        Ok(next.map(|(at, _)| at - BASE.len()))
    }

    fn missing(&mut self) -> Stop {
        let fields = M::DESCRIPTOR.fields.iter().enumerate();
        let mut lacking = fields.filter(|(at, field)| {
            let cell = self.row.row.cells.get(BASE.len() + at).unwrap_or(&Cell::ABSENT);
            !field.optional && cell.is_absent()
        });
        self.at = lacking.next().map_or(0, |(at, _)| at + BASE.len());
        self.stop(What::Missing)
    }

    fn text(&mut self) -> Result<Option<String>, Stop> {
        self.read(|slot| if let Slot::Text(text) = slot { Some(text.to_owned()) } else { None })
    }

    fn borrowed_text(&mut self, take: &mut dyn FnMut(&str)) -> Result<(), Stop> {
        let text = self.read(|slot| if let Slot::Text(text) = slot { Some(text) } else { None })?;
        text.into_iter().for_each(take);
        Ok(())
    }

    fn number(&mut self) -> Result<Option<f64>, Stop> {
        self.read(|slot| if let Slot::Number(number) = slot { Some(number) } else { None })
    }

    fn boolean(&mut self) -> Result<Option<bool>, Stop> {
        self.read(|slot| if let Slot::Boolean(boolean) = slot { Some(boolean) } else { None })
    }

    fn date(&mut self) -> Result<Option<Timestamp>, Stop> {
        self.read(|slot| if let Slot::Date(date) = slot { Some(date) } else { None })
    }

    fn json(&mut self) -> Result<Option<Json>, Stop> {
        let text = self.read(|slot| if let Slot::Json(text) = slot { Some(text) } else { None })?;
        match text.map(serde_json::from_str).transpose() {
            Ok(value) => Ok(value),
            Err(_) => Err(self.stop(What::BadJson)),
        }
    }
}
