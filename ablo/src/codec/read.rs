//! Reads frames and the envelopes of deltas. Rows are read in [`super::read_row`].
//!
//! The order of members is remembered from the previous delta, so a writer that keeps any fixed
//! order is read without searching.

use super::cell::{HELD, Span};
use super::error::{DecodeError, Fault, ReadResult, Reason, fault};
use super::number;
use super::scan::{Rest, colon, literal, mismatch, plain, skip, space, unescape};
use super::store::{Deltas, Extra, Owner, Piece, Record, Store};
use crate::descriptor::{ModelDescriptor, SchemaDescriptor};
use crate::key::{Key, hash};

/// The members of a delta in canonical order.
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
    /// Reads a `delta` frame, its payload, or the payload of a `sync_response`: one delta or a
    /// list.
    ///
    /// # Errors
    /// Returns an error if the text is not JSON, not such a frame, or if a row does not match its
    /// model.
    pub fn read(schema: &'static SchemaDescriptor, text: &'a str) -> Result<Self, DecodeError> {
        let mut store = Store::default();
        let mut reader = JsonReader::new(schema, text, &mut store);
        match reader.document() {
            Ok(()) => Ok(Deltas { schema, source: text, plain: true, store }),
            Err(fault) => Err(reader.error(fault)),
        }
    }
}

/// Reads one text into a store.
pub(super) struct JsonReader<'t> {
    pub(super) schema: &'static SchemaDescriptor,
    pub(super) text: &'t str,
    pub(super) store: &'t mut Store,
    /// The offset of this text in the store, and [`HELD`] if it is there; otherwise 0.
    pub(super) shift: u32,
    pub(super) flag: u32,
    /// The member that followed each member in the previous delta. The last entry is the first
    /// member.
    next_members: [u8; 16],
    /// The same for the fields of each model; empty if they come in schema order.
    pub(super) orders: Vec<Vec<u16>>,
    /// The positions of fields by the hash of their names, tried before a full search.
    pub(super) field_hints: [u8; 128],
    /// The same for members of a delta.
    member_hints: [u8; 128],
    /// The same for models.
    model_hints: [u32; 32],
    /// The model and the field of a fault.
    pub(super) error_context: (Option<&'static str>, Option<&'static str>),
}

impl<'t> JsonReader<'t> {
    pub(super) fn new(
        schema: &'static SchemaDescriptor,
        text: &'t str,
        store: &'t mut Store,
    ) -> Self {
        let next_members = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0, 0];
        Self {
            schema,
            text,
            store,
            shift: 0,
            flag: 0,
            next_members,
            orders: Vec::new(),
            field_hints: [0; 128],
            member_hints: [0; 128],
            model_hints: [0; 32],
            error_context: (None, None),
        }
    }

    fn error(&self, fault: Fault) -> DecodeError {
        let (model, field) = self.error_context;
        DecodeError {
            at: self.text.len().saturating_sub(fault.left as usize),
            model,
            field,
            reason: fault.reason,
        }
    }

    fn document(&mut self) -> ReadResult<()> {
        if self.text.len() >= HELD as usize {
            return Err(Fault { left: 0, reason: Reason::TooLong });
        }
        let start = self.text.as_bytes();
        let rest = match start.strip_prefix(br#"{"type":"delta","payload":"#) {
            Some(payload) => {
                let rest = self.payload(space(payload))?;
                self.members_after_payload(rest)?
            }
            None => self.any_layout(space(start))?,
        };
        match space(rest) {
            [] => Ok(()),
            more => fault(more, Reason::Trailing),
        }
    }

    /// Returns the span of `len` bytes from `start`.
    #[inline(always)]
    pub(super) fn span(&self, start: Rest<'_>, len: usize) -> Span {
        Span::new((self.text.len() - start.len()) as u32 + self.shift, len as u32 | self.flag)
    }

    /// Returns the span from `start` to `rest`.
    #[inline(always)]
    pub(super) fn between(&self, start: Rest<'_>, rest: Rest<'_>) -> Span {
        self.span(start, start.len() - rest.len())
    }

    /// Reads a string.
    #[inline(always)]
    pub(super) fn string<'s>(
        &mut self,
        rest: Rest<'s>,
        expected: Reason,
    ) -> ReadResult<(Span, Rest<'s>)> {
        let [b'"', start @ ..] = rest else { return mismatch(rest, expected) };
        match plain(start) {
            Some((len, rest)) => Ok((self.span(start, len), rest)),
            None => self.string_slow(start),
        }
    }

    #[cold]
    #[inline(never)]
    fn string_slow<'s>(&mut self, start: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let from = self.store.held.len();
        let rest = unescape(self.text, start, &mut self.store.held)?;
        let len = start.len() - rest.len() - 1;
        if self.store.held.len() - from == len && self.flag == 0 {
            // Nothing was escaped: the string is just close to the end of the input.
            self.store.held.truncate(from);
            return Ok((self.span(start, len), rest));
        }
        Ok((Span::new(from as u32, (self.store.held.len() - from) as u32 | HELD), rest))
    }

    /// Reads a string or null.
    #[inline(always)]
    fn nullable<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        match rest {
            [b'n', ..] => Ok((Span::NULL, literal(rest, b"null")?)),
            _ => self.string(rest, Reason::TextOrNull),
        }
    }

    /// Reads a string; null counts as absent.
    #[inline(always)]
    fn optional<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (span, rest) = self.nullable(rest)?;
        Ok((if span.is_value() { span } else { Span::ABSENT }, rest))
    }

    /// Keeps an unknown member.
    #[cold]
    #[inline(never)]
    pub(super) fn extra<'s>(
        &mut self,
        owner: Owner,
        name: Span,
        rest: Rest<'s>,
    ) -> ReadResult<Rest<'s>> {
        let end = skip(rest)?;
        self.store.extras.push(Extra { owner, name, value: self.between(rest, end) });
        Ok(end)
    }

    /// Reads any member name and its colon.
    pub(super) fn name<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (name, rest) = self.string(rest, Reason::Name)?;
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

    /// Reads a delta.
    pub(super) fn delta<'s>(&mut self, rest: Rest<'s>, top: bool) -> ReadResult<Rest<'s>> {
        let [b'{', rest @ ..] = rest else { return mismatch(rest, Reason::Object) };
        let extras = self.store.extras.len() as u32;
        // Filled in place, because a record is too large to move.
        self.store
            .records
            .push(Record { extras: Piece { start: extras, end: extras }, ..Record::EMPTY });
        let rest = space(rest);
        let (mut rest, mut seen) = match rest {
            [b'"', ..] => self.in_order(rest)?,
            [b'}', ..] => (rest, 0),
            _ => return fault(rest, Reason::Name),
        };
        let mut deferred = None;
        let mut before = MEMBERS.len();
        loop {
            rest = match rest {
                [b'"', ..] => rest,
                [b',', b'"', ..] => &rest[1..],
                _ => match separator(rest)? {
                    (more, true) => {
                        self.finish(seen, deferred, rest)?;
                        return Ok(more);
                    }
                    (more, false) => more,
                },
            };
            let (member, value) = self.member(rest, before)?;
            let value = space(value);
            rest = if member < MEMBERS.len() {
                if seen & (1 << member) != 0 {
                    self.error_context.1 = Some(MEMBERS[member].name());
                    return fault(rest, Reason::Duplicate);
                }
                seen |= 1 << member;
                before = member;
                self.value(member, value, &mut deferred)?
            } else {
                self.unknown_member(rest, top)?
            };
            if let [b'"', ..] = rest {
                return fault(rest, Reason::Comma);
            }
        }
    }

    /// Reads compact members as long as they come in canonical order. Returns the members that were
    /// present and the rest, which begins with a name or with what follows a value.
    #[inline(always)]
    fn in_order<'s>(&mut self, start: Rest<'s>) -> ReadResult<(Rest<'s>, u32)> {
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
                        // A name must follow a comma.
                        [b'"', ..] => return fault(more, Reason::Comma),
                        _ => return Ok((more, seen)),
                    }
                }
            };
        }
        next!(0 b"\"id\":" b'0'..=b'9' => id, value => number::sync_id(value));
        next!(1 b"\"actionType\":" b'"' => action, value => self.string(value, Reason::Text));
        next!(2 b"\"modelName\":" b'"' => model_name, value => self.string(value, Reason::Text));
        next!(3 b"\"modelId\":" b'"' => model_id, value => self.string(value, Reason::Text));
        if seen & 0b110 == 0b110
            && let Some(value @ [b'{' | b'n', ..]) = rest.strip_prefix(b"\"data\":")
        {
            let &mut Record { action, model_name, .. } = self.record();
            let more = self.put_data(action, model_name, value)?;
            seen |= 1 << 4;
            match more {
                [b',', b'"', ..] => rest = &more[1..],
                [b'"', ..] => return fault(more, Reason::Comma),
                _ => return Ok((more, seen)),
            }
        }
        next!(6 b"\"syncGroups\":" b'[' | b'n' => sync_groups, value => self.groups(value));
        next!(7 b"\"transactionId\":" b'"' | b'n' => transaction_id, value => self.nullable(value));
        next!(8 b"\"createdAt\":" b'"' => created_at, value => self.string(value, Reason::Text));
        next!(9 b"\"actor\":" b'{' | b'n' => actor, value => self.participant(value, Owner::Actor));
        next!(10 b"\"onBehalfOf\":" b'{' | b'n' => on_behalf_of,
            value => self.participant(value, Owner::OnBehalfOf));
        next!(11 b"\"capabilityId\":" b'"' | b'n' => capability_id, value => self.nullable(value));
        next!(12 b"\"confirmationState\":" b'"' | b'n' => confirmation_state,
            value => self.nullable(value));
        next!(13 b"\"causedByTaskId\":" b'"' | b'n' => caused_by_task_id,
            value => self.nullable(value));
        next!(14 b"\"createdBy\":" b'{' | b'n' => created_by,
            value => self.participant(value, Owner::CreatedBy));
        Ok((rest, seen))
    }

    /// Returns the next member and the input after its colon.
    #[inline(always)]
    fn member<'s>(&mut self, rest: Rest<'s>, before: usize) -> ReadResult<(usize, Rest<'s>)> {
        let likely = usize::from(self.next_members[before & 15]);
        if let Some(value) = MEMBERS[likely.min(14)].strip(rest) {
            return Ok((likely, value));
        }
        self.search_member(rest, before)
    }

    #[inline(never)]
    fn search_member<'s>(
        &mut self,
        rest: Rest<'s>,
        before: usize,
    ) -> ReadResult<(usize, Rest<'s>)> {
        let hash = hash(rest);
        let hint = usize::from(self.member_hints[hash]);
        if let Some(value) = MEMBERS[hint].strip(rest) {
            self.next_members[before & 15] = hint as u8;
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
            self.next_members[before & 15] = at as u8;
            self.member_hints[hash] = at as u8;
        }
        Ok((at, value))
    }

    #[cold]
    #[inline(never)]
    fn unknown_member<'s>(&mut self, rest: Rest<'s>, top: bool) -> ReadResult<Rest<'s>> {
        let (name, value) = self.name(rest)?;
        if top && self.read_text(name) == "type" {
            return self.frame_type(value);
        }
        self.extra(Owner::Delta, name, value)
    }

    /// Reads the `type` of a frame, which must be `delta`.
    pub(super) fn frame_type<'s>(&mut self, rest: Rest<'s>) -> ReadResult<Rest<'s>> {
        let (kind, more) = self.string(rest, Reason::FrameType)?;
        if self.read_text(kind) == "delta" { Ok(more) } else { fault(rest, Reason::FrameType) }
    }

    /// Returns the record of the delta that is being read.
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
        deferred: &mut Option<Rest<'s>>,
    ) -> ReadResult<Rest<'s>> {
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
            1 => put!(action, self.string(rest, Reason::Text)),
            2 => put!(model_name, self.string(rest, Reason::Text)),
            3 => put!(model_id, self.string(rest, Reason::Text)),
            // The data can only be interpreted once the action and the model are known.
            4 => {
                let &mut Record { action, model_name, .. } = self.record();
                if action.is_value() && model_name.is_value() {
                    self.put_data(action, model_name, rest)?
                } else {
                    *deferred = Some(rest);
                    match self.guess_row(rest) {
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
    fn put_data<'s>(
        &mut self,
        action: Span,
        model_name: Span,
        rest: Rest<'s>,
    ) -> ReadResult<Rest<'s>> {
        let (data, model, rest) = self.data(action, model_name, rest)?;
        let record = self.record();
        (record.data, record.model) = (data, model);
        Ok(rest)
    }

    /// Finishes a delta: checks required members and interprets deferred data.
    #[inline(always)]
    fn finish(&mut self, seen: u32, deferred: Option<Rest<'_>>, rest: Rest<'_>) -> ReadResult<()> {
        if seen & 0b1111 != 0b1111 {
            let missing = (0..4).find(|member| seen & (1 << member) == 0).unwrap_or(0);
            self.error_context.1 = Some(MEMBERS[missing].name());
            return fault(rest, Reason::Missing);
        }
        let &mut Record { action, model_name, .. } = self.record();
        if let Some(deferred) = deferred {
            if !self.keep_guess(action, model_name) {
                self.put_data(action, model_name, deferred)?;
            }
        } else if seen & 0b1_0000 == 0 {
            self.record().model = self.find_model(model_name).map_or(u32::MAX, |(at, _)| at);
        }
        self.record().extras.end = self.store.extras.len() as u32;
        Ok(())
    }

    /// Finds a model by its typename.
    #[inline(always)]
    pub(super) fn find_model(&mut self, name: Span) -> Option<(u32, &'static ModelDescriptor)> {
        let name = self.read_text(name);
        let bytes = name.as_bytes();
        let ends =
            bytes.first().zip(bytes.last()).map_or(0, |(first, last)| first ^ last.rotate_left(3));
        let slot = usize::from(ends.wrapping_add(bytes.len() as u8) % 32);
        let likely = self.model_hints[slot];
        match self.schema.models.get(likely as usize) {
            Some(model) if model.type_name == name => Some((likely, model)),
            _ => {
                let at = self.schema.position(name)?;
                self.model_hints[slot] = at as u32;
                Some((at as u32, self.schema.models[at]))
            }
        }
    }

    /// Keeps an object, or a string that contains one, as text.
    #[inline(never)]
    pub(super) fn raw<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        match rest {
            [b'n', ..] => Ok((Span::NULL, literal(rest, b"null")?)),
            [b'{' | b'"', ..] => {
                let end = skip(rest)?;
                Ok((self.between(rest, end), end))
            }
            _ => mismatch(rest, Reason::Row),
        }
    }
}

/// Skips a comma or the end of an object. Returns whether it was the end.
pub(super) fn separator(rest: Rest<'_>) -> ReadResult<(Rest<'_>, bool)> {
    match space(rest) {
        [b'}', more @ ..] => Ok((more, true)),
        [b',', more @ ..] => match space(more) {
            more @ [b'"', ..] => Ok((more, false)),
            other => fault(other, Reason::Name),
        },
        [] => fault(&[], Reason::End),
        other => fault(other, Reason::Comma),
    }
}
