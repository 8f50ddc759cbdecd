//! What a build does not know, in the binary form: members by name, values as JSON text.

use super::super::cell::{Cell, Span, View};
use super::super::error::{Step, What, fault};
use super::super::pen::Out;
use super::super::read::{MEMBERS, Reader as JsonReader};
use super::super::scan::Rest;
use super::super::store::{BASE, Data, Extra, Owner, Record};
use super::read::Reader;
use super::varint::{bytes, varint};

impl Reader<'_> {
    /// Reads members that nobody knew.
    #[cold]
    #[inline(never)]
    pub(super) fn extras<'s>(&mut self, record: &mut Record, rest: Rest<'s>) -> Step<Rest<'s>> {
        let of_batch = record.model_name == Span::ABSENT;
        let (count, mut more) = varint(rest)?;
        // Each takes three bytes at least.
        if count > more.len() as u64 / 3 {
            return fault(rest, What::Size);
        }
        for _ in 0..count {
            let (owner, rest) = bytes::<1>(more)?;
            let owner = match (owner[0], of_batch) {
                (0, false) => Owner::Delta,
                (1, false) => Owner::Row,
                (2, false) => Owner::Actor,
                (3, false) => Owner::OnBehalfOf,
                (4, false) => Owner::CreatedBy,
                (5, true) => Owner::Batch,
                _ => return fault(more, What::Form),
            };
            let (name, rest) = self.text(rest)?;
            let (value, rest) = self.json(rest)?;
            if !self.absorb(record, owner, name, value, more)? {
                self.store.extras.push(Extra { owner, name, value });
            }
            more = rest;
        }
        Ok(more)
    }

    /// Puts a member of a row where it belongs if this build knows it after all. No other member may have a known name.
    fn absorb(
        &mut self,
        record: &mut Record,
        owner: Owner,
        name: Span,
        value: Span,
        rest: Rest<'_>,
    ) -> Step<bool> {
        let name = self.read_text(name);
        let known = match owner {
            Owner::Delta => MEMBERS.iter().any(|member| member.name() == name),
            Owner::Actor | Owner::OnBehalfOf | Owner::CreatedBy => matches!(name, "kind" | "id"),
            Owner::Batch => matches!(name, "deltas" | "newVersions"),
            Owner::Row => {
                let model = self.schema.models.get(record.model as usize).copied();
                let (Some(model), Data::Row(row)) = (model, &mut record.data) else {
                    return Ok(false);
                };
                let fields = BASE.iter().chain(model.fields).enumerate();
                let Some((at, field)) = fields.into_iter().find(|(_, field)| field.name == name)
                else {
                    return Ok(false);
                };
                // What follows it belongs to others.
                let until = self.tail.get(..value.start() + value.len()).unwrap_or_default();
                let mut text = JsonReader::new(self.schema, until, &mut self.store);
                let put = text.put_within(field, row.start as usize + at, value);
                row.end = self.store.cells.len() as u32;
                return match put {
                    Ok(()) => Ok(true),
                    Err(wrong) => self.blame(model, field.name, fault(rest, wrong.what)),
                };
            }
        };
        if known { fault(rest, What::Twice) } else { Ok(false) }
    }

    /// Makes JSON text of the row of a model that this build lacks.
    #[cold]
    #[inline(never)]
    pub(super) fn compose(&mut self, record: &mut Record) {
        let mut text = String::from("{");
        for extra in
            record.extras.of(&self.store.extras).iter().filter(|extra| extra.owner == Owner::Row)
        {
            let comma = if text.len() > 1 { "," } else { "" };
            let (name, value) =
                (json_string(self.read_text(extra.name)), self.read_text(extra.value));
            text.extend([comma, &name, ":", value]);
        }
        text.push('}');
        record.data = Data::Raw(self.hold(&text));
        self.store.forget_row(record.extras.start as usize);
        record.extras.end = self.store.extras.len() as u32;
    }

    /// Keeps a value as JSON text, for whoever knows its field.
    #[cold]
    #[inline(never)]
    pub(super) fn json_of(&mut self, cell: Cell) -> Span {
        let mut out = Out::default();
        out.write(|pen| match cell.view() {
            View::Absent | View::Null => pen.fixed(b"null"),
            View::Text(text) => pen.string(self.read_text(text)),
            View::Json(text) => pen.bytes(self.read_text(text).as_bytes()),
            View::Number(number) => pen.number(number),
            View::Boolean(boolean) => pen.bytes(if boolean { b"true" } else { b"false" }),
            View::Date(millis) => pen.date(millis),
            View::Instant(at) => {
                let text = self.store.instants.get(at as usize).map(ToString::to_string);
                pen.string(&text.unwrap_or_default())
            }
        });
        let text = String::from_utf8(out.finish()).unwrap_or_default();
        self.hold(&text)
    }
}

fn json_string(text: &str) -> String {
    let mut out = Out::default();
    out.write(|pen| pen.string(text));
    String::from_utf8(out.finish()).unwrap_or_default()
}
