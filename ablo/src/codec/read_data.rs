//! Reads the data of a delta: a row, a row in a string, or uninterpreted text.

use super::cell::{HELD, Span};
use super::error::{ReadResult, Reason, fault};
use super::read::JsonReader;
use super::scan::{Rest, literal, mismatch, space};
use super::store::{Data, Piece, Record};
use crate::descriptor::ModelDescriptor;

impl JsonReader<'_> {
    /// Reads data that precedes its action or model as a row of the previous delta's model. Returns
    /// `None` if the data does not look like such a row.
    #[inline(never)]
    pub(super) fn guess_row<'s>(&mut self, rest: Rest<'s>) -> Option<Rest<'s>> {
        let [b'{', members @ ..] = rest else { return None };
        let before =
            self.store.records.len().checked_sub(2).and_then(|at| self.store.records.get(at))?;
        let (at, model) = (before.model, *self.schema.models.get(before.model as usize)?);
        let (cells, extras) = (self.store.cells.len(), self.store.extras.len());
        match self.row(at, model, members) {
            // With many unknown members it is probably a row of another model.
            Ok((row, more)) if self.store.extras.len() <= extras + 2 => {
                let record = self.record();
                (record.data, record.model) = (Data::Row(row), at);
                Some(more)
            }
            _ => {
                self.store.cells.truncate(cells);
                self.store.extras.truncate(extras);
                self.error_context = (None, None);
                None
            }
        }
    }

    /// Returns whether the guess was right, and discards the row if it was not.
    pub(super) fn keep_guess(&mut self, action: Span, model_name: Span) -> bool {
        let &mut Record { data, model, .. } = self.record();
        let Data::Row(row) = data else { return false };
        let found = self.find_model(model_name).map(|(at, _)| at);
        if found == Some(model) && has_row_data(self.read_text(action)) {
            return true;
        }
        self.store.cells.truncate(row.start as usize);
        let start = self.record().extras.start as usize;
        self.store.remove_row_extras(start);
        let record = self.record();
        (record.data, record.model) = (Data::Absent, u32::MAX);
        false
    }

    /// Reads the data of a delta: a row, or raw text if the model or the action is unknown. Also
    /// returns the position of the model.
    #[inline(always)]
    pub(super) fn data<'s>(
        &mut self,
        action: Span,
        model_name: Span,
        rest: Rest<'s>,
    ) -> ReadResult<(Data, u32, Rest<'s>)> {
        let found = self.find_model(model_name);
        let at = found.map_or(u32::MAX, |(at, _)| at);
        match rest {
            [b'n', ..] => return Ok((Data::Null, at, literal(rest, b"null")?)),
            [b'{' | b'"', ..] => {}
            _ => return mismatch(rest, Reason::Row),
        }
        let Some((at, model)) = found.filter(|_| has_row_data(self.read_text(action))) else {
            let (raw, rest) = self.raw(rest)?;
            return Ok((Data::Raw(raw), at, rest));
        };
        let (row, rest) = match rest {
            [b'{', members @ ..] => self.row(at, model, members)?,
            _ => self.row_in_string(at, model, rest)?,
        };
        Ok((Data::Row(row), at, rest))
    }

    /// Reads the data of a delta at a position of this text.
    #[cold]
    pub(super) fn data_at(&mut self, record: &Record, raw: Span) -> ReadResult<Data> {
        let rest = self.text.as_bytes().get(raw.start()..).unwrap_or_default();
        Ok(self.data(record.action, record.model_name, rest)?.0)
    }

    /// Reads a row that was sent as a string.
    #[cold]
    #[inline(never)]
    fn row_in_string<'s>(
        &mut self,
        at: u32,
        model: &'static ModelDescriptor,
        start: Rest<'s>,
    ) -> ReadResult<(Piece, Rest<'s>)> {
        let (span, rest) = self.string(start, Reason::Row)?;
        let text = self.read_text(span).to_owned();
        let shift = self.store.held.len();
        if shift + text.len() >= HELD as usize {
            return fault(start, Reason::TooLong);
        }
        self.store.held.push_str(&text);
        let mut inner = JsonReader::new(self.schema, &text, self.store);
        (inner.shift, inner.flag) = (shift as u32, HELD);
        let row = match space(text.as_bytes()) {
            [b'{', members @ ..] => {
                inner.row(at, model, members).and_then(|(row, rest)| match space(rest) {
                    [] => Ok(row),
                    more => fault(more, Reason::Trailing),
                })
            }
            other => mismatch(other, Reason::Object),
        };
        match row {
            Ok(row) => Ok((row, rest)),
            Err(within) => {
                self.error_context = inner.error_context;
                fault(start, within.reason)
            }
        }
    }
}

/// Returns whether deltas with this action carry a row.
#[inline(always)]
fn has_row_data(action: &str) -> bool {
    matches!(action.as_bytes(), [b'I' | b'U' | b'D' | b'A' | b'V' | b'C'])
}
