//! Parses usual documents without serde_json, which takes less than half of the time: texts without
//! escapes, whole numbers, and objects without repeated names. All other text, in particular with a
//! fault, is left to serde_json.

use super::node::{MAX_DEPTH, Member, Node, NodeKind, are_distinct};
use crate::value::special_bytes;
use std::borrow::Cow;

/// Parses a document. Returns `None` if it is not a usual one.
pub(super) fn parse(text: &str) -> Option<Node<'_>> {
    let mut reader = Reader { text, at: 0, next: 0, open: Vec::new() };
    reader.space();
    let root = reader.value(0)?;
    reader.space();
    (reader.at == text.len()).then_some(root)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// The number of the next value.
    next: u32,
    /// The members of the objects that are not closed yet, so that each list has its final size.
    open: Vec<Member<'t>>,
}

impl<'t> Reader<'t> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Reads this byte and the white space behind it. Returns whether it was there.
    fn mark(&mut self, byte: u8) -> bool {
        let found = self.byte() == Some(byte);
        if found {
            self.at += 1;
            self.space();
        }
        found
    }

    fn value(&mut self, depth: u32) -> Option<Node<'t>> {
        let id = self.next;
        self.next += 1;
        if depth > MAX_DEPTH {
            return None;
        }
        let kind = match self.byte()? {
            b'"' => NodeKind::String(Cow::Borrowed(self.string()?)),
            b'{' => NodeKind::Object(self.members(depth)?),
            b'[' => NodeKind::Array(self.items(depth)?),
            b't' => self.word("true", NodeKind::Bool(true))?,
            b'f' => self.word("false", NodeKind::Bool(false))?,
            b'n' => self.word("null", NodeKind::Null)?,
            b'0'..=b'9' => NodeKind::Number(self.number()?),
            _ => return None,
        };
        Some(Node { id, kind })
    }

    fn members(&mut self, depth: u32) -> Option<Vec<Member<'t>>> {
        self.mark(b'{');
        if self.byte() == Some(b'}') {
            self.at += 1;
            return Some(Vec::new());
        }
        let first = self.open.len();
        loop {
            let name = Cow::Borrowed(self.string()?);
            self.space();
            if !self.mark(b':') {
                return None;
            }
            let value = self.value(depth + 1)?;
            self.open.push(Member { name, value });
            self.space();
            if !self.mark(b',') {
                break;
            }
        }
        let is_closed = self.byte() == Some(b'}');
        self.at += 1;
        let members = self.open.split_off(first);
        (is_closed && are_distinct(&members)).then_some(members)
    }

    fn items(&mut self, depth: u32) -> Option<Vec<Node<'t>>> {
        self.mark(b'[');
        let mut items = Vec::new();
        if self.byte() == Some(b']') {
            self.at += 1;
            return Some(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if !self.mark(b',') {
                break;
            }
        }
        let is_closed = self.byte() == Some(b']');
        self.at += 1;
        is_closed.then_some(items)
    }

    /// Reads a text without escapes.
    fn string(&mut self) -> Option<&'t str> {
        if self.byte() != Some(b'"') {
            return None;
        }
        let start = self.at + 1;
        let end = start + special(self.text.as_bytes().get(start..)?)?;
        let text = self.text.get(start..end)?;
        self.at = end + 1;
        (self.text.as_bytes()[end] == b'"').then_some(text)
    }

    fn word(&mut self, word: &str, kind: NodeKind<'t>) -> Option<NodeKind<'t>> {
        let is_there = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        is_there.then_some(kind)
    }

    /// Reads a whole number that a double represents.
    fn number(&mut self) -> Option<f64> {
        let start = self.at;
        let mut value = 0.0;
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            value = value * 10.0 + f64::from(digit - b'0');
            self.at += 1;
        }
        let digits = self.at - start;
        let is_whole = !matches!(self.byte(), Some(b'.' | b'e' | b'E'));
        let has_zero = digits > 1 && self.text.as_bytes()[start] == b'0';
        (is_whole && !has_zero && digits <= 15).then_some(value)
    }
}

/// Returns the position of the first quote, backslash or control character.
fn special(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk() {
        let found = special_bytes(u64::from_le_bytes(*word));
        if found != 0 {
            // The lowest bit that is set belongs to the first such byte.
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let is_special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    Some(at + bytes[at..].iter().position(is_special)?)
}

#[cfg(test)]
mod tests {
    use super::super::node::{self, Parsed};
    use super::*;

    fn expected(text: &str) -> Option<String> {
        match node::parse(text) {
            Parsed::Document(root) => Some(format!("{root:?}")),
            Parsed::Broken { .. } => None,
        }
    }

    #[test]
    fn usual_documents_are_read_as_by_serde_json() {
        for text in [
            " {\"a\" : [1, 20,\t0 ], \"été, 日本\":{\"b\":true,\"c\":false}\r\n,\"d\":null,\"\":[]} ",
            "{}",
            "[ ]",
            "[{ },[[]],\"long enough for words\",\"1234567\",\"12345678\"]",
            "999999999999999",
            "\"text\"",
        ] {
            let read = parse(text).map(|root| format!("{root:?}"));
            assert_eq!(read, expected(text), "{text}");
            assert!(read.is_some(), "{text}");
            // No part of a document is a document.
            for (at, _) in text.trim().char_indices().skip(1) {
                let part = &text.trim()[..at];
                let read = parse(part).map(|root| format!("{root:?}"));
                assert!(read.is_none() || read == expected(part), "{part}");
            }
        }
    }

    #[test]
    fn other_texts_are_left_to_serde_json() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        for text in [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":1,}",
            "[1,]",
            "[1 2]",
            "01",
            "-1",
            "1.5",
            "1e2",
            "tru",
            "truex",
            "{} {}",
            "\"\\n\"",
            "\"a\nb\"",
            "\"a",
            "{a:1}",
            "1234567890123456",
            "{\"a\":1,\"b\":2,\"a\":3}",
            &deep,
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
