//! Borrowed views of the deltas and rows of a batch.

use super::cell::{Cell, Slot, Span, View};
use super::get::Readable;
use super::store::{Data, Deltas, Owner, Participant, Record, field};
use crate::descriptor::ModelDescriptor;
use crate::wire::Action;
use crate::{Field, Model};
use std::fmt;
use std::marker::PhantomData;

/// A participant that a delta names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorRef<'b> {
    /// The kind of participant: `user`, `agent`, `system`, or a newer kind.
    pub kind: &'b str,
    /// The participant's id.
    pub id: &'b str,
}

/// One delta of a batch.
#[derive(Clone, Copy)]
pub struct DeltaRef<'b, 'a> {
    pub(super) deltas: &'b Deltas<'a>,
    pub(super) record: &'b Record,
}

impl<'a> Deltas<'a> {
    /// Returns the delta at an index.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<DeltaRef<'_, 'a>> {
        self.store.records.get(at).map(|record| DeltaRef { deltas: self, record })
    }

    /// Returns an iterator over the deltas.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = DeltaRef<'_, 'a>> + DoubleEndedIterator {
        self.store.records.iter().map(|record| DeltaRef { deltas: self, record })
    }
}

impl<'b, 'a> IntoIterator for &'b Deltas<'a> {
    type Item = DeltaRef<'b, 'a>;
    type IntoIter = Iter<'b, 'a>;

    fn into_iter(self) -> Iter<'b, 'a> {
        Iter { deltas: self, records: self.store.records.iter() }
    }
}

/// An iterator over the deltas of a batch.
#[derive(Clone)]
pub struct Iter<'b, 'a> {
    deltas: &'b Deltas<'a>,
    records: std::slice::Iter<'b, Record>,
}

impl<'b, 'a> Iterator for Iter<'b, 'a> {
    type Item = DeltaRef<'b, 'a>;

    fn next(&mut self) -> Option<DeltaRef<'b, 'a>> {
        self.records.next().map(|record| DeltaRef { deltas: self.deltas, record })
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $member:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self) -> Option<&'b str> {
            self.optional(self.record.$member)
        }
    )*};
}

macro_rules! actors {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(self) -> Option<ActorRef<'b>> {
            self.participant(self.record.$name)
        }
    )*};
}

impl<'b, 'a> DeltaRef<'b, 'a> {
    /// Returns the sync id, strictly increasing within an organisation.
    #[must_use]
    pub fn id(self) -> u64 {
        self.record.id
    }

    /// Returns the kind of change.
    #[must_use]
    pub fn action(self) -> Action {
        Action::from(self.text(self.record.action))
    }

    /// Returns the kind of change as on the wire.
    #[must_use]
    pub fn action_type(self) -> &'b str {
        self.text(self.record.action)
    }

    /// Returns the model, or `None` if this build's schema does not have it.
    #[must_use]
    pub fn model(self) -> Option<&'static ModelDescriptor> {
        self.deltas.model(self.record)
    }

    /// Returns the model's position in the schema.
    #[doc(hidden)]
    #[must_use]
    pub fn __model_position(self) -> usize {
        self.record.model as usize
    }

    /// Returns the typename of the model.
    #[must_use]
    pub fn model_name(self) -> &'b str {
        self.text(self.record.model_name)
    }

    /// Returns the id of the row.
    #[must_use]
    pub fn model_id(self) -> &'b str {
        self.text(self.record.model_id)
    }

    /// Returns the row after the change, if the delta carries one of the model `M`.
    #[must_use]
    pub fn row<M: Model>(self) -> Option<RowRef<'b, 'a, M>> {
        let row = self.any_row()?;
        std::ptr::eq(self.model()?, M::DESCRIPTOR).then_some(RowRef { row, model: PhantomData })
    }

    fn any_row(self) -> Option<AnyRow<'b, 'a>> {
        let Data::Row(piece) = self.record.data else { return None };
        Some(AnyRow { delta: self, cells: piece.of(&self.deltas.store.cells) })
    }

    /// Returns the names and values of the row's known members, for any model.
    pub fn slots(self) -> impl Iterator<Item = (&'static str, Slot<'b>)> {
        self.any_row().into_iter().flat_map(AnyRow::slots)
    }

    /// Returns the JSON text of the data if it is not a row of a known model: for group changes and
    /// unknown actions and models.
    #[must_use]
    pub fn raw_data(self) -> Option<&'b str> {
        match self.record.data {
            Data::Raw(span) => Some(self.text(span)),
            _ => None,
        }
    }

    /// Returns the sync groups of the change; empty if they were not sent.
    pub fn sync_groups(self) -> impl ExactSizeIterator<Item = &'b str> {
        let groups = self.record.sync_groups.unwrap_or_default().of(&self.deltas.store.groups);
        groups.iter().map(move |group| self.text(*group))
    }

    texts! {
        /// Returns the JSON text of the row before the change.
        previous_data: previous_data;
        /// Returns the id of the operation, by which its sender recognises the echo.
        transaction_id: transaction_id;
        /// Returns the time of the change as sent.
        created_at: created_at;
        /// Returns the id of the capability that allowed the change.
        capability_id: capability_id;
        /// Returns the confirmation state.
        confirmation_state: confirmation_state;
        /// Returns the id of the task that caused the change.
        caused_by_task_id: caused_by_task_id;
    }

    actors! {
        /// Returns the participant that made the change.
        actor;
        /// Returns the participant on whose behalf the change was made.
        on_behalf_of;
        /// Returns the participant that made the change, from the older member `createdBy`.
        created_by;
    }

    /// Returns the names and JSON texts of the delta's unknown members.
    pub fn unknown(self) -> impl Iterator<Item = (&'b str, &'b str)> {
        self.extras(Owner::Delta)
    }

    pub(super) fn extras(self, owner: Owner) -> impl Iterator<Item = (&'b str, &'b str)> {
        let extras = self.record.extras.of(&self.deltas.store.extras);
        let extras = extras.iter().filter(move |extra| extra.owner == owner);
        extras.map(move |extra| (self.text(extra.name), self.text(extra.value)))
    }

    fn text(self, span: Span) -> &'b str {
        self.deltas.text(span)
    }

    fn optional(self, span: Span) -> Option<&'b str> {
        span.is_value().then(|| self.text(span))
    }

    fn participant(self, found: Participant) -> Option<ActorRef<'b>> {
        Some(ActorRef { kind: self.optional(found.kind)?, id: self.optional(found.id)? })
    }
}

impl fmt::Debug for DeltaRef<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("DeltaRef");
        out.field("id", &self.id()).field("action", &self.action_type());
        out.field("model", &self.model_name())
            .field("model_id", &self.model_id())
            .finish_non_exhaustive()
    }
}

/// A row of any model.
#[derive(Clone, Copy)]
pub(super) struct AnyRow<'b, 'a> {
    pub(super) delta: DeltaRef<'b, 'a>,
    pub(super) cells: &'b [Cell],
}

impl<'b> AnyRow<'b, '_> {
    #[inline(always)]
    pub(super) fn slot(self, at: usize) -> Slot<'b> {
        let deltas = self.delta.deltas;
        match self.cells.get(at).map_or(View::Absent, |cell| cell.view()) {
            View::Absent => Slot::Absent,
            View::Null => Slot::Null,
            View::Text(span) => Slot::Text(deltas.text(span)),
            View::Number(number) => Slot::Number(number),
            View::Boolean(boolean) => Slot::Boolean(boolean),
            View::Date(millis) => jiff::Timestamp::from_millisecond(millis)
                .map_or(Slot::Absent, |at| Slot::Date(at.into())),
            View::Instant(at) => {
                deltas.store.instants.get(at as usize).map_or(Slot::Absent, |at| Slot::Date(*at))
            }
            View::Json(span) => Slot::Json(deltas.text(span)),
        }
    }

    fn slots(self) -> impl Iterator<Item = (&'static str, Slot<'b>)> {
        let model = self.delta.model();
        (0..self.cells.len()).filter_map(move |at| match self.slot(at) {
            Slot::Absent => None,
            slot => Some((field(model?, at)?.name, slot)),
        })
    }
}

/// A row of the model `M` as it was sent: any field can be missing.
pub struct RowRef<'b, 'a, M> {
    pub(super) row: AnyRow<'b, 'a>,
    pub(super) model: PhantomData<fn() -> M>,
}

impl<'b, 'a, M: Model> RowRef<'b, 'a, M> {
    /// Returns the delta that carries the row.
    #[must_use]
    pub fn delta(self) -> DeltaRef<'b, 'a> {
        self.row.delta
    }

    /// Returns the value of a field: `None` if it was not sent, `Some(None)` if an optional field
    /// is null.
    #[inline]
    #[must_use]
    pub fn get<T: Readable>(self, field: Field<M, T>) -> Option<T::Ref<'b>> {
        T::read(self.row.slot(field.slot()))
    }

    /// Returns the names and values of the known members.
    pub fn slots(self) -> impl Iterator<Item = (&'static str, Slot<'b>)> {
        self.row.slots()
    }

    /// Returns the names and JSON texts of the unknown members.
    pub fn unknown(self) -> impl Iterator<Item = (&'b str, &'b str)> {
        self.row.delta.extras(Owner::Row)
    }
}

impl<M> Clone for RowRef<'_, '_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for RowRef<'_, '_, M> {}

impl<M: Model> fmt::Debug for RowRef<'_, '_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.slots()).entries(self.unknown()).finish()
    }
}
