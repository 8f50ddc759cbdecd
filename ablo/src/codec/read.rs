//! Reading frames: where the deltas are, and the envelope of each. Rows are next door.
//!
//! Members are looked for where the last delta had them; a writer that keeps any order of its own is read without a
//! search.

use super::cell::{HELD, Span};
use super::error::{DecodeError, Fault, Step, What, fault};
use super::key::hash;
use super::number;
use super::scan::{Rest, colon, literal, plain, skip, space, unescape, unlike};
use super::store::{Deltas, Extra, Owner, Piece, Record, Store};
use crate::__private::Key;
use crate::descriptor::{ModelDescriptor, SchemaDescriptor};

/// The members of a delta, in the order in which they are written.
pub(super) static MEMBERS: [Key; 15] = [
    Key::new("id"),
    Key::new("actionType"),
    Key::new("modelName"),
    Key::new("modelId"),
    Key::new("data"),
    Key::new("previousData"),
    Key::new("syncGroups"),
    Key::new("transactionId"),
    Key::new("createdAt"),
    Key::new("actor"),
    Key::new("onBehalfOf"),
    Key::new("capabilityId"),
    Key::new("confirmationState"),
    Key::new("causedByTaskId"),
    Key::new("createdBy"),
];

impl<'a> Deltas<'a> {
    /// Reads a `delta` frame, its payload, or the payload of a `sync_response`: one delta or a list.
    ///
    /// # Errors
    /// Where the text is no JSON or no such frame, and where a row is not one of its model.
    pub fn read(schema: &'static SchemaDescriptor, text: &'a str) -> Result<Self, DecodeError> {
        let mut store = Store::default();
        let mut reader = Reader::new(schema, text, &mut store);
        match reader.document() {
            Ok(()) => Ok(Deltas { schema, source: text, plain: true, store }),
            Err(fault) => Err(reader.error(fault)),
        }
    }
}

/// Reads one text into a store.
pub(super) struct Reader<'t> {
    pub(super) schema: &'static SchemaDescriptor,
    pub(super) text: &'t str,
    pub(super) store: &'t mut Store,
    /// What makes a place in this text a place in the store, where this text is there.
    pub(super) shift: u32,
    pub(super) flag: u32,
    /// Which member of a delta came after each the last time; the last entry is the start.
    after: [u8; 16],
    /// Likewise the fields of each model, where they do not come in the order of the schema.
    pub(super) orders: Vec<Vec<u16>>,
    /// Where fields were found, by hashes of their names: what is tried before all are.
    pub(super) hints: [u8; 128],
    /// Likewise members of a delta.
    members: [u8; 128],
    /// Where models were found, by a hash of their names: which is likely where they are.
    found: [u32; 32],
    /// Where a fault is, beside its place in the text.
    pub(super) blamed: (Option<&'static str>, Option<&'static str>),
}

impl<'t> Reader<'t> {
    pub(super) fn new(
        schema: &'static SchemaDescriptor,
        text: &'t str,
        store: &'t mut Store,
    ) -> Self {
        let after = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0, 0];
        Self {
            schema,
            text,
            store,
            shift: 0,
            flag: 0,
            after,
            orders: Vec::new(),
            hints: [0; 128],
            members: [0; 128],
            found: [0; 32],
            blamed: (None, None),
        }
    }

    fn error(&self, fault: Fault) -> DecodeError {
        let (model, field) = self.blamed;
        DecodeError {
            at: self.text.len().saturating_sub(fault.left as usize),
            model,
            field,
            what: fault.what,
        }
    }

    fn document(&mut self) -> Step<()> {
        if self.text.len() >= HELD as usize {
            return Err(Fault { left: 0, what: What::TooLong });
        }
        let start = self.text.as_bytes();
        let rest = match start.strip_prefix(br#"{"type":"delta","payload":"#) {
            Some(payload) => {
                let rest = self.payload(space(payload))?;
                self.members_after_payload(rest)?
            }
            None => self.unusual(space(start))?,
        };
        match space(rest) {
            [] => Ok(()),
            more => fault(more, What::More),
        }
    }

    /// The place of `start`, up to where `rest` begins.
    #[inline(always)]
    pub(super) fn span(&self, start: Rest<'_>, len: usize) -> Span {
        Span::new((self.text.len() - start.len()) as u32 + self.shift, len as u32 | self.flag)
    }

    /// The place of what stands between.
    #[inline(always)]
    pub(super) fn between(&self, start: Rest<'_>, rest: Rest<'_>) -> Span {
        self.span(start, start.len() - rest.len())
    }

    /// Reads a string.
    #[inline(always)]
    pub(super) fn string<'s>(&mut self, rest: Rest<'s>, wanted: What) -> Step<(Span, Rest<'s>)> {
        let [b'"', start @ ..] = rest else { return unlike(rest, wanted) };
        match plain(start) {
            Some((len, rest)) => Ok((self.span(start, len), rest)),
            None => self.odd_string(start),
        }
    }

    #[cold]
    #[inline(never)]
    fn odd_string<'s>(&mut self, start: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let from = self.store.held.len();
        let rest = unescape(self.text, start, &mut self.store.held)?;
        let len = start.len() - rest.len() - 1;
        if self.store.held.len() - from == len && self.flag == 0 {
            // Nothing was escaped, the text only ends nearby.
            self.store.held.truncate(from);
            return Ok((self.span(start, len), rest));
        }
        Ok((Span::new(from as u32, (self.store.held.len() - from) as u32 | HELD), rest))
    }

    /// Reads a string or null.
    #[inline(always)]
    fn nullable<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        match rest {
            [b'n', ..] => Ok((Span::NULL, literal(rest, b"null")?)),
            _ => self.string(rest, What::TextOrNull),
        }
    }

    /// Reads a string; null counts as absence.
    #[inline(always)]
    fn optional<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (span, rest) = self.nullable(rest)?;
        Ok((if span.is_value() { span } else { Span::ABSENT }, rest))
    }

    /// Keeps a member that nobody knows.
    #[cold]
    #[inline(never)]
    pub(super) fn extra<'s>(&mut self, owner: Owner, name: Span, rest: Rest<'s>) -> Step<Rest<'s>> {
        let end = skip(rest)?;
        self.store.extras.push(Extra { owner, name, value: self.between(rest, end) });
        Ok(end)
    }

    /// Reads a member's name and its colon, whatever the name.
    pub(super) fn name<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        let (name, rest) = self.string(rest, What::Name)?;
        Ok((name, colon(rest)?))
    }

    pub(super) fn read_text(&self, span: Span) -> &str {
        let start = span.start();
        let text = if span.is_held() {
            self.store.held.get(start..start + span.len())
        } else {
            self.text.get(start..start + span.len())
        };
        text.unwrap_or_default()
    }

    /// Reads a delta, an object.
    pub(super) fn delta<'s>(&mut self, rest: Rest<'s>, top: bool) -> Step<Rest<'s>> {
        let [b'{', rest @ ..] = rest else { return unlike(rest, What::Object) };
        let extras = self.store.extras.len() as u32;
        // Filled where it stands: it is too large to be moved for nothing.
        self.store
            .records
            .push(Record { extras: Piece { start: extras, end: extras }, ..Record::EMPTY });
        let rest = space(rest);
        let (mut rest, mut seen) = match rest {
            [b'"', ..] => self.in_order(rest)?,
            [b'}', ..] => (rest, 0),
            _ => return fault(rest, What::Name),
        };
        let mut late = None;
        let mut before = MEMBERS.len();
        loop {
            rest = match rest {
                [b'"', ..] => rest,
                [b',', b'"', ..] => &rest[1..],
                _ => match separator(rest)? {
                    (more, true) => {
                        self.finish(seen, late, rest)?;
                        return Ok(more);
                    }
                    (more, false) => more,
                },
            };
            let (member, value) = self.member(rest, before)?;
            let value = space(value);
            rest = if member < MEMBERS.len() {
                if seen & (1 << member) != 0 {
                    self.blamed.1 = Some(MEMBERS[member].name());
                    return fault(rest, What::Twice);
                }
                seen |= 1 << member;
                before = member;
                self.value(member, value, &mut late)?
            } else {
                self.unknown_member(rest, top)?
            };
            if let [b'"', ..] = rest {
                return fault(rest, What::Comma);
            }
        }
    }

    /// Reads the members that stand in the order in which they are written: compact, each after the one before it. Says
    /// which were there; what is left begins with a name, or is what stands behind a value.
    #[inline(always)]
    fn in_order<'s>(&mut self, start: Rest<'s>) -> Step<(Rest<'s>, u32)> {
        let (mut rest, mut seen) = (start, 0);
        macro_rules! next {
            ($at:literal $key:literal $first:pat => $member:ident, $value:ident => $read:expr) => {
                if let Some($value @ [$first, ..]) = rest.strip_prefix($key) {
                    let (value, more) = $read?;
                    if let Some(record) = self.store.records.last_mut() {
                        record.$member = value;
                    }
                    seen |= 1 << $at;
                    match more {
                        [b',', b'"', ..] => rest = &more[1..],
                        // What is left may begin with a name only where a comma was.
                        [b'"', ..] => return fault(more, What::Comma),
                        _ => return Ok((more, seen)),
                    }
                }
            };
        }
        next!(0 b"\"id\":" b'0'..=b'9' => id, value => number::sync_id(value));
        next!(1 b"\"actionType\":" b'"' => action, value => self.string(value, What::Text));
        next!(2 b"\"modelName\":" b'"' => model_name, value => self.string(value, What::Text));
        next!(3 b"\"modelId\":" b'"' => model_id, value => self.string(value, What::Text));
        if seen & 0b110 == 0b110
            && let Some(value @ [b'{' | b'n', ..]) = rest.strip_prefix(b"\"data\":")
        {
            let &mut Record { action, model_name, .. } = self.record();
            let more = self.put_data(action, model_name, value)?;
            seen |= 1 << 4;
            match more {
                [b',', b'"', ..] => rest = &more[1..],
                [b'"', ..] => return fault(more, What::Comma),
                _ => return Ok((more, seen)),
            }
        }
        next!(6 b"\"syncGroups\":" b'[' | b'n' => sync_groups, value => self.groups(value));
        next!(7 b"\"transactionId\":" b'"' | b'n' => transaction_id, value => self.nullable(value));
        next!(8 b"\"createdAt\":" b'"' => created_at, value => self.string(value, What::Text));
        next!(9 b"\"actor\":" b'{' | b'n' => actor, value => self.participant(value, Owner::Actor));
        next!(10 b"\"onBehalfOf\":" b'{' | b'n' => on_behalf_of, value => self.participant(value, Owner::OnBehalfOf));
        next!(11 b"\"capabilityId\":" b'"' | b'n' => capability_id, value => self.nullable(value));
        next!(12 b"\"confirmationState\":" b'"' | b'n' => confirmation_state, value => self.nullable(value));
        next!(13 b"\"causedByTaskId\":" b'"' | b'n' => caused_by_task_id, value => self.nullable(value));
        next!(14 b"\"createdBy\":" b'{' | b'n' => created_by, value => self.participant(value, Owner::CreatedBy));
        Ok((rest, seen))
    }

    /// Which member is next, and what stands behind its colon.
    #[inline(always)]
    fn member<'s>(&mut self, rest: Rest<'s>, before: usize) -> Step<(usize, Rest<'s>)> {
        let likely = usize::from(self.after[before & 15]);
        if let Some(value) = MEMBERS[likely.min(14)].strip(rest) {
            return Ok((likely, value));
        }
        self.search_member(rest, before)
    }

    #[inline(never)]
    fn search_member<'s>(&mut self, rest: Rest<'s>, before: usize) -> Step<(usize, Rest<'s>)> {
        let hash = hash(rest);
        let hint = usize::from(self.members[hash]);
        if let Some(value) = MEMBERS[hint].strip(rest) {
            self.after[before & 15] = hint as u8;
            return Ok((hint, value));
        }
        let found = MEMBERS.iter().enumerate().find_map(|(at, key)| Some((at, key.strip(rest)?)));
        let (at, value) = match found {
            Some(found) => found,
            None => {
                let (name, value) = self.name(rest)?;
                let name = self.read_text(name);
                (MEMBERS.iter().position(|key| key.name() == name).unwrap_or(MEMBERS.len()), value)
            }
        };
        if at < MEMBERS.len() {
            self.after[before & 15] = at as u8;
            self.members[hash] = at as u8;
        }
        Ok((at, value))
    }

    #[cold]
    #[inline(never)]
    fn unknown_member<'s>(&mut self, rest: Rest<'s>, top: bool) -> Step<Rest<'s>> {
        let (name, value) = self.name(rest)?;
        if top && self.read_text(name) == "type" {
            return self.kind(value);
        }
        self.extra(Owner::Delta, name, value)
    }

    /// Reads the `type` of a frame, which must be `delta`.
    pub(super) fn kind<'s>(&mut self, rest: Rest<'s>) -> Step<Rest<'s>> {
        let (kind, more) = self.string(rest, What::Kind)?;
        if self.read_text(kind) == "delta" { Ok(more) } else { fault(rest, What::Kind) }
    }

    /// The delta under way: what is read of it is put where it stands.
    #[inline(always)]
    pub(super) fn record(&mut self) -> &mut Record {
        let last = self.store.records.len() - 1;
        &mut self.store.records[last]
    }

    #[inline(always)]
    fn value<'s>(
        &mut self,
        member: usize,
        rest: Rest<'s>,
        late: &mut Option<Rest<'s>>,
    ) -> Step<Rest<'s>> {
        macro_rules! put {
            ($member:ident, $read:expr) => {{
                let (value, rest) = $read?;
                if let Some(record) = self.store.records.last_mut() {
                    record.$member = value;
                }
                rest
            }};
        }
        Ok(match member {
            0 => put!(id, number::sync_id(rest)),
            1 => put!(action, self.string(rest, What::Text)),
            2 => put!(model_name, self.string(rest, What::Text)),
            3 => put!(model_id, self.string(rest, What::Text)),
            // Only with the action and the model is it known what the data is.
            4 => {
                let &mut Record { action, model_name, .. } = self.record();
                if action.is_value() && model_name.is_value() {
                    self.put_data(action, model_name, rest)?
                } else {
                    *late = Some(rest);
                    match self.guess(rest) {
                        Some(more) => more,
                        None => skip(rest)?,
                    }
                }
            }
            5 => put!(previous_data, self.raw(rest)),
            6 => put!(sync_groups, self.groups(rest)),
            7 => put!(transaction_id, self.nullable(rest)),
            8 => put!(created_at, self.optional(rest)),
            9 => put!(actor, self.participant(rest, Owner::Actor)),
            10 => put!(on_behalf_of, self.participant(rest, Owner::OnBehalfOf)),
            11 => put!(capability_id, self.nullable(rest)),
            12 => put!(confirmation_state, self.nullable(rest)),
            13 => put!(caused_by_task_id, self.nullable(rest)),
            _ => put!(created_by, self.participant(rest, Owner::CreatedBy)),
        })
    }

    #[inline(always)]
    fn put_data<'s>(&mut self, action: Span, model_name: Span, rest: Rest<'s>) -> Step<Rest<'s>> {
        let (data, model, rest) = self.data(action, model_name, rest)?;
        let record = self.record();
        (record.data, record.model) = (data, model);
        Ok(rest)
    }

    /// Ends a delta: what is required must be there.
    #[inline(always)]
    fn finish(&mut self, seen: u32, late: Option<Rest<'_>>, rest: Rest<'_>) -> Step<()> {
        if seen & 0b1111 != 0b1111 {
            let missing = (0..4).find(|member| seen & (1 << member) == 0).unwrap_or(0);
            self.blamed.1 = Some(MEMBERS[missing].name());
            return fault(rest, What::Missing);
        }
        let &mut Record { action, model_name, .. } = self.record();
        if let Some(late) = late {
            if !self.guessed(action, model_name) {
                self.put_data(action, model_name, late)?;
            }
        } else if seen & 0b1_0000 == 0 {
            self.record().model = self.find_model(model_name).map_or(u32::MAX, |(at, _)| at);
        }
        self.record().extras.end = self.store.extras.len() as u32;
        Ok(())
    }

    /// Finds the model by its name on the wire.
    #[inline(always)]
    pub(super) fn find_model(&mut self, name: Span) -> Option<(u32, &'static ModelDescriptor)> {
        let name = self.read_text(name);
        let bytes = name.as_bytes();
        let ends =
            bytes.first().zip(bytes.last()).map_or(0, |(first, last)| first ^ last.rotate_left(3));
        let slot = usize::from(ends.wrapping_add(bytes.len() as u8) % 32);
        let likely = self.found[slot];
        match self.schema.models.get(likely as usize) {
            Some(model) if model.type_name == name => Some((likely, model)),
            _ => {
                let at = self.schema.position(name)?;
                self.found[slot] = at as u32;
                Some((at as u32, self.schema.models[at]))
            }
        }
    }

    /// Keeps an object, or a string that holds one, as text.
    #[inline(never)]
    pub(super) fn raw<'s>(&mut self, rest: Rest<'s>) -> Step<(Span, Rest<'s>)> {
        match rest {
            [b'n', ..] => Ok((Span::NULL, literal(rest, b"null")?)),
            [b'{' | b'"', ..] => {
                let end = skip(rest)?;
                Ok((self.between(rest, end), end))
            }
            _ => unlike(rest, What::Row),
        }
    }
}

/// Moves past a comma, to the next name, or past the end of an object; says whether it was the end.
pub(super) fn separator(rest: Rest<'_>) -> Step<(Rest<'_>, bool)> {
    match space(rest) {
        [b'}', more @ ..] => Ok((more, true)),
        [b',', more @ ..] => match space(more) {
            more @ [b'"', ..] => Ok((more, false)),
            other => fault(other, What::Name),
        },
        [] => fault(&[], What::End),
        other => fault(other, What::Comma),
    }
}
