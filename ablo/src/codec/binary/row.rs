//! Rows in the binary form: two bits a field, then what each has to say.

use super::super::cell::{Cell, Span};
use super::super::error::{Step, What, fault};
use super::super::scan::Rest;
use super::super::store::{BASE, Piece, Record, field};
use super::read::Reader;
use super::varint::{bytes, unzigzag, varint, zigzag};
use super::write::Writer;
use super::{state, uuid};
use crate::descriptor::FieldKind;
use crate::{Timestamp, codec::date};

impl Writer<'_, '_> {
    #[inline(always)]
    pub(super) fn row(&mut self, record: &Record, row: Piece, same_id: bool) {
        let deltas = self.deltas;
        let (Some(model), cells) = (deltas.model(record), row.of(&deltas.store.cells)) else { return };
        let count = BASE.len() + model.fields.len();
        let mut place = self.head.len();
        self.head.room(count / 4 + 16);
        self.head.zeroes(count.div_ceil(4));
        let mut states = 0;
        for (at, (cell, field)) in cells.iter().zip(BASE.iter().chain(model.fields)).enumerate() {
            let state = if at == 0 && same_id { state::A } else { self.cell(*cell, field.kind) };
            states |= state << (at % 32 * 2);
            if at % 32 == 31 {
                self.head.patch(place, states, 8);
                place += 8;
                states = 0;
            }
        }
        self.head.patch(place, states, (count.div_ceil(4)) - (cells.len() / 32) * 8);
    }

    /// Writes a value; says in which form.
    #[inline(always)]
    fn cell(&mut self, cell: Cell, kind: FieldKind) -> u64 {
        match cell {
            Cell::Absent => return state::ABSENT,
            Cell::Null => return state::NULL,
            Cell::Boolean(boolean) => return if boolean { state::B } else { state::A },
            Cell::Text(text) => return self.cell_text(text, kind),
            Cell::Json(text) => self.text(text),
            Cell::Number(number) => {
                let whole = number as i64;
                if whole as f64 != number
                    || whole.unsigned_abs() >= 1 << 53
                    || (whole == 0 && number.is_sign_negative())
                {
                    self.head.fixed(&number.to_le_bytes());
                    return state::B;
                }
                self.head.varint(zigzag(whole));
            }
            Cell::Date(millis) => {
                self.head.varint(zigzag(millis - self.date));
                self.date = millis;
            }
            Cell::Instant(at) => {
                let at = self.deltas.store.instants.get(at as usize).map(|at| at.into_jiff()).unwrap_or_default();
                self.head.varint(zigzag(at.as_second()));
                self.head.varint(zigzag(i64::from(at.subsec_nanosecond())));
                return state::B;
            }
        }
        state::A
    }

    #[inline(always)]
    fn cell_text(&mut self, span: Span, kind: FieldKind) -> u64 {
        if let FieldKind::Enum(values) = kind {
            let text = self.deltas.text(span);
            if let Some(at) = values.iter().position(|value| *value == text) {
                self.head.varint(at as u64);
                return state::A;
            }
            self.text(span);
            return state::B;
        }
        if span.len() == uuid::LEN
            && let Some(packed) = uuid::pack(self.deltas.text(span).as_bytes())
        {
            self.head.fixed(&packed);
            return state::B;
        }
        self.text(span);
        state::A
    }
}

impl<'a> Reader<'a> {
    /// Reads a row whose fields are those of this build, into cells.
    pub(super) fn row<'s>(&mut self, record: &Record, same_id: bool, rest: Rest<'s>) -> Step<(Piece, Rest<'s>)> {
        let start = self.store.cells.len() as u32;
        let Some(model) = self.schema.models.get(record.model as usize) else { return fault(rest, What::Reference) };
        let count = BASE.len() + model.fields.len();
        let Some((mut states, mut rest)) = rest.split_at_checked(count.div_ceil(4)) else {
            return fault(rest, What::Size);
        };
        // So many cells are warranted: each has its two bits in what was just split off.
        self.store.cells.reserve(count);
        let mut word = 0;
        for at in 0..count {
            if at % 32 == 0 {
                word = states_of(&mut states);
            }
            let Some(field) = field(model, at) else { return fault(rest, What::Reference) };
            let cell = match (word & 3, at) {
                (state::ABSENT, _) => Cell::Absent,
                (state::NULL, _) if field.optional => Cell::Null,
                (state::NULL, _) => return self.blame(model, field.name, fault(rest, What::Null)),
                (state::A, 0) if same_id => Cell::Text(record.model_id),
                (_, 0) if same_id => return fault(rest, What::Form),
                (form, _) => match self.value(field.kind, form == state::B, rest) {
                    Ok((cell, more)) => {
                        rest = more;
                        cell
                    }
                    Err(wrong) => return self.blame(model, field.name, Err(wrong)),
                },
            };
            word >>= 2;
            self.store.cells.push(cell);
        }
        if word != 0 || (same_id && count == 0) {
            return fault(rest, What::Form);
        }
        while let Some(Cell::Absent) = self.store.cells.get(start as usize..).and_then(<[Cell]>::last) {
            self.store.cells.pop();
        }
        Ok((Piece { start, end: self.store.cells.len() as u32 }, rest))
    }

    /// Reads a value of a known kind.
    #[inline(always)]
    pub(super) fn value<'s>(&mut self, kind: FieldKind, b: bool, rest: Rest<'s>) -> Step<(Cell, Rest<'s>)> {
        match (kind, b) {
            (FieldKind::Boolean, _) => Ok((Cell::Boolean(b), rest)),
            (FieldKind::String, true) => {
                let (packed, rest) = bytes::<16>(rest)?;
                Ok((Cell::Text(self.hold_uuid(packed)), rest))
            }
            (FieldKind::Enum(values), false) => {
                let (at, more) = varint(rest)?;
                let Some(value) = usize::try_from(at).ok().and_then(|at| values.get(at)) else {
                    return fault(rest, What::Reference);
                };
                Ok((Cell::Text(self.known_value(value)), more))
            }
            (FieldKind::String, false) | (FieldKind::Enum(_), true) => {
                let (text, rest) = self.text(rest)?;
                Ok((Cell::Text(text), rest))
            }
            (FieldKind::Json, false) => {
                let (text, rest) = self.json(rest)?;
                Ok((Cell::Json(text), rest))
            }
            (FieldKind::Json, true) => fault(rest, What::Form),
            (FieldKind::Number, false) => {
                let (folded, more) = varint(rest)?;
                let number = unzigzag(folded);
                // What does not fit in a double exactly would be another number on its way back.
                if number.unsigned_abs() >= 1 << 53 {
                    return fault(rest, What::Range);
                }
                Ok((Cell::Number(number as f64), more))
            }
            (FieldKind::Number, true) => {
                let (number, more) = bytes::<8>(rest)?;
                let number = f64::from_le_bytes(*number);
                if number.is_finite() { Ok((Cell::Number(number), more)) } else { fault(rest, What::Range) }
            }
            (FieldKind::Date, false) => {
                let (folded, more) = varint(rest)?;
                let Some(millis) = self.date.checked_add(unzigzag(folded)).filter(|at| date::FIXED.contains(at)) else {
                    return fault(rest, What::Date);
                };
                self.date = millis;
                Ok((Cell::Date(millis), more))
            }
            (FieldKind::Date, true) => self.instant(rest),
        }
    }

    #[cold]
    #[inline(never)]
    fn instant<'s>(&mut self, rest: Rest<'s>) -> Step<(Cell, Rest<'s>)> {
        let (seconds, more) = varint(rest)?;
        let (nanos, more) = varint(more)?;
        let nanos = i32::try_from(unzigzag(nanos)).ok();
        match nanos.and_then(|nanos| jiff::Timestamp::new(unzigzag(seconds), nanos).ok()) {
            Some(at) => Ok((Cell::date(Timestamp::from(at), &mut self.store.instants), more)),
            None => fault(rest, What::Date),
        }
    }

    /// The store's copy of a value that the schema lists: one for each value and batch.
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

/// The next 32 states; those of bytes that are not there are 0.
#[inline(always)]
fn states_of(states: &mut &[u8]) -> u64 {
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
