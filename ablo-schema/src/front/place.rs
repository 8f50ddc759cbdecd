//! Places in a text, as people and tools read them.

use crate::diag::Diagnostic;
use std::ops::Range;

/// A place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the texts that were read, from 0.
    pub file: usize,
    /// Bytes of the text.
    pub range: Range<usize>,
    /// Line of its start, from 1.
    pub line: usize,
    /// Column of its start, from 1, counted in characters.
    pub column: usize,
    /// JSON pointer of the value (of the member, where a name is meant), empty for the whole document and for other sources.
    pub pointer: String,
}

/// A diagnostic and where its places are.
#[derive(Clone, Debug)]
pub struct Located<'d> {
    /// What is said.
    pub diagnostic: &'d Diagnostic,
    /// Where.
    pub place: Place,
    /// Further places and what they have to do with it.
    pub also: Vec<(Place, &'d str)>,
}

#[cfg(feature = "front-rust")]
impl Place {
    /// The place of a range of a text that has no pointers.
    pub(crate) fn of(file: usize, lines: &Lines<'_>, range: Range<usize>) -> Self {
        let (line, column) = lines.position(range.start);
        Self { file, range, line, column, pointer: String::new() }
    }
}

/// Lines and columns of a text, found without counting from its start each time.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// Characters before every [`STRIDE`]th byte.
    marks: Vec<usize>,
}

const STRIDE: usize = 4096;

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let marks = text
            .as_bytes()
            .chunks(STRIDE)
            .scan(0, |before, chunk| Some(std::mem::replace(before, *before + characters(chunk))))
            .collect();
        Self { text, starts, marks }
    }

    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, self.characters_before(offset) - self.characters_before(start) + 1)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let mark = (offset / STRIDE).min(self.marks.len().saturating_sub(1));
        self.marks.get(mark).copied().unwrap_or(0)
            + characters(&self.text.as_bytes()[mark * STRIDE..offset])
    }
}

/// Characters that begin in a piece of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}
