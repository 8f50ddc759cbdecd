//! Locations in a text: lines and columns.

use crate::diag::{Applicability, Diagnostic};
use std::ops::Range;

/// A span of a text with its line and column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The index of the text among those that were read.
    pub file: usize,
    /// The byte range.
    pub range: Range<usize>,
    /// The line of the start, from 1.
    pub line: usize,
    /// The column of the start in characters, from 1.
    pub column: usize,
    /// The line of the end, from 1.
    pub end_line: usize,
    /// The column behind the last character, from 1.
    pub end_column: usize,
    /// The JSON pointer of the value or member; empty for the whole document and for other sources.
    pub pointer: String,
}

/// A diagnostic with its spans resolved.
#[derive(Clone, Debug)]
pub struct Located<'d> {
    /// The diagnostic.
    pub diagnostic: &'d Diagnostic,
    /// The primary location.
    pub location: Location,
    /// Secondary locations with their labels.
    pub also: Vec<(Location, &'d str)>,
    /// The fix.
    pub fix: Option<LocatedFix>,
}

/// A fix with its places resolved.
#[derive(Clone, Debug)]
pub struct LocatedFix {
    /// Whether it can be applied without asking the author.
    pub applicability: Applicability,
    /// The replaced parts, each with its new text. They do not overlap.
    pub edits: Vec<(Location, String)>,
}

impl Location {
    /// Creates the location of a byte range in a text without JSON pointers.
    pub(crate) fn new(file: usize, lines: &Lines<'_>, range: Range<usize>) -> Self {
        let (line, column) = lines.position(range.start);
        let (end_line, end_column) = lines.position(range.end);
        Self { file, range, line, column, end_line, end_column, pointer: String::new() }
    }
}

/// Finds lines and columns without counting from the start of the text each time.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// The number of characters before every [`STRIDE`]th byte.
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

/// Counts the characters that start in a slice of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}
