//! Writes deltas as canonical JSON.
//!
//! Members are in the order of `ablo::wire`, unknown ones last. A row has the base fields first,
//! then the declared ones in schema order, then the unknown ones. Numbers are printed as in
//! ECMAScript, dates as by `Date.toISOString`; uninterpreted text is copied byte for byte.

use super::byte_writer::{ByteWriter, OutBuffer};
use super::cell::{Cell, Span, View};
use super::read::MEMBERS;
use super::store::{Data, Deltas, Owner, Participant, Piece, Record};
use crate::field::BASE;

impl Deltas<'_> {
    /// Returns the canonical JSON text: a list if a list was read, otherwise one delta.
    ///
    /// ```
    /// # mod generated { include!("../../tests/weather.in"); }
    /// use ablo::Deltas;
    /// let text = r#" {"modelName":"Station", "id":1e0, "actionType":"U", "x":[1.0],
    ///   "modelId":"s_1", "data":{"altitude":37.50,"name":"\u0041rlanda"}} "#;
    /// let deltas = Deltas::read(&generated::SCHEMA, text)?;
    /// assert_eq!(deltas.to_json(), concat!(
    ///     r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1","#,
    ///     r#""data":{"name":"Arlanda","altitude":37.5},"x":[1.0]}"#,
    /// ));
    /// # Ok::<(), ablo::DecodeError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        // All parts are UTF-8 already, so the conversion cannot fail.
        String::from_utf8(self.write_json(Vec::new())).unwrap_or_default()
    }

    /// Appends the canonical JSON text to a buffer and returns it.
    #[must_use]
    pub fn write_json(&self, into: Vec<u8>) -> Vec<u8> {
        let text = self.source.len() + self.store.held.len();
        // Binary batches omit names and repetitions.
        let expected = if self.plain { text } else { text + self.store.records.len() * 512 };
        let mut out = OutBuffer::appending_to(into, expected + 64);
        if self.store.batch {
            self.write_list(&mut out);
        } else if let Some(record) = self.store.records.first() {
            out.write(|writer| self.write_record(writer, record));
        }
        out.finish()
    }

    /// Returns the whole `delta` frame.
    #[must_use]
    pub fn to_frame(&self) -> String {
        let mut frame = self.write_json(br#"{"type":"delta","payload":"#.to_vec());
        frame.push(b'}');
        String::from_utf8(frame).unwrap_or_default()
    }

    fn write_list(&self, out: &mut OutBuffer) {
        out.write(|writer| writer.fixed(br#"{"deltas":["#));
        for (at, record) in self.store.records.iter().enumerate() {
            out.write(|writer| {
                self.write_record(if at > 0 { writer.byte(b',')? } else { writer }, record)
            });
        }
        let all = Piece { start: 0, end: self.store.extras.len() as u32 };
        out.write(|writer| {
            let writer = writer.byte(b']')?;
            let writer = match self.store.new_versions {
                Some(versions) => self.write_raw(writer.fixed(br#","newVersions":"#)?, versions)?,
                None => writer,
            };
            self.write_extras(writer, all, Owner::Batch)?.byte(b'}')
        });
    }

    #[inline(always)]
    fn write_record<'d>(&self, writer: ByteWriter<'d>, record: &Record) -> Option<ByteWriter<'d>> {
        let writer = writer.fixed(br#"{"id":"#)?.integer(record.id)?.fixed(br#","actionType":"#)?;
        let writer = self.write_string(writer, record.action)?.fixed(br#","modelName":"#)?;
        let writer = self.write_string(writer, record.model_name)?.fixed(br#","modelId":"#)?;
        let writer = self.write_string(writer, record.model_id)?;
        let mut writer = self.write_data(writer, record)?;
        if record.previous_data != Span::ABSENT {
            writer = self.write_raw(writer.fixed(br#","previousData":"#)?, record.previous_data)?;
        }
        if let Some(groups) = record.sync_groups {
            writer = self.write_groups(writer, groups)?;
        }
        writer = self.write_member(writer, 7, record.transaction_id)?;
        writer = self.write_member(writer, 8, record.created_at)?;
        writer = self.write_participant(writer, 9, record.actor, record.extras, Owner::Actor)?;
        writer = self.write_participant(
            writer,
            10,
            record.on_behalf_of,
            record.extras,
            Owner::OnBehalfOf,
        )?;
        writer = self.write_member(writer, 11, record.capability_id)?;
        writer = self.write_member(writer, 12, record.confirmation_state)?;
        writer = self.write_member(writer, 13, record.caused_by_task_id)?;
        writer =
            self.write_participant(writer, 14, record.created_by, record.extras, Owner::CreatedBy)?;
        self.write_extras(writer, record.extras, Owner::Delta)?.byte(b'}')
    }

    #[inline(always)]
    fn write_data<'d>(&self, writer: ByteWriter<'d>, record: &Record) -> Option<ByteWriter<'d>> {
        match record.data {
            Data::Absent => Some(writer),
            Data::Null => writer.fixed(br#","data":null"#),
            Data::Raw(raw) => self.write_raw(writer.fixed(br#","data":"#)?, raw),
            Data::Row(row) => self.write_row(writer.fixed(br#","data":"#)?, record, row),
        }
    }

    #[inline(always)]
    fn write_row<'d>(
        &self,
        writer: ByteWriter<'d>,
        record: &Record,
        row: Piece,
    ) -> Option<ByteWriter<'d>> {
        // A row always has a model.
        let Some(model) = self.model(record) else { return writer.fixed(b"null") };
        let cells = row.of(&self.store.cells);
        let mut writer = writer;
        // The byte before the next member: the brace, then commas.
        let mut before = b'{';
        for (field, cell) in BASE.iter().chain(model.fields).zip(cells) {
            if !cell.is_absent() {
                writer = self.write_cell(writer.byte(before)?.key(&field.key)?, *cell)?;
                before = b',';
            }
        }
        if record.extras.start == record.extras.end {
            writer = if before == b'{' { writer.byte(before)? } else { writer };
            return writer.byte(b'}');
        }
        self.end_row(writer, record.extras, before)
    }

    #[cold]
    #[inline(never)]
    fn end_row<'d>(
        &self,
        writer: ByteWriter<'d>,
        extras: Piece,
        mut before: u8,
    ) -> Option<ByteWriter<'d>> {
        let mut writer = writer;
        for extra in extras.of(&self.store.extras).iter().filter(|extra| extra.owner == Owner::Row)
        {
            writer = self.write_string(writer.byte(before)?, extra.name)?.byte(b':')?;
            writer = self.write_raw(writer, extra.value)?;
            before = b',';
        }
        if before == b'{' { writer.fixed(b"{}") } else { writer.byte(b'}') }
    }

    #[inline(always)]
    fn write_cell<'d>(&self, writer: ByteWriter<'d>, cell: Cell) -> Option<ByteWriter<'d>> {
        match cell.view() {
            View::Absent | View::Null => writer.fixed(b"null"),
            View::Text(text) => self.write_string(writer, text),
            View::Number(number) => writer.number(number),
            View::Boolean(true) => writer.fixed(b"true"),
            View::Boolean(false) => writer.fixed(b"false"),
            View::Date(millis) => writer.date(millis),
            View::Instant(at) => {
                let text = self.store.instants.get(at as usize).map(ToString::to_string);
                writer.string(&text.unwrap_or_default())
            }
            View::Json(text) => self.write_raw(writer, text),
        }
    }

    fn write_groups<'d>(&self, writer: ByteWriter<'d>, groups: Piece) -> Option<ByteWriter<'d>> {
        let mut writer = writer.fixed(br#","syncGroups":["#)?;
        for (at, group) in groups.of(&self.store.groups).iter().enumerate() {
            writer = self.write_string(if at > 0 { writer.byte(b',')? } else { writer }, *group)?;
        }
        writer.byte(b']')
    }

    #[inline(always)]
    fn write_member<'d>(
        &self,
        writer: ByteWriter<'d>,
        member: usize,
        value: Span,
    ) -> Option<ByteWriter<'d>> {
        if value == Span::ABSENT {
            return Some(writer);
        }
        let writer = writer.byte(b',')?.key(&MEMBERS[member])?;
        if value == Span::NULL { writer.fixed(b"null") } else { self.write_string(writer, value) }
    }

    #[inline(always)]
    fn write_participant<'d>(
        &self,
        writer: ByteWriter<'d>,
        member: usize,
        value: Participant,
        extras: Piece,
        owner: Owner,
    ) -> Option<ByteWriter<'d>> {
        if value.kind == Span::ABSENT {
            return Some(writer);
        }
        let writer = writer.byte(b',')?.key(&MEMBERS[member])?;
        if value.kind == Span::NULL {
            return writer.fixed(b"null");
        }
        let writer = self.write_string(writer.fixed(br#"{"kind":"#)?, value.kind)?;
        let writer = self.write_string(writer.fixed(br#","id":"#)?, value.id)?;
        self.write_extras(writer, extras, owner)?.byte(b'}')
    }

    /// Writes the unknown members of one owner, each with a comma before it.
    #[inline(always)]
    fn write_extras<'d>(
        &self,
        writer: ByteWriter<'d>,
        extras: Piece,
        owner: Owner,
    ) -> Option<ByteWriter<'d>> {
        if extras.start == extras.end {
            Some(writer)
        } else {
            self.write_some_extras(writer, extras, owner)
        }
    }

    #[cold]
    #[inline(never)]
    fn write_some_extras<'d>(
        &self,
        writer: ByteWriter<'d>,
        extras: Piece,
        owner: Owner,
    ) -> Option<ByteWriter<'d>> {
        let mut writer = writer;
        for extra in extras.of(&self.store.extras).iter().filter(|extra| extra.owner == owner) {
            writer = self.write_string(writer.byte(b',')?, extra.name)?.byte(b':')?;
            writer = self.write_raw(writer, extra.value)?;
        }
        Some(writer)
    }

    /// Writes a string.
    #[inline(always)]
    fn write_string<'d>(&self, writer: ByteWriter<'d>, span: Span) -> Option<ByteWriter<'d>> {
        if span.is_held() || !self.plain {
            return self.write_escaped_string(writer, span);
        }
        writer.byte(b'"')?.piece(self.source.as_bytes(), span.start(), span.len())?.byte(b'"')
    }

    #[inline(never)]
    fn write_escaped_string<'d>(
        &self,
        writer: ByteWriter<'d>,
        span: Span,
    ) -> Option<ByteWriter<'d>> {
        writer.string(self.text(span))
    }

    /// Copies JSON text.
    #[inline(always)]
    fn write_raw<'d>(&self, writer: ByteWriter<'d>, span: Span) -> Option<ByteWriter<'d>> {
        if span == Span::NULL {
            writer.fixed(b"null")
        } else {
            writer.bytes(self.text(span).as_bytes())
        }
    }
}
