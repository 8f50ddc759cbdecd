//! Repairs text that is nearly JSON, so that one run reports every fault and those behind them.
//!
//! `tokens` splits the text, `brackets` finds brackets that are missing or too much, and `grammar`
//! repairs commas, colons and words. Each fault has the changes that remove it.

mod brackets;
mod grammar;
mod tokens;

pub(super) use tokens::{Bracket, Kind, Token, tokens};

use std::ops::Range;

/// The size of a text that is repaired; its tokens take several times as much memory.
const MAX_BYTES: usize = 4 << 20;
/// The number of open brackets of a text that is worth a repair.
const MAX_DEPTH: usize = 128;

/// A repaired text and its faults.
pub(super) struct Repaired {
    pub(super) text: String,
    pub(super) faults: Vec<Fault>,
    /// Whether the text ends in the middle, so that its members may be missing.
    pub(super) is_cut: bool,
    /// The parts of the repaired text: where each begins, and where in the original.
    parts: Vec<Part>,
}

struct Part {
    start: usize,
    original: Range<usize>,
    /// Whether the part is the original.
    is_kept: bool,
}

/// A place that is not JSON.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) range: Range<usize>,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
    pub(super) changes: Vec<Change>,
}

/// A change of the original text.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl Fault {
    fn new(range: Range<usize>, message: &'static str, help: &'static str) -> Self {
        Self { range, message, help, changes: Vec::new() }
    }
}

/// Repairs a text. Returns `None` if it is no object or list, or if there is nothing to repair.
pub(super) fn repair(text: &str) -> Option<Repaired> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let (mut tokens, mut faults) = tokens(text);
    // A mark may stand before the document.
    let first = tokens.iter().find(|token| !matches!(token.kind, Kind::Comma | Kind::Colon))?;
    if !matches!(first.kind, Kind::Open(_)) {
        return None;
    }
    // The rest of a text that was cut off is not a matter of one bracket.
    let is_cut = tokens.last().is_some_and(|last| !matches!(last.kind, Kind::Close(_)));
    if !is_cut {
        brackets::balance(text, &mut tokens, &mut faults);
    }
    let mut grammar = grammar::Grammar::new(text);
    grammar.faults = Some(faults);
    for (at, token) in tokens.iter().enumerate() {
        grammar.read(token, &tokens[at + 1..]);
        if grammar.depth() > MAX_DEPTH {
            return None;
        }
    }
    let is_cut = is_cut && grammar.depth() > 0;
    grammar.finish();
    let mut faults = grammar.faults.unwrap_or_default();
    faults.sort_by_key(|fault| fault.range.start);
    (!faults.is_empty()).then(|| Repaired { is_cut, ..Repaired::new(text, faults) })
}

impl Repaired {
    fn new(text: &str, faults: Vec<Fault>) -> Self {
        let mut changes: Vec<&Change> = faults.iter().flat_map(|fault| &fault.changes).collect();
        changes.sort_by_key(|change| (change.range.start, change.range.end));
        let mut repaired = String::with_capacity(text.len() + changes.len());
        let (mut parts, mut at) = (Vec::new(), 0);
        for change in changes.into_iter().filter(|change| change.range.end <= text.len()) {
            if change.range.start < at {
                continue;
            }
            let kept = at..change.range.start;
            parts.push(Part { start: repaired.len(), original: kept.clone(), is_kept: true });
            repaired.push_str(&text[kept]);
            let original = change.range.clone();
            parts.push(Part { start: repaired.len(), original, is_kept: false });
            repaired.push_str(&change.text);
            at = change.range.end;
        }
        let kept = at..text.len();
        parts.push(Part { start: repaired.len(), original: kept.clone(), is_kept: true });
        repaired.push_str(&text[kept]);
        Self { text: repaired, faults, is_cut: false, parts }
    }

    /// Returns the first fault that begins at an offset into the original text.
    pub(super) fn fault_at(&self, offset: usize) -> Option<&Fault> {
        let at = self.faults.partition_point(|fault| fault.range.start < offset);
        self.faults.get(at).filter(|fault| fault.range.start == offset)
    }

    /// Returns the place in the original text of an offset into the repaired text.
    pub(super) fn original(&self, offset: usize) -> usize {
        self.find(offset, |part| part.start <= offset, |part| part.original.start)
    }

    /// Returns the range in the original text of a range of the repaired text.
    pub(super) fn original_range(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.original(range.start);
        let before = |part: &Part| part.start < range.end;
        let end = self.find(range.end, before, |part| part.original.end);
        start..end.max(start)
    }

    /// Finds the last part that `is_before` holds for. An offset into a changed part is at `edge`.
    fn find(
        &self,
        offset: usize,
        is_before: impl Fn(&Part) -> bool,
        edge: impl Fn(&Part) -> usize,
    ) -> usize {
        let at = self.parts.partition_point(is_before).saturating_sub(1);
        self.parts.get(at).map_or(offset, |part| {
            if part.is_kept {
                (part.original.start + offset - part.start).min(part.original.end)
            } else {
                edge(part)
            }
        })
    }
}
