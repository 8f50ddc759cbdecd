//! Writing batches.
//!
//! What did not change since the delta before costs one bit; texts of the envelope that come again cost a byte.

use super::super::cell::Span;
use super::super::out::Out;
use super::super::store::{Data, Deltas, Extra, Participant, Piece, Record};
use super::varint::zigzag;
use super::{MAGIC, Naming, VERSION, code, data, dictionary, flag, mark, schema_tag, uuid};
use crate::descriptor::ModelDescriptor;

impl Deltas<'_> {
    /// The binary form, as docs/wire.md has it.
    #[must_use]
    pub fn to_binary(&self, naming: Naming) -> Vec<u8> {
        self.write_binary(naming, Vec::new())
    }

    /// Appends the binary form to a buffer and gives it back.
    #[must_use]
    pub fn write_binary(&self, naming: Naming, into: Vec<u8>) -> Vec<u8> {
        let mut writer = Writer::new(self, naming);
        let extras = self.batch_extras();
        let mut flags = if self.store.batch { flag::LIST } else { 0 };
        flags |= if naming == Naming::Described { flag::DESCRIBED } else { 0 };
        flags |= if self.store.new_versions.is_some() { flag::VERSIONS } else { 0 };
        flags |= if extras.is_empty() { 0 } else { flag::EXTRAS };
        if naming == Naming::Described {
            writer.dictionary();
        }
        if let Some(versions) = self.store.new_versions {
            writer.text(versions);
        }
        if !extras.is_empty() {
            writer.extras(extras.len(), extras.into_iter());
        }
        for record in &self.store.records {
            writer.record(record);
        }
        let mut out = Out::behind(into);
        out.room(writer.head.len() + writer.tail.len() + 64);
        out.fixed(&[MAGIC, VERSION, flags]);
        if naming == Naming::SameSchema {
            out.fixed(&schema_tag(self.schema.content_hash));
        }
        out.varint(self.store.records.len() as u64);
        out.varint(writer.head.len() as u64);
        out.bytes(writer.head.written());
        out.bytes(writer.tail.written());
        out.finish()
    }

    fn batch_extras(&self) -> Vec<&Extra> {
        let of_batch = |extra: &&Extra| extra.owner == super::super::store::Owner::Batch;
        self.store.extras.iter().filter(of_batch).collect()
    }
}

/// How many texts of the envelope are remembered at once.
const KNOWN: usize = 64;

pub(super) struct Writer<'b, 'a> {
    pub(super) deltas: &'b Deltas<'a>,
    pub(super) head: Out,
    tail: Out,
    /// The number under which each used model goes, by its position in the schema; 0 for none.
    numbers: Vec<u32>,
    /// Texts that were written, each with its number plus one, by a hash.
    known: [(Span, u32); KNOWN],
    count: u32,
    before: Record,
    /// The last date that was written, for each to be told from the one before.
    pub(super) date: i64,
    created: i64,
}

impl<'b, 'a> Writer<'b, 'a> {
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
        let (mut head, mut tail) = (Out::default(), Out::default());
        head.room(deltas.store.records.len() * 48);
        tail.room(deltas.source.len() / 4 + deltas.store.held.len());
        let known = [(Span::ABSENT, 0); KNOWN];
        Self { deltas, head, tail, numbers, known, count: 0, before: Record::EMPTY, date: 0, created: 0 }
    }

    fn dictionary(&mut self) {
        let models = self.deltas.schema.models;
        let mut used: Vec<(u32, &'static ModelDescriptor)> =
            self.numbers.iter().zip(models).filter(|(number, _)| **number > 0).map(|(n, model)| (*n, *model)).collect();
        used.sort_by_key(|(number, _)| *number);
        self.head.varint(used.len() as u64);
        for (_, model) in used {
            self.name(model.type_name);
            self.head.varint((super::super::store::BASE.len() + model.fields.len()) as u64);
            for field in super::super::store::BASE.iter().chain(model.fields) {
                self.head.varint(u64::from(dictionary::number_of(field)));
                self.head.byte(dictionary::kind_byte(field.kind));
                self.name(field.name);
                if let crate::FieldKind::Enum(values) = field.kind {
                    self.head.varint(values.len() as u64);
                    values.iter().for_each(|value| self.name(value));
                }
            }
        }
    }

    fn name(&mut self, name: &str) {
        self.head.varint(name.len() as u64);
        self.tail.bytes(name.as_bytes());
    }

    /// Writes a text and its length.
    #[inline(always)]
    pub(super) fn text(&mut self, span: Span) {
        self.head.varint(span.len() as u64);
        self.tail_text(span);
    }

    #[inline(always)]
    pub(super) fn tail_text(&mut self, span: Span) {
        let all = if span.is_held() { self.deltas.store.held.as_bytes() } else { self.deltas.source.as_bytes() };
        self.tail.piece(all, span.start(), span.len());
    }

    fn record(&mut self, record: &Record) {
        let before = self.before;
        let marks = self.marks(record, &before);
        self.head.room(128);
        self.head.fixed(&marks.to_le_bytes());
        self.head.varint(zigzag(record.id.wrapping_sub(before.id) as i64));
        self.text_or_uuid(record.model_id);
        self.plain(record.transaction_id);
        self.created_at(record.created_at);
        if marks & mark::ACTION != 0 {
            self.interned(record.action);
        }
        if marks & mark::MODEL != 0 {
            self.model(record);
        }
        if marks & mark::GROUPS != 0 {
            self.groups(record.sync_groups);
        }
        for (bit, actor) in [(mark::ACTOR, record.actor), (mark::ON_BEHALF_OF, record.on_behalf_of)] {
            if marks & bit != 0 {
                self.participant(actor);
            }
        }
        for (bit, text) in [
            (mark::CAPABILITY, record.capability_id),
            (mark::CONFIRMATION, record.confirmation_state),
            (mark::CAUSED_BY, record.caused_by_task_id),
        ] {
            if marks & bit != 0 {
                self.interned(text);
            }
        }
        if marks & mark::CREATED_BY != 0 {
            self.participant(record.created_by);
        }
        if marks & mark::PREVIOUS != 0 {
            self.plain(record.previous_data);
        }
        match record.data {
            Data::Absent | Data::Null => {}
            Data::Raw(raw) => self.text(raw),
            Data::Row(row) => self.row(record, row, marks & mark::SAME_ID != 0),
        }
        if marks & mark::EXTRAS != 0 {
            let extras = record.extras.of(&self.deltas.store.extras);
            self.extras(extras.len(), extras.iter());
        }
        self.before = *record;
    }

    /// What is there, and what changed since the delta before.
    #[inline(always)]
    fn marks(&self, record: &Record, before: &Record) -> u16 {
        let set = |marks: u16, yes: bool| if yes { marks } else { 0 };
        let data = match record.data {
            Data::Absent => data::ABSENT,
            Data::Null => data::NULL,
            Data::Row(row) => data::ROW | set(mark::SAME_ID, self.same_id(record, row)),
            Data::Raw(_) => data::RAW,
        };
        let creator_acts = record.created_by.kind.is_value() && self.same_actor(record.created_by, record.actor);
        data | set(mark::EXTRAS, record.extras.start != record.extras.end)
            | set(mark::PREVIOUS, record.previous_data != Span::ABSENT)
            | set(mark::ACTION, !self.same(record.action, before.action))
            | set(mark::MODEL, record.model != before.model || !self.same(record.model_name, before.model_name))
            | set(mark::GROUPS, !self.same_groups(record.sync_groups, before.sync_groups))
            | set(mark::ACTOR, !self.same_actor(record.actor, before.actor))
            | set(mark::ON_BEHALF_OF, !self.same_actor(record.on_behalf_of, before.on_behalf_of))
            | set(mark::CAPABILITY, !self.same(record.capability_id, before.capability_id))
            | set(mark::CONFIRMATION, !self.same(record.confirmation_state, before.confirmation_state))
            | set(mark::CAUSED_BY, !self.same(record.caused_by_task_id, before.caused_by_task_id))
            | set(mark::CREATOR_ACTS, creator_acts)
            | set(mark::CREATED_BY, !creator_acts && !self.same_actor(record.created_by, before.created_by))
    }

    /// Whether two texts are the same, or are both absent or both null.
    #[inline(always)]
    fn same(&self, a: Span, b: Span) -> bool {
        a == b || (a.is_value() && b.is_value() && a.len() == b.len() && same_text(self.bytes(a), self.bytes(b)))
    }

    #[inline(always)]
    fn bytes(&self, span: Span) -> &[u8] {
        self.deltas.text(span).as_bytes()
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
        use super::super::cell::Cell;
        matches!(row.of(&self.deltas.store.cells).first(), Some(Cell::Text(id)) if self.same(*id, record.model_id))
    }

    /// Writes text, or a UUID packed.
    #[inline(always)]
    fn text_or_uuid(&mut self, span: Span) {
        if span.len() == uuid::LEN
            && let Some(packed) = uuid::pack(self.bytes(span))
        {
            self.head.byte(1);
            return self.head.fixed(&packed);
        }
        self.head.varint((span.len() as u64) << 1);
        self.tail_text(span);
    }

    /// Writes text that is not remembered.
    #[inline(always)]
    fn plain(&mut self, span: Span) {
        if span.is_value() {
            self.head.varint(span.len() as u64 + code::NEW);
            self.tail_text(span);
        } else {
            self.head.varint(if span == Span::NULL { code::NULL } else { code::ABSENT });
        }
    }

    /// Writes text that may come again.
    #[inline(always)]
    fn interned(&mut self, span: Span) {
        if !span.is_value() {
            return self.head.varint(if span == Span::NULL { code::NULL } else { code::ABSENT });
        }
        let slot = hash(self.bytes(span));
        let (known, number) = self.known[slot];
        if number > 0 && self.same(known, span) {
            return self.head.varint(u64::from(number) - 1 + code::KNOWN);
        }
        self.count += 1;
        self.known[slot] = (span, self.count);
        self.head.varint(code::NEW);
        self.text(span);
    }

    fn participant(&mut self, value: Participant) {
        self.interned(value.kind);
        if value.kind.is_value() {
            self.interned(value.id);
        }
    }

    fn groups(&mut self, groups: Option<Piece>) {
        let Some(groups) = groups else { return self.head.varint(0) };
        let groups = groups.of(&self.deltas.store.groups);
        self.head.varint(groups.len() as u64 + 1);
        groups.iter().for_each(|group| self.interned(*group));
    }

    fn model(&mut self, record: &Record) {
        match self.numbers.get(record.model as usize) {
            // By position, plus one.
            None if (record.model as usize) < self.deltas.schema.models.len() => {
                self.head.varint(u64::from(record.model) + 1);
            }
            Some(number) => self.head.varint(u64::from(*number)),
            None => {
                self.head.varint(0);
                self.interned(record.model_name);
            }
        }
    }

    /// Writes when the change was confirmed: milliseconds since the delta before, where the text is in the fixed form.
    #[inline(always)]
    fn created_at(&mut self, span: Span) {
        if !span.is_value() {
            return self.head.varint(0);
        }
        match self.bytes(span).try_into().ok().and_then(super::super::date::fixed) {
            Some(millis) => {
                self.head.varint(zigzag(millis - self.created) + 2);
                self.created = millis;
            }
            None => {
                self.head.varint(1);
                self.text(span);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn extras<'e>(&mut self, count: usize, extras: impl Iterator<Item = &'e Extra>) {
        self.head.varint(count as u64);
        for extra in extras {
            self.head.byte(extra.owner as u8);
            self.text(extra.name);
            self.text(extra.value);
        }
    }
}

/// Whether two texts of one length are the same, most being shorter than two words.
#[inline(always)]
fn same_text(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<8>(), b.first_chunk::<8>()) {
        (Some(x), Some(y)) if a.len() <= 16 => x == y && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}

/// Where a text is remembered.
#[inline(always)]
fn hash(text: &[u8]) -> usize {
    let start = match text.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => text.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let end = text.last_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let mixed = (start ^ end.rotate_left(29) ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 58) as usize
}
