//! Applies the fixes of diagnostics.

use super::{Read, locate};
use crate::diag::Applicability;
use crate::front::location::LocatedFix;
use std::ops::Range;

/// The number of times that a text is read again. One round applies all fixes that do not touch.
const MAX_ROUNDS: usize = 16;

/// A text after its fixes.
#[derive(Debug)]
pub struct Fixed {
    /// The text.
    pub text: String,
    /// The number of fixes.
    pub applied: usize,
    /// The result of reading the text.
    pub read: Read,
}

/// Applies the fixes that need no decision, and reads the text again until none is left.
///
/// Fixes that overlap are applied one after the other, each to a text that was read again. Fixes
/// after which there are more errors than before are not applied.
///
/// ```
/// use ablo_schema::front::json;
/// let fixed = json::fix("{'v': 3, \"model\": {}, \"identityRoles\": [],}", json::read_authored);
/// assert_eq!(fixed.text, r#"{"v": 3, "models": {}, "identityRoles": []}"#);
/// assert!(fixed.read.schema.is_some());
/// ```
#[must_use]
pub fn fix(text: &str, read: fn(&str) -> Read) -> Fixed {
    let mut fixed = Fixed { text: text.to_owned(), applied: 0, read: read(text) };
    for _ in 0..MAX_ROUNDS {
        let located = locate(&fixed.text, &fixed.read.diagnostics);
        let fixes = chosen(located.into_iter().filter_map(|one| one.fix));
        let text = edited(&fixed.text, &fixes);
        if fixes.is_empty() || text == fixed.text {
            break;
        }
        let again = read(&text);
        if again.diagnostics.error_count() > fixed.read.diagnostics.error_count() {
            break;
        }
        fixed = Fixed { text, applied: fixed.applied + fixes.len(), read: again };
    }
    fixed
}

/// Returns the fixes that need no decision, without those that overlap an earlier one.
fn chosen(fixes: impl Iterator<Item = LocatedFix>) -> Vec<LocatedFix> {
    let mut chosen: Vec<LocatedFix> = Vec::new();
    for fix in fixes.filter(|fix| fix.applicability == Applicability::MachineApplicable) {
        let mut taken = chosen.iter().flat_map(|other| &other.edits);
        let is_free = taken.all(|(other, _)| {
            fix.edits.iter().all(|(location, _)| !touch(&location.range, &other.range))
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

/// Returns a text after edits that do not overlap.
fn edited(text: &str, fixes: &[LocatedFix]) -> String {
    let edits = fixes.iter().flat_map(|fix| &fix.edits);
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
