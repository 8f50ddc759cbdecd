//! String literals in Python. Text from a schema is written only through them, which escape it.

use super::writer::{Code, Writer};
use std::fmt::Write as _;

/// A string literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Str<'a>(pub(super) &'a str);

impl Code for Str<'_> {
    fn code(&self, w: &mut Writer) {
        let mut text = String::with_capacity(self.0.len() + 2);
        text.push('"');
        for c in self.0.chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                // Also line separators and bidirectional marks, which readers do not see.
                c if !c.is_ascii() || c.is_control() => {
                    // Writing to a string cannot fail.
                    let _ = match u32::from(c) {
                        code @ 0..=0xff => write!(text, "\\x{code:02x}"),
                        code @ 0x100..=0xffff => write!(text, "\\u{code:04x}"),
                        code => write!(text, "\\U{code:08x}"),
                    };
                }
                c => text.push(c),
            }
        }
        text.push('"');
        w.push(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        let mut w = Writer::file("");
        let before = w.finish().len();
        w = Writer::file("");
        Str("a\"\\\n\r\u{7f}\u{e9}\u{2028}\u{1f600}{}").code(&mut w);
        let text = w.finish();
        assert_eq!(&text[before..], r#""a\"\\\n\x0d\x7f\xe9\u2028\U0001f600{}""#);
    }
}
