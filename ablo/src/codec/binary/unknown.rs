//! Unknown members in the binary form: names, and values as JSON text.

use super::super::byte_writer::OutBuffer;
use super::super::cell::{Cell, Span, View};
use super::super::error::{ReadResult, Reason, fault};
use super::super::read::{JsonReader, MEMBERS};
use super::super::scan::Rest;
use super::super::store::{Data, Extra, Owner, Record};
use super::read::BinaryReader;
use super::varint::{bytes, varint};
use crate::field::BASE;

impl BinaryReader<'_> {
    /// Reads members that were unknown to the writer.
    #[cold]
    #[inline(never)]
    pub(super) fn extras<'s>(
        &mut self,
        record: &mut Record,
        rest: Rest<'s>,
    ) -> ReadResult<Rest<'s>> {
        let of_batch = record.model_name == Span::ABSENT;
        let (count, mut more) = varint(rest)?;
        // Each takes at least three bytes.
        if count > more.len() as u64 / 3 {
            return fault(rest, Reason::Size);
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
                _ => return fault(more, Reason::UnknownForm),
            };
            let (name, rest) = self.text(rest)?;
            let (value, rest) = self.json(rest)?;
            if !self.put_known_member(record, owner, name, value, more)? {
                self.store.extras.push(Extra { owner, name, value });
            }
            more = rest;
        }
        Ok(more)
    }

    /// Stores a row member that this build does know in its cell. Fails for other members with a
    /// known name.
    fn put_known_member(
        &mut self,
        record: &mut Record,
        owner: Owner,
        name: Span,
        value: Span,
        rest: Rest<'_>,
    ) -> ReadResult<bool> {
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
                // The text after the value belongs to other members.
                let until = self.tail.get(..value.start() + value.len()).unwrap_or_default();
                let mut text = JsonReader::new(self.schema, until, &mut self.store);
                let put = text.put_value_at(field, row.start as usize + at, value);
                row.end = self.store.cells.len() as u32;
                return match put {
                    Ok(()) => Ok(true),
                    Err(error) => {
                        self.with_model_field(model, field.name, fault(rest, error.reason))
                    }
                };
            }
        };
        if known { fault(rest, Reason::Duplicate) } else { Ok(false) }
    }

    /// Builds the JSON text of a row of an unknown model.
    #[cold]
    #[inline(never)]
    pub(super) fn compose_row_text(&mut self, record: &mut Record) {
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
        self.store.remove_row_extras(record.extras.start as usize);
        record.extras.end = self.store.extras.len() as u32;
    }

    /// Keeps a value of an unknown field as JSON text.
    #[cold]
    #[inline(never)]
    pub(super) fn json_of(&mut self, cell: Cell) -> Span {
        let mut out = OutBuffer::default();
        out.write(|writer| match cell.view() {
            View::Absent | View::Null => writer.fixed(b"null"),
            View::Text(text) => writer.string(self.read_text(text)),
            View::Json(text) => writer.bytes(self.read_text(text).as_bytes()),
            View::Number(number) => writer.number(number),
            View::Boolean(boolean) => writer.bytes(if boolean { b"true" } else { b"false" }),
            View::Date(millis) => writer.date(millis),
            View::Instant(at) => {
                let text = self.store.instants.get(at as usize).map(ToString::to_string);
                writer.string(&text.unwrap_or_default())
            }
        });
        let text = String::from_utf8(out.finish()).unwrap_or_default();
        self.hold(&text)
    }
}

fn json_string(text: &str) -> String {
    let mut out = OutBuffer::default();
    out.write(|writer| writer.string(text));
    String::from_utf8(out.finish()).unwrap_or_default()
}
