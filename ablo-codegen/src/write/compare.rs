//! Compares a generated text with a file that git or a formatter may have rewritten.

use super::{ChangeKind, WriteError, is_absent};
use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// Returns the effect of writing a text to a path. `ours` says that ablo wrote the file there.
pub(super) fn compare(
    path: &Path,
    text: &str,
    ours: bool,
    buffer: &mut [u8],
) -> Result<ChangeKind, WriteError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(ChangeKind::Created),
        Err(source) => return Err(WriteError::io("inspect", path)(source)),
    };
    if !found.is_file() {
        return Err(WriteError::NotAFile(path.to_owned()));
    }
    let length = text.len() as u64;
    if found.len() == length
        && has_text(path, text, buffer).map_err(WriteError::io("read", path))?
    {
        return Ok(ChangeKind::Unchanged);
    }
    // A formatter changes the length of a text by much less.
    let kind = if found.len() / 4 > length {
        ChangeKind::Updated
    } else {
        match fs::read(path).map(String::from_utf8).map_err(WriteError::io("read", path))? {
            Ok(other) => difference(text, &other),
            Err(_) => ChangeKind::Updated,
        }
    };
    match kind {
        ChangeKind::Unchanged => Ok(kind),
        _ if ours => Ok(kind),
        _ => Err(WriteError::NotOurs(path.to_owned())),
    }
}

/// Returns whether a file has exactly this text, without reading the whole file into memory.
fn has_text(path: &Path, text: &str, buffer: &mut [u8]) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    let mut rest = text.as_bytes();
    loop {
        let read = file.read(buffer)?;
        match rest.strip_prefix(&buffer[..read]) {
            Some(tail) if read > 0 => rest = tail,
            _ => return Ok(read == 0 && rest.is_empty()),
        }
    }
}

fn difference(text: &str, other: &str) -> ChangeKind {
    if other.contains('\r') && other.replace("\r\n", "\n") == text {
        ChangeKind::Unchanged
    } else if essence(text) == essence(other) {
        ChangeKind::Formatted
    } else {
        ChangeKind::Updated
    }
}

/// Returns a text without what rustfmt and Prettier may add, remove or replace: white space,
/// quotes, separators at the end of a list or statement, parentheses, and the `|` before the first
/// member of a union.
fn essence(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' | '\'' | '`' | ';' | '(' => {}
            '\\' if matches!(letters.peek(), Some((_, '"' | '\''))) => {}
            '|' if begins_union(text[..at].trim_end()) => {}
            '}' | ']' | '>' | ')' => {
                if text[..at].trim_end().ends_with(',') {
                    kept.pop();
                }
                kept.extend((letter != ')').then_some(letter));
            }
            _ if letter.is_whitespace() => {}
            _ => kept.push(letter),
        }
    }
    kept
}

/// Returns whether a `|` after this text stands before the first member of a union.
fn begins_union(before: &str) -> bool {
    before.ends_with(['=', ':', '<', ',', '(', '[']) || before.ends_with("=>") || {
        let word = before.strip_suffix("as").unwrap_or_default();
        word.ends_with(char::is_whitespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_is_told_from_other_changes() {
        let text = "export interface A {\n  \"b\": \"c\" | \"d\";\n  e: [\n    1,\n  ];\n}\n";
        let same = [
            "export interface A {\r\n  'b':\r\n    | 'c'\r\n    | 'd'\r\n  e: [1]\r\n}\r\n",
            "export interface A { b: \"c\" | \"d\"; e: [1] }",
        ];
        for other in same {
            assert_eq!(difference(text, other), ChangeKind::Formatted, "{other}");
        }
        assert_eq!(difference(text, &text.replace('\n', "\r\n")), ChangeKind::Unchanged);
        for (from, to) in [("\"d\"", "\"f\""), ("  e", "  e?"), ("1,", "1, 2"), (" | ", " & ")] {
            let other = text.replace(from, to);
            assert_eq!(difference(text, &other), ChangeKind::Updated, "{other}");
        }
    }
}
