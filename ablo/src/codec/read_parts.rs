//! Reads participants and lists of sync groups.

use super::error::{ReadResult, Reason, fault};
use super::read::{JsonReader, separator};
use super::scan::{Rest, literal, mismatch, space};
use super::store::{Owner, Participant, Piece};
use crate::key::Key;

static KIND: Key = Key::new("kind");
static ID: Key = Key::new("id");

impl JsonReader<'_> {
    pub(super) fn groups<'s>(&mut self, rest: Rest<'s>) -> ReadResult<(Option<Piece>, Rest<'s>)> {
        let start = self.store.groups.len() as u32;
        let mut rest = match rest {
            [b'[', more @ ..] => space(more),
            [b'n', ..] => return Ok((None, literal(rest, b"null")?)),
            _ => return mismatch(rest, Reason::Array),
        };
        if let [b']', more @ ..] = rest {
            return Ok((Some(Piece { start, end: start }), more));
        }
        loop {
            let (group, more) = self.string(rest, Reason::Text)?;
            self.store.groups.push(group);
            match space(more) {
                [b',', more @ ..] => rest = space(more),
                [b']', more @ ..] => {
                    return Ok((Some(Piece { start, end: self.store.groups.len() as u32 }), more));
                }
                other => return fault(other, Reason::Comma),
            }
        }
    }

    /// Reads a participant or null.
    #[inline(always)]
    pub(super) fn participant<'s>(
        &mut self,
        rest: Rest<'s>,
        owner: Owner,
    ) -> ReadResult<(Participant, Rest<'s>)> {
        let [b'{', members @ ..] = rest else {
            return match rest {
                [b'n', ..] => Ok((Participant::NULL, literal(rest, b"null")?)),
                _ => mismatch(rest, Reason::Object),
            };
        };
        if let Some(kind @ [b'"', ..]) = KIND.strip(members) {
            let (kind, rest) = self.string(kind, Reason::Text)?;
            if let Some(id @ [b'"', ..]) = rest.strip_prefix(b",").and_then(|rest| ID.strip(rest)) {
                let (id, rest) = self.string(id, Reason::Text)?;
                if let [b'}', rest @ ..] = rest {
                    return Ok((Participant { kind, id }, rest));
                }
            }
        }
        self.participant_slow(members, owner)
    }

    #[cold]
    #[inline(never)]
    fn participant_slow<'s>(
        &mut self,
        rest: Rest<'s>,
        owner: Owner,
    ) -> ReadResult<(Participant, Rest<'s>)> {
        let mut found = Participant::ABSENT;
        let mut rest = space(rest);
        let end = loop {
            if let [b'}', more @ ..] = rest {
                break more;
            }
            let (name, value) = self.name(rest)?;
            let known = match self.read_text(name) {
                "kind" => Some(&mut found.kind),
                "id" => Some(&mut found.id),
                _ => None,
            };
            rest = match known {
                Some(target) if target.is_value() => return fault(rest, Reason::Duplicate),
                Some(target) => {
                    let (text, rest) = self.string(value, Reason::Text)?;
                    *target = text;
                    rest
                }
                None => self.extra(owner, name, value)?,
            };
            match separator(rest)? {
                (more, true) => break more,
                (more, false) => rest = more,
            }
        };
        if found.kind.is_value() && found.id.is_value() {
            Ok((found, end))
        } else {
            fault(rest, Reason::Missing)
        }
    }
}
