//! Writing deltas as JSON, in the canonical form.
//!
//! Members stand in the order in which `ablo::wire` has them, unknown ones last; a row's own come first, then the declared
//! ones in schema order, then the unknown ones. Numbers are printed as ECMAScript prints them, dates as
//! `Date.toISOString` does; what nobody interprets is copied byte for byte.

use super::cell::{Cell, Span};
use super::out::Out;
use super::read::MEMBERS;
use super::store::{BASE, Data, Deltas, Owner, Participant, Piece, Record, field};
use crate::__private::Key;

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
        let mut writer = Writer { deltas: self, out: Out::behind(into) };
        writer.out.room(self.source.len() + self.store.held.len());
        if self.store.batch {
            writer.batch();
        } else if let Some(record) = self.store.records.first() {
            writer.record(record);
        }
        writer.out.finish()
    }

    /// The whole frame, as it is sent.
    #[must_use]
    pub fn to_frame(&self) -> String {
        let mut frame = self.write_json(br#"{"type":"delta","payload":"#.to_vec());
        frame.push(b'}');
        String::from_utf8(frame).unwrap_or_default()
    }
}

struct Writer<'b, 'a> {
    deltas: &'b Deltas<'a>,
    out: Out,
}

impl Writer<'_, '_> {
    fn batch(&mut self) {
        let deltas = self.deltas;
        self.out.fixed(br#"{"deltas":["#);
        for record in &deltas.store.records {
            self.record(record);
            self.out.byte(b',');
        }
        if !deltas.store.records.is_empty() {
            self.out.back();
        }
        self.out.fixed(b"],");
        if let Some(versions) = deltas.store.new_versions {
            self.out.fixed(br#""newVersions":"#);
            self.raw(versions);
            self.out.byte(b',');
        }
        let all = Piece { start: 0, end: deltas.store.extras.len() as u32 };
        self.extras(all, Owner::Batch);
        self.close();
    }

    /// Turns the comma behind the last member into the end of the object.
    #[inline(always)]
    fn close(&mut self) {
        self.out.back();
        self.out.byte(b'}');
    }

    fn record(&mut self, record: &Record) {
        self.out.room(256);
        self.out.fixed(br#"{"id":"#);
        self.out.integer(record.id);
        self.out.fixed(br#","actionType":"#);
        self.string(record.action);
        self.out.fixed(br#","modelName":"#);
        self.string(record.model_name);
        self.out.fixed(br#","modelId":"#);
        self.string(record.model_id);
        self.out.byte(b',');
        self.data(record);
        if record.previous_data != Span::ABSENT {
            self.out.key(&MEMBERS[5]);
            self.raw(record.previous_data);
            self.out.byte(b',');
        }
        if let Some(groups) = record.sync_groups {
            self.groups(groups);
        }
        self.member(7, record.transaction_id);
        self.member(8, record.created_at);
        self.participant(9, record.actor, record.extras, Owner::Actor);
        self.participant(10, record.on_behalf_of, record.extras, Owner::OnBehalfOf);
        self.member(11, record.capability_id);
        self.member(12, record.confirmation_state);
        self.member(13, record.caused_by_task_id);
        self.participant(14, record.created_by, record.extras, Owner::CreatedBy);
        self.extras(record.extras, Owner::Delta);
        self.close();
    }

    #[inline(always)]
    fn data(&mut self, record: &Record) {
        match record.data {
            Data::Absent => return,
            Data::Null => self.out.fixed(br#""data":null"#),
            Data::Raw(raw) => {
                self.out.fixed(br#""data":"#);
                self.raw(raw);
            }
            Data::Row(row) => {
                self.out.fixed(br#""data":"#);
                self.row(record, row);
            }
        }
        self.out.byte(b',');
    }

    #[inline(always)]
    fn row(&mut self, record: &Record, row: Piece) {
        let deltas = self.deltas;
        let (Some(model), cells) = (deltas.model(record), row.of(&deltas.store.cells)) else { return };
        self.out.byte(b'{');
        let before = self.out.len();
        let base = BASE.iter().chain(model.fields);
        for (field, cell) in base.zip(cells) {
            self.cell(&field.key, *cell);
        }
        self.extras(record.extras, Owner::Row);
        if self.out.len() > before {
            self.out.back();
        }
        self.out.byte(b'}');
        debug_assert!(cells.len() <= BASE.len() + model.fields.len() && field(model, 0).is_some());
    }

    #[inline(always)]
    fn cell(&mut self, key: &Key, cell: Cell) {
        if matches!(cell, Cell::Absent) {
            return;
        }
        self.out.key(key);
        match cell {
            Cell::Absent | Cell::Null => self.out.fixed(b"null"),
            Cell::Text(text) => self.string(text),
            Cell::Number(number) => self.out.number(number),
            Cell::Boolean(true) => self.out.fixed(b"true"),
            Cell::Boolean(false) => self.out.fixed(b"false"),
            Cell::Date(millis) => self.out.date(millis),
            Cell::Instant(at) => {
                let text = self.deltas.store.instants.get(at as usize).map(ToString::to_string);
                self.out.string(&text.unwrap_or_default());
            }
            Cell::Json(text) => self.raw(text),
        }
        self.out.byte(b',');
    }

    fn groups(&mut self, groups: Piece) {
        let deltas = self.deltas;
        self.out.fixed(br#""syncGroups":["#);
        let groups = groups.of(&deltas.store.groups);
        for group in groups {
            self.string(*group);
            self.out.byte(b',');
        }
        if !groups.is_empty() {
            self.out.back();
        }
        self.out.fixed(b"],");
    }

    #[inline(always)]
    fn member(&mut self, member: usize, value: Span) {
        if value == Span::ABSENT {
            return;
        }
        self.out.key(&MEMBERS[member]);
        if value == Span::NULL {
            self.out.fixed(b"null");
        } else {
            self.string(value);
        }
        self.out.byte(b',');
    }

    #[inline(always)]
    fn participant(&mut self, member: usize, value: Participant, extras: Piece, owner: Owner) {
        if value.kind == Span::ABSENT {
            return;
        }
        self.out.key(&MEMBERS[member]);
        if value.kind == Span::NULL {
            return self.out.fixed(b"null,");
        }
        self.out.fixed(br#"{"kind":"#);
        self.string(value.kind);
        self.out.fixed(br#","id":"#);
        self.string(value.id);
        if extras.start != extras.end {
            self.out.byte(b',');
            self.extras(extras, owner);
            self.out.back();
        }
        self.out.fixed(b"},");
    }

    /// Writes the unknown members of one owner, each with a comma behind it.
    #[inline(always)]
    fn extras(&mut self, extras: Piece, owner: Owner) {
        if extras.start != extras.end {
            self.some_extras(extras, owner);
        }
    }

    #[cold]
    #[inline(never)]
    fn some_extras(&mut self, extras: Piece, owner: Owner) {
        let deltas = self.deltas;
        for extra in extras.of(&deltas.store.extras).iter().filter(|extra| extra.owner == owner) {
            self.string(extra.name);
            self.out.byte(b':');
            self.raw(extra.value);
            self.out.byte(b',');
        }
    }

    /// Writes a string.
    #[inline(always)]
    fn string(&mut self, span: Span) {
        if span.is_held() || !self.deltas.plain {
            return self.out.string(self.deltas.text(span));
        }
        self.out.room(span.len() + 2);
        self.out.byte(b'"');
        self.out.piece(self.deltas.source.as_bytes(), span.start(), span.len());
        self.out.byte(b'"');
    }

    /// Copies JSON text.
    #[inline(always)]
    fn raw(&mut self, span: Span) {
        if span == Span::NULL {
            return self.out.fixed(b"null");
        }
        self.out.bytes(self.deltas.text(span).as_bytes());
    }
}
