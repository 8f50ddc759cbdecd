//! Source snippets for terminals.
//!
//! A document may be a single line of megabytes or contain control characters. Long lines are cut
//! around the location, and control characters are replaced by the same number of bytes, so that
//! offsets stay valid.

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::borrow::Cow;
use std::ops::Range;

/// The context of a long line on either side of a location, in bytes.
const CONTEXT_BYTES: usize = 60;

/// The maximum length of a line that is shown whole, and of a labelled range, in bytes.
const MAX_LINE_BYTES: usize = 160;

/// A text to cut snippets from.
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
        Self { name, text: sanitize(text), starts }
    }

    /// Returns the part of a range on its first line.
    pub(super) fn first_line(&self, range: &Range<usize>) -> SourceSpan {
        let start = self.text.floor_char_boundary(range.start);
        let end = range
            .end
            .min(self.line(self.line_at(start)).end)
            .min(start + MAX_LINE_BYTES)
            .max(start);
        SourceSpan::new(start.into(), self.text.floor_char_boundary(end) - start)
    }

    /// Reports whether the line of a range is shown whole, so that it can have several labels.
    pub(super) fn is_short(&self, range: &Range<usize>) -> bool {
        self.line(self.line_at(range.start)).len() <= MAX_LINE_BYTES
    }

    fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Returns the byte range of a line without its newline.
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
            && data.len() <= MAX_LINE_BYTES
            && neighbours.clone().all(|line| self.line(line).len() <= MAX_LINE_BYTES)
        {
            first = first.saturating_sub(before);
            last = (last + after).min(self.starts.len() - 1);
            data = self.line(first).start..self.line(last).end;
        } else if data.len() > MAX_LINE_BYTES {
            let far = (end + CONTEXT_BYTES).min(start + 8 * MAX_LINE_BYTES);
            let around = start.saturating_sub(CONTEXT_BYTES).max(data.start)..far.min(data.end);
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

/// Replaces control characters and bidirectional overrides by characters of the same length.
pub(super) fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let replace = |c: char| match (is_control(c), c.len_utf8()) {
        (false, _) => c,
        (true, 1) => '?',
        (true, 2) => '\u{b7}',
        (true, _) => char::REPLACEMENT_CHARACTER,
    };
    Cow::Owned(text.chars().map(replace).collect())
}

fn is_control(c: char) -> bool {
    let is_bidi =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_bidi || (c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
}
