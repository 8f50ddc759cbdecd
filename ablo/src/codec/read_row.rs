//! Reads rows, driven by the descriptors of their models.

use super::cell::{Cell, Span};
use super::date;
use super::error::{ReadResult, Reason, fault};
use super::number::number;
use super::read::{JsonReader, separator};
use super::scan::{Rest, literal, mismatch, skip, space};
use super::store::{Owner, Piece, field};
use crate::Timestamp;
use crate::descriptor::{FieldDescriptor, FieldKind, ModelDescriptor};
use crate::field::BASE;
use crate::key::hash;
use crate::row::{in_range, parse_exact};

impl JsonReader<'_> {
    /// Reads the members of a row after its opening brace.
    #[inline(always)]
    pub(super) fn row<'s>(
        &mut self,
        at: u32,
        model: &'static ModelDescriptor,
        rest: Rest<'s>,
    ) -> ReadResult<(Piece, Rest<'s>)> {
        let start = self.store.cells.len();
        let mut order = self.orders.get_mut(at as usize).map(std::mem::take).unwrap_or_default();
        let rest = self.fields(model, &mut order, start, rest)?;
        if !order.is_empty() {
            self.remember_order(at, order);
        }
        Ok((Piece { start: start as u32, end: self.store.cells.len() as u32 }, rest))
    }

    #[inline(never)]
    fn remember_order(&mut self, at: u32, order: Vec<u16>) {
        if self.orders.is_empty() {
            self.orders.resize(self.schema.models.len(), Vec::new());
        }
        if let Some(slot) = self.orders.get_mut(at as usize) {
            *slot = order;
        }
    }

    fn fields<'s>(
        &mut self,
        model: &'static ModelDescriptor,
        order: &mut Vec<u16>,
        start: usize,
        rest: Rest<'s>,
    ) -> ReadResult<Rest<'s>> {
        let mut rest = space(rest);
        if let [b'}', more @ ..] = rest {
            return Ok(more);
        }
        // The previous member's position plus one, which is the next position in schema order.
        let mut before = 0;
        loop {
            let likely = if order.is_empty() { before } else { usize::from(order[before]) };
            let found = field(model, likely)
                .and_then(|field| Some((likely, field, field.key.strip(rest)?)));
            let found = match found {
                Some(found) => Some(found),
                None => self.search(model, order, before, rest)?,
            };
            rest = match found {
                Some((at, field, value)) => {
                    before = at + 1;
                    let (cell, more) = match self.cell(field, space(value)) {
                        Ok(read) => read,
                        Err(fault) => return self.with_model_field(model, field, Err(fault)),
                    };
                    if start + at == self.store.cells.len() {
                        self.store.cells.push(cell);
                    } else if !self.put(start + at, cell) {
                        return self.with_model_field(model, field, fault(rest, Reason::Duplicate));
                    }
                    more
                }
                None => {
                    let (name, value) = self.name(rest)?;
                    self.extra(Owner::Row, name, value)?
                }
            };
            rest = match rest {
                [b',', b'"', ..] => &rest[1..],
                [b'}', more @ ..] => return Ok(more),
                _ => match separator(rest)? {
                    (more, true) => return Ok(more),
                    (more, false) => more,
                },
            };
        }
    }

    /// Stores a cell that is out of order. Returns whether the position was free.
    #[inline(never)]
    fn put(&mut self, position: usize, cell: Cell) -> bool {
        let cells = &mut self.store.cells;
        if position >= cells.len() {
            cells.resize(position, Cell::ABSENT);
            cells.push(cell);
            return true;
        }
        std::mem::replace(&mut cells[position], cell).is_absent()
    }

    /// Reads a value at a position of this text into a cell of the last row.
    #[cold]
    pub(super) fn put_value_at(
        &mut self,
        field: &'static FieldDescriptor,
        position: usize,
        value: Span,
    ) -> ReadResult<()> {
        let rest = self.text.as_bytes().get(value.start()..).unwrap_or_default();
        let (cell, _) = self.cell(field, space(rest))?;
        if self.put(position, cell) { Ok(()) } else { fault(rest, Reason::Duplicate) }
    }

    #[cold]
    #[inline(never)]
    fn with_model_field<T>(
        &mut self,
        model: &'static ModelDescriptor,
        field: &FieldDescriptor,
        fault: ReadResult<T>,
    ) -> ReadResult<T> {
        self.error_context = (
            Some(model.type_name),
            BASE.iter().chain(model.fields).map(|f| f.name).find(|n| *n == field.name),
        );
        fault
    }

    /// Finds the field of the next member, or `None` if the model does not have it.
    #[inline(never)]
    #[allow(clippy::type_complexity)]
    fn search<'s>(
        &mut self,
        model: &'static ModelDescriptor,
        order: &mut Vec<u16>,
        before: usize,
        rest: Rest<'s>,
    ) -> ReadResult<Option<(usize, &'static FieldDescriptor, Rest<'s>)>> {
        // All models share the hints, so a hint can belong to another model.
        let hash = hash(rest);
        let hint = usize::from(self.field_hints[hash]);
        let hinted =
            field(model, hint).and_then(|field| Some((hint, field, field.key.strip(rest)?)));
        let found = match hinted.or_else(|| probe(model, before, rest)) {
            Some(found) => found,
            None => match self.search_by_name(model, rest)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        // Only worthwhile from the second row on, or if the members are not in schema order.
        if order.is_empty() && (found.0 < before || self.store.records.len() > 1) {
            order.extend((0..=BASE.len() + model.fields.len()).map(|at| at as u16));
        }
        if let Some(slot) = order.get_mut(before) {
            *slot = found.0 as u16;
        }
        self.field_hints[hash] = u8::try_from(found.0).unwrap_or(0);
        Ok(Some(found))
    }

    /// Finds a field by its decoded name: it can be escaped or followed by white space.
    #[allow(clippy::type_complexity)]
    fn search_by_name<'s>(
        &mut self,
        model: &'static ModelDescriptor,
        rest: Rest<'s>,
    ) -> ReadResult<Option<(usize, &'static FieldDescriptor, Rest<'s>)>> {
        let (name, value) = self.name(rest)?;
        let name = self.read_text(name);
        let mut fields = BASE.iter().chain(model.fields).enumerate();
        Ok(fields.find(|(_, field)| field.name == name).map(|(at, field)| (at, field, value)))
    }

    /// Reads the value of a field.
    #[inline(always)]
    fn cell<'s>(
        &mut self,
        field: &'static FieldDescriptor,
        rest: Rest<'s>,
    ) -> ReadResult<(Cell, Rest<'s>)> {
        if let [b'n', ..] = rest
            && (field.optional || field.kind != FieldKind::Json)
        {
            let more = literal(rest, b"null")?;
            return if field.optional {
                Ok((Cell::NULL, more))
            } else {
                fault(rest, Reason::RequiredNull)
            };
        }
        match field.kind {
            FieldKind::String | FieldKind::Enum(_) => {
                let (text, more) = self.string(rest, Reason::Text)?;
                match field.format {
                    Some(format) if parse_exact(format, self.read_text(text)).is_err() => {
                        fault(rest, Reason::Format)
                    }
                    _ => Ok((Cell::text(text), more)),
                }
            }
            FieldKind::Number => match rest {
                [b'-' | b'0'..=b'9', ..] => {
                    let (value, more) = number(rest)?;
                    if in_range(field.format, value).is_err() {
                        return fault(rest, Reason::Format);
                    }
                    Ok((Cell::number(value), more))
                }
                _ => mismatch(rest, Reason::Number),
            },
            FieldKind::Boolean => match rest {
                [b't', ..] => Ok((Cell::boolean(true), literal(rest, b"true")?)),
                [b'f', ..] => Ok((Cell::boolean(false), literal(rest, b"false")?)),
                _ => mismatch(rest, Reason::Boolean),
            },
            FieldKind::Date => match rest {
                [b'"', text @ ..] => {
                    match text.first_chunk::<{ date::LEN }>().and_then(date::parse_fixed) {
                        Some(millis) if text.get(date::LEN) == Some(&b'"') => {
                            Ok((Cell::millis(millis), &text[date::LEN + 1..]))
                        }
                        _ => self.date_slow(rest),
                    }
                }
                _ => mismatch(rest, Reason::Text),
            },
            FieldKind::Json => {
                let end = skip(rest)?;
                Ok((Cell::json(self.between(rest, end)), end))
            }
        }
    }

    /// Reads a date that is not in the fixed form.
    #[cold]
    #[inline(never)]
    fn date_slow<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Cell, Rest<'s>)> {
        let held = self.store.held.len();
        let (text, more): (Span, _) = self.string(rest, Reason::Text)?;
        let parsed = self.read_text(text).parse::<Timestamp>();
        self.store.held.truncate(held);
        match parsed {
            Ok(at) => Ok((Cell::date(at, &mut self.store.instants), more)),
            Err(_) => fault(rest, Reason::Date),
        }
    }
}

/// Tries all fields, beginning at the expected one.
fn probe<'s>(
    model: &'static ModelDescriptor,
    before: usize,
    rest: Rest<'s>,
) -> Option<(usize, &'static FieldDescriptor, Rest<'s>)> {
    let mut next = [0; 8];
    next.copy_from_slice(rest.first_chunk::<8>().unwrap_or(&[0; 8]));
    let next = u64::from_le_bytes(next);
    let among = |fields: &'static [FieldDescriptor], first: usize| {
        let mut fields = fields.iter().enumerate().filter(|(_, field)| field.key.begins(next));
        fields.find_map(|(at, field)| Some((first + at, field, field.key.strip(rest)?)))
    };
    let declared = before.saturating_sub(BASE.len());
    among(&BASE[before.min(BASE.len())..], before)
        .or_else(|| among(model.fields.get(declared..)?, BASE.len() + declared))
        .or_else(|| among(&BASE, 0))
        .or_else(|| among(model.fields, BASE.len()))
}
