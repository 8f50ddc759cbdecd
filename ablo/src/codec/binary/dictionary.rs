//! Field numbers, and the dictionary of the models that a batch uses.

use super::super::cell::{Cell, View};
use super::super::error::{ReadResult, Reason, fault};
use super::super::scan::Rest;
use super::super::store::{Extra, Owner, Piece, Record};
use super::read::{BinaryReader, DictionaryField, DictionaryModel};
use super::state;
use super::varint::{bytes, varint};
use crate::descriptor::{FieldDescriptor, FieldKind, ModelDescriptor};
use crate::field::BASE;

/// Returns the number of a field: the declared one, or the hash of its oldest known name, which has
/// the highest bit set.
pub(super) fn number_of(field: &FieldDescriptor) -> u32 {
    field.number.unwrap_or_else(|| hash(field.renamed_from.unwrap_or(field.name)))
}

/// Returns the 32-bit FNV-1a hash with the highest bit set.
fn hash(name: &str) -> u32 {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash | 1 << 31
}

/// Returns the byte that encodes a field's kind.
pub(super) fn kind_byte(kind: FieldKind) -> u8 {
    match kind {
        FieldKind::String => 0,
        FieldKind::Number => 1,
        FieldKind::Boolean => 2,
        FieldKind::Date => 3,
        FieldKind::Json => 4,
        FieldKind::Enum(_) => ENUM,
    }
}

/// The kind byte of an enum, which is followed by its values.
pub(super) const ENUM: u8 = 5;

/// Finds a field by its number and, if several have that number, by its name. If none has it, the
/// name alone decides, as in JSON.
pub(super) fn find_field(
    model: &'static ModelDescriptor,
    number: u32,
    name: &str,
) -> Option<(u16, &'static FieldDescriptor)> {
    let all = || {
        BASE.iter().chain(model.fields).enumerate().filter(|(_, field)| number_of(field) == number)
    };
    let by_name =
        || BASE.iter().chain(model.fields).enumerate().find(|(_, field)| field.name == name);
    let found =
        all().find(|(_, field)| field.name == name).or_else(|| all().next()).or_else(by_name);
    found.map(|(at, field)| (at as u16, field))
}

impl<'a> BinaryReader<'a> {
    /// Reads the dictionary of a batch.
    pub(super) fn dictionary<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let (count, mut rest) = self.count(rest, 2)?;
        let mut models = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, more) = self.text(rest)?;
            let at = self.schema.position(self.read_text(name));
            let model = at.and_then(|at| self.schema.models.get(at).copied());
            let (count, mut more) = self.count(more, 3)?;
            let mut fields = Vec::with_capacity(count);
            for _ in 0..count {
                let (field, rest) = self.dictionary_field(model, more)?;
                fields.push(field);
                more = rest;
            }
            models.push(DictionaryModel { name, at: at.map(|at| at as u32), fields });
            rest = more;
        }
        self.models = Some(models);
        Ok(rest)
    }

    /// Reads a count of items of at least `min_bytes` each.
    fn count<'s>(&self, rest: Rest<'s>, min_bytes: usize) -> ReadResult<(usize, Rest<'s>)> {
        let (count, more) = varint(rest)?;
        match usize::try_from(count) {
            Ok(count) if count <= more.len() / min_bytes => Ok((count, more)),
            _ => fault(rest, Reason::Size),
        }
    }

    fn dictionary_field<'s>(
        &mut self,
        model: Option<&'static ModelDescriptor>,
        rest: Rest<'s>,
    ) -> ReadResult<(DictionaryField, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        let Ok(number) = u32::try_from(number) else { return fault(rest, Reason::Size) };
        let ([kind], more) = bytes::<1>(more)?;
        if *kind > ENUM {
            return fault(rest, Reason::UnknownForm);
        }
        let (name, mut more) = self.text(more)?;
        let mut values = Vec::new();
        if *kind == ENUM {
            let (count, listed) = self.count(more, 1)?;
            more = listed;
            values.reserve(count);
            for _ in 0..count {
                let (value, rest) = self.text(more)?;
                values.push(value);
                more = rest;
            }
        }
        let local = model.and_then(|model| find_field(model, number, self.read_text(name)));
        let position = local.map(|(at, _)| at);
        Ok((
            DictionaryField {
                kind: *kind,
                position,
                local: local.map(|(_, field)| field),
                name,
                values,
            },
            more,
        ))
    }

    /// Reads a row whose fields are described by the dictionary.
    pub(super) fn dictionary_row<'s>(
        &mut self,
        record: &Record,
        model: &DictionaryModel,
        same_id: bool,
        rest: Rest<'s>,
    ) -> ReadResult<(Piece, Rest<'s>)> {
        let start = self.store.cells.len();
        let Some((states, mut rest)) = rest.split_at_checked(model.fields.len().div_ceil(4)) else {
            return fault(rest, Reason::Size);
        };
        for (at, field) in model.fields.iter().enumerate() {
            let form = u64::from(states[at / 4] >> (at % 4 * 2) & 3);
            let cell = match form {
                state::ABSENT => continue,
                state::NULL => Cell::NULL,
                state::A if at == 0 && same_id => Cell::text(record.model_id),
                _ => {
                    let (cell, more) = self.dictionary_value(field, form == state::B, rest)?;
                    rest = more;
                    cell
                }
            };
            self.put(start, field, cell, rest)?;
        }
        Ok((Piece { start: start as u32, end: self.store.cells.len() as u32 }, rest))
    }

    fn dictionary_value<'s>(
        &mut self,
        field: &DictionaryField,
        b: bool,
        rest: Rest<'s>,
    ) -> ReadResult<(Cell, Rest<'s>)> {
        let kind = match field.kind {
            0 => FieldKind::String,
            1 => FieldKind::Number,
            2 => FieldKind::Boolean,
            3 => FieldKind::Date,
            4 => FieldKind::Json,
            _ if b => FieldKind::Enum(&[]),
            _ => {
                let (at, more) = varint(rest)?;
                let value = usize::try_from(at).ok().and_then(|at| field.values.get(at));
                return value.map_or_else(
                    || fault(rest, Reason::Reference),
                    |value| Ok((Cell::text(*value), more)),
                );
            }
        };
        self.value(kind, b, rest)
    }

    /// Stores a value at its field's position, or as an unknown member if this build lacks the
    /// field.
    fn put(
        &mut self,
        start: usize,
        field: &DictionaryField,
        cell: Cell,
        rest: Rest<'_>,
    ) -> ReadResult<()> {
        let (Some(position), Some(local)) = (field.position, field.local) else {
            let value = self.json_of(cell);
            self.store.extras.push(Extra { owner: Owner::Row, name: field.name, value });
            return self.check_budget(rest);
        };
        let fits = match (cell.view(), local.kind) {
            (View::Null, _) if local.optional => cell,
            (_, FieldKind::Json) => Cell::json(self.json_of(cell)),
            (View::Null, _) => return self.with_field(local, fault(rest, Reason::RequiredNull)),
            (View::Text(_), FieldKind::String | FieldKind::Enum(_))
            | (View::Number(_), FieldKind::Number)
            | (View::Boolean(_), FieldKind::Boolean)
            | (View::Date(_) | View::Instant(_), FieldKind::Date) => cell,
            _ => return self.with_field(local, fault(rest, Reason::KindMismatch)),
        };
        if !self.matches_format(local, fits) {
            return self.with_field(local, fault(rest, Reason::Format));
        }
        let position = start + usize::from(position);
        let cells = &mut self.store.cells;
        if cells.len() <= position {
            cells.resize(position + 1, Cell::ABSENT);
        }
        let free = std::mem::replace(&mut cells[position], fits).is_absent();
        if free { Ok(()) } else { self.with_field(local, fault(rest, Reason::Duplicate)) }
    }
}
