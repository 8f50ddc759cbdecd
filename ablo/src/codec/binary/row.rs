//! Rows in the binary form: two bits per field, then the values.

use super::super::byte_writer::ByteWriter;
use super::super::cell::{Cell, Span, View};
use super::super::error::{ReadResult, Reason, fault};
use super::super::scan::Rest;
use super::super::store::{Piece, Record, field};
use super::read::BinaryReader;
use super::varint::{bytes, unzigzag, varint, zigzag};
use super::write::{BinaryWriter, Written};
use super::{state, uuid};
use crate::descriptor::{FieldDescriptor, FieldKind, ModelDescriptor};
use crate::field::BASE;
use crate::row::{in_range, parse_exact};
use crate::{Timestamp, codec::date};

impl BinaryWriter<'_, '_> {
    #[inline(always)]
    pub(super) fn row<'d>(
        &mut self,
        writer: ByteWriter<'d>,
        record: &Record,
        row: Piece,
        same_id: bool,
    ) -> Written<'d> {
        // A row always has a model, and at most as many cells as the model has fields.
        let Some(model) = self.deltas.model(record) else { return Some(writer) };
        let cells = row.of(&self.deltas.store.cells);
        let (target, mut writer) = writer.skip((BASE.len() + model.fields.len()).div_ceil(4))?;
        let mut states = target.chunks_mut(8);
        for (first, cells) in (0..).step_by(32).zip(cells.chunks(32)) {
            let mut word = 0;
            for (at, cell) in (0..).zip(cells) {
                let state;
                (writer, state) = if first + at == 0 && same_id {
                    (writer, state::A)
                } else {
                    self.cell(writer, *cell, model, first + at)?
                };
                word |= state << (at * 2);
            }
            write_states(states.next().unwrap_or_default(), word);
        }
        // After a retry the buffer is no longer zeroed.
        states.for_each(|rest| rest.fill(0));
        Some(writer)
    }

    /// Writes a value. Returns its state.
    #[inline(always)]
    fn cell<'d>(
        &mut self,
        writer: ByteWriter<'d>,
        cell: Cell,
        model: &'static ModelDescriptor,
        at: usize,
    ) -> Option<(ByteWriter<'d>, u64)> {
        let writer = match cell.view() {
            View::Absent => return Some((writer, state::ABSENT)),
            View::Null => return Some((writer, state::NULL)),
            View::Boolean(boolean) => {
                return Some((writer, if boolean { state::B } else { state::A }));
            }
            View::Text(text) => {
                return self.cell_text(writer, text, field(model, at).map(|field| field.kind));
            }
            View::Json(text) => self.text(writer, text)?,
            View::Number(number) => {
                let whole = number as i64;
                let minus_zero = whole == 0 && number.is_sign_negative();
                if whole as f64 != number || whole.unsigned_abs() >= 1 << 53 || minus_zero {
                    return Some((writer.fixed(&number.to_le_bytes())?, state::B));
                }
                writer.varint(zigzag(whole))?
            }
            View::Date(millis) => {
                let writer = writer.varint(zigzag(millis - self.date))?;
                self.date = millis;
                writer
            }
            View::Instant(at) => {
                let at = self
                    .deltas
                    .store
                    .instants
                    .get(at as usize)
                    .map(|at| at.into_jiff())
                    .unwrap_or_default();
                let writer = writer.varint(zigzag(at.as_second()))?;
                return Some((writer.varint(zigzag(i64::from(at.subsec_nanosecond())))?, state::B));
            }
        };
        Some((writer, state::A))
    }

    #[inline(always)]
    fn cell_text<'d>(
        &mut self,
        writer: ByteWriter<'d>,
        span: Span,
        kind: Option<FieldKind>,
    ) -> Option<(ByteWriter<'d>, u64)> {
        if let Some(FieldKind::Enum(values)) = kind {
            let text = self.bytes(span);
            return match values.iter().position(|value| value.as_bytes() == text) {
                Some(at) => Some((writer.varint(at as u64)?, state::A)),
                None => Some((self.text(writer, span)?, state::B)),
            };
        }
        if span.len() == uuid::LEN
            && let Some(packed) = uuid::pack(self.bytes(span))
        {
            return Some((writer.fixed(&packed)?, state::B));
        }
        Some((self.text(writer, span)?, state::A))
    }
}

/// Writes up to 32 states.
#[inline(always)]
fn write_states(target: &mut [u8], states: u64) {
    for (byte, value) in target.iter_mut().zip(states.to_le_bytes()) {
        *byte = value;
    }
}

impl<'a> BinaryReader<'a> {
    /// Reads a row of a writer with the same schema.
    pub(super) fn row<'s>(
        &mut self,
        record: &Record,
        same_id: bool,
        rest: Rest<'s>,
    ) -> ReadResult<(Piece, Rest<'s>)> {
        let start = self.store.cells.len() as u32;
        let Some(model) = self.schema.models.get(record.model as usize) else {
            return fault(rest, Reason::Reference);
        };
        let count = BASE.len() + model.fields.len();
        let Some((mut states, mut rest)) = rest.split_at_checked(count.div_ceil(4)) else {
            return fault(rest, Reason::Size);
        };
        // The input has two bits for each cell, so this reservation is bounded by its size.
        self.store.cells.reserve(count);
        let mut word = 0;
        for at in 0..count {
            if at % 32 == 0 {
                word = next_states(&mut states);
            }
            let Some(field) = field(model, at) else { return fault(rest, Reason::Reference) };
            let cell = match (word & 3, at) {
                (state::ABSENT, _) => Cell::ABSENT,
                (state::NULL, _) if field.optional => Cell::NULL,
                (state::NULL, _) => {
                    return self.with_model_field(
                        model,
                        field.name,
                        fault(rest, Reason::RequiredNull),
                    );
                }
                (state::A, 0) if same_id => Cell::text(record.model_id),
                (_, 0) if same_id => return fault(rest, Reason::UnknownForm),
                (form, _) => match self.value(field.kind, form == state::B, rest) {
                    Ok((cell, more)) if self.matches_format(field, cell) => {
                        rest = more;
                        cell
                    }
                    Ok(_) => {
                        return self.with_model_field(
                            model,
                            field.name,
                            fault(rest, Reason::Format),
                        );
                    }
                    Err(error) => return self.with_model_field(model, field.name, Err(error)),
                },
            };
            word >>= 2;
            self.store.cells.push(cell);
        }
        if word != 0 || (same_id && count == 0) {
            return fault(rest, Reason::UnknownForm);
        }
        while self.store.cells.len() > start as usize
            && self.store.cells.last().is_some_and(|cell| cell.is_absent())
        {
            self.store.cells.pop();
        }
        Ok((Piece { start, end: self.store.cells.len() as u32 }, rest))
    }

    /// Returns whether a value matches the format of its field.
    #[inline(always)]
    pub(super) fn matches_format(&self, field: &FieldDescriptor, cell: Cell) -> bool {
        let Some(format) = field.format else { return true };
        match cell.view() {
            View::Text(text) => parse_exact(format, self.read_text(text)).is_ok(),
            View::Number(number) => in_range(field.format, number).is_ok(),
            _ => true,
        }
    }

    /// Reads a value of a known kind.
    #[inline(always)]
    pub(super) fn value<'s>(
        &mut self,
        kind: FieldKind,
        b: bool,
        rest: Rest<'s>,
    ) -> ReadResult<(Cell, Rest<'s>)> {
        match (kind, b) {
            (FieldKind::Boolean, _) => Ok((Cell::boolean(b), rest)),
            (FieldKind::String, true) => {
                let (packed, rest) = bytes::<16>(rest)?;
                Ok((Cell::text(self.hold_uuid(packed)), rest))
            }
            (FieldKind::Enum(values), false) => {
                let (at, more) = varint(rest)?;
                let Some(value) = usize::try_from(at).ok().and_then(|at| values.get(at)) else {
                    return fault(rest, Reason::Reference);
                };
                Ok((Cell::text(self.known_value(value)), more))
            }
            (FieldKind::String, false) | (FieldKind::Enum(_), true) => {
                let (text, rest) = self.text(rest)?;
                Ok((Cell::text(text), rest))
            }
            (FieldKind::Json, false) => {
                let (text, rest) = self.json(rest)?;
                Ok((Cell::json(text), rest))
            }
            (FieldKind::Json, true) => fault(rest, Reason::UnknownForm),
            (FieldKind::Number, false) => {
                let (folded, more) = varint(rest)?;
                let number = unzigzag(folded);
                // Larger numbers would not survive the conversion to a double.
                if number.unsigned_abs() >= 1 << 53 {
                    return fault(rest, Reason::Range);
                }
                Ok((Cell::number(number as f64), more))
            }
            (FieldKind::Number, true) => {
                let (number, more) = bytes::<8>(rest)?;
                let number = f64::from_le_bytes(*number);
                if number.is_finite() {
                    Ok((Cell::number(number), more))
                } else {
                    fault(rest, Reason::Range)
                }
            }
            (FieldKind::Date, false) => {
                let (folded, more) = varint(rest)?;
                let Some(millis) = self
                    .date
                    .checked_add(unzigzag(folded))
                    .filter(|at| date::FIXED_RANGE.contains(at))
                else {
                    return fault(rest, Reason::Date);
                };
                self.date = millis;
                Ok((Cell::millis(millis), more))
            }
            (FieldKind::Date, true) => self.instant(rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn instant<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Cell, Rest<'s>)> {
        let (seconds, more) = varint(rest)?;
        let (nanos, more) = varint(more)?;
        let nanos = i32::try_from(unzigzag(nanos)).ok();
        match nanos.and_then(|nanos| jiff::Timestamp::new(unzigzag(seconds), nanos).ok()) {
            Some(at) => Ok((Cell::date(Timestamp::from(at), &mut self.store.instants), more)),
            None => fault(rest, Reason::Date),
        }
    }

    /// Returns the store's copy of a text of the schema. Each is copied once per batch.
    #[inline(always)]
    pub(super) fn known_value(&mut self, value: &'static &'static str) -> Span {
        match self.values.iter().find(|(known, _)| std::ptr::eq(*known, value)) {
            Some((_, span)) => *span,
            None => self.new_value(value),
        }
    }

    #[cold]
    #[inline(never)]
    fn new_value(&mut self, value: &'static &'static str) -> Span {
        let span = self.hold(value);
        self.values.push((value, span));
        span
    }
}

/// Returns the next 32 states; missing ones are 0.
#[inline(always)]
fn next_states(states: &mut &[u8]) -> u64 {
    match states.split_first_chunk::<8>() {
        Some((word, more)) => {
            *states = more;
            u64::from_le_bytes(*word)
        }
        None => {
            let word = states.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            *states = &[];
            word
        }
    }
}
