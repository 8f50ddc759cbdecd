//! Reads batches. Every length, reference and text is checked before it is used.
//!
//! Memory is bounded by the size of the input: a delta takes at least six bytes of it, a value two
//! bits, and text that is expanded to JSON is limited to a multiple of the input.

use super::super::cell::{HELD, Span};
use super::super::error::{DecodeError, Fault, ReadResult, Reason, fault};
use super::super::read::JsonReader;
use super::super::scan::Rest;
use super::super::store::{Data, Deltas, Participant, Piece, Record, Store};
use super::varint::{bytes, unzigzag, varint};
use super::{MAGIC, VERSION, data, flag, mark, schema_tag};
use crate::descriptor::{FieldDescriptor, ModelDescriptor, SchemaDescriptor};

/// The minimum size of a delta.
const MIN_DELTA_BYTES: usize = 6;

impl<'a> Deltas<'a> {
    /// Returns whether these bytes begin like the binary form. JSON never does.
    #[must_use]
    pub fn is_binary(bytes: &[u8]) -> bool {
        bytes.first() == Some(&MAGIC)
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a batch, if a batch without a dictionary has a
    /// different schema, or if a row does not match its model.
    pub fn read_binary(
        schema: &'static SchemaDescriptor,
        bytes: &'a [u8],
    ) -> Result<Self, DecodeError> {
        let mut reader = BinaryReader::new(schema);
        match reader.batch(bytes) {
            Ok(()) => {
                let BinaryReader { tail, store, .. } = reader;
                Ok(Deltas { schema, source: tail, plain: false, store })
            }
            Err(fault) => Err(reader.error(fault)),
        }
    }
}

/// A field in the dictionary of a batch.
#[derive(Debug)]
pub(super) struct DictionaryField {
    pub(super) kind: u8,
    /// The field's position in a row of this build's schema, or `None` for an unknown field.
    pub(super) position: Option<u16>,
    /// The field's descriptor in this build's schema.
    pub(super) local: Option<&'static FieldDescriptor>,
    pub(super) name: Span,
    /// The values of an enum in the writer's order.
    pub(super) values: Vec<Span>,
}

/// A model in the dictionary of a batch.
#[derive(Debug)]
pub(super) struct DictionaryModel {
    pub(super) name: Span,
    /// The model's position in this build's schema, if it is known.
    pub(super) at: Option<u32>,
    pub(super) fields: Vec<DictionaryField>,
}

pub(super) struct BinaryReader<'a> {
    pub(super) schema: &'static SchemaDescriptor,
    pub(super) store: Store,
    pub(super) tail: &'a str,
    /// The start of the unread part of the tail.
    pub(super) tail_offset: usize,
    /// The interned texts of the envelopes, in order of their first use.
    pub(super) known: Vec<Span>,
    /// The texts of the schema that are in the store.
    pub(super) values: Vec<(&'static &'static str, Span)>,
    pub(super) models: Option<Vec<DictionaryModel>>,
    previous: Record,
    /// The position of the previous delta's model in the dictionary or the schema.
    dictionary_model: usize,
    pub(super) date: i64,
    pub(super) created: i64,
    /// The end of the head, which the offsets of faults count from.
    end: usize,
    /// The limit for expanded text: text in the store, and text that deltas share but that is
    /// repeated for each of them in JSON.
    pub(super) budget: usize,
    pub(super) shared_total: usize,
    /// The shared text of the current delta, and the part of it in sync groups.
    shared_each: usize,
    pub(super) groups_len: usize,
    pub(super) error_context: (Option<&'static str>, Option<&'static str>),
}

impl<'a> BinaryReader<'a> {
    fn new(schema: &'static SchemaDescriptor) -> Self {
        Self {
            schema,
            store: Store::default(),
            tail: "",
            tail_offset: 0,
            known: Vec::new(),
            values: Vec::new(),
            models: None,
            previous: Record::EMPTY,
            dictionary_model: usize::MAX,
            date: 0,
            created: 0,
            end: 0,
            budget: 0,
            shared_total: 0,
            shared_each: 0,
            groups_len: 0,
            error_context: (None, None),
        }
    }

    fn error(&self, fault: Fault) -> DecodeError {
        let (model, field) = self.error_context;
        DecodeError {
            at: self.end.saturating_sub(fault.left as usize),
            model,
            field,
            reason: fault.reason,
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn with_model_field<T>(
        &mut self,
        model: &ModelDescriptor,
        field: &'static str,
        fault: ReadResult<T>,
    ) -> ReadResult<T> {
        self.error_context = (Some(model.type_name), Some(field));
        fault
    }

    #[cold]
    #[inline(never)]
    pub(super) fn with_field<T>(
        &mut self,
        field: &FieldDescriptor,
        fault: ReadResult<T>,
    ) -> ReadResult<T> {
        self.error_context = (None, Some(field.name));
        fault
    }

    fn batch(&mut self, all: &'a [u8]) -> ReadResult<()> {
        self.end = all.len();
        if all.len() >= HELD as usize {
            return Err(Fault { left: 0, reason: Reason::TooLong });
        }
        self.budget = all.len() * 64 + (1 << 16);
        let (start, rest) = bytes::<3>(all)?;
        let [MAGIC, VERSION, flags] = *start else { return fault(all, Reason::Magic) };
        // Only a list can have versions and members of its own.
        let of_list = flag::VERSIONS | flag::EXTRAS;
        if flags & !flag::ALL != 0 || (flags & flag::LIST == 0 && flags & of_list != 0) {
            return fault(all, Reason::UnknownForm);
        }
        self.store.batch = flags & flag::LIST != 0;
        let described = flags & flag::DESCRIBED != 0;
        let rest = if described { rest } else { self.same_schema(rest)? };
        let (count, rest) = varint(rest)?;
        let (head, rest) = varint(rest)?;
        let Some((head, tail)) =
            usize::try_from(head).ok().and_then(|head| rest.split_at_checked(head))
        else {
            return fault(rest, Reason::Size);
        };
        let Ok(tail) = std::str::from_utf8(tail) else { return fault(tail, Reason::Utf8) };
        self.tail = tail;
        self.end -= tail.len();
        // A list has any number of deltas, a single frame has one.
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > head.len() / MIN_DELTA_BYTES || !(self.store.batch || count == 1) {
            return fault(head, Reason::Size);
        }
        let mut rest = if described { self.dictionary(head)? } else { head };
        if flags & flag::VERSIONS != 0 {
            let (versions, more) = self.json(rest)?;
            if !self.read_text(versions).starts_with('{') {
                return fault(rest, Reason::Object);
            }
            self.store.new_versions = Some(versions);
            rest = more;
        }
        if flags & flag::EXTRAS != 0 {
            rest = self.extras(&mut Record::EMPTY.clone(), rest)?;
        }
        self.store.records.reserve(count);
        for _ in 0..count {
            rest = self.record(rest)?;
        }
        if rest.is_empty() && self.tail_offset == self.tail.len() {
            Ok(())
        } else {
            fault(rest, Reason::Trailing)
        }
    }

    fn same_schema<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let (tag, more) = bytes::<16>(rest)?;
        if schema_tag(self.schema) == Some(*tag) { Ok(more) } else { fault(rest, Reason::Schema) }
    }

    fn model<'s>(&mut self, record: &mut Record, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let (number, more) = varint(rest)?;
        let Some(at) = number.checked_sub(1).map(|at| usize::try_from(at).unwrap_or(usize::MAX))
        else {
            let (name, more) = self.required(more)?;
            (record.model_name, self.dictionary_model) = (name, usize::MAX);
            // This build may know the model although the writer does not. Its rows stay text.
            let found = self.schema.position(self.read_text(name));
            record.model = found.map_or(u32::MAX, |at| at as u32);
            return Ok(more);
        };
        self.dictionary_model = at;
        match &self.models {
            Some(models) => {
                let Some(model) = models.get(at) else { return fault(rest, Reason::Reference) };
                (record.model, record.model_name) = (model.at.unwrap_or(u32::MAX), model.name);
            }
            None => {
                let Some(model) = self.schema.models.get(at) else {
                    return fault(rest, Reason::Reference);
                };
                record.model = at as u32;
                record.model_name = self.known_value(&model.type_name);
            }
        }
        Ok(more)
    }

    fn record<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let (marks, more) = bytes::<2>(rest)?;
        let marks = u16::from_le_bytes(*marks);
        // Starts as a copy of the previous delta; members that are never shared are reset.
        let mut record = self.previous;
        record.extras =
            Piece { start: self.store.extras.len() as u32, end: self.store.extras.len() as u32 };
        record.previous_data = Span::ABSENT;
        let (id, more) = varint(more)?;
        record.id = record.id.wrapping_add_signed(unzigzag(id));
        if marks & mark::UNUSED != 0 || record.id >= 1 << 53 {
            return fault(rest, Reason::SyncId);
        }
        let more = self.envelope(&mut record, marks, more)?;
        if marks & mark::CHANGED != 0 {
            self.shared_each = shared_len(&record) + self.groups_len;
        }
        self.shared_total += self.shared_each;
        let mut more = self.data(&mut record, marks, more)?;
        if marks & mark::EXTRAS != 0 {
            more = self.extras(&mut record, more)?;
        }
        record.extras.end = self.store.extras.len() as u32;
        if marks & mark::DATA == data::ROW && record.model == u32::MAX {
            self.compose_row_text(&mut record);
        }
        self.check_budget(rest)?;
        self.store.records.push(record);
        self.previous = record;
        Ok(more)
    }

    #[inline(always)]
    fn envelope<'s>(
        &mut self,
        record: &mut Record,
        marks: u16,
        mut rest: Rest<'s>,
    ) -> ReadResult<Rest<'s>> {
        macro_rules! read {
            ($member:ident, $how:ident) => {{
                let (value, more) = self.$how(rest)?;
                record.$member = value;
                rest = more;
            }};
            ($mark:ident, $member:ident, $how:ident) => {
                if marks & mark::$mark != 0 {
                    read!($member, $how);
                }
            };
        }
        read!(model_id, text_or_uuid);
        read!(transaction_id, plain);
        read!(created_at, created_at);
        read!(ACTION, action, required);
        if marks & mark::MODEL != 0 {
            rest = self.model(record, rest)?;
        }
        read!(GROUPS, sync_groups, groups);
        read!(ACTOR, actor, participant);
        read!(ON_BEHALF_OF, on_behalf_of, participant);
        read!(CAPABILITY, capability_id, interned);
        read!(CONFIRMATION, confirmation_state, interned);
        read!(CAUSED_BY, caused_by_task_id, interned);
        read!(CREATED_BY, created_by, participant);
        if marks & mark::CREATED_BY_ACTOR != 0 {
            record.created_by = record.actor;
        }
        if marks & mark::PREVIOUS != 0 {
            read!(previous_data, plain);
            let span = record.previous_data;
            if span.is_value()
                && !(self.check(span) && self.read_text(span).starts_with(['{', '"']))
            {
                return fault(rest, Reason::Row);
            }
        }
        if !record.action.is_value() || !record.model_name.is_value() {
            return fault(rest, Reason::Missing);
        }
        Ok(rest)
    }

    fn data<'s>(
        &mut self,
        record: &mut Record,
        marks: u16,
        rest: Rest<'s>,
    ) -> ReadResult<Rest<'s>> {
        let same_id = marks & mark::SAME_ID != 0;
        let (data, rest) = match marks & mark::DATA {
            data::ABSENT => (Data::Absent, rest),
            data::NULL => (Data::Null, rest),
            data::RAW => {
                let (raw, more) = self.row_text(rest)?;
                // If this build knows the model, the data is a row, as it would be in JSON.
                let until = self.tail.get(..raw.start() + raw.len()).unwrap_or_default();
                let mut text = JsonReader::new(self.schema, until, &mut self.store);
                match text.data_at(record, raw) {
                    Ok(data) => (data, more),
                    Err(error) => {
                        self.error_context = text.error_context;
                        return fault(rest, error.reason);
                    }
                }
            }
            _ if self.dictionary_model == usize::MAX => return fault(rest, Reason::UnknownForm),
            _ => {
                let (row, rest) = match self.models.take() {
                    None => self.row(record, same_id, rest)?,
                    Some(models) => {
                        let read = match models.get(self.dictionary_model) {
                            Some(model) => self.dictionary_row(record, model, same_id, rest),
                            None => fault(rest, Reason::Reference),
                        };
                        self.models = Some(models);
                        read?
                    }
                };
                (Data::Row(row), rest)
            }
        };
        record.data = data;
        Ok(rest)
    }
}

/// Returns the length of the texts that a delta can share with others.
#[inline(always)]
fn shared_len(record: &Record) -> usize {
    let actor = |actor: Participant| actor.kind.len() + actor.id.len();
    record.action.len()
        + record.model_name.len()
        + record.capability_id.len()
        + record.confirmation_state.len()
        + record.caused_by_task_id.len()
        + actor(record.actor)
        + actor(record.on_behalf_of)
        + actor(record.created_by)
}
