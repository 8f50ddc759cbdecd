//! Reading batches: every length, reference and text is checked before it is used.
//!
//! Memory grows with the input: a delta takes six bytes of it, a value two bits, and what has to be unfolded into JSON
//! text, for a schema that lacks it, is bounded by a multiple of the input.

use super::super::cell::{HELD, Span};
use super::super::error::{DecodeError, Fault, Step, What, fault};
use super::super::read::Reader as JsonReader;
use super::super::scan::{Rest, skip, space};
use super::super::store::{Data, Deltas, Participant, Piece, Record, Store};
use super::dictionary::NamedModel;
use super::varint::{bytes, unzigzag, varint};
use super::{MAGIC, VERSION, code, data, flag, mark, schema_tag, uuid};
use crate::codec::date;
use crate::descriptor::{FieldDescriptor, ModelDescriptor, SchemaDescriptor};

/// What a delta takes at least.
const LEAST: usize = 6;

impl<'a> Deltas<'a> {
    /// Whether these bytes begin like the binary form. JSON never does.
    #[must_use]
    pub fn is_binary(bytes: &[u8]) -> bool {
        bytes.first() == Some(&MAGIC)
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Where the bytes are no such batch, where it is one of another schema without a description, and where a row is not
    /// one of its model.
    pub fn read_binary(
        schema: &'static SchemaDescriptor,
        bytes: &'a [u8],
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(schema);
        match reader.batch(bytes) {
            Ok(()) => {
                let Reader { tail, store, .. } = reader;
                Ok(Deltas { schema, source: tail, plain: false, store })
            }
            Err(fault) => Err(reader.error(fault)),
        }
    }
}

pub(super) struct Reader<'a> {
    pub(super) schema: &'static SchemaDescriptor,
    pub(super) store: Store,
    /// All text, and where what has not been asked for begins.
    pub(super) tail: &'a str,
    at: usize,
    /// Texts of the envelope that were new, in their order.
    known: Vec<Span>,
    /// Values that the schema lists, where they are in the store.
    pub(super) values: Vec<(&'static &'static str, Span)>,
    pub(super) models: Option<Vec<NamedModel>>,
    before: Record,
    /// The model of the delta before, in the dictionary.
    named: usize,
    pub(super) date: i64,
    created: i64,
    /// The end of the head, where faults are counted from.
    end: usize,
    /// What may be unfolded: text in the store, and text that deltas share but that each has to say in JSON.
    budget: usize,
    shared: usize,
    /// What the delta under way shares, and of it the groups.
    each: usize,
    groups: usize,
    pub(super) blamed: (Option<&'static str>, Option<&'static str>),
}

impl<'a> Reader<'a> {
    fn new(schema: &'static SchemaDescriptor) -> Self {
        Self {
            schema,
            store: Store::default(),
            tail: "",
            at: 0,
            known: Vec::new(),
            values: Vec::new(),
            models: None,
            before: Record::EMPTY,
            named: usize::MAX,
            date: 0,
            created: 0,
            end: 0,
            budget: 0,
            shared: 0,
            each: 0,
            groups: 0,
            blamed: (None, None),
        }
    }

    fn error(&self, fault: Fault) -> DecodeError {
        let (model, field) = self.blamed;
        DecodeError {
            at: self.end.saturating_sub(fault.left as usize),
            model,
            field,
            what: fault.what,
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn blame<T>(
        &mut self,
        model: &ModelDescriptor,
        field: &'static str,
        fault: Step<T>,
    ) -> Step<T> {
        self.blamed = (Some(model.type_name), Some(field));
        fault
    }

    #[cold]
    #[inline(never)]
    pub(super) fn blame_field<T>(&mut self, field: &FieldDescriptor, fault: Step<T>) -> Step<T> {
        self.blamed = (None, Some(field.name));
        fault
    }

    fn batch(&mut self, all: &'a [u8]) -> Step<()> {
        self.end = all.len();
        if all.len() >= HELD as usize {
            return Err(Fault { left: 0, what: What::TooLong });
        }
        self.budget = all.len() * 64 + (1 << 16);
        let (start, rest) = bytes::<3>(all)?;
        let [MAGIC, VERSION, flags] = *start else { return fault(all, What::Magic) };
        // Only a list has versions and members of its own.
        let of_list = flag::VERSIONS | flag::EXTRAS;
        if flags & !flag::ALL != 0 || (flags & flag::LIST == 0 && flags & of_list != 0) {
            return fault(all, What::Form);
        }
        self.store.batch = flags & flag::LIST != 0;
        let described = flags & flag::DESCRIBED != 0;
        let rest = if described { rest } else { self.same_schema(rest)? };
        let (count, rest) = varint(rest)?;
        let (head, rest) = varint(rest)?;
        let Some((head, tail)) =
            usize::try_from(head).ok().and_then(|head| rest.split_at_checked(head))
        else {
            return fault(rest, What::Size);
        };
        let Ok(tail) = std::str::from_utf8(tail) else { return fault(tail, What::Utf8) };
        self.tail = tail;
        self.end -= tail.len();
        // A list has any number, a frame without one has one.
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > head.len() / LEAST || !(self.store.batch || count == 1) {
            return fault(head, What::Size);
        }
        let mut rest = if described { self.dictionary(head)? } else { head };
        if flags & flag::VERSIONS != 0 {
            let (versions, more) = self.json(rest)?;
            if !self.read_text(versions).starts_with('{') {
                return fault(rest, What::Object);
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
        if rest.is_empty() && self.at == self.tail.len() { Ok(()) } else { fault(rest, What::More) }
    }

    fn same_schema<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        let (tag, more) = bytes::<16>(rest)?;
        if schema_tag(self.schema) == Some(*tag) { Ok(more) } else { fault(rest, What::Schema) }
    }

    /// Reads a length and takes so much text.
    #[inline(always)]
    pub(super) fn text<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (len, more) = varint(rest)?;
        Ok((self.take(len, rest)?, more))
    }

    /// Takes so much text.
    #[inline(always)]
    fn take(&mut self, len: u64, rest: Rest<'_>) -> Step<Span> {
        let left = self.tail.len() - self.at;
        if len > left as u64 {
            return fault(rest, What::Size);
        }
        let (start, len) = (self.at, len as usize);
        if !self.tail.is_char_boundary(start + len) {
            return fault(rest, What::Utf8);
        }
        self.at += len;
        Ok(Span::new(start as u32, len as u32))
    }

    pub(super) fn read_text(&self, span: Span) -> &str {
        let all = if span.is_held() { self.store.held.as_str() } else { self.tail };
        all.get(span.start()..span.start() + span.len()).unwrap_or_default()
    }

    /// Reads text that must be JSON.
    pub(super) fn json<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (span, more) = self.text(rest)?;
        match self.check(span) {
            true => Ok((span, more)),
            false => fault(rest, What::BadJson),
        }
    }

    /// Whether a text is JSON, without white space around it: as text it would not come back.
    fn check(&self, span: Span) -> bool {
        let text = self.read_text(span).as_bytes();
        space(text).len() == text.len() && skip(text).is_ok_and(<[u8]>::is_empty)
    }

    /// Reads JSON text that holds a row: an object, or a string.
    fn row_text<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (span, more) = self.json(rest)?;
        if self.read_text(span).starts_with(['{', '"']) {
            Ok((span, more))
        } else {
            fault(rest, What::Row)
        }
    }

    /// Keeps text in the store.
    pub(super) fn hold(&mut self, text: &str) -> Span {
        let at = self.store.held.len();
        self.store.held.push_str(text);
        Span::new(at as u32, text.len() as u32 | HELD)
    }

    #[inline(always)]
    pub(super) fn hold_uuid(&mut self, packed: &[u8; 16]) -> Span {
        let text = uuid::unpack(packed);
        // It is all digits, letters and hyphens.
        self.hold(std::str::from_utf8(&text).unwrap_or_default())
    }

    /// Says when more was unfolded than an input of this size warrants.
    pub(super) fn within_budget(&self, rest: Rest<'_>) -> Step<()> {
        let held = self.store.held.len();
        if held + self.shared > self.budget || held >= HELD as usize {
            fault(rest, What::Budget)
        } else {
            Ok(())
        }
    }

    /// Reads text that is not remembered.
    #[inline(always)]
    fn plain<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        Ok((
            match number {
                code::ABSENT => Span::ABSENT,
                code::NULL => Span::NULL,
                _ => self.take(number - code::NEW, rest)?,
            },
            more,
        ))
    }

    /// Reads text that may have come before.
    fn interned<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        match number {
            code::ABSENT => Ok((Span::ABSENT, more)),
            code::NULL => Ok((Span::NULL, more)),
            code::NEW => {
                let (text, more) = self.text(more)?;
                self.known.push(text);
                Ok((text, more))
            }
            _ => match usize::try_from(number - code::KNOWN).ok().and_then(|at| self.known.get(at))
            {
                Some(text) => Ok((*text, more)),
                None => fault(rest, What::Reference),
            },
        }
    }

    /// Reads text that must be there.
    fn required<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (span, more) = self.interned(rest)?;
        if span.is_value() { Ok((span, more)) } else { fault(rest, What::Missing) }
    }

    #[inline(always)]
    fn text_or_uuid<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        if number == 1 {
            let (packed, more) = bytes::<16>(more)?;
            return Ok((self.hold_uuid(packed), more));
        }
        if number & 1 == 1 {
            return fault(rest, What::Form);
        }
        Ok((self.take(number >> 1, rest)?, more))
    }

    #[inline(always)]
    fn created_at<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        match number {
            0 => Ok((Span::ABSENT, more)),
            1 => self.text(more),
            _ => {
                let millis = self.created.checked_add(unzigzag(number - 2));
                let Some(millis) = millis.filter(|at| date::FIXED.contains(at)) else {
                    return fault(rest, What::Date);
                };
                self.created = millis;
                let text = date::print(millis);
                Ok((self.hold(std::str::from_utf8(&text).unwrap_or_default()), more))
            }
        }
    }

    fn participant<'s>(&mut self, rest: Rest<'s>) -> Step<(Participant, Rest<'s>)> {
        let (kind, rest) = self.interned(rest)?;
        if !kind.is_value() {
            return Ok((
                if kind == Span::NULL { Participant::NULL } else { Participant::ABSENT },
                rest,
            ));
        }
        let (id, rest) = self.required(rest)?;
        Ok((Participant { kind, id }, rest))
    }

    fn groups<'s>(&mut self, rest: Rest<'s>) -> Step<(Option<Piece>, Rest<'s>)> {
        let (count, mut more) = varint(rest)?;
        let Some(count) = count.checked_sub(1) else {
            self.groups = 0;
            return Ok((None, more));
        };
        // Each takes a byte at least.
        if count > more.len() as u64 {
            return fault(rest, What::Size);
        }
        let start = self.store.groups.len() as u32;
        self.groups = 0;
        for _ in 0..count {
            let (group, rest) = self.required(more)?;
            self.groups += group.len();
            self.store.groups.push(group);
            more = rest;
        }
        Ok((Some(Piece { start, end: self.store.groups.len() as u32 }), more))
    }

    fn model<'s>(&mut self, record: &mut Record, rest: Rest<'s>) -> Step<Rest<'s>> {
        let (number, more) = varint(rest)?;
        let Some(at) = number.checked_sub(1).map(|at| usize::try_from(at).unwrap_or(usize::MAX))
        else {
            let (name, more) = self.required(more)?;
            (record.model_name, self.named) = (name, usize::MAX);
            // The schema of this build may have what that of the writer lacks; its rows stay text nevertheless.
            let found = self.schema.position(self.read_text(name));
            record.model = found.map_or(u32::MAX, |at| at as u32);
            return Ok(more);
        };
        self.named = at;
        match &self.models {
            Some(models) => {
                let Some(model) = models.get(at) else { return fault(rest, What::Reference) };
                (record.model, record.model_name) = (model.at.unwrap_or(u32::MAX), model.name);
            }
            None => {
                let Some(model) = self.schema.models.get(at) else {
                    return fault(rest, What::Reference);
                };
                record.model = at as u32;
                record.model_name = self.known_value(&model.type_name);
            }
        }
        Ok(more)
    }

    fn record<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        let (marks, more) = bytes::<2>(rest)?;
        let marks = u16::from_le_bytes(*marks);
        // What the delta before has is there already; what belongs to one delta only is set below.
        let mut record = self.before;
        record.extras =
            Piece { start: self.store.extras.len() as u32, end: self.store.extras.len() as u32 };
        record.previous_data = Span::ABSENT;
        let (id, more) = varint(more)?;
        record.id = record.id.wrapping_add_signed(unzigzag(id));
        if marks & mark::UNUSED != 0 || record.id >= 1 << 53 {
            return fault(rest, What::SyncId);
        }
        let more = self.envelope(&mut record, marks, more)?;
        if marks & mark::CHANGED != 0 {
            self.each = shared(&record) + self.groups;
        }
        self.shared += self.each;
        let mut more = self.data(&mut record, marks, more)?;
        if marks & mark::EXTRAS != 0 {
            more = self.extras(&mut record, more)?;
        }
        record.extras.end = self.store.extras.len() as u32;
        if marks & mark::DATA == data::ROW && record.model == u32::MAX {
            self.compose(&mut record);
        }
        self.within_budget(rest)?;
        self.store.records.push(record);
        self.before = record;
        Ok(more)
    }

    #[inline(always)]
    fn envelope<'s>(
        &mut self,
        record: &mut Record,
        marks: u16,
        mut rest: Rest<'s>,
    ) -> Step<Rest<'s>> {
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
        if marks & mark::CREATOR_ACTS != 0 {
            record.created_by = record.actor;
        }
        if marks & mark::PREVIOUS != 0 {
            read!(previous_data, plain);
            let span = record.previous_data;
            if span.is_value()
                && !(self.check(span) && self.read_text(span).starts_with(['{', '"']))
            {
                return fault(rest, What::Row);
            }
        }
        if !record.action.is_value() || !record.model_name.is_value() {
            return fault(rest, What::Missing);
        }
        Ok(rest)
    }

    fn data<'s>(&mut self, record: &mut Record, marks: u16, rest: Rest<'s>) -> Step<Rest<'s>> {
        let same_id = marks & mark::SAME_ID != 0;
        let (data, rest) = match marks & mark::DATA {
            data::ABSENT => (Data::Absent, rest),
            data::NULL => (Data::Null, rest),
            data::RAW => {
                let (raw, more) = self.row_text(rest)?;
                // Where this build knows the model after all, it is a row, as it would be in JSON.
                let until = self.tail.get(..raw.start() + raw.len()).unwrap_or_default();
                let mut text = JsonReader::new(self.schema, until, &mut self.store);
                match text.data_within(record, raw) {
                    Ok(data) => (data, more),
                    Err(wrong) => {
                        self.blamed = text.blamed;
                        return fault(rest, wrong.what);
                    }
                }
            }
            _ if self.named == usize::MAX => return fault(rest, What::Form),
            _ => {
                let (row, rest) = match self.models.take() {
                    None => self.row(record, same_id, rest)?,
                    Some(models) => {
                        let read = match models.get(self.named) {
                            Some(model) => self.named_row(record, model, same_id, rest),
                            None => fault(rest, What::Reference),
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

/// How much text of a delta may be that of others, too.
#[inline(always)]
fn shared(record: &Record) -> usize {
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
