//! Writes batches.
//!
//! A member that equals that of the previous delta costs one bit; a repeated text of the envelope
//! costs a byte.

use super::super::byte_writer::{ByteWriter, OutBuffer};
use super::super::cell::{Span, View};
use super::super::date;
use super::super::store::{Data, Deltas, Extra, Owner, Participant, Piece, Record};
use super::varint::zigzag;
use super::{MAGIC, Naming, VERSION, code, data, dictionary, flag, mark, schema_tag, uuid};
use crate::descriptor::FieldKind;
use crate::field::BASE;

impl Deltas<'_> {
    /// Returns the binary form, as specified in docs/reference/delta-format.md.
    #[must_use]
    pub fn to_binary(&self, naming: Naming) -> Vec<u8> {
        self.write_binary(naming, Vec::new())
    }

    /// Appends the binary form to a buffer and returns it.
    #[must_use]
    pub fn write_binary(&self, naming: Naming, into: Vec<u8>) -> Vec<u8> {
        let tag = schema_tag(self.schema);
        let naming = if tag.is_some() { naming } else { Naming::Described };
        let count = self.store.records.len();
        let extras = self.batch_extras();
        let mut batch = BinaryWriter::new(self, naming);
        let mut head = OutBuffer::appending_to(Vec::new(), 64 + count * 96);
        head.write(|writer| {
            batch.texts.clear();
            batch.start(writer, naming, &extras)
        });
        for record in &self.store.records {
            let (texts, known, date, created) =
                (batch.texts.len(), batch.count, batch.date, batch.created);
            head.write(|writer| {
                // After a retry with a larger buffer, nothing of the first attempt may remain.
                batch.texts.truncate(texts);
                if batch.count != known {
                    batch.undo_interning(known);
                }
                (batch.date, batch.created) = (date, created);
                batch.record(writer, record)
            });
            batch.previous = record;
            batch.replaced.clear();
        }
        let mut flags = if self.store.batch { flag::LIST } else { 0 };
        flags |= if naming == Naming::Described { flag::DESCRIBED } else { 0 };
        flags |= if self.store.new_versions.is_some() { flag::VERSIONS } else { 0 };
        flags |= if extras.is_empty() { 0 } else { flag::EXTRAS };
        let texts: usize = batch.texts.iter().map(|span| span.len()).sum();
        let mut out =
            OutBuffer::appending_to(into, head.written().len() + batch.names.len() + texts + 64);
        out.write(|writer| {
            let writer = writer.fixed(&[MAGIC, VERSION, flags])?;
            let writer = match naming {
                Naming::SameSchema => writer.fixed(&tag.unwrap_or_default())?,
                Naming::Described => writer,
            };
            let writer = writer.varint(count as u64)?.varint(head.written().len() as u64)?;
            let mut writer = writer.bytes(head.written())?.bytes(batch.names.as_bytes())?;
            for span in &batch.texts {
                writer = writer.piece(self.all(*span), span.start(), span.len())?;
            }
            Some(writer)
        });
        out.finish()
    }

    /// Returns the buffer that a span refers to.
    #[inline(always)]
    fn all(&self, span: Span) -> &[u8] {
        if span.is_held() { self.store.held.as_bytes() } else { self.source.as_bytes() }
    }

    fn batch_extras(&self) -> Vec<&Extra> {
        self.store.extras.iter().filter(|extra| extra.owner == Owner::Batch).collect()
    }
}

/// The writer after a write, or `None` if the buffer was too small.
pub(super) type Written<'d> = Option<ByteWriter<'d>>;

/// The number of slots for interned texts.
const INTERN_SLOTS: usize = 64;

static EMPTY_RECORD: Record = Record::EMPTY;

pub(super) struct BinaryWriter<'b, 'a> {
    pub(super) deltas: &'b Deltas<'a>,
    source: &'b [u8],
    /// The texts in the order of the tail; they follow the names of the dictionary.
    texts: Vec<Span>,
    names: String,
    /// The number of each used model by its position in the schema; 0 for unused models.
    numbers: Vec<u32>,
    /// Interned texts by their hash, each with its number plus one.
    known: [(Span, u32); INTERN_SLOTS],
    count: u32,
    /// The slots that the current delta has overwritten, with their previous contents.
    replaced: Vec<(usize, (Span, u32))>,
    previous: &'b Record,
    /// The last date that was written. Dates are encoded as differences.
    pub(super) date: i64,
    created: i64,
}

impl<'b, 'a> BinaryWriter<'b, 'a> {
    fn new(deltas: &'b Deltas<'a>, naming: Naming) -> Self {
        let mut numbers = Vec::new();
        if naming == Naming::Described {
            numbers.resize(deltas.schema.models.len(), 0);
            let mut next = 0;
            for record in &deltas.store.records {
                if let Some(number @ 0) = numbers.get_mut(record.model as usize) {
                    next += 1;
                    *number = next;
                }
            }
        }
        let known = [(Span::ABSENT, 0); INTERN_SLOTS];
        let texts = Vec::with_capacity(deltas.store.records.len() * 12);
        Self {
            deltas,
            source: deltas.source.as_bytes(),
            texts,
            names: String::new(),
            numbers,
            known,
            count: 0,
            replaced: Vec::new(),
            previous: &EMPTY_RECORD,
            date: 0,
            created: 0,
        }
    }

    /// Undoes the interning of a failed attempt.
    #[cold]
    fn undo_interning(&mut self, count: u32) {
        self.count = count;
        while let Some((slot, before)) = self.replaced.pop() {
            self.known[slot] = before;
        }
    }

    /// Writes the part of the head before the first delta.
    #[inline(never)]
    fn start<'d>(
        &mut self,
        writer: ByteWriter<'d>,
        naming: Naming,
        extras: &[&Extra],
    ) -> Written<'d> {
        let mut writer =
            if naming == Naming::Described { self.dictionary(writer)? } else { writer };
        if let Some(versions) = self.deltas.store.new_versions {
            writer = self.text(writer, versions)?;
        }
        if extras.is_empty() {
            Some(writer)
        } else {
            self.extras(writer, extras.len(), extras.iter().copied())
        }
    }

    fn dictionary<'d>(&mut self, writer: ByteWriter<'d>) -> Written<'d> {
        self.names.clear();
        let models = self.numbers.iter().copied().zip(self.deltas.schema.models);
        let mut used: Vec<_> = models.filter(|(number, _)| *number > 0).collect();
        used.sort_by_key(|(number, _)| *number);
        let mut writer = writer.varint(used.len() as u64)?;
        for (_, model) in used {
            writer = self
                .name(writer, model.type_name)?
                .varint((BASE.len() + model.fields.len()) as u64)?;
            for field in BASE.iter().chain(model.fields) {
                writer = writer.varint(u64::from(dictionary::number_of(field)))?;
                writer = self.name(writer.byte(dictionary::kind_byte(field.kind))?, field.name)?;
                if let FieldKind::Enum(values) = field.kind {
                    writer = writer.varint(values.len() as u64)?;
                    for value in values {
                        writer = self.name(writer, value)?;
                    }
                }
            }
        }
        Some(writer)
    }

    fn name<'d>(&mut self, writer: ByteWriter<'d>, name: &str) -> Written<'d> {
        self.names.push_str(name);
        writer.varint(name.len() as u64)
    }

    /// Writes a text and its length.
    #[inline(always)]
    pub(super) fn text<'d>(&mut self, writer: ByteWriter<'d>, span: Span) -> Written<'d> {
        self.tail(writer.varint(span.len() as u64)?, span)
    }

    /// Adds a text to the tail. Its length has been written.
    #[inline(always)]
    fn tail<'d>(&mut self, writer: ByteWriter<'d>, span: Span) -> Written<'d> {
        self.texts.push(span);
        Some(writer)
    }

    #[inline(always)]
    fn record<'d>(&mut self, writer: ByteWriter<'d>, record: &Record) -> Written<'d> {
        let marks = self.marks(record, self.previous);
        let mut writer = writer.fixed(&marks.to_le_bytes())?;
        writer = writer.varint(zigzag(record.id.wrapping_sub(self.previous.id) as i64))?;
        writer = self.text_or_uuid(writer, record.model_id)?;
        writer = self.plain(writer, record.transaction_id)?;
        writer = self.created_at(writer, record.created_at)?;
        if marks & mark::CHANGED != 0 {
            writer = self.changes(writer, record, marks)?;
        }
        match record.data {
            Data::Absent | Data::Null => {}
            Data::Raw(raw) => writer = self.text(writer, raw)?,
            Data::Row(row) => writer = self.row(writer, record, row, marks & mark::SAME_ID != 0)?,
        }
        if marks & mark::EXTRAS == 0 {
            return Some(writer);
        }
        let extras = record.extras.of(&self.deltas.store.extras);
        self.extras(writer, extras.len(), extras.iter())
    }

    /// Writes the members that differ from the previous delta.
    #[inline(always)]
    fn changes<'d>(&mut self, writer: ByteWriter<'d>, record: &Record, marks: u16) -> Written<'d> {
        let mut writer = writer;
        if marks & mark::ACTION != 0 {
            writer = self.interned(writer, record.action)?;
        }
        if marks & mark::MODEL != 0 {
            writer = self.model(writer, record)?;
        }
        if marks & mark::GROUPS != 0 {
            writer = self.groups(writer, record.sync_groups)?;
        }
        for (bit, actor) in [(mark::ACTOR, record.actor), (mark::ON_BEHALF_OF, record.on_behalf_of)]
        {
            if marks & bit != 0 {
                writer = self.participant(writer, actor)?;
            }
        }
        for (bit, text) in [
            (mark::CAPABILITY, record.capability_id),
            (mark::CONFIRMATION, record.confirmation_state),
            (mark::CAUSED_BY, record.caused_by_task_id),
        ] {
            if marks & bit != 0 {
                writer = self.interned(writer, text)?;
            }
        }
        if marks & mark::CREATED_BY != 0 {
            writer = self.participant(writer, record.created_by)?;
        }
        if marks & mark::PREVIOUS != 0 {
            self.plain(writer, record.previous_data)
        } else {
            Some(writer)
        }
    }

    /// Returns which members are present and which differ from the previous delta.
    #[inline(always)]
    fn marks(&self, record: &Record, before: &Record) -> u16 {
        let set = |marks: u16, yes: bool| if yes { marks } else { 0 };
        let data = match record.data {
            Data::Absent => data::ABSENT,
            Data::Null => data::NULL,
            Data::Row(row) => data::ROW | set(mark::SAME_ID, self.same_id(record, row)),
            Data::Raw(_) => data::RAW,
        };
        let created_by_actor =
            record.created_by.kind.is_value() && self.same_actor(record.created_by, record.actor);
        data | set(mark::EXTRAS, record.extras.start != record.extras.end)
            | set(mark::PREVIOUS, record.previous_data != Span::ABSENT)
            | set(mark::ACTION, !self.same(record.action, before.action))
            | set(
                mark::MODEL,
                record.model != before.model || !self.same(record.model_name, before.model_name),
            )
            | set(mark::GROUPS, !self.same_groups(record.sync_groups, before.sync_groups))
            | set(mark::ACTOR, !self.same_actor(record.actor, before.actor))
            | set(mark::ON_BEHALF_OF, !self.same_actor(record.on_behalf_of, before.on_behalf_of))
            | set(mark::CAPABILITY, !self.same(record.capability_id, before.capability_id))
            | set(
                mark::CONFIRMATION,
                !self.same(record.confirmation_state, before.confirmation_state),
            )
            | set(mark::CAUSED_BY, !self.same(record.caused_by_task_id, before.caused_by_task_id))
            | set(mark::CREATED_BY_ACTOR, created_by_actor)
            | set(
                mark::CREATED_BY,
                !created_by_actor && !self.same_actor(record.created_by, before.created_by),
            )
    }

    /// Returns whether two texts are equal, both absent or both null.
    #[inline(always)]
    fn same(&self, a: Span, b: Span) -> bool {
        if a == b {
            return true;
        }
        let len = a.len();
        if len != b.len() || !a.is_value() || !b.is_value() {
            return false;
        }
        if (1..=8).contains(&len) && !a.is_held() && !b.is_held() {
            let word = |span: Span| self.source.get(span.start()..)?.first_chunk::<8>();
            if let (Some(a), Some(b)) = (word(a), word(b)) {
                return (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b)) << (64 - len * 8) == 0;
            }
        }
        self.bytes(a) == self.bytes(b)
    }

    /// Returns a text of at most 16 bytes as a number.
    #[inline(always)]
    fn short(&self, span: Span) -> Option<u128> {
        let (text, len) = (self.deltas.all(span).get(span.start()..)?, span.len());
        match (text.first_chunk::<16>(), len) {
            (_, 0) => Some(0),
            (_, 17..) => None,
            (Some(chunk), _) => Some(u128::from_le_bytes(*chunk) << (128 - len * 8)),
            // Too close to the end of the buffer to read a whole word.
            (None, _) => Some(
                text.iter().take(len).rev().fold(0, |word, byte| word << 8 | u128::from(*byte))
                    << (128 - len * 8),
            ),
        }
    }

    #[inline(always)]
    pub(super) fn bytes(&self, span: Span) -> &'b [u8] {
        self.deltas.all(span).get(span.start()..span.start() + span.len()).unwrap_or_default()
    }

    #[inline(always)]
    fn same_actor(&self, a: Participant, b: Participant) -> bool {
        a == b || (self.same(a.id, b.id) && self.same(a.kind, b.kind))
    }

    #[inline(always)]
    fn same_groups(&self, a: Option<Piece>, b: Option<Piece>) -> bool {
        let (Some(a), Some(b)) = (a, b) else { return a == b };
        let (a, b) = (a.of(&self.deltas.store.groups), b.of(&self.deltas.store.groups));
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same(*a, *b))
    }

    #[inline(always)]
    fn same_id(&self, record: &Record, row: Piece) -> bool {
        let id = row.of(&self.deltas.store.cells).first().map(|cell| cell.view());
        matches!(id, Some(View::Text(id)) if self.same(id, record.model_id))
    }

    /// Writes a text, packed if it is a UUID.
    #[inline(always)]
    fn text_or_uuid<'d>(&mut self, writer: ByteWriter<'d>, span: Span) -> Written<'d> {
        if span.len() == uuid::LEN
            && let Some(packed) = uuid::pack(self.bytes(span))
        {
            return writer.fixed(&[1])?.fixed(&packed);
        }
        self.tail(writer.varint((span.len() as u64) << 1)?, span)
    }

    /// Writes a text that is not interned.
    #[inline(always)]
    fn plain<'d>(&mut self, writer: ByteWriter<'d>, span: Span) -> Written<'d> {
        if span.is_value() {
            return self.tail(writer.varint(span.len() as u64 + code::NEW)?, span);
        }
        writer.varint(if span == Span::NULL { code::NULL } else { code::ABSENT })
    }

    /// Writes a text that can recur.
    fn interned<'d>(&mut self, writer: ByteWriter<'d>, span: Span) -> Written<'d> {
        if !span.is_value() {
            return writer.varint(if span == Span::NULL { code::NULL } else { code::ABSENT });
        }
        let slot = self.slot(span);
        let (known, number) = self.known[slot];
        if number > 0 && self.same(known, span) {
            return writer.varint(u64::from(number) - 1 + code::KNOWN);
        }
        self.count += 1;
        self.replaced.push((slot, std::mem::replace(&mut self.known[slot], (span, self.count))));
        self.text(writer.varint(code::NEW)?, span)
    }

    /// Returns the slot of a text.
    #[inline(always)]
    fn slot(&self, span: Span) -> usize {
        let word = match self.short(span) {
            Some(short) => (short >> 64) as u64 ^ (short as u64).rotate_left(29),
            None => self
                .bytes(span)
                .iter()
                .fold(0, |word: u64, byte| word.rotate_left(7) ^ u64::from(*byte)),
        };
        ((word ^ span.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize
    }

    #[inline(always)]
    fn participant<'d>(&mut self, writer: ByteWriter<'d>, value: Participant) -> Written<'d> {
        let writer = self.interned(writer, value.kind)?;
        if value.kind.is_value() { self.interned(writer, value.id) } else { Some(writer) }
    }

    #[inline(never)]
    fn groups<'d>(&mut self, writer: ByteWriter<'d>, groups: Option<Piece>) -> Written<'d> {
        let Some(groups) = groups else { return writer.varint(0) };
        let groups = groups.of(&self.deltas.store.groups);
        let mut writer = writer.varint(groups.len() as u64 + 1)?;
        for group in groups {
            writer = self.interned(writer, *group)?;
        }
        Some(writer)
    }

    #[inline(never)]
    fn model<'d>(&mut self, writer: ByteWriter<'d>, record: &Record) -> Written<'d> {
        match self.numbers.get(record.model as usize) {
            Some(number) => writer.varint(u64::from(*number)),
            // The position plus one.
            None if (record.model as usize) < self.deltas.schema.models.len() => {
                writer.varint(u64::from(record.model) + 1)
            }
            None => {
                let writer = writer.varint(0)?;
                self.interned(writer, record.model_name)
            }
        }
    }

    /// Writes the time of the change: if it is in the fixed form, as the difference in milliseconds
    /// from the previous delta.
    #[inline(always)]
    fn created_at<'d>(&mut self, writer: ByteWriter<'d>, span: Span) -> Written<'d> {
        if !span.is_value() {
            return writer.varint(0);
        }
        let text = self.bytes(span).try_into().ok();
        let Some(millis) = text.and_then(date::parse_fixed) else {
            return self.text(writer.varint(1)?, span);
        };
        let writer = writer.varint(zigzag(millis - self.created) + 2);
        self.created = millis;
        writer
    }

    #[cold]
    #[inline(never)]
    fn extras<'d, 'e>(
        &mut self,
        writer: ByteWriter<'d>,
        count: usize,
        extras: impl Iterator<Item = &'e Extra>,
    ) -> Written<'d> {
        let mut writer = writer.varint(count as u64)?;
        for extra in extras {
            writer = writer.fixed(&[extra.owner as u8])?;
            writer = self.text(writer, extra.name)?;
            writer = self.text(writer, extra.value)?;
        }
        Some(writer)
    }
}
