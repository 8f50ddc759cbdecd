//! Builds batches from owned deltas, for writing as JSON or in the binary form.
//!
//! A server has no frame to borrow texts from, so the batch's store holds them.

use super::cell::{Cell, HELD, Span};
use super::error::{DecodeError, Reason};
use super::store::{Data, Deltas, Extra, Owner, Participant, Piece, Record, Store};
use crate::descriptor::ModelDescriptor;
use crate::descriptor::SchemaDescriptor;
use crate::value::ValueRef;
use crate::wire::{Actor, Delta, Maybe, Object};
use crate::{Model, Row, Timestamp, UnknownFields};
use std::fmt::{Display, Write};

impl Deltas<'static> {
    /// Creates an empty list of deltas.
    ///
    /// ```
    /// # mod generated { include!("../../tests/weather.in"); }
    /// use ablo::{Deltas, Row, wire};
    /// use generated::Station;
    ///
    /// let row: Row<Station> = serde_json::from_str(r#"{"id":"s_1",
    ///   "createdAt":"2026-06-01T08:00:00Z","updatedAt":"2026-06-01T08:00:00Z",
    ///   "name":"Arlanda","altitude":37,"openedAt":"1962-04-01T00:00:00Z"}"#)?;
    /// let mut delta = wire::Delta::new(wire::SyncId(9), wire::Action::Insert, "Station", "s_1");
    /// delta.data = wire::Maybe::Value(row);
    /// let mut batch = Deltas::new(&generated::SCHEMA);
    /// batch.push(&delta)?;
    /// assert_eq!(batch.to_json(), concat!(
    ///     r#"{"deltas":[{"id":9,"actionType":"I","modelName":"Station","modelId":"s_1","#,
    ///     r#""data":{"id":"s_1","createdAt":"2026-06-01T08:00:00.000Z","#,
    ///     r#""updatedAt":"2026-06-01T08:00:00.000Z","name":"Arlanda","#,
    ///     r#""altitude":37,"openedAt":"1962-04-01T00:00:00.000Z"}}]}"#,
    /// ));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(schema: &'static SchemaDescriptor) -> Self {
        Deltas { schema, source: "", plain: true, store: Store { batch: true, ..Store::default() } }
    }

    /// Appends a delta. The model and the row id are those of `delta`; unknown members are kept.
    ///
    /// # Errors
    /// Returns an error if a number of the row is not finite, if `M` is not the schema's model of
    /// that name, or if the batch would exceed 2 GiB.
    pub fn push<M: Model>(&mut self, delta: &Delta<Row<M>>) -> Result<(), DecodeError> {
        let error = |reason| DecodeError {
            at: 0,
            model: Some(M::DESCRIPTOR.type_name),
            field: None,
            reason,
        };
        let mut filler = Filler { store: &mut self.store };
        let mut record = filler.envelope(delta);
        let at = self.schema.position(&delta.model_name).unwrap_or(usize::MAX);
        record.model = u32::try_from(at).unwrap_or(u32::MAX);
        let same =
            self.schema.models.get(at).is_some_and(|model| std::ptr::eq(*model, M::DESCRIPTOR));
        record.data = match &delta.data {
            Maybe::Absent => Data::Absent,
            Maybe::Null => Data::Null,
            Maybe::Value(_) if !same => return Err(error(Reason::Model)),
            Maybe::Value(row) => match filler.row(row) {
                Ok(cells) => Data::Row(cells),
                Err(field) => {
                    return Err(DecodeError { field: Some(field), ..error(Reason::Range) });
                }
            },
        };
        if let Maybe::Value(row) = &delta.previous_data {
            let text = serde_json::to_string(row).map_err(|_| error(Reason::Range))?;
            record.previous_data = filler.text(&text);
        }
        record.extras.end = filler.store.extras.len() as u32;
        if filler.store.held.len() >= HELD as usize {
            return Err(error(Reason::TooLong));
        }
        self.store.records.push(record);
        Ok(())
    }
}

struct Filler<'s> {
    store: &'s mut Store,
}

impl Filler<'_> {
    fn text(&mut self, text: &str) -> Span {
        let at = self.store.held.len() as u32;
        self.store.held.push_str(text);
        Span::new(at, text.len() as u32 | HELD)
    }

    fn maybe(&mut self, text: &Maybe<impl AsRef<str>>) -> Span {
        match text {
            Maybe::Absent => Span::ABSENT,
            Maybe::Null => Span::NULL,
            Maybe::Value(text) => self.text(text.as_ref()),
        }
    }

    fn envelope<M>(&mut self, delta: &Delta<Row<M>>) -> Record {
        let mut record = Record::EMPTY;
        record.extras.start = self.store.extras.len() as u32;
        record.id = delta.id.0;
        record.action = self.text(delta.action_type.as_str());
        record.model_name = self.text(&delta.model_name);
        record.model_id = self.text(&delta.model_id);
        if matches!(delta.previous_data, Maybe::Null) {
            record.previous_data = Span::NULL;
        }
        record.sync_groups = delta.sync_groups.as_ref().map(|groups| {
            let start = self.store.groups.len() as u32;
            for group in groups {
                let group = self.text(group);
                self.store.groups.push(group);
            }
            Piece { start, end: self.store.groups.len() as u32 }
        });
        record.transaction_id = self.maybe(&delta.transaction_id);
        record.created_at = delta.created_at.as_ref().map_or(Span::ABSENT, |at| self.text(at));
        record.actor = self.participant(&delta.actor, Owner::Actor);
        record.on_behalf_of = self.participant(&delta.on_behalf_of, Owner::OnBehalfOf);
        record.capability_id = self.maybe(&delta.capability_id);
        record.confirmation_state = match &delta.confirmation_state {
            Maybe::Absent => Span::ABSENT,
            Maybe::Null => Span::NULL,
            Maybe::Value(state) => self.text(state.as_str()),
        };
        record.caused_by_task_id = self.maybe(&delta.caused_by_task_id);
        record.created_by = self.participant(&delta.created_by, Owner::CreatedBy);
        self.extra_members(Owner::Delta, &delta.other);
        record
    }

    fn participant(&mut self, actor: &Maybe<Actor>, owner: Owner) -> Participant {
        match actor {
            Maybe::Absent => Participant::ABSENT,
            Maybe::Null => Participant::NULL,
            Maybe::Value(actor) => {
                self.extra_members(owner, &actor.other);
                Participant { kind: self.text(actor.kind.as_str()), id: self.text(&actor.id) }
            }
        }
    }

    fn extra_members(&mut self, owner: Owner, members: &Object) {
        for (name, value) in members {
            let extra = Extra { owner, name: self.text(name), value: self.json(value) };
            self.store.extras.push(extra);
        }
    }

    fn json(&mut self, value: &serde_json::Value) -> Span {
        self.display_text(value)
    }

    fn display_text(&mut self, value: &dyn Display) -> Span {
        let at = self.store.held.len();
        // Writing to a `String` cannot fail.
        let _ = write!(self.store.held, "{value}");
        Span::new(at as u32, (self.store.held.len() - at) as u32 | HELD)
    }

    fn date(&mut self, at: Timestamp) -> Cell {
        Cell::date(at, &mut self.store.instants)
    }

    /// Appends the cells of a row. Fails with the name of a field whose number is not finite.
    fn row<M: Model>(&mut self, row: &Row<M>) -> Result<Piece, &'static str> {
        let start = self.store.cells.len() as u32;
        let text = |filler: &mut Self, text: &Option<String>| {
            text.as_ref().map_or(Cell::ABSENT, |text| Cell::text(filler.text(text)))
        };
        let base = [
            Cell::text(self.text(row.id.as_str())),
            self.date(row.created_at),
            self.date(row.updated_at),
            text(self, &row.organization_id),
            text(self, &row.created_by),
        ];
        self.store.cells.extend(base);
        let mut invalid = None;
        row.data.members(&mut |members| {
            invalid = self.members(M::DESCRIPTOR, members, &row.unknown).err()
        });
        if let Some(field) = invalid {
            return Err(field);
        }
        for (name, value) in row.unknown.iter() {
            let extra = Extra { owner: Owner::Row, name: self.text(name), value: self.text(value) };
            self.store.extras.push(extra);
        }
        Ok(Piece { start, end: self.store.cells.len() as u32 })
    }

    fn members(
        &mut self,
        model: &ModelDescriptor,
        members: &[ValueRef<'_>],
        unknown: &UnknownFields,
    ) -> Result<(), &'static str> {
        for (at, (field, shown)) in model.fields.iter().zip(members).enumerate() {
            let cell = match *shown {
                ValueRef::Null if unknown.is_absent(at) => Cell::ABSENT,
                ValueRef::Absent => Cell::ABSENT,
                ValueRef::Null => Cell::NULL,
                ValueRef::Text(text) => Cell::text(self.text(text)),
                ValueRef::Number(number) if number.is_finite() => Cell::number(number),
                ValueRef::Number(_) => return Err(field.name),
                ValueRef::Boolean(boolean) => Cell::boolean(boolean),
                ValueRef::Date(date) => self.date(date),
                ValueRef::Json(json) => Cell::json(self.json(json)),
                ValueRef::Integer(integer) => Cell::text(self.display_text(&integer)),
                ValueRef::Uuid(uuid) => Cell::text(self.display_text(&uuid)),
                ValueRef::Raw(raw) => Cell::json(self.text(raw.get())),
            };
            self.store.cells.push(cell);
        }
        Ok(())
    }
}
