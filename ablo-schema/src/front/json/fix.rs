//! Applies the fixes of diagnostics.

use super::{Read, locate};
use crate::front::edits::{MAX_ROUNDS, chosen, edited};

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
        let text = edited(&fixed.text, 0, &fixes);
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
