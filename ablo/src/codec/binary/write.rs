//! Writing batches.
//!
//! What did not change since the delta before costs one bit; texts of the envelope that come again cost a byte.

use super::super::cell::{Span, View};
use super::super::date;
use super::super::pen::{Out, Pen};
use super::super::store::{BASE, Data, Deltas, Extra, Owner, Participant, Piece, Record};
use super::varint::zigzag;
use super::{MAGIC, Naming, VERSION, code, data, dictionary, flag, mark, schema_tag, uuid};
use crate::descriptor::FieldKind;

impl Deltas<'_> {
    /// The binary form, as docs/wire.md has it.
    #[must_use]
    pub fn to_binary(&self, naming: Naming) -> Vec<u8> {
        self.write_binary(naming, Vec::new())
    }

    /// Appends the binary form to a buffer and gives it back.
    #[must_use]
    pub fn write_binary(&self, naming: Naming, into: Vec<u8>) -> Vec<u8> {
        let count = self.store.records.len();
        let extras = self.batch_extras();
        let mut writer = Writer::new(self, naming);
        let (mut head, mut tail) =
            (Out::behind(Vec::new(), 64 + count * 96), Out::behind(Vec::new(), 128 + count * 128));
        write(&mut head, &mut tail, |pens| writer.start(pens, naming, &extras));
        for record in &self.store.records {
            let (known, date, created) = (writer.count, writer.date, writer.created);
            write(&mut head, &mut tail, |pens| {
                if writer.count != known {
                    writer.forget(known);
                }
                (writer.date, writer.created) = (date, created);
                writer.record(pens, record)
            });
            writer.before = record;
        }
        let mut flags = if self.store.batch { flag::LIST } else { 0 };
        flags |= if naming == Naming::Described { flag::DESCRIBED } else { 0 };
        flags |= if self.store.new_versions.is_some() { flag::VERSIONS } else { 0 };
        flags |= if extras.is_empty() { 0 } else { flag::EXTRAS };
        let mut out = Out::behind(into, head.written().len() + tail.written().len() + 64);
        out.write(|pen| {
            let pen = pen.fixed(&[MAGIC, VERSION, flags])?;
            let pen = match naming {
                Naming::SameSchema => pen.fixed(&schema_tag(self.schema.content_hash))?,
                Naming::Described => pen,
            };
            let pen = pen.varint(count as u64)?.varint(head.written().len() as u64)?;
            pen.bytes(head.written())?.bytes(tail.written())
        });
        out.finish()
    }

    fn batch_extras(&self) -> Vec<&Extra> {
        self.store.extras.iter().filter(|extra| extra.owner == Owner::Batch).collect()
    }
}

/// The two places that are written at once: numbers, forms and lengths; texts.
pub(super) struct Pens<'d> {
    pub(super) head: Pen<'d>,
    pub(super) tail: Pen<'d>,
}

/// What is written, or `None` where the room was too small.
pub(super) type Written<'d> = Option<Pens<'d>>;

impl Pens<'_> {
    #[inline(always)]
    pub(super) fn varint(self, number: u64) -> Option<Self> {
        Some(Pens { head: self.head.varint(number)?, tail: self.tail })
    }

    #[inline(always)]
    pub(super) fn fixed<const N: usize>(self, bytes: &[u8; N]) -> Option<Self> {
        Some(Pens { head: self.head.fixed(bytes)?, tail: self.tail })
    }

    fn name(self, name: &str) -> Option<Self> {
        Some(Pens { head: self.head.varint(name.len() as u64)?, tail: self.tail.bytes(name.as_bytes())? })
    }
}

/// Writes, with as much room as it takes.
#[inline(always)]
fn write(head: &mut Out, tail: &mut Out, mut write: impl FnMut(Pens<'_>) -> Written<'_>) {
    loop {
        let left = write(Pens { head: head.pen(), tail: tail.pen() }).map(|pens| (pens.head.left(), pens.tail.left()));
        if let Some((in_head, in_tail)) = left {
            head.keep(in_head);
            return tail.keep(in_tail);
        }
        head.grow();
        tail.grow();
    }
}

/// How many texts of the envelope are remembered at once.
const KNOWN: usize = 64;

static NOTHING: Record = Record::EMPTY;

pub(super) struct Writer<'b, 'a> {
    pub(super) deltas: &'b Deltas<'a>,
    /// The number under which each used model goes, by its position in the schema; 0 for none.
    numbers: Vec<u32>,
    /// Texts that were written, each with its number plus one, by a hash.
    known: [(Span, u32); KNOWN],
    count: u32,
    before: &'b Record,
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
        let known = [(Span::ABSENT, 0); KNOWN];
        Self { deltas, numbers, known, count: 0, before: &NOTHING, date: 0, created: 0 }
    }

    /// Takes back what an attempt with too little room remembered.
    #[cold]
    fn forget(&mut self, count: u32) {
        self.count = count;
        self.known.iter_mut().filter(|(_, number)| *number > count).for_each(|known| *known = (Span::ABSENT, 0));
    }

    /// Writes what stands before the first delta.
    #[inline(never)]
    fn start<'d>(&self, pens: Pens<'d>, naming: Naming, extras: &[&Extra]) -> Written<'d> {
        let mut pens = if naming == Naming::Described { self.dictionary(pens)? } else { pens };
        if let Some(versions) = self.deltas.store.new_versions {
            pens = self.text(pens, versions)?;
        }
        if extras.is_empty() { Some(pens) } else { self.extras(pens, extras.len(), extras.iter().copied()) }
    }

    fn dictionary<'d>(&self, pens: Pens<'d>) -> Written<'d> {
        let models = self.numbers.iter().zip(self.deltas.schema.models);
        let mut used: Vec<_> = models.filter(|(number, _)| **number > 0).collect();
        used.sort_by_key(|(number, _)| **number);
        let mut pens = pens.varint(used.len() as u64)?;
        for (_, model) in used {
            pens = pens.name(model.type_name)?.varint((BASE.len() + model.fields.len()) as u64)?;
            for field in BASE.iter().chain(model.fields) {
                pens = pens.varint(u64::from(dictionary::number_of(field)))?;
                pens = pens.fixed(&[dictionary::kind_byte(field.kind)])?.name(field.name)?;
                if let FieldKind::Enum(values) = field.kind {
                    pens = pens.varint(values.len() as u64)?;
                    for value in values {
                        pens = pens.name(value)?;
                    }
                }
            }
        }
        Some(pens)
    }

    /// Writes a text and its length.
    #[inline(always)]
    pub(super) fn text<'d>(&self, pens: Pens<'d>, span: Span) -> Written<'d> {
        self.tail(pens.varint(span.len() as u64)?, span)
    }

    /// Writes a text whose length is known already.
    #[inline(always)]
    fn tail<'d>(&self, pens: Pens<'d>, span: Span) -> Written<'d> {
        let all = if span.is_held() { self.deltas.store.held.as_bytes() } else { self.deltas.source.as_bytes() };
        Some(Pens { head: pens.head, tail: pens.tail.piece(all, span.start(), span.len())? })
    }

    #[inline(always)]
    fn record<'d>(&mut self, pens: Pens<'d>, record: &Record) -> Written<'d> {
        let marks = self.marks(record, self.before);
        let mut pens = pens.fixed(&marks.to_le_bytes())?;
        pens = pens.varint(zigzag(record.id.wrapping_sub(self.before.id) as i64))?;
        pens = self.text_or_uuid(pens, record.model_id)?;
        pens = self.plain(pens, record.transaction_id)?;
        pens = self.created_at(pens, record.created_at)?;
        if marks & mark::CHANGED != 0 {
            pens = self.changes(pens, record, marks)?;
        }
        match record.data {
            Data::Absent | Data::Null => {}
            Data::Raw(raw) => pens = self.text(pens, raw)?,
            Data::Row(row) => pens = self.row(pens, record, row, marks & mark::SAME_ID != 0)?,
        }
        if marks & mark::EXTRAS == 0 {
            return Some(pens);
        }
        let extras = record.extras.of(&self.deltas.store.extras);
        self.extras(pens, extras.len(), extras.iter())
    }

    /// Writes what is not as it was in the delta before.
    #[inline(always)]
    fn changes<'d>(&mut self, pens: Pens<'d>, record: &Record, marks: u16) -> Written<'d> {
        let mut pens = pens;
        if marks & mark::ACTION != 0 {
            pens = self.interned(pens, record.action)?;
        }
        if marks & mark::MODEL != 0 {
            pens = self.model(pens, record)?;
        }
        if marks & mark::GROUPS != 0 {
            pens = self.groups(pens, record.sync_groups)?;
        }
        for (bit, actor) in [(mark::ACTOR, record.actor), (mark::ON_BEHALF_OF, record.on_behalf_of)] {
            if marks & bit != 0 {
                pens = self.participant(pens, actor)?;
            }
        }
        for (bit, text) in [
            (mark::CAPABILITY, record.capability_id),
            (mark::CONFIRMATION, record.confirmation_state),
            (mark::CAUSED_BY, record.caused_by_task_id),
        ] {
            if marks & bit != 0 {
                pens = self.interned(pens, text)?;
            }
        }
        if marks & mark::CREATED_BY != 0 {
            pens = self.participant(pens, record.created_by)?;
        }
        if marks & mark::PREVIOUS != 0 { self.plain(pens, record.previous_data) } else { Some(pens) }
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
        let id = row.of(&self.deltas.store.cells).first().map(|cell| cell.view());
        matches!(id, Some(View::Text(id)) if self.same(id, record.model_id))
    }

    /// Writes text, or a UUID packed.
    #[inline(always)]
    fn text_or_uuid<'d>(&self, pens: Pens<'d>, span: Span) -> Written<'d> {
        if span.len() == uuid::LEN
            && let Some(packed) = uuid::pack(self.bytes(span))
        {
            return pens.fixed(&[1])?.fixed(&packed);
        }
        self.tail(pens.varint((span.len() as u64) << 1)?, span)
    }

    /// Writes text that is not remembered.
    #[inline(always)]
    fn plain<'d>(&self, pens: Pens<'d>, span: Span) -> Written<'d> {
        if span.is_value() {
            return self.tail(pens.varint(span.len() as u64 + code::NEW)?, span);
        }
        pens.varint(if span == Span::NULL { code::NULL } else { code::ABSENT })
    }

    /// Writes text that may come again.
    fn interned<'d>(&mut self, pens: Pens<'d>, span: Span) -> Written<'d> {
        if !span.is_value() {
            return pens.varint(if span == Span::NULL { code::NULL } else { code::ABSENT });
        }
        let slot = hash(self.bytes(span));
        let (known, number) = self.known[slot];
        if number > 0 && self.same(known, span) {
            return pens.varint(u64::from(number) - 1 + code::KNOWN);
        }
        self.count += 1;
        self.known[slot] = (span, self.count);
        self.text(pens.varint(code::NEW)?, span)
    }

    #[inline(always)]
    fn participant<'d>(&mut self, pens: Pens<'d>, value: Participant) -> Written<'d> {
        let pens = self.interned(pens, value.kind)?;
        if value.kind.is_value() { self.interned(pens, value.id) } else { Some(pens) }
    }

    #[inline(never)]
    fn groups<'d>(&mut self, pens: Pens<'d>, groups: Option<Piece>) -> Written<'d> {
        let Some(groups) = groups else { return pens.varint(0) };
        let groups = groups.of(&self.deltas.store.groups);
        let mut pens = pens.varint(groups.len() as u64 + 1)?;
        for group in groups {
            pens = self.interned(pens, *group)?;
        }
        Some(pens)
    }

    #[inline(never)]
    fn model<'d>(&mut self, pens: Pens<'d>, record: &Record) -> Written<'d> {
        match self.numbers.get(record.model as usize) {
            Some(number) => pens.varint(u64::from(*number)),
            // By position, plus one.
            None if (record.model as usize) < self.deltas.schema.models.len() => {
                pens.varint(u64::from(record.model) + 1)
            }
            None => {
                let pens = pens.varint(0)?;
                self.interned(pens, record.model_name)
            }
        }
    }

    /// Writes when the change was confirmed: milliseconds since the delta before, where the text is in the fixed form.
    #[inline(always)]
    fn created_at<'d>(&mut self, pens: Pens<'d>, span: Span) -> Written<'d> {
        if !span.is_value() {
            return pens.varint(0);
        }
        let Some(millis) = self.bytes(span).try_into().ok().and_then(date::fixed) else {
            return self.text(pens.varint(1)?, span);
        };
        let pens = pens.varint(zigzag(millis - self.created) + 2);
        self.created = millis;
        pens
    }

    #[cold]
    #[inline(never)]
    fn extras<'d, 'e>(&self, pens: Pens<'d>, count: usize, extras: impl Iterator<Item = &'e Extra>) -> Written<'d> {
        let mut pens = pens.varint(count as u64)?;
        for extra in extras {
            pens = pens.fixed(&[extra.owner as u8])?;
            pens = self.text(pens, extra.name)?;
            pens = self.text(pens, extra.value)?;
        }
        Some(pens)
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
