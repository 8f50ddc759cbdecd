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
    /// The binary form, as docs/reference/delta-format.md has it.
    #[must_use]
    pub fn to_binary(&self, naming: Naming) -> Vec<u8> {
        self.write_binary(naming, Vec::new())
    }

    /// Appends the binary form to a buffer and gives it back.
    #[must_use]
    pub fn write_binary(&self, naming: Naming, into: Vec<u8>) -> Vec<u8> {
        let tag = schema_tag(self.schema);
        let naming = if tag.is_some() { naming } else { Naming::Described };
        let count = self.store.records.len();
        let extras = self.batch_extras();
        let mut writer = Writer::new(self, naming);
        let mut head = Out::behind(Vec::new(), 64 + count * 96);
        head.write(|pen| {
            writer.texts.clear();
            writer.start(pen, naming, &extras)
        });
        for record in &self.store.records {
            let (texts, known, date, created) =
                (writer.texts.len(), writer.count, writer.date, writer.created);
            head.write(|pen| {
                // Where the room was too small, nothing of the first attempt may stay.
                writer.texts.truncate(texts);
                if writer.count != known {
                    writer.forget(known);
                }
                (writer.date, writer.created) = (date, created);
                writer.record(pen, record)
            });
            writer.before = record;
            writer.replaced.clear();
        }
        let mut flags = if self.store.batch { flag::LIST } else { 0 };
        flags |= if naming == Naming::Described { flag::DESCRIBED } else { 0 };
        flags |= if self.store.new_versions.is_some() { flag::VERSIONS } else { 0 };
        flags |= if extras.is_empty() { 0 } else { flag::EXTRAS };
        let texts: usize = writer.texts.iter().map(|span| span.len()).sum();
        let mut out = Out::behind(into, head.written().len() + writer.names.len() + texts + 64);
        out.write(|pen| {
            let pen = pen.fixed(&[MAGIC, VERSION, flags])?;
            let pen = match naming {
                Naming::SameSchema => pen.fixed(&tag.unwrap_or_default())?,
                Naming::Described => pen,
            };
            let pen = pen.varint(count as u64)?.varint(head.written().len() as u64)?;
            let mut pen = pen.bytes(head.written())?.bytes(writer.names.as_bytes())?;
            for span in &writer.texts {
                pen = pen.piece(self.all(*span), span.start(), span.len())?;
            }
            Some(pen)
        });
        out.finish()
    }

    /// The text that a place is in.
    #[inline(always)]
    fn all(&self, span: Span) -> &[u8] {
        if span.is_held() { self.store.held.as_bytes() } else { self.source.as_bytes() }
    }

    fn batch_extras(&self) -> Vec<&Extra> {
        self.store.extras.iter().filter(|extra| extra.owner == Owner::Batch).collect()
    }
}

/// What is left of the head, or `None` where the room was too small.
pub(super) type Written<'d> = Option<Pen<'d>>;

/// How many texts of the envelope are remembered at once.
const KNOWN: usize = 64;

static NOTHING: Record = Record::EMPTY;

pub(super) struct Writer<'b, 'a> {
    pub(super) deltas: &'b Deltas<'a>,
    source: &'b [u8],
    /// All text, in the order in which the head asks for it; the names of the dictionary come first.
    texts: Vec<Span>,
    names: String,
    /// The number under which each used model goes, by its position in the schema; 0 for none.
    numbers: Vec<u32>,
    /// Texts that were written, each with its number plus one, by a hash.
    known: [(Span, u32); KNOWN],
    count: u32,
    /// What was remembered before, where the delta under way put something else.
    replaced: Vec<(usize, (Span, u32))>,
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
            before: &NOTHING,
            date: 0,
            created: 0,
        }
    }

    /// Takes back what an attempt with too little room remembered.
    #[cold]
    fn forget(&mut self, count: u32) {
        self.count = count;
        while let Some((slot, before)) = self.replaced.pop() {
            self.known[slot] = before;
        }
    }

    /// Writes what stands before the first delta.
    #[inline(never)]
    fn start<'d>(&mut self, pen: Pen<'d>, naming: Naming, extras: &[&Extra]) -> Written<'d> {
        let mut pen = if naming == Naming::Described { self.dictionary(pen)? } else { pen };
        if let Some(versions) = self.deltas.store.new_versions {
            pen = self.text(pen, versions)?;
        }
        if extras.is_empty() {
            Some(pen)
        } else {
            self.extras(pen, extras.len(), extras.iter().copied())
        }
    }

    fn dictionary<'d>(&mut self, pen: Pen<'d>) -> Written<'d> {
        self.names.clear();
        let models = self.numbers.iter().copied().zip(self.deltas.schema.models);
        let mut used: Vec<_> = models.filter(|(number, _)| *number > 0).collect();
        used.sort_by_key(|(number, _)| *number);
        let mut pen = pen.varint(used.len() as u64)?;
        for (_, model) in used {
            pen = self
                .name(pen, model.type_name)?
                .varint((BASE.len() + model.fields.len()) as u64)?;
            for field in BASE.iter().chain(model.fields) {
                pen = pen.varint(u64::from(dictionary::number_of(field)))?;
                pen = self.name(pen.byte(dictionary::kind_byte(field.kind))?, field.name)?;
                if let FieldKind::Enum(values) = field.kind {
                    pen = pen.varint(values.len() as u64)?;
                    for value in values {
                        pen = self.name(pen, value)?;
                    }
                }
            }
        }
        Some(pen)
    }

    fn name<'d>(&mut self, pen: Pen<'d>, name: &str) -> Written<'d> {
        self.names.push_str(name);
        pen.varint(name.len() as u64)
    }

    /// Writes a text and its length.
    #[inline(always)]
    pub(super) fn text<'d>(&mut self, pen: Pen<'d>, span: Span) -> Written<'d> {
        self.tail(pen.varint(span.len() as u64)?, span)
    }

    /// Writes a text whose length is known already.
    #[inline(always)]
    fn tail<'d>(&mut self, pen: Pen<'d>, span: Span) -> Written<'d> {
        self.texts.push(span);
        Some(pen)
    }

    #[inline(always)]
    fn record<'d>(&mut self, pen: Pen<'d>, record: &Record) -> Written<'d> {
        let marks = self.marks(record, self.before);
        let mut pen = pen.fixed(&marks.to_le_bytes())?;
        pen = pen.varint(zigzag(record.id.wrapping_sub(self.before.id) as i64))?;
        pen = self.text_or_uuid(pen, record.model_id)?;
        pen = self.plain(pen, record.transaction_id)?;
        pen = self.created_at(pen, record.created_at)?;
        if marks & mark::CHANGED != 0 {
            pen = self.changes(pen, record, marks)?;
        }
        match record.data {
            Data::Absent | Data::Null => {}
            Data::Raw(raw) => pen = self.text(pen, raw)?,
            Data::Row(row) => pen = self.row(pen, record, row, marks & mark::SAME_ID != 0)?,
        }
        if marks & mark::EXTRAS == 0 {
            return Some(pen);
        }
        let extras = record.extras.of(&self.deltas.store.extras);
        self.extras(pen, extras.len(), extras.iter())
    }

    /// Writes what is not as it was in the delta before.
    #[inline(always)]
    fn changes<'d>(&mut self, pen: Pen<'d>, record: &Record, marks: u16) -> Written<'d> {
        let mut pen = pen;
        if marks & mark::ACTION != 0 {
            pen = self.interned(pen, record.action)?;
        }
        if marks & mark::MODEL != 0 {
            pen = self.model(pen, record)?;
        }
        if marks & mark::GROUPS != 0 {
            pen = self.groups(pen, record.sync_groups)?;
        }
        for (bit, actor) in [(mark::ACTOR, record.actor), (mark::ON_BEHALF_OF, record.on_behalf_of)]
        {
            if marks & bit != 0 {
                pen = self.participant(pen, actor)?;
            }
        }
        for (bit, text) in [
            (mark::CAPABILITY, record.capability_id),
            (mark::CONFIRMATION, record.confirmation_state),
            (mark::CAUSED_BY, record.caused_by_task_id),
        ] {
            if marks & bit != 0 {
                pen = self.interned(pen, text)?;
            }
        }
        if marks & mark::CREATED_BY != 0 {
            pen = self.participant(pen, record.created_by)?;
        }
        if marks & mark::PREVIOUS != 0 { self.plain(pen, record.previous_data) } else { Some(pen) }
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
        let creator_acts =
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
            | set(mark::CREATOR_ACTS, creator_acts)
            | set(
                mark::CREATED_BY,
                !creator_acts && !self.same_actor(record.created_by, before.created_by),
            )
    }

    /// Whether two texts are the same, or are both absent or both null.
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

    /// A text of at most 16 bytes as a number.
    #[inline(always)]
    fn short(&self, span: Span) -> Option<u128> {
        let (text, len) = (self.deltas.all(span).get(span.start()..)?, span.len());
        match (text.first_chunk::<16>(), len) {
            (_, 0) => Some(0),
            (_, 17..) => None,
            (Some(chunk), _) => Some(u128::from_le_bytes(*chunk) << (128 - len * 8)),
            // Too near the end to be read at once.
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

    /// Writes text, or a UUID packed.
    #[inline(always)]
    fn text_or_uuid<'d>(&mut self, pen: Pen<'d>, span: Span) -> Written<'d> {
        if span.len() == uuid::LEN
            && let Some(packed) = uuid::pack(self.bytes(span))
        {
            return pen.fixed(&[1])?.fixed(&packed);
        }
        self.tail(pen.varint((span.len() as u64) << 1)?, span)
    }

    /// Writes text that is not remembered.
    #[inline(always)]
    fn plain<'d>(&mut self, pen: Pen<'d>, span: Span) -> Written<'d> {
        if span.is_value() {
            return self.tail(pen.varint(span.len() as u64 + code::NEW)?, span);
        }
        pen.varint(if span == Span::NULL { code::NULL } else { code::ABSENT })
    }

    /// Writes text that may come again.
    fn interned<'d>(&mut self, pen: Pen<'d>, span: Span) -> Written<'d> {
        if !span.is_value() {
            return pen.varint(if span == Span::NULL { code::NULL } else { code::ABSENT });
        }
        let slot = self.slot(span);
        let (known, number) = self.known[slot];
        if number > 0 && self.same(known, span) {
            return pen.varint(u64::from(number) - 1 + code::KNOWN);
        }
        self.count += 1;
        self.replaced.push((slot, std::mem::replace(&mut self.known[slot], (span, self.count))));
        self.text(pen.varint(code::NEW)?, span)
    }

    /// Where a text is remembered.
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
    fn participant<'d>(&mut self, pen: Pen<'d>, value: Participant) -> Written<'d> {
        let pen = self.interned(pen, value.kind)?;
        if value.kind.is_value() { self.interned(pen, value.id) } else { Some(pen) }
    }

    #[inline(never)]
    fn groups<'d>(&mut self, pen: Pen<'d>, groups: Option<Piece>) -> Written<'d> {
        let Some(groups) = groups else { return pen.varint(0) };
        let groups = groups.of(&self.deltas.store.groups);
        let mut pen = pen.varint(groups.len() as u64 + 1)?;
        for group in groups {
            pen = self.interned(pen, *group)?;
        }
        Some(pen)
    }

    #[inline(never)]
    fn model<'d>(&mut self, pen: Pen<'d>, record: &Record) -> Written<'d> {
        match self.numbers.get(record.model as usize) {
            Some(number) => pen.varint(u64::from(*number)),
            // By position, plus one.
            None if (record.model as usize) < self.deltas.schema.models.len() => {
                pen.varint(u64::from(record.model) + 1)
            }
            None => {
                let pen = pen.varint(0)?;
                self.interned(pen, record.model_name)
            }
        }
    }

    /// Writes when the change was confirmed: milliseconds since the delta before, where the text is in the fixed form.
    #[inline(always)]
    fn created_at<'d>(&mut self, pen: Pen<'d>, span: Span) -> Written<'d> {
        if !span.is_value() {
            return pen.varint(0);
        }
        let text = self.bytes(span).try_into().ok();
        let Some(millis) = text.and_then(date::fixed) else {
            return self.text(pen.varint(1)?, span);
        };
        let pen = pen.varint(zigzag(millis - self.created) + 2);
        self.created = millis;
        pen
    }

    #[cold]
    #[inline(never)]
    fn extras<'d, 'e>(
        &mut self,
        pen: Pen<'d>,
        count: usize,
        extras: impl Iterator<Item = &'e Extra>,
    ) -> Written<'d> {
        let mut pen = pen.varint(count as u64)?;
        for extra in extras {
            pen = pen.fixed(&[extra.owner as u8])?;
            pen = self.text(pen, extra.name)?;
            pen = self.text(pen, extra.value)?;
        }
        Some(pen)
    }
}
