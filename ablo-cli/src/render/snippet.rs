//! The source around a place, cut to what a terminal can show.
//!
//! A document may be one line of megabytes or hold control characters. Long lines are cut around the place, and what
//! would steer a terminal is replaced by as many harmless bytes, so that places hold.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::borrow::Cow;
use std::ops::Range;

/// How much of a long line is shown on either side of a place, in bytes.
const AROUND: usize = 60;

/// The longest line that is shown whole, and the longest stretch that is marked, in bytes.
const LONG: usize = 160;

/// A text to cut from.
#[derive(Debug)]
pub(super) struct Snippets<'t> {
    name: &'t str,
    text: Cow<'t, str>,
    starts: Vec<usize>,
}

impl<'t> Snippets<'t> {
    pub(super) fn new(name: &'t str, text: &'t str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name, text: plain(text), starts }
    }

    /// The part of a range that is on its first line: enough to find it, also when it is a whole document.
    pub(super) fn first_line(&self, range: &Range<usize>) -> SourceSpan {
        let start = self.text.floor_char_boundary(range.start);
        let end = range.end.min(self.line(self.line_at(start)).end).min(start + LONG).max(start);
        SourceSpan::new(start.into(), self.text.floor_char_boundary(end) - start)
    }

    /// Whether a place can be shown beside others: not on a line so long that it is cut around one place.
    pub(super) fn is_short(&self, range: &Range<usize>) -> bool {
        self.line(self.line_at(range.start)).len() <= LONG
    }

    fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The bytes of a line without its end.
    fn line(&self, index: usize) -> Range<usize> {
        let start = self.starts.get(index).copied().unwrap_or(self.text.len());
        let end = self.starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        start..end
    }
}

impl SourceCode for Snippets<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let (mut first, mut last) = (self.line_at(start), self.line_at(end));
        let mut data = if before + after == 0 {
            start..end
        } else {
            self.line(first).start..self.line(last).end
        };
        let neighbours = (first.saturating_sub(before)..first).chain(last + 1..=last + after);
        if before + after > 0
            && data.len() <= LONG
            && neighbours.clone().all(|line| self.line(line).len() <= LONG)
        {
            first = first.saturating_sub(before);
            last = (last + after).min(self.starts.len() - 1);
            data = self.line(first).start..self.line(last).end;
        } else if data.len() > LONG {
            let far = (end + AROUND).min(start + 8 * LONG);
            let around = start.saturating_sub(AROUND).max(data.start)..far.min(data.end);
            data = self.text.ceil_char_boundary(around.start)
                ..self.text.floor_char_boundary(around.end);
        }
        let column = self.text[self.line(first).start..data.start].chars().count();
        let cut = SourceSpan::new(data.start.into(), data.len());
        let bytes = self.text[data].as_bytes();
        let contents = MietteSpanContents::new_named(
            self.name.to_owned(),
            bytes,
            cut,
            first,
            column,
            last - first + 1,
        );
        Ok(Box::new(contents))
    }
}

/// The text without what steers a terminal: control characters and changes of the writing direction. Every character
/// is replaced by one of the same length.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let harmless = |c: char| match (steers(c), c.len_utf8()) {
        (false, _) => c,
        (true, 1) => '?',
        (true, 2) => '\u{b7}',
        (true, _) => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(harmless).collect())
}

fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
}
