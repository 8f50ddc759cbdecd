//! Reading the data of a delta: a row, a row in a string, or text that nobody interprets.

use super::cell::{HELD, Span};
use super::error::{Step, What, fault};
use super::read::Reader;
use super::scan::{Rest, literal, space, unlike};
use super::store::{Data, Piece, Record};
use crate::descriptor::ModelDescriptor;

impl Reader<'_> {
    /// Reads data that came before it is known what it is, as a row of the model of the delta before. Whatever does not look
    /// like one is left for later.
    #[inline(never)]
    pub(super) fn guess<'s>(&mut self, rest: Rest<'s>) -> Option<Rest<'s>> {
        let [b'{', members @ ..] = rest else { return None };
        let before =
            self.store.records.len().checked_sub(2).and_then(|at| self.store.records.get(at))?;
        let (at, model) = (before.model, *self.schema.models.get(before.model as usize)?);
        let (cells, extras) = (self.store.cells.len(), self.store.extras.len());
        match self.row(at, model, members) {
            // Many members that the model lacks: most likely it is another.
            Ok((row, more)) if self.store.extras.len() <= extras + 2 => {
                let record = self.record();
                (record.data, record.model) = (Data::Row(row), at);
                Some(more)
            }
            _ => {
                self.store.cells.truncate(cells);
                self.store.extras.truncate(extras);
                self.blamed = (None, None);
                None
            }
        }
    }

    /// Whether a guess was right; a wrong one is taken back.
    pub(super) fn guessed(&mut self, action: Span, model_name: Span) -> bool {
        let &mut Record { data, model, .. } = self.record();
        let Data::Row(row) = data else { return false };
        let found = self.find_model(model_name).map(|(at, _)| at);
        if found == Some(model) && is_of_row(self.read_text(action)) {
            return true;
        }
        self.store.cells.truncate(row.start as usize);
        let start = self.record().extras.start as usize;
        self.store.forget_row(start);
        let record = self.record();
        (record.data, record.model) = (Data::Absent, u32::MAX);
        false
    }

    /// Reads the data of a delta: a row, or what waits for someone who knows what it is. Says which model it is of.
    #[inline(always)]
    pub(super) fn data<'s>(
        &mut self,
        action: Span,
        model_name: Span,
        rest: Rest<'s>,
    ) -> Step<(Data, u32, Rest<'s>)> {
        let found = self.find_model(model_name);
        let at = found.map_or(u32::MAX, |(at, _)| at);
        match rest {
            [b'n', ..] => return Ok((Data::Null, at, literal(rest, b"null")?)),
            [b'{' | b'"', ..] => {}
            _ => return unlike(rest, What::Row),
        }
        let Some((at, model)) = found.filter(|_| is_of_row(self.read_text(action))) else {
            let (raw, rest) = self.raw(rest)?;
            return Ok((Data::Raw(raw), at, rest));
        };
        let (row, rest) = match rest {
            [b'{', members @ ..] => self.row(at, model, members)?,
            _ => self.row_in_string(at, model, rest)?,
        };
        Ok((Data::Row(row), at, rest))
    }

    /// Reads the data of a delta out of the middle of this text.
    #[cold]
    pub(super) fn data_within(&mut self, record: &Record, raw: Span) -> Step<Data> {
        let rest = self.text.as_bytes().get(raw.start()..).unwrap_or_default();
        Ok(self.data(record.action, record.model_name, rest)?.0)
    }

    /// Reads a row that was sent as text.
    #[cold]
    #[inline(never)]
    fn row_in_string<'s>(
        &mut self,
        at: u32,
        model: &'static ModelDescriptor,
        start: Rest<'s>,
    ) -> Step<(Piece, Rest<'s>)> {
        let (span, rest) = self.string(start, What::Row)?;
        let text = self.read_text(span).to_owned();
        let shift = self.store.held.len();
        if shift + text.len() >= HELD as usize {
            return fault(start, What::TooLong);
        }
        self.store.held.push_str(&text);
        let mut inner = Reader::new(self.schema, &text, self.store);
        (inner.shift, inner.flag) = (shift as u32, HELD);
        let row = match space(text.as_bytes()) {
            [b'{', members @ ..] => {
                inner.row(at, model, members).and_then(|(row, rest)| match space(rest) {
                    [] => Ok(row),
                    more => fault(more, What::More),
                })
            }
            other => unlike(other, What::Object),
        };
        match row {
            Ok(row) => Ok((row, rest)),
            Err(within) => {
                self.blamed = inner.blamed;
                fault(start, within.what)
            }
        }
    }
}

/// Whether the data of such a delta is a row.
#[inline(always)]
fn is_of_row(action: &str) -> bool {
    matches!(action.as_bytes(), [b'I' | b'U' | b'D' | b'A' | b'V' | b'C'])
}
