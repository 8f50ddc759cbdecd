//! Chooses and applies the fixes of diagnostics.

use super::location::LocatedFix;
use crate::diag::Applicability;
use std::ops::Range;

/// The number of times that a source is read again. One round applies all fixes that do not touch.
pub(crate) const MAX_ROUNDS: usize = 16;

/// Returns the fixes that need no decision, without those that overlap an earlier one.
pub(crate) fn chosen(fixes: impl Iterator<Item = LocatedFix>) -> Vec<LocatedFix> {
    let mut chosen: Vec<LocatedFix> = Vec::new();
    for fix in fixes.filter(|fix| fix.applicability == Applicability::MachineApplicable) {
        let mut taken = chosen.iter().flat_map(|other| &other.edits);
        let is_free = taken.all(|(other, _)| {
            fix.edits.iter().all(|(location, _)| {
                location.file != other.file || !touch(&location.range, &other.range)
            })
        });
        if is_free {
            chosen.push(fix);
        }
    }
    chosen
}

/// Whether two edits depend on each other: they overlap, or one adds text at an end of the other.
fn touch(one: &Range<usize>, other: &Range<usize>) -> bool {
    if one.is_empty() == other.is_empty() {
        one.start < other.end && other.start < one.end
    } else {
        one.start <= other.end && other.start <= one.end
    }
}

/// Returns the text of a file after the edits of fixes, which do not overlap.
pub(crate) fn edited(text: &str, file: usize, fixes: &[LocatedFix]) -> String {
    let edits = fixes.iter().flat_map(|fix| &fix.edits);
    let edits = edits.filter(|(location, _)| location.file == file);
    let mut edits: Vec<(&Range<usize>, &str)> =
        edits.map(|(location, text)| (&location.range, text.as_str())).collect();
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (range, replacement) in edits {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(replacement);
        at = at.max(range.end);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}
