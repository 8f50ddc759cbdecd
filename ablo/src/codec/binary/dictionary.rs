//! Which number a field has on the wire, and what a batch says of the models that it uses.

use super::super::cell::{Cell, Span, View};
use super::super::error::{Step, What, fault};
use super::super::scan::Rest;
use super::super::store::{BASE, Extra, Owner, Piece, Record};
use super::read::Reader;
use super::state;
use super::varint::{bytes, varint};
use crate::descriptor::{FieldDescriptor, FieldKind, ModelDescriptor};

/// The number of a field: the author's, else that of the oldest name that is known, where the highest bit is set.
pub(super) fn number_of(field: &FieldDescriptor) -> u32 {
    field.number.unwrap_or_else(|| hash(field.renamed_from.unwrap_or(field.name)))
}

/// FNV-1a of 32 bits, the highest one set.
fn hash(name: &str) -> u32 {
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash | 1 << 31
}

/// The byte that says what a field holds.
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

/// The kind whose values follow.
pub(super) const ENUM: u8 = 5;

/// A field that the dictionary of a batch names.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) kind: u8,
    /// Where a row of this build's schema has it; `None` for a field that it lacks.
    pub(super) place: Option<u16>,
    /// What this build says of it.
    pub(super) local: Option<&'static FieldDescriptor>,
    pub(super) name: Span,
    /// The values of an enum, in the order of whoever wrote the batch.
    pub(super) values: Vec<Span>,
}

/// A model that the dictionary of a batch names.
#[derive(Debug)]
pub(super) struct NamedModel {
    pub(super) name: Span,
    /// The model's position in this build's schema.
    pub(super) at: Option<u32>,
    pub(super) fields: Vec<Named>,
}

/// Where a field of this number is: the one of that name too, where several have the number. A field whose number is new
/// to its schema is found by its name, as in JSON.
pub(super) fn place_of(
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

impl<'a> Reader<'a> {
    /// Reads which models and fields the batch names.
    pub(super) fn dictionary<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        let (count, mut rest) = self.count(rest, 2)?;
        let mut models = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, more) = self.text(rest)?;
            let at = self.schema.position(self.read_text(name));
            let model = at.and_then(|at| self.schema.models.get(at).copied());
            let (count, mut more) = self.count(more, 3)?;
            let mut fields = Vec::with_capacity(count);
            for _ in 0..count {
                let (field, rest) = self.named(model, more)?;
                fields.push(field);
                more = rest;
            }
            models.push(NamedModel { name, at: at.map(|at| at as u32), fields });
            rest = more;
        }
        self.models = Some(models);
        Ok(rest)
    }

    /// Reads how many things follow that take so many bytes each at least.
    fn count<'s>(&self, rest: Rest<'s>, least: usize) -> Step<(usize, Rest<'s>)> {
        let (count, more) = varint(rest)?;
        match usize::try_from(count) {
            Ok(count) if count <= more.len() / least => Ok((count, more)),
            _ => fault(rest, What::Size),
        }
    }

    fn named<'s>(
        &mut self,
        model: Option<&'static ModelDescriptor>,
        rest: Rest<'s>,
    ) -> Step<(Named, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        let Ok(number) = u32::try_from(number) else { return fault(rest, What::Size) };
        let ([kind], more) = bytes::<1>(more)?;
        if *kind > ENUM {
            return fault(rest, What::Form);
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
        let local = model.and_then(|model| place_of(model, number, self.read_text(name)));
        let place = local.map(|(at, _)| at);
        Ok((Named { kind: *kind, place, local: local.map(|(_, field)| field), name, values }, more))
    }

    /// Reads a row whose fields the dictionary names.
    pub(super) fn named_row<'s>(
        &mut self,
        record: &Record,
        model: &NamedModel,
        same_id: bool,
        rest: Rest<'s>,
    ) -> Step<(Piece, Rest<'s>)> {
        let start = self.store.cells.len();
        let Some((states, mut rest)) = rest.split_at_checked(model.fields.len().div_ceil(4)) else {
            return fault(rest, What::Size);
        };
        for (at, field) in model.fields.iter().enumerate() {
            let form = u64::from(states[at / 4] >> (at % 4 * 2) & 3);
            let cell = match form {
                state::ABSENT => continue,
                state::NULL => Cell::NULL,
                state::A if at == 0 && same_id => Cell::text(record.model_id),
                _ => {
                    let (cell, more) = self.named_value(field, form == state::B, rest)?;
                    rest = more;
                    cell
                }
            };
            self.put(start, field, cell, rest)?;
        }
        Ok((Piece { start: start as u32, end: self.store.cells.len() as u32 }, rest))
    }

    fn named_value<'s>(
        &mut self,
        field: &Named,
        b: bool,
        rest: Rest<'s>,
    ) -> Step<(Cell, Rest<'s>)> {
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
                    || fault(rest, What::Reference),
                    |value| Ok((Cell::text(*value), more)),
                );
            }
        };
        self.value(kind, b, rest)
    }

    /// Puts a value where this build has its field, or keeps it for whoever knows the field.
    fn put(&mut self, start: usize, field: &Named, cell: Cell, rest: Rest<'_>) -> Step<()> {
        let (Some(place), Some(local)) = (field.place, field.local) else {
            let value = self.json_of(cell);
            self.store.extras.push(Extra { owner: Owner::Row, name: field.name, value });
            return self.within_budget(rest);
        };
        let fits = match (cell.view(), local.kind) {
            (View::Null, _) if local.optional => cell,
            (_, FieldKind::Json) => Cell::json(self.json_of(cell)),
            (View::Null, _) => return self.blame_field(local, fault(rest, What::Null)),
            (View::Text(_), FieldKind::String | FieldKind::Enum(_))
            | (View::Number(_), FieldKind::Number)
            | (View::Boolean(_), FieldKind::Boolean)
            | (View::Date(_) | View::Instant(_), FieldKind::Date) => cell,
            _ => return self.blame_field(local, fault(rest, What::OtherKind)),
        };
        if !self.is_exact(local, fits) {
            return self.blame_field(local, fault(rest, What::Form));
        }
        let place = start + usize::from(place);
        let cells = &mut self.store.cells;
        if cells.len() <= place {
            cells.resize(place + 1, Cell::ABSENT);
        }
        let free = std::mem::replace(&mut cells[place], fits).is_absent();
        if free { Ok(()) } else { self.blame_field(local, fault(rest, What::Twice)) }
    }
}
