//! Reads the parts of an envelope: texts, dates, participants and sync groups.

use super::super::cell::{HELD, Span};
use super::super::error::{ReadResult, Reason, fault};
use super::super::scan::{Rest, skip, space};
use super::super::store::{Participant, Piece};
use super::read::BinaryReader;
use super::varint::{bytes, unzigzag, varint};
use super::{code, uuid};
use crate::codec::date;

impl BinaryReader<'_> {
    /// Reads a length and takes that much text.
    #[inline(always)]
    pub(super) fn text<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (len, more) = varint(rest)?;
        Ok((self.take_text(len, rest)?, more))
    }

    /// Takes `len` bytes of text.
    #[inline(always)]
    fn take_text(&mut self, len: u64, rest: Rest<'_>) -> ReadResult<Span> {
        let left = self.tail.len() - self.tail_offset;
        if len > left as u64 {
            return fault(rest, Reason::Size);
        }
        let (start, len) = (self.tail_offset, len as usize);
        if !self.tail.is_char_boundary(start + len) {
            return fault(rest, Reason::Utf8);
        }
        self.tail_offset += len;
        Ok(Span::new(start as u32, len as u32))
    }

    pub(super) fn read_text(&self, span: Span) -> &str {
        let all = if span.is_held() { self.store.held.as_str() } else { self.tail };
        all.get(span.start()..span.start() + span.len()).unwrap_or_default()
    }

    /// Reads JSON text.
    pub(super) fn json<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (span, more) = self.text(rest)?;
        match self.check(span) {
            true => Ok((span, more)),
            false => fault(rest, Reason::BadJson),
        }
    }

    /// Returns whether a text is JSON. White space around it would be lost, so it is not allowed.
    pub(super) fn check(&self, span: Span) -> bool {
        let text = self.read_text(span).as_bytes();
        space(text).len() == text.len() && skip(text).is_ok_and(<[u8]>::is_empty)
    }

    /// Reads the JSON text of a row: an object or a string.
    pub(super) fn row_text<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (span, more) = self.json(rest)?;
        if self.read_text(span).starts_with(['{', '"']) {
            Ok((span, more))
        } else {
            fault(rest, Reason::Row)
        }
    }

    /// Keeps text in the store.
    pub(super) fn hold(&mut self, text: &str) -> Span {
        let at = self.store.held.len();
        self.store.held.push_str(text);
        Span::new(at as u32, text.len() as u32 | HELD)
    }

    #[inline(always)]
    pub(super) fn hold_uuid(&mut self, packed: &[u8; 16]) -> Span {
        let text = uuid::unpack(packed);
        // Digits, letters and hyphens are UTF-8.
        self.hold(std::str::from_utf8(&text).unwrap_or_default())
    }

    /// Fails if more text was expanded than an input of this size may produce.
    pub(super) fn check_budget(&self, rest: Rest<'_>) -> ReadResult<()> {
        let held = self.store.held.len();
        if held + self.shared_total > self.budget || held >= HELD as usize {
            fault(rest, Reason::Budget)
        } else {
            Ok(())
        }
    }

    /// Reads text that is not interned.
    #[inline(always)]
    pub(super) fn plain<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        Ok((
            match number {
                code::ABSENT => Span::ABSENT,
                code::NULL => Span::NULL,
                _ => self.take_text(number - code::NEW, rest)?,
            },
            more,
        ))
    }

    /// Reads interned text.
    pub(super) fn interned<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        match number {
            code::ABSENT => Ok((Span::ABSENT, more)),
            code::NULL => Ok((Span::NULL, more)),
            code::NEW => {
                let (text, more) = self.text(more)?;
                self.known.push(text);
                Ok((text, more))
            }
            _ => match usize::try_from(number - code::KNOWN).ok().and_then(|at| self.known.get(at))
            {
                Some(text) => Ok((*text, more)),
                None => fault(rest, Reason::Reference),
            },
        }
    }

    /// Reads interned text that must be present.
    pub(super) fn required<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (span, more) = self.interned(rest)?;
        if span.is_value() { Ok((span, more)) } else { fault(rest, Reason::Missing) }
    }

    #[inline(always)]
    pub(super) fn text_or_uuid<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        if number == 1 {
            let (packed, more) = bytes::<16>(more)?;
            return Ok((self.hold_uuid(packed), more));
        }
        if number & 1 == 1 {
            return fault(rest, Reason::UnknownForm);
        }
        Ok((self.take_text(number >> 1, rest)?, more))
    }

    #[inline(always)]
    pub(super) fn created_at<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Span, Rest<'s>)> {
        let (number, more) = varint(rest)?;
        match number {
            0 => Ok((Span::ABSENT, more)),
            1 => self.text(more),
            _ => {
                let millis = self.created.checked_add(unzigzag(number - 2));
                let Some(millis) = millis.filter(|at| date::FIXED_RANGE.contains(at)) else {
                    return fault(rest, Reason::Date);
                };
                self.created = millis;
                let text = date::print(millis);
                Ok((self.hold(std::str::from_utf8(&text).unwrap_or_default()), more))
            }
        }
    }

    pub(super) fn participant<'s>(
        &mut self,
        rest: Rest<'s>,
    ) -> ReadResult<(Participant, Rest<'s>)> {
        let (kind, rest) = self.interned(rest)?;
        if !kind.is_value() {
            return Ok((
                if kind == Span::NULL { Participant::NULL } else { Participant::ABSENT },
                rest,
            ));
        }
        let (id, rest) = self.required(rest)?;
        Ok((Participant { kind, id }, rest))
    }

    pub(super) fn groups<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Option<Piece>, Rest<'s>)> {
        let (count, mut more) = varint(rest)?;
        let Some(count) = count.checked_sub(1) else {
            self.groups_len = 0;
            return Ok((None, more));
        };
        // Each takes at least one byte.
        if count > more.len() as u64 {
            return fault(rest, Reason::Size);
        }
        let start = self.store.groups.len() as u32;
        self.groups_len = 0;
        for _ in 0..count {
            let (group, rest) = self.required(more)?;
            self.groups_len += group.len();
            self.store.groups.push(group);
            more = rest;
        }
        Ok((Some(Piece { start, end: self.store.groups.len() as u32 }), more))
    }
}
