//! Writing deltas as JSON, in the canonical form.
//!
//! Members stand in the order in which `ablo::wire` has them, unknown ones last; a row's own come first, then the declared
//! ones in schema order, then the unknown ones. Numbers are printed as ECMAScript prints them, dates as
//! `Date.toISOString` does; what nobody interprets is copied byte for byte.

use super::cell::{Cell, Span, View};
use super::pen::{Out, Pen};
use super::read::MEMBERS;
use super::store::{BASE, Data, Deltas, Owner, Participant, Piece, Record};

impl Deltas<'_> {
    /// The canonical JSON text: one delta, or a list where a list was read.
    ///
    /// ```
    /// # mod generated { include!("../../tests/weather.in"); }
    /// use ablo::Deltas;
    /// let text = r#" {"modelName":"Station", "id":1e0, "actionType":"U", "x":[1.0], "modelId":"s_1",
    ///   "data":{"altitude":37.50,"name":"\u0041rlanda"}} "#;
    /// let deltas = Deltas::read(&generated::SCHEMA, text)?;
    /// assert_eq!(deltas.to_json(), concat!(
    ///     r#"{"id":1,"actionType":"U","modelName":"Station","modelId":"s_1","#,
    ///     r#""data":{"name":"Arlanda","altitude":37.5},"x":[1.0]}"#,
    /// ));
    /// # Ok::<(), ablo::DecodeError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        // What is written was text before: this only checks that, and never replaces anything.
        String::from_utf8(self.write_json(Vec::new())).unwrap_or_default()
    }

    /// Appends the canonical JSON text to a buffer and gives it back.
    #[must_use]
    pub fn write_json(&self, into: Vec<u8>) -> Vec<u8> {
        let text = self.source.len() + self.store.held.len();
        // Binary batches leave names and repetitions out.
        let likely = if self.plain { text } else { text + self.store.records.len() * 512 };
        let mut out = Out::behind(into, likely + 64);
        if self.store.batch {
            self.write_list(&mut out);
        } else if let Some(record) = self.store.records.first() {
            out.write(|pen| self.write_record(pen, record));
        }
        out.finish()
    }

    /// The whole frame, as it is sent.
    #[must_use]
    pub fn to_frame(&self) -> String {
        let mut frame = self.write_json(br#"{"type":"delta","payload":"#.to_vec());
        frame.push(b'}');
        String::from_utf8(frame).unwrap_or_default()
    }

    fn write_list(&self, out: &mut Out) {
        out.write(|pen| pen.fixed(br#"{"deltas":["#));
        for (at, record) in self.store.records.iter().enumerate() {
            out.write(|pen| self.write_record(if at > 0 { pen.byte(b',')? } else { pen }, record));
        }
        let all = Piece { start: 0, end: self.store.extras.len() as u32 };
        out.write(|pen| {
            let pen = pen.byte(b']')?;
            let pen = match self.store.new_versions {
                Some(versions) => self.write_raw(pen.fixed(br#","newVersions":"#)?, versions)?,
                None => pen,
            };
            self.write_extras(pen, all, Owner::Batch)?.byte(b'}')
        });
    }

    #[inline(always)]
    fn write_record<'d>(&self, pen: Pen<'d>, record: &Record) -> Option<Pen<'d>> {
        let pen = pen.fixed(br#"{"id":"#)?.integer(record.id)?.fixed(br#","actionType":"#)?;
        let pen = self.write_string(pen, record.action)?.fixed(br#","modelName":"#)?;
        let pen = self.write_string(pen, record.model_name)?.fixed(br#","modelId":"#)?;
        let pen = self.write_string(pen, record.model_id)?;
        let mut pen = self.write_data(pen, record)?;
        if record.previous_data != Span::ABSENT {
            pen = self.write_raw(pen.fixed(br#","previousData":"#)?, record.previous_data)?;
        }
        if let Some(groups) = record.sync_groups {
            pen = self.write_groups(pen, groups)?;
        }
        pen = self.write_member(pen, 7, record.transaction_id)?;
        pen = self.write_member(pen, 8, record.created_at)?;
        pen = self.write_participant(pen, 9, record.actor, record.extras, Owner::Actor)?;
        pen =
            self.write_participant(pen, 10, record.on_behalf_of, record.extras, Owner::OnBehalfOf)?;
        pen = self.write_member(pen, 11, record.capability_id)?;
        pen = self.write_member(pen, 12, record.confirmation_state)?;
        pen = self.write_member(pen, 13, record.caused_by_task_id)?;
        pen =
            self.write_participant(pen, 14, record.created_by, record.extras, Owner::CreatedBy)?;
        self.write_extras(pen, record.extras, Owner::Delta)?.byte(b'}')
    }

    #[inline(always)]
    fn write_data<'d>(&self, pen: Pen<'d>, record: &Record) -> Option<Pen<'d>> {
        match record.data {
            Data::Absent => Some(pen),
            Data::Null => pen.fixed(br#","data":null"#),
            Data::Raw(raw) => self.write_raw(pen.fixed(br#","data":"#)?, raw),
            Data::Row(row) => self.write_row(pen.fixed(br#","data":"#)?, record, row),
        }
    }

    #[inline(always)]
    fn write_row<'d>(&self, pen: Pen<'d>, record: &Record, row: Piece) -> Option<Pen<'d>> {
        // A row always has a model.
        let Some(model) = self.model(record) else { return pen.fixed(b"null") };
        let cells = row.of(&self.store.cells);
        let mut pen = pen;
        // What stands before the next member: the bracket, then commas.
        let mut before = b'{';
        for (field, cell) in BASE.iter().chain(model.fields).zip(cells) {
            if !cell.is_absent() {
                pen = self.write_cell(pen.byte(before)?.key(&field.key)?, *cell)?;
                before = b',';
            }
        }
        if record.extras.start == record.extras.end {
            pen = if before == b'{' { pen.byte(before)? } else { pen };
            return pen.byte(b'}');
        }
        self.end_row(pen, record.extras, before)
    }

    #[cold]
    #[inline(never)]
    fn end_row<'d>(&self, pen: Pen<'d>, extras: Piece, mut before: u8) -> Option<Pen<'d>> {
        let mut pen = pen;
        for extra in extras.of(&self.store.extras).iter().filter(|extra| extra.owner == Owner::Row)
        {
            pen = self.write_string(pen.byte(before)?, extra.name)?.byte(b':')?;
            pen = self.write_raw(pen, extra.value)?;
            before = b',';
        }
        if before == b'{' { pen.fixed(b"{}") } else { pen.byte(b'}') }
    }

    #[inline(always)]
    fn write_cell<'d>(&self, pen: Pen<'d>, cell: Cell) -> Option<Pen<'d>> {
        match cell.view() {
            View::Absent | View::Null => pen.fixed(b"null"),
            View::Text(text) => self.write_string(pen, text),
            View::Number(number) => pen.number(number),
            View::Boolean(true) => pen.fixed(b"true"),
            View::Boolean(false) => pen.fixed(b"false"),
            View::Date(millis) => pen.date(millis),
            View::Instant(at) => {
                let text = self.store.instants.get(at as usize).map(ToString::to_string);
                pen.string(&text.unwrap_or_default())
            }
            View::Json(text) => self.write_raw(pen, text),
        }
    }

    fn write_groups<'d>(&self, pen: Pen<'d>, groups: Piece) -> Option<Pen<'d>> {
        let mut pen = pen.fixed(br#","syncGroups":["#)?;
        for (at, group) in groups.of(&self.store.groups).iter().enumerate() {
            pen = self.write_string(if at > 0 { pen.byte(b',')? } else { pen }, *group)?;
        }
        pen.byte(b']')
    }

    #[inline(always)]
    fn write_member<'d>(&self, pen: Pen<'d>, member: usize, value: Span) -> Option<Pen<'d>> {
        if value == Span::ABSENT {
            return Some(pen);
        }
        let pen = pen.byte(b',')?.key(&MEMBERS[member])?;
        if value == Span::NULL { pen.fixed(b"null") } else { self.write_string(pen, value) }
    }

    #[inline(always)]
    fn write_participant<'d>(
        &self,
        pen: Pen<'d>,
        member: usize,
        value: Participant,
        extras: Piece,
        owner: Owner,
    ) -> Option<Pen<'d>> {
        if value.kind == Span::ABSENT {
            return Some(pen);
        }
        let pen = pen.byte(b',')?.key(&MEMBERS[member])?;
        if value.kind == Span::NULL {
            return pen.fixed(b"null");
        }
        let pen = self.write_string(pen.fixed(br#"{"kind":"#)?, value.kind)?;
        let pen = self.write_string(pen.fixed(br#","id":"#)?, value.id)?;
        self.write_extras(pen, extras, owner)?.byte(b'}')
    }

    /// Writes the unknown members of one owner, each with a comma before it.
    #[inline(always)]
    fn write_extras<'d>(&self, pen: Pen<'d>, extras: Piece, owner: Owner) -> Option<Pen<'d>> {
        if extras.start == extras.end {
            Some(pen)
        } else {
            self.write_some_extras(pen, extras, owner)
        }
    }

    #[cold]
    #[inline(never)]
    fn write_some_extras<'d>(&self, pen: Pen<'d>, extras: Piece, owner: Owner) -> Option<Pen<'d>> {
        let mut pen = pen;
        for extra in extras.of(&self.store.extras).iter().filter(|extra| extra.owner == owner) {
            pen = self.write_string(pen.byte(b',')?, extra.name)?.byte(b':')?;
            pen = self.write_raw(pen, extra.value)?;
        }
        Some(pen)
    }

    /// Writes a string.
    #[inline(always)]
    fn write_string<'d>(&self, pen: Pen<'d>, span: Span) -> Option<Pen<'d>> {
        if span.is_held() || !self.plain {
            return self.write_odd_string(pen, span);
        }
        pen.byte(b'"')?.piece(self.source.as_bytes(), span.start(), span.len())?.byte(b'"')
    }

    #[inline(never)]
    fn write_odd_string<'d>(&self, pen: Pen<'d>, span: Span) -> Option<Pen<'d>> {
        pen.string(self.text(span))
    }

    /// Copies JSON text.
    #[inline(always)]
    fn write_raw<'d>(&self, pen: Pen<'d>, span: Span) -> Option<Pen<'d>> {
        if span == Span::NULL { pen.fixed(b"null") } else { pen.bytes(self.text(span).as_bytes()) }
    }
}
